// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceNeighborList.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "KernelPrograms.h"
#include "lps/Box.h"
#include "lps/Units.h"
#include "neighbors/ImageSearch.h"
#include "openmm/OpenMMException.h"
#include "openmmlps/internal/TranslateErrors.h"

namespace LPSPlugin {

using OpenMM::mm_int4;
using std::to_string;
using std::vector;

namespace {

constexpr int sumsCleared = 64;
constexpr double largestGuess = 4096;  // neighbors of one type

/** The correction of positions in mixed precision exists on the first device only. */
bool usesCorrection(OpenMM::ComputeContext& cc) {
    return cc.getUseMixedPrecision() && cc.getNumContexts() == 1;
}

}  // namespace

DeviceNeighborList::DeviceNeighborList(Device& owner, double cutoffDistance, bool isPeriodic, int types)
    : device(owner),
      cc(owner.cc),
      cutoff(cutoffDistance),
      periodic(isPeriodic),
      numTypes(types),
      numParticles(owner.cc.getNumAtoms()),
      oneGroup(numParticles <= owner.settings.sortedInOneGroup) {
    const int vectorSize = 4 * device.getMixedSize();
    device.reserve(reference, numParticles, 4 * device.getRealSize(), "lpsReference");
    device.reserve(cells, numParticles, sizeof(mm_int4), "lpsCells");
    device.reserve(shifts, 1, vectorSize, "lpsShifts");
    device.storeNumbers(shifts, vector<double>(4, 0.0), 4, device.isMixedDouble(), "lpsShifts");
    device.store(rebuild, vector<int>(1, 0), "lpsRebuild");
    device.store(status, vector<int>(numTypes + 6, 0), "lpsStatus");
    device.store(gridCounts, vector<int>(10, 0), "lpsGridCounts");
    device.storeNumbers(gridVectors, vector<double>(21, 0.0), 1, device.isMixedDouble(), "lpsGridVectors");
    sectionStarts.assign(numTypes + 1, 0);
}

void DeviceNeighborList::compile() {
    const KernelProgram source =
        makeNeighborListProgram(device.settings, numTypes, classesPerType, periodic, usesCorrection(cc), oneGroup);
    OpenMM::ComputeProgram program = device.compile(source);
    if (oneGroup) {
        sortKernel = DeviceKernel(device, program, "sortParticles");
    } else {
        checkKernel = DeviceKernel(device, program, "checkDisplacements");
        if (!periodic)
            placeKernel = DeviceKernel(device, program, "placeGrid");
        countKernel = DeviceKernel(device, program, "countAtoms");
        sumKernel = DeviceKernel(device, program, "sumBins");
        scanKernel = DeviceKernel(device, program, "scanBins");
        scatterKernel = DeviceKernel(device, program, "scatterAtoms");
        orderKernel = DeviceKernel(device, program, "orderAtoms");
        gatherKernel = DeviceKernel(device, program, "gatherPositions");
    }
    buildKernel = DeviceKernel(device, program, "buildNeighborList");
}

void DeviceNeighborList::setParticles(const ParticleSet& particles) {
    const bool first = numSlots == 0;
    classesPerType = particles.classesPerType;
    numSlots = particles.numSlots;
    numRows = std::max<int>(1, static_cast<int>(particles.blocks.size())) * device.settings.blockRows;
    slotBits = 1;
    while ((1LL << slotBits) < numSlots)
        slotBits++;
    vector<int> typeCounts(numTypes, 0);
    for (int type : particles.types)
        if (type >= 0)
            typeCounts[type]++;
    vector<mm_int4> blockData = particles.blocks;
    if (blockData.empty())
        blockData.push_back(mm_int4(0, 0, 0, 0));
    device.store(classes, particles.classes, "lpsClasses");
    device.store(blocks, blockData, "lpsBlocks");
    if (first) {
        maximumCells = std::max(64, numSlots / 2);
        const int bins = maximumCells * numTypes * classesPerType;
        scanGroups = std::max(1, std::min(cc.getNumThreadBlocks(), bins / (4 * device.settings.sortThreads)));
        device.store(counts, vector<int>(bins, 0), "lpsCounts");
        device.reserve(starts, bins + 1, sizeof(int), "lpsStarts");
        device.reserve(partial, scanGroups, sizeof(int), "lpsPartial");
        device.reserve(unsorted, numSlots, sizeof(int), "lpsUnsorted");
        device.reserve(sorted, numSlots, sizeof(mm_int4), "lpsSorted");
        device.reserve(positions, numSlots, 4 * device.getMixedSize(), "lpsPositions");
        compile();
    }

    // A first guess of the neighbours of each type, from the density where there is one. What is missing is added when
    // the device reports it.

    double volume = 0.0;
    if (periodic) {
        OpenMM::Vec3 a, b, c;
        cc.getPeriodicBoxVectors(a, b, c);
        volume = a.dot(b.cross(c));
    }
    const double sphere = 4.0 / 3.0 * M_PI * std::pow(getListCutoff(), 3);
    for (int type = 0; type < numTypes; type++) {
        const double expected =
            volume > 0.0 ? std::min(typeCounts[type] * sphere / volume, largestGuess) : std::min(typeCounts[type], 32);
        const int wanted = typeCounts[type] == 0 ? 0 : 4 * (static_cast<int>(1.3 * expected + 12.0) / 4);
        const int present = sectionStarts[type + 1] - sectionStarts[type];
        const int change = std::max(0, wanted - present);
        for (int later = type + 1; later <= numTypes; later++)
            sectionStarts[later] += change;
    }
    storeSectionStarts();
    mustRebuild = true;
}

void DeviceNeighborList::storeSectionStarts() {
    device.store(sectionStart, sectionStarts, "lpsSectionStart");
    device.reserve(neighbors, static_cast<std::size_t>(std::max(1, getNumLines())) * numRows, sizeof(int),
                   "lpsNeighbors");
    device.reserve(numNeighbors, static_cast<std::size_t>(numTypes) * numRows, sizeof(int), "lpsNumNeighbors");
}

void DeviceNeighborList::placePeriodicGrid() {
    OpenMM::Vec3 now[3];
    cc.getPeriodicBoxVectors(now[0], now[1], now[2]);
    if (now[0] == box[0] && now[1] == box[1] && now[2] == box[2])
        return;
    lps::Matrix3 vectors;
    for (int k = 0; k < 3; k++)
        vectors[k] = {now[k][0], now[k][1], now[k][2]};
    const lps::Box cell = translateErrors([&] { return lps::Box(vectors); });
    for (int k = 0; k < 3; k++)
        if (cell.getFaceDistance(k) < lps::minimumFaceDistance * lps::nanometersPerAngstrom)
            throw OpenMM::OpenMMException("LPSForce: two faces of the box are only " +
                                          to_string(cell.getFaceDistance(k) * lps::angstromsPerNanometer) +
                                          " angstrom apart; a cell must be at least " +
                                          to_string(lps::minimumFaceDistance) + " angstrom thick.");
    for (int k = 0; k < 3; k++)
        box[k] = now[k];
    mustRebuild = true;

    // Cells of about half the list cutoff, but not many more than there are particles.

    int number[3], reach[3], images[3];
    double edge = 0.501 * getListCutoff();
    do {
        for (int k = 0; k < 3; k++)
            number[k] = static_cast<int>(std::max(1.0, std::min(1024.0, cell.getFaceDistance(k) / edge)));
        edge *= 1.1;
    } while (static_cast<long long>(number[0]) * number[1] * number[2] > maximumCells);
    for (int k = 0; k < 3; k++) {
        reach[k] = static_cast<int>(std::ceil(getListCutoff() * number[k] / cell.getFaceDistance(k) + 0.002));
        images[k] = (reach[k] + number[k] - 1) / number[k];
    }
    const long long numShifts = (2LL * images[0] + 1) * (2LL * images[1] + 1) * (2LL * images[2] + 1);
    if ((numShifts << slotBits) > (1LL << 32))
        throw OpenMM::OpenMMException("LPSForce: the neighbour list needs " + to_string(numShifts) + " images of " +
                                      to_string(numSlots) +
                                      " particles, more than it can number; use a larger box or fewer particles.");
    vector<double> shiftData;
    for (int c = -images[2]; c <= images[2]; c++)
        for (int b = -images[1]; b <= images[1]; b++)
            for (int a = -images[0]; a <= images[0]; a++) {
                const OpenMM::Vec3 shift = box[0] * a + box[1] * b + box[2] * c;
                shiftData.insert(shiftData.end(), {shift[0], shift[1], shift[2], 0.0});
            }
    device.storeNumbers(shifts, shiftData, 4, device.isMixedDouble(), "lpsShifts");
    vector<double> vectorData(21, 0.0);
    for (int k = 0; k < 3; k++) {
        lps::Vector3 unit = {0.0, 0.0, 0.0};
        unit[k] = 1.0;
        const lps::Vector3 fractional = cell.toFractional(unit);
        for (int l = 0; l < 3; l++) {
            vectorData[3 * k + l] = box[k][l];
            vectorData[9 + 3 * k + l] = fractional[l];
        }
    }
    device.storeNumbers(gridVectors, vectorData, 1, device.isMixedDouble(), "lpsGridVectors");
    device.store(gridCounts,
                 vector<int>{number[0], number[1], number[2], reach[0], reach[1], reach[2], images[0], images[1],
                             images[2], number[0] * number[1] * number[2]},
                 "lpsGridCounts");
}

void DeviceNeighborList::update(OpenMM::ComputeArray& sections, OpenMM::ComputeArray& directCounts, int numTiles,
                                OpenMM::ComputeArray& sums) {
    if (periodic)
        placePeriodicGrid();
    evaluation++;
    sortParticles(directCounts, numTiles, sums);
    buildKernel.launch(numTypes * numRows, device.settings.flatThreads, evaluation, rebuild,
                       Mixed{getListCutoff() * getListCutoff()}, numRows, slotBits, blocks, sections, positions, sorted,
                       cells, starts, gridCounts, shifts, sectionStart, neighbors, numNeighbors, status);
    mustRebuild = false;
}

void DeviceNeighborList::sortParticles(OpenMM::ComputeArray& directCounts, int numTiles, OpenMM::ComputeArray& sums) {
    const int flat = device.settings.flatThreads;
    const int sort = device.settings.sortThreads;
    OpenMM::ArrayInterface& posq = cc.getPosq();
    OpenMM::ArrayInterface& index = cc.getAtomIndexArray();
    OpenMM::ArrayInterface& correction = usesCorrection(cc) ? cc.getPosqCorrection() : cc.getPosq();
    const auto withPositions = [&](DeviceKernel& kernel, int threads, int group, auto before, auto&&... after) {
        std::apply(
            [&](auto&&... leading) {
                if (usesCorrection(cc))
                    kernel.launch(threads, group, leading..., posq, correction, after...);
                else
                    kernel.launch(threads, group, leading..., posq, after...);
            },
            before);
    };
    const int force = mustRebuild ? 1 : 0;
    const Real limit2{0.25 * skin * skin};
    const Mixed listCutoff{getListCutoff()};
    if (oneGroup) {
        withPositions(sortKernel, sort, sort, std::tie(evaluation, force, numParticles, limit2), reference, index,
                      classes, rebuild, status, numTiles, directCounts, sumsCleared, sums, listCutoff, maximumCells,
                      gridCounts, gridVectors, cells, counts, starts, unsorted, numSlots, sorted, positions);
        return;
    }
    checkKernel.launch(numParticles, flat, evaluation, force, numParticles, limit2, posq, reference, index, classes,
                       rebuild, status, numTiles, directCounts, sumsCleared, sums);
    if (!periodic)
        withPositions(placeKernel, sort, sort, std::tie(evaluation, rebuild, numParticles), index, classes, listCutoff,
                      maximumCells, gridCounts, gridVectors);
    withPositions(countKernel, numParticles, flat, std::tie(evaluation, rebuild, numParticles), index, classes,
                  gridCounts, gridVectors, reference, cells, counts, status);
    sumKernel.launch(scanGroups * sort, sort, evaluation, rebuild, gridCounts, counts, partial);
    scanKernel.launch(scanGroups * sort, sort, evaluation, rebuild, gridCounts, counts, partial, starts);
    scatterKernel.launch(numParticles, flat, evaluation, rebuild, numParticles, cells, starts, counts, unsorted);
    orderKernel.launch(numSlots, flat, evaluation, rebuild, numSlots, index, gridCounts, cells, starts, unsorted,
                       counts, sorted);
    withPositions(gatherKernel, numSlots, flat, std::tie(numSlots), index, sorted, gridVectors, positions, status);
}

bool DeviceNeighborList::grow(const int* needed) {
    bool grown = false;
    for (int type = 0; type < numTypes; type++) {
        const int present = sectionStarts[type + 1] - sectionStarts[type];
        if (needed[type] <= present)
            continue;
        const int change = 4 * (static_cast<int>(1.1 * needed[type]) / 4 + 2) - present;
        for (int later = type + 1; later <= numTypes; later++)
            sectionStarts[later] += change;
        grown = true;
    }
    if (grown) {
        storeSectionStarts();
        mustRebuild = true;
    }
    return grown;
}

}  // namespace LPSPlugin
