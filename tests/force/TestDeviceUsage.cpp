// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestDeviceUsage.cpp  What an evaluation costs on GPU platforms: launches, memory, time of kernels. */

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "lps/ModelFile.h"
#include "support/EnvironmentVariable.h"
#include "support/ExpectMatches.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::Vec3;

namespace {

/** Names a file for DeviceUsage.h while it lives. */
class ProfileFile {
public:
    explicit ProfileFile(const std::string& name) : path(name), variable("OPENMM_LPS_PROFILE", name.c_str()) {}
    ~ProfileFile() { std::filesystem::remove(path); }
    /** The line of a single Context; an exception if there is none, or another text. */
    nlohmann::json read() const {
        std::ifstream stream(path);
        return nlohmann::json::parse(stream);
    }

private:
    const std::string path;
    const EnvironmentVariable variable;
};

TEST(DeviceUsage, profileCountsLaunchesAndBytes) {
    const ProfileFile file(::testing::TempDir() + "lps-profile-" + std::to_string(getpid()));
    {
        const TestSystem system = makeBulk(makeModel(), cells::large);
        TestContext context(system);
        context.getForces();
        context.getForces();
    }
    const nlohmann::json profile = file.read();
    EXPECT_GE(profile.at("evaluations"), 2) << profile;
    EXPECT_GT(profile.at("bytes"), 100000) << profile;
    EXPECT_GE(profile.at("kernels").at("projectGradient").at("launches"), 2) << profile;
}

/** Launches of all kernels per evaluation of the forces of a bulk. */
double countLaunches(const lps::Matrix3& cell, const LPSModel& model = makeModel()) {
    const ProfileFile file(::testing::TempDir() + "lps-launches-" + std::to_string(getpid()));
    {
        const TestSystem system = makeBulk(model, cell);
        TestContext context(system);
        for (int i = 0; i < 3; i++)
            context.getForces();
    }
    const nlohmann::json profile = file.read();
    double total = 0;
    for (const nlohmann::json& kernel : profile.at("kernels"))
        total += kernel.at("launches").get<double>();
    return total / profile.at("evaluations").get<double>();
}

TEST(DeviceUsage, smallSystemsNeedFewLaunches) {
    // One to sort, one for the list, 4 from environment to forces, two for each of three hidden layers.

    const EnvironmentVariable kind("OPENMM_LPS_DEVICE_KIND", "cpu");
    EXPECT_EQ(countLaunches(cells::triclinic), 12.0);

    // Six more stages to sort; two tiles of 512 rows.

    EXPECT_EQ(countLaunches(cells::large), 12.0 + 6.0 + 10.0);
}

TEST(DeviceUsage, aPairWithoutTableShrinksNoTilesOfOthers) {
    // A curve too steep to be tabulated. For one pair of types it costs a launch in each of the two tiles. If no pair
    // has a table, there are three.

    if (!TestPlatform::get().isDouble())
        GTEST_SKIP() << "in double precision only";
    RandomModelOptions options;
    options.cutoff = 6.0;
    lps::DeepPotentialData data = lps::testing::makeRandomModelData(options);
    for (double& weight : data.embeddings[1].layers[0].weight)
        weight *= 1e4;
    const LPSModel model = LPSModel::fromBytes(lps::writeModel(lps::DeepPotential(std::move(data))));
    const EnvironmentVariable kind("OPENMM_LPS_DEVICE_KIND", "cpu");
    EXPECT_EQ(countLaunches(cells::large, model), 12.0 + 6.0 + 10.0 + 2.0);
    expectMatchesReference(makeBulk(model, cells::large));
    const TestSystem system = makeBulk(model, cells::large);
    system.force->setUseTables(false);
    expectMatchesReference(system);
}

TEST(DeviceUsage, smallSystemsOnGpusNeedFewerLaunches) {
    // List, environment and A in one. Precisions do not differ in this, and PoCL compiles long.

    if (!TestPlatform::get().isDouble())
        GTEST_SKIP() << "in double precision only";
    const EnvironmentVariable kind("OPENMM_LPS_DEVICE_KIND", "gpu-small");
    EXPECT_EQ(countLaunches(cells::triclinic), 10.0);
}

TEST(DeviceUsage, aFarAtomWithoutBoxDoesNotSlowTheListDown) {
    // In a grid that reaches to the far atom all others share one cell, and the list takes six times as long.

    lps::Configuration cluster = lps::testing::makeCluster(20000, 3, 74.0, 5);
    double seconds[2];
    std::vector<Vec3> forces[2];
    for (bool far : {false, true}) {
        cluster.positions[17] = far ? lps::Vector3{3e5, -2e4, 40.0} : lps::Vector3{90.0, 0.0, 0.0};
        const TestSystem system = makeSystem(makeModel(), cluster);
        const std::vector<Vec3> reversed(system.positions.rbegin(), system.positions.rend());
        const ProfileFile file(::testing::TempDir() + "lps-far-" + std::to_string(getpid()));
        {
            TestContext context(system);
            for (const auto& positions : {system.positions, reversed, system.positions}) {
                context->setPositions(positions);
                forces[far] = context.getForces();
            }
        }
        seconds[far] = file.read().at("kernels").at("buildNeighborList").at("seconds");
    }
    EXPECT_LT(seconds[1], 3 * seconds[0]);
    EXPECT_LE(largestDifference(forces[1], forces[0]), TestPlatform::get().getTolerance().force);
}

TEST(DeviceUsage, profileThatCannotBeWritten) {
    const ProfileFile file("/no/such/folder/profile");
    const TestSystem system = makeBulk(makeModel(), cells::tiny);
    EXPECT_EQ(messageOf([&] { TestContext context(system); }),
              "OPENMM_LPS_PROFILE: the file '/no/such/folder/profile' cannot be written; name one in a folder that "
              "exists, or unset the variable.");
}

}  // namespace
