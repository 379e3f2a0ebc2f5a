// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "openmm/Vec3.h"

namespace LPSPlugin {

/**
 * How far the models of a committee disagree about one configuration. With < > the mean over the M models (the model
 * of the Force and its committee) and n the number of particles of the Force:
 */
struct LPSModelDeviation {
    /** [n] sqrt(< |F_i - <F_i>|^2 >) in kJ/mol/nm, in the order of the particle list. */
    std::vector<double> forces;
    /** [3] rows of the standard deviation (divisor M) of each component of the virial per particle W/n, in kJ/mol. */
    std::vector<OpenMM::Vec3> virial;
    /** Standard deviation (divisor M) of the energy per particle E/n, in kJ/mol. */
    double energy = 0.0;
};

}  // namespace LPSPlugin
