// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Functions shared by all kernels of this plugin. The text of this file stands before that of every other one.
 * Constants are cast to real, because a bare literal is double and would drag single precision code with it.
 *
 * With LPS_FUNCTIONS_ONLY the files of list, environment and descriptor serve another one, without their own kernels.
 */

#ifdef __OPENCL_VERSION__
#define LPS_ATOMIC_MAX(destination, value) atomic_max(destination, value)
#define LPS_FLOAT_BITS(x) as_uint(x)
#define LPS_DOUBLE_BITS(x) as_ulong(x)
#else
#define LPS_ATOMIC_MAX(destination, value) atomicMax(destination, value)
#define LPS_FLOAT_BITS(x) __float_as_uint(x)
#define LPS_DOUBLE_BITS(x) __double_as_longlong(x)
#endif

/**
 * Whether |x| <= limit. Bits are compared, which order as the numbers do and put NaN last: HIP is
 * compiled with -ffast-math, where a comparison takes every number for finite.
 */
inline DEVICE bool lpsIsWithin(mixed x, mixed limit) {
#if defined(USE_DOUBLE_PRECISION) || defined(USE_MIXED_PRECISION)
    const mm_ulong magnitude = (mm_ulong)LPS_DOUBLE_BITS(x) & 0x7fffffffffffffff;
    return magnitude <= (mm_ulong)LPS_DOUBLE_BITS(limit);
#else
    const unsigned int magnitude = LPS_FLOAT_BITS(x) & 0x7fffffff;
    return magnitude <= LPS_FLOAT_BITS(limit);
#endif
}

/**
 * Before loops over the channels of a lane, whose arrays stay in registers only if every access is unrolled. With one
 * lane to an atom, on processors, these arrays live in memory anyway, and unrolled code would take long to compile.
 */
#if LPS_LANES > 1
#define LPS_UNROLL _Pragma("unroll")
#else
#define LPS_UNROLL _Pragma("unroll 1")
#endif

/**
 * Kernels of LPS_PAIR_THREADS threads, of which CUDA is to keep some work groups on a multiprocessor: loads take long.
 * That of the forces has more in registers, and so has that of few rows.
 */
#ifdef __CUDACC__
#define LPS_PAIR_KERNEL KERNEL __launch_bounds__(LPS_PAIR_THREADS, 4) void
#define LPS_FORCE_KERNEL KERNEL __launch_bounds__(LPS_PAIR_THREADS, LPS_FORCE_GROUPS) void
#else
#define LPS_PAIR_KERNEL KERNEL void
#define LPS_FORCE_KERNEL KERNEL void
#endif

/**
 * tanh(x). In single precision a polynomial near zero (Cephes, S. L. Moshier) and an exponential beyond, with an error
 * below 3e-7 whatever the compiler makes of tanh() under fast-math options, which may be as coarse as 2^-11.
 */
inline DEVICE real lpsTanh(real x) {
#ifdef USE_DOUBLE_PRECISION
    return tanh(x);
#else
    float size = FABS(x);
    float z = x * x;
    float nearZero =
        ((((-5.70498872745e-3f * z + 2.06390887954e-2f) * z - 5.37397155531e-2f) * z + 1.33314422036e-1f) * z -
         3.33332819422e-1f) *
            z * x +
        x;
    float e = EXP(2.0f * (size > 10.0f ? 10.0f : size));
    float far = 1.0f - 2.0f / (e + 1.0f);
    return size < 0.625f ? nearZero : (x < 0.0f ? -far : far);
#endif
}

inline DEVICE real lpsSigmoid(real x) {
    return (real)0.5 * ((real)1 + lpsTanh((real)0.5 * x));
}

/**
 * Value and derivative of an activation; lps::Activation says what each kind is.
 * @param kind       Linear 0, Tanh 1, Relu 2, Relu6 3, Softplus 4, Sigmoid 5, Silu 6, Gelu 7, Silut 8
 * @param threshold  where the tail of Silut begins
 * @return (value, derivative)
 */
inline DEVICE real2 lpsActivate(int kind, real threshold, real x) {
    if (kind == 1) {
        real t = lpsTanh(x);
        return make_real2(t, (real)1 - t * t);
    }
    if (kind == 0)
        return make_real2(x, (real)1);
    if (kind == 2)
        return x > 0 ? make_real2(x, (real)1) : make_real2((real)0, (real)0);
    if (kind == 3) {
        if (x <= 0)
            return make_real2((real)0, (real)0);
        return x >= 6 ? make_real2((real)6, (real)0) : make_real2(x, (real)1);
    }
    if (kind == 4)
        return make_real2((x > 0 ? x : (real)0) + log1p(EXP(-FABS(x))), lpsSigmoid(x));
    if (kind == 5) {
        real s = lpsSigmoid(x);
        return make_real2(s, s * ((real)1 - s));
    }
    if (kind == 7) {
        const real scale = (real)0.7978845608028654;
        const real cubic = (real)0.044715;
        real t = lpsTanh(scale * (x + cubic * x * x * x));
        real inner = scale * ((real)1 + (real)3 * cubic * x * x);
        return make_real2((real)0.5 * x * ((real)1 + t),
                          (real)0.5 * ((real)1 + t) + (real)0.5 * x * ((real)1 - t * t) * inner);
    }
    if (kind == 8 && !(x < threshold)) {
        real s = lpsSigmoid(threshold);
        real slope = s * ((real)1 + threshold * ((real)1 - s));
        real t = lpsTanh(slope * (x - threshold));
        return make_real2(t + threshold * s, slope * ((real)1 - t * t));
    }
    real s = lpsSigmoid(x);
    return make_real2(x * s, s * ((real)1 + x * ((real)1 - s)));
}
