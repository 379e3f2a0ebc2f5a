// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// What the fast evaluator carries from step to step, and shares between threads: neighbor lists, buffers, tiles.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "lps/Error.h"
#include "lps/FastEvaluator.h"
#include "support/EvaluatorCases.h"
#include "support/RandomModel.h"

namespace lps::testing {
namespace {

/** Moves every atom by a random step, in the order of the atoms. */
void walk(std::vector<Vector3>& positions, std::normal_distribution<double>& step, std::mt19937& generator) {
    for (Vector3& x : positions)
        for (double& c : x)
            c += step(generator);
}

Box scaled(const Box& box, double factor) {
    Matrix3 vectors = box.getVectors();
    for (Vector3& v : vectors)
        for (double& c : v)
            c *= factor;
    return Box(vectors);
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
        walk(structure.positions, step, generator);
        if (frame % 8 == 7 && structure.box) {
            structure.box = scaled(*structure.box, 1.001);
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
        walk(structure.positions, step, generator);
        if (frame % 3 == 0) {
            const double scale = 1.0 + 0.01 * step(generator) / 0.05;
            for (Vector3& x : structure.positions)
                for (double& c : x)
                    c *= scale;
            structure.box = scaled(*structure.box, scale);
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

/** Neighbors as a crude engine finds them: all 26 images are ghosts, and everything is listed without a cutoff. */
struct OutsideNeighbors {
    OutsideNeighbors(const Configuration& structure, double edge)
        : n(static_cast<int>(structure.types.size())), positions(structure.positions), types(structure.types) {
        for (int a = -1; a <= 1; a++)
            for (int b = -1; b <= 1; b++)
                for (int c = -1; c <= 1; c++)
                    for (int i = 0; i < n && (a || b || c); i++) {
                        positions.push_back({structure.positions[i][0] + edge * a, structure.positions[i][1] + edge * b,
                                             structure.positions[i][2] + edge * c});
                        types.push_back(structure.types[i]);
                        owners.push_back(i);
                    }
        lists.resize(n);
        for (int i = 0; i < n; i++) {
            for (int j = static_cast<int>(positions.size()) - 1; j >= 0; j--)
                if (j != i)
                    lists[i].push_back(j);
            pointers.push_back(lists[i].data());
            counts.push_back(static_cast<int>(lists[i].size()));
        }
    }

    ExternalNeighbors get(bool keep = false) const {
        return {n,
                static_cast<int>(positions.size()),
                positions.data(),
                types.data(),
                counts.data(),
                pointers.data(),
                keep,
                indexMask};
    }

    Evaluation fold(const Evaluation& result) const {
        Evaluation folded = result;
        folded.forces.resize(n);
        folded.atomVirials.resize(n);
        for (std::size_t g = 0; g < owners.size(); g++)
            for (int d = 0; d < 3; d++) {
                folded.forces[owners[g]][d] += result.forces[n + g][d];
                for (int e = 0; e < 3; e++)
                    folded.atomVirials[owners[g]][d][e] += result.atomVirials[n + g][d][e];
            }
        return folded;
    }

    /** Put an atom of no type in the middle, whose own neighbors are not to be read, and bits above the indices. */
    void addStranger(int at) {
        n++;
        for (int& owner : owners)
            owner += owner >= at;
        positions.insert(positions.begin() + at, {0.1, 0.2, 0.3});
        types.insert(types.begin() + at, NeighborList::noType);
        lists.insert(lists.begin() + at, std::vector<int>());
        counts.insert(counts.begin() + at, 1 << 30);
        pointers.assign(n, nullptr);
        for (int i = 0; i < n; i++) {
            if (i == at)
                continue;
            for (int& j : lists[i])
                j = (j + (j >= at)) | (j % 3) << 29;
            lists[i].push_back(at);
            counts[i]++;
            pointers[i] = lists[i].data();
        }
        indexMask = (1 << 29) - 1;
    }

    int n;
    int indexMask = -1;
    std::vector<Vector3> positions;
    std::vector<int> types, owners, counts;
    std::vector<std::vector<int>> lists;
    std::vector<const int*> pointers;
};

constexpr FastRequest everything{true, true, true};

TEST(FastEvaluator, TakesNeighborsFromOutside) {
    const auto model = makeModel(makeRandomModelData());
    const Configuration structure = makeRandomConfiguration(30, 3, cube(7.0), 3);
    const Evaluation expected = ReferenceEvaluator(model).evaluate(structure);
    const OutsideNeighbors outside(structure, 7.0);
    FastEvaluator fast(model, {Precision::Float64, true, 0.5, {}});
    ThreadExecutor executor(2);
    Evaluation result;
    for (bool keep : {false, true}) {
        fast.evaluate(outside.get(keep), executor, everything, result);
        ASSERT_EQ(result.forces.size(), outside.positions.size());
        expectEqual(outside.fold(result), expected, 1e-8);
    }
    OutsideNeighbors mixed = outside;
    mixed.addStranger(7);
    for (bool keep : {false, true}) {
        fast.evaluate(mixed.get(keep), executor, everything, result);
        EXPECT_EQ(result.atomEnergies[7], 0.0);
        EXPECT_EQ(result.forces[7], Vector3{});
        Evaluation rest = mixed.fold(result);
        rest.atomEnergies.erase(rest.atomEnergies.begin() + 7);
        rest.forces.erase(rest.forces.begin() + 7);
        rest.atomVirials.erase(rest.atomVirials.begin() + 7);
        expectEqual(rest, expected, 1e-8);
    }
    const Evaluation own = fast.evaluate(structure, executor);
    expectEqual(own, expected, 1e-8);
}

TEST(FastEvaluator, TakesManyNeighborsWithSeveralThreads) {
    const auto model = makeModel(makeRandomModelData());
    Configuration structure = makeRandomConfiguration(100, 3, cube(10.0), 3);
    const int copies = 46;  // in a row, too far apart to see each other
    OutsideNeighbors many({}, 0.0);
    many.n = copies * 100;
    for (int copy = 0; copy < copies; copy++)
        for (int i = 0; i < 100; i++) {
            const Vector3& x = structure.positions[i];
            many.positions.push_back({x[0], x[1], x[2] + 100.0 * copy});
            many.types.push_back(structure.types[i]);
            std::vector<int> list;
            for (int j = 0; j < 100; j++)
                if (j != i)
                    list.push_back(100 * copy + j);
            many.lists.push_back(list);
        }
    for (const std::vector<int>& list : many.lists) {
        many.pointers.push_back(list.data());
        many.counts.push_back(static_cast<int>(list.size()));
    }
    structure.box.reset();
    const Evaluation one = ReferenceEvaluator(model).evaluate(structure);
    Evaluation expected, result;
    for (int copy = 0; copy < copies; copy++) {
        expected.atomEnergies.insert(expected.atomEnergies.end(), one.atomEnergies.begin(), one.atomEnergies.end());
        expected.forces.insert(expected.forces.end(), one.forces.begin(), one.forces.end());
        expected.atomVirials.insert(expected.atomVirials.end(), one.atomVirials.begin(), one.atomVirials.end());
    }
    expected.energy = copies * one.energy;
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            expected.virial[d][e] = copies * one.virial[d][e];
    FastEvaluator fast(model, {Precision::Float64, true, 0.5, {}});
    ThreadExecutor executor(3);
    fast.evaluate(many.get(), executor, everything, result);
    expectEqual(result, expected, 1e-8);
    many.lists[4000][3] = 4000;
    EXPECT_THROW(fast.evaluate(many.get(), executor, everything, result), Error);
}

TEST(FastEvaluator, KeepsNoNeighborsOfACallThatFailed) {
    const auto model = makeModel(makeRandomModelData());
    const Configuration structure = makeRandomConfiguration(30, 3, cube(7.0), 3);
    const Evaluation expected = ReferenceEvaluator(model).evaluate(structure);
    const OutsideNeighbors good(structure, 7.0);
    OutsideNeighbors bad = good;
    bad.lists[20][5] = 10000;
    bad.pointers[20] = bad.lists[20].data();
    FastEvaluator fast(model, {Precision::Float64, true, 0.5, {}});
    ThreadExecutor executor(2);
    Evaluation result;
    fast.evaluate(good.get(), executor, everything, result);
    EXPECT_THROW(fast.evaluate(bad.get(), executor, everything, result), Error);
    ExternalNeighbors onlyPositions = good.get(true);
    onlyPositions.types = onlyPositions.counts = nullptr;
    onlyPositions.lists = nullptr;
    try {
        fast.evaluate(onlyPositions, executor, everything, result);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("told to keep the neighbors of the last call"));
    }
    fast.evaluate(good.get(true), executor, everything, result);  // they are there, so they are taken
    expectEqual(good.fold(result), expected, 1e-8);
    fast.evaluate(onlyPositions, executor, everything, result);
    expectEqual(good.fold(result), expected, 1e-8);
}

/** An executor whose threads are interrupted by a second call, as a program with a mistake would do. */
TEST(FastEvaluator, RefusesASecondCallAtTheSameTime) {
    class Reentrant : public Executor {
    public:
        Reentrant(FastEvaluator& target, const Configuration& input) : evaluator(target), structure(input) {}
        int getNumThreads() const override { return 1; }
        void run(const std::function<void(int)>& task) override {
            SerialExecutor serial;
            EXPECT_THROW(evaluator.evaluate(structure, serial), Error);
            calls++;
            task(0);
        }
        int calls = 0;

    private:
        FastEvaluator& evaluator;
        const Configuration& structure;
    };
    const auto model = makeModel(makeRandomModelData());
    const Configuration structure = makeRandomConfiguration(10, 3, cube(7.0), 3);
    FastEvaluator fast(model);
    Reentrant executor(fast, structure);
    expectEqual(fast.evaluate(structure, executor), ReferenceEvaluator(model).evaluate(structure), 1e-4);
    EXPECT_GT(executor.calls, 0);
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
        EXPECT_THAT(error.what(), ::testing::HasSubstr("are at the same position"));
    }
    structure.positions[7] = kept;
    expectEqual(fast.evaluate(structure, executor), expected, 1e-6);
}

}  // namespace
}  // namespace lps::testing
