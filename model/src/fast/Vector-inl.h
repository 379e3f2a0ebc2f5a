// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Vector types of the kernels. Like all *-inl.h files of this folder it is included once per instruction set by
// Kernels<type>.cpp through Highway's foreach_target.h, hence the unusual guard. LPS_KERNEL_NUMBER is float or double,
// and LPS_KERNEL_NAMESPACE keeps the two apart.

#if defined(LPS_VECTOR_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LPS_VECTOR_INL_H
#undef LPS_VECTOR_INL_H
#else
#define LPS_VECTOR_INL_H
#endif

#include "fast/Kernels.h"
#include "fast/Prefetch.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using T = LPS_KERNEL_NUMBER;
using D = hn::ScalableTag<T>;
using V = hn::Vec<D>;
using DI = hn::RebindToSigned<D>;
using Integer = hn::TFromD<DI>;

constexpr D d;
constexpr DI di;
constexpr int lanes = static_cast<int>(hn::MaxLanes(D()));

constexpr bool hasManyRegisters = HWY_TARGET == HWY_AVX3 || HWY_ARCH_ARM_A64;  ///< 32 vector registers, not 16

template <typename U>
HWY_INLINE V set(U value) {
    return hn::Set(d, static_cast<T>(value));
}

HWY_INLINE T sum(V v) {
    return hn::GetLane(hn::SumOfLanes(d, v));
}

#if HWY_TARGET != HWY_SCALAR
/** Sum of the parts of `v` that are as wide as `to`, which is where it goes. */
template <typename Wide, typename Narrow>
HWY_INLINE void storeSumOfParts(Wide, hn::Vec<Wide> v, Narrow narrow, T* to) {
    if constexpr (hn::MaxLanes(Wide()) > hn::MaxLanes(Narrow())) {
        const hn::Half<Wide> half;
        storeSumOfParts(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), narrow, to);
    } else {
        hn::StoreU(v, narrow, to);
    }
}
#endif

/** The sums of four vectors, in a third of the instructions of four times sum(). @param to [4] */
HWY_INLINE void storeSums(V v0, V v1, V v2, V v3, T* to) {
#if HWY_TARGET == HWY_SCALAR
    to[0] = sum(v0), to[1] = sum(v1), to[2] = sum(v2), to[3] = sum(v3);
#else
    const V s01 = hn::Add(hn::InterleaveLower(d, v0, v1), hn::InterleaveUpper(d, v0, v1));
    const V s23 = hn::Add(hn::InterleaveLower(d, v2, v3), hn::InterleaveUpper(d, v2, v3));
    if constexpr (sizeof(T) == 8) {  // blocks of 16 bytes hold two numbers
        storeSumOfParts(d, s01, hn::CappedTag<T, 2>(), to);
        storeSumOfParts(d, s23, hn::CappedTag<T, 2>(), to + 2);
    } else {
        const hn::Repartition<double, D> pairs;
        const auto p01 = hn::BitCast(pairs, s01), p23 = hn::BitCast(pairs, s23);
        const V all = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, p01, p23)),
                              hn::BitCast(d, hn::InterleaveUpper(pairs, p01, p23)));
        storeSumOfParts(d, all, hn::CappedTag<T, 4>(), to);
    }
#endif
}

}  // namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // LPS_VECTOR_INL_H
