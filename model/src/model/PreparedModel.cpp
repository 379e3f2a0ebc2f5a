// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/PreparedModel.h"

#include <algorithm>

#include "reference/Embedding.h"
#include "reference/NetworkEvaluation.h"

namespace lps {

using std::size_t;
using std::vector;

PreparedModel::PreparedModel(std::shared_ptr<const DeepPotential> potential, Precision evaluationPrecision,
                             TableDegree tableDegree, bool tabulate)
    : model(std::move(potential)), precision(evaluationPrecision), degree(tableDegree), useTables(tabulate) {}

bool PreparedModel::canTabulate(int center, int neighbor) const {
    if (!useTables || model->isCompressed())
        return false;
    const vector<Layer>& layers = model->getData().embeddings[model->getEmbeddingIndex(center, neighbor)].layers;
    return std::none_of(layers.begin(), layers.end(), [](const Layer& layer) {
        const Activation::Kind kind = layer.activation.kind;
        return kind == Activation::Kind::Relu || kind == Activation::Kind::Relu6 || kind == Activation::Kind::Silut;
    });
}

RadialPlan PreparedModel::planTable(int center, int neighbor) const {
    return planRadialTable(*model, center, neighbor, degree, getTableTolerance());
}

RadialTable PreparedModel::makeTable(int center, int neighbor, const RadialGrid& grid) const {
    return makeRadialTable(*model, center, neighbor, degree, grid);
}

std::array<double, 8> PreparedModel::getEnvironmentConstants(int center) const {
    std::array<double, 8> constants;
    for (int c = 0; c < 4; c++) {
        constants[c] = model->getData().mean[center][c];
        constants[4 + c] = 1.0 / model->getData().stddev[center][c];
    }
    return constants;
}

vector<double> PreparedModel::getPadding(int center, int neighbor) const {
    const double component = model->getPaddingComponent(center);
    if (model->getSection(center, neighbor).slots == 0 || component == 0.0)
        return {};
    const Eigen::VectorXd value = evaluateEmbedding(*model, center, neighbor, component).value;
    vector<double> padding(value.data(), value.data() + value.size());
    for (double& channel : padding)
        channel *= component;
    return padding;
}

Layer PreparedModel::foldFirstLayer(int center, const vector<int>& inputs, int numInputs) const {
    const Layer& layer = model->getData().fittings[center].layers[0];
    Layer folded = layer;
    folded.inputs = numInputs;
    folded.weight.assign(static_cast<size_t>(numInputs) * layer.outputs, 0.0);
    for (int i = 0; i < layer.inputs; i++)
        for (int o = 0; o < layer.outputs; o++)
            folded.weight[static_cast<size_t>(inputs[i]) * layer.outputs + o] +=
                layer.weight[static_cast<size_t>(i) * layer.outputs + o];
    return folded;
}

double PreparedModel::getConstantEnergy(int center) const {
    const Network& fitting = model->getData().fittings[center];
    double energy = model->getData().energyBias[center];
    if (model->subtractsVacuum(center))
        energy -= evaluateWithGradient(fitting, Eigen::VectorXd::Zero(fitting.getNumInputs())).value;
    return energy;
}

}  // namespace lps
