// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/DirectRows.h"

#include <algorithm>

namespace lps::fast {

template <typename T>
void DirectRows<T>::locate(int center, const CompiledPair<T>& pair, const PairFields<T>& fields, int begin, int end) {
    using Kind = typename CompiledPair<T>::Kind;
    const T inverseStddev = static_cast<T>(model.getCenter(center).parameters.inverseStddev[0]);
    if (pair.kind == Kind::OwnTable)
        return locateInOwnTable(pair, inverseStddev, fields, begin, end);

    const auto hasNoRow = [&](int k) { return pair.kind != Kind::Table || fields.row[k] < 0; };
    inputs.clear();
    for (int k = begin; k < end; k++)
        if (hasNoRow(k))
            inputs.push_back(fields.R[0][k]);
    evaluateNetworks(pair);
    const std::size_t ld = model.padded;
    const T* value = values.data();
    const T* slope = value + inputs.size() * ld;
    T* row = allocate(inputs.size() * pair.rowSize);
    for (int k = begin; k < end; k++)
        if (hasNoRow(k)) {
            start(pair, inverseStddev, fields, k, row);
            fill(pair, value, slope, row);
            value += ld;
            slope += ld;
            row += pair.rowSize;
        }
}

template <typename T>
void DirectRows<T>::locateInOwnTable(const CompiledPair<T>& pair, T inverseStddev, const PairFields<T>& fields,
                                     int begin, int end) {
    ownValue.resize(model.width);
    ownSlope.resize(model.width);
    for (int k = begin; k < end; k++) {
        const double s = fields.R[0][k];
        const EmbeddingTable::Location location = pair.ownTable->locate(s);
        if (location.outside) {
            pair.ownTable->evaluate(s, ownValue.data(), ownSlope.data());
            T* row = allocate(pair.rowSize);
            start(pair, inverseStddev, fields, k, row);
            fill(pair, ownValue.data(), ownSlope.data(), row);
        } else {
            fields.rows[k] = pair.coefficients.data() + location.row * pair.rowSize;
            fields.t[k] = static_cast<T>(location.x);
            fields.slope[k] = fields.radial0[k] * inverseStddev;
        }
    }
}

template <typename T>
T* DirectRows<T>::allocate(std::size_t size) {
    if (usedChunks == chunks.size())
        chunks.emplace_back();
    chunks[usedChunks].ensure(size);
    return chunks[usedChunks++].data();
}

/** A row of zeros for a neighbor, as a polynomial around its own s. */
template <typename T>
void DirectRows<T>::start(const CompiledPair<T>& pair, T inverseStddev, const PairFields<T>& fields, int k,
                          T* row) const {
    std::fill(row, row + pair.rowSize, T(0));
    fields.rows[k] = row;
    fields.t[k] = T(0);
    fields.slope[k] = fields.radial0[k] * inverseStddev;
}

template <typename T>
template <typename Number>
void DirectRows<T>::fill(const CompiledPair<T>& pair, const Number* value, const Number* slope, T* row) const {
    const int lanes = model.kernels.lanes;
    const double scale = 1.0 / model.model->getData().normalizer;
    for (int m = 0; m < model.width; m++) {
        T* target = row + m / lanes * pair.kernels->blockSize + m % lanes;
        target[0] = static_cast<T>(scale * value[m]);
        target[lanes] = static_cast<T>(scale * slope[m]);
    }
}

/** Values, then derivatives with respect to s, of the embedding of all inputs: [2 inputs][padded] in `values`. */
template <typename T>
void DirectRows<T>::evaluateNetworks(const CompiledPair<T>& pair) {
    const Kernels<T>& kernels = model.kernels;
    const int count = static_cast<int>(inputs.size());
    std::size_t widest = 1;
    for (const PackedLayer<T>& layer : pair.networks)
        widest = std::max<std::size_t>(widest, layer.padded);
    for (AlignedBuffer<T>* buffer : {&values, &products, &residual, &slopes})
        buffer->ensure(2 * count * widest + kernels.lanes);
    for (int k = 0; k < count; k++) {
        values[k] = static_cast<T>(inputs[k]);
        values[count + k] = T(1);
    }
    std::size_t inputLd = 1;
    for (const PackedLayer<T>& layer : pair.networks) {
        const std::size_t ld = layer.padded;
        layer.forward.multiply(kernels, 2 * count, 2 * count, values.data(), inputLd, products.data(), ld,
                               productScratch);
        const T* extra = nullptr;
        if (layer.residual != Residual::None) {
            for (int row = 0; row < 2 * count; row++)
                for (int n = 0; n < layer.padded; n++)
                    residual[row * ld + n] = n < layer.outputs ? values[row * inputLd + n % layer.inputs] : T(0);
            extra = residual.data();
        }
        finishLayer(kernels, layer, count, products.data(), ld, extra, ld, slopes.data(), ld);
        T* derivative = products.data() + count * ld;
        kernels.multiply(count, layer.padded, derivative, ld, slopes.data(), ld, derivative, ld);
        if (extra)
            kernels.add(count, layer.padded, extra + count * ld, ld, derivative, ld);
        std::swap(values, products);
        inputLd = ld;
    }
}

template <typename T>
std::size_t DirectRows<T>::getMemory() const {
    std::size_t numbers = values.size() + products.size() + slopes.size() + residual.size();
    for (const AlignedBuffer<T>& chunk : chunks)
        numbers += chunk.size();
    return numbers * sizeof(T) + productScratch.getMemory();
}

template class DirectRows<float>;
template class DirectRows<double>;

}  // namespace lps::fast
