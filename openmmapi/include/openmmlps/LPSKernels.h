// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <string>
#include <vector>

#include "openmm/KernelImpl.h"
#include "openmm/Platform.h"
#include "openmm/System.h"
#include "openmm/Vec3.h"
#include "openmm/internal/ContextImpl.h"
#include "openmmlps/LPSForce.h"

namespace LPSPlugin {

/**
 * What a platform does for an LPSForce. LPSForceImpl has checked the Force against the System before any of this is
 * called. Units: nm, kJ/mol. Functions throw OpenMMException for what they cannot do.
 */
class OPENMM_EXPORT_LPS CalcLPSForceKernel : public OpenMM::KernelImpl {
public:
    static std::string Name() { return "CalcLPSForce"; }

    using OpenMM::KernelImpl::KernelImpl;

    /** Called once, when the Context is created. */
    virtual void initialize(const OpenMM::System& system, const LPSForce& force) = 0;

    /**
     * Add the forces to those of the Context, times the energy scale of the Force. All else is computed without it.
     *
     * @return the energy in kJ/mol, unless the platform adds it up by itself
     */
    virtual double execute(OpenMM::ContextImpl& context, bool includeForces, bool includeEnergy) = 0;

    /** Take over the particle list of the Force, which has as many entries as at initialize(). */
    virtual void copyParametersToContext(OpenMM::ContextImpl& context, const LPSForce& force) = 0;

    /** @return [n] energies in kJ/mol, in the order of the particle list */
    virtual std::vector<double> computeParticleEnergies(OpenMM::ContextImpl& context) = 0;

    /** @return [3] rows of the virial -dE/dstrain in kJ/mol */
    virtual std::vector<OpenMM::Vec3> computeVirial(OpenMM::ContextImpl& context) = 0;

    /** What belongs to single particles. */
    struct ParticleResults {
        std::vector<double> energies;                      ///< [n] kJ/mol
        std::vector<std::array<OpenMM::Vec3, 3>> virials;  ///< [n] rows in kJ/mol
    };

    /** @return energies and virials, in the order of the particle list */
    virtual ParticleResults computeParticleResults(OpenMM::ContextImpl& context) = 0;

    /** @return [n][w] lps::Evaluation::features, in the order of the particle list */
    virtual std::vector<double> computeFeatures(OpenMM::ContextImpl& context) = 0;

protected:
    /** Take over the energy scale of the Force, at initialize(). */
    void readScale(const LPSForce& force) {
        scaleParameter = force.getEnergyScaleParameter();
        wantsScaleDerivative = !scaleParameter.empty() && force.getComputesScaleDerivative();
    }

    /** What energy and forces are multiplied by. */
    double getScale(OpenMM::ContextImpl& context) const {
        return scaleParameter.empty() ? 1.0 : context.getParameter(scaleParameter);
    }

    std::string scaleParameter;
    bool wantsScaleDerivative = false;
};

}  // namespace LPSPlugin
