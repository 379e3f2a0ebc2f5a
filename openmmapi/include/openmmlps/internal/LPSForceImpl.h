// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "openmm/Kernel.h"
#include "openmm/internal/ContextImpl.h"
#include "openmm/internal/ForceImpl.h"
#include "openmmlps/LPSForce.h"

namespace LPSPlugin {

class Committee;

/**
 * An LPSForce inside a Context: checks it against the System, then hands the work to the platform's CalcLPSForceKernel.
 */
class OPENMM_EXPORT_LPS LPSForceImpl : public OpenMM::ForceImpl {
public:
    explicit LPSForceImpl(const LPSForce& force);
    ~LPSForceImpl() override;

    const LPSForce& getOwner() const override { return owner; }

    /** @throws OpenMM::OpenMMException if the Force does not fit the System */
    void initialize(OpenMM::ContextImpl& context) override;

    /** @throws OpenMM::OpenMMException in a forked process, before OpenMM waits there for threads that do not exist */
    void updateContextState(OpenMM::ContextImpl& context, bool&) override { checkProcess(context); }

    double calcForcesAndEnergy(OpenMM::ContextImpl& context, bool includeForces, bool includeEnergy,
                               int groups) override;

    std::map<std::string, double> getDefaultParameters() override;

    std::vector<std::string> getKernelNames() override;

    /** None: a Deep Potential knows no molecules, so that barostats scale each atom on its own. */
    std::vector<std::pair<int, int>> getBondedParticles() const override { return {}; }

    void updateParametersInContext(OpenMM::ContextImpl& context);

    std::vector<double> computeParticleEnergies(OpenMM::ContextImpl& context);

    std::vector<OpenMM::Vec3> computeVirial(OpenMM::ContextImpl& context);

    std::vector<std::array<OpenMM::Vec3, 3>> computeParticleVirials(OpenMM::ContextImpl& context);

    OpenMM::Vec3 computeHeatCurrent(OpenMM::ContextImpl& context);

    LPSParticleUncertainties computeParticleUncertainties(OpenMM::ContextImpl& context);

    LPSModelDeviation computeModelDeviation(OpenMM::ContextImpl& context);

private:
    /** @throws OpenMM::OpenMMException if this process was forked from the one that made the Context */
    void checkProcess(OpenMM::ContextImpl& context) const;

    /** What the energy is multiplied by. */
    double getScale(OpenMM::ContextImpl& context) const;

    const LPSForce& owner;
    const std::string scaleParameter;  // as the Force had it when the Context was made
    OpenMM::Kernel kernel;
    std::unique_ptr<Committee> committee;  // null if the Force has none
    int numParticles = 0;
    long process = 0;  // that made the Context
};

}  // namespace LPSPlugin
