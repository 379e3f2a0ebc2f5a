// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestCommittee.cpp  Deviation of the models of a committee, on every platform. */

#include <gtest/gtest.h>

#include <cmath>

#include "support/Compare.h"
#include "support/TestPlatform.h"
#include "support/TestSystem.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::Vec3;

namespace {

LPSModel makeMember(unsigned seed, std::vector<std::string> typeNames = {"Li", "P", "S"}) {
    RandomModelOptions options;
    options.seed = seed;
    options.typeNames = std::move(typeNames);
    options.slots = {40, 20, 50};
    options.slots.resize(options.typeNames.size(), 30);
    return makeModel(options);
}

/** The definitions, spelled out with one reference evaluation per model. */
LPSModelDeviation expectedDeviation(const std::vector<LPSModel>& models, const lps::Configuration& configuration,
                                    const std::vector<std::string>& typeNames) {
    std::vector<Expected> results;
    for (const LPSModel& model : models) {
        lps::Configuration own = configuration;
        for (int& type : own.types)
            type = model.getTypeIndex(typeNames[type]);
        results.push_back(evaluateReference(model, own));
    }
    const double count = configuration.types.size();
    LPSModelDeviation deviation;
    for (std::size_t atom = 0; atom < configuration.types.size(); atom++) {
        Vec3 mean;
        for (const Expected& result : results)
            mean += result.forces[atom] / results.size();
        double squares = 0.0;
        for (const Expected& result : results)
            squares += (result.forces[atom] - mean).dot(result.forces[atom] - mean);
        deviation.forces.push_back(std::sqrt(squares / results.size()));
    }
    for (int row = 0; row < 3; row++) {
        Vec3 components;
        for (int column = 0; column < 3; column++) {
            std::vector<double> values;
            for (const Expected& result : results)
                values.push_back(result.virial[row][column] / count);
            components[column] = standardDeviation(values);
        }
        deviation.virial.push_back(components);
    }
    std::vector<double> energies;
    for (const Expected& result : results)
        energies.push_back(result.energy / count);
    deviation.energy = standardDeviation(energies);
    return deviation;
}

void expectDeviation(const LPSModelDeviation& found, const LPSModelDeviation& expected, double count) {
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    EXPECT_LE(largestDifference(found.forces, expected.forces), 2 * tolerance.force);
    EXPECT_LE(largestDifference(found.virial, expected.virial), 2 * tolerance.virial / count);
    EXPECT_NEAR(found.energy, expected.energy, 2 * tolerance.energyPerAtom);
    EXPECT_GT(expected.energy, 100 * tolerance.energyPerAtom);  // the models do disagree
}

TEST(Committee, deviationOfFourModels) {
    std::vector<LPSModel> models = {makeMember(1), makeMember(2), makeMember(3), makeMember(4)};
    const TestSystem system = makeBulk(models[0], cells::triclinic);
    for (int i = 1; i < 4; i++)
        EXPECT_EQ(system.force->addCommitteeModel(models[i]), i - 1);
    EXPECT_EQ(system.force->getNumCommitteeModels(), 3);
    EXPECT_EQ(system.force->getCommitteeModel(2).getHash(), models[3].getHash());
    TestContext context(system);
    const double energy = context.getEnergy();
    const std::vector<Vec3> forces = context.getForces();
    const LPSModelDeviation found = system.force->computeModelDeviation(*context);
    expectDeviation(found, expectedDeviation(models, system.configuration, models[0].getTypeNames()),
                    system.positions.size());
    EXPECT_EQ(context.getEnergy(), energy);  // the dynamics knows nothing of the committee
    EXPECT_EQ(largestDifference(context.getForces(), forces), 0.0);
}

TEST(Committee, elementsMayStandInAnotherOrder) {
    std::vector<LPSModel> models = {makeMember(1), makeMember(2, {"S", "Ge", "Li", "P"})};
    const TestSystem system = makeBulk(models[0], cells::cubic);
    system.force->addCommitteeModel(models[1]);
    TestContext context(system);
    expectDeviation(system.force->computeModelDeviation(*context),
                    expectedDeviation(models, system.configuration, models[0].getTypeNames()), system.positions.size());
}

TEST(Committee, identicalModelsAgree) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::tiny);
    system.force->addCommitteeModel(model);
    TestContext context(system);
    const LPSModelDeviation deviation = system.force->computeModelDeviation(*context);
    for (double force : deviation.forces)
        EXPECT_EQ(force, 0.0);
    EXPECT_EQ(largestComponent(deviation.virial), 0.0);
    EXPECT_EQ(deviation.energy, 0.0);
}

TEST(Committee, followsParticlesPositionsAndBox) {
    std::vector<LPSModel> models = {makeMember(1), makeMember(2)};
    TestSystem system = makeBulk(models[0], cells::cubic);
    system.force->addCommitteeModel(models[1]);
    TestContext context(system);
    system.force->computeModelDeviation(*context);
    for (int i = 0; i < system.force->getNumParticles(); i++) {
        int particle, type;
        system.force->getParticleParameters(i, particle, type);
        system.configuration.types[i] = (type + 1) % 3;
        system.force->setParticleParameters(i, particle, system.configuration.types[i]);
    }
    system.force->updateParametersInContext(*context);
    system.configuration = scale(system.configuration, 1.02);
    const auto box = toNanometers(system.configuration.box->getVectors());
    context->setPeriodicBoxVectors(box[0], box[1], box[2]);
    context->setPositions(toNanometers(system.configuration.positions));
    expectDeviation(system.force->computeModelDeviation(*context),
                    expectedDeviation(models, system.configuration, models[0].getTypeNames()), system.positions.size());
}

TEST(Committee, refusals) {
    const TestSystem system = makeBulk(makeModel(), cells::cubic);
    EXPECT_EQ(
        messageOf([&] {
            system.force->addCommitteeModel(makeMember(2, {"Li", "S"}));
        }),
        "LPSForce.addCommitteeModel: the Force's model has type 'P', but the added one knows types 0 (Li), 1 (S); "
        "the models of a committee must know the same elements.");
    EXPECT_EQ(
        messageOf([&] { system.force->getCommitteeModel(0); }),
        "LPSForce: there is no committee model 0 among the 0 that addCommitteeModel() added; use an index that it "
        "returned.");
    TestContext context(system);
    system.force->addCommitteeModel(makeMember(2));
    const std::string message =
        "LPSForce.computeModelDeviation: this Context has no committee; call addCommitteeModel() on the Force before "
        "the Context is created, or Context.reinitialize() afterwards.";
    EXPECT_EQ(messageOf([&] { system.force->computeModelDeviation(*context); }), message);
    context->reinitialize(true);
    EXPECT_EQ(messageOf([&] { system.force->computeModelDeviation(*context); }), "");
}

}  // namespace
