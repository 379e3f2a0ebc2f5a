// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// The fast evaluator against the reference: every instruction set of this machine, both precisions, with and without
// tables, over models and structures chosen to reach every branch.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lps/Error.h"
#include "lps/FastEvaluator.h"
#include "reference/NetworkEvaluation.h"
#include "support/RandomModel.h"

namespace lps::testing {
namespace {

const Matrix3 cube(double size) {
    return {Vector3{size, 0, 0}, Vector3{0, size, 0}, Vector3{0, 0, size}};
}
const Matrix3 triclinic = {Vector3{3.1, 0.0, 0.0}, Vector3{1.2, 2.9, 0.0}, Vector3{-0.8, 1.1, 3.3}};

std::shared_ptr<const DeepPotential> makeModel(const DeepPotentialData& data) {
    return std::make_shared<const DeepPotential>(data);
}

/** The model with its embeddings replaced by tables, as after compression. */
DeepPotentialData compress(DeepPotentialData data, double lower, double upper,
                           EmbeddingTable::Extrapolation extrapolation) {
    data.tables.assign(data.embeddings.size(), {});
    for (std::size_t i = 0; i < data.embeddings.size(); i++) {
        EmbeddingTable& table = data.tables[i];
        table.lower = lower;
        table.upper = upper;
        table.maximum = 2.0 * upper;
        table.fineStep = 0.02;
        table.coarseStep = 0.2;
        table.extrapolation = extrapolation;
        const int fine = static_cast<int>((table.upper - table.lower) / table.fineStep);
        const int coarse = static_cast<int>((table.maximum - table.upper) / table.coarseStep);
        table.rows = fine + coarse;
        table.channels = data.embeddings[i].getNumOutputs();
        for (int row = 0; row < table.rows; row++) {
            const double h = row < fine ? table.fineStep : table.coarseStep;
            const double s = row < fine ? lower + row * h : upper + (row - fine) * h;
            const ValueAndDerivative left = evaluateWithDerivative(data.embeddings[i], s);
            const ValueAndDerivative right = evaluateWithDerivative(data.embeddings[i], s + h);
            for (int m = 0; m < table.channels; m++) {
                const double rise = right.value[m] - left.value[m], d0 = left.derivative[m], d1 = right.derivative[m];
                for (double c : {left.value[m], d0, 3.0 * rise / (h * h) - (2.0 * d0 + d1) / h,
                                 -2.0 * rise / (h * h * h) + (d0 + d1) / (h * h), 0.0, 0.0})
                    table.coefficients.push_back(c);
            }
        }
    }
    data.embeddings.assign(data.embeddings.size(), {});
    return data;
}

struct NamedModel {
    std::string name;
    DeepPotentialData data;
};

std::vector<NamedModel> makeModels() {
    std::vector<NamedModel> models;
    RandomModelOptions base;
    models.push_back({"padding", makeRandomModelData(base)});

    RandomModelOptions wide = base;
    wide.embeddingWidths = {25, 50, 100};
    wide.axisWidth = 16;
    wide.fittingWidths = {50, 50, 50};
    wide.typeOneSide = true;
    wide.zeroMean = true;
    models.push_back({"standard widths", makeRandomModelData(wide)});

    RandomModelOptions odd = base;
    odd.embeddingWidths = {1, 2, 7, 5};
    odd.axisWidth = 5;
    odd.fittingWidths = {25, 50, 3};  // identity residual on the descriptor, doubling, none
    odd.embeddingTimestep = true;
    models.push_back({"odd widths", makeRandomModelData(odd)});

    for (const char* activation : {"relu", "relu6", "softplus", "sigmoid", "silu", "gelu", "silut:1.0", "linear"}) {
        RandomModelOptions other = base;
        other.embeddingActivation = other.fittingActivation = activation;
        models.push_back({activation, makeRandomModelData(other)});
    }

    RandomModelOptions single = base;
    single.embeddingWidths = {1};
    single.axisWidth = 1;
    single.fittingWidths = {1};
    models.push_back({"one channel", makeRandomModelData(single)});

    NamedModel excluded{"exclusions", makeRandomModelData(base)};
    excluded.data.descriptorExclusions = {{0, 1}};
    excluded.data.pairExclusions = {{1, 2}};
    excluded.data.atomExclusions = {1};
    excluded.data.vacuumTypes = {0, 2};
    models.push_back(excluded);
    excluded.name = "exclusions, padding kept";
    excluded.data.excludedPaddingKept = true;
    models.push_back(excluded);

    NamedModel invisible{"invisible type", makeRandomModelData(base)};
    invisible.data.slots = {40, 0, 50};
    invisible.data.environmentProtection = 0.3;
    invisible.data.cutoffPrecision = Precision::Float32;
    models.push_back(invisible);

    RandomModelOptions smooth = base;
    smooth.switchStart = 3.3;
    smooth.cutoff = 3.9;
    models.push_back({"late switch", makeRandomModelData(smooth)});

    for (const auto extrapolation : {EmbeddingTable::Extrapolation::Constant, EmbeddingTable::Extrapolation::Linear}) {
        const std::string kind = extrapolation == EmbeddingTable::Extrapolation::Constant ? "constant" : "linear";
        models.push_back({"compressed, " + kind, compress(makeRandomModelData(base), -1.0, 2.2, extrapolation)});
        models.push_back(
            {"compressed one side, " + kind, compress(makeRandomModelData(wide), -0.2, 1.5, extrapolation)});
    }
    return models;
}

struct NamedConfiguration {
    std::string name;
    Configuration configuration;
};

std::vector<NamedConfiguration> makeConfigurations() {
    std::vector<NamedConfiguration> all;
    all.push_back({"bulk", makeRandomConfiguration(110, 3, cube(12.0), 5)});
    all.push_back({"tiny triclinic cell", makeRandomConfiguration(3, 3, triclinic, 6)});
    all.push_back({"cluster", makeCluster(40, 3, 7.0, 7)});
    all.push_back({"slab", makeRandomConfiguration(60, 3, {Vector3{8, 0, 0}, Vector3{1, 9, 0}, Vector3{0, 0, 9}}, 8)});
    all.back().configuration.box = Box({Vector3{8, 0, 0}, Vector3{1, 9, 0}, Vector3{0, 0, 40}});
    all.push_back({"one atom", makeCluster(1, 1, 3.0, 9)});
    all.push_back({"one atom in a small cell", makeRandomConfiguration(1, 1, cube(2.1), 9)});
    all.push_back({"no atoms", Configuration{}});
    all.push_back({"one type only", makeRandomConfiguration(30, 1, cube(8.0), 10)});
    all.push_back({"very dense", makeRandomConfiguration(60, 3, cube(4.5), 11)});
    NamedConfiguration close{"closer than the tables", makeCluster(20, 3, 6.0, 12)};
    close.configuration.positions[1] = close.configuration.positions[0];
    close.configuration.positions[1][0] += 0.31;
    close.configuration.positions[3] = close.configuration.positions[2];
    close.configuration.positions[3][1] -= 0.499;
    all.push_back(close);
    return all;
}

double largest(const std::vector<Vector3>& vectors) {
    double result = 0.0;
    for (const Vector3& v : vectors)
        for (double x : v)
            result = std::max(result, std::fabs(x));
    return result;
}

/** Relative to the largest force and energy, because random models have no natural scale; NaN fails. */
void expectEqual(const Evaluation& actual, const Evaluation& expected, double tolerance) {
    ASSERT_EQ(actual.forces.size(), expected.forces.size());
    ASSERT_EQ(actual.atomEnergies.size(), expected.atomEnergies.size());
    const double forceScale = std::max(1.0, largest(expected.forces));
    double energyScale = 1.0;
    for (double e : expected.atomEnergies)
        energyScale = std::max(energyScale, std::fabs(e));
    double worst = 0.0, worstEnergy = 0.0;
    for (std::size_t i = 0; i < expected.forces.size(); i++) {
        for (int d = 0; d < 3; d++)
            worst = std::max(worst, std::isnan(actual.forces[i][d])
                                        ? 1e300
                                        : std::fabs(actual.forces[i][d] - expected.forces[i][d]));
        worstEnergy = std::max(worstEnergy, std::isnan(actual.atomEnergies[i])
                                                ? 1e300
                                                : std::fabs(actual.atomEnergies[i] - expected.atomEnergies[i]));
    }
    EXPECT_LE(worst, tolerance * forceScale);
    EXPECT_LE(worstEnergy, tolerance * energyScale);
    EXPECT_NEAR(actual.energy, expected.energy, tolerance * energyScale * (1.0 + expected.atomEnergies.size()));
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            EXPECT_NEAR(actual.virial[d][e], expected.virial[d][e],
                        tolerance * forceScale * 4.0 * (1.0 + expected.forces.size()));
}

struct Mode {
    std::string target;
    Precision precision;
    bool useTables;
};

void PrintTo(const Mode& mode, std::ostream* stream) {
    *stream << mode.target << (mode.precision == Precision::Float32 ? ", float32" : ", float64")
            << (mode.useTables ? ", tables" : ", networks");
}

class FastEvaluatorModes : public ::testing::TestWithParam<Mode> {};

TEST_P(FastEvaluatorModes, EqualsReference) {
    const Mode mode = GetParam();
    const bool single = mode.precision == Precision::Float32;
    ThreadExecutor executor(2);
    const auto configurations = makeConfigurations();
    for (const NamedModel& named : makeModels()) {
        const auto model = makeModel(named.data);
        const ReferenceEvaluator reference(model);
        FastEvaluator fast(model, {mode.precision, mode.useTables, 0.5, mode.target});
        EXPECT_EQ(fast.getTarget(), mode.target);
        for (const NamedConfiguration& structure : configurations) {
            SCOPED_TRACE(named.name + " / " + structure.name);
            // Where |s| is large, float32 networks see fewer digits of it.
            const bool harsh = structure.name == "closer than the tables" || structure.name == "very dense";
            const double tolerance = single ? (harsh ? 2e-4 : 2e-5) : 1e-8;
            expectEqual(fast.evaluate(structure.configuration, executor), reference.evaluate(structure.configuration),
                        tolerance);
        }
    }
}

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

std::vector<Mode> makeModes() {
    std::vector<Mode> modes;
    for (const std::string& target : FastEvaluator::getSupportedTargets())
        for (Precision precision : {Precision::Float32, Precision::Float64})
            for (bool useTables : {true, false})
                modes.push_back({target, precision, useTables});
    return modes;
}

INSTANTIATE_TEST_SUITE_P(AllTargets, FastEvaluatorModes, ::testing::ValuesIn(makeModes()), [](const auto& test) {
    return test.param.target + (test.param.precision == Precision::Float32 ? "Float32" : "Float64") +
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

TEST(FastEvaluator, ResultsDoNotDependOnTheNumberOfThreads) {
    const auto model = makeModel(makeRandomModelData());
    const Configuration structure = makeRandomConfiguration(200, 3, cube(14.0), 3);
    SerialExecutor serial;
    FastEvaluator one(model);
    const Evaluation expected = one.evaluate(structure, serial);
    for (int threads : {2, 3, 7}) {
        ThreadExecutor executor(threads);
        FastEvaluator many(model);
        expectEqual(many.evaluate(structure, executor), expected, 1e-6);
    }
}

TEST(FastEvaluator, RepeatsBitByBit) {
    const auto model = makeModel(makeRandomModelData());
    const Configuration structure = makeRandomConfiguration(200, 3, cube(14.0), 3);
    ThreadExecutor executor(3);
    FastEvaluator first(model), second(model);
    const Evaluation a = first.evaluate(structure, executor);
    for (int repeat = 0; repeat < 5; repeat++) {
        for (FastEvaluator* evaluator : {&first, &second}) {
            const Evaluation b = evaluator->evaluate(structure, executor);
            EXPECT_EQ(a.energy, b.energy);
            EXPECT_EQ(a.forces, b.forces);
            EXPECT_EQ(a.virial, b.virial);
        }
    }
}

/** Evaluators that built their lists some steps ago, many steps ago, and just now agree in every bit. */
void expectSameForAllListsAlongAWalk(const DeepPotentialData& data, Configuration structure, Precision precision) {
    const auto model = makeModel(data);
    ThreadExecutor executor(3);
    FastEvaluator old(model, {precision, true, 0.8, {}}), loose(model, {precision, true, 1.7, {}});
    FastEvaluator fresh(model, {precision, true, 0.0, {}});
    std::mt19937 generator(6);
    std::normal_distribution<double> step(0.0, 0.05);
    for (int frame = 0; frame < 16; frame++) {
        for (Vector3& x : structure.positions)
            for (double& c : x)
                c += step(generator);
        if (frame % 8 == 7 && structure.box) {
            Matrix3 vectors = structure.box->getVectors();
            for (Vector3& v : vectors)
                for (double& c : v)
                    c *= 1.001;
            structure.box = Box(vectors);
        }
        const Evaluation expected = fresh.evaluate(structure, executor);
        for (FastEvaluator* evaluator : {&old, &loose}) {
            const Evaluation result = evaluator->evaluate(structure, executor);
            ASSERT_EQ(result.energy, expected.energy) << frame;
            ASSERT_EQ(result.atomEnergies, expected.atomEnergies) << frame;
            ASSERT_EQ(result.forces, expected.forces) << frame;
        }
    }
    EXPECT_GT(old.getNeighborList().getNumBuilds(), 1);
    EXPECT_EQ(fresh.getNeighborList().getNumBuilds(), 16);
    EXPECT_LT(loose.getNeighborList().getNumBuilds(), old.getNeighborList().getNumBuilds());
}

TEST(FastEvaluator, ResultsDoNotDependOnWhenTheListWasBuilt) {
    RandomModelOptions wide;  // products of seven, which mix the rows of a tile
    wide.axisWidth = 8;
    wide.fittingWidths = {240, 240, 240};
    for (Precision precision : {Precision::Float32, Precision::Float64}) {
        const DeepPotentialData small = makeRandomModelData(), large = makeRandomModelData(wide);
        expectSameForAllListsAlongAWalk(small, makeRandomConfiguration(12, 3, triclinic, 3), precision);
        expectSameForAllListsAlongAWalk(small, makeCluster(60, 3, 9.0, 4), precision);
        expectSameForAllListsAlongAWalk(small, makeRandomConfiguration(300, 3, cube(15.0), 5), precision);
        expectSameForAllListsAlongAWalk(
            large, makeRandomConfiguration(150, 3, {Vector3{12, 0, 0}, Vector3{3, 11, 0}, Vector3{-2, 4, 13}}, 5),
            precision);
    }
}

TEST(FastEvaluator, ForcesOfAnIsolatedSystemAddUpToExactlyNothing) {
    const auto model = makeModel(makeRandomModelData());
    ThreadExecutor executor(3);
    FastEvaluator evaluator(model);
    const Evaluation result = evaluator.evaluate(makeRandomConfiguration(200, 3, cube(14.0), 3), executor);
    Vector3 sum{};
    for (const Vector3& force : result.forces)
        for (int d = 0; d < 3; d++)
            sum[d] += force[d];
    EXPECT_EQ(sum, (Vector3{0.0, 0.0, 0.0}));
}

TEST(FastEvaluator, FollowsATrajectoryWithBoxChanges) {
    const auto model = makeModel(makeRandomModelData());
    const ReferenceEvaluator reference(model);
    Configuration structure = makeRandomConfiguration(40, 3, cube(8.0), 3);
    FastEvaluator fast(model, {Precision::Float64, true, 0.6, {}});
    ThreadExecutor executor(2);
    std::mt19937 generator(4);
    std::normal_distribution<double> step(0.0, 0.05);
    for (int frame = 0; frame < 40; frame++) {
        for (Vector3& x : structure.positions)
            for (double& c : x)
                c += step(generator);
        if (frame % 3 == 0) {
            const double scale = 1.0 + 0.01 * step(generator) / 0.05;
            Matrix3 vectors = structure.box->getVectors();
            for (Vector3& v : vectors)
                for (double& c : v)
                    c *= scale;
            for (Vector3& x : structure.positions)
                for (double& c : x)
                    c *= scale;
            structure.box = Box(vectors);
        }
        if (frame % 5 == 0)  // a jump by whole cell vectors, as wrapping does
            for (int d = 0; d < 3; d++)
                structure.positions[frame][d] +=
                    2 * structure.box->getVectors()[1][d] - structure.box->getVectors()[0][d];
        expectEqual(fast.evaluate(structure, executor), reference.evaluate(structure), 1e-8);
    }
    EXPECT_LT(fast.getNeighborList().getNumBuilds(), 30);
    EXPECT_GT(fast.getNeighborList().getNumBuilds(), 1);
}

TEST(FastEvaluator, TakesNeighborsFromOutside) {
    const auto model = makeModel(makeRandomModelData());
    const Configuration structure = makeRandomConfiguration(30, 3, cube(7.0), 3);
    const Evaluation expected = ReferenceEvaluator(model).evaluate(structure);

    // Ghosts: all 26 images, listed without a cutoff, as crude as an engine may be.

    const int n = 30;
    std::vector<Vector3> positions = structure.positions;
    std::vector<int> types = structure.types, owners;
    for (int a = -1; a <= 1; a++)
        for (int b = -1; b <= 1; b++)
            for (int c = -1; c <= 1; c++)
                for (int i = 0; i < n && (a || b || c); i++) {
                    positions.push_back({structure.positions[i][0] + 7.0 * a, structure.positions[i][1] + 7.0 * b,
                                         structure.positions[i][2] + 7.0 * c});
                    types.push_back(structure.types[i]);
                    owners.push_back(i);
                }
    std::vector<std::vector<int>> lists(n);
    std::vector<const int*> pointers;
    std::vector<int> counts;
    for (int i = 0; i < n; i++) {
        for (int j = static_cast<int>(positions.size()) - 1; j >= 0; j--)
            if (j != i)
                lists[i].push_back(j);
        pointers.push_back(lists[i].data());
        counts.push_back(static_cast<int>(lists[i].size()));
    }
    FastEvaluator fast(model, {Precision::Float64, true, 0.5, {}});
    ThreadExecutor executor(2);
    Evaluation result;
    ExternalNeighbors external{
        n, static_cast<int>(positions.size()), positions.data(), types.data(), counts.data(), pointers.data(), false};
    for (int repeat = 0; repeat < 2; repeat++) {
        fast.evaluate(external, executor, {}, result);
        ASSERT_EQ(result.forces.size(), positions.size());
        Evaluation folded = result;
        folded.forces.resize(n);
        for (std::size_t g = 0; g < owners.size(); g++)
            for (int d = 0; d < 3; d++)
                folded.forces[owners[g]][d] += result.forces[n + g][d];
        expectEqual(folded, expected, 1e-8);
        external.keepLists = true;
    }
    const Evaluation own = fast.evaluate(structure, executor);
    expectEqual(own, expected, 1e-8);
}

TEST(FastEvaluator, NewTypesMayAppearLater) {
    const auto model = makeModel(makeRandomModelData());
    const ReferenceEvaluator reference(model);
    FastEvaluator fast(model, {Precision::Float64, true, 0.5, {}});
    SerialExecutor executor;
    for (int types : {1, 2, 3, 1}) {
        const Configuration structure = makeRandomConfiguration(25, types, cube(7.0), 20 + types);
        expectEqual(fast.evaluate(structure, executor), reference.evaluate(structure), 1e-8);
    }
    EXPECT_EQ(fast.getTableReports().size(), 9u);
    for (const TableReport& report : fast.getTableReports()) {
        EXPECT_GT(report.intervals, 0);
        EXPECT_LE(report.valueError, 1e-8);
        EXPECT_LE(report.derivativeError, 1e-8);
    }
}

TEST(FastEvaluator, RecoversAfterAnUnusableStructure) {
    const auto model = makeModel(makeRandomModelData());
    Configuration structure = makeRandomConfiguration(25, 3, cube(7.0), 3);
    FastEvaluator fast(model);
    SerialExecutor executor;
    const Evaluation expected = fast.evaluate(structure, executor);
    const Vector3 kept = structure.positions[7];
    structure.positions[7][1] = std::numeric_limits<double>::quiet_NaN();
    try {
        fast.evaluate(structure, executor);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("the position of atom 7 is"));
    }
    structure.positions[7] = structure.positions[3];
    try {
        fast.evaluate(structure, executor);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("are at the same place"));
    }
    structure.positions[7] = kept;
    expectEqual(fast.evaluate(structure, executor), expected, 1e-6);
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
