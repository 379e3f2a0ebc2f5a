// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file main.cpp  `TestX [GoogleTest options] PLATFORM PRECISION`; exits with 77 where the platform is absent. */

#include <gtest/gtest.h>

#include <cstdio>

#include "support/TestPlatform.h"

int main(int argc, char** argv) {
    using LPSPlugin::testing::TestPlatform;
    ::testing::InitGoogleTest(&argc, argv);
    if (GTEST_FLAG_GET(list_tests))
        return RUN_ALL_TESTS();
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s [GoogleTest options] Reference|CPU|OpenCL|CUDA|HIP single|mixed|double\n",
                     argv[0]);
        return 2;
    }
    LPSPlugin::testing::loadPlugins();
    const TestPlatform platform(argv[1], argv[2]);
    if (!platform.isPresent()) {
        std::printf("skipped: the %s platform with LPSForce is not present\n", argv[1]);
        return 77;
    }
    TestPlatform::set(platform);
    return RUN_ALL_TESTS();
}
