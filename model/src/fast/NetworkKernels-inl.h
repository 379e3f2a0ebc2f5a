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

/**
 * C [numRows][numVectors * lanes] = start + A [numRows][depth] times one panel, accumulated in registers. From `ahead`
 * on, `lines` lines are fetched per step: weights of a large network are in no cache of the core.
 */
template <int numRows, int numVectors>
HWY_NOINLINE void multiplyBlock(int depth, const T* HWY_RESTRICT A, std::size_t lda, const T* HWY_RESTRICT B,
                                const Terms<T>& start, int row, int column, T* C, std::size_t ldc, const char* ahead,
                                int lines) {
#define LPS_EACH_ROW(macro) macro(0) macro(1) macro(2) macro(3) macro(4) macro(5) macro(6) macro(7)
#define LPS_ZERO(i) V c##i##0 = hn::Zero(d), c##i##1 = c##i##0, c##i##2 = c##i##0;
    LPS_EACH_ROW(LPS_ZERO)
    const int step = lines > 1 ? 2 * lineBytes : lineBytes;
    for (int k = 0; k < depth; k++) {
        const V b0 = hn::Load(d, B);
        V b1 = b0, b2 = b0;
        if constexpr (numVectors > 1)
            b1 = hn::Load(d, B + lanes);
        if constexpr (numVectors > 2)
            b2 = hn::Load(d, B + 2 * lanes);
        B += numVectors * lanes;
        prefetchToSecondLevel(ahead);
        if (lines > 1)
            prefetchToSecondLevel(ahead + lineBytes);
        ahead += step;
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
    // Last, so that nothing waits for it: the next block may begin meanwhile.

#define LPS_START(i)                                                   \
    if constexpr (numRows > i) {                                       \
        const T* from = first + i * term.ld;                           \
        c##i##0 = hn::Add(c##i##0, hn::Load(d, from));                 \
        if constexpr (numVectors > 1)                                  \
            c##i##1 = hn::Add(c##i##1, hn::Load(d, from + lanes));     \
        if constexpr (numVectors > 2)                                  \
            c##i##2 = hn::Add(c##i##2, hn::Load(d, from + 2 * lanes)); \
    }
    for (int t = 0; t < start.count; t++) {
        const Rows<const T> term = start.rows[t];
        const T* first = term.data + row * term.ld + column;
        LPS_EACH_ROW(LPS_START)
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
HWY_INLINE void multiplyPanel(int rows, const T* A, std::size_t lda, const T* panel, int depth, const Terms<T>& start,
                              int column, T* C, std::size_t ldc) {
    // The blocks fetch the next panel between them, each an equal share.

    int blocks = (rows + blockRows - 1) / blockRows;
    const int lines = blocks >= panelVectors ? 1 : 2;
    const int shares = (panelVectors + lines - 1) / lines;
    const char* next = reinterpret_cast<const char*>(panel + static_cast<std::size_t>(depth) * numVectors * lanes);
    for (int row = 0, block = 0; row < rows; blocks--, block++) {
        const int now = (rows - row + blocks - 1) / blocks;
        const T* a = A + row * lda;
        T* c = C + row * ldc + column;
        const char* ahead = next + static_cast<std::size_t>(lineBytes) * depth * lines * (block % shares);
#define LPS_BLOCK(n)                                                                                               \
    case n:                                                                                                        \
        multiplyBlock<blockRows >= n ? n : 1, numVectors>(depth, a, lda, panel, start, row, column, c, ldc, ahead, \
                                                          lines);                                                  \
        break;
        switch (now) {
            LPS_BLOCK(1)
            LPS_BLOCK(2)
            LPS_BLOCK(3)
            LPS_BLOCK(4)
            LPS_BLOCK(5)
            LPS_BLOCK(6)
            LPS_BLOCK(7)
            LPS_BLOCK(8)
        }
#undef LPS_BLOCK
        row += now;
    }
}

void gemm(int rows, const T* A, std::size_t lda, const PackedMatrix<T>& B, const Terms<T>& start, T* C,
          std::size_t ldc) {
    const T* panel = B.data;
    for (int vector = 0; vector < B.vectors; vector += panelVectors) {
        const int width = B.vectors - vector < panelVectors ? B.vectors - vector : panelVectors;
        const int column = vector * lanes;
        if (width == 3)
            multiplyPanel<3>(rows, A, lda, panel, B.depth, start, column, C, ldc);
        else if (width == 2)
            multiplyPanel<2>(rows, A, lda, panel, B.depth, start, column, C, ldc);
        else
            multiplyPanel<1>(rows, A, lda, panel, B.depth, start, column, C, ldc);
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

/** tanh(x) = sign(x) e / (e + 2) with e = exp(2|x|) - 1; relative error of a few units of the last digit. */
HWY_INLINE V tanhOf(V x) {
    const V magnitude = hn::Min(hn::Abs(x), set(sizeof(T) == 4 ? 9.02 : 20.0));
    const V e = expMinusOne(hn::Add(magnitude, magnitude));
    const V result = hn::Div(e, hn::Add(e, set(2.0)));
    return hn::IfThenElse(hn::Ne(x, x), x, hn::CopySign(result, x));
}

/** An activation and its derivative at x. */
struct Point {
    V value, slope;
};

struct Tanh {
    HWY_INLINE Point operator()(V x) const {
        const V a = tanhOf(x);
        return {a, hn::NegMulAdd(a, a, set(1.0))};
    }
};

/** 1 / (1 + exp(-x)) and the same at -x, both to a few units of the last digit; NaN where x is. */
struct Sigmoids {
    HWY_INLINE explicit Sigmoids(V x) {
        // Beyond 40 the smaller one is below 5e-18; its product with x must not overflow on the way.
        const V e = expMinusOne(hn::Min(hn::Abs(x), set(40.0)));
        const V inverse = hn::Div(set(1.0), hn::Add(e, set(2.0)));
        const V smaller = hn::IfThenElse(hn::Ne(x, x), x, inverse);
        const V larger = hn::Mul(hn::Add(e, set(1.0)), smaller);
        const auto isNegative = hn::Lt(x, set(0.0));
        here = hn::IfThenElse(isNegative, smaller, larger);
        opposite = hn::IfThenElse(isNegative, larger, smaller);
    }

    V here, opposite;
};

struct Silu {
    HWY_INLINE Point operator()(V x) const {
        const Sigmoids s(x);
        const V value = hn::Mul(x, s.here);
        return {value, hn::MulAdd(value, s.opposite, s.here)};
    }
};

/** x sigmoid(2u) with u = sqrt(2 / pi) (x + 0.044715 x^3), which is x (1 + tanh(u)) / 2. */
struct Gelu {
    HWY_INLINE Point operator()(V x) const {
        constexpr double linear = 1.5957691216057308, cubic = 0.044715 * linear;  // of 2u
        const V square = hn::Mul(x, x);
        const Sigmoids s(hn::Mul(x, hn::MulAdd(square, set(cubic), set(linear))));
        const V value = hn::Mul(x, s.here);
        const V growth = hn::MulAdd(square, set(3.0 * cubic), set(linear));
        return {value, hn::MulAdd(hn::Mul(value, s.opposite), growth, s.here)};
    }
};

template <typename Function>
void activate(int rows, int width, T* zy, std::size_t ld, const T* bias, const T* timestep, const T* residual,
              std::size_t residualLd, T* derivative, std::size_t derivativeLd) {
    for (int row = 0; row < rows; row++) {
        for (int m = 0; m < width; m += lanes) {
            auto [y, slope] = Function()(hn::Add(hn::Load(d, zy + m), hn::Load(d, bias + m)));
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

void addUp(int rows, int width, const Terms<T>& terms, Rows<T> out) {
    for (int row = 0; row < rows; row++) {
        const Terms<T> from = terms.at(row, 0);
        T* to = out.data + row * out.ld;
        for (int m = 0; m < width; m += lanes) {
            V sum = hn::Load(d, from.rows[0].data + m);
            for (int i = 1; i < from.count; i++)
                sum = hn::Add(sum, hn::Load(d, from.rows[i].data + m));
            hn::Store(sum, d, to + m);
        }
    }
}

void addQuadrants(int rows, int width, Rows<const T> a, double factor, Rows<const T> b, Rows<T> whole,
                  const Rows<T> (&sums)[4]) {
    const V f = set(factor);
    for (int row = 0; row < rows; row++) {
        const T *a1 = a.data + row * a.ld, *a2 = a1 + rows * a.ld;
        const T *b1 = b.data + row * b.ld, *b2 = b1 + rows * b.ld;
        T *whole1 = whole.data + row * whole.ld, *whole2 = whole1 + rows * whole.ld;
        T *s1 = sums[0].data + row * sums[0].ld, *s2 = sums[1].data + row * sums[1].ld;
        T *s3 = sums[2].data + row * sums[2].ld, *s4 = sums[3].data + row * sums[3].ld;
        for (int m = 0; m < width; m += lanes) {
            V x11 = hn::LoadU(d, a1 + m), x12 = hn::LoadU(d, a1 + width + m);
            V x21 = hn::LoadU(d, a2 + m), x22 = hn::LoadU(d, a2 + width + m);
            if (b.data) {
                x11 = hn::MulAdd(f, hn::LoadU(d, b1 + m), x11);
                x12 = hn::MulAdd(f, hn::LoadU(d, b1 + width + m), x12);
                x21 = hn::MulAdd(f, hn::LoadU(d, b2 + m), x21);
                x22 = hn::MulAdd(f, hn::LoadU(d, b2 + width + m), x22);
                // Not beyond the quadrants on the left: their right neighbors are there already, and may be read again.
                const auto inside = hn::FirstN(d, width - m);
                hn::BlendedStore(x11, inside, d, whole1 + m);
                hn::BlendedStore(x21, inside, d, whole2 + m);
                hn::StoreU(x12, d, whole1 + width + m);
                hn::StoreU(x22, d, whole2 + width + m);
            }
            const V sum = hn::Add(x21, x22), difference = hn::Sub(sum, x11);
            hn::Store(sum, d, s1 + m);
            hn::Store(difference, d, s2 + m);
            hn::Store(hn::Sub(x11, x21), d, s3 + m);
            hn::Store(hn::Sub(x12, difference), d, s4 + m);
        }
    }
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
