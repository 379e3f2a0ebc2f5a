// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestDynamics.cpp  The Force among integrators, barostats, constraints and Forces that contain Forces. */

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "openmm/CustomCVForce.h"
#include "openmm/CustomExternalForce.h"
#include "openmm/LangevinMiddleIntegrator.h"
#include "openmm/LocalEnergyMinimizer.h"
#include "openmm/MonteCarloAnisotropicBarostat.h"
#include "openmm/MonteCarloBarostat.h"
#include "openmm/MonteCarloFlexibleBarostat.h"
#include "openmm/RPMDIntegrator.h"
#include "openmm/VerletIntegrator.h"
#include "support/Compare.h"
#include "support/TestPlatform.h"
#include "support/TestSystem.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::Vec3;

namespace {

constexpr double temperature = 150.0;

/**
 * A bulk system tied to its sites by springs. A model with random weights has no repulsion at short distances, so that
 * without springs its atoms fall into each other.
 */
TestSystem makeTethered() {
    TestSystem system = makeBulk(makeModel(), cells::cubic);
    auto* springs = new OpenMM::CustomExternalForce("50000*((x-x0)^2+(y-y0)^2+(z-z0)^2)");
    for (const char* coordinate : {"x0", "y0", "z0"})
        springs->addPerParticleParameter(coordinate);
    for (std::size_t i = 0; i < system.positions.size(); i++)
        springs->addParticle(int(i), {system.positions[i][0], system.positions[i][1], system.positions[i][2]});
    system.system->addForce(springs);
    return system;
}

bool isFinite(OpenMM::Context& context) {
    const OpenMM::State state = context.getState(OpenMM::State::Positions | OpenMM::State::Energy);
    for (const Vec3& position : state.getPositions())
        if (!std::isfinite(position.dot(position)))
            return false;
    return std::isfinite(state.getPotentialEnergy());
}

TEST(Dynamics, minimizerLowersTheEnergy) {
    if (TestPlatform::get().isPocl())
        GTEST_SKIP() << "OpenMM's minimizer crashes on PoCL";
    const TestSystem system = makeTethered();
    TestContext context(system);
    const double before = context.getEnergy();
    const std::vector<Vec3> forcesBefore = context.getForces();
    OpenMM::LocalEnergyMinimizer::minimize(*context, 10.0, 500);
    EXPECT_LT(context.getEnergy(), before);
    const std::vector<Vec3> forces = context.getForces();
    EXPECT_LT(dot(forces, forces), 0.04 * dot(forcesBefore, forcesBefore));
}

/** Standard deviation of the total energy over a given time. */
double energyFluctuation(const TestSystem& system, double step, double time) {
    TestContext context(*system.system, system.positions, std::make_unique<OpenMM::VerletIntegrator>(step));
    context->setVelocitiesToTemperature(temperature, 7);
    std::vector<double> energies;
    for (int i = 0; i < static_cast<int>(time / step + 0.5); i++) {
        context.getIntegrator().step(1);
        energies.push_back(context.getTotalEnergy());
    }
    return standardDeviation(energies);
}

TEST(Dynamics, halvingTheStepQuartersTheEnergyFluctuation) {
    const TestSystem system = makeTethered();
    const double coarse = energyFluctuation(system, 0.001, 0.1);
    const double fine = energyFluctuation(system, 0.0005, 0.1);
    RecordProperty("fluctuationCoarse", std::to_string(coarse));
    RecordProperty("fluctuationFine", std::to_string(fine));
    EXPECT_GT(coarse / fine, 3.0) << coarse << " and " << fine << " kJ/mol";
    EXPECT_LT(coarse / fine, 5.0) << coarse << " and " << fine << " kJ/mol";
}

TEST(Dynamics, energyIsConserved) {
    const TestSystem system = makeTethered();
    TestContext context(*system.system, system.positions, std::make_unique<OpenMM::VerletIntegrator>(0.0005));
    context->setVelocitiesToTemperature(temperature, 7);
    context.getIntegrator().step(10);
    const double before = context.getTotalEnergy();
    context.getIntegrator().step(400);
    const double kinetic = context->getState(OpenMM::State::Energy).getKineticEnergy();
    EXPECT_NEAR(context.getTotalEnergy(), before, 0.01 * kinetic);
}

TEST(Dynamics, langevinHeatsTheSystem) {
    const TestSystem system = makeTethered();
    auto integrator = std::make_unique<OpenMM::LangevinMiddleIntegrator>(temperature, 50.0, 0.001);
    integrator->setRandomNumberSeed(3);
    TestContext context(*system.system, system.positions, std::move(integrator));
    context.getIntegrator().step(100);
    double mean = 0.0;
    for (int i = 0; i < 200; i++) {
        context.getIntegrator().step(1);
        mean += context->getState(OpenMM::State::Energy).getKineticEnergy() / 200;
    }
    const double expected = 1.5 * system.positions.size() * 8.31446e-3 * temperature;
    EXPECT_NEAR(mean, expected, 0.25 * expected);
    EXPECT_TRUE(isFinite(*context));
}

TEST(Dynamics, constraintsHold) {
    const TestSystem system = makeTethered();
    const Vec3 bond = system.positions[1] - system.positions[0];
    const double length = std::sqrt(bond.dot(bond));
    system.system->addConstraint(0, 1, length);
    TestContext context(*system.system, system.positions, std::make_unique<OpenMM::VerletIntegrator>(0.0005));
    context->setVelocitiesToTemperature(temperature, 7);
    context.getIntegrator().step(50);
    const std::vector<Vec3> positions = context->getState(OpenMM::State::Positions).getPositions();
    const Vec3 after = positions[1] - positions[0];
    EXPECT_NEAR(std::sqrt(after.dot(after)), length, 1e-4 * length);
}

void expectBarostatRuns(OpenMM::Force* barostat) {
    const TestSystem system = makeBulk(makeModel(), cells::cubic);
    system.system->addForce(barostat);
    auto integrator = std::make_unique<OpenMM::LangevinMiddleIntegrator>(temperature, 10.0, 0.0002);
    integrator->setRandomNumberSeed(3);
    TestContext context(*system.system, system.positions, std::move(integrator));
    const double before = context->getState(0).getPeriodicBoxVolume();
    context.getIntegrator().step(60);
    EXPECT_NE(context->getState(0).getPeriodicBoxVolume(), before);
    EXPECT_TRUE(isFinite(*context));

    // The energy that the accepted box left behind is that of a fresh evaluation.
    lps::Configuration final = system.configuration;
    const OpenMM::State state = context->getState(OpenMM::State::Positions | OpenMM::State::Energy);
    Vec3 box[3];
    state.getPeriodicBoxVectors(box[0], box[1], box[2]);
    lps::Matrix3 cell;
    for (int i = 0; i < 3; i++)
        cell[i] = {10 * box[i][0], 10 * box[i][1], 10 * box[i][2]};
    final.box = lps::Box(cell);
    for (std::size_t i = 0; i < final.positions.size(); i++)
        for (int d = 0; d < 3; d++)
            final.positions[i][d] = 10 * state.getPositions()[i][d];
    // Positions leave a single precision platform with seven digits.
    const double allowed = (TestPlatform::get().isDouble() ? 1 : 20) * TestPlatform::get().getTolerance().energyPerAtom;
    EXPECT_NEAR(state.getPotentialEnergy(), evaluateReference(system.force->getModel(), final).energy,
                allowed * final.positions.size());
}

TEST(Dynamics, barostats) {
    const auto run = [](auto* barostat) {
        barostat->setRandomNumberSeed(5);
        expectBarostatRuns(barostat);
    };
    run(new OpenMM::MonteCarloBarostat(1.0, temperature, 1));
    run(new OpenMM::MonteCarloAnisotropicBarostat(Vec3(1, 1, 1), temperature, true, true, true, 1));
    run(new OpenMM::MonteCarloFlexibleBarostat(1.0, temperature, 1, true));
}

TEST(Dynamics, insideCustomCVForce) {
    const LPSModel model = makeModel();
    const TestSystem plain = makeBulk(model, cells::cubic);
    const Expected expected = evaluateReference(model, plain.configuration);
    OpenMM::System system = makeParticles(cells::cubic, plain.positions.size());
    auto* scaled = new OpenMM::CustomCVForce("scale*potential");
    scaled->addGlobalParameter("scale", 0.25);
    scaled->addCollectiveVariable("potential", new LPSForce(*plain.force));
    system.addForce(scaled);
    TestContext context(system, plain.positions);
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    EXPECT_NEAR(context.getEnergy(), 0.25 * expected.energy,
                tolerance.energyPerAtom * plain.positions.size() +
                    (TestPlatform::get().isDouble() ? 1e-12 : 1e-6) * std::abs(expected.energy));
    std::vector<Vec3> quarter = expected.forces;
    for (Vec3& force : quarter)
        force *= 0.25;
    EXPECT_LE(largestDifference(context.getForces(), quarter), tolerance.force);
}

TEST(Dynamics, ringPolymer) {
    const TestSystem system = makeTethered();
    auto integrator = std::make_unique<OpenMM::RPMDIntegrator>(4, temperature, 10.0, 0.0005);
    integrator->setRandomNumberSeed(3);
    OpenMM::RPMDIntegrator& ring = *integrator;
    TestContext context(*system.system, system.positions, std::move(integrator));
    for (int copy = 0; copy < 4; copy++)
        ring.setPositions(copy, system.positions);
    ring.step(20);
    std::vector<double> energies;
    for (int copy = 0; copy < 4; copy++) {
        const OpenMM::State state = ring.getState(copy, OpenMM::State::Energy | OpenMM::State::Forces, false);
        EXPECT_TRUE(std::isfinite(state.getPotentialEnergy()));
        energies.push_back(state.getPotentialEnergy());
    }
    EXPECT_GT(standardDeviation(energies), 0.0);  // the copies have moved apart
}

TEST(Dynamics, checkpointContinuesTheTrajectory) {
    const TestSystem system = makeTethered();
    TestContext context(*system.system, system.positions, std::make_unique<OpenMM::VerletIntegrator>(0.0005));
    context->setVelocitiesToTemperature(temperature, 7);
    context.getIntegrator().step(5);
    std::stringstream checkpoint;
    context->createCheckpoint(checkpoint);
    context.getIntegrator().step(10);
    const std::vector<Vec3> expected = context->getState(OpenMM::State::Positions).getPositions();
    context->loadCheckpoint(checkpoint);
    context.getIntegrator().step(10);
    EXPECT_LE(largestDifference(context->getState(OpenMM::State::Positions).getPositions(), expected),
              TestPlatform::get().isDouble() ? 1e-10 : 1e-4);
}

}  // namespace
