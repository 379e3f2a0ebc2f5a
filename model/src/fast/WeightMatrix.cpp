// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/WeightMatrix.h"

#include <Eigen/Core>
#include <algorithm>

namespace lps::fast {

namespace {

constexpr int minDepth = 64;         ///< below it, sums cost more than the product that they save
constexpr int minSize = 14000;       ///< numbers, likewise
constexpr int minHalfVectors = 3;    ///< a full panel of the matrix kernel
constexpr int maxBlockVectors = 96;  ///< so that the products of half a tile of rows stay in the cache

/** A level doubles the matrix. More than this leaves the third level cache, and fetching it costs what was saved. */
constexpr std::size_t maxBytes = 6 << 20;

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

int roundUp(int n, int step) {
    return (n + step - 1) / step * step;
}

}  // namespace

/** Takes a matrix apart and writes the parts in panels. */
template <typename T>
class WeightMatrix<T>::Packer {
public:
    explicit Packer(const Kernels<T>& vectorKernels) : kernels(vectorKernels) {}

    /** Width of the quadrants of each block of a matrix that is worth dividing, else 0. */
    int getHalfWidth(int depth, int width) const {
        const int halfVectors = width / kernels.lanes / getNumBlocks(width) / 2;
        const bool isWorthIt =
            depth % 2 == 0 && depth >= minDepth && depth * width >= minSize && halfVectors >= minHalfVectors;
        return isWorthIt ? halfVectors * kernels.lanes : 0;
    }

    /** Divide B as often as is worth it, at most `levels` times. */
    void divide(const Matrix& B, int levels, Node& node) {
        const int depth = static_cast<int>(B.rows()), width = static_cast<int>(B.cols());
        node.depth = depth;
        node.halfWidth = levels > 0 ? getHalfWidth(depth, width) : 0;
        node.blocks.resize(node.halfWidth > 0 ? getNumBlocks(width) : 0);
        int column = 0;
        for (Block& block : node.blocks) {
            divideBlock(B.middleCols(column, 2 * node.halfWidth), levels, block);
            column += 2 * node.halfWidth;
        }
        if (column < width)
            leaves.emplace_back(&node.rest, B.rightCols(width - column));
    }

    /** Panels of panelVectors vectors, each [depth][vectors * lanes], in the order of use: what follows is prefetched.
     */
    void write(AlignedBuffer<T>& data) {
        std::size_t total = 0;
        for (const auto& leaf : leaves)
            total += leaf.second.size();
        data.resize(total);
        T* next = data.data();
        for (const auto& [packed, B] : leaves) {
            *packed = {static_cast<int>(B.rows()), static_cast<int>(B.cols()) / kernels.lanes, next};
            const int panelWidth = kernels.panelVectors * kernels.lanes;
            for (int begin = 0; begin < B.cols(); begin += panelWidth) {
                const int end = std::min(static_cast<int>(B.cols()), begin + panelWidth);
                for (int k = 0; k < B.rows(); k++)
                    for (int n = begin; n < end; n++)
                        *next++ = static_cast<T>(B(k, n));
            }
        }
    }

private:
    int getNumBlocks(int width) const { return (width / kernels.lanes + maxBlockVectors - 1) / maxBlockVectors; }

    void divideBlock(const Matrix& B, int levels, Block& block) {
        const Eigen::Index h = B.rows() / 2, w = B.cols() / 2;
        const Matrix b11 = B.topLeftCorner(h, w), b12 = B.topRightCorner(h, w);
        const Matrix b21 = B.bottomLeftCorner(h, w), b22 = B.bottomRightCorner(h, w);
        const Matrix t2 = b22 - b12 + b11;
        const auto add = [&](Part part, const Matrix& matrix) {
            block[part] = std::make_unique<Node>();
            divide(matrix, levels - 1, *block[part]);
        };
        add(B11, b11);
        add(B21, b21);
        add(T1, b12 - b11);
        add(T2, t2);
        add(B22, b22);
        add(T3, b22 - b12);
        add(minusT4, b21 - t2);
    }

    const Kernels<T>& kernels;
    std::vector<std::pair<PackedMatrix<T>*, Matrix>> leaves;
};

template <typename T>
void WeightMatrix<T>::pack(const Kernels<T>& kernels, int depth, int width,
                           const std::function<double(int, int)>& element) {
    Matrix B = Matrix::Zero(depth, roundUp(width, kernels.lanes));
    for (int k = 0; k < depth; k++)
        for (int n = 0; n < width; n++)
            B(k, n) = element(k, n);
    const bool staysSmall = 4 * B.size() * sizeof(T) <= maxBytes;
    Packer packer(kernels);
    const int limit = staysSmall ? maxLevels : 1;
    int rows = depth, columns = static_cast<int>(B.cols());
    for (levels = 0; levels < limit && packer.getHalfWidth(rows, columns) > 0; levels++) {
        columns = packer.getHalfWidth(rows, columns);
        rows /= 2;
    }
    for (int level = 0; level <= levels; level++)
        packer.divide(B, level, roots[level]);
    packer.write(data);
}

template <typename T>
void WeightMatrix<T>::multiply(const Kernels<T>& kernels, int rows, int sharers, const T* A, std::size_t lda, T* C,
                               std::size_t ldc, ProductScratch<T>& scratch) const {
    int divisions = 0;
    while (divisions < levels && sharers >= minSharers[divisions] && rows >= minRows << divisions &&
           rows % (2 << divisions) == 0)
        divisions++;
    multiply({kernels, scratch}, 0, roots[divisions], rows, {{A, lda}, 0.0, {}, {}}, {}, {C, ldc});
}

template <typename T>
void WeightMatrix<T>::multiply(const Context& context, int level, const Node& node, int rows, const Operand& operand,
                               const Terms<T>& start, Rows<T> C) const {
    const Rows<const T> A = !node.blocks.empty() && level > 0 ? formWithSums(context, level, node, rows, operand)
                                                              : form(context, node, rows, operand);
    int column = 0;
    for (const Block& block : node.blocks) {
        const Terms<T> from = start.at(0, column);
        const Rows<T> to = C.at(0, column);
        multiplyBySums(context, level, node, block, rows, A, from, to);
        column += 2 * node.halfWidth;
    }
    if (node.rest.vectors > 0)
        context.kernels.gemm(rows, A.data, A.ld, node.rest, start.at(0, column), C.data + column, C.ld);
}

/** The operand as one matrix. */
template <typename T>
Rows<const T> WeightMatrix<T>::form(const Context& context, const Node& node, int rows, const Operand& operand) {
    if (!operand.b.data)
        return operand.a;
    context.kernels.combine(rows, node.depth, operand.a.data, operand.a.ld, operand.factor, operand.b.data,
                            operand.b.ld, operand.whole.data, operand.whole.ld);
    return operand.whole;
}

/** Where sum number i of four is kept, in the scratch of the level. */
template <typename T>
Rows<T> WeightMatrix<T>::getSums(const Context& context, int level, const Node& node, int rows, int i) {
    const std::size_t ld = roundUp(node.depth / 2, context.kernels.lanes) + context.kernels.lanes;
    AlignedBuffer<T>& sums = context.scratch.levels[level].sums;
    sums.ensure(4 * (rows / 2) * ld);
    return {sums.data() + i * (rows / 2) * ld, ld};
}

/** The same, and the four sums of its quadrants in the scratch of the level. */
template <typename T>
Rows<const T> WeightMatrix<T>::formWithSums(const Context& context, int level, const Node& node, int rows,
                                            const Operand& operand) {
    Rows<T> sums[4];
    for (int i = 0; i < 4; i++)
        sums[i] = getSums(context, level, node, rows, i);
    context.kernels.addQuadrants(rows / 2, node.depth / 2, operand.a, operand.factor, operand.b, operand.whole, sums);
    return operand.b.data ? operand.whole : operand.a;
}

// Quadrants of A, rows from the middle on below:
//   S1 = A21 + A22, S2 = S1 - A11, S3 = A11 - A21, S4 = A12 - S2
//   U2 = A11 B11 + S2 T2, U3 = U2 + S3 T3, P5 = S1 T1
//   C11 = A11 B11 + A12 B21, C12 = U2 + P5 + S4 B22, C21 = U3 - A22 T4, C22 = U3 + P5
// The sums of the outer level take turns in one buffer, which the second level cache keeps beside A itself. The inner
// level forms them, and its own four in the same pass.

template <typename T>
void WeightMatrix<T>::multiplyBySums(const Context& context, int level, const Node& node, const Block& parts, int rows,
                                     Rows<const T> A, const Terms<T>& start, Rows<T> C) const {
    const int half = rows / 2, depth = node.depth / 2, width = node.halfWidth;
    typename ProductScratch<T>::Level& scratch = context.scratch.levels[level];
    for (AlignedBuffer<T>& product : scratch.products)
        product.ensure(half * static_cast<std::size_t>(width));
    const Rows<T> P5 = {scratch.products[0].data(), static_cast<std::size_t>(width)};
    const Rows<T> U = {scratch.products[1].data(), static_cast<std::size_t>(width)};
    const Rows<const T> A11 = A, A12 = A.at(0, depth), A21 = A.at(half, 0), A22 = A.at(half, depth);
    Operand S1, S2, S3, S4;
    if (level > 0) {
        S1.a = getSums(context, level, node, rows, 0);
        S2.a = getSums(context, level, node, rows, 1);
        S3.a = getSums(context, level, node, rows, 2);
        S4.a = getSums(context, level, node, rows, 3);
    } else {
        const Rows<T> S = getSums(context, level, node, rows, 0);
        S1 = {A21, 1.0, A22, S};
        S2 = {S, -1.0, A11, S};
        S3 = {A11, -1.0, A21, S};
        S4 = {A12, -1.0, S, S};
    }
    const auto product = [&](const Operand& left, Part part, const Terms<T>& from, Rows<T> to) {
        multiply(context, level + 1, *parts[part], half, left, from, to);
    };
    const Terms<T> none;
    Terms<T> justU, plus11 = start, plus12 = start.at(0, width), plus21 = start.at(half, 0),
                    plus22 = start.at(half, width);
    justU.add(U);
    for (Terms<T>* terms : {&plus11, &plus12, &plus21, &plus22})
        terms->add(U);
    plus12.add(P5);
    plus22.add(P5);

    product({A11}, B11, none, U);
    product({A12}, B21, plus11, C);
    product(S1, T1, none, P5);
    product(S2, T2, justU, U);  // U2
    product(S4, B22, plus12, C.at(0, width));
    product(S3, T3, justU, U);  // U3
    product({A22}, minusT4, plus21, C.at(half, 0));
    context.kernels.addUp(half, width, plus22, C.at(half, width));
}

template class WeightMatrix<float>;
template class WeightMatrix<double>;

}  // namespace lps::fast
