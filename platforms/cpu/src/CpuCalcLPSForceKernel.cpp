// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "CpuCalcLPSForceKernel.h"

#include "ThreadPoolExecutor.h"
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

const ReferencePlatform::PlatformData& getReferenceData(ContextImpl& context) {
    return *static_cast<ReferencePlatform::PlatformData*>(context.getPlatformData());
}

lps::Vector3 toAngstrom(const Vec3& vector) {
    return {vector[0] * lps::angstromsPerNanometer, vector[1] * lps::angstromsPerNanometer,
            vector[2] * lps::angstromsPerNanometer};
}

}  // namespace

void CpuCalcLPSForceKernel::initialize(const OpenMM::System&, const LPSForce& force) {
    lps::FastOptions options;
    options.precision = force.getPrecision() == LPSForce::Double ? lps::Precision::Float64 : lps::Precision::Float32;
    options.useTables = force.getUseTables();
    evaluator = translateErrors(
        [&] { return std::make_unique<lps::FastEvaluator>(force.getModel().getDeepPotential(), options); });
    periodic = force.usesPeriodicBoundaryConditions();
    readParticles(force);
}

double CpuCalcLPSForceKernel::execute(ContextImpl& context, bool includeForces, bool) {
    evaluate(context, {includeForces, false});
    if (includeForces) {
        vector<Vec3>& forces = *getReferenceData(context).forces;
        for (std::size_t i = 0; i < particles.size(); i++)
            forces[particles[i]] += Vec3(result.forces[i][0], result.forces[i][1], result.forces[i][2]) * forceUnit;
    }
    return result.energy * lps::kilojoulesPerMolePerElectronvolt;
}

void CpuCalcLPSForceKernel::copyParametersToContext(ContextImpl&, const LPSForce& force) {
    readParticles(force);
}

vector<double> CpuCalcLPSForceKernel::computeParticleEnergies(ContextImpl& context) {
    vector<double> energies = evaluate(context, {false, false}).atomEnergies;
    for (double& energy : energies)
        energy *= lps::kilojoulesPerMolePerElectronvolt;
    return energies;
}

vector<Vec3> CpuCalcLPSForceKernel::computeVirial(ContextImpl& context) {
    vector<Vec3> rows;
    for (const lps::Vector3& row : evaluate(context, {true, true}).virial)
        rows.push_back(Vec3(row[0], row[1], row[2]) * lps::kilojoulesPerMolePerElectronvolt);
    return rows;
}

void CpuCalcLPSForceKernel::readParticles(const LPSForce& force) {
    particles.resize(force.getNumParticles());
    types.resize(force.getNumParticles());
    for (int i = 0; i < force.getNumParticles(); i++)
        force.getParticleParameters(i, particles[i], types[i]);
    positions.resize(particles.size());
}

const lps::Evaluation& CpuCalcLPSForceKernel::evaluate(ContextImpl& context, const lps::FastRequest& request) {
    const ReferencePlatform::PlatformData& data = getReferenceData(context);
    for (std::size_t i = 0; i < particles.size(); i++)
        positions[i] = toAngstrom((*data.positions)[particles[i]]);
    return translateErrors([&]() -> const lps::Evaluation& {
        std::optional<lps::Box> box;
        if (periodic) {
            const Vec3* vectors = data.periodicBoxVectors;
            box = lps::Box({toAngstrom(vectors[0]), toAngstrom(vectors[1]), toAngstrom(vectors[2])});
        }
        ThreadPoolExecutor executor(cpuData.threads);
        evaluator->evaluate(positions.data(), types.data(), static_cast<int>(positions.size()), box ? &*box : nullptr,
                            executor, request, result);
        return result;
    });
}

}  // namespace LPSPlugin
