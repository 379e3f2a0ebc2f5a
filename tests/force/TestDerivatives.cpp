// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestDerivatives.cpp  Forces, virials and heat current against finite differences of the platform's own energy.
 */

#include <gtest/gtest.h>

#include <cmath>

#include "lps/Units.h"
#include "openmm/LangevinMiddleIntegrator.h"
#include "openmm/VerletIntegrator.h"
#include "support/Compare.h"
#include "support/TestPlatform.h"
#include "support/TestSystem.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::Vec3;

namespace {

/** Along directions that move all atoms at once. */
void expectForcesAreDerivatives(const TestSystem& system) {
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    TestContext context(system);
    const std::vector<Vec3> forces = context.getForces();
    const double allowed = tolerance.differenceFactor * largestComponent(forces);
    for (const auto& direction : randomDirections(8, static_cast<int>(forces.size()), 3)) {
        const double derivative = differentiate(
            [&](double step) {
                std::vector<Vec3> moved = system.positions;
                for (std::size_t i = 0; i < moved.size(); i++)
                    moved[i] += direction[i] * step;
                context->setPositions(moved);
                return context.getEnergy();
            },
            tolerance.differenceStep);
        EXPECT_NEAR(-derivative, dot(forces, direction), allowed);
    }
}

/** One coordinate at a time; needs energies without rounding noise. */
void expectEachForceIsDerivative(const TestSystem& system) {
    if (!TestPlatform::get().isDouble())
        GTEST_SKIP() << "single precision energies are too coarse for one coordinate";
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    TestContext context(system);
    const std::vector<Vec3> forces = context.getForces();
    const double allowed = tolerance.differenceFactor * largestComponent(forces);
    for (std::size_t i = 0; i < forces.size(); i++)
        for (int d = 0; d < 3; d++) {
            const double derivative = differentiate(
                [&](double step) {
                    std::vector<Vec3> moved = system.positions;
                    moved[i][d] += step;
                    context->setPositions(moved);
                    return context.getEnergy();
                },
                tolerance.differenceStep);
            EXPECT_NEAR(-derivative, forces[i][d], allowed) << "particle " << i << ", component " << d;
        }
}

/** x_j += strain x_i for i >= j keeps the box in reduced form; symmetry gives the other three. */
void expectVirialIsDerivative(const TestSystem& system) {
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    const bool periodic = system.configuration.box.has_value();
    Vec3 box[3];
    system.system->getDefaultPeriodicBoxVectors(box[0], box[1], box[2]);
    if (periodic) {
        // GPU platforms decide from the default cell whether any cell of the Context may be triclinic.
        const auto triclinic = toNanometers(cells::triclinic);
        system.system->setDefaultPeriodicBoxVectors(triclinic[0], triclinic[1], triclinic[2]);
    }
    TestContext context(system);
    if (periodic) {
        context->setPeriodicBoxVectors(box[0], box[1], box[2]);
        context->setPositions(system.positions);
    }
    const std::vector<Vec3> virial = system.force->computeVirial(*context);
    ASSERT_EQ(virial.size(), 3u);
    const double allowed = tolerance.differenceFactor * largestComponent(virial) + tolerance.virial;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j <= i; j++) {
            EXPECT_NEAR(virial[i][j], virial[j][i], tolerance.virial);
            const double derivative = differentiate(
                [&](double strain) {
                    const auto deform = [&](Vec3 vector) {
                        vector[j] += strain * vector[i];
                        return vector;
                    };
                    if (periodic)
                        context->setPeriodicBoxVectors(deform(box[0]), deform(box[1]), deform(box[2]));
                    std::vector<Vec3> moved;
                    for (const Vec3& position : system.positions)
                        moved.push_back(deform(position));
                    context->setPositions(moved);
                    return context.getEnergy();
                },
                tolerance.differenceStep);
            EXPECT_NEAR(-derivative, virial[i][j], allowed) << "component " << i << j;
        }
}

/** The sum of the virials of particles is the virial. */
void expectVirialsAddUp(const TestSystem& system) {
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    const double allowed =
        TestPlatform::get().isDouble() ? 1e-10 * lps::kilojoulesPerMolePerElectronvolt : tolerance.virial;
    TestContext context(system);
    std::vector<Vec3> sum(3);
    for (const auto& rows : system.force->computeParticleVirials(*context))
        for (int d = 0; d < 3; d++)
            sum[d] += rows[d];
    EXPECT_LE(largestDifference(sum, system.force->computeVirial(*context)), allowed);
}

/** J = d/dt sum_i r_i e_i of a cluster, e_i the potential and kinetic energy of a particle. */
void expectCurrentIsDerivative(const TestSystem& system, std::unique_ptr<OpenMM::Integrator> integrator) {
    if (!TestPlatform::get().isDouble())
        GTEST_SKIP() << "single precision energies are too coarse";
    TestContext context(*system.system, system.positions, std::move(integrator));
    const std::vector<Vec3> forces = context.getForces();
    const std::size_t count = forces.size();
    std::vector<Vec3> velocities = randomDirections(1, static_cast<int>(count), 5)[0];
    for (Vec3& velocity : velocities)
        velocity *= 5.0;
    const bool lags = dynamic_cast<const OpenMM::VerletIntegrator*>(&context.getIntegrator()) != nullptr;
    std::vector<Vec3> stored = velocities;
    for (std::size_t i = 0; lags && i < count; i++)
        stored[i] -= forces[i] * (0.5 * context.getIntegrator().getStepSize() / 20.0);
    context->setVelocities(stored);
    const Vec3 current = system.force->computeHeatCurrent(*context);
    for (int d = 0; d < 3; d++) {
        const double derivative = differentiate(
            [&](double time) {
                std::vector<Vec3> moved = system.positions;
                for (std::size_t i = 0; i < count; i++)
                    moved[i] += velocities[i] * time;
                context->setPositions(moved);
                const std::vector<double> energies = system.force->computeParticleEnergies(*context);
                double moment = 0.0;
                for (std::size_t i = 0; i < count; i++) {
                    const Vec3 velocity = velocities[i] + forces[i] * (time / 20.0);
                    moment += moved[i][d] * (energies[i] + 10.0 * velocity.dot(velocity));
                }
                return moment;
            },
            1e-5);
        EXPECT_NEAR(current[d], derivative, 1e-5 * std::sqrt(current.dot(current)));
    }
}

class Structures : public ::testing::TestWithParam<const lps::Matrix3*> {
protected:
    /** A bulk in the cell, or a cluster without one. */
    TestSystem makeStructure() const {
        return GetParam() != nullptr ? makeBulk(makeModel(), *GetParam())
                                     : makeSystem(makeModel(), lps::testing::makeCluster(20, 3, 8.0, 11));
    }
};

TEST_P(Structures, forcesAreDerivatives) {
    expectForcesAreDerivatives(makeStructure());
}

TEST_P(Structures, virialIsDerivative) {
    expectVirialIsDerivative(makeStructure());
}

TEST_P(Structures, virialsOfParticlesAddUp) {
    expectVirialsAddUp(makeStructure());
}

INSTANTIATE_TEST_SUITE_P(Derivatives, Structures,
                         ::testing::Values(&cells::cubic, &cells::triclinic, &cells::tiny, nullptr));

TEST(Derivatives, eachComponentOfTheForces) {
    expectEachForceIsDerivative(makeSystem(makeModel(), lps::testing::makeCluster(12, 3, 6.0, 5)));
}

TEST(Derivatives, eachComponentInCellSmallerThanCutoff) {
    expectEachForceIsDerivative(makeBulk(makeModel(), cells::tiny));
}

TEST(Derivatives, heatCurrentOfCluster) {
    const TestSystem system = makeSystem(makeModel(), lps::testing::makeCluster(20, 3, 8.0, 11));
    expectCurrentIsDerivative(system, std::make_unique<OpenMM::LangevinMiddleIntegrator>(300.0, 1.0, 0.002));
    expectCurrentIsDerivative(system, std::make_unique<OpenMM::VerletIntegrator>(0.002));
}

TEST(Derivatives, virialIsPositiveUnderCompression) {
    // Two atoms that repel each other: the virial along their axis is force times distance.
    const LPSModel model = makeModel();
    lps::Configuration pair;
    pair.types = {0, 1};
    for (double distance = 1.2; distance < 3.5; distance += 0.1) {
        pair.positions = {{0, 0, 0}, {distance, 0, 0}};
        const TestSystem system = makeSystem(model, pair);
        TestContext context(system);
        const double force = context.getForces()[1][0];
        const double virial = system.force->computeVirial(*context)[0][0];
        EXPECT_NEAR(virial, force * 0.1 * distance, TestPlatform::get().getTolerance().virial);
    }
}

}  // namespace
