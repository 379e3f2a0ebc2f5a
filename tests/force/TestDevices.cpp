// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/**
 * @file TestDevices.cpp
 * What only GPU platforms have: kinds of devices, several devices, lists that grow, OpenMM's sorting of atoms, exact
 * repetition.
 */

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "LPSForceInfo.h"
#include "openmm/CustomNonbondedForce.h"
#include "openmm/VerletIntegrator.h"
#include "support/Compare.h"
#include "support/TestPlatform.h"
#include "support/TestSystem.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::Context;
using OpenMM::State;
using OpenMM::Vec3;

namespace {

constexpr lps::Matrix3 largeCell = {lps::Vector3{24.0, 0, 0}, {3.0, 23.0, 0}, {-2.0, 2.5, 25.0}};

void expectMatches(Context& context, const TestSystem& system, const Expected& expected) {
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    const State state = context.getState(State::Energy | State::Forces);
    EXPECT_NEAR(state.getPotentialEnergy(), expected.energy, tolerance.energyPerAtom * system.positions.size());
    EXPECT_LE(largestDifference(state.getForces(), expected.forces), tolerance.force);
    EXPECT_LE(largestDifference(system.force->computeParticleEnergies(context), expected.particleEnergies),
              10 * tolerance.energyPerAtom);
    EXPECT_LE(largestDifference(system.force->computeVirial(context), expected.virial),
              tolerance.virial * std::max<std::size_t>(1, system.positions.size() / 100));
}

/** Forces the kind of device that DeviceSettings.h describes while it lives. */
class ForcedKind {
public:
    explicit ForcedKind(const char* kind) { setenv("OPENMM_LPS_DEVICE_KIND", kind, 1); }
    ~ForcedKind() { unsetenv("OPENMM_LPS_DEVICE_KIND"); }
};

class Kinds : public ::testing::TestWithParam<const char*> {};

TEST_P(Kinds, matchReference) {
    const ForcedKind kind(GetParam());
    const LPSModel model = makeModel();
    for (const lps::Matrix3& cell : {cells::triclinic, cells::tiny}) {
        const TestSystem system = makeBulk(model, cell);
        TestContext context(system);
        expectMatches(*context, system, evaluateReference(model, system.configuration));
    }
}

TEST_P(Kinds, matchReferenceWithoutTables) {
    const ForcedKind kind(GetParam());
    const LPSModel model = makeModel();
    TestSystem system = makeBulk(model, cells::cubic);
    system.force->setUseTables(false);
    TestContext context(system);
    expectMatches(*context, system, evaluateReference(model, system.configuration));
}

INSTANTIATE_TEST_SUITE_P(All, Kinds, ::testing::Values("cpu", "gpu-small", "gpu-large"), [](const auto& parameter) {
    std::string name = parameter.param;
    name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
    return name;
});

TEST(Devices, unknownKind) {
    const ForcedKind kind("toaster");
    const TestSystem system = makeBulk(makeModel(), cells::tiny);
    EXPECT_EQ(
        messageOf([&] { TestContext context(system); }),
        "OPENMM_LPS_DEVICE_KIND: 'toaster' is no kind of device; set it to cpu, gpu-small or gpu-large, or unset it.");
}

TEST(Devices, severalTilesOfRows) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, largeCell);
    ASSERT_GT(system.positions.size(), 600u);
    TestContext context(system);
    expectMatches(*context, system, evaluateReference(model, system.configuration));
}

TEST(Devices, sameDeviceTwiceSharesTheWork) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::triclinic);
    const Expected expected = evaluateReference(model, system.configuration);
    auto properties = TestPlatform::get().getProperties();
    properties["DeviceIndex"] = "0,0";
    OpenMM::VerletIntegrator integrator(0.001);
    Context context(*system.system, integrator, TestPlatform::get().getPlatform(), properties);
    context.setPositions(system.positions);
    expectMatches(context, system, expected);
    integrator.step(3);
    context.setPositions(system.positions);
    expectMatches(context, system, expected);
}

TEST(Devices, forcesAreRepeatedBitByBit) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::triclinic);
    std::vector<Vec3> first;
    for (int created = 0; created < 2; created++) {
        TestContext context(system);
        for (int i = 0; i < 5; i++) {
            context->setPositions(system.positions);
            const std::vector<Vec3> forces = context.getForces();
            if (first.empty())
                first = forces;
            for (std::size_t atom = 0; atom < forces.size(); atom++)
                for (int k = 0; k < 3; k++)
                    ASSERT_EQ(forces[atom][k], first[atom][k]);
        }
    }
}

TEST(Devices, listGrowsWhenAtomsGather) {
    const LPSModel model = makeModel();
    const lps::Configuration dense = lps::testing::makeCluster(90, 3, 12.0, 5);
    lps::Configuration dilute = dense;
    for (auto& position : dilute.positions)
        for (double& component : position)
            component *= 5.0;
    const TestSystem system = makeSystem(model, dense);
    const TestSystem spread = makeSystem(model, dilute);
    TestContext context(spread);
    expectMatches(*context, spread, evaluateReference(model, dilute));
    context->setPositions(system.positions);
    EXPECT_NEAR(context.getEnergy(), evaluateReference(model, dense).energy,
                TestPlatform::get().getTolerance().energyPerAtom * dense.positions.size());
}

TEST(Devices, atomsNearerThanTables) {
    const LPSModel model = makeModel();
    lps::Configuration configuration;
    configuration.positions = {{0, 0, 0}, {0.45, 0, 0}, {0.2, 1.1, 0.3}, {-1.0, 0.4, 0.9}};
    configuration.types = {0, 2, 1, 2};
    const TestSystem system = makeSystem(model, configuration);
    TestContext context(system);
    const Expected expected = evaluateReference(model, configuration);
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    EXPECT_NEAR(context.getEnergy(), expected.energy, tolerance.energyPerAtom * 4);
    EXPECT_LE(largestDifference(context.getForces(), expected.forces),
              tolerance.force + 1e-6 * largestComponent(expected.forces));
}

TEST(Devices, oneAtomPerCellBesideOthers) {
    const LPSModel model = makeModel();
    lps::Configuration configuration;
    configuration.box = lps::Box(cells::tiny);
    configuration.positions = {{0.3, -5.0, 12.0}};
    configuration.types = {2};
    TestSystem system = makeSystem(model, configuration);
    system.system->addParticle(20.0);
    system.positions.push_back(Vec3(0.1, 0.1, 0.1));
    TestContext context(system);
    const Expected expected = evaluateReference(model, configuration);
    EXPECT_NEAR(context.getEnergy(), expected.energy, TestPlatform::get().getTolerance().energyPerAtom);
    EXPECT_LE(largestComponent(context.getForces()), TestPlatform::get().getTolerance().force);
}

TEST(Devices, atomsSortedByOpenMM) {
    // A cutoff Force makes OpenMM exchange identical atoms in its arrays.

    const LPSModel model = makeModel();
    TestSystem system = makeBulk(model, largeCell);
    auto* other = new OpenMM::CustomNonbondedForce("0*r");
    other->setNonbondedMethod(OpenMM::CustomNonbondedForce::CutoffPeriodic);
    other->setCutoffDistance(0.4);
    for (std::size_t i = 0; i < system.positions.size(); i++)
        other->addParticle({});
    system.system->addForce(other);
    TestContext context(system);
    expectMatches(*context, system, evaluateReference(model, system.configuration));
    for (std::size_t i = 0; i < system.configuration.types.size(); i++)
        if (system.configuration.types[i] < 2 && i % 3 == 0) {
            system.configuration.types[i] = 1 - system.configuration.types[i];
            system.force->setParticleParameters(i, i, system.configuration.types[i]);
        }
    system.force->updateParametersInContext(*context);
    expectMatches(*context, system, evaluateReference(model, system.configuration));
}

TEST(Devices, onlyAtomsOfOneTypeAreIdentical) {
    const std::vector<int> types = {0, 1, 0, -1, -1, 1};
    LPSForceInfo info(types, true);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            EXPECT_EQ(info.areParticlesIdentical(i, j), types[i] == types[j]) << i << " " << j;
    EXPECT_EQ(info.getNumParticleGroups(), 0);
}

TEST(Devices, atomsWithoutBoxAreOneGroup) {
    const std::vector<int> types = {0, -1, 1};
    LPSForceInfo info(types, false);
    ASSERT_EQ(info.getNumParticleGroups(), 1);
    std::vector<int> members;
    info.getParticlesInGroup(0, members);
    EXPECT_EQ(members, (std::vector<int>{0, 2}));
}

}  // namespace
