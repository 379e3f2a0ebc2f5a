// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gtest/gtest.h>

#include <cmath>

#include "lps/Error.h"
#include "lps/Network.h"

using namespace lps;

namespace {

const char* const allNames[] = {"linear",  "tanh", "relu", "relu6",   "softplus",
                                "sigmoid", "silu", "gelu", "silut:3", "silut:0.5"};

class ActivationTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ActivationTest, derivativeIsTheSlope) {
    const Activation activation = Activation::fromName(GetParam());
    for (double x : {-30.0, -4.3, -1.1, -0.2, 0.3, 0.9, 2.6, 4.7, 7.5, 40.0}) {
        const double h = 1e-5;
        const double slope = (activation.value(x + h) - activation.value(x - h)) / (2 * h);
        EXPECT_NEAR(activation.derivative(x), slope, 1e-8) << "x = " << x;
    }
}

TEST_P(ActivationTest, nameSurvivesARoundTrip) {
    const Activation activation = Activation::fromName(GetParam());
    EXPECT_EQ(Activation::fromName(activation.getName()), activation);
}

TEST_P(ActivationTest, staysFiniteFarOut) {
    const Activation activation = Activation::fromName(GetParam());
    for (double x : {-1e4, 1e4}) {
        EXPECT_TRUE(std::isfinite(activation.value(x)));
        EXPECT_TRUE(std::isfinite(activation.derivative(x)));
    }
}

INSTANTIATE_TEST_SUITE_P(All, ActivationTest, ::testing::ValuesIn(allNames));

TEST(ActivationValues, matchTheirDefinitions) {
    EXPECT_DOUBLE_EQ(Activation::fromName("softplus").value(0.7), std::log(1 + std::exp(0.7)));
    EXPECT_DOUBLE_EQ(Activation::fromName("sigmoid").value(-0.7), 1 / (1 + std::exp(0.7)));
    EXPECT_DOUBLE_EQ(Activation::fromName("relu6").value(9.0), 6.0);
    // The tanh form of gelu at 1, which differs from the exact form (0.8413447) in the fourth digit.
    EXPECT_NEAR(Activation::fromName("gelu").value(1.0), 0.84119199, 1e-8);
}

TEST(ActivationNames, unknownOnesAreRefused) {
    for (const char* name : {"", "Tanh", "swish", "silut", "silut:", "silut:-1", "silut:0", "silut:nan", "silut:3x"}) {
        try {
            Activation::fromName(name);
            FAIL() << "'" << name << "' was accepted";
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("is unknown; use one of linear, tanh"), std::string::npos);
        }
    }
}

}  // namespace
