// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestErrors.cpp  The wording of every refusal: where, what is wrong with the value seen, what to do. */

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "openmm/VerletIntegrator.h"
#include "support/Compare.h"
#include "support/TestPlatform.h"
#include "support/TestSystem.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::Vec3;

namespace {

std::string contextError(const TestSystem& system) {
    return messageOf([&] { TestContext context(system); });
}

TestSystem threeAtoms() {
    lps::Configuration configuration;
    configuration.positions = {{0, 0, 0}, {2, 0, 0}, {0, 2, 0}};
    configuration.types = {0, 1, 2};
    return makeSystem(makeModel(), configuration);
}

TEST(Errors, noParticles) {
    TestSystem system = threeAtoms();
    system.system->removeForce(0);
    system.force = new LPSForce(makeModel());
    system.system->addForce(system.force);
    EXPECT_EQ(
        contextError(system),
        "LPSForce: no particle belongs to the Force; call addParticle(particle, type) for each particle that the model "
        "describes, with the type from LPSModel.getTypeIndex('Li') and the like.");
}

TEST(Errors, particleOutOfRange) {
    const TestSystem system = threeAtoms();
    system.force->setParticleParameters(1, 3, 0);
    EXPECT_EQ(contextError(system),
              "LPSForce: entry 1 names particle 3, but the System has 3 particles; use an index from 0 to 2.");
    system.force->setParticleParameters(1, -1, 0);
    EXPECT_EQ(contextError(system),
              "LPSForce: entry 1 names particle -1, but the System has 3 particles; use an index from 0 to 2.");
}

TEST(Errors, typeOutOfRange) {
    const TestSystem system = threeAtoms();
    for (int type : {3, -1}) {
        system.force->setParticleParameters(2, 2, type);
        EXPECT_EQ(contextError(system), "LPSForce: particle 2 has type " + std::to_string(type) +
                                            ", but the model knows types 0 (Li), 1 (P), 2 (S). Use "
                                            "LPSModel.getTypeIndex('Li') to look types up.");
    }
}

TEST(Errors, particleListedTwice) {
    const TestSystem system = threeAtoms();
    system.force->setParticleParameters(2, 0, 2);
    EXPECT_EQ(contextError(system),
              "LPSForce: particle 0 is listed twice, as entries 0 and 2; list each particle once.");
}

TEST(Errors, boxIsNotANumber) {
    const TestSystem system = threeAtoms();
    system.force->setUsesPeriodicBoundaryConditions(true);
    system.system->setDefaultPeriodicBoxVectors(Vec3(std::nan(""), 0, 0), Vec3(0, 1, 0), Vec3(0, 0, 1));
    EXPECT_EQ(contextError(system),
              "LPSForce: the Force is periodic, but the System's box vectors span a volume of nan nm^3; call "
              "System.setDefaultPeriodicBoxVectors(), or setUsesPeriodicBoundaryConditions(False) on the Force.");
}

TEST(Errors, noSuchEntry) {
    const TestSystem system = threeAtoms();
    int particle, type;
    EXPECT_EQ(messageOf([&] { system.force->getParticleParameters(3, particle, type); }),
              "LPSForce: there is no entry 3 in the list of 3 particles; use an index from 0 to 2.");
    EXPECT_EQ(messageOf([&] { system.force->setParticleParameters(-1, 0, 0); }),
              "LPSForce: there is no entry -1 in the list of 3 particles; use an index from 0 to 2.");
    EXPECT_EQ(
        messageOf([&] { LPSForce(makeModel()).setParticleParameters(0, 0, 0); }),
        "LPSForce: there is no entry 0 in the list of 0 particles; add particles with addParticle(particle, type).");
}

TEST(Errors, unknownPrecision) {
    const TestSystem system = threeAtoms();
    EXPECT_EQ(
        messageOf([&] { system.force->setPrecision(static_cast<LPSForce::Precision>(7)); }),
        "LPSForce: precision 7 is unknown; use LPSForce.Automatic (0), LPSForce.Single (1) or LPSForce.Double (2).");
}

TEST(Errors, updateWithAnotherNumberOfParticles) {
    const TestSystem system = threeAtoms();
    TestContext context(system);
    system.force->addParticle(0, 0);
    EXPECT_EQ(
        messageOf([&] { system.force->updateParametersInContext(*context); }),
        "LPSForce.updateParametersInContext: the Force now lists 4 particles, but the Context was created with 3; call "
        "Context.reinitialize() to change the number of particles.");
}

TEST(Errors, updateWithAnUnknownType) {
    const TestSystem system = threeAtoms();
    TestContext context(system);
    const double before = context.getEnergy();
    system.force->setParticleParameters(0, 0, 9);
    EXPECT_NE(messageOf([&] { system.force->updateParametersInContext(*context); }).find("particle 0 has type 9"),
              std::string::npos);
    EXPECT_EQ(context.getEnergy(), before);  // the Context keeps what it had
}

TEST(Errors, coincidingAtoms) {
    TestSystem system = threeAtoms();
    system.positions[2] = system.positions[1];
    TestContext context(system);
    EXPECT_NE(messageOf([&] { context.getEnergy(); }).find("atoms 1 and 2 are at the same position"),
              std::string::npos);
}

TEST(Errors, positionsThatExploded) {
    for (bool periodic : {false, true}) {
        TestSystem system = threeAtoms();
        system.force->setUsesPeriodicBoundaryConditions(periodic);
        TestContext context(system);
        const double before = context.getEnergy();
        const double limit = std::numeric_limits<double>::infinity();
        for (double bad : {limit, -limit, std::nan(""), 1e10, -1e30}) {
            std::vector<Vec3> positions = system.positions;
            positions[1][2] = bad;
            positions[2][1] = bad;
            context->setPositions(positions);
            const std::string message = messageOf([&] { context.getEnergy(); });
            if (message.find("Particle coordinate is NaN") ==
                std::string::npos) {  // OpenMM's CPU platform looks itself
                EXPECT_NE(message.find("atom 1 "), std::string::npos) << bad << ": " << message;
                EXPECT_NE(message.find("become unstable"), std::string::npos) << bad << ": " << message;
            }
            context->setPositions(system.positions);
            EXPECT_EQ(context.getEnergy(), before) << bad;  // the Context serves on
        }
    }
}

TEST(Errors, boxThatCollapsed) {
    TestSystem system = threeAtoms();
    system.force->setUsesPeriodicBoundaryConditions(true);
    TestContext context(system);
    const double before = context.getEnergy();
    Vec3 box[3];
    system.system->getDefaultPeriodicBoxVectors(box[0], box[1], box[2]);
    context->setPeriodicBoxVectors(box[0], box[1], Vec3(0, 0, 0.02));
    const std::string message = messageOf([&] { context.getEnergy(); });
    EXPECT_NE(message.find("0.2"), std::string::npos) << message;
    EXPECT_NE(message.find("angstrom thi"), std::string::npos) << message;
    context->setPeriodicBoxVectors(box[0], box[1], box[2]);
    EXPECT_EQ(context.getEnergy(), before);
}

TEST(Errors, unknownElement) {
    EXPECT_NE(messageOf([] { makeModel().getTypeIndex("Na"); }).find("'Na'"), std::string::npos);
    EXPECT_NE(messageOf([] { makeModel().getTypeIndex("Na"); }).find("0 (Li), 1 (P), 2 (S)"), std::string::npos);
}

TEST(Errors, noSuchFile) {
    EXPECT_EQ(messageOf([] { LPSModel("missing.safetensors"); }),
              "model file 'missing.safetensors' cannot be read; check that it exists and is a readable file.");
}

TEST(Errors, everyTruncationOfAModelIsRefused) {
    const std::string bytes = makeModel().getBytes();
    for (std::size_t length = 0; length < bytes.size(); length += 97)
        EXPECT_NE(messageOf([&] { LPSModel::fromBytes(bytes.substr(0, length), "cut"); }).find("cut"),
                  std::string::npos)
            << length;
}

}  // namespace
