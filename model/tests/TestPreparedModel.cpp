// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gtest/gtest.h>

#include "lps/PreparedModel.h"
#include "support/EvaluatorCases.h"
#include "support/RandomModel.h"

namespace lps::testing {

namespace {

PreparedModel prepare(const RandomModelOptions& options, bool useTables = true) {
    return PreparedModel(makeModel(makeRandomModelData(options)), Precision::Float64, TableDegree::Quintic, useTables);
}

TEST(PreparedModel, tablesNeedSmoothNetworks) {
    RandomModelOptions options;
    EXPECT_TRUE(prepare(options).canTabulate(0, 1));
    EXPECT_FALSE(prepare(options, false).canTabulate(0, 1));
    options.embeddingActivation = "relu";
    EXPECT_FALSE(prepare(options).canTabulate(0, 1));
}

TEST(PreparedModel, paddingOfModelsWithAMean) {
    RandomModelOptions options;
    EXPECT_EQ(prepare(options).getPadding(2, 1).size(), 16u);
    options.zeroMean = true;
    EXPECT_TRUE(prepare(options).getPadding(2, 1).empty());
}

TEST(PreparedModel, foldedLayerGivesTheSameSums) {
    RandomModelOptions options;
    options.embeddingWidths = {2};
    options.axisWidth = 2;
    const PreparedModel model = prepare(options);
    const Layer& layer = model.getPotential().getData().fittings[0].layers[0];
    const Layer folded = model.foldFirstLayer(0, {0, 1, 1, 2}, 3);
    ASSERT_EQ(folded.inputs, 3);
    const int n = layer.outputs;
    for (int o = 0; o < n; o++) {
        EXPECT_EQ(folded.weight[o], layer.weight[o]);
        EXPECT_EQ(folded.weight[n + o], layer.weight[n + o] + layer.weight[2 * n + o]);
        EXPECT_EQ(folded.weight[2 * n + o], layer.weight[3 * n + o]);
    }
}

}  // namespace

}  // namespace lps::testing
