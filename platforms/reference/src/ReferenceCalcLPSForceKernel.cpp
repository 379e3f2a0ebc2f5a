// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "ReferenceCalcLPSForceKernel.h"

#include "lps/Units.h"
#include "openmm/reference/ReferencePlatform.h"
#include "openmmlps/internal/TranslateErrors.h"

namespace LPSPlugin {

using OpenMM::ContextImpl;
using OpenMM::ReferencePlatform;
using OpenMM::Vec3;
using std::vector;

namespace {

constexpr double forceUnit = lps::kilojoulesPerMolePerElectronvolt * lps::angstromsPerNanometer;

const ReferencePlatform::PlatformData& getPlatformData(ContextImpl& context) {
    return *static_cast<ReferencePlatform::PlatformData*>(context.getPlatformData());
}

lps::Vector3 toAngstrom(const Vec3& vector) {
    return {vector[0] * lps::angstromsPerNanometer, vector[1] * lps::angstromsPerNanometer,
            vector[2] * lps::angstromsPerNanometer};
}

}  // namespace

void ReferenceCalcLPSForceKernel::initialize(const OpenMM::System&, const LPSForce& force) {
    evaluator = translateErrors(
        [&] { return std::make_unique<const lps::ReferenceEvaluator>(force.getModel().getDeepPotential()); });
    periodic = force.usesPeriodicBoundaryConditions();
    readParticles(force);
}

double ReferenceCalcLPSForceKernel::execute(ContextImpl& context, bool includeForces, bool) {
    const lps::Evaluation result = evaluate(context);
    if (includeForces) {
        vector<Vec3>& forces = *getPlatformData(context).forces;
        for (std::size_t i = 0; i < particles.size(); i++)
            forces[particles[i]] += Vec3(result.forces[i][0], result.forces[i][1], result.forces[i][2]) * forceUnit;
    }
    return result.energy * lps::kilojoulesPerMolePerElectronvolt;
}

void ReferenceCalcLPSForceKernel::copyParametersToContext(ContextImpl&, const LPSForce& force) {
    readParticles(force);
}

vector<double> ReferenceCalcLPSForceKernel::computeParticleEnergies(ContextImpl& context) {
    vector<double> energies = evaluate(context).atomEnergies;
    for (double& energy : energies)
        energy *= lps::kilojoulesPerMolePerElectronvolt;
    return energies;
}

vector<Vec3> ReferenceCalcLPSForceKernel::computeVirial(ContextImpl& context) {
    vector<Vec3> rows;
    for (const lps::Vector3& row : evaluate(context).virial)
        rows.push_back(Vec3(row[0], row[1], row[2]) * lps::kilojoulesPerMolePerElectronvolt);
    return rows;
}

void ReferenceCalcLPSForceKernel::readParticles(const LPSForce& force) {
    particles.resize(force.getNumParticles());
    types.resize(force.getNumParticles());
    for (int i = 0; i < force.getNumParticles(); i++)
        force.getParticleParameters(i, particles[i], types[i]);
}

lps::Evaluation ReferenceCalcLPSForceKernel::evaluate(ContextImpl& context) const {
    const ReferencePlatform::PlatformData& data = getPlatformData(context);
    lps::Configuration configuration;
    configuration.types = types;
    configuration.positions.reserve(particles.size());
    for (int particle : particles)
        configuration.positions.push_back(toAngstrom((*data.positions)[particle]));
    return translateErrors([&] {
        if (periodic) {
            const Vec3* box = data.periodicBoxVectors;
            configuration.box = lps::Box({toAngstrom(box[0]), toAngstrom(box[1]), toAngstrom(box[2])});
        }
        return evaluator->evaluate(configuration);
    });
}

}  // namespace LPSPlugin
