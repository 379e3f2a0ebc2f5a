// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lps/Evaluator.h"
#include "lps/ModelFile.h"
#include "support/GoldenData.h"

using namespace lps;
using namespace lps::testing;

namespace {

class GoldenTest : public ::testing::TestWithParam<std::string> {};

/** The numerical contract of the reference evaluator, and what float32 arithmetic in DeePMD-kit itself leaves. */
struct Tolerance {
    double energyPerAtom, force, virial;
};
constexpr Tolerance strictTolerance = {1e-10, 1e-9, 1e-8};
constexpr Tolerance float32Tolerance = {2e-6, 2e-5, 2e-4};

TEST_P(GoldenTest, referenceMatchesDeepmdKit) {
    const GoldenFixture fixture = loadGoldenFixture(LPS_GOLDEN_DIR, GetParam());
    const Tolerance& tolerance = fixture.strict ? strictTolerance : float32Tolerance;
    const auto model = std::make_shared<const DeepPotential>(parseModel(readFileBytes(fixture.modelPath), GetParam()));
    const ReferenceEvaluator evaluator(model);
    ASSERT_FALSE(fixture.structures.empty());
    Tolerance largest = {0, 0, 0};
    for (const GoldenStructure& structure : fixture.structures) {
        const Evaluation result = evaluator.evaluate(structure.configuration);
        const Evaluation& expected = structure.expected;
        const std::size_t numAtoms = structure.configuration.positions.size();
        ASSERT_EQ(expected.forces.size(), numAtoms);
        ASSERT_EQ(expected.atomEnergies.size(), numAtoms);
        const double energyError = std::fabs(result.energy - expected.energy) / numAtoms;
        EXPECT_LE(energyError, tolerance.energyPerAtom) << structure.name;
        largest.energyPerAtom = std::max(largest.energyPerAtom, energyError);
        for (std::size_t i = 0; i < numAtoms; i++) {
            EXPECT_NEAR(result.atomEnergies[i], expected.atomEnergies[i], 10 * tolerance.energyPerAtom)
                << structure.name;
            for (int d = 0; d < 3; d++) {
                EXPECT_NEAR(result.forces[i][d], expected.forces[i][d], tolerance.force)
                    << structure.name << ", atom " << i;
                largest.force = std::max(largest.force, std::fabs(result.forces[i][d] - expected.forces[i][d]));
            }
        }
        for (int d = 0; d < 3; d++)
            for (int e = 0; e < 3; e++) {
                EXPECT_NEAR(result.virial[d][e], expected.virial[d][e], tolerance.virial) << structure.name;
                largest.virial = std::max(largest.virial, std::fabs(result.virial[d][e] - expected.virial[d][e]));
            }
    }
    RecordProperty("largestErrorEnergyPerAtom", std::to_string(largest.energyPerAtom));
    std::printf("%-40s dE %.1e eV/atom  dF %.1e eV/A  dW %.1e eV\n", GetParam().c_str(), largest.energyPerAtom,
                largest.force, largest.virial);
}

std::string testName(const ::testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest, ::testing::ValuesIn(listGoldenFixtures(LPS_GOLDEN_DIR)), testName);

}  // namespace
