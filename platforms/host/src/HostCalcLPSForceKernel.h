// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "lps/Evaluator.h"
#include "openmmlps/LPSKernels.h"

namespace LPSPlugin {

/**
 * LPSForce on a platform that keeps positions and forces where ReferencePlatform does: everything but the evaluation.
 * Picks the particles, changes units on the way in and out, and turns errors of the model core into OpenMMException.
 */
class HostCalcLPSForceKernel : public CalcLPSForceKernel {
public:
    using CalcLPSForceKernel::CalcLPSForceKernel;

    void initialize(const OpenMM::System& system, const LPSForce& force) override;
    double execute(OpenMM::ContextImpl& context, bool includeForces, bool includeEnergy) override;
    void copyParametersToContext(OpenMM::ContextImpl& context, const LPSForce& force) override;
    std::vector<double> computeParticleEnergies(OpenMM::ContextImpl& context) override;
    std::vector<OpenMM::Vec3> computeVirial(OpenMM::ContextImpl& context) override;
    ParticleResults computeParticleResults(OpenMM::ContextImpl& context) override;
    std::vector<double> computeFeatures(OpenMM::ContextImpl& context) override;

protected:
    /** What is needed besides energies. */
    enum class Wanted { Energies, Forces, ForcesAndVirial, AtomVirials, Features };

    /** Make the evaluator. Called once; may throw lps::Error. */
    virtual void createEvaluator(const LPSForce& force) = 0;

    /** Evaluate; more than what is wanted may be computed. Valid until the next call; may throw lps::Error. */
    virtual const lps::Evaluation& evaluate(const lps::Configuration& input, Wanted wanted) = 0;

private:
    void readParticles(const LPSForce& force);
    const lps::Evaluation& evaluate(OpenMM::ContextImpl& context, Wanted wanted);

    bool periodic = true;
    std::vector<int> particles;        // [n] index within the System
    lps::Configuration configuration;  // of the listed particles, in the order of the list
};

}  // namespace LPSPlugin
