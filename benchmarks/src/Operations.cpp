// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "Operations.h"

#include "lps/Error.h"

namespace lps::benchmark {

double countPairs(const NeighborList& list) {
    double pairs = 0.0;
    for (int i = 0; i < list.getNumAtoms(); i++)
        for (int k = 0; k < list.getNumNeighbors(i); k++) {
            const double* x = list.getPositions() + 4 * static_cast<std::size_t>(i);
            const double* y = list.getPositions() + 4 * static_cast<std::size_t>(list.getNeighbors(i)[k]);
            const double dx = x[0] - y[0], dy = x[1] - y[1], dz = x[2] - y[2];
            pairs += dx * dx + dy * dy + dz * dz < list.getCutoff() * list.getCutoff();
        }
    return pairs;
}

double countOperations(const DeepPotential& model, const Configuration& structure, double pairsInCutoff) {
    const double M1 = model.getEmbeddingWidth(), M2 = model.getData().axisWidth;
    double total = pairsInCutoff * (54.0 * M1 + 130.0);
    for (int type : structure.types) {
        total += 24.0 * M1 * M2;
        for (const Layer& layer : model.getData().fittings[type].layers)
            total += 4.0 * layer.inputs * layer.outputs;
    }
    return total;
}

namespace {

/** @param rows, columns  1, or 2 to repeat the matrix in that direction */
std::vector<double> repeatMatrix(const std::vector<double>& matrix, int inputs, int outputs, int rows, int columns) {
    std::vector<double> result;
    for (int i = 0; i < rows * inputs; i++)
        for (int o = 0; o < columns * outputs; o++)
            result.push_back(matrix[static_cast<std::size_t>(i % inputs) * outputs + o % outputs] / rows);
    return result;
}

}  // namespace

DeepPotentialData widenFitting(DeepPotentialData data) {
    for (Network& network : data.fittings)
        for (std::size_t k = 0; k < network.layers.size(); k++) {
            Layer& layer = network.layers[k];
            if (layer.residual == Residual::Doubling)
                throw Error("benchmark: a fitting network doubles a width by its residual; choose another model");
            const int rows = k == 0 ? 1 : 2;
            const int columns = k + 1 == network.layers.size() ? 1 : 2;
            layer.weight = repeatMatrix(layer.weight, layer.inputs, layer.outputs, rows, columns);
            layer.bias = repeatMatrix(layer.bias, 1, layer.outputs, 1, columns);
            if (!layer.timestep.empty())
                layer.timestep = repeatMatrix(layer.timestep, 1, layer.outputs, 1, columns);
            layer.inputs *= rows;
            layer.outputs *= columns;
        }
    return data;
}

}  // namespace lps::benchmark
