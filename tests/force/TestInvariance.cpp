// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestInvariance.cpp  What must not change the energy: translation, rotation, permutation, images, supercells.
 */

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "support/Compare.h"
#include "support/TestPlatform.h"
#include "support/TestSystem.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::Vec3;

namespace {

/** Two evaluations by the same platform may each be off by the tolerance. */
double energyTolerance(std::size_t numAtoms) {
    return 2 * TestPlatform::get().getTolerance().energyPerAtom * numAtoms;
}
double forceTolerance() {
    return 2 * TestPlatform::get().getTolerance().force;
}

TEST(Invariance, translation) {
    for (const lps::Matrix3& cell : {cells::cubic, cells::triclinic, cells::tiny}) {
        const TestSystem system = makeBulk(makeModel(), cell);
        TestContext context(system);
        const double energy = context.getEnergy();
        const std::vector<Vec3> forces = context.getForces();
        std::vector<Vec3> moved = system.positions;
        for (Vec3& position : moved)
            position += Vec3(0.37, -1.91, 5.03);
        context->setPositions(moved);
        EXPECT_NEAR(context.getEnergy(), energy, energyTolerance(moved.size()));
        EXPECT_LE(largestDifference(context.getForces(), forces), forceTolerance());
    }
}

TEST(Invariance, rotation) {
    const TestSystem system = makeSystem(makeModel(), lps::testing::makeCluster(20, 3, 8.0, 11));
    TestContext context(system);
    const double energy = context.getEnergy();
    // About z, then about x.
    const auto rotate = [](const Vec3& v) {
        const Vec3 first(std::cos(0.7) * v[0] - std::sin(0.7) * v[1], std::sin(0.7) * v[0] + std::cos(0.7) * v[1],
                         v[2]);
        return Vec3(first[0], std::cos(1.9) * first[1] - std::sin(1.9) * first[2],
                    std::sin(1.9) * first[1] + std::cos(1.9) * first[2]);
    };
    std::vector<Vec3> expectedForces, moved;
    for (const Vec3& force : context.getForces())
        expectedForces.push_back(rotate(force));
    for (const Vec3& position : system.positions)
        moved.push_back(rotate(position));
    context->setPositions(moved);
    EXPECT_NEAR(context.getEnergy(), energy, energyTolerance(moved.size()));
    EXPECT_LE(largestDifference(context.getForces(), expectedForces), forceTolerance());
}

TEST(Invariance, mirror) {
    const TestSystem system = makeSystem(makeModel(), lps::testing::makeCluster(20, 3, 8.0, 11));
    TestContext context(system);
    const double energy = context.getEnergy();
    std::vector<Vec3> moved;
    for (const Vec3& position : system.positions)
        moved.push_back(Vec3(-position[0], position[1], position[2]));
    context->setPositions(moved);
    EXPECT_NEAR(context.getEnergy(), energy, energyTolerance(moved.size()));
}

TEST(Invariance, permutation) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::triclinic);
    std::vector<int> order(system.positions.size());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(5));
    lps::Configuration shuffled = system.configuration;
    for (std::size_t i = 0; i < order.size(); i++) {
        shuffled.positions[i] = system.configuration.positions[order[i]];
        shuffled.types[i] = system.configuration.types[order[i]];
    }
    const TestSystem other = makeSystem(model, shuffled);
    TestContext context(system), otherContext(other);
    EXPECT_NEAR(context.getEnergy(), otherContext.getEnergy(), energyTolerance(order.size()));
    const std::vector<Vec3> forces = context.getForces();
    std::vector<Vec3> expected;
    for (int i : order)
        expected.push_back(forces[i]);
    EXPECT_LE(largestDifference(otherContext.getForces(), expected), forceTolerance());
}

TEST(Invariance, zeroTotalForce) {
    for (const lps::Matrix3& cell : {cells::cubic, cells::triclinic, cells::tiny}) {
        const TestSystem system = makeBulk(makeModel(), cell);
        TestContext context(system);
        Vec3 sum;
        for (const Vec3& force : context.getForces())
            sum += force;
        EXPECT_LE(largestComponent({sum}), TestPlatform::get().getTolerance().force * system.positions.size());
    }
}

/** A cell and its 2 x 2 x 2 supercell have the same energy per atom; the cell is smaller than the cutoff. */
TEST(Invariance, supercell) {
    const LPSModel model = makeModel();
    const TestSystem unit = makeBulk(model, cells::tiny);
    lps::Configuration super;
    super.box = lps::Box(scale(cells::tiny, 2.0));
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++)
            for (int c = 0; c < 2; c++)
                for (std::size_t i = 0; i < unit.positions.size(); i++) {
                    lps::Vector3 position = unit.configuration.positions[i];
                    for (int d = 0; d < 3; d++)
                        position[d] += a * cells::tiny[0][d] + b * cells::tiny[1][d] + c * cells::tiny[2][d];
                    super.positions.push_back(position);
                    super.types.push_back(unit.configuration.types[i]);
                }
    const TestSystem eightfold = makeSystem(model, super);
    TestContext unitContext(unit), superContext(eightfold);
    const double allowed = TestPlatform::get().getTolerance().energyPerAtom;
    EXPECT_NEAR(superContext.getEnergy() / super.positions.size(), unitContext.getEnergy() / unit.positions.size(),
                allowed);
    const std::vector<Vec3> unitForces = unitContext.getForces();
    std::vector<Vec3> expected;
    for (int image = 0; image < 8; image++)
        expected.insert(expected.end(), unitForces.begin(), unitForces.end());
    EXPECT_LE(largestDifference(superContext.getForces(), expected), forceTolerance());
    std::vector<Vec3> expectedVirial = unit.force->computeVirial(*unitContext);
    for (Vec3& row : expectedVirial)
        row *= 8;
    EXPECT_LE(largestDifference(eightfold.force->computeVirial(*superContext), expectedVirial),
              9 * TestPlatform::get().getTolerance().virial);
}

TEST(Invariance, energyIsSmoothAtTheCutoff) {
    const LPSModel model = makeModel();
    lps::Configuration pair;
    pair.types = {0, 2};
    pair.positions = {{0, 0, 0}, {3.0, 0, 0}};
    const TestSystem system = makeSystem(model, pair);
    TestContext context(system);
    const double cutoff = model.getCutoff();
    const auto energyAt = [&](double distance) {
        context->setPositions({Vec3(), Vec3(distance, 0, 0)});
        return context.getEnergy();
    };
    const double outside = energyAt(cutoff + 1e-3);
    EXPECT_NEAR(energyAt(cutoff - 1e-6), outside, energyTolerance(2));
    EXPECT_NEAR(energyAt(3 * cutoff), outside, 1e-9);
    context->setPositions({Vec3(), Vec3(cutoff + 1e-3, 0, 0)});
    EXPECT_EQ(largestComponent(context.getForces()), 0.0);
}

}  // namespace
