// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceNeighborList.h"

#include <algorithm>
#include <cmath>

#include "KernelPrograms.h"
#include "lps/Box.h"
#include "lps/Units.h"
#include "openmm/OpenMMException.h"
#include "openmmlps/internal/TranslateErrors.h"

namespace LPSPlugin {

using OpenMM::mm_int4;
using std::to_string;
using std::vector;

namespace {

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
    device.store(gridCounts, vector<int>(10, 0), "lpsGridCounts");
    device.storeNumbers(gridVectors, vector<double>(21, 0.0), 1, device.isMixedDouble(), "lpsGridVectors");
    sectionStarts.assign(numTypes + 1, 0);
}

void DeviceNeighborList::compile() {
    const KernelProgram source = makeNeighborListProgram(device.settings, numTypes, numClasses, classesPerType,
                                                         periodic, usesCorrection(cc), oneGroup);
    const DeviceProgram program = device.compile(source);
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
    const bool first = numSorted == 0;
    classesPerType = particles.classesPerType;
    numClasses = particles.numClasses;
    numSorted = particles.numSorted;
    numRows = std::max<int>(1, static_cast<int>(particles.blocks.size())) * device.settings.blockRows;
    rankBits = 1;
    while ((1LL << rankBits) < numSorted)
        rankBits++;
    vector<int> typeCounts(numTypes, 0);
    for (int type : particles.types)
        if (type >= 0)
            typeCounts[type]++;
    vector<mm_int4> blockData = particles.blocks;
    if (blockData.empty())
        blockData.push_back(mm_int4(0, 0, 0, 0));
    blockTypes.clear();
    for (const mm_int4& block : blockData)
        blockTypes.push_back(block.x);
    device.store(classes, particles.classes, "lpsClasses");
    device.store(firstClasses, particles.firstClasses, "lpsFirstClasses");
    device.store(blocks, blockData, "lpsBlocks");
    if (first) {
        maximumCells = std::max(64, numSorted / 2);
        const int bins = maximumCells * numClasses;
        scanGroups = std::max(1, std::min(cc.getNumThreadBlocks(), bins / (4 * device.settings.sortThreads)));
        device.store(counts, vector<int>(bins, 0), "lpsCounts");
        device.reserve(starts, bins + 1, sizeof(int), "lpsStarts");
        device.reserve(partial, scanGroups, sizeof(int), "lpsPartial");
        device.reserve(unsorted, numSorted, sizeof(int), "lpsUnsorted");
        device.reserve(sorted, numSorted, sizeof(mm_int4), "lpsSorted");
        device.reserve(positions, numSorted, 4 * device.getMixedSize(), "lpsPositions");
        compile();
    }

    // A first guess of the neighbors of each type, from the density where there is one. What is missing is added when
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
    device.store(gridCounts,
                 vector<int>{number[0], number[1], number[2], reach[0], reach[1], reach[2], images[0], images[1],
                             images[2], number[0] * number[1] * number[2]},
                 "lpsGridCounts");
    storeShifts(now, images);
    vector<double> vectorData(21, 0.0);
    for (int k = 0; k < 3; k++) {
        lps::Vector3 unit = {0.0, 0.0, 0.0};
        unit[k] = 1.0;
        const lps::Vector3 fractional = cell.toFractional(unit);
        for (int l = 0; l < 3; l++) {
            vectorData[3 * k + l] = now[k][l];
            vectorData[9 + 3 * k + l] = fractional[l];
        }
    }
    device.storeNumbers(gridVectors, vectorData, 1, device.isMixedDouble(), "lpsGridVectors");
    for (int k = 0; k < 3; k++)
        box[k] = now[k];
    mustRebuild = true;
}

void DeviceNeighborList::storeShifts(const OpenMM::Vec3* vectors, const int* images) {
    const long long numShifts = (2LL * images[0] + 1) * (2LL * images[1] + 1) * (2LL * images[2] + 1);
    if ((numShifts << rankBits) > (1LL << 32))
        throw OpenMM::OpenMMException("LPSForce: the neighbor list needs " + to_string(numShifts) + " images of " +
                                      to_string(numSorted) +
                                      " particles, more than it can number; use a larger box or fewer particles.");
    vector<double> data;
    for (int c = -images[2]; c <= images[2]; c++)
        for (int b = -images[1]; b <= images[1]; b++)
            for (int a = -images[0]; a <= images[0]; a++) {
                const OpenMM::Vec3 shift = vectors[0] * a + vectors[1] * b + vectors[2] * c;
                data.insert(data.end(), {shift[0], shift[1], shift[2], 0.0});
            }
    device.storeNumbers(shifts, data, 4, device.isMixedDouble(), "lpsShifts");
}

void DeviceNeighborList::update(Counters& counters) {
    if (periodic)
        placePeriodicGrid();
    evaluation = nextEvaluation(evaluation);
    sortParticles(counters);
    mustRebuild = false;
}

void DeviceNeighborList::build(OpenMM::ComputeArray& sections, Counters& counters) {
    buildKernel.launch(numTypes * numRows, device.settings.flatThreads, evaluation, getSquaredCutoff(), numRows,
                       rankBits, blocks, sections, positions, sorted, cells, starts, gridCounts, shifts, firstClasses,
                       sectionStart, neighbors, numNeighbors, counters.fields);
}

void DeviceNeighborList::sortParticles(Counters& counters) {
    const int flat = device.settings.flatThreads;
    const int sort = device.settings.sortThreads;
    OpenMM::ArrayInterface& posq = cc.getPosq();
    OpenMM::ArrayInterface& index = cc.getAtomIndexArray();
    OpenMM::ArrayInterface& correction = usesCorrection(cc) ? cc.getPosqCorrection() : posq;
    OpenMM::ArrayInterface& fields = counters.fields;
    const int rebuild = mustRebuild ? 1 : 0;
    const Real limit2{0.25 * skin * skin};
    const Mixed listCutoff{getListCutoff()};
    if (oneGroup) {
        sortKernel.launch(sort, sort, evaluation, rebuild, numParticles, limit2, posq, correction, reference, index,
                          classes, counters.getSize(), fields, counters.sums, listCutoff, maximumCells, gridCounts,
                          gridVectors, cells, counts, starts, unsorted, numSorted, sorted, positions);
        return;
    }
    checkKernel.launch(numParticles, flat, evaluation, rebuild, numParticles, limit2, posq, reference, index, classes,
                       counters.getSize(), fields, counters.sums);
    if (!periodic)
        placeKernel.launch(sort, sort, evaluation, fields, numParticles, posq, correction, index, classes, listCutoff,
                           maximumCells, gridCounts, gridVectors);
    countKernel.launch(numParticles, flat, evaluation, fields, numParticles, posq, correction, index, classes,
                       gridCounts, gridVectors, reference, cells, counts);
    sumKernel.launch(scanGroups * sort, sort, evaluation, fields, gridCounts, counts, partial);
    scanKernel.launch(scanGroups * sort, sort, evaluation, fields, gridCounts, counts, partial, starts);
    scatterKernel.launch(numParticles, flat, evaluation, fields, numParticles, cells, starts, counts, unsorted);
    orderKernel.launch(numSorted, flat, evaluation, fields, numSorted, index, gridCounts, cells, starts, unsorted,
                       counts, sorted);
    gatherKernel.launch(numSorted, flat, numSorted, posq, correction, index, sorted, gridVectors, positions, fields);
}

bool DeviceNeighborList::grow(const Counters& counters) {
    bool grown = false;
    for (int type = 0; type < numTypes; type++) {
        const int present = sectionStarts[type + 1] - sectionStarts[type];
        const int needed = counters.get(Counter::Neighbors, type);
        if (needed <= present)
            continue;
        const int change = 4 * (static_cast<int>(1.1 * needed) / 4 + 2) - present;
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
