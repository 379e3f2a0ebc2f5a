// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>

namespace lps {

/** Cartesian vector (x, y, z). */
using Vector3 = std::array<double, 3>;

/** 3 x 3 matrix as rows; for a box the rows are the cell vectors a, b, c. */
using Matrix3 = std::array<Vector3, 3>;

}  // namespace lps
