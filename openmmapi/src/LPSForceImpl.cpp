// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "openmmlps/internal/LPSForceImpl.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "Committee.h"
#include "lps/Uncertainty.h"
#include "lps/Units.h"
#include "openmm/OpenMMException.h"
#include "openmm/VerletIntegrator.h"
#include "openmmlps/LPSKernels.h"
#include "openmmlps/internal/TranslateErrors.h"

namespace LPSPlugin {

using OpenMM::ContextImpl;
using OpenMM::OpenMMException;
using OpenMM::System;
using OpenMM::Vec3;
using std::string;
using std::to_string;
using std::vector;

namespace {

/**
 * Check that the particle list fits the System and the model.
 * @throws OpenMMException for the first entry that does not
 */
void checkParticles(const LPSForce& force, const System& system) {
    if (force.getNumParticles() == 0)
        throw OpenMMException(
            "LPSForce: no particle belongs to the Force; call addParticle(particle, type) for each particle that the "
            "model "
            "describes, with the type from LPSModel.getTypeIndex('" +
            force.getModel().getTypeNames().front() + "') and the like.");
    const int numTypes = static_cast<int>(force.getModel().getTypeNames().size());
    vector<int> entryOfParticle(system.getNumParticles(), -1);
    for (int entry = 0; entry < force.getNumParticles(); entry++) {
        int particle, type;
        force.getParticleParameters(entry, particle, type);
        if (particle < 0 || particle >= system.getNumParticles())
            throw OpenMMException("LPSForce: entry " + to_string(entry) + " names particle " + to_string(particle) +
                                  ", but the System has " + to_string(system.getNumParticles()) +
                                  " particles; use an index from 0 to " + to_string(system.getNumParticles() - 1) +
                                  ".");
        if (type < 0 || type >= numTypes)
            throw OpenMMException("LPSForce: particle " + to_string(particle) + " has type " + to_string(type) +
                                  ", but the model knows types " + force.getModel().describeTypes() +
                                  ". Use LPSModel.getTypeIndex('" + force.getModel().getTypeNames().front() +
                                  "') to look types up.");
        if (entryOfParticle[particle] != -1)
            throw OpenMMException("LPSForce: particle " + to_string(particle) + " is listed twice, as entries " +
                                  to_string(entryOfParticle[particle]) + " and " + to_string(entry) +
                                  "; list each particle once.");
        entryOfParticle[particle] = entry;
    }
}

/**
 * A periodic Force needs a cell with a volume. OpenMM checks most of this itself, but lets NaN pass.
 */
void checkBox(const System& system) {
    Vec3 a, b, c;
    system.getDefaultPeriodicBoxVectors(a, b, c);
    const double volume = a.dot(b.cross(c));
    if (!(std::isfinite(volume) && volume > 0.0))
        throw OpenMMException("LPSForce: the Force is periodic, but the System's box vectors span a volume of " +
                              to_string(volume) +
                              " nm^3; call System.setDefaultPeriodicBoxVectors(), or "
                              "setUsesPeriodicBoundaryConditions(False) on the Force.");
}

/** The threads that a platform was told to use; 0 if it has no such property. */
int getNumThreads(ContextImpl& context) {
    const vector<string>& names = context.getPlatform().getPropertyNames();
    if (std::find(names.begin(), names.end(), "Threads") == names.end())
        return 0;
    return std::stoi(context.getPlatform().getPropertyValue(context.getOwner(), "Threads"));
}

}  // namespace

LPSForceImpl::LPSForceImpl(const LPSForce& force) : owner(force), scaleParameter(force.getEnergyScaleParameter()) {
    forceGroup = force.getForceGroup();
}

LPSForceImpl::~LPSForceImpl() = default;

void LPSForceImpl::initialize(ContextImpl& context) {
    process = getpid();
    checkParticles(owner, context.getSystem());
    if (owner.usesPeriodicBoundaryConditions())
        checkBox(context.getSystem());
    numParticles = owner.getNumParticles();
    kernel = context.getPlatform().createKernel(CalcLPSForceKernel::Name(), context);
    kernel.getAs<CalcLPSForceKernel>().initialize(context.getSystem(), owner);
    if (owner.getNumCommitteeModels() > 0)
        committee =
            std::make_unique<Committee>(owner, context.getPlatform().getName() == "Reference", getNumThreads(context));
}

void LPSForceImpl::checkProcess(ContextImpl& context) const {
    const string& platform = context.getPlatform().getName();
    if (process != getpid() && platform != "Reference")
        throw OpenMMException("LPSForce: the Context was made on the " + platform +
                              " platform before this process was forked, and its threads or device do not exist here; "
                              "make a Context in each process, or start processes with the method 'spawn'.");
}

double LPSForceImpl::calcForcesAndEnergy(ContextImpl& context, bool includeForces, bool includeEnergy, int groups) {
    if ((groups & (1 << forceGroup)) == 0)
        return 0.0;
    checkProcess(context);
    return kernel.getAs<CalcLPSForceKernel>().execute(context, includeForces, includeEnergy);
}

std::map<string, double> LPSForceImpl::getDefaultParameters() {
    return scaleParameter.empty() ? std::map<string, double>() : std::map<string, double>{{scaleParameter, 1.0}};
}

double LPSForceImpl::getScale(ContextImpl& context) const {
    return scaleParameter.empty() ? 1.0 : context.getParameter(scaleParameter);
}

vector<string> LPSForceImpl::getKernelNames() {
    return {CalcLPSForceKernel::Name()};
}

void LPSForceImpl::updateParametersInContext(ContextImpl& context) {
    if (owner.getNumParticles() != numParticles)
        throw OpenMMException("LPSForce.updateParametersInContext: the Force now lists " +
                              to_string(owner.getNumParticles()) + " particles, but the Context was created with " +
                              to_string(numParticles) +
                              "; call Context.reinitialize() to change the number of particles.");
    checkParticles(owner, context.getSystem());
    checkProcess(context);
    kernel.getAs<CalcLPSForceKernel>().copyParametersToContext(context, owner);
    if (committee)
        committee->readParticles(owner);
    context.systemChanged();
}

vector<double> LPSForceImpl::computeParticleEnergies(ContextImpl& context) {
    checkProcess(context);
    vector<double> energies = kernel.getAs<CalcLPSForceKernel>().computeParticleEnergies(context);
    for (double& energy : energies)
        energy *= getScale(context);
    return energies;
}

vector<Vec3> LPSForceImpl::computeVirial(ContextImpl& context) {
    checkProcess(context);
    vector<Vec3> virial = kernel.getAs<CalcLPSForceKernel>().computeVirial(context);
    for (Vec3& row : virial)
        row *= getScale(context);
    return virial;
}

vector<std::array<Vec3, 3>> LPSForceImpl::computeParticleVirials(ContextImpl& context) {
    checkProcess(context);
    vector<std::array<Vec3, 3>> virials = kernel.getAs<CalcLPSForceKernel>().computeParticleResults(context).virials;
    for (std::array<Vec3, 3>& rows : virials)
        for (Vec3& row : rows)
            row *= getScale(context);
    return virials;
}

Vec3 LPSForceImpl::computeHeatCurrent(ContextImpl& context) {
    checkProcess(context);
    vector<Vec3> velocities;
    if (dynamic_cast<const OpenMM::VerletIntegrator*>(&context.getIntegrator()) != nullptr) {
        // Its velocities lag half a step behind the positions.

        context.calcForcesAndEnergy(true, false, context.getIntegrator().getIntegrationForceGroups());
        context.computeShiftedVelocities(0.5 * context.getIntegrator().getStepSize(), velocities);
    } else {
        context.getVelocities(velocities);
    }
    const CalcLPSForceKernel::ParticleResults results =
        kernel.getAs<CalcLPSForceKernel>().computeParticleResults(context);
    const double scale = getScale(context);
    Vec3 current;
    for (int i = 0; i < numParticles; i++) {
        int particle, type;
        owner.getParticleParameters(i, particle, type);
        const Vec3& velocity = velocities[particle];
        const double mass = context.getSystem().getParticleMass(particle);
        current += velocity * (scale * results.energies[i] + 0.5 * mass * velocity.dot(velocity));
        for (int row = 0; row < 3; row++)
            current[row] += scale * results.virials[i][row].dot(velocity);
    }
    return current;
}

LPSParticleUncertainties LPSForceImpl::computeParticleUncertainties(ContextImpl& context) {
    const std::shared_ptr<const lps::DeepPotential> model = owner.getModel().getDeepPotential();
    if (!model->hasUncertainties())
        throw OpenMMException(
            "LPSForce.computeParticleUncertainties: the model is not calibrated; run 'openmm-lps calibrate MODEL "
            "FRAMES' "
            "and use the model that it writes.");
    checkProcess(context);
    vector<int> types(numParticles);
    for (int i = 0, particle; i < numParticles; i++)
        owner.getParticleParameters(i, particle, types[i]);
    const vector<double> features = kernel.getAs<CalcLPSForceKernel>().computeFeatures(context);
    const lps::AtomUncertainties found =
        translateErrors([&] { return lps::computeUncertainties(*model, types, features); });
    LPSParticleUncertainties result{found.forces, found.grades};
    for (double& force : result.forces)
        force *= lps::kilojoulesPerMolePerElectronvolt * lps::angstromsPerNanometer * std::fabs(getScale(context));
    return result;
}

LPSModelDeviation LPSForceImpl::computeModelDeviation(ContextImpl& context) {
    if (!committee)
        throw OpenMMException(
            "LPSForce.computeModelDeviation: this Context has no committee; call addCommitteeModel() on the Force "
            "before the Context is created, or Context.reinitialize() afterwards.");
    checkProcess(context);
    vector<Vec3> positions;
    context.getPositions(positions);
    std::array<Vec3, 3> box;
    context.getPeriodicBoxVectors(box[0], box[1], box[2]);
    return committee->evaluate(positions, box);
}

}  // namespace LPSPlugin
