// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Kernels over the neighbors of one center: environment, table of the embedding, forces.

#if defined(LPS_PAIR_KERNELS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LPS_PAIR_KERNELS_INL_H
#undef LPS_PAIR_KERNELS_INL_H
#else
#define LPS_PAIR_KERNELS_INL_H
#endif

#include "fast/Vector-inl.h"
#include "lps/RadialTable.h"

HWY_BEFORE_NAMESPACE();
namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE {

// ---------------------------------------------------------------- environment

/**
 * Interval of r in the RadialGrid and position within it; a negative interval below its start. A neighbor just inside
 * the cutoff may round to the cutoff itself, where the grid may end: it belongs to the end of the last interval.
 */
HWY_INLINE void locate(V r, const EnvironmentParameters<T>& parameters, Integer* row, T* t, T* slope) {
    constexpr int mantissa = sizeof(T) == 4 ? 23 : 52;
    constexpr Integer bias = sizeof(T) == 4 ? 127 : 1023;
    const auto bits = hn::Sub(hn::ShiftRight<mantissa - RadialGrid::cellBits>(hn::BitCast(di, r)),
                              hn::Set(di, (bias + RadialGrid::startExponent) << RadialGrid::cellBits));
    const auto cell = hn::Max(hn::Zero(di), hn::Min(bits, hn::Set(di, parameters.cells - 1)));
    const V inverse = hn::GatherIndex(d, parameters.cellInverses, cell);
    const V u = hn::Mul(hn::Sub(r, hn::GatherIndex(d, parameters.cellStarts, cell)), inverse);
    const V firstRow = hn::GatherIndex(d, parameters.cellRows, cell);
    V interval = hn::Min(hn::Add(hn::Floor(u), firstRow), set(parameters.lastRow));
    const V position = hn::Sub(u, hn::Sub(interval, firstRow));
    const auto isSplit = hn::And(hn::Eq(interval, set(parameters.splitRow)), hn::Ge(r, set(parameters.switchStart)));
    interval = hn::IfThenElse(isSplit, set(parameters.splitTarget), interval);
    hn::Store(hn::ConvertTo(di, interval), di, row);
    hn::Store(position, d, t);
    hn::Store(inverse, d, slope);
}

void environment(const EnvironmentParameters<T>& parameters, int count, const PairFields<T>& pairs) {
    for (int k = 0; k < count; k += lanes) {
        const V r2 = hn::Load(d, pairs.r + k);
        const V r = hn::Sqrt(r2);
        const V inverseR = hn::Div(set(1.0), r);
        const V x = hn::Mul(hn::Load(d, pairs.x + k), inverseR);
        const V y = hn::Mul(hn::Load(d, pairs.y + k), inverseR);
        const V z = hn::Mul(hn::Load(d, pairs.z + k), inverseR);
        const V q = hn::Div(set(1.0), hn::Add(r, set(parameters.protection)));

        const V u = hn::Min(set(1.0), hn::Max(set(0.0), hn::Mul(hn::Sub(r, set(parameters.switchStart)),
                                                                set(parameters.inverseSwitchWidth))));
        const V u2 = hn::Mul(u, u);
        const V w =
            hn::MulAdd(hn::Mul(u2, u), hn::MulAdd(u, hn::MulAdd(u, set(-6.0), set(15.0)), set(-10.0)), set(1.0));
        const V v = hn::Sub(set(1.0), u);
        const V w1 = hn::Mul(hn::Mul(u2, hn::Mul(v, v)), set(-30.0 * parameters.inverseSwitchWidth));

        const V wq = hn::Mul(w, q);
        const V wq2 = hn::Mul(wq, q);
        const V w1q = hn::Mul(w1, q);
        const V component = hn::Mul(wq2, r);
        const auto normalize = [&](V value, int c) HWY_ATTR {
            return hn::Mul(hn::Sub(value, set(parameters.mean[c])), set(parameters.inverseStddev[c]));
        };
        hn::Store(normalize(wq, 0), d, pairs.R[0] + k);
        hn::Store(normalize(hn::Mul(component, x), 1), d, pairs.R[1] + k);
        hn::Store(normalize(hn::Mul(component, y), 2), d, pairs.R[2] + k);
        hn::Store(normalize(hn::Mul(component, z), 3), d, pairs.R[3] + k);
        hn::Store(wq2, d, pairs.diagonal + k);
        hn::Store(hn::Sub(w1q, wq2), d, pairs.radial0 + k);
        hn::Store(hn::Mul(r, hn::Mul(q, hn::Sub(w1q, hn::Add(wq2, wq2)))), d, pairs.radial1 + k);
        hn::Store(r, d, pairs.r + k);
        hn::Store(x, d, pairs.x + k);
        hn::Store(y, d, pairs.y + k);
        hn::Store(z, d, pairs.z + k);
        if (parameters.cells > 0)
            locate(r, parameters, pairs.row + k, pairs.t + k, pairs.slope + k);
    }
}

// dE/dx_d = v_d diagonal + n_d (v_0 radial0 + radial1 (v . n) + v_t dt/dr), with v_c divided by the standard
// deviations.

void forces(const EnvironmentParameters<T>& parameters, int count, const PairFields<T>& pairs) {
    for (int k = 0; k < count; k += lanes) {
        const V x = hn::Load(d, pairs.x + k), y = hn::Load(d, pairs.y + k), z = hn::Load(d, pairs.z + k);
        const V v0 = hn::Mul(hn::Load(d, pairs.v[0] + k), set(parameters.inverseStddev[0]));
        const V v1 = hn::Mul(hn::Load(d, pairs.v[1] + k), set(parameters.inverseStddev[1]));
        const V v2 = hn::Mul(hn::Load(d, pairs.v[2] + k), set(parameters.inverseStddev[2]));
        const V v3 = hn::Mul(hn::Load(d, pairs.v[3] + k), set(parameters.inverseStddev[3]));
        const V projection = hn::MulAdd(v1, x, hn::MulAdd(v2, y, hn::Mul(v3, z)));
        V radial = hn::Mul(hn::Load(d, pairs.v[4] + k), hn::Load(d, pairs.slope + k));
        radial = hn::MulAdd(v0, hn::Load(d, pairs.radial0 + k), radial);
        radial = hn::MulAdd(projection, hn::Load(d, pairs.radial1 + k), radial);
        const V diagonal = hn::Load(d, pairs.diagonal + k);
        hn::Store(hn::MulAdd(v1, diagonal, hn::Mul(x, radial)), d, pairs.v[0] + k);
        hn::Store(hn::MulAdd(v2, diagonal, hn::Mul(y, radial)), d, pairs.v[1] + k);
        hn::Store(hn::MulAdd(v3, diagonal, hn::Mul(z, radial)), d, pairs.v[2] + k);
    }
}

// ---------------------------------------------------------------- table

// Several blocks of channels at a time share what is broadcast for a pair.

constexpr int blocksAtOnce = hasManyRegisters ? 4 : 2;

/**
 * Coefficients of a block of channels. The upper ones of degree seven in float64 are small, so float32 is exact enough
 * for them, and the table a quarter smaller: rows come from the third level cache, which they wait for.
 */
template <int numCoefficients>
struct Block {
    static constexpr int numLong = sizeof(T) == 8 && numCoefficients == 8 ? 4 : numCoefficients;
    static constexpr int size = (numLong + (numCoefficients - numLong) / 2) * lanes;  ///< in numbers of type T

    static HWY_INLINE V load(const T* block, int k) {
        if constexpr (numLong < numCoefficients) {
            using Short = std::conditional_t<(numLong < numCoefficients), float, T>;  // a type that depends on numLong
            const Short* upper = reinterpret_cast<const Short*>(block + numLong * lanes);
            if (k >= numLong)
                return hn::PromoteTo(d, hn::Load(hn::Rebind<Short, D>(), upper + (k - numLong) * lanes));
        }
        return hn::Load(d, block + k * lanes);
    }
};

template <int numCoefficients>
HWY_INLINE V evaluatePolynomial(const T* block, V t) {
    V p = Block<numCoefficients>::load(block, numCoefficients - 1);
    HWY_UNROLL(8)
    for (int k = numCoefficients - 2; k >= 0; k--)
        p = hn::MulAdd(p, t, Block<numCoefficients>::load(block, k));
    return p;
}

template <int numCoefficients>
HWY_INLINE void evaluatePolynomial(const T* block, V t, V& value, V& derivative) {
    V p = Block<numCoefficients>::load(block, numCoefficients - 1);
    V s = p;
    p = hn::MulAdd(p, t, Block<numCoefficients>::load(block, numCoefficients - 2));
    HWY_UNROLL(8)
    for (int k = numCoefficients - 3; k >= 0; k--) {
        s = hn::MulAdd(s, t, p);
        p = hn::MulAdd(p, t, Block<numCoefficients>::load(block, k));
    }
    value = p;
    derivative = s;
}

/** Rows of neighbors lie anywhere in a table that only the third level cache holds: fetch them one neighbor ahead. */
template <int numCoefficients>
HWY_INLINE void prefetchBlock(const T* block) {
    constexpr int lineLength = 64 / sizeof(T);
    HWY_UNROLL(8)
    for (int k = 0; k < Block<numCoefficients>::size; k += lineLength)
        prefetch(block + k);
}

template <int numCoefficients, int numBlocks>
HWY_INLINE void accumulateBlocks(PairRange range, const PairFields<T>& pairs, int channels, int first, T* A) {
    T* A0 = A + first * lanes;
    T* A1 = A0 + channels;
    T* A2 = A1 + channels;
    T* A3 = A2 + channels;
#define LPS_DECLARE(b)                         \
    V s##b##0, s##b##1, s##b##2, s##b##3;      \
    if constexpr (numBlocks > b) {             \
        s##b##0 = hn::Load(d, A0 + b * lanes); \
        s##b##1 = hn::Load(d, A1 + b * lanes); \
        s##b##2 = hn::Load(d, A2 + b * lanes); \
        s##b##3 = hn::Load(d, A3 + b * lanes); \
    }
    LPS_DECLARE(0)
    LPS_DECLARE(1)
    LPS_DECLARE(2)
    LPS_DECLARE(3)
    for (int k = range.begin; k < range.end; k++) {
        const T* block = pairs.rows[k] + first * Block<numCoefficients>::size;
        const V t = set(pairs.t[k]);
        const V R0 = set(pairs.R[0][k]), R1 = set(pairs.R[1][k]), R2 = set(pairs.R[2][k]), R3 = set(pairs.R[3][k]);
#define LPS_ADD(b)                                                                                    \
    if constexpr (numBlocks > b) {                                                                    \
        const V p = evaluatePolynomial<numCoefficients>(block + b * Block<numCoefficients>::size, t); \
        s##b##0 = hn::MulAdd(p, R0, s##b##0);                                                         \
        s##b##1 = hn::MulAdd(p, R1, s##b##1);                                                         \
        s##b##2 = hn::MulAdd(p, R2, s##b##2);                                                         \
        s##b##3 = hn::MulAdd(p, R3, s##b##3);                                                         \
    }
        LPS_ADD(0)
        LPS_ADD(1)
        LPS_ADD(2)
        LPS_ADD(3)
    }
#define LPS_STORE(b)                           \
    if constexpr (numBlocks > b) {             \
        hn::Store(s##b##0, d, A0 + b * lanes); \
        hn::Store(s##b##1, d, A1 + b * lanes); \
        hn::Store(s##b##2, d, A2 + b * lanes); \
        hn::Store(s##b##3, d, A3 + b * lanes); \
    }
    LPS_STORE(0)
    LPS_STORE(1)
    LPS_STORE(2)
    LPS_STORE(3)
#undef LPS_DECLARE
#undef LPS_ADD
#undef LPS_STORE
}

template <int numCoefficients>
void accumulate(PairRange range, const PairFields<T>& pairs, int channels, T* A) {
    const int blocks = channels / lanes;
    int b = 0;
    for (; b + blocksAtOnce <= blocks; b += blocksAtOnce)
        accumulateBlocks<numCoefficients, blocksAtOnce>(range, pairs, channels, b, A);
    switch (blocks - b) {
        case 3:
            return accumulateBlocks<numCoefficients, (blocksAtOnce > 3 ? 3 : 1)>(range, pairs, channels, b, A);
        case 2:
            return accumulateBlocks<numCoefficients, 2>(range, pairs, channels, b, A);
        case 1:
            return accumulateBlocks<numCoefficients, 1>(range, pairs, channels, b, A);
    }
}

/** Not yet summed over the lanes: dE/dR of the four components and dE/dt of one neighbor. */
template <int numCoefficients>
HWY_INLINE void gradientOf(int k, int next, const PairFields<T>& pairs, int channels, const T* G, V (&v)[5]) {
    const T *G0 = G, *G1 = G0 + channels, *G2 = G1 + channels, *G3 = G2 + channels;
    const T *block = pairs.rows[k], *ahead = pairs.rows[next];
    const V t = set(pairs.t[k]);
    V v0 = hn::Zero(d), v1 = v0, v2 = v0, v3 = v0, u0 = v0, u1 = v0, u2 = v0, u3 = v0;
    for (int m = 0; m < channels; m += lanes) {
        V p, s;
        prefetchBlock<numCoefficients>(ahead);
        evaluatePolynomial<numCoefficients>(block, t, p, s);
        block += Block<numCoefficients>::size;
        ahead += Block<numCoefficients>::size;
        const V g0 = hn::Load(d, G0 + m), g1 = hn::Load(d, G1 + m);
        const V g2 = hn::Load(d, G2 + m), g3 = hn::Load(d, G3 + m);
        v0 = hn::MulAdd(p, g0, v0);
        v1 = hn::MulAdd(p, g1, v1);
        v2 = hn::MulAdd(p, g2, v2);
        v3 = hn::MulAdd(p, g3, v3);
        u0 = hn::MulAdd(s, g0, u0);
        u1 = hn::MulAdd(s, g1, u1);
        u2 = hn::MulAdd(s, g2, u2);
        u3 = hn::MulAdd(s, g3, u3);
    }
    V u = hn::Mul(u0, set(pairs.R[0][k]));
    u = hn::MulAdd(u1, set(pairs.R[1][k]), u);
    u = hn::MulAdd(u2, set(pairs.R[2][k]), u);
    u = hn::MulAdd(u3, set(pairs.R[3][k]), u);
    v[0] = v0, v[1] = v1, v[2] = v2, v[3] = v3, v[4] = u;
}

template <int numCoefficients>
void gradient(PairRange range, const PairFields<T>& pairs, int channels, const T* G) {
    const int last = range.end - 1;
    V v[4][5];
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < 5; c++)
            v[i][c] = hn::Zero(d);
    for (int k = range.begin; k < range.end; k += 4) {
        const int count = range.end - k < 4 ? range.end - k : 4;
        for (int i = 0; i < count; i++)
            gradientOf<numCoefficients>(k + i, k + i < last ? k + i + 1 : last, pairs, channels, G, v[i]);
        for (int c = 0; c < 5; c++) {
            T sums[4];
            storeSums(v[0][c], v[1][c], v[2][c], v[3][c], count == 4 ? pairs.v[c] + k : sums);
            if (count < 4)
                for (int i = 0; i < count; i++)
                    pairs.v[c][k + i] = sums[i];
        }
    }
}

template <int numCoefficients>
constexpr typename Kernels<T>::Table getTableKernels() {
    using Layout = Block<numCoefficients>;
    return {numCoefficients, Layout::numLong, Layout::size, accumulate<numCoefficients>, gradient<numCoefficients>};
}

}  // namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // LPS_PAIR_KERNELS_INL_H
