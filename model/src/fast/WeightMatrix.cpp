// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/WeightMatrix.h"

namespace lps::fast {

namespace {

constexpr int minDepth = 64;         ///< below it, sums cost more than the product that they save
constexpr int minHalfVectors = 3;    ///< a full panel of the matrix kernel
constexpr int maxBlockVectors = 96;  ///< so that the products of half a tile of rows stay in the cache

int roundUp(int n, int step) {
    return (n + step - 1) / step * step;
}

}  // namespace

template <typename T>
void WeightMatrix<T>::pack(const Kernels<T>& kernels, int depth, int width,
                           const std::function<double(int, int)>& element) {
    const int lanes = kernels.lanes;
    const int vectors = (width + lanes - 1) / lanes;
    const int numBlocks = (vectors + maxBlockVectors - 1) / maxBlockVectors;
    const int halfVectors = vectors / numBlocks / 2;
    const bool isDivided = depth % 2 == 0 && depth >= minDepth && halfVectors >= minHalfVectors;
    blocks.resize(isDivided ? numBlocks : 0);
    halfDepth = depth / 2;
    halfWidth = halfVectors * lanes;
    const int restBegin = static_cast<int>(blocks.size()) * 2 * halfWidth;
    const int restWidth = vectors * lanes - restBegin;
    data.resize(blocks.size() * numParts * halfDepth * halfWidth + static_cast<std::size_t>(depth) * restWidth);

    // Panels of panelVectors vectors, each [depth][vectors * lanes], padded with zeros.

    T* next = data.data();
    const auto packPart = [&](int partDepth, int partWidth, PackedMatrix<T>& part, const auto& elementOf) {
        part = {partDepth, partWidth / lanes, next};
        for (int begin = 0; begin < partWidth; begin += kernels.panelVectors * lanes) {
            const int end = std::min(partWidth, begin + kernels.panelVectors * lanes);
            for (int k = 0; k < partDepth; k++)
                for (int n = begin; n < end; n++)
                    *next++ = static_cast<T>(elementOf(k, n));
        }
    };
    const auto padded = [&](int k, int n) { return n < width ? element(k, n) : 0.0; };
    for (std::size_t i = 0; i < blocks.size(); i++) {
        Block& block = blocks[i];
        const int h = halfDepth, w = halfWidth, first = static_cast<int>(i) * 2 * w;
        const auto b11 = [&](int k, int n) { return padded(k, first + n); };
        const auto b12 = [&](int k, int n) { return padded(k, first + n + w); };
        const auto b21 = [&](int k, int n) { return padded(k + h, first + n); };
        const auto b22 = [&](int k, int n) { return padded(k + h, first + n + w); };
        const auto t2 = [&](int k, int n) { return b22(k, n) - b12(k, n) + b11(k, n); };
        packPart(h, w, block[B11], b11);
        packPart(h, w, block[B12], b12);
        packPart(h, w, block[B21], b21);
        packPart(h, w, block[B22], b22);
        packPart(h, w, block[T1], [&](int k, int n) { return b12(k, n) - b11(k, n); });
        packPart(h, w, block[T2], t2);
        packPart(h, w, block[T3], [&](int k, int n) { return b22(k, n) - b12(k, n); });
        packPart(h, w, block[minusT4], [&](int k, int n) { return b21(k, n) - t2(k, n); });
    }
    packPart(depth, restWidth, rest, [&](int k, int n) { return padded(k, restBegin + n); });
}

template <typename T>
void WeightMatrix<T>::multiply(const Kernels<T>& kernels, int rows, const T* A, std::size_t lda, T* C, std::size_t ldc,
                               ProductScratch<T>& scratch) const {
    if (rows >= minRows && !blocks.empty()) {
        multiplyBySums(kernels, rows, A, lda, C, ldc, scratch);
        C += blocks.size() * 2 * halfWidth;
    } else {
        for (const Block& block : blocks) {
            multiplyInParts(kernels, block, rows, A, lda, C, ldc);
            C += 2 * halfWidth;
        }
    }
    if (rest.vectors > 0)
        kernels.gemm(rows, A, lda, rest, nullptr, 0, C, ldc);
}

template <typename T>
void WeightMatrix<T>::multiplyInParts(const Kernels<T>& kernels, const Block& parts, int rows, const T* A,
                                      std::size_t lda, T* C, std::size_t ldc) const {
    const T* right = A + halfDepth;
    kernels.gemm(rows, A, lda, parts[B11], nullptr, 0, C, ldc);
    kernels.gemm(rows, right, lda, parts[B21], C, ldc, C, ldc);
    kernels.gemm(rows, A, lda, parts[B12], nullptr, 0, C + halfWidth, ldc);
    kernels.gemm(rows, right, lda, parts[B22], C + halfWidth, ldc, C + halfWidth, ldc);
}

// Quadrants of A, rows from the middle on below:
//   S1 = A21 + A22, S2 = S1 - A11, S3 = A11 - A21, S4 = A12 - S2
//   U2 = A11 B11 + S2 T2, U3 = U2 + S3 T3, P5 = S1 T1
//   C11 = A11 B11 + A12 B21, C12 = U2 + P5 + S4 B22, C21 = U3 - A22 T4, C22 = U3 + P5
// An odd number of rows is treated as if a row of zeros followed. All sums of A take turns in one place, which the
// second level cache keeps beside A itself.

template <typename T>
void WeightMatrix<T>::multiplyBySums(const Kernels<T>& kernels, int rows, const T* A, std::size_t lda, T* C,
                                     std::size_t ldc, ProductScratch<T>& scratch) const {
    const int upper = (rows + 1) / 2, lower = rows / 2;
    const std::size_t sumLd = roundUp(halfDepth, kernels.lanes), productLd = halfWidth;
    scratch.sum.ensure(upper * sumLd);
    for (AlignedBuffer<T>& product : scratch.products)
        product.ensure(upper * productLd);
    T *S = scratch.sum.data(), *P5 = scratch.products[0].data(), *U = scratch.products[1].data();
    const T *A11 = A, *A12 = A + halfDepth, *A21 = A + upper * lda, *A22 = A21 + halfDepth;
    for (const Block& parts : blocks) {
        T *C11 = C, *C12 = C + halfWidth, *C21 = C + upper * ldc, *C22 = C21 + halfWidth;
        kernels.gemm(upper, A11, lda, parts[B11], nullptr, 0, U, productLd);
        kernels.gemm(upper, A12, lda, parts[B21], U, productLd, C11, ldc);
        kernels.combine(lower, halfDepth, A21, lda, 1.0, A22, lda, S, sumLd);  // S1
        if (lower < upper)
            std::fill_n(S + lower * sumLd, sumLd, T(0));
        kernels.gemm(upper, S, sumLd, parts[T1], nullptr, 0, P5, productLd);
        kernels.combine(upper, halfDepth, S, sumLd, -1.0, A11, lda, S, sumLd);  // S2
        kernels.gemm(upper, S, sumLd, parts[T2], U, productLd, U, productLd);   // U2
        kernels.combine(upper, halfWidth, U, productLd, 1.0, P5, productLd, C12, ldc);
        kernels.combine(upper, halfDepth, A12, lda, -1.0, S, sumLd, S, sumLd);  // S4
        kernels.gemm(upper, S, sumLd, parts[B22], C12, ldc, C12, ldc);
        kernels.combine(lower, halfDepth, A11, lda, -1.0, A21, lda, S, sumLd);  // S3
        kernels.gemm(lower, S, sumLd, parts[T3], U, productLd, C21, ldc);       // U3
        kernels.combine(lower, halfWidth, C21, ldc, 1.0, P5, productLd, C22, ldc);
        kernels.gemm(lower, A22, lda, parts[minusT4], C21, ldc, C21, ldc);
        C += 2 * halfWidth;
    }
}

template class WeightMatrix<float>;
template class WeightMatrix<double>;

}  // namespace lps::fast
