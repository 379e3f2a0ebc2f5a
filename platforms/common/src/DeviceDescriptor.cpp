// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceDescriptor.h"

#include <algorithm>

namespace LPSPlugin {

namespace {

/** Most pairs of a tile that may be evaluated one by one: 100 channels take 80 MB in single precision. */
constexpr int maximumDirectPairs = 32768;

}  // namespace

DeviceDescriptor::DeviceDescriptor(Device& owner, DeviceModel& deviceModel) : device(owner), model(deviceModel) {
    const KernelProgram source = makeDescriptorProgram(device.settings, model.getShape());
    const DeviceProgram program = device.compile(source);
    environmentKernel = DeviceKernel(device, program, "computeEnvironment");
    embeddingKernel =
        DeviceKernel(device, program, model.getPotential().isCompressed() ? "extrapolateGrid" : "evaluateEmbedding");
    contractKernel = DeviceKernel(device, program, "contractEnvironment");
    projectKernel = DeviceKernel(device, program, "projectGradient");
}

void DeviceDescriptor::arrange(const DeviceNeighborList& list) {
    divideRows(list);
    const int lines = std::max(1, list.getNumLines()), rows = tileRows;
    const std::size_t pairs = static_cast<std::size_t>(lines) * rows;
    const int realSize = device.getRealSize();
    device.reserve(pairRows, pairs, 4 * realSize, "lpsPairRows");
    device.reserve(pairTableRows, pairs, sizeof(int), "lpsPairTableRows");
    device.reserve(pairPositions, pairs, 2 * realSize, "lpsPairPositions");
    device.reserve(pairEntries, pairs, sizeof(int), "lpsPairEntries");
    device.reserve(pairCounts, static_cast<std::size_t>(model.getPotential().getNumTypes()) * rows, sizeof(int),
                   "lpsPairCounts");
    const std::size_t channels = static_cast<std::size_t>(rows) * model.getPotential().getEmbeddingWidth();
    device.reserve(contracted, channels, 4 * realSize, "lpsContracted");
    device.reserve(projected, channels, 4 * realSize, "lpsProjected");
    reserveDirect();
}

void DeviceDescriptor::divideRows(const DeviceNeighborList& list) {
    // Centers with untabulated pairs make their own tiles smaller, as far as they have such neighbors, not those of
    // others.

    const int numTypes = model.getPotential().getNumTypes();
    std::vector<int> directLines(numTypes, 0);
    for (int pair = 0; pair < static_cast<int>(model.getUntabulated().size()); pair++)
        if (model.getUntabulated()[pair])
            directLines[pair / numTypes] += list.getNumLines(pair % numTypes);
    const int block = device.settings.blockRows;
    tiles.clear();
    tileRows = 0;
    int row = 0, direct = 0;
    for (int type : list.getBlockTypes()) {
        const int added = block * directLines[type];
        if (tiles.empty() || tiles.back().numRows + block > device.settings.tileRows ||
            direct + added > maximumDirectPairs) {
            tiles.push_back({static_cast<int>(tiles.size()), row, 0});
            direct = 0;
        }
        tiles.back().numRows += block;
        row += block;
        direct += added;
        tileRows = std::max(tileRows, tiles.back().numRows);
        directCapacity = std::max(directCapacity, direct);
    }
}

void DeviceDescriptor::reserveDirect() {
    // An interval begins at the node of each pair, so that one more is read, and what no kernel sets is zero.

    const std::size_t nodeSize = 3 * static_cast<std::size_t>(model.getShape().countQuads());
    device.reserve(directInput, directCapacity, 4 * device.getRealSize(), "lpsDirectInput");
    device.reserve(directNodes, (directCapacity + 1) * nodeSize, 4 * device.getRealSize(), "lpsDirectNodes");
    device.cc.clearBuffer(directNodes);
    if (!model.getPotential().isCompressed())
        device.reserve(directWork, 2 * static_cast<std::size_t>(directCapacity) * model.getShape().maximumWidth,
                       2 * device.getRealSize(), "lpsDirectWork");
}

bool DeviceDescriptor::grow(const Counters& counters, const DeviceNeighborList& list) {
    const int needed = counters.get(Counter::DirectWanted);
    if (needed <= directCapacity)
        return false;
    directCapacity = std::min(std::max(64, needed + needed / 2), std::max(1, list.getNumLines()) * getTileRows());
    reserveDirect();
    return true;
}

Real4 DeviceDescriptor::getCutoffs() const {
    const lps::DeepPotential& potential = model.getPotential();
    return {potential.getCutoff(), potential.getSwitchStart(), 1.0 / potential.getSwitchWidth(),
            potential.getData().environmentProtection};
}

bool DeviceDescriptor::hasFewRows(const DeviceNeighborList& list) const {
    // On a processor a launch costs little.

    return device.settings.lanes > 1 && list.isShort() && tiles.size() == 1 && !model.hasUntabulatedPairs() &&
           directCapacity == 0;
}

void DeviceDescriptor::contractFewRows(DeviceNeighborList& list, Counters& counters) {
    if (!fewRowsKernel) {
        const KernelProgram source =
            makeFewRowsProgram(device.settings, model.getShape(), list.getClassesPerType(), list.isPeriodic());
        fewRowsKernel = DeviceKernel(device, device.compile(source), "contractFewRows");
    }
    fewRowsKernel->launch(
        list.getNumRows() * device.settings.lanes, device.settings.getPairThreads(), list.getEvaluation(),
        list.getSquaredCutoff(), list.getNumRows(), list.getRankBits(), getCutoffs(), getInverseNormalizer(),
        list.blocks, model.sections, list.positions, list.sorted, list.cells, list.starts, list.gridCounts, list.shifts,
        list.firstClasses, list.sectionStart, list.neighbors, list.numNeighbors, model.typeConstants, model.tableHeads,
        model.tableCells, model.getNumTableCells(), model.grids, pairRows, pairTableRows, pairPositions, pairEntries,
        pairCounts, model.slotLimits, counters.fields, model.slots, model.padding, model.nodes, contracted);
}

void DeviceDescriptor::computeEnvironment(DeviceNeighborList& list, Counters& counters, const RowTile& tile) {
    environmentKernel.launch(model.getPotential().getNumTypes() * tile.numRows, device.settings.flatThreads,
                             tile.firstRow, tile.numRows, list.getNumRows(), list.getRankBits(), getCutoffs(),
                             tile.index, list.blocks, model.sections, list.positions, list.shifts, list.sectionStart,
                             list.neighbors, list.numNeighbors, model.typeConstants, model.tableHeads, model.tableCells,
                             model.getNumTableCells(), model.grids, pairRows, pairTableRows, pairPositions, pairEntries,
                             pairCounts, directCapacity, directInput, model.slotLimits, counters.fields);
}

void DeviceDescriptor::contract(DeviceNeighborList& list, Counters& counters, const RowTile& tile) {
    const int directThreads = model.hasUntabulatedPairs() ? directCapacity : std::min(directCapacity, 2048);
    if (directCapacity == 0) {
        // A pair that needs its own evaluation makes acceptCounters() provide for it and repeat everything.
    } else if (model.getPotential().isCompressed())
        embeddingKernel.launch(directThreads, device.settings.flatThreads, tile.index, directCapacity, counters.fields,
                               directInput, model.grids, model.tableHeads, model.nodes, directNodes);
    else
        embeddingKernel.launch(directThreads, device.settings.flatThreads, tile.index, directCapacity, counters.fields,
                               directInput, model.networks, model.layers, model.thresholds, model.weights, directWork,
                               directNodes);
    contractKernel.launch(tile.numRows * device.settings.lanes, device.settings.getPairThreads(), tile.firstRow,
                          tile.numRows, getInverseNormalizer(), list.blocks, model.sections, model.slots, model.padding,
                          list.sectionStart, pairRows, pairTableRows, pairPositions, pairCounts, model.nodes,
                          directNodes, contracted);
}

void DeviceDescriptor::project(const RowTile& tile, OpenMM::ComputeArray& gradient) {
    const int threads = device.settings.getPairThreads();
    projectKernel.launch(tile.numRows * threads, threads, tile.numRows, getInverseNormalizer(), contracted, gradient,
                         projected);
}

}  // namespace LPSPlugin
