// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <vector>

#include "lps/Evaluator.h"
#include "openmmlps/LPSKernels.h"

namespace LPSPlugin {

/**
 * LPSForce on the Reference platform: hands positions and box to lps::ReferenceEvaluator, in double precision.
 */
class ReferenceCalcLPSForceKernel : public CalcLPSForceKernel {
public:
    using CalcLPSForceKernel::CalcLPSForceKernel;

    void initialize(const OpenMM::System& system, const LPSForce& force) override;
    double execute(OpenMM::ContextImpl& context, bool includeForces, bool includeEnergy) override;
    void copyParametersToContext(OpenMM::ContextImpl& context, const LPSForce& force) override;
    std::vector<double> computeParticleEnergies(OpenMM::ContextImpl& context) override;
    std::vector<OpenMM::Vec3> computeVirial(OpenMM::ContextImpl& context) override;

private:
    void readParticles(const LPSForce& force);
    lps::Evaluation evaluate(OpenMM::ContextImpl& context) const;

    std::unique_ptr<const lps::ReferenceEvaluator> evaluator;
    bool periodic = true;
    std::vector<int> particles;  // [n] index within the System
    std::vector<int> types;      // [n] type of the model
};

}  // namespace LPSPlugin
