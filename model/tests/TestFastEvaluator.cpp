// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// The fast evaluator against the reference: every instruction set of this machine, both precisions, with and without
// tables, over models and structures chosen to reach every branch.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>

#include "lps/Error.h"
#include "lps/FastEvaluator.h"
#include "support/EvaluatorCases.h"
#include "support/RandomModel.h"

namespace lps::testing {
namespace {

struct Mode {
    std::string target;
    Precision precision;
    bool useTables;
};

void PrintTo(const Mode& mode, std::ostream* stream) {
    *stream << mode.target << (mode.precision == Precision::Float32 ? ", float32" : ", float64")
            << (mode.useTables ? ", tables" : ", networks");
}

std::vector<Mode> makeModes(const std::vector<std::string>& targets) {
    std::vector<Mode> modes;
    for (const std::string& target : targets)
        for (Precision precision : {Precision::Float32, Precision::Float64})
            for (bool useTables : {true, false})
                modes.push_back({target, precision, useTables});
    return modes;
}

class FastEvaluatorTargets : public ::testing::TestWithParam<std::string> {};

// The reference takes longer than the four modes that are compared with it, so they share it.
TEST_P(FastEvaluatorTargets, EqualsReference) {
    const std::vector<Mode> modes = makeModes({GetParam()});
    ThreadExecutor executor(2);
    const auto configurations = makeConfigurations();
    for (const NamedModel& named : makeModels()) {
        const auto model = makeModel(named.data);
        const ReferenceEvaluator reference(model);
        std::vector<std::unique_ptr<FastEvaluator>> evaluators;
        for (const Mode& mode : modes) {
            evaluators.push_back(
                std::make_unique<FastEvaluator>(model, FastOptions{mode.precision, mode.useTables, 0.5, mode.target}));
            EXPECT_EQ(evaluators.back()->getTarget(), mode.target);
        }
        for (const NamedConfiguration& structure : configurations) {
            const Evaluation expected = reference.evaluate(structure.configuration);
            // Where |s| is large, float32 networks see fewer digits of it.
            const bool harsh = structure.name == "closer than the tables" || structure.name == "very dense";
            for (std::size_t i = 0; i < modes.size(); i++) {
                SCOPED_TRACE(named.name + " / " + structure.name + " / " + ::testing::PrintToString(modes[i]));
                const bool single = modes[i].precision == Precision::Float32;
                expectEqual(evaluators[i]->evaluate(structure.configuration, executor), expected,
                            single ? (harsh ? 2e-4 : 2e-5) : 1e-8);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(AllTargets, FastEvaluatorTargets, ::testing::ValuesIn(FastEvaluator::getSupportedTargets()),
                         [](const auto& test) { return test.param; });

class FastEvaluatorModes : public ::testing::TestWithParam<Mode> {};

TEST_P(FastEvaluatorModes, NeighborsThatRoundToTheCutoffAddNothing) {
    // The cutoff ends a cell of the table grid, and float32 cannot tell these distances from it.
    const Mode mode = GetParam();
    const auto model = makeModel(makeRandomModelData());
    const double cutoff = model->getCutoff();
    ASSERT_EQ(cutoff, 4.0);
    ThreadExecutor executor(1);
    FastEvaluator fast(model, {mode.precision, mode.useTables, 0.5, mode.target});
    const ReferenceEvaluator reference(model);
    for (double distance : {std::nextafter(cutoff, 0.0), cutoff - 1e-15, cutoff - 1e-8, cutoff - 1e-7, cutoff - 3e-7}) {
        SCOPED_TRACE(cutoff - distance);
        const Configuration configuration{{{0, 0, 0}, {0, distance, 0}, {1.5, 0, 0}}, {0, 1, 2}, std::nullopt};
        expectEqual(fast.evaluate(configuration, executor), reference.evaluate(configuration),
                    mode.precision == Precision::Float32 ? 2e-5 : 1e-9);
    }
}

INSTANTIATE_TEST_SUITE_P(AllTargets, FastEvaluatorModes,
                         ::testing::ValuesIn(makeModes(FastEvaluator::getSupportedTargets())), [](const auto& test) {
                             return test.param.target +
                                    (test.param.precision == Precision::Float32 ? "Float32" : "Float64") +
                                    (test.param.useTables ? "Tables" : "Networks");
                         });

TEST(FastEvaluator, ForcesAreTheGradientOfTheEnergy) {
    const auto model = makeModel(makeRandomModelData());
    Configuration structure = makeRandomConfiguration(12, 3, cube(5.0), 3);
    FastEvaluator fast(model, {Precision::Float64, true, 0.5, {}});
    SerialExecutor executor;
    const Evaluation exact = fast.evaluate(structure, executor);
    const double h = 1e-4;
    for (int atom : {0, 5, 11})
        for (int d = 0; d < 3; d++) {
            Configuration moved = structure;
            moved.positions[atom][d] += h;
            const double up = fast.evaluate(moved, executor).energy;
            moved.positions[atom][d] -= 2 * h;
            const double down = fast.evaluate(moved, executor).energy;
            EXPECT_NEAR(exact.forces[atom][d], -(up - down) / (2 * h), 1e-6);
        }
}

TEST(FastEvaluator, VirialIsTheStrainDerivative) {
    const auto model = makeModel(makeRandomModelData());
    const Configuration structure = makeRandomConfiguration(12, 3, triclinic, 3);
    FastEvaluator fast(model, {Precision::Float64, true, 0.5, {}});
    SerialExecutor executor;
    const Evaluation exact = fast.evaluate(structure, executor);
    const double h = 1e-5;
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++) {
            double energies[2];
            for (int sign = 0; sign < 2; sign++) {
                Configuration strained = structure;
                const double strain = sign ? h : -h;
                for (Vector3& x : strained.positions)
                    x[d] += strain * x[e];
                Matrix3 vectors = structure.box->getVectors();
                for (Vector3& v : vectors)
                    v[d] += strain * v[e];
                strained.box = Box(vectors);
                energies[sign] = fast.evaluate(strained, executor).energy;
            }
            EXPECT_NEAR(exact.virial[d][e], -(energies[1] - energies[0]) / (2 * h), 1e-4) << d << e;
        }
}

TEST(FastEvaluator, AtomVirialsGiveVirialAndHeatCurrent) {
    const auto model = makeModel(makeRandomModelData());
    Configuration cluster = makeCluster(25, 3, 6.0, 4);
    FastEvaluator fast(model, {Precision::Float64, true, 0.5, {}});
    SerialExecutor executor;
    const Evaluation exact = fast.evaluate(cluster, executor);
    Matrix3 sum{};
    Vector3 current{}, expected{};
    std::vector<Vector3> velocities = makeCluster(25, 3, 2.0, 8).positions;
    for (std::size_t i = 0; i < velocities.size(); i++)
        for (int d = 0; d < 3; d++)
            for (int e = 0; e < 3; e++) {
                sum[d][e] += exact.atomVirials[i][d][e];
                current[d] += exact.atomVirials[i][d][e] * velocities[i][e];
            }
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            EXPECT_NEAR(sum[d][e], exact.virial[d][e], 1e-10);

    // d/dt sum_i r_i E_i at fixed r_i in the weights, plus what forces do to kinetic energies.

    const double h = 1e-4;
    Configuration later = cluster, earlier = cluster;
    for (std::size_t i = 0; i < velocities.size(); i++)
        for (int d = 0; d < 3; d++) {
            later.positions[i][d] += h * velocities[i][d];
            earlier.positions[i][d] -= h * velocities[i][d];
        }
    const Evaluation after = fast.evaluate(later, executor), before = fast.evaluate(earlier, executor);
    for (std::size_t i = 0; i < velocities.size(); i++) {
        double power = (after.atomEnergies[i] - before.atomEnergies[i]) / (2 * h);
        for (int d = 0; d < 3; d++)
            power += exact.forces[i][d] * velocities[i][d];
        for (int d = 0; d < 3; d++)
            expected[d] += cluster.positions[i][d] * power;
    }
    for (int d = 0; d < 3; d++)
        EXPECT_NEAR(current[d], expected[d], 1e-5 * std::fabs(expected[d]));
}

TEST(FastEvaluator, NamesWhatIsWrongWithItsInput) {
    const auto model = makeModel(makeRandomModelData());
    SerialExecutor executor;
    FastEvaluator fast(model);
    Configuration structure = makeRandomConfiguration(5, 3, cube(7.0), 3);
    structure.types[2] = 3;
    try {
        fast.evaluate(structure, executor);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(),
                    ::testing::HasSubstr("atom 2 has type 3, but the model knows types 0 (Li), 1 (P), 2 (S)"));
    }
    structure.types.pop_back();
    EXPECT_THROW(fast.evaluate(structure, executor), Error);
    EXPECT_THROW(FastEvaluator(model, {Precision::Float32, true, 1.0, "MMX"}), Error);
    EXPECT_THROW(FastEvaluator(model, {Precision::Float32, true, -1.0, {}}), Error);

    DeepPotentialData refusing = makeRandomModelData();
    refusing.refuseNeighborOverflow = true;
    refusing.slots = {1, 1, 1};
    FastEvaluator strict(makeModel(refusing));
    try {
        strict.evaluate(makeRandomConfiguration(30, 3, cube(6.0), 3), executor);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("but the model has only 1 slots"));
    }
}

TEST(FastEvaluator, EnergyOnlySkipsForces) {
    const auto model = makeModel(makeRandomModelData());
    const Configuration structure = makeRandomConfiguration(25, 3, cube(7.0), 3);
    FastEvaluator fast(model);
    SerialExecutor executor;
    const Evaluation all = fast.evaluate(structure, executor);
    Evaluation energy;
    fast.evaluate(structure.positions.data(), structure.types.data(), 25, &*structure.box, executor, {false, false},
                  energy);
    EXPECT_EQ(energy.energy, all.energy);
    EXPECT_TRUE(energy.forces.empty());
}

}  // namespace
}  // namespace lps::testing
