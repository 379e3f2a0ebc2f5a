// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <vector>

#include "lps/FastEvaluator.h"
#include "openmm/cpu/CpuPlatform.h"
#include "openmmlps/LPSKernels.h"

namespace LPSPlugin {

/**
 * LPSForce on the CPU platform: hands positions and box to lps::FastEvaluator, which runs on the platform's own
 * threads.
 */
class CpuCalcLPSForceKernel : public CalcLPSForceKernel {
public:
    CpuCalcLPSForceKernel(const std::string& kernelName, const OpenMM::Platform& owner,
                          OpenMM::CpuPlatform::PlatformData& data)
        : CalcLPSForceKernel(kernelName, owner), cpuData(data) {}

    void initialize(const OpenMM::System& system, const LPSForce& force) override;
    double execute(OpenMM::ContextImpl& context, bool includeForces, bool includeEnergy) override;
    void copyParametersToContext(OpenMM::ContextImpl& context, const LPSForce& force) override;
    std::vector<double> computeParticleEnergies(OpenMM::ContextImpl& context) override;
    std::vector<OpenMM::Vec3> computeVirial(OpenMM::ContextImpl& context) override;

private:
    void readParticles(const LPSForce& force);
    const lps::Evaluation& evaluate(OpenMM::ContextImpl& context, const lps::FastRequest& request);

    OpenMM::CpuPlatform::PlatformData& cpuData;
    std::unique_ptr<lps::FastEvaluator> evaluator;
    bool periodic = true;
    std::vector<int> particles;           // [n] index within the System
    std::vector<int> types;               // [n] type of the model
    std::vector<lps::Vector3> positions;  // [n] angstrom
    lps::Evaluation result;
};

}  // namespace LPSPlugin
