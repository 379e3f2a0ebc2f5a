// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestSupport.cpp  The tools of the other tests: a check that cannot fail checks nothing. */

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "openmm/OpenMMException.h"
#include "support/Compare.h"
#include "support/TestPlatform.h"

using namespace LPSPlugin::testing;
using OpenMM::Vec3;

namespace {

const double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Support, differencesSeeSignsAndEveryComponent) {
    EXPECT_EQ(largestDifference({Vec3(1, 2, 3)}, {Vec3(1, 2, 3)}), 0.0);
    EXPECT_EQ(largestDifference({Vec3(1, 2, 3)}, {Vec3(1, 2, 3.5)}), 0.5);
    EXPECT_EQ(largestDifference({Vec3(-1, 2, 3)}, {Vec3(-3, 2, 3)}), 2.0);
    EXPECT_EQ(largestDifference({Vec3(-3, 2, 3)}, {Vec3(-1, 2, 3)}), 2.0);
    EXPECT_EQ(largestDifference(std::vector<double>{1, -2}, std::vector<double>{1, 2}), 4.0);
    EXPECT_EQ(largestComponent({Vec3(1, -7, 3), Vec3(0, 6, 0)}), 7.0);
}

TEST(Support, notANumberIsInfinitelyFar) {
    EXPECT_TRUE(std::isinf(largestDifference({Vec3(1, nan, 3), Vec3(5, 5, 5)}, {Vec3(1, 2, 3), Vec3(1, 1, 1)})));
    EXPECT_TRUE(std::isinf(largestDifference({Vec3(5, 5, 5), Vec3(1, 2, nan)}, {Vec3(1, 1, 1), Vec3(1, 2, 3)})));
    EXPECT_TRUE(std::isinf(largestDifference(std::vector<double>{nan}, std::vector<double>{nan})));
    EXPECT_TRUE(std::isinf(largestDifference(std::vector<double>{nan, 0}, std::vector<double>{0, 1})));
}

TEST(Support, otherLengthsAreInfinitelyFar) {
    EXPECT_TRUE(std::isinf(largestDifference({Vec3(1, 2, 3)}, {})));
    EXPECT_TRUE(std::isinf(largestDifference(std::vector<double>{}, std::vector<double>{1})));
    EXPECT_TRUE(std::isnan(dot({Vec3(1, 2, 3)}, {})));
}

TEST(Support, derivativeOfKnownFunctions) {
    EXPECT_NEAR(differentiate([](double x) { return 3 * x + 5; }, 0.1), 3.0, 1e-12);
    EXPECT_NEAR(differentiate([](double x) { return std::exp(2 * x); }, 1e-3), 2.0, 1e-9);
    EXPECT_NEAR(differentiate([](double x) { return x * x * x - x; }, 0.5), -1.0, 1e-12);
}

TEST(Support, directionsAreUnitVectors) {
    const auto directions = randomDirections(3, 5, 1);
    ASSERT_EQ(directions.size(), 3u);
    for (const auto& direction : directions) {
        ASSERT_EQ(direction.size(), 5u);
        EXPECT_NEAR(dot(direction, direction), 1.0, 1e-12);
    }
    EXPECT_GT(largestDifference(directions[0], directions[1]), 0.0);
}

TEST(Support, standardDeviation) {
    EXPECT_DOUBLE_EQ(standardDeviation({1, 3}), 1.0);
    EXPECT_DOUBLE_EQ(standardDeviation({2, 2, 2}), 0.0);
}

TEST(Support, messages) {
    EXPECT_EQ(messageOf([] {}), "");
    EXPECT_EQ(messageOf([] { throw OpenMM::OpenMMException("where: what"); }), "where: what");
}

TEST(Support, tolerancesOfEveryPrecision) {
    EXPECT_LT(getTolerance("Reference", "double").energyPerAtom, getTolerance("CPU", "double").energyPerAtom);
    EXPECT_LT(getTolerance("CPU", "double").force, getTolerance("CPU", "single").force);
    EXPECT_EQ(getTolerance("OpenCL", "mixed").force, getTolerance("OpenCL", "single").force);
    EXPECT_THROW(getTolerance("CPU", "half"), std::invalid_argument);
}

}  // namespace
