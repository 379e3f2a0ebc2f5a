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
    if (!model->isCompressed())
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

namespace {

/** Nodes of tables as descriptor.cc wants them. */
class NodeList {
public:
    explicit NodeList(int embeddingWidth) : width(embeddingWidth), stride(3 * ((embeddingWidth + 3) / 4 * 4)) {}

    int getSize() const { return static_cast<int>(numbers.size() / stride); }

    /**
     * Add the node at position x of a polynomial.
     *
     * @param getCoefficient  (power, channel)
     * @param length          of the interval, the unit of derivatives, in those of x
     */
    template <typename Function>
    void add(double x, double length, const Function& getCoefficient) {
        const std::size_t first = numbers.size();
        numbers.resize(first + stride, 0.0);
        for (int m = 0; m < width; m++) {
            double value = 0.0, slope = 0.0, curvature = 0.0;
            for (int k = 5; k >= 0; k--) {
                curvature = curvature * x + 2.0 * slope;
                slope = slope * x + value;
                value = value * x + getCoefficient(k, m);
            }
            numbers[first + m] = value;
            numbers[first + stride / 3 + m] = slope * length;
            numbers[first + 2 * (stride / 3) + m] = curvature * length * length;
        }
    }

    std::vector<double> numbers;

private:
    const int width, stride;
};

/** Adds both ends of every row of a compressed model's table, whose polynomials need not meet. */
void addNodes(const lps::EmbeddingTable& table, int fineRows, NodeList& nodes) {
    for (int row = 0; row < table.rows; row++) {
        const double* c = table.coefficients.data() + static_cast<std::size_t>(row) * table.channels * 6;
        const double length = row < fineRows ? table.fineStep : table.coarseStep;
        for (const double x : {0.0, length})
            nodes.add(x, length, [&](int k, int m) { return c[6 * m + k]; });
    }
}

/**
 * Adds a radial table. Intervals of equal length share nodes, but where the branches of the switch meet.
 *
 * @param cells  (first node, number of intervals), added to; nodes count from that of the table, less two beyond those
 * of the other branch
 * @return node on the left of the interval with both branches, or none
 */
int addNodes(const lps::RadialTable& table, double switchStart, NodeList& nodes, vector<OpenMM::mm_int2>& cells) {
    constexpr int none = std::numeric_limits<int>::max();
    const int start = nodes.getSize(), width = static_cast<int>(table.coefficients.size() / table.rows / 6);
    const int splitRow = table.grid.findSplit(switchStart);
    const auto add = [&](int row, double t) {
        const double* c = table.coefficients.data() + static_cast<std::size_t>(row) * 6 * width;
        nodes.add(t, 1.0, [&](int k, int m) { return c[k * width + m]; });
    };
    int row = 0, split = none;
    for (int cell = 0; cell < table.grid.getNumCells(); cell++) {
        cells.push_back(OpenMM::mm_int2(nodes.getSize() - start - (split == none ? 0 : 2), table.grid.intervals[cell]));
        for (int k = 0; k < table.grid.intervals[cell]; k++, row++) {
            add(row, 0.0);
            if (row != splitRow)
                continue;
            split = nodes.getSize() - 1 - start;
            add(row, 1.0);
            add(table.rows - 1, 0.0);
        }
        const bool isLast = cell + 1 == table.grid.getNumCells();
        const bool isOctave = (cell + 1) % (1 << lps::RadialGrid::cellBits) == 0;
        if (isLast || isOctave || table.grid.intervals[cell + 1] != table.grid.intervals[cell])
            add(row - 1 == splitRow ? table.rows - 1 : row - 1, 1.0);
    }
    return split;
}

}  // namespace

void DeviceModel::storeTables() {
    const int numTypes = model->getNumTypes();
    vector<OpenMM::mm_int4> heads(numTypes * numTypes, OpenMM::mm_int4(-1, 0, 0, 0));
    vector<OpenMM::mm_int2> cells;
    vector<double> parameters(8 * numTypes * numTypes, 0.0);
    NodeList list(model->getEmbeddingWidth());
    for (int pair = 0; pair < numTypes * numTypes; pair++) {
        const int a = pair / numTypes, b = pair % numTypes;
        if (!isCenter(a) || !present[b] || !model->getSection(a, b).hasNeighbors)
            continue;
        if (model->isCompressed()) {
            const lps::EmbeddingTable& table = model->getData().tables[model->getEmbeddingIndex(a, b)];
            const int fineRows = static_cast<int>((table.upper - table.lower) / table.fineStep);
            heads[pair] = OpenMM::mm_int4(list.getSize(), table.rows, fineRows, 0);
            const bool isLinear = table.extrapolation == lps::EmbeddingTable::Extrapolation::Linear;
            const double own[] = {table.lower,    table.upper,      table.maximum,
                                  table.fineStep, table.coarseStep, isLinear ? 1.0 : 0.0};
            std::copy(std::begin(own), std::end(own), parameters.begin() + 8 * pair);
            addNodes(table, fineRows, list);
            continue;
        }
        const lps::RadialPlan plan = prepared.canTabulate(a, b) ? prepared.planTable(a, b) : lps::RadialPlan{};
        if (!plan.accurate) {
            untabulated.resize(numTypes * numTypes, false);
            untabulated[pair] = true;
            continue;
        }
        const lps::RadialTable table = prepared.makeTable(a, b, plan.grid);
        const int firstNode = list.getSize(), firstCell = static_cast<int>(cells.size());
        const int split = addNodes(table, model->getSwitchStart(), list, cells);
        heads[pair] = OpenMM::mm_int4(firstNode, firstCell, split, 0);
        numTableCells = table.grid.getNumCells();
    }
    if (list.getSize() == 0)
        list.add(0.0, 1.0, [](int, int) { return 0.0; });
    device.store(tableHeads, heads, "lpsTableHeads");
    device.store(tableCells, cells, "lpsTableCells");
    device.storeNumbers(grids, parameters, 1, isDouble, "lpsGrids");
    device.storeNumbers(nodes, list.numbers, 4, isDouble, "lpsTableNodes");
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

static_assert(static_cast<int>(Activation::Kind::Tanh) == 1 && static_cast<int>(Activation::Kind::Relu6) == 3 &&
                  static_cast<int>(Activation::Kind::Sigmoid) == 5 && static_cast<int>(Activation::Kind::Silut) == 8,
              "kernels/math.cc numbers the activations in this order");
static_assert(static_cast<int>(lps::Residual::None) == 0 && static_cast<int>(lps::Residual::Doubling) == 2,
              "kernels number the residuals in this order");

}  // namespace LPSPlugin
