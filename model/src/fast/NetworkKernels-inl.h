// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Kernels of the fitting and embedding networks: matrix product, tanh, elementwise.

#if defined(LPS_NETWORK_KERNELS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LPS_NETWORK_KERNELS_INL_H
#undef LPS_NETWORK_KERNELS_INL_H
#else
#define LPS_NETWORK_KERNELS_INL_H
#endif

#include "fast/Vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE {

// ---------------------------------------------------------------- matrix product

// With 32 vector registers a register block holds 8 x 3 accumulators, with 16 it holds 4 x 3.

constexpr int blockRows = hasManyRegisters ? 8 : 4;
constexpr int panelVectors = 3;
constexpr int lineBytes = 64;

/** Into the second level cache, where the first must keep what it has. */
HWY_INLINE void prefetchToSecondLevel(const char* address) {
#if defined(__GNUC__)
    __builtin_prefetch(address, 0, 2);
#else
    (void)address;
#endif
}

/**
 * C [numRows][numVectors * lanes] = start + A [numRows][depth] times one panel, accumulated in registers. `start` may
 * be C itself, or null for zero. One line from `ahead` on is fetched per step: weights of a large network are in no
 * cache of the core.
 */
template <int numRows, int numVectors>
HWY_NOINLINE void multiplyBlock(int depth, const T* HWY_RESTRICT A, std::size_t lda, const T* HWY_RESTRICT B,
                                const T* start, std::size_t startLd, T* C, std::size_t ldc, const char* ahead) {
#define LPS_EACH_ROW(macro) macro(0) macro(1) macro(2) macro(3) macro(4) macro(5) macro(6) macro(7)
#define LPS_ZERO(i) V c##i##0 = hn::Zero(d), c##i##1 = c##i##0, c##i##2 = c##i##0;
    LPS_EACH_ROW(LPS_ZERO)
#define LPS_START(i)                                                \
    if constexpr (numRows > i) {                                    \
        c##i##0 = hn::Load(d, start + i * startLd);                 \
        if constexpr (numVectors > 1)                               \
            c##i##1 = hn::Load(d, start + i * startLd + lanes);     \
        if constexpr (numVectors > 2)                               \
            c##i##2 = hn::Load(d, start + i * startLd + 2 * lanes); \
    }
    if (start) {
        LPS_EACH_ROW(LPS_START)
    }
    for (int k = 0; k < depth; k++) {
        const V b0 = hn::Load(d, B);
        V b1 = b0, b2 = b0;
        if constexpr (numVectors > 1)
            b1 = hn::Load(d, B + lanes);
        if constexpr (numVectors > 2)
            b2 = hn::Load(d, B + 2 * lanes);
        B += numVectors * lanes;
        prefetchToSecondLevel(ahead + lineBytes * k);
#define LPS_MULTIPLY(i)                           \
    if constexpr (numRows > i) {                  \
        const V a = hn::Set(d, A[i * lda + k]);   \
        c##i##0 = hn::MulAdd(a, b0, c##i##0);     \
        if constexpr (numVectors > 1)             \
            c##i##1 = hn::MulAdd(a, b1, c##i##1); \
        if constexpr (numVectors > 2)             \
            c##i##2 = hn::MulAdd(a, b2, c##i##2); \
    }
        LPS_EACH_ROW(LPS_MULTIPLY)
    }
#define LPS_WRITE(i)                                        \
    if constexpr (numRows > i) {                            \
        hn::Store(c##i##0, d, C + i * ldc);                 \
        if constexpr (numVectors > 1)                       \
            hn::Store(c##i##1, d, C + i * ldc + lanes);     \
        if constexpr (numVectors > 2)                       \
            hn::Store(c##i##2, d, C + i * ldc + 2 * lanes); \
    }
    LPS_EACH_ROW(LPS_WRITE)
#undef LPS_EACH_ROW
#undef LPS_ZERO
#undef LPS_START
#undef LPS_MULTIPLY
#undef LPS_WRITE
}

template <int numVectors>
HWY_INLINE void multiplyPanel(int rows, const T* A, std::size_t lda, const T* panel, int depth, const T* start,
                              std::size_t startLd, T* C, std::size_t ldc) {
    int blocks = (rows + blockRows - 1) / blockRows, block = 0;
    const char* next = reinterpret_cast<const char*>(panel + static_cast<std::size_t>(depth) * numVectors * lanes);
    for (int row = 0; row < rows; blocks--) {
        const int now = (rows - row + blocks - 1) / blocks;
        const T* a = A + row * lda;
        const T* from = start ? start + row * startLd : nullptr;
        T* c = C + row * ldc;
        const char* ahead = next + static_cast<std::size_t>(lineBytes) * depth * (block++ % panelVectors);
        switch (now) {
            case 1:
                multiplyBlock<1, numVectors>(depth, a, lda, panel, from, startLd, c, ldc, ahead);
                break;
            case 2:
                multiplyBlock<2, numVectors>(depth, a, lda, panel, from, startLd, c, ldc, ahead);
                break;
            case 3:
                multiplyBlock<3, numVectors>(depth, a, lda, panel, from, startLd, c, ldc, ahead);
                break;
            case 4:
                multiplyBlock<4, numVectors>(depth, a, lda, panel, from, startLd, c, ldc, ahead);
                break;
            case 5:
                multiplyBlock<blockRows >= 5 ? 5 : 1, numVectors>(depth, a, lda, panel, from, startLd, c, ldc, ahead);
                break;
            case 6:
                multiplyBlock<blockRows >= 6 ? 6 : 1, numVectors>(depth, a, lda, panel, from, startLd, c, ldc, ahead);
                break;
            case 7:
                multiplyBlock<blockRows >= 7 ? 7 : 1, numVectors>(depth, a, lda, panel, from, startLd, c, ldc, ahead);
                break;
            case 8:
                multiplyBlock<blockRows >= 8 ? 8 : 1, numVectors>(depth, a, lda, panel, from, startLd, c, ldc, ahead);
                break;
        }
        row += now;
    }
}

void gemm(int rows, const T* A, std::size_t lda, const PackedMatrix<T>& B, const T* start, std::size_t startLd, T* C,
          std::size_t ldc) {
    const T* panel = B.data;
    for (int vector = 0; vector < B.vectors; vector += panelVectors) {
        const int width = B.vectors - vector < panelVectors ? B.vectors - vector : panelVectors;
        const T* from = start ? start + vector * lanes : nullptr;
        T* c = C + vector * lanes;
        if (width == 3)
            multiplyPanel<3>(rows, A, lda, panel, B.depth, from, startLd, c, ldc);
        else if (width == 2)
            multiplyPanel<2>(rows, A, lda, panel, B.depth, from, startLd, c, ldc);
        else
            multiplyPanel<1>(rows, A, lda, panel, B.depth, from, startLd, c, ldc);
        panel += static_cast<std::size_t>(width) * lanes * B.depth;
    }
}

// ---------------------------------------------------------------- activation

/** exp(y) - 1 for 0 <= y <= 44: y = n ln 2 + f, exp(y) - 1 = 2^n (exp(f) - 1) + (2^n - 1). */
HWY_INLINE V expMinusOne(V y) {
    const V n = hn::Round(hn::Mul(y, set(1.4426950408889634)));
    const bool isFloat = sizeof(T) == 4;
    V f = hn::NegMulAdd(n, set(isFloat ? 0.693359375 : 0.6931471803691238), y);
    f = hn::NegMulAdd(n, set(isFloat ? -2.12194440054690583e-4 : 1.9082149292705877e-10), f);
    V p;
    if (isFloat) {
        p = set(1.0 / 5040);
    } else {
        p = set(1.0 / 6227020800.0);
        p = hn::MulAdd(p, f, set(1.0 / 479001600.0));
        p = hn::MulAdd(p, f, set(1.0 / 39916800.0));
        p = hn::MulAdd(p, f, set(1.0 / 3628800.0));
        p = hn::MulAdd(p, f, set(1.0 / 362880.0));
        p = hn::MulAdd(p, f, set(1.0 / 40320.0));
        p = hn::MulAdd(p, f, set(1.0 / 5040.0));
    }
    p = hn::MulAdd(p, f, set(1.0 / 720));
    p = hn::MulAdd(p, f, set(1.0 / 120));
    p = hn::MulAdd(p, f, set(1.0 / 24));
    p = hn::MulAdd(p, f, set(1.0 / 6));
    p = hn::MulAdd(p, f, set(0.5));
    p = hn::MulAdd(hn::Mul(p, f), f, f);
    constexpr int mantissa = sizeof(T) == 4 ? 23 : 52;
    // Adding 1.5 * 2^mantissa leaves the integer in the low bits; the scale 2^n follows from a shift.
    const V shifted = hn::Add(n, set(sizeof(T) == 4 ? 12582912.0 + 127.0 : 6755399441055744.0 + 1023.0));
    const V scale = hn::BitCast(d, hn::ShiftLeft<mantissa>(hn::BitCast(di, shifted)));
    return hn::MulAdd(scale, p, hn::Sub(scale, set(1.0)));
}

/** tanh(x) = sign(x) e / (e + 2) with e = exp(2|x|) - 1; relative error of a few units in the last place. */
HWY_INLINE V tanhOf(V x) {
    const V magnitude = hn::Min(hn::Abs(x), set(sizeof(T) == 4 ? 9.02 : 20.0));
    const V e = expMinusOne(hn::Add(magnitude, magnitude));
    const V result = hn::Div(e, hn::Add(e, set(2.0)));
    return hn::IfThenElse(hn::Ne(x, x), x, hn::CopySign(result, x));
}

void tanhLayer(int rows, int width, T* zy, std::size_t ld, const T* bias, const T* timestep, const T* residual,
               std::size_t residualLd, T* derivative, std::size_t derivativeLd) {
    for (int row = 0; row < rows; row++) {
        for (int m = 0; m < width; m += lanes) {
            const V a = tanhOf(hn::Add(hn::Load(d, zy + m), hn::Load(d, bias + m)));
            V slope = hn::NegMulAdd(a, a, set(1.0));
            V y = a;
            if (timestep) {
                const V scale = hn::Load(d, timestep + m);
                slope = hn::Mul(slope, scale);
                y = hn::Mul(y, scale);
            }
            if (residual)
                y = hn::Add(y, hn::Load(d, residual + m));
            hn::Store(y, d, zy + m);
            hn::Store(slope, d, derivative + m);
        }
        zy += ld;
        derivative += derivativeLd;
        if (residual)
            residual += residualLd;
    }
}

// ---------------------------------------------------------------- elementwise

void multiply(int rows, int width, const T* a, std::size_t lda, const T* b, std::size_t ldb, T* out, std::size_t ldo) {
    for (int row = 0; row < rows; row++, a += lda, b += ldb, out += ldo)
        for (int m = 0; m < width; m += lanes)
            hn::Store(hn::Mul(hn::Load(d, a + m), hn::Load(d, b + m)), d, out + m);
}

void add(int rows, int width, const T* a, std::size_t lda, T* out, std::size_t ldo) {
    for (int row = 0; row < rows; row++, a += lda, out += ldo)
        for (int m = 0; m < width; m += lanes)
            hn::Store(hn::Add(hn::Load(d, a + m), hn::Load(d, out + m)), d, out + m);
}

void combine(int rows, int width, const T* a, std::size_t lda, double factor, const T* b, std::size_t ldb, T* out,
             std::size_t ldo) {
    const V f = set(factor);
    for (int row = 0; row < rows; row++, a += lda, b += ldb, out += ldo)
        for (int m = 0; m < width; m += lanes)
            hn::Store(hn::MulAdd(f, hn::LoadU(d, b + m), hn::LoadU(d, a + m)), d, out + m);
}

double dot(int width, const T* a, const T* b) {
    double total[4] = {0.0, 0.0, 0.0, 0.0};
    int m = 0;
    for (; m + 4 <= width; m += 4)
        for (int k = 0; k < 4; k++)
            total[k] += static_cast<double>(a[m + k]) * b[m + k];
    for (; m < width; m++)
        total[0] += static_cast<double>(a[m]) * b[m];
    return (total[0] + total[1]) + (total[2] + total[3]);
}

}  // namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // LPS_NETWORK_KERNELS_INL_H
