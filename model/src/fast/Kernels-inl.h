// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// All kernels of Kernels.h for one instruction set and number type.

#if defined(LPS_KERNELS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LPS_KERNELS_INL_H
#undef LPS_KERNELS_INL_H
#else
#define LPS_KERNELS_INL_H
#endif

#include "fast/DescriptorKernels-inl.h"
#include "fast/NetworkKernels-inl.h"
#include "fast/PairKernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE {

double burn(long long rounds) {
    V s0 = set(0.0), s1 = set(0.1), s2 = set(0.2), s3 = set(0.3), s4 = set(0.4);
    V s5 = set(0.5), s6 = set(0.6), s7 = set(0.7), s8 = set(0.8), s9 = set(0.9);
    const V a = set(0.999), b = set(1e-3);
    for (long long i = 0; i < rounds; i++) {
        s0 = hn::MulAdd(s0, a, b);
        s1 = hn::MulAdd(s1, a, b);
        s2 = hn::MulAdd(s2, a, b);
        s3 = hn::MulAdd(s3, a, b);
        s4 = hn::MulAdd(s4, a, b);
        s5 = hn::MulAdd(s5, a, b);
        s6 = hn::MulAdd(s6, a, b);
        s7 = hn::MulAdd(s7, a, b);
        s8 = hn::MulAdd(s8, a, b);
        s9 = hn::MulAdd(s9, a, b);
    }
    const V all = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)),
                          hn::Add(hn::Add(s4, s5), hn::Add(hn::Add(s6, s7), hn::Add(s8, s9))));
    const double used = sum(all) > -1.0 ? 1.0 : 0.0;  // keeps the loop alive
    return used * 20.0 * lanes * static_cast<double>(rounds);
}

const Kernels<T>* getTable(const char* name) {
    static const Kernels<T> table = {name,
                                     lanes,
                                     panelVectors,
                                     blockRows,
                                     environment,
                                     getTableKernels<2>(),
                                     getTableKernels<6>(),
                                     getTableKernels<8>(),
                                     forces,
                                     descriptor,
                                     descriptorGradient,
                                     gemm,
                                     activate<Tanh>,
                                     activate<Silu>,
                                     activate<Gelu>,
                                     multiply,
                                     add,
                                     combine,
                                     addUp,
                                     addQuadrants,
                                     dot,
                                     burn};
    return &table;
}

}  // namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // LPS_KERNELS_INL_H
