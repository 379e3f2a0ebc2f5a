// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Compiled for several kinds of processor, as -march=native would.
#include "fast/InstructionSets.h"
