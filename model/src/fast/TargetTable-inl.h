// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// The list of compiled instruction sets for one number type, best first; never empty (InstructionSets.h). Included
// last, once per Kernels<type>.cpp.

#if HWY_ONCE

#include "fast/Targets.h"

namespace lps::fast {

template <>
std::vector<CompiledTarget<LPS_KERNEL_NUMBER>> getCompiledTargets<LPS_KERNEL_NUMBER>() {
    return {
#if HWY_TARGETS & HWY_AVX3
        {"AVX512", N_AVX3::LPS_KERNEL_NAMESPACE::getTable("AVX512")},
#endif
#if HWY_TARGETS & HWY_AVX2
            {"AVX2", N_AVX2::LPS_KERNEL_NAMESPACE::getTable("AVX2")},
#endif
#if HWY_TARGETS & HWY_SSE4
            {"SSE4", N_SSE4::LPS_KERNEL_NAMESPACE::getTable("SSE4")},
#endif
#if HWY_TARGETS & HWY_NEON
            {"NEON", N_NEON::LPS_KERNEL_NAMESPACE::getTable("NEON")},
#elif HWY_TARGETS & HWY_NEON_WITHOUT_AES
        {"NEON", N_NEON_WITHOUT_AES::LPS_KERNEL_NAMESPACE::getTable("NEON")},
#endif
#if HWY_TARGETS & HWY_EMU128
            {"SCALAR", N_EMU128::LPS_KERNEL_NAMESPACE::getTable("SCALAR")},
#elif HWY_TARGETS & HWY_SCALAR
            {"SCALAR", N_SCALAR::LPS_KERNEL_NAMESPACE::getTable("SCALAR")},
#endif
    };
}

}  // namespace lps::fast

#endif  // HWY_ONCE
