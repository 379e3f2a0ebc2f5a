// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "reference/NetworkEvaluation.h"

#include <vector>

namespace lps {

namespace {

using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using WeightMap = Eigen::Map<const RowMajorMatrix>;
using VectorMap = Eigen::Map<const Eigen::VectorXd>;

WeightMap weightOf(const Layer& layer) {
    return WeightMap(layer.weight.data(), layer.inputs, layer.outputs);
}
VectorMap biasOf(const Layer& layer) {
    return VectorMap(layer.bias.data(), layer.outputs);
}
VectorMap timestepOf(const Layer& layer) {
    return VectorMap(layer.timestep.data(), layer.outputs);
}

/** x as the residual adds it to an output of the given layer. */
void addResidual(const Layer& layer, const Eigen::VectorXd& x, Eigen::VectorXd& y) {
    if (layer.residual == Residual::Identity) {
        y += x;
    } else if (layer.residual == Residual::Doubling) {
        y.head(layer.inputs) += x;
        y.tail(layer.inputs) += x;
    }
}

}  // namespace

ValueAndDerivative evaluateWithDerivative(const Network& network, double input) {
    Eigen::VectorXd x = Eigen::VectorXd::Constant(1, input);
    Eigen::VectorXd dx = Eigen::VectorXd::Ones(1);
    for (const Layer& layer : network.layers) {
        const Eigen::VectorXd z = weightOf(layer).transpose() * x + biasOf(layer);
        const Eigen::VectorXd dz = weightOf(layer).transpose() * dx;
        Eigen::VectorXd y = z.unaryExpr([&](double v) { return layer.activation.value(v); });
        Eigen::VectorXd dy = z.unaryExpr([&](double v) { return layer.activation.derivative(v); }).cwiseProduct(dz);
        if (!layer.timestep.empty()) {
            y.array() *= timestepOf(layer).array();
            dy.array() *= timestepOf(layer).array();
        }
        addResidual(layer, x, y);
        addResidual(layer, dx, dy);
        x = std::move(y);
        dx = std::move(dy);
    }
    return {x, dx};
}

ValueAndGradient evaluateWithGradient(const Network& network, const Eigen::VectorXd& input) {
    // Forward: remember the slope of each layer, d(activation * timestep)/dz.

    std::vector<Eigen::VectorXd> slopes;
    Eigen::VectorXd x = input, hidden;
    for (const Layer& layer : network.layers) {
        hidden = x;
        const Eigen::VectorXd z = weightOf(layer).transpose() * x + biasOf(layer);
        Eigen::VectorXd y = z.unaryExpr([&](double v) { return layer.activation.value(v); });
        Eigen::VectorXd slope = z.unaryExpr([&](double v) { return layer.activation.derivative(v); });
        if (!layer.timestep.empty()) {
            y.array() *= timestepOf(layer).array();
            slope.array() *= timestepOf(layer).array();
        }
        addResidual(layer, x, y);
        slopes.push_back(std::move(slope));
        x = std::move(y);
    }
    const double value = x[0];

    // Backward, from d(value)/d(value) = 1.

    Eigen::VectorXd gradient = Eigen::VectorXd::Ones(1);
    for (std::size_t k = network.layers.size(); k-- > 0;) {
        const Layer& layer = network.layers[k];
        Eigen::VectorXd inputGradient = weightOf(layer) * gradient.cwiseProduct(slopes[k]);
        if (layer.residual == Residual::Identity)
            inputGradient += gradient;
        else if (layer.residual == Residual::Doubling)
            inputGradient += gradient.head(layer.inputs) + gradient.tail(layer.inputs);
        gradient = std::move(inputGradient);
    }
    return {value, gradient, hidden};
}

}  // namespace lps
