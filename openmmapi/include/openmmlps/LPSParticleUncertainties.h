// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

namespace LPSPlugin {

/** How far the model of an LPSForce can be trusted with each particle, from what it was calibrated with. */
struct LPSParticleUncertainties {
    /** [n] expected length of the error of the force, in kJ/mol/nm, in the order of the particle list. */
    std::vector<double> forces;
    /** [n] extrapolation grade; above 1: the surroundings of the particle are unlike those of the calibration. */
    std::vector<double> grades;
};

}  // namespace LPSPlugin
