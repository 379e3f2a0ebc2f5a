// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "openmmlps/LPSForce.h"

#include <algorithm>
#include <string>

#include "openmm/OpenMMException.h"
#include "openmmlps/internal/LPSForceImpl.h"

namespace LPSPlugin {

LPSForce::LPSForce(const LPSModel& sharedModel) : model(sharedModel) {
    setName("LPSForce");
}

int LPSForce::addParticle(int particle, int type) {
    particles.push_back({particle, type});
    return getNumParticles() - 1;
}

void LPSForce::getParticleParameters(int index, int& particle, int& type) const {
    checkIndex(index);
    particle = particles[index].particle;
    type = particles[index].type;
}

void LPSForce::setParticleParameters(int index, int particle, int type) {
    checkIndex(index);
    particles[index] = {particle, type};
}

void LPSForce::updateParametersInContext(OpenMM::Context& context) {
    dynamic_cast<LPSForceImpl&>(getImplInContext(context)).updateParametersInContext(getContextImpl(context));
}

void LPSForce::setUsesPeriodicBoundaryConditions(bool isPeriodic) {
    periodic = isPeriodic;
}

void LPSForce::setPrecision(Precision value) {
    if (value != Automatic && value != Single && value != Double)
        throw OpenMM::OpenMMException(
            "LPSForce: precision " + std::to_string(static_cast<int>(value)) +
            " is unknown; use LPSForce.Automatic (0), LPSForce.Single (1) or LPSForce.Double (2).");
    precision = value;
}

void LPSForce::setUseTables(bool use) {
    useTables = use;
}

void LPSForce::setEnergyScaleParameter(const std::string& parameter) {
    energyScaleParameter = parameter;
}

void LPSForce::setComputesScaleDerivative(bool computes) {
    computesScaleDerivative = computes;
}

int LPSForce::addCommitteeModel(const LPSModel& added) {
    const std::vector<std::string>& names = added.getTypeNames();
    for (const std::string& typeName : model.getTypeNames())
        if (std::find(names.begin(), names.end(), typeName) == names.end())
            throw OpenMM::OpenMMException("LPSForce.addCommitteeModel: the Force's model has type '" + typeName +
                                          "', but the added one knows types " + added.describeTypes() +
                                          "; the models of a committee must know the same elements.");
    committee.push_back(added);
    return getNumCommitteeModels() - 1;
}

LPSModel LPSForce::getCommitteeModel(int index) const {
    if (index < 0 || index >= getNumCommitteeModels())
        throw OpenMM::OpenMMException("LPSForce: there is no committee model " + std::to_string(index) + " among the " +
                                      std::to_string(getNumCommitteeModels()) +
                                      " that addCommitteeModel() added; use an index that it returned.");
    return committee[index];
}

LPSModelDeviation LPSForce::computeModelDeviation(OpenMM::Context& context) {
    return dynamic_cast<LPSForceImpl&>(getImplInContext(context)).computeModelDeviation(getContextImpl(context));
}

std::vector<double> LPSForce::computeParticleEnergies(OpenMM::Context& context) {
    return dynamic_cast<LPSForceImpl&>(getImplInContext(context)).computeParticleEnergies(getContextImpl(context));
}

std::vector<OpenMM::Vec3> LPSForce::computeVirial(OpenMM::Context& context) {
    return dynamic_cast<LPSForceImpl&>(getImplInContext(context)).computeVirial(getContextImpl(context));
}

std::vector<std::array<OpenMM::Vec3, 3>> LPSForce::computeParticleVirials(OpenMM::Context& context) {
    return dynamic_cast<LPSForceImpl&>(getImplInContext(context)).computeParticleVirials(getContextImpl(context));
}

OpenMM::Vec3 LPSForce::computeHeatCurrent(OpenMM::Context& context) {
    return dynamic_cast<LPSForceImpl&>(getImplInContext(context)).computeHeatCurrent(getContextImpl(context));
}

LPSParticleUncertainties LPSForce::computeParticleUncertainties(OpenMM::Context& context) {
    return dynamic_cast<LPSForceImpl&>(getImplInContext(context)).computeParticleUncertainties(getContextImpl(context));
}

OpenMM::ForceImpl* LPSForce::createImpl() const {
    return new LPSForceImpl(*this);
}

void LPSForce::checkIndex(int index) const {
    if (index < 0 || index >= getNumParticles())
        throw OpenMM::OpenMMException("LPSForce: there is no entry " + std::to_string(index) + " in the list of " +
                                      std::to_string(getNumParticles()) + " particles; " +
                                      (particles.empty()
                                           ? "add particles with addParticle(particle, type)."
                                           : "use an index from 0 to " + std::to_string(getNumParticles() - 1) + "."));
}

}  // namespace LPSPlugin
