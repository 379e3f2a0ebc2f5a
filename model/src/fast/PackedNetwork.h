// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "fast/AlignedBuffer.h"
#include "fast/Kernels.h"
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
    PackedMatrix<T> forward, backward;
    AlignedBuffer<T> forwardData, backwardData;

    std::size_t getMemory() const {
        return (bias.size() + timestep.size() + forwardData.size() + backwardData.size()) * sizeof(T);
    }
};

/**
 * Pack [depth][width] for gemm(): panels of panelVectors vectors, each [depth][vectors * lanes], padded with zeros.
 * @param element (k, n) -> number
 */
template <typename T, typename Element>
void packMatrix(const Kernels<T>& kernels, int depth, int width, const Element& element, AlignedBuffer<T>& data,
                PackedMatrix<T>& matrix) {
    matrix.depth = depth;
    matrix.vectors = (width + kernels.lanes - 1) / kernels.lanes;
    data.resize(static_cast<std::size_t>(depth) * matrix.vectors * kernels.lanes);
    matrix.data = data.data();
    T* next = data.data();
    for (int vector = 0; vector < matrix.vectors; vector += kernels.panelVectors) {
        const int begin = vector * kernels.lanes;
        const int end = std::min(matrix.vectors, vector + kernels.panelVectors) * kernels.lanes;
        for (int k = 0; k < depth; k++)
            for (int n = begin; n < end; n++)
                *next++ = n < width ? static_cast<T>(element(k, n)) : T(0);
    }
}

/** Pack a layer. @param withBackward also its transpose */
template <typename T>
PackedLayer<T> packLayer(const Kernels<T>& kernels, const Layer& layer, bool withBackward);

/**
 * y = activation(z + bias) * timestep + residual in place, and the derivative of the first term with respect to z.
 * @param zy         [rows][ld] in: x W; out: y, zero beyond layer.outputs
 * @param residual   [rows][residualLd] what to add, already as wide as the output; null: nothing
 * @param derivative [rows][derivativeLd]
 */
template <typename T>
void finishLayer(const Kernels<T>& kernels, const PackedLayer<T>& layer, int rows, T* zy, std::size_t ld,
                 const T* residual, std::size_t residualLd, T* derivative, std::size_t derivativeLd);

}  // namespace lps::fast
