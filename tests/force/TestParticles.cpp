// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestParticles.cpp  Which particles a Force acts on, and what may change while a Context exists. */

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "openmm/HarmonicBondForce.h"
#include "support/ExpectMatches.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::System;
using OpenMM::Vec3;

namespace {

/** Every third particle of a System is foreign to the Force, and the others are listed in scrambled order. */
TEST(Particles, subsetInScrambledOrder) {
    const LPSModel model = makeModel();
    const TestSystem plain = makeBulk(model, cells::triclinic);
    const Expected expected = evaluateReference(model, plain.configuration);
    const int numMembers = static_cast<int>(plain.positions.size());

    System system = makeParticles(cells::triclinic, 0);
    std::vector<Vec3> positions;
    std::vector<int> particleOfMember;
    for (int i = 0; i < numMembers; i++) {
        if (i % 2 == 0) {
            system.addParticle(10.0);
            positions.push_back(plain.positions[i] + Vec3(0.05, 0.02, -0.03));
        }
        particleOfMember.push_back(system.addParticle(20.0));
        positions.push_back(plain.positions[i]);
    }
    std::vector<int> order(numMembers);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(17));
    LPSForce* force = makeForce(model);
    for (int member : order)
        force->addParticle(particleOfMember[member], plain.configuration.types[member]);
    system.addForce(force);

    TestContext context(system, positions);
    Expected listed = expected;
    listed.forces.assign(positions.size(), Vec3());
    for (int i = 0; i < numMembers; i++) {
        listed.forces[particleOfMember[i]] = expected.forces[i];
        listed.particleEnergies[i] = expected.particleEnergies[order[i]];
        listed.particleVirials[i] = expected.particleVirials[order[i]];
    }
    expectMatches(*context, *force, listed);
    const std::vector<Vec3> forces = context.getForces();
    for (std::size_t i = 0; i < forces.size(); i++)
        if (std::find(particleOfMember.begin(), particleOfMember.end(), int(i)) == particleOfMember.end()) {
            EXPECT_EQ(forces[i], Vec3()) << "foreign particle " << i;
        }
}

TEST(Particles, twoForcesOnDifferentParticles) {
    const LPSModel model = makeModel();
    const TestSystem plain = makeBulk(model, cells::cubic);
    System system = makeParticles(cells::cubic, plain.positions.size());
    LPSForce* forces[2] = {makeForce(model), makeForce(model)};
    lps::Configuration halves[2];
    for (std::size_t i = 0; i < plain.positions.size(); i++) {
        forces[i % 2]->addParticle(int(i), plain.configuration.types[i]);
        halves[i % 2].positions.push_back(plain.configuration.positions[i]);
        halves[i % 2].types.push_back(plain.configuration.types[i]);
    }
    double expected = 0.0;
    for (int half = 0; half < 2; half++) {
        halves[half].box = plain.configuration.box;
        system.addForce(forces[half]);
        expected += evaluateReference(model, halves[half]).energy;
    }
    TestContext context(system, plain.positions);
    EXPECT_NEAR(context.getEnergy(), expected,
                TestPlatform::get().getTolerance().energyPerAtom * plain.positions.size());
}

TEST(Particles, energiesSumToTheEnergy) {
    const TestSystem system = makeBulk(makeModel(), cells::triclinic);
    TestContext context(system);
    const std::vector<double> energies = system.force->computeParticleEnergies(*context);
    ASSERT_EQ(energies.size(), system.positions.size());
    EXPECT_NEAR(std::accumulate(energies.begin(), energies.end(), 0.0), context.getEnergy(),
                TestPlatform::get().getTolerance().energyPerAtom * energies.size());
}

/** Asking for energies and virial between steps leaves the forces of the Context alone. */
TEST(Particles, queriesDoNotDisturbTheForces) {
    const TestSystem system = makeBulk(makeModel(), cells::cubic);
    TestContext plain(system), queried(system);
    const std::vector<Vec3> before = queried.getForces();
    for (int step = 0; step < 5; step++) {
        plain.getIntegrator().step(1);
        queried.getIntegrator().step(1);
        system.force->computeParticleEnergies(*queried);
        system.force->computeVirial(*queried);
    }
    const auto positionsOf = [](TestContext& context) {
        return context->getState(OpenMM::State::Positions).getPositions();
    };
    EXPECT_LE(largestDifference(positionsOf(plain), positionsOf(queried)),
              TestPlatform::get().isDouble() ? 1e-12 : 1e-6);
    EXPECT_GT(largestDifference(before, queried.getForces()), 0.0);
}

TEST(Particles, boxChangesBetweenEvaluations) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::cubic);
    // GPU platforms decide from the default cell whether any cell of the Context may be triclinic.
    const auto triclinic = toNanometers(cells::triclinic);
    system.system->setDefaultPeriodicBoxVectors(triclinic[0], triclinic[1], triclinic[2]);
    TestContext context(system);
    const auto cubic = toNanometers(cells::cubic);
    context->setPeriodicBoxVectors(cubic[0], cubic[1], cubic[2]);
    context.getEnergy();
    for (double factor : {0.9, 1.3, 1.0}) {
        lps::Configuration tilted = system.configuration;
        lps::Matrix3 cell = cells::cubic;
        cell[1][0] = 2.0;  // from cubic to triclinic
        tilted.box = lps::Box(cell);
        const lps::Configuration scaled = scale(tilted, factor);
        const auto box = toNanometers(scaled.box->getVectors());
        context->setPeriodicBoxVectors(box[0], box[1], box[2]);
        context->setPositions(toNanometers(scaled.positions));
        expectMatches(*context, *system.force, evaluateReference(model, scaled));
    }
}

TEST(Particles, updateParametersInContext) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::cubic);
    TestContext context(system);
    const double before = context.getEnergy();
    lps::Configuration changed = system.configuration;
    for (std::size_t i = 0; i < changed.types.size(); i++) {
        changed.types[i] = (changed.types[i] + 1) % 3;
        system.force->setParticleParameters(int(i), int(i), changed.types[i]);
    }
    EXPECT_NEAR(context.getEnergy(), before, 1e-9 * std::abs(before));  // not yet
    system.force->updateParametersInContext(*context);
    const Expected expected = evaluateReference(model, changed);
    EXPECT_GT(std::abs(expected.energy - before), 1.0);
    expectMatches(*context, *system.force, expected);
}

TEST(Particles, updateParametersMayNameOtherParticles) {
    const LPSModel model = makeModel();
    const TestSystem plain = makeBulk(model, cells::cubic);
    const int half = static_cast<int>(plain.positions.size()) / 2;
    System system = makeParticles(cells::cubic, plain.positions.size());
    LPSForce* force = makeForce(model);
    lps::Configuration second;
    second.box = plain.configuration.box;
    for (int i = 0; i < half; i++)
        force->addParticle(i, 0);
    system.addForce(force);
    TestContext context(system, plain.positions);
    context.getEnergy();
    for (int i = 0; i < half; i++) {
        force->setParticleParameters(i, i + half, 1);
        second.positions.push_back(plain.configuration.positions[i + half]);
        second.types.push_back(1);
    }
    force->updateParametersInContext(*context);
    EXPECT_NEAR(context.getEnergy(), evaluateReference(model, second).energy,
                TestPlatform::get().getTolerance().energyPerAtom * half);
    EXPECT_EQ(context.getForces()[0], Vec3());
}

TEST(Particles, forceGroups) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::cubic);
    auto* bond = new OpenMM::HarmonicBondForce();
    bond->addBond(0, 1, 0.1, 1000.0);
    bond->setForceGroup(2);
    system.system->addForce(bond);
    system.force->setForceGroup(5);
    TestContext context(system);
    const Expected expected = evaluateReference(model, system.configuration);
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    const double allowed = tolerance.energyPerAtom * system.positions.size();
    EXPECT_NEAR(context.getEnergy(1 << 5), expected.energy, allowed);
    EXPECT_LE(largestDifference(context.getForces(1 << 5), expected.forces), tolerance.force);
    EXPECT_EQ(context.getEnergy(1 << 0), 0.0);
    EXPECT_EQ(largestComponent(context.getForces(1 << 0)), 0.0);
    EXPECT_NEAR(context.getEnergy(), expected.energy + context.getEnergy(1 << 2), allowed + 1e-3);
}

TEST(Particles, noBondsAndNoContainedForces) {
    const TestSystem system = makeBulk(makeModel(), cells::cubic);
    TestContext context(system);
    EXPECT_EQ(context->getMolecules().size(), system.positions.size());
}

}  // namespace
