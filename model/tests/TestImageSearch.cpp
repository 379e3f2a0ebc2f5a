// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lps/Error.h"
#include "neighbors/ImageSearch.h"
#include "support/RandomModel.h"

using namespace lps;
using namespace lps::testing;

namespace {

Matrix3 cubic(double edge) {
    return {Vector3{edge, 0, 0}, Vector3{0, edge, 0}, Vector3{0, 0, edge}};
}

TEST(ImageSearch, simpleCubicShellsOfOneAtom) {
    // One atom in a cube of edge 1: shells of 6, 12, 8, 6 neighbors at 1, sqrt 2, sqrt 3, 2.
    Configuration configuration{{{0.2, 0.9, -3.0}}, {0}, Box(cubic(1.0))};
    EXPECT_EQ(findNeighbors(configuration, 1.01)[0].size(), 6u);
    EXPECT_EQ(findNeighbors(configuration, 1.5)[0].size(), 18u);
    EXPECT_EQ(findNeighbors(configuration, 1.8)[0].size(), 26u);
    EXPECT_EQ(findNeighbors(configuration, 2.01)[0].size(), 32u);
}

TEST(ImageSearch, findsEveryPairOfAReplicatedLattice) {
    // A slanted cell, its neighbors counted once by the search and once by laying 9 x 9 x 9 copies side by side.
    const Matrix3 vectors = {Vector3{3.1, 0, 0}, Vector3{2.6, 2.9, 0}, Vector3{-1.2, 1.1, 3.3}};
    const Configuration configuration = makeRandomConfiguration(3, 2, vectors, 5);
    const double cutoff = 5.0;
    const auto neighbors = findNeighbors(configuration, cutoff);
    for (int i = 0; i < 3; i++) {
        std::size_t count = 0;
        for (int j = 0; j < 3; j++)
            for (int a = -4; a <= 4; a++)
                for (int b = -4; b <= 4; b++)
                    for (int c = -4; c <= 4; c++) {
                        const Vector3 shift = configuration.box->toCartesian({double(a), double(b), double(c)});
                        double squared = 0;
                        for (int d = 0; d < 3; d++)
                            squared +=
                                std::pow(configuration.positions[j][d] + shift[d] - configuration.positions[i][d], 2);
                        count += squared > 0 && squared < cutoff * cutoff;
                    }
        EXPECT_EQ(neighbors[i].size(), count);
    }
}

TEST(ImageSearch, doesNotDependOnTheImageAnAtomIsGivenIn) {
    Configuration configuration = makeRandomConfiguration(8, 2, cubic(5.0), 6);
    const auto before = findNeighbors(configuration, 4.0);
    configuration.positions[3][0] += 35.0;
    configuration.positions[5][2] -= 500.0;
    const auto after = findNeighbors(configuration, 4.0);
    for (int i = 0; i < 8; i++)
        EXPECT_EQ(before[i].size(), after[i].size());
}

TEST(ImageSearch, refusesImpossibleInput) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THROW(findNeighbors({{{0, 0, nan}}, {0}, std::nullopt}, 4.0), Error);
    EXPECT_THROW(findNeighbors({{{0, 0, 1e300}}, {0}, Box(cubic(5.0))}, 4.0), Error);
    EXPECT_THROW(findNeighbors({{{0, 0, 0}, {5, 0, 0}}, {0, 0}, Box(cubic(5.0))}, 4.0), Error);
    EXPECT_THROW(findNeighbors({{{0, 0, 0}}, {0}, Box(cubic(0.01))}, 4.0), Error);
}

}  // namespace
