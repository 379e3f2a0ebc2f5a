// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "openmm/common/ComputeForceInfo.h"

namespace LPSPlugin {

// OpenMM deletes this through a base class without virtual destructor, so it must not own anything.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#endif

/**
 * Tells OpenMM which particles it may exchange when it sorts them in space: those of one type, and those outside the
 * Force among themselves.
 *
 * Without periodic boundary conditions the particles of the Force form one group. OpenMM then treats them as one
 * molecule, which it moves by box vectors only as a whole where another Force of the System is periodic.
 */
class LPSForceInfo : public OpenMM::ComputeForceInfo {
public:
    /** @param particleTypes  [particles of the System] type, or -1 outside the Force; outlives this, and may change */
    LPSForceInfo(const std::vector<int>& particleTypes, bool isPeriodic) : types(particleTypes), periodic(isPeriodic) {}

    bool areParticlesIdentical(int particle1, int particle2) override { return types[particle1] == types[particle2]; }

    int getNumParticleGroups() override { return periodic ? 0 : 1; }

    void getParticlesInGroup(int, std::vector<int>& particles) override {
        particles.clear();
        for (std::size_t i = 0; i < types.size(); i++)
            if (types[i] >= 0)
                particles.push_back(static_cast<int>(i));
    }

    bool areGroupsIdentical(int group1, int group2) override { return group1 == group2; }

private:
    const std::vector<int>& types;
    const bool periodic;
};

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

}  // namespace LPSPlugin
