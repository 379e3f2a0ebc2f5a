// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>

#include "lps/Evaluator.h"

namespace lps::benchmark {

/**
 * One frame of an extended XYZ file: symbol and three coordinates in angstrom per line; Lattice="..." makes it
 * periodic.
 * @param model gives types their numbers
 * @throws Error if the file cannot be read as that
 */
Configuration readExtendedXyz(const std::string& path, const DeepPotential& model);

/** Repeat a periodic cell. */
Configuration makeSupercell(const Configuration& cell, const int repeats[3]);

}  // namespace lps::benchmark
