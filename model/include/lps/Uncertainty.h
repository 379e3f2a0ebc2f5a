// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "lps/DeepPotential.h"

namespace lps {

/**
 * @file Uncertainty.h
 * How far a single model can be trusted with an atom, from the outputs y of the last hidden layer of its fitting
 * network: u^2 = (y, 1) C^-1 (y, 1), with C the mean of (y, 1) (y, 1)^T over the atoms that the model was calibrated
 * with (Bigi et al., Mach. Learn.: Sci. Technol. 5, 045018 (2024), for energies). docs/uncertainty.md says what it is
 * worth.
 */

struct AtomUncertainties {
    std::vector<double> forces;  ///< [n] eV/angstrom, expected length of the error of the force
    std::vector<double> grades;  ///< [n] u over the largest of the calibration; above 1: unlike what was seen there
};

/**
 * @param types    [n] 0 .. T-1, not checked
 * @param features [n][w], Evaluation::features
 * @throws Error if the model is not calibrated for one of the types
 */
AtomUncertainties computeUncertainties(const DeepPotential& model, const std::vector<int>& types,
                                       const std::vector<double>& features);

}  // namespace lps
