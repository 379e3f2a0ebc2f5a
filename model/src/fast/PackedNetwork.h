// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "fast/WeightMatrix.h"
#include "lps/Network.h"

namespace lps::fast {

/**
 * @file PackedNetwork.h
 * Networks in the layout of the matrix kernels.
 */

/** A layer whose matrix, and its transpose where gradients are needed, is packed once. */
template <typename T>
struct PackedLayer {
    int inputs = 0;
    int outputs = 0;
    int padded = 0;  ///< outputs rounded up to whole vectors
    Activation activation;
    Residual residual = Residual::None;
    AlignedBuffer<T> bias, timestep;  ///< [padded]; timestep empty: none
    WeightMatrix<T> forward, backward;

    std::size_t getMemory() const {
        return (bias.size() + timestep.size()) * sizeof(T) + forward.getMemory() + backward.getMemory();
    }
};

/** Pack a layer. @param withBackward also its transpose */
template <typename T>
PackedLayer<T> packLayer(const Kernels<T>& kernels, const Layer& layer, bool withBackward);

/**
 * y = activation(z + bias) * timestep + residual, written over z, and the derivative of the first term with respect to
 * z.
 * @param zy         [rows][ld] in: x W; out: y, zero beyond layer.outputs
 * @param residual   [rows][residualLd] what to add, already as wide as the output; null: nothing
 * @param derivative [rows][derivativeLd]
 */
template <typename T>
void finishLayer(const Kernels<T>& kernels, const PackedLayer<T>& layer, int rows, T* zy, std::size_t ld,
                 const T* residual, std::size_t residualLd, T* derivative, std::size_t derivativeLd);

}  // namespace lps::fast
