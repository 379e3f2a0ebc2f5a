// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lps/Box.h"
#include "lps/Error.h"

using namespace lps;

namespace {

TEST(Box, measuresASlantedCell) {
    // Face distances from volume / area, worked out by hand: a = (4,0,0), b = (3,4,0), c = (0,0,5).
    const Box box({Vector3{4, 0, 0}, Vector3{3, 4, 0}, Vector3{0, 0, 5}});
    EXPECT_DOUBLE_EQ(box.getVolume(), 80.0);
    EXPECT_DOUBLE_EQ(box.getFaceDistance(0), 80.0 / 25.0);
    EXPECT_DOUBLE_EQ(box.getFaceDistance(1), 80.0 / 20.0);
    EXPECT_DOUBLE_EQ(box.getFaceDistance(2), 5.0);
}

TEST(Box, fractionalCoordinatesAreInverse) {
    const Box box({Vector3{4.1, 0.3, -0.2}, Vector3{3.0, 5.2, 0.7}, Vector3{-1.0, 2.0, 6.3}});
    const Vector3 position = {13.2, -7.7, 0.4};
    const Vector3 back = box.toCartesian(box.toFractional(position));
    for (int d = 0; d < 3; d++)
        EXPECT_NEAR(back[d], position[d], 1e-12);
    const Vector3 unit = box.toFractional(box.getVectors()[1]);
    EXPECT_NEAR(unit[0], 0.0, 1e-14);
    EXPECT_NEAR(unit[1], 1.0, 1e-14);
    EXPECT_NEAR(unit[2], 0.0, 1e-14);
}

TEST(Box, leftHandedCellsHavePositiveVolume) {
    EXPECT_DOUBLE_EQ(Box({Vector3{0, 2, 0}, Vector3{2, 0, 0}, Vector3{0, 0, 2}}).getVolume(), 8.0);
}

TEST(Box, refusesWhatSpansNoVolume) {
    EXPECT_THROW(Box({Vector3{1, 0, 0}, Vector3{2, 0, 0}, Vector3{0, 0, 1}}), Error);
    EXPECT_THROW(Box({Vector3{0, 0, 0}, Vector3{0, 0, 0}, Vector3{0, 0, 0}}), Error);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THROW(Box({Vector3{nan, 0, 0}, Vector3{0, 1, 0}, Vector3{0, 0, 1}}), Error);
}

}  // namespace
