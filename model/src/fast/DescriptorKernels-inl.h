// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// The folded descriptor and its gradient.

#if defined(LPS_DESCRIPTOR_KERNELS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LPS_DESCRIPTOR_KERNELS_INL_H
#undef LPS_DESCRIPTOR_KERNELS_INL_H
#else
#define LPS_DESCRIPTOR_KERNELS_INL_H
#endif

#include "fast/Vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE {

// ---------------------------------------------------------------- descriptor

void descriptor(int width, int axis, int padded, const T* A, T* output) {
    const T *A0 = A, *A1 = A0 + padded, *A2 = A1 + padded, *A3 = A2 + padded;
    for (int n = 0; n < axis; n++) {
        const V a0 = set(A0[n]), a1 = set(A1[n]), a2 = set(A2[n]), a3 = set(A3[n]);
        for (int m = n; m < width; m += lanes) {
            const V value =
                hn::MulAdd(a0, hn::LoadU(d, A0 + m),
                           hn::MulAdd(a1, hn::LoadU(d, A1 + m),
                                      hn::MulAdd(a2, hn::LoadU(d, A2 + m), hn::Mul(a3, hn::LoadU(d, A3 + m)))));
            hn::StoreU(value, d, output + m - n);
        }
        output += width - n;
    }
}

// Row n of Y holds dE/dD_nm for m >= n. Pass 1 sums over n with blocks of m in registers, pass 2 over m.

void descriptorGradient(int width, int axis, int padded, const T* A, const T* Y, T* G) {
    const T *A0 = A, *A1 = A0 + padded, *A2 = A1 + padded, *A3 = A2 + padded;
    for (int m = 0; m < padded; m += lanes) {
        V g0 = hn::Zero(d), g1 = g0, g2 = g0, g3 = g0;
        const T* row = Y;
        const int last = axis < m + lanes ? axis : m + lanes;
        for (int n = 0; n < last; n++) {
            V y = hn::LoadU(d, row + m - n);
            if (n > m)
                y = hn::IfThenZeroElse(hn::FirstN(d, n - m), y);
            g0 = hn::MulAdd(y, set(A0[n]), g0);
            g1 = hn::MulAdd(y, set(A1[n]), g1);
            g2 = hn::MulAdd(y, set(A2[n]), g2);
            g3 = hn::MulAdd(y, set(A3[n]), g3);
            row += width - n;
        }
        hn::Store(g0, d, G + m);
        hn::Store(g1, d, G + padded + m);
        hn::Store(g2, d, G + 2 * padded + m);
        hn::Store(g3, d, G + 3 * padded + m);
    }
    for (int n = 0; n < axis; n++) {
        V g0 = hn::Zero(d), g1 = g0, g2 = g0, g3 = g0;
        const int aligned = n / lanes * lanes;
        for (int m = aligned; m < width; m += lanes) {
            V y = hn::LoadU(d, Y + m - n);
            if (m < n)
                y = hn::IfThenZeroElse(hn::FirstN(d, n - m), y);
            g0 = hn::MulAdd(y, hn::Load(d, A0 + m), g0);
            g1 = hn::MulAdd(y, hn::Load(d, A1 + m), g1);
            g2 = hn::MulAdd(y, hn::Load(d, A2 + m), g2);
            g3 = hn::MulAdd(y, hn::Load(d, A3 + m), g3);
        }
        T sums[4];
        storeSums(g0, g1, g2, g3, sums);
        for (int c = 0; c < 4; c++)
            G[c * padded + n] += sums[c];
        Y += width - n;
    }
}

}  // namespace lps::fast::HWY_NAMESPACE::LPS_KERNEL_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // LPS_DESCRIPTOR_KERNELS_INL_H
