// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "fast/CompiledModel.h"

namespace lps::fast {

/**
 * Rows of coefficients made for single neighbors that no table serves: value and slope of the embedding with respect to
 * s, by the networks or by what a compressed model does beyond its table. One per thread.
 */
template <typename T>
class DirectRows {
public:
    explicit DirectRows(const CompiledModel<T>& compiledModel) : model(compiledModel) {}

    /** Forget all rows. */
    void clear() { usedChunks = 0; }

    /**
     * Set rows, t and slope of those neighbors in [begin, end), all of one type, whose rows are no plain rows of a
     * table. Rows stay valid until clear().
     */
    void locate(int center, const CompiledPair<T>& pair, const PairFields<T>& fields, int begin, int end);

    std::size_t getMemory() const;

private:
    void start(const CompiledPair<T>& pair, T inverseStddev, const PairFields<T>& fields, int k, T* row) const;
    template <typename Number>
    void fill(const CompiledPair<T>& pair, const Number* value, const Number* slope, T* row) const;
    T* allocate(std::size_t size);
    void locateInOwnTable(const CompiledPair<T>& pair, T inverseStddev, const PairFields<T>& fields, int begin,
                          int end);
    void evaluateNetworks(const CompiledPair<T>& pair);

    const CompiledModel<T>& model;
    std::vector<AlignedBuffer<T>> chunks;  // of rows; one per call of locate(), so that none moves
    std::size_t usedChunks = 0;
    std::vector<double> inputs;              // s of the neighbors to evaluate
    std::vector<double> ownValue, ownSlope;  // [M1]
    AlignedBuffer<T> values, products, slopes, residual;
    ProductScratch<T> productScratch;
};

}  // namespace lps::fast
