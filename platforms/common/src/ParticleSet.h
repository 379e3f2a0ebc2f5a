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
 * With several devices each takes a contiguous share of the particle list. A class is a type that may occur, or half of
 * one: with several devices the first class of a type holds the particles that this device owns, the next the others.
 */
struct ParticleSet {
    int classesPerType;
    int numClasses;                       ///< of the types that may occur
    std::vector<int> firstClasses;        ///< [T] first class of each type that may occur, else 0
    std::vector<int> types;               ///< [particles of the System] type, or -1
    std::vector<int> classes;             ///< [particles of the System] class, or -1
    std::vector<int> ownedCounts;         ///< [T] particles of each type whose energy this device computes
    std::vector<OpenMM::mm_int4> blocks;  ///< (type, first rank, filled rows, 0); see kernels/neighborList.cc
    int numSorted;                        ///< particles of the Force, which the device sorts
};

/**
 * @param isCenter   [T] whether energies of a type are computed at all
 * @param mayOccur   [T] whether particles may have a type; others get no class
 * @param blockRows  rows of a block
 * @param device, numDevices  the share of the work
 */
ParticleSet makeParticleSet(const LPSForce& force, int numSystemParticles, const std::vector<bool>& isCenter,
                            const std::vector<bool>& mayOccur, int blockRows, int device, int numDevices);

}  // namespace LPSPlugin
