// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "openmm/common/ComputeVectorTypes.h"
#include "openmmlps/LPSForce.h"

namespace LPSPlugin {

/**
 * Which particles a Force has and which of them a device computes the energy of, in the terms of the kernels.
 *
 * With several devices each takes a contiguous share of the particle list. A class is a type, or half of one: with
 * several devices class 2 t holds the particles of type t that this device owns, class 2 t + 1 the others.
 */
struct ParticleSet {
    int classesPerType;
    std::vector<int> types;               ///< [particles of the System] type, or -1
    std::vector<int> classes;             ///< [particles of the System] class, or -1
    std::vector<int> ownedCounts;         ///< [T] particles of each type whose energy this device computes
    std::vector<bool> present;            ///< [T] whether the Force has particles of the type
    std::vector<OpenMM::mm_int4> blocks;  ///< (type, first rank, filled rows, 0); see kernels/neighborList.cc
    int numSorted;                        ///< particles of the Force, which the device sorts
};

/**
 * @param isCenter   [T] whether energies of a type are computed at all
 * @param blockRows  rows of a block
 * @param device, numDevices  the share of the work
 */
ParticleSet makeParticleSet(const LPSForce& force, int numSystemParticles, const std::vector<bool>& isCenter,
                            int blockRows, int device, int numDevices);

}  // namespace LPSPlugin
