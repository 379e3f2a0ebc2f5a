// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceModel.h"

#include <algorithm>
#include <limits>

namespace LPSPlugin {

using lps::Activation;
using std::vector;

DeviceModel::DeviceModel(Device& owner, std::shared_ptr<const lps::DeepPotential> potential,
                         const vector<bool>& presentTypes, bool useTables)
    : device(owner),
      model(std::move(potential)),
      present(presentTypes),
      isDouble(owner.isRealDouble()),
      prepared(model, isDouble ? lps::Precision::Float64 : lps::Precision::Float32, lps::TableDegree::Quintic,
               useTables) {
    storeStatistics();
    storeSections();
    storeTables();
    if (model->isCompressed())
        storeGrids();
    else
        storeNetworks();
}

ModelShape DeviceModel::getShape() const {
    // A residual adds the descriptor as it is to what comes out of the first layer.

    const auto& fittings = model->getData().fittings;
    const bool isFolded = std::all_of(fittings.begin(), fittings.end(), [](const lps::Network& network) {
        return network.layers.empty() || network.layers[0].residual == lps::Residual::None;
    });
    return {model->getNumTypes(), model->getEmbeddingWidth(), model->getData().axisWidth,
            maximumWidth,         model->isCompressed(),      isFolded};
}

void DeviceModel::storeStatistics() {
    vector<double> constants;
    for (int type = 0; type < model->getNumTypes(); type++)
        for (double constant : prepared.getEnvironmentConstants(type))
            constants.push_back(constant);
    device.storeNumbers(typeConstants, constants, 1, isDouble, "lpsTypeConstants");
}

void DeviceModel::storeSections() {
    const int numTypes = model->getNumTypes();
    const int width = model->getEmbeddingWidth();
    const bool refuses = model->getData().refuseNeighborOverflow;
    vector<int> flags(numTypes * numTypes, 0), paddedSlots(numTypes * numTypes, 0);
    vector<int> limits(numTypes * numTypes, std::numeric_limits<int>::max());
    vector<double> rows(static_cast<std::size_t>(numTypes) * numTypes * width, 0.0);
    for (int a = 0; a < numTypes; a++) {
        if (!isCenter(a))
            continue;
        for (int b = 0; b < numTypes; b++) {
            const int pair = a * numTypes + b;
            const lps::DeepPotential::Section& section = model->getSection(a, b);
            const vector<double> padded = prepared.getPadding(a, b);
            const bool counted = section.countsSlots && (!padded.empty() || refuses);
            if (present[b])
                flags[pair] = (section.hasNeighbors ? 1 : 0) | (counted ? 2 : 0);
            if (refuses && section.countsSlots)
                limits[pair] = section.slots;
            if (padded.empty())
                continue;
            paddedSlots[pair] = section.slots;
            std::copy(padded.begin(), padded.end(), rows.begin() + static_cast<std::size_t>(pair) * width);
        }
    }
    device.store(sections, flags, "lpsSections");
    device.store(slots, paddedSlots, "lpsSlots");
    device.store(slotLimits, limits, "lpsSlotLimits");
    device.storeNumbers(padding, rows, 1, isDouble, "lpsPadding");
}

void DeviceModel::storeTables() {
    const int numTypes = model->getNumTypes();
    const int width = model->getEmbeddingWidth();
    vector<OpenMM::mm_int4> heads(numTypes * numTypes, OpenMM::mm_int4(-1, 0, -1, 0));
    vector<OpenMM::mm_int2> cells;
    vector<double> low, high;
    int numRows = 0;
    for (int a = 0; a < numTypes; a++)
        for (int b = 0; b < numTypes; b++) {
            if (!isCenter(a) || !present[b] || !model->getSection(a, b).hasNeighbors)
                continue;
            const lps::RadialPlan plan = prepared.canTabulate(a, b) ? prepared.planTable(a, b) : lps::RadialPlan{};
            if (!plan.accurate) {
                untabulated = true;
                continue;
            }
            const lps::RadialTable table = prepared.makeTable(a, b, plan.grid);
            const int split = table.grid.findSplit(model->getSwitchStart());
            heads[a * numTypes + b] = OpenMM::mm_int4(numRows, static_cast<int>(cells.size()), split, table.rows - 1);
            int first = 0;
            for (int intervals : table.grid.intervals) {
                cells.push_back(OpenMM::mm_int2(first, intervals));
                first += intervals;
            }
            numTableCells = table.grid.getNumCells();

            // One load gives c0..c3 of a channel, another c4 and c5.

            for (int row = 0; row < table.rows; row++) {
                const double* c = table.coefficients.data() + static_cast<std::size_t>(row) * 6 * width;
                for (int m = 0; m < width; m++)
                    for (int k = 0; k < 6; k++)
                        (k < 4 ? low : high).push_back(c[k * width + m]);
            }
            numRows += table.rows;
        }
    device.store(tableHeads, heads, "lpsTableHeads");
    device.store(tableCells, cells, "lpsTableCells");
    device.storeNumbers(tableLow, low, 4, isDouble, "lpsTableLow");
    device.storeNumbers(tableHigh, high, 2, isDouble, "lpsTableHigh");
}

void DeviceModel::storeNetworks() {
    const int numTypes = model->getNumTypes();
    const auto& embeddings = model->getData().embeddings;
    vector<int> layerData;
    vector<double> layerThresholds, numbers;
    vector<OpenMM::mm_int2> firstLayers(embeddings.size(), OpenMM::mm_int2(0, 0));
    for (std::size_t i = 0; i < embeddings.size(); i++) {
        firstLayers[i] =
            OpenMM::mm_int2(static_cast<int>(layerThresholds.size()), static_cast<int>(embeddings[i].layers.size()));
        for (const lps::Layer& layer : embeddings[i].layers) {
            maximumWidth = std::max({maximumWidth, layer.inputs, layer.outputs});
            const int weightOffset = static_cast<int>(numbers.size());
            numbers.insert(numbers.end(), layer.weight.begin(), layer.weight.end());
            const int biasOffset = static_cast<int>(numbers.size());
            numbers.insert(numbers.end(), layer.bias.begin(), layer.bias.end());
            const int timestepOffset = static_cast<int>(numbers.size());
            numbers.insert(numbers.end(), layer.timestep.begin(), layer.timestep.end());
            const int data[8] = {layer.inputs,
                                 layer.outputs,
                                 static_cast<int>(layer.activation.kind),
                                 static_cast<int>(layer.residual),
                                 layer.timestep.empty() ? 0 : 1,
                                 weightOffset,
                                 biasOffset,
                                 timestepOffset};
            layerData.insert(layerData.end(), data, data + 8);
            layerThresholds.push_back(layer.activation.threshold);
        }
    }
    vector<OpenMM::mm_int2> byPair;
    for (int a = 0; a < numTypes; a++)
        for (int b = 0; b < numTypes; b++)
            byPair.push_back(firstLayers[model->getEmbeddingIndex(a, b)]);
    device.store(networks, byPair, "lpsNetworks");
    device.store(layers, layerData, "lpsLayers");
    device.storeNumbers(thresholds, layerThresholds, 1, isDouble, "lpsThresholds");
    device.storeNumbers(weights, numbers, 1, isDouble, "lpsEmbeddingWeights");
}

void DeviceModel::storeGrids() {
    const int numTypes = model->getNumTypes();
    const auto& tables = model->getData().tables;
    vector<OpenMM::mm_int4> rows(tables.size(), OpenMM::mm_int4(0, 0, 0, 0));
    vector<double> parameters(8 * tables.size(), 0.0), coefficients;
    int numRows = 0;
    for (std::size_t i = 0; i < tables.size(); i++) {
        const lps::EmbeddingTable& table = tables[i];
        if (table.empty())
            continue;
        const double own[8] = {table.lower,
                               table.upper,
                               table.maximum,
                               table.fineStep,
                               table.coarseStep,
                               table.extrapolation == lps::EmbeddingTable::Extrapolation::Linear ? 1.0 : 0.0,
                               0.0,
                               0.0};
        std::copy(own, own + 8, parameters.begin() + 8 * i);
        const int fineRows = static_cast<int>((table.upper - table.lower) / table.fineStep);
        rows[i] = OpenMM::mm_int4(numRows, table.rows, fineRows, 0);
        coefficients.insert(coefficients.end(), table.coefficients.begin(), table.coefficients.end());
        numRows += table.rows;
    }
    vector<OpenMM::mm_int4> rowsByPair;
    vector<double> parametersByPair;
    for (int a = 0; a < numTypes; a++)
        for (int b = 0; b < numTypes; b++) {
            const int i = model->getEmbeddingIndex(a, b);
            rowsByPair.push_back(rows[i]);
            parametersByPair.insert(parametersByPair.end(), parameters.begin() + 8 * i,
                                    parameters.begin() + 8 * (i + 1));
        }
    device.store(gridRows, rowsByPair, "lpsGridRows");
    device.storeNumbers(grids, parametersByPair, 1, isDouble, "lpsGrids");
    device.storeNumbers(gridCoefficients, coefficients, 1, isDouble, "lpsGridCoefficients");
}

static_assert(static_cast<int>(Activation::Kind::Tanh) == 1 && static_cast<int>(Activation::Kind::Relu6) == 3 &&
                  static_cast<int>(Activation::Kind::Sigmoid) == 5 && static_cast<int>(Activation::Kind::Silut) == 8,
              "kernels/math.cc numbers the activations in this order");
static_assert(static_cast<int>(lps::Residual::None) == 0 && static_cast<int>(lps::Residual::Doubling) == 2,
              "kernels number the residuals in this order");

}  // namespace LPSPlugin
