// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "lps/Error.h"
#include "lps/Evaluator.h"
#include "support/RandomModel.h"

using namespace lps;
using namespace lps::testing;

namespace {

const Matrix3 smallTriclinic = {Vector3{3.6, 0, 0}, Vector3{1.5, 3.9, 0}, Vector3{-1.1, 0.8, 4.2}};
const Matrix3 largeTriclinic = {Vector3{8.6, 0, 0}, Vector3{2.5, 8.9, 0}, Vector3{-2.1, 1.8, 9.2}};

ReferenceEvaluator makeEvaluator(DeepPotentialData data) {
    return ReferenceEvaluator(std::make_shared<const DeepPotential>(std::move(data)));
}

void expectForcesAreGradient(const ReferenceEvaluator& evaluator, const Configuration& configuration) {
    const Evaluation result = evaluator.evaluate(configuration);
    const double h = 1e-4;
    double largestForce = 0.0;
    for (std::size_t i = 0; i < configuration.positions.size(); i++)
        for (int d = 0; d < 3; d++) {
            Configuration moved = configuration;
            moved.positions[i][d] += h;
            const double above = evaluator.evaluate(moved).energy;
            moved.positions[i][d] -= 2 * h;
            const double below = evaluator.evaluate(moved).energy;
            EXPECT_NEAR(result.forces[i][d], -(above - below) / (2 * h), 2e-6) << "atom " << i;
            largestForce = std::max(largestForce, std::fabs(result.forces[i][d]));
        }
    EXPECT_GT(largestForce, 1e-3) << "the model is too flat to test anything";
}

/** W = -dE/dstrain under x -> (1 + strain) x. */
void expectVirialIsStrainGradient(const ReferenceEvaluator& evaluator, const Configuration& configuration) {
    const Evaluation result = evaluator.evaluate(configuration);
    auto strained = [&](int d, int e, double strain) {
        auto apply = [&](Vector3 v) {
            v[d] += strain * v[e];
            return v;
        };
        Configuration moved = configuration;
        for (Vector3& position : moved.positions)
            position = apply(position);
        if (moved.box) {
            Matrix3 vectors = moved.box->getVectors();
            for (Vector3& vector : vectors)
                vector = apply(vector);
            moved.box = Box(vectors);
        }
        return evaluator.evaluate(moved).energy;
    };
    const double h = 1e-5;
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            EXPECT_NEAR(result.virial[d][e], -(strained(d, e, h) - strained(d, e, -h)) / (2 * h), 2e-5) << d << e;
}

struct ModelCase {
    const char* name;
    std::function<DeepPotentialData()> make;
};

void PrintTo(const ModelCase& modelCase, std::ostream* stream) {
    *stream << modelCase.name;
}

DeepPotentialData makeWith(const std::function<void(RandomModelOptions&)>& change) {
    RandomModelOptions options;
    change(options);
    return makeRandomModelData(options);
}

DeepPotentialData makeChanged(const std::function<void(DeepPotentialData&)>& change) {
    DeepPotentialData data = makeRandomModelData();
    change(data);
    return data;
}

const ModelCase modelCases[] = {
    {"plain", [] { return makeRandomModelData(); }},
    {"oneSide", [] { return makeWith([](auto& o) { o.typeOneSide = true; }); }},
    {"zeroMean", [] { return makeWith([](auto& o) { o.zeroMean = true; }); }},
    {"oddWidths",
     [] { return makeWith([](auto& o) {
              o.embeddingWidths = {2, 7, 7, 13}, o.fittingWidths = {9, 18, 5};
          }); }},
    {"timesteps", [] { return makeWith([](auto& o) { o.embeddingTimestep = true; }); }},
    {"gelu",
     [] { return makeWith([](auto& o) { o.embeddingActivation = "gelu", o.fittingActivation = "softplus"; }); }},
    {"silut",
     [] { return makeWith([](auto& o) { o.embeddingActivation = "silut:1.5", o.fittingActivation = "silu"; }); }},
    {"protection", [] { return makeChanged([](auto& d) { d.environmentProtection = 0.3; }); }},
    {"float32Cutoffs",
     [] { return makeChanged([](auto& d) { d.cutoffPrecision = Precision::Float32, d.cutoff = 4.1; }); }},
    {"excludedDescriptor", [] { return makeChanged([](auto& d) {
                                    d.descriptorExclusions = {{0, 0}, {1, 2}};
                                }); }},
    {"excludedPairs", [] { return makeChanged([](auto& d) {
                               d.pairExclusions = {{0, 2}};
                           }); }},
    {"excludedAtoms", [] { return makeChanged([](auto& d) { d.atomExclusions = {1}; }); }},
    {"vacuum", [] { return makeChanged([](auto& d) {
                        d.vacuumTypes = {0, 2};
                    }); }},
    {"invisibleType", [] { return makeChanged([](auto& d) { d.slots[1] = 0; }); }},
    {"fewSlots", [] { return makeChanged([](auto& d) {
                          d.slots = {2, 2, 2};
                      }); }},
};

class EveryModel : public ::testing::TestWithParam<ModelCase> {};

TEST_P(EveryModel, forcesAndVirialAreDerivatives) {
    const ReferenceEvaluator evaluator = makeEvaluator(GetParam().make());
    const Configuration small = makeRandomConfiguration(5, 3, smallTriclinic, 11);
    expectForcesAreGradient(evaluator, small);
    expectVirialIsStrainGradient(evaluator, small);
    const Configuration cluster = makeCluster(9, 3, 6.0, 12);
    expectForcesAreGradient(evaluator, cluster);
    expectVirialIsStrainGradient(evaluator, cluster);
}

TEST_P(EveryModel, energyIsExtensive) {
    const ReferenceEvaluator evaluator = makeEvaluator(GetParam().make());
    const Configuration cell = makeRandomConfiguration(5, 3, smallTriclinic, 13);
    Configuration supercell;
    Matrix3 vectors = smallTriclinic;
    for (Vector3& vector : vectors)
        for (double& component : vector)
            component *= 2;
    supercell.box = Box(vectors);
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++)
            for (int c = 0; c < 2; c++)
                for (std::size_t i = 0; i < cell.positions.size(); i++) {
                    const Vector3 shift = cell.box->toCartesian({double(a), double(b), double(c)});
                    Vector3 position = cell.positions[i];
                    for (int d = 0; d < 3; d++)
                        position[d] += shift[d];
                    supercell.positions.push_back(position);
                    supercell.types.push_back(cell.types[i]);
                }
    const Evaluation one = evaluator.evaluate(cell);
    const Evaluation eight = evaluator.evaluate(supercell);
    EXPECT_NEAR(one.energy / 5, eight.energy / 40, 1e-10);
    for (std::size_t i = 0; i < supercell.positions.size(); i++)
        for (int d = 0; d < 3; d++)
            EXPECT_NEAR(eight.forces[i][d], one.forces[i % 5][d], 1e-10);
}

INSTANTIATE_TEST_SUITE_P(All, EveryModel, ::testing::ValuesIn(modelCases),
                         [](const auto& modelCase) { return std::string(modelCase.param.name); });

TEST(ReferenceEvaluator, isInvariant) {
    const ReferenceEvaluator evaluator = makeEvaluator(makeRandomModelData());
    const Configuration configuration = makeRandomConfiguration(20, 3, largeTriclinic, 14);
    const Evaluation before = evaluator.evaluate(configuration);

    // Rotation by an arbitrary orthogonal matrix, translation, and atoms in reverse order.

    const double a = 0.7, b = -1.2;
    auto rotate = [&](const Vector3& v) -> Vector3 {
        const Vector3 u = {std::cos(a) * v[0] - std::sin(a) * v[1], std::sin(a) * v[0] + std::cos(a) * v[1], v[2]};
        return {u[0], std::cos(b) * u[1] - std::sin(b) * u[2], std::sin(b) * u[1] + std::cos(b) * u[2]};
    };
    Configuration moved;
    Matrix3 vectors = configuration.box->getVectors();
    for (Vector3& vector : vectors)
        vector = rotate(vector);
    moved.box = Box(vectors);
    for (std::size_t i = configuration.positions.size(); i-- > 0;) {
        Vector3 position = rotate(configuration.positions[i]);
        position[0] += 17.3;
        moved.positions.push_back(position);
        moved.types.push_back(configuration.types[i]);
    }
    const Evaluation after = evaluator.evaluate(moved);
    const std::size_t numAtoms = configuration.positions.size();
    EXPECT_NEAR(after.energy, before.energy, 1e-10);
    for (std::size_t i = 0; i < numAtoms; i++) {
        const Vector3 expected = rotate(before.forces[i]);
        for (int d = 0; d < 3; d++)
            EXPECT_NEAR(after.forces[numAtoms - 1 - i][d], expected[d], 1e-10);
    }
}

TEST(ReferenceEvaluator, isContinuousBeyondTheSlots) {
    // One neighbor more than slots entering at the cutoff must not make the energy jump.
    DeepPotentialData data = makeRandomModelData();
    data.slots = {1, 1, 1};
    const ReferenceEvaluator evaluator = makeEvaluator(data);
    auto energyAt = [&](double x) {
        return evaluator.evaluate({{{0, 0, 0}, {1.5, 0, 0}, {0, 1.7, 0}, {-x, 0, 0}}, {0, 1, 1, 1}, std::nullopt})
            .energy;
    };
    // Only atom 0 sees the last atom at this range.
    EXPECT_NEAR(energyAt(data.cutoff - 1e-6), energyAt(data.cutoff + 1e-6), 1e-12);
}

TEST(ReferenceEvaluator, isolatedAtomsHaveTheirPaddedEnergy) {
    const ReferenceEvaluator evaluator = makeEvaluator(makeRandomModelData());
    const Evaluation one = evaluator.evaluate({{{0, 0, 0}}, {2}, std::nullopt});
    const Evaluation far = evaluator.evaluate({{{0, 0, 0}, {50, 0, 0}}, {2, 2}, std::nullopt});
    EXPECT_NEAR(far.energy, 2 * one.energy, 1e-12);
    EXPECT_EQ(evaluator.evaluate({{}, {}, std::nullopt}).energy, 0.0);
}

TEST(ReferenceEvaluator, vacuumEnergyIsTheBias) {
    // Without padding the descriptor of a lone atom is zero, so nothing but the bias remains.
    RandomModelOptions options;
    options.zeroMean = true;
    DeepPotentialData data = makeRandomModelData(options);
    data.vacuumTypes = {0, 1, 2};
    EXPECT_NEAR(makeEvaluator(data).evaluate({{{0, 0, 0}}, {1}, std::nullopt}).energy, data.energyBias[1], 1e-14);
}

void expectError(const std::function<void()>& action, const std::string& wording) {
    try {
        action();
        FAIL() << "no error; expected: " << wording;
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(wording), std::string::npos) << error.what();
    }
}

TEST(ReferenceEvaluator, explainsWhatIsWrong) {
    const ReferenceEvaluator evaluator = makeEvaluator(makeRandomModelData());
    expectError(
        [&] {
            evaluator.evaluate({{{0, 0, 0}}, {}, std::nullopt});
        },
        "evaluator: 1 positions but 0 types; give one type per atom");
    expectError(
        [&] {
            evaluator.evaluate({{{0, 0, 0}}, {3}, std::nullopt});
        },
        "evaluator: atom 0 has type 3, but the model knows types 0 (Li), 1 (P), 2 (S)");
    DeepPotentialData data = makeRandomModelData();
    data.refuseNeighborOverflow = true;
    data.slots = {1, 1, 1};
    expectError(
        [&] {
            makeEvaluator(data).evaluate({{{0, 0, 0}, {2, 0, 0}, {0, 2, 0}}, {1, 0, 0}, std::nullopt});
        },
        "evaluator: atom 0 has 2 neighbors of type Li, but the model has only 1 slots for them");
}

}  // namespace
