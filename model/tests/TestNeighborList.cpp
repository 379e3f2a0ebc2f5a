// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// The neighbor list against the search over all pairs and images, and its promise to stay valid between builds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <tuple>

#include "lps/Error.h"
#include "lps/NeighborList.h"
#include "neighbors/ImageSearch.h"
#include "support/RandomModel.h"

namespace lps::testing {
namespace {

/** Neighbors of every atom within the cutoff as (atom, displacement rounded to 1e-6 angstrom), sorted. */
using Entry = std::tuple<int, long long, long long, long long>;
using Entries = std::vector<std::vector<Entry>>;

Entry makeEntry(int atom, const Vector3& x) {
    return {atom, std::llround(x[0] * 1e6), std::llround(x[1] * 1e6), std::llround(x[2] * 1e6)};
}

Entries expectedEntries(const Configuration& structure, double cutoff) {
    Entries all;
    for (const auto& neighbors : findNeighbors(structure, cutoff)) {
        all.emplace_back();
        for (const Neighbor& neighbor : neighbors)
            all.back().push_back(makeEntry(neighbor.atom, neighbor.displacement));
        std::sort(all.back().begin(), all.back().end());
    }
    return all;
}

Entries listedEntries(const NeighborList& list, const Configuration& structure) {
    Entries all(list.getNumAtoms());
    for (int i = 0; i < list.getNumAtoms(); i++) {
        const double* x = list.getPositions() + 4 * i;
        int begin = 0;
        for (int type = 0; type < list.getNumTypes(); type++) {
            for (int k = begin; k < list.getGroupEnds(i)[type]; k++) {
                const int j = list.getNeighbors(i)[k];
                const int owner = j < list.getNumAtoms() ? j : list.getGhostOwners()[j - list.getNumAtoms()];
                EXPECT_EQ(list.getTypes()[j], type);
                EXPECT_EQ(structure.types[list.getOrder()[owner]], type);
                const double* y = list.getPositions() + 4 * j;
                const Vector3 displacement = {y[0] - x[0], y[1] - x[1], y[2] - x[2]};
                const double r2 = displacement[0] * displacement[0] + displacement[1] * displacement[1] +
                                  displacement[2] * displacement[2];
                if (r2 < list.getCutoff() * list.getCutoff())
                    all[list.getOrder()[i]].push_back(makeEntry(list.getOrder()[owner], displacement));
            }
            begin = list.getGroupEnds(i)[type];
        }
        std::sort(all[list.getOrder()[i]].begin(), all[list.getOrder()[i]].end());
    }
    return all;
}

bool update(NeighborList& list, const Configuration& structure, Executor& executor) {
    return list.update(structure.positions.data(), structure.types.data(), static_cast<int>(structure.types.size()),
                       structure.box ? &*structure.box : nullptr, executor);
}

Matrix3 randomBox(std::mt19937& generator) {
    std::uniform_real_distribution<double> length(1.5, 14.0), tilt(-6.0, 6.0);
    Matrix3 vectors{};
    for (int k = 0; k < 3; k++) {
        vectors[k][k] = length(generator) * (generator() % 2 ? 1 : -1);
        for (int d = 0; d < k; d++)
            vectors[k][d] = tilt(generator);
    }
    std::shuffle(vectors.begin(), vectors.end(), generator);
    return vectors;
}

TEST(NeighborList, EqualsTheImageSearchInRandomBoxes) {
    std::mt19937 generator(1);
    ThreadExecutor executor(3);
    int tested = 0;
    for (int trial = 0; trial < 60; trial++) {
        const Matrix3 vectors = randomBox(generator);
        const Box box(vectors);
        if (std::min({box.getFaceDistance(0), box.getFaceDistance(1), box.getFaceDistance(2)}) < 1.0)
            continue;
        const int atoms = 1 + static_cast<int>(generator() % 40);
        Configuration structure = makeRandomConfiguration(atoms, 3, vectors, trial);
        for (Vector3& x : structure.positions)  // anywhere, not only inside the cell
            for (int k = 0; k < 3; k++) {
                const int shift = static_cast<int>(generator() % 7) - 3;
                for (int d = 0; d < 3; d++)
                    x[d] += shift * vectors[k][d];
            }
        NeighborList list(3.7, 0.4, 3);
        update(list, structure, executor);
        EXPECT_EQ(listedEntries(list, structure), expectedEntries(structure, 3.7)) << "trial " << trial;
        tested++;
    }
    EXPECT_GT(tested, 30);
}

TEST(NeighborList, WorksWithoutABox) {
    SerialExecutor executor;
    for (int atoms : {0, 1, 2, 50, 300}) {
        const Configuration structure = makeCluster(atoms ? atoms : 1, 3, 1.0 + 0.1 * atoms, 4);
        Configuration used = structure;
        if (atoms == 0)
            used = Configuration{};
        NeighborList list(3.7, 0.4, 3);
        update(list, used, executor);
        EXPECT_EQ(list.getNumTotal(), atoms);
        EXPECT_EQ(listedEntries(list, used), expectedEntries(used, 3.7));
    }
}

TEST(NeighborList, FarApartAtomsNeedLittleMemory) {
    Configuration structure;
    structure.positions = {{-1e7, 0, 0}, {1e7, 3e6, 0}, {1e7, 3e6, 1.0}};
    structure.types = {0, 1, 2};
    SerialExecutor executor;
    NeighborList list(3.7, 0.4, 3);
    update(list, structure, executor);
    EXPECT_EQ(listedEntries(list, structure), expectedEntries(structure, 3.7));
    EXPECT_LT(list.getMemory(), 100000u);
}

TEST(NeighborList, StaysValidUnderRandomWalksBoxChangesAndWrapping) {
    std::mt19937 generator(7);
    std::normal_distribution<double> normal(0.0, 1.0);
    ThreadExecutor executor(2);
    Configuration structure =
        makeRandomConfiguration(60, 3, {Vector3{9, 0, 0}, Vector3{2, 8, 0}, Vector3{-1, 1, 7}}, 3);
    NeighborList list(3.7, 0.8, 3);
    int builds = 0;
    for (int frame = 0; frame < 150; frame++) {
        for (Vector3& x : structure.positions)
            for (double& c : x)
                c += 0.03 * normal(generator);
        if (frame % 4 == 0) {  // anisotropic strain that carries the atoms along
            Matrix3 strain{};
            for (int d = 0; d < 3; d++)
                for (int e = 0; e < 3; e++)
                    strain[d][e] = (d == e) + 0.004 * normal(generator);
            const auto apply = [&](const Vector3& x) {
                Vector3 y{};
                for (int d = 0; d < 3; d++)
                    for (int e = 0; e < 3; e++)
                        y[e] += x[d] * strain[d][e];
                return y;
            };
            Matrix3 vectors = structure.box->getVectors();
            for (Vector3& v : vectors)
                v = apply(v);
            for (Vector3& x : structure.positions)
                x = apply(x);
            structure.box = Box(vectors);
        }
        Vector3& jumping = structure.positions[frame % 60];
        for (int d = 0; d < 3; d++)
            jumping[d] += 3 * structure.box->getVectors()[0][d] - structure.box->getVectors()[2][d];
        builds += update(list, structure, executor);
        ASSERT_EQ(listedEntries(list, structure), expectedEntries(structure, 3.7)) << "frame " << frame;
    }
    EXPECT_GT(builds, 3);
    EXPECT_LT(builds, 75);
}

TEST(NeighborList, RebuildsExactlyWhenItMust) {
    SerialExecutor executor;
    Configuration structure = makeRandomConfiguration(30, 3, {Vector3{9, 0, 0}, Vector3{0, 9, 0}, Vector3{0, 0, 9}}, 3);
    NeighborList list(3.7, 0.8, 3);
    EXPECT_TRUE(update(list, structure, executor));
    EXPECT_FALSE(update(list, structure, executor));
    structure.positions[4][1] += 0.39;
    EXPECT_FALSE(update(list, structure, executor));
    structure.positions[4][1] += 0.02;  // more than half the skin
    EXPECT_TRUE(update(list, structure, executor));
    EXPECT_FALSE(update(list, structure, executor));
    structure.types[0] = (structure.types[0] + 1) % 3;
    EXPECT_TRUE(update(list, structure, executor));
    structure.box.reset();
    EXPECT_TRUE(update(list, structure, executor));
    structure.positions.pop_back();
    structure.types.pop_back();
    EXPECT_TRUE(update(list, structure, executor));
    EXPECT_EQ(list.getNumBuilds(), 5);
    list.invalidate();
    EXPECT_TRUE(update(list, structure, executor));
}

TEST(NeighborList, DoesNotDependOnTheNumberOfThreads) {
    const Configuration structure =
        makeRandomConfiguration(300, 3, {Vector3{14, 0, 0}, Vector3{3, 13, 0}, Vector3{0, 1, 12}}, 3);
    SerialExecutor serial;
    NeighborList expected(3.7, 0.8, 3);
    update(expected, structure, serial);
    for (int threads : {2, 5}) {
        ThreadExecutor executor(threads);
        NeighborList list(3.7, 0.8, 3);
        update(list, structure, executor);
        for (int i = 0; i < 300; i++) {
            ASSERT_EQ(list.getOrder()[i], expected.getOrder()[i]);
            ASSERT_TRUE(std::equal(list.getNeighbors(i), list.getNeighbors(i) + list.getNumNeighbors(i),
                                   expected.getNeighbors(i), expected.getNeighbors(i) + expected.getNumNeighbors(i)));
        }
    }
}

void expectError(const std::function<void()>& action, const std::string& message) {
    try {
        action();
        ADD_FAILURE() << "no error: " << message;
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr(message));
    }
}

TEST(NeighborList, NamesWhatIsWrong) {
    SerialExecutor executor;
    Configuration structure = makeRandomConfiguration(5, 3, {Vector3{9, 0, 0}, Vector3{0, 9, 0}, Vector3{0, 0, 9}}, 3);
    NeighborList list(3.7, 0.8, 3);
    structure.positions[3][2] = std::numeric_limits<double>::infinity();
    expectError([&] { update(list, structure, executor); }, "the position of atom 3 is");
    structure.positions[3][2] = 1e20;
    expectError([&] { update(list, structure, executor); }, "the position of atom 3 is");
    structure.positions[3][2] = 0.0;
    structure.types[1] = 7;
    expectError([&] { update(list, structure, executor); }, "atom 1 has type 7, but the model has types 0 to 2");
    structure.types[1] = 0;
    structure.box = Box({Vector3{9, 0, 0}, Vector3{0, 9, 0}, Vector3{0, 0, 0.3}});
    expectError([&] { update(list, structure, executor); }, "two faces of the box are only 0.3");
    expectError([] { NeighborList(0.0, 1.0, 3); }, "give a positive cutoff");
    expectError([] { NeighborList(1.0, std::numeric_limits<double>::quiet_NaN(), 3); }, "give a positive cutoff");
    const int count = 1, self = 0;
    const int* pointer = &self;
    expectError(
        [&] { list.take(structure.positions.data(), structure.types.data(), 1, 5, &count, &pointer, false, executor); },
        "atom 0 has neighbor 0");
    expectError(
        [&] { list.take(structure.positions.data(), structure.types.data(), 6, 5, &count, &pointer, false, executor); },
        "6 atoms of 5 in all cannot be");
    expectError(
        [&] { list.take(structure.positions.data(), structure.types.data(), 1, 5, &count, &pointer, true, executor); },
        "the last call was not take() or failed");
    const int other = 4;
    pointer = &other;
    list.take(structure.positions.data(), structure.types.data(), 1, 5, &count, &pointer, false, executor);
    list.take(structure.positions.data(), nullptr, 1, 5, nullptr, nullptr, true, executor);
    EXPECT_EQ(list.getNeighbors(0)[0], 4);
    expectError([&] { list.take(structure.positions.data(), nullptr, 1, 4, nullptr, nullptr, true, executor); },
                "pass the new neighbors");
}

}  // namespace
}  // namespace lps::testing
