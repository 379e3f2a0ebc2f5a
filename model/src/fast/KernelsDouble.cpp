// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#define LPS_KERNEL_NUMBER double
#define LPS_KERNEL_NAMESPACE forDouble

#include "fast/InstructionSets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fast/KernelsDouble.cpp"
#include "hwy/foreach_target.h"

#include "fast/Kernels-inl.h"
#include "fast/TargetTable-inl.h"
