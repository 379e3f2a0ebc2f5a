// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "HostCalcLPSForceKernel.h"

#include "lps/Units.h"
#include "openmm/reference/ReferencePlatform.h"
#include "openmmlps/internal/TranslateErrors.h"

namespace LPSPlugin {

using OpenMM::ContextImpl;
using OpenMM::ReferencePlatform;
using OpenMM::Vec3;
using std::vector;

namespace {

constexpr double energyUnit = lps::kilojoulesPerMolePerElectronvolt;
constexpr double forceUnit = lps::kilojoulesPerMolePerElectronvolt * lps::angstromsPerNanometer;

const ReferencePlatform::PlatformData& getPlatformData(ContextImpl& context) {
    return *static_cast<ReferencePlatform::PlatformData*>(context.getPlatformData());
}

lps::Vector3 toAngstrom(const Vec3& vector) {
    return {vector[0] * lps::angstromsPerNanometer, vector[1] * lps::angstromsPerNanometer,
            vector[2] * lps::angstromsPerNanometer};
}

}  // namespace

void HostCalcLPSForceKernel::initialize(const OpenMM::System&, const LPSForce& force) {
    translateErrors([&] { createEvaluator(force); });
    periodic = force.usesPeriodicBoundaryConditions();
    readParticles(force);
    readScale(force);
}

double HostCalcLPSForceKernel::execute(ContextImpl& context, bool includeForces, bool) {
    const lps::Evaluation& result = evaluate(context, includeForces ? Wanted::Forces : Wanted::Energies);
    const double scale = getScale(context);
    if (wantsScaleDerivative)
        (*getPlatformData(context).energyParameterDerivatives)[scaleParameter] += result.energy * energyUnit;
    if (includeForces) {
        vector<Vec3>& forces = *getPlatformData(context).forces;
        const double unit = forceUnit * scale;
        for (std::size_t i = 0; i < particles.size(); i++)
            forces[particles[i]] += Vec3(result.forces[i][0], result.forces[i][1], result.forces[i][2]) * unit;
    }
    return result.energy * energyUnit * scale;
}

void HostCalcLPSForceKernel::copyParametersToContext(ContextImpl&, const LPSForce& force) {
    readParticles(force);
}

vector<double> HostCalcLPSForceKernel::computeParticleEnergies(ContextImpl& context) {
    vector<double> energies = evaluate(context, Wanted::Energies).atomEnergies;
    for (double& energy : energies)
        energy *= energyUnit;
    return energies;
}

vector<Vec3> HostCalcLPSForceKernel::computeVirial(ContextImpl& context) {
    vector<Vec3> rows;
    for (const lps::Vector3& row : evaluate(context, Wanted::ForcesAndVirial).virial)
        rows.push_back(Vec3(row[0], row[1], row[2]) * energyUnit);
    return rows;
}

vector<double> HostCalcLPSForceKernel::computeFeatures(ContextImpl& context) {
    return evaluate(context, Wanted::Features).features;
}

CalcLPSForceKernel::ParticleResults HostCalcLPSForceKernel::computeParticleResults(ContextImpl& context) {
    const lps::Evaluation& result = evaluate(context, Wanted::AtomVirials);
    ParticleResults particleResults;
    for (double energy : result.atomEnergies)
        particleResults.energies.push_back(energy * energyUnit);
    for (const lps::Matrix3& virial : result.atomVirials) {
        std::array<Vec3, 3> rows;
        for (int d = 0; d < 3; d++)
            rows[d] = Vec3(virial[d][0], virial[d][1], virial[d][2]) * energyUnit;
        particleResults.virials.push_back(rows);
    }
    return particleResults;
}

void HostCalcLPSForceKernel::readParticles(const LPSForce& force) {
    particles.resize(force.getNumParticles());
    configuration.types.resize(force.getNumParticles());
    for (int i = 0; i < force.getNumParticles(); i++)
        force.getParticleParameters(i, particles[i], configuration.types[i]);
    configuration.positions.resize(particles.size());
}

const lps::Evaluation& HostCalcLPSForceKernel::evaluate(ContextImpl& context, Wanted wanted) {
    const ReferencePlatform::PlatformData& data = getPlatformData(context);
    for (std::size_t i = 0; i < particles.size(); i++)
        configuration.positions[i] = toAngstrom((*data.positions)[particles[i]]);
    return translateErrors([&]() -> const lps::Evaluation& {
        if (periodic) {
            const Vec3* box = data.periodicBoxVectors;
            configuration.box = lps::Box({toAngstrom(box[0]), toAngstrom(box[1]), toAngstrom(box[2])});
        }
        return evaluate(configuration, wanted);
    });
}

}  // namespace LPSPlugin
