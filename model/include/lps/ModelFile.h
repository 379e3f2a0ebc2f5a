// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>

#include "lps/DeepPotential.h"

namespace lps {

/**
 * @file ModelFile.h
 * Reader and writer of the native model file (docs/native-format.md). The reader trusts nothing: every length, shape,
 * type and bound is checked before it allocates or indexes, and memory stays proportional to the bytes given.
 */

/**
 * All bytes of a file.
 * @param path relative paths count from the working directory
 * @throws Error if the file cannot be read
 */
std::string readFileBytes(const std::string& path);

/**
 * Parse a native model file held in memory.
 * @param bytes  the whole file
 * @param origin what error messages call it, such as the file name
 * @return the model, in angstrom and eV
 * @throws Error naming origin and every fault found in the hyperparameters, or the first fault of the container
 */
DeepPotential parseModel(const std::string& bytes, const std::string& origin);

/** The bytes of a native model file. parseModel(writeModel(m)) has the same data, bit for bit. */
std::string writeModel(const DeepPotential& model);

}  // namespace lps
