// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <vector>

#include "CommonCalcLPSForceKernel.h"

namespace LPSPlugin {

/**
 * LPSForce on several devices of one Context: each has all positions and computes the energies of its share of the
 * particles, with the forces that follow. The platform adds energies and forces up.
 */
class ParallelLPSKernel : public CalcLPSForceKernel {
public:
    ParallelLPSKernel(const std::string& name, const OpenMM::Platform& platform, OpenMM::ComputeContext& cc);

    void initialize(const OpenMM::System& system, const LPSForce& force) override;
    double execute(OpenMM::ContextImpl& context, bool includeForces, bool includeEnergy) override;
    void copyParametersToContext(OpenMM::ContextImpl& context, const LPSForce& force) override;
    std::vector<double> computeParticleEnergies(OpenMM::ContextImpl& context) override;
    std::vector<OpenMM::Vec3> computeVirial(OpenMM::ContextImpl& context) override;
    ParticleResults computeParticleResults(OpenMM::ContextImpl& context) override;
    std::vector<double> computeFeatures(OpenMM::ContextImpl& context) override;

private:
    class Task;
    void copyPositions();

    /** Sum of what every device computes for its share of the particles. */
    std::vector<double> sumOverDevices(OpenMM::ContextImpl& context,
                                       std::vector<double> (CalcLPSForceKernel::*compute)(OpenMM::ContextImpl&));

    OpenMM::ComputeContext& cc;
    std::vector<std::unique_ptr<CommonCalcLPSForceKernel>> kernels;
};

}  // namespace LPSPlugin
