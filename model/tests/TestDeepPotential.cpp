// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "lps/Error.h"
#include "support/RandomModel.h"

using namespace lps;
using namespace lps::testing;

namespace {

std::string faultOf(const std::function<void(DeepPotentialData&)>& change) {
    DeepPotentialData data = makeRandomModelData();
    change(data);
    try {
        DeepPotential model(std::move(data));
        return "accepted";
    } catch (const Error& error) {
        return error.what();
    }
}

void expectFault(const std::function<void(DeepPotentialData&)>& change, const std::string& wording) {
    const std::string fault = faultOf(change);
    EXPECT_NE(fault.find(wording), std::string::npos) << fault;
}

TEST(DeepPotential, acceptsAGoodModel) {
    const DeepPotential model(makeRandomModelData());
    EXPECT_EQ(model.getNumTypes(), 3);
    EXPECT_EQ(model.getEmbeddingWidth(), 16);
    EXPECT_EQ(model.getDescriptorLength(), 64);
    EXPECT_EQ(model.getTypeIndex("S"), 2);
    EXPECT_FALSE(model.isCompressed());
    // 9 embeddings 1-4-8-16 with biases; 3 fittings 64-12-12-12-1 with biases and two time steps of 12.
    EXPECT_EQ(model.getNumParameters(), 9 * (8 + 40 + 144) + 3 * (64 * 12 + 12 + 2 * (144 + 12 + 12) + 13));
}

TEST(DeepPotential, namesEveryFault) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    expectFault([](auto& d) { d.typeNames[1] = "Li"; }, "type 'Li' occurs twice");
    expectFault([](auto& d) { d.switchStart = d.cutoff; }, "rcut_smth is 4, but must be at least 0 and below rcut");
    expectFault([&](auto& d) { d.cutoff = nan; }, "rcut is nan");
    expectFault([](auto& d) { d.slots.pop_back(); }, "sel has 2 entries instead of 3");
    expectFault([](auto& d) { d.normalizer = 0; }, "normalizer is 0, but must be positive");
    expectFault([](auto& d) { d.stddev[1][0] = 0; }, "a standard deviation of the environment is 0");
    expectFault([](auto& d) { d.stddev[1][2] = 0.5; }, "not be rotationally invariant");
    expectFault([](auto& d) { d.mean[1][2] = 0.5; }, "not be rotationally invariant");
    expectFault([](auto& d) { d.axisWidth = 17; }, "axis_neuron is 17");
    expectFault([](auto& d) { d.atomExclusions = {3}; }, "an entry of atom_exclude_types is 3");
    expectFault([](auto& d) { d.descriptorExclusions = {{0, -1}}; }, "an entry of exclude_types is -1");
    expectFault([](auto& d) { d.embeddings[4].layers[1].weight.pop_back(); }, "embedding 4, layer 1: the sizes");
    expectFault([&](auto& d) { d.fittings[2].layers[0].bias[3] = nan; },
                "the fitting network of type 2 (S), layer 0: a weight is not finite");
    expectFault([](auto& d) { d.embeddings[0].layers[2].residual = Residual::Identity; },
                "an identity residual needs equal widths");
    expectFault([](auto& d) { d.embeddings[5] = {}; }, "the embedding of center 1 (P) and neighbor 2 (S) is missing");
    expectFault([](auto& d) { d.fittings[0] = {}; }, "the fitting network of type 0 (Li) is missing");
    expectFault([](auto& d) { d.normalizer = 0, d.slots[0] = -1; }, "an entry of sel is -1");
}

TEST(DeepPotential, missingNetworksAreFineWhereUnused) {
    EXPECT_EQ(faultOf([](auto& d) {
                  d.embeddings[5] = d.embeddings[7] = {}, d.descriptorExclusions = {{1, 2}};
              }),
              "accepted");
    EXPECT_EQ(faultOf([](auto& d) { d.fittings[0] = {}, d.atomExclusions = {0}; }), "accepted");
    EXPECT_EQ(faultOf([](auto& d) { d.embeddings[1] = d.embeddings[4] = d.embeddings[7] = {}, d.slots[1] = 0; }),
              "accepted");
    // Kept padding still needs the network.
    expectFault(
        [](auto& d) {
            d.embeddings[5] = {}, d.descriptorExclusions = {{1, 2}}, d.excludedPaddingKept = true;
        },
        "is missing");
}

TEST(DeepPotential, float32CutoffsAreRounded) {
    DeepPotentialData data = makeRandomModelData();
    data.cutoff = 5.7;
    data.switchStart = 1.8;
    EXPECT_EQ(DeepPotential(data).getCutoff(), 5.7);
    data.cutoffPrecision = Precision::Float32;
    const DeepPotential model(data);
    EXPECT_EQ(model.getCutoff(), 5.699999809265137);
    EXPECT_EQ(model.getSwitchStart(), 1.7999999523162842);
    EXPECT_EQ(model.getSwitchWidth(), 3.8999998569488525);
}

TEST(DeepPotential, unknownTypesAreNamed) {
    const DeepPotential model(makeRandomModelData());
    try {
        model.getTypeIndex("Ge");
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Deep Potential: type 'Ge' is not in the model, which knows types 0 (Li), 1 (P), 2 (S); use one "
                     "of these or "
                     "another model");
    }
}

}  // namespace
