// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#define LPS_KERNEL_NUMBER float
#define LPS_KERNEL_NAMESPACE forFloat

#include "fast/InstructionSets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fast/KernelsFloat.cpp"
#include "hwy/foreach_target.h"

#include "fast/Kernels-inl.h"
#include "fast/TargetTable-inl.h"
