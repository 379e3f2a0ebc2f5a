// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "support/TestSystem.h"

#include <algorithm>
#include <utility>

#include "lps/ModelFile.h"
#include "lps/Units.h"
#include "openmm/VerletIntegrator.h"
#include "support/TestPlatform.h"

namespace LPSPlugin::testing {

using OpenMM::Vec3;

namespace {

constexpr double energyUnit = lps::kilojoulesPerMolePerElectronvolt;
constexpr double forceUnit = energyUnit * lps::angstromsPerNanometer;

Vec3 toVec3(const lps::Vector3& vector, double unit) {
    return Vec3(vector[0], vector[1], vector[2]) * unit;
}

}  // namespace

LPSModel makeModel(const RandomModelOptions& options) {
    lps::DeepPotentialData data = lps::testing::makeRandomModelData(options);
    // Scaled so that forces reach tenths of an eV per angstrom, as in a real material: tolerances are absolute.
    for (lps::Network& fitting : data.fittings)
        for (double& weight : fitting.layers.back().weight)
            weight *= 10.0;
    return LPSModel::fromBytes(lps::writeModel(lps::DeepPotential(std::move(data))));
}

std::array<Vec3, 3> toNanometers(const lps::Matrix3& cell) {
    return {toVec3(cell[0], lps::nanometersPerAngstrom), toVec3(cell[1], lps::nanometersPerAngstrom),
            toVec3(cell[2], lps::nanometersPerAngstrom)};
}

std::vector<Vec3> toNanometers(const std::vector<lps::Vector3>& positions) {
    std::vector<Vec3> converted;
    for (const lps::Vector3& position : positions)
        converted.push_back(toVec3(position, lps::nanometersPerAngstrom));
    return converted;
}

OpenMM::System makeParticles(const lps::Matrix3& cell, std::size_t count) {
    OpenMM::System system;
    const auto box = toNanometers(cell);
    system.setDefaultPeriodicBoxVectors(box[0], box[1], box[2]);
    for (std::size_t i = 0; i < count; i++)
        system.addParticle(20.0);
    return system;
}

LPSForce* makeForce(const LPSModel& model) {
    auto* force = new LPSForce(model);
    force->setPrecision(TestPlatform::get().getForcePrecision());
    return force;
}

lps::Matrix3 scale(lps::Matrix3 cell, double factor) {
    for (lps::Vector3& row : cell)
        for (double& component : row)
            component *= factor;
    return cell;
}

lps::Configuration scale(lps::Configuration configuration, double factor) {
    if (configuration.box)
        configuration.box.emplace(scale(configuration.box->getVectors(), factor));
    for (lps::Vector3& position : configuration.positions)
        for (double& component : position)
            component *= factor;
    return configuration;
}

TestSystem makeSystem(const LPSModel& model, const lps::Configuration& configuration) {
    TestSystem result;
    result.system = std::make_unique<OpenMM::System>();
    result.force = makeForce(model);
    result.force->setUsesPeriodicBoundaryConditions(configuration.box.has_value());
    if (configuration.box) {
        const auto box = toNanometers(configuration.box->getVectors());
        result.system->setDefaultPeriodicBoxVectors(box[0], box[1], box[2]);
    }
    for (std::size_t i = 0; i < configuration.positions.size(); i++) {
        result.system->addParticle(20.0);
        result.force->addParticle(static_cast<int>(i), configuration.types[i]);
    }
    result.positions = toNanometers(configuration.positions);
    result.system->addForce(result.force);
    result.configuration = configuration;
    return result;
}

TestSystem makeBulk(const LPSModel& model, const lps::Matrix3& cell, unsigned seed) {
    const int numAtoms = std::max(3, static_cast<int>(0.05 * lps::Box(cell).getVolume()));
    return makeSystem(model, lps::testing::makeRandomConfiguration(
                                 numAtoms, static_cast<int>(model.getTypeNames().size()), cell, seed));
}

Expected evaluateReference(const LPSModel& model, const lps::Configuration& configuration) {
    const lps::Evaluation result = lps::ReferenceEvaluator(model.getDeepPotential()).evaluate(configuration);
    Expected expected;
    expected.energy = result.energy * energyUnit;
    for (double energy : result.atomEnergies)
        expected.particleEnergies.push_back(energy * energyUnit);
    for (const lps::Vector3& force : result.forces)
        expected.forces.push_back(toVec3(force, forceUnit));
    for (const lps::Vector3& row : result.virial)
        expected.virial.push_back(toVec3(row, energyUnit));
    for (const lps::Matrix3& virial : result.atomVirials)
        expected.particleVirials.push_back(
            {toVec3(virial[0], energyUnit), toVec3(virial[1], energyUnit), toVec3(virial[2], energyUnit)});
    return expected;
}

TestContext::TestContext(const TestSystem& system) : TestContext(*system.system, system.positions) {}

TestContext::TestContext(const OpenMM::System& system, const std::vector<Vec3>& positions,
                         std::unique_ptr<OpenMM::Integrator> newIntegrator)
    : integrator(std::move(newIntegrator)) {
    if (integrator == nullptr)
        integrator = std::make_unique<OpenMM::VerletIntegrator>(0.001);
    const TestPlatform& platform = TestPlatform::get();
    context = std::make_unique<OpenMM::Context>(system, *integrator, platform.getPlatform(), platform.getProperties());
    if (!positions.empty())
        context->setPositions(positions);
}

double TestContext::getTotalEnergy() {
    const OpenMM::State state = context->getState(OpenMM::State::Energy);
    return state.getPotentialEnergy() + state.getKineticEnergy();
}

}  // namespace LPSPlugin::testing
