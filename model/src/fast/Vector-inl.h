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

constexpr bool hasManyRegisters = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON;  ///< 32 vector registers, not 16

template <typename U>
HWY_INLINE V set(U value) {
    return hn::Set(d, static_cast<T>(value));
}

HWY_INLINE T sum(V v) {
    return hn::GetLane(hn::SumOfLanes(d, v));
}

}  // namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // LPS_VECTOR_INL_H
