// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <functional>
#include <vector>

#include "fast/AlignedBuffer.h"
#include "fast/Kernels.h"

namespace lps::fast {

/** Scratch of WeightMatrix::multiply(), one per thread; grows as needed. */
template <typename T>
struct ProductScratch {
    AlignedBuffer<T> sum;          ///< [half of the rows][half of the depth]
    AlignedBuffer<T> products[2];  ///< [half of the rows][half of the width of a block]

    std::size_t getMemory() const { return (sum.size() + products[0].size() + products[1].size()) * sizeof(T); }
};

/**
 * A constant matrix B [depth][width] that many matrices A are multiplied by.
 *
 * Where it is large enough it is kept as four quadrants and the four sums of them that one level of Winograd's form of
 * Strassen's algorithm needs: seven products of half the size instead of eight (S. Winograd, Linear Algebra Appl. 4,
 * 381 (1971); N. J. Higham, Accuracy and Stability of Numerical Algorithms, section 23.2). The sums are taken in double
 * and rounded once. Columns that do not fill two equal halves of whole vectors, and products of few rows, are
 * multiplied in the ordinary way.
 *
 * Seven products mix rows of A, so rounding errors of one row depend on its partner half the rows away. They are
 * bounded by the norms of both, not by single elements.
 */
template <typename T>
class WeightMatrix {
public:
    /** With fewer rows than this the ordinary product is faster. */
    static constexpr int minRows = 16;

    /** @param element (k, n) -> number, k < depth, n < width */
    void pack(const Kernels<T>& kernels, int depth, int width, const std::function<double(int, int)>& element);

    /**
     * C = A B.
     * @param A    [rows][lda >= depth rounded up to whole vectors, plus one]; what lies beyond depth is read but does
     * not count
     * @param C    [rows][ldc >= width rounded up to whole vectors], aligned as all rows are; not A
     */
    void multiply(const Kernels<T>& kernels, int rows, const T* A, std::size_t lda, T* C, std::size_t ldc,
                  ProductScratch<T>& scratch) const;

    std::size_t getMemory() const { return data.size() * sizeof(T); }

private:
    enum Part { B11, B12, B21, B22, T1, T2, T3, minusT4, numParts };

    /** A range of 2 halfWidth columns in quadrants. */
    using Block = std::array<PackedMatrix<T>, numParts>;

    void multiplyInParts(const Kernels<T>& kernels, const Block& parts, int rows, const T* A, std::size_t lda, T* C,
                         std::size_t ldc) const;
    void multiplyBySums(const Kernels<T>& kernels, int rows, const T* A, std::size_t lda, T* C, std::size_t ldc,
                        ProductScratch<T>& scratch) const;

    int halfDepth = 0;
    int halfWidth = 0;  ///< of every block, a multiple of the lanes
    std::vector<Block> blocks;
    PackedMatrix<T> rest;  ///< [depth] columns that are in no block
    AlignedBuffer<T> data;
};

}  // namespace lps::fast
