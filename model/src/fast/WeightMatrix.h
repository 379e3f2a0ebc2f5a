// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "fast/AlignedBuffer.h"
#include "fast/Kernels.h"

namespace lps::fast {

/** Scratch of WeightMatrix::multiply(), one per thread; grows as needed. */
template <typename T>
struct ProductScratch {
    struct Level {
        AlignedBuffer<T> sums;         ///< four of [half of the rows][half of the depth]
        AlignedBuffer<T> products[2];  ///< [half of the rows][half of the width of a block]
    };
    Level levels[2];  ///< of division

    std::size_t getMemory() const {
        std::size_t numbers = 0;
        for (const Level& level : levels)
            numbers += level.sums.size() + level.products[0].size() + level.products[1].size();
        return numbers * sizeof(T);
    }
};

/**
 * A constant matrix B [depth][width] that many matrices A are multiplied by.
 *
 * Where it is large enough it is kept as it is, and as the seven quadrants and sums of quadrants that Winograd's form
 * of Strassen's algorithm needs: seven products of half the size instead of eight (S. Winograd, Linear Algebra Appl. 4,
 * 381 (1971); N. J. Higham, Accuracy and Stability of Numerical Algorithms, section 23.2). Each of the seven is taken
 * apart once more where the matrix stays small enough for the cache. The sums of B are taken in double and rounded
 * once. Columns that do not fill two equal halves of whole vectors are multiplied in the ordinary way.
 *
 * Seven products read 7/4 of the matrix, forty-nine 49/16. Few rows do not repay that: multiply() takes the level that
 * suits all rows that share one reading.
 *
 * Seven products mix rows of A, so rounding errors of one row depend on its partners half and a quarter of the rows
 * away. They are bounded by the norms of all of them, not by single elements.
 */
template <typename T>
class WeightMatrix {
public:
    /** With fewer rows than this the ordinary product is faster. */
    static constexpr int minRows = 16;

    /** Rows that must share the weights for one and for two levels of division. */
    static constexpr int minSharers[] = {96, 192};

    /** Only multiples of this are halved twice: fill up with rows of zeros where there are at least minRows. */
    static constexpr int rowStep = 4;

    /** @param element (k, n) -> number, k < depth, n < width */
    void pack(const Kernels<T>& kernels, int depth, int width, const std::function<double(int, int)>& element);

    /**
     * C = A B.
     * @param sharers  rows, these included, that are multiplied by the matrix before it leaves the cache
     * @param A    [rows][lda >= depth rounded up to whole vectors, plus one]; what lies beyond depth is read but does
     * not count
     * @param C    [rows][ldc >= width rounded up to whole vectors], aligned as all rows are; not A
     */
    void multiply(const Kernels<T>& kernels, int rows, int sharers, const T* A, std::size_t lda, T* C, std::size_t ldc,
                  ProductScratch<T>& scratch) const;

    std::size_t getMemory() const { return data.size() * sizeof(T); }

private:
    static constexpr int maxLevels = 2;

    enum Part { B11, B21, B22, T1, T2, T3, minusT4, numParts };

    struct Node;

    /** A range of 2 halfWidth columns in quadrants. */
    using Block = std::array<std::unique_ptr<Node>, numParts>;

    /** A matrix, in blocks of quadrants or as it is. */
    struct Node {
        int depth = 0;
        int halfWidth = 0;  ///< of every block, a multiple of the lanes
        std::vector<Block> blocks;
        PackedMatrix<T> rest;  ///< [depth] columns that are in no block
    };

    class Packer;

    /** a + factor b, to be kept in `whole`; or just a where there is no b. */
    struct Operand {
        Rows<const T> a;
        double factor = 0.0;
        Rows<const T> b = {};
        Rows<T> whole = {};
    };

    struct Context {
        const Kernels<T>& kernels;
        ProductScratch<T>& scratch;
    };

    static Rows<T> getSums(const Context& context, int level, const Node& node, int rows, int i);
    static Rows<const T> form(const Context& context, const Node& node, int rows, const Operand& operand);
    static Rows<const T> formWithSums(const Context& context, int level, const Node& node, int rows,
                                      const Operand& operand);
    /** C = start + A B; one of the starts may be C. */
    void multiply(const Context& context, int level, const Node& node, int rows, const Operand& operand,
                  const Terms<T>& start, Rows<T> C) const;
    void multiplyBySums(const Context& context, int level, const Node& node, const Block& parts, int rows,
                        Rows<const T> A, const Terms<T>& start, Rows<T> C) const;

    std::array<Node, maxLevels + 1> roots;  ///< divided at most so often
    int levels = 0;                         ///< of division; roots beyond it are empty
    AlignedBuffer<T> data;
};

}  // namespace lps::fast
