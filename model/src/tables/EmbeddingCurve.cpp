// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "tables/EmbeddingCurve.h"

#include <cmath>

namespace lps {

RadialComponent computeRadialComponent(const DeepPotential& model, int center, Branch branch, double r) {
    const double width = model.getSwitchWidth();
    double w = 1.0, w1 = 0.0, w2 = 0.0;
    if (branch == Branch::Switched) {
        const double u = (r - model.getSwitchStart()) / width;
        w = u * u * u * (-6.0 * u * u + 15.0 * u - 10.0) + 1.0;
        w1 = -30.0 * u * u * (u - 1.0) * (u - 1.0) / width;
        w2 = -60.0 * u * (2.0 * u * u - 3.0 * u + 1.0) / (width * width);
    }
    const double q = 1.0 / (r + model.getData().environmentProtection);
    const double stddev = model.getData().stddev[center][0];
    return {(w * q - model.getData().mean[center][0]) / stddev, (w1 * q - w * q * q) / stddev,
            (w2 * q - 2.0 * w1 * q * q + 2.0 * w * q * q * q) / stddev};
}

double getSecondDerivative(const Activation& activation, double x) {
    const auto sigmoid = [](double z) { return 1.0 / (1.0 + std::exp(-z)); };
    switch (activation.kind) {
        case Activation::Kind::Linear:
        case Activation::Kind::Relu:
        case Activation::Kind::Relu6:
            return 0.0;
        case Activation::Kind::Tanh: {
            const double t = std::tanh(x);
            return -2.0 * t * (1.0 - t * t);
        }
        case Activation::Kind::Softplus: {
            const double s = sigmoid(x);
            return s * (1.0 - s);
        }
        case Activation::Kind::Sigmoid: {
            const double s = sigmoid(x);
            return s * (1.0 - s) * (1.0 - 2.0 * s);
        }
        case Activation::Kind::Silut:
            if (x >= activation.threshold) {
                const double s = sigmoid(activation.threshold);
                const double slope = s * (1.0 + activation.threshold * (1.0 - s));
                const double t = std::tanh(slope * (x - activation.threshold));
                return -2.0 * slope * slope * t * (1.0 - t * t);
            }
            [[fallthrough]];
        case Activation::Kind::Silu: {
            const double s = sigmoid(x);
            return s * (1.0 - s) * (2.0 + x * (1.0 - 2.0 * s));
        }
        case Activation::Kind::Gelu: {
            const double k = 0.7978845608028654, a = 0.044715;
            const double t = std::tanh(k * (x + a * x * x * x)), slope = 1.0 - t * t;
            const double u1 = k * (1.0 + 3.0 * a * x * x), u2 = 6.0 * k * a * x;
            return slope * u1 + 0.5 * x * (slope * u2 - 2.0 * t * slope * u1 * u1);
        }
    }
    return 0.0;
}

void evaluateCurve(const DeepPotential& model, int center, int neighbor, Branch branch, double r,
                   CurveWorkspace& workspace, double* result) {
    const RadialComponent s = computeRadialComponent(model, center, branch, r);
    const Network& network = model.getData().embeddings[model.getEmbeddingIndex(center, neighbor)];
    std::vector<double>& x = workspace.input;
    std::vector<double>& y = workspace.output;
    x.assign({s.value, 1.0, 0.0});
    for (const Layer& layer : network.layers) {
        const int m = layer.inputs, n = layer.outputs;
        y.assign(3 * n, 0.0);
        for (int j = 0; j < n; j++)
            y[j] = layer.bias[j];
        for (int i = 0; i < m; i++) {
            const double* row = layer.weight.data() + static_cast<std::size_t>(i) * n;
            const double x0 = x[i], x1 = x[m + i], x2 = x[2 * m + i];
            double *y0 = y.data(), *y1 = y0 + n, *y2 = y1 + n;
            for (int j = 0; j < n; j++) {
                y0[j] += x0 * row[j];
                y1[j] += x1 * row[j];
                y2[j] += x2 * row[j];
            }
        }
        const bool isTanh = layer.activation.kind == Activation::Kind::Tanh;
        for (int j = 0; j < n; j++) {
            const double z = y[j], z1 = y[n + j], z2 = y[2 * n + j];
            double value, first, second;
            if (isTanh) {
                value = std::tanh(z);
                first = 1.0 - value * value;
                second = -2.0 * value * first;
            } else {
                value = layer.activation.value(z);
                first = layer.activation.derivative(z);
                second = getSecondDerivative(layer.activation, z);
            }
            const double scale = layer.timestep.empty() ? 1.0 : layer.timestep[j];
            y[j] = scale * value;
            y[n + j] = scale * first * z1;
            y[2 * n + j] = scale * (second * z1 * z1 + first * z2);
            if (layer.residual != Residual::None)
                for (int k = 0; k < 3; k++)
                    y[k * n + j] += x[k * m + j % m];
        }
        x.swap(y);
    }
    const int width = model.getEmbeddingWidth();
    for (int m = 0; m < width; m++) {
        const double first = x[width + m], second = x[2 * width + m];
        result[m] = x[m];
        result[width + m] = first * s.first;
        result[2 * width + m] = second * s.first * s.first + first * s.second;
    }
}

}  // namespace lps
