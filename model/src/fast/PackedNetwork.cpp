// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/PackedNetwork.h"

namespace lps::fast {

namespace {

/** The kernel of an activation; null: it has none. */
template <typename T>
typename Kernels<T>::Activate* findKernel(const Kernels<T>& kernels, Activation::Kind kind) {
    switch (kind) {
        case Activation::Kind::Tanh:
            return kernels.tanh;
        case Activation::Kind::Silu:
            return kernels.silu;
        case Activation::Kind::Gelu:
            return kernels.gelu;
        default:
            return nullptr;
    }
}

}  // namespace

template <typename T>
PackedLayer<T> packLayer(const Kernels<T>& kernels, const Layer& layer, bool withBackward) {
    PackedLayer<T> packed;
    packed.inputs = layer.inputs;
    packed.outputs = layer.outputs;
    packed.padded = (layer.outputs + kernels.lanes - 1) / kernels.lanes * kernels.lanes;
    packed.activation = layer.activation;
    packed.residual = layer.residual;
    packed.bias.resize(packed.padded);
    std::copy(layer.bias.begin(), layer.bias.end(), packed.bias.data());
    if (!layer.timestep.empty()) {
        packed.timestep.resize(packed.padded);
        std::copy(layer.timestep.begin(), layer.timestep.end(), packed.timestep.data());
    }
    const auto weight = [&](int k, int n) { return layer.weight[static_cast<std::size_t>(k) * layer.outputs + n]; };
    packed.forward.pack(kernels, layer.inputs, layer.outputs, weight);
    if (withBackward)
        packed.backward.pack(kernels, layer.outputs, layer.inputs, [&](int k, int n) { return weight(n, k); });
    return packed;
}

template <typename T>
void finishLayer(const Kernels<T>& kernels, const PackedLayer<T>& layer, int rows, T* zy, std::size_t ld,
                 const T* residual, std::size_t residualLd, T* derivative, std::size_t derivativeLd) {
    const T* timestep = layer.timestep.size() > 0 ? layer.timestep.data() : nullptr;
    if (const auto activate = findKernel(kernels, layer.activation.kind)) {
        activate(rows, layer.padded, zy, ld, layer.bias.data(), timestep, residual, residualLd, derivative,
                 derivativeLd);
        return;
    }
    for (int row = 0; row < rows; row++) {
        T* y = zy + row * ld;
        T* slope = derivative + row * derivativeLd;
        for (int n = 0; n < layer.padded; n++) {
            if (n >= layer.outputs) {
                y[n] = slope[n] = T(0);
                continue;
            }
            const double z = y[n] + layer.bias[n];
            const T scale = timestep ? timestep[n] : T(1);
            y[n] =
                static_cast<T>(layer.activation.value(z)) * scale + (residual ? residual[row * residualLd + n] : T(0));
            slope[n] = static_cast<T>(layer.activation.derivative(z)) * scale;
        }
    }
}

template PackedLayer<float> packLayer(const Kernels<float>&, const Layer&, bool);
template PackedLayer<double> packLayer(const Kernels<double>&, const Layer&, bool);
template void finishLayer(const Kernels<float>&, const PackedLayer<float>&, int, float*, std::size_t, const float*,
                          std::size_t, float*, std::size_t);
template void finishLayer(const Kernels<double>&, const PackedLayer<double>&, int, double*, std::size_t, const double*,
                          std::size_t, double*, std::size_t);

}  // namespace lps::fast
