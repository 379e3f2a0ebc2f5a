// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <Eigen/Core>

#include "lps/DeepPotential.h"
#include "neighbors/ImageSearch.h"

namespace lps {

/**
 * One normalized row of the environment matrix, for one neighbor of one center. Theory: docs/theory.md, section 2.
 */
struct EnvironmentRow {
    Eigen::Vector4d value;                   ///< (s, s x/q, s y/q, s z/q) after normalization; dimensionless
    Eigen::Matrix<double, 4, 3> derivative;  ///< d value / d displacement, 1/angstrom
};

/** @param center type of the center, which chooses the statistics */
EnvironmentRow computeEnvironmentRow(const DeepPotential& model, int center, const Neighbor& neighbor);

}  // namespace lps
