// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "support/EvaluatorCases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "reference/NetworkEvaluation.h"
#include "support/RandomModel.h"

namespace lps::testing {

Matrix3 cube(double size) {
    return {Vector3{size, 0, 0}, Vector3{0, size, 0}, Vector3{0, 0, size}};
}
const Matrix3 triclinic = {Vector3{3.1, 0.0, 0.0}, Vector3{1.2, 2.9, 0.0}, Vector3{-0.8, 1.1, 3.3}};

std::shared_ptr<const DeepPotential> makeModel(const DeepPotentialData& data) {
    return std::make_shared<const DeepPotential>(data);
}

namespace {

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

}  // namespace

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
    ASSERT_EQ(actual.atomVirials.size(), expected.atomVirials.size());
    double worstVirial = 0.0;
    for (std::size_t i = 0; i < expected.atomVirials.size(); i++)
        for (int d = 0; d < 3; d++)
            for (int e = 0; e < 3; e++)
                worstVirial =
                    std::max(worstVirial, std::fabs(actual.atomVirials[i][d][e] - expected.atomVirials[i][d][e]));
    EXPECT_LE(worstVirial, tolerance * forceScale * 40.0);
    if (actual.features.empty())
        return;  // not asked for
    ASSERT_EQ(actual.features.size(), expected.features.size());
    double worstFeature = 0.0;
    for (std::size_t i = 0; i < expected.features.size(); i++)
        worstFeature = std::max(worstFeature, std::fabs(actual.features[i] - expected.features[i]));
    EXPECT_LE(worstFeature, tolerance * energyScale * 10.0);
}

}  // namespace lps::testing
