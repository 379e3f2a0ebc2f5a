// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/**
 * @file TestDevices.cpp
 * What only GPU platforms have: kinds of devices, several devices, lists that grow, OpenMM's sorting of atoms, exact
 * repetition.
 */

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "FirstError.h"
#include "LPSForceInfo.h"
#include "ParticleSet.h"
#include "openmm/CustomNonbondedForce.h"
#include "openmm/VerletIntegrator.h"
#include "support/EnvironmentVariable.h"
#include "support/ExpectMatches.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::Context;
using OpenMM::State;
using OpenMM::Vec3;
using ::testing::HasSubstr;

namespace {

class Kinds : public ::testing::TestWithParam<const char*> {};

TEST_P(Kinds, matchReference) {
    const EnvironmentVariable kind("OPENMM_LPS_DEVICE_KIND", GetParam());
    const LPSModel model = makeModel();
    for (const lps::Matrix3& cell : {cells::triclinic, cells::tiny}) {
        const TestSystem system = makeBulk(model, cell);
        expectMatchesReference(system);
    }
}

TEST_P(Kinds, matchReferenceWithoutTables) {
    const EnvironmentVariable kind("OPENMM_LPS_DEVICE_KIND", GetParam());
    const LPSModel model = makeModel();
    TestSystem system = makeBulk(model, cells::cubic);
    system.force->setUseTables(false);
    expectMatchesReference(system);
}

/** A cubic bulk of so many atoms against the CPU platform in double precision. */
void expectMatchesProcessor(const char* chosenKind, int numAtoms) {
    const EnvironmentVariable kind("OPENMM_LPS_DEVICE_KIND", chosenKind);
    const double edge = std::cbrt(numAtoms / 0.05);
    const TestSystem system = makeBulk(makeModel(), {lps::Vector3{edge, 0, 0}, {0, edge, 0}, {0, 0, edge}});
    system.force->setPrecision(LPSForce::Double);
    OpenMM::VerletIntegrator integrator(0.001);
    Context processor(*system.system, integrator, OpenMM::Platform::getPlatformByName("CPU"));
    processor.setPositions(system.positions);
    const State state = processor.getState(State::Energy | State::Forces);
    const Expected expected = {state.getPotentialEnergy(), system.force->computeParticleEnergies(processor),
                               state.getForces(), system.force->computeVirial(processor),
                               system.force->computeParticleVirials(processor)};
    TestContext context(system);
    expectMatches(*context, *system.force, expected);
}

TEST_P(Kinds, matchProcessorWithFullBlocks) {
    // Work groups whose rows are all taken, and a sort by several of them.

    expectMatchesProcessor(GetParam(), 3000);
}

TEST_P(Kinds, matchProcessorWithSeveralTilesLong) {
    expectMatchesProcessor(GetParam(), 20000);
}

INSTANTIATE_TEST_SUITE_P(All, Kinds, ::testing::Values("cpu", "gpu-small", "gpu-large"), [](const auto& parameter) {
    std::string name = parameter.param;
    name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
    return name;
});

TEST(Devices, unknownKind) {
    const EnvironmentVariable kind("OPENMM_LPS_DEVICE_KIND", "toaster");
    const TestSystem system = makeBulk(makeModel(), cells::tiny);
    EXPECT_EQ(messageOf([&] { TestContext context(system); }),
              "OPENMM_LPS_DEVICE_KIND: 'toaster' is not a known kind of device; set it to cpu, gpu-small or gpu-large, "
              "or unset it.");
}

TEST(Devices, symmetricInputsAreFolded) {
    // A block of odd size; then a first layer that adds its input to its output, once and twice, and is not folded.

    struct Case {
        int axisWidth;
        std::vector<int> fittingWidths;
    };
    for (const Case& widths : {Case{5, {12, 12}}, {4, {64, 64}}, {3, {96, 20}}}) {
        RandomModelOptions options;
        options.axisWidth = widths.axisWidth;
        options.fittingWidths = widths.fittingWidths;
        const LPSModel model = makeModel(options);
        const TestSystem system = makeBulk(model, cells::tiny);
        expectMatchesReference(system);
    }
}

TEST(Devices, severalTilesOfRows) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::large);
    ASSERT_GT(system.positions.size(), 600u);
    expectMatchesReference(system);
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
    expectMatches(context, *system.force, expected);
    integrator.step(3);
    context.setPositions(system.positions);
    expectMatches(context, *system.force, expected);
}

TEST(Devices, severalDevicesRefuseTheDerivativeOfAScale) {
    const TestSystem system = makeBulk(makeModel(), cells::triclinic);
    system.force->setEnergyScaleParameter("lambda");
    system.force->setComputesScaleDerivative(true);
    auto properties = TestPlatform::get().getProperties();
    properties["DeviceIndex"] = "0,0";
    OpenMM::VerletIntegrator integrator(0.001);
    EXPECT_NE(messageOf([&] {
                  Context(*system.system, integrator, TestPlatform::get().getPlatform(), properties);
              }).find("LPSForce: the derivative with respect to 'lambda' is not added up over several devices"),
              std::string::npos);
}

TEST(Devices, severalDevicesReportPositionsThatExploded) {
    const TestSystem system = makeBulk(makeModel(), cells::triclinic);
    auto properties = TestPlatform::get().getProperties();
    properties["DeviceIndex"] = "0,0";
    OpenMM::VerletIntegrator integrator(0.001);
    Context context(*system.system, integrator, TestPlatform::get().getPlatform(), properties);
    std::vector<Vec3> positions = system.positions;
    positions[3][0] = std::nan("");
    context.setPositions(positions);
    EXPECT_NE(messageOf([&] { context.getState(State::Forces); }).find("atom 3 is (nan, "), std::string::npos);
    context.setPositions(system.positions);
    expectMatches(context, *system.force, evaluateReference(makeModel(), system.configuration));
}

/** Forces of a bulk that is set anew, as text that holds every bit. */
std::string describeForces(TestContext& context, const TestSystem& system) {
    context->setPositions(system.positions);
    std::string text;
    char buffer[100];
    for (const Vec3& force : context.getForces()) {
        std::snprintf(buffer, sizeof(buffer), "force %a %a %a\n", force[0], force[1], force[2]);
        text += buffer;
    }
    return text;
}

TEST(Devices, forcesAreRepeatedBitByBit) {
    const TestSystem system = makeBulk(makeModel(), cells::triclinic);
    TestContext first(system);
    const std::string forces = describeForces(first, system);
    for (int i = 1; i < 10; i++)
        ASSERT_EQ(describeForces(first, system), forces);
    TestContext second(system);
    EXPECT_EQ(describeForces(second, system), forces);
    std::fputs(forces.c_str(), stdout);  // read by forcesDoNotDependOnThreads
}

/** What forcesAreRepeatedBitByBit prints in a process with these environment variables. */
std::string printForces(const std::string& environment) {
    const TestPlatform& platform = TestPlatform::get();
    const std::string command = environment + " '" + std::filesystem::read_symlink("/proc/self/exe").string() +
                                "' --gtest_filter=Devices.forcesAreRepeatedBitByBit " + platform.getName() + " " +
                                platform.getPrecision();
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    char line[600];
    while (pipe != nullptr && std::fgets(line, sizeof(line), pipe) != nullptr)
        if (std::string(line).rfind("force ", 0) == 0 || std::strstr(line, "LPSForce:") != nullptr)
            text += line;
    if (pipe != nullptr)
        pclose(pipe);
    return text;
}

TEST(Devices, forcesDoNotDependOnThreads) {
    if (!TestPlatform::get().isPocl())
        GTEST_SKIP() << "only PoCL has a number of threads to change";
    const std::string one = printForces("POCL_MAX_PTHREAD_COUNT=1");
    EXPECT_EQ(one.rfind("force ", 0), 0u) << one;
    EXPECT_EQ(printForces("POCL_MAX_PTHREAD_COUNT=2"), one);
    EXPECT_EQ(printForces("POCL_MAX_PTHREAD_COUNT=5"), one);
}

TEST(Devices, workGroupsLargerThanTheDeviceRuns) {
    if (!TestPlatform::get().isPocl())
        GTEST_SKIP() << "only PoCL has a limit to change";
    EXPECT_THAT(
        printForces("POCL_MAX_WORK_GROUP_SIZE=128 OPENMM_LPS_DEVICE_KIND=gpu-small"),
        HasSubstr("LPSForce: the device runs at most 128 threads of kernel 'sortParticles' together, but 256 are "
                  "needed; use the CPU platform, or set OPENMM_LPS_DEVICE_KIND=cpu."));
    EXPECT_EQ(printForces("POCL_MAX_WORK_GROUP_SIZE=128 OPENMM_LPS_DEVICE_KIND=cpu"), printForces(""));
}

TEST(Devices, anyErrorOfAThreadIsAnOpenMMException) {
    const auto message = [](FirstError& first, auto error) {
        return messageOf([&] { first.guard([&] { throw error; }); });
    };
    FirstError first, second, third;
    EXPECT_EQ(message(first, std::runtime_error("no memory")), "LPSForce, on one of several devices: no memory");
    EXPECT_EQ(message(first, std::runtime_error("no memory")), "");
    EXPECT_EQ(message(second, OpenMM::OpenMMException("LPSForce: atom 3")), "LPSForce: atom 3");
    EXPECT_EQ(message(third, 7), "LPSForce, on one of several devices: an error without a message");
}

TEST(Devices, distancesThatRoundToTheCutoff) {
    // Cutoffs that end a cell of the radial tables: a float32 distance may be the cutoff where the true one is less.

    for (double cutoff : {4.0, 5.0, 5.9999999}) {
        RandomModelOptions options;
        options.cutoff = cutoff;
        const LPSModel model = makeModel(options);
        for (double below : {1e-5, 1e-7, 1e-8, 0.0, -1e-8}) {
            lps::Configuration configuration;
            const double distance = cutoff * (1.0 - below);
            configuration.positions = {
                {0, 0, 0}, {distance, 0, 0}, {0, -distance, 0}, {0.6 * distance, 0, 0.8 * distance}, {1.5, 1.5, 1.5}};
            configuration.types = {0, 1, 2, 0, 1};
            const TestSystem system = makeSystem(model, configuration);
            expectMatchesReference(system);
        }
    }
}

TEST(Devices, listGrowsWhenAtomsGather) {
    const LPSModel model = makeModel();
    const lps::Configuration dense = lps::testing::makeCluster(90, 3, 12.0, 5);
    const lps::Configuration dilute = scale(dense, 5.0);
    const TestSystem system = makeSystem(model, dense);
    const TestSystem spread = makeSystem(model, dilute);
    TestContext context(spread);
    expectMatches(*context, *spread.force, evaluateReference(model, dilute));
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
    TestSystem system = makeBulk(model, cells::large);
    auto* other = new OpenMM::CustomNonbondedForce("0*r");
    other->setNonbondedMethod(OpenMM::CustomNonbondedForce::CutoffPeriodic);
    other->setCutoffDistance(0.4);
    for (std::size_t i = 0; i < system.positions.size(); i++)
        other->addParticle({});
    system.system->addForce(other);
    TestContext context(system);
    expectMatches(*context, *system.force, evaluateReference(model, system.configuration));
    for (std::size_t i = 0; i < system.configuration.types.size(); i++)
        if (system.configuration.types[i] < 2 && i % 3 == 0) {
            system.configuration.types[i] = 1 - system.configuration.types[i];
            system.force->setParticleParameters(i, i, system.configuration.types[i]);
        }
    system.force->updateParametersInContext(*context);
    expectMatches(*context, *system.force, evaluateReference(model, system.configuration));
}

TEST(Devices, typesThatCannotOccurTakeNoBins) {
    // Three of twelve elements, of which one goes and comes back.

    RandomModelOptions options;
    options.typeNames.clear();
    for (int type = 0; type < 12; type++)
        options.typeNames.push_back("X" + std::to_string(type));
    options.slots.assign(12, 10);
    options.embeddingWidths = {4};
    options.fittingWidths = {4};
    options.axisWidth = 2;
    const LPSModel model = makeModel(options);
    lps::Configuration configuration = lps::testing::makeRandomConfiguration(20, 3, cells::tiny, 3);
    const int names[] = {3, 7, 11};
    for (int& type : configuration.types)
        type = names[type];
    TestSystem system = makeSystem(model, configuration);
    TestContext context(system);
    expectMatches(*context, *system.force, evaluateReference(model, configuration));
    const std::vector<int> before = configuration.types;
    for (bool back : {false, true}) {
        for (std::size_t i = 0; i < before.size(); i++) {
            configuration.types[i] = !back && before[i] == 7 ? 11 : before[i];
            system.force->setParticleParameters(i, i, configuration.types[i]);
        }
        system.force->updateParametersInContext(*context);
        expectMatches(*context, *system.force, evaluateReference(model, configuration));
    }

    std::vector<bool> mayOccur(12, false);
    for (int type : names)
        mayOccur[type] = true;
    const ParticleSet set = makeParticleSet(*system.force, 20, mayOccur, mayOccur, 32, 0, 1);
    EXPECT_EQ(set.numClasses, 3);
    for (std::size_t i = 0; i < before.size(); i++)
        EXPECT_EQ(names[set.classes[i]], before[i]);
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
