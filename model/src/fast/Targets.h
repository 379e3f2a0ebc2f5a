// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "fast/Kernels.h"

namespace lps::fast {

/** Kernels compiled for an instruction set, which the machine need not have. */
template <typename T>
struct CompiledTarget {
    const char* name;
    const Kernels<T>* kernels;
};

/** All of one number type, best first. */
template <typename T>
std::vector<CompiledTarget<T>> getCompiledTargets();

}  // namespace lps::fast
