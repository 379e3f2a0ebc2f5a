// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

/**
 * @file InstructionSets.h
 * The instruction sets that the kernels are compiled for. Include it before any header of Highway.
 *
 * Compiler flags such as -march=native raise Highway's baseline, below which it compiles nothing. All sets that the
 * table of TargetTable-inl.h does not list are therefore disabled: the baseline is then a listed one, and the table is
 * never empty.
 */

#define HWY_DISABLED_TARGETS \
    (~(HWY_AVX3 | HWY_AVX2 | HWY_SSE4 | HWY_NEON | HWY_NEON_WITHOUT_AES | HWY_EMU128 | HWY_SCALAR))

#include "hwy/detect_targets.h"

#ifndef HWY_NEON_WITHOUT_AES  // Highway before 1.0.4
#define HWY_NEON_WITHOUT_AES 0
#endif

static_assert((HWY_TARGETS) != 0 && ((HWY_TARGETS) & (HWY_DISABLED_TARGETS)) == 0,
              "The table of kernels would be empty");
