// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestAccuracy.cpp  Energies, forces and virials against the reference evaluator, and against DeePMD-kit. */

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "lps/Units.h"
#include "support/ExpectMatches.h"
#include "support/GoldenData.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;

namespace {

TEST(Accuracy, cells) {
    const LPSModel model = makeModel();
    for (const lps::Matrix3& cell : {cells::cubic, cells::triclinic, cells::tiny})
        expectMatchesReference(makeBulk(model, cell));
}

TEST(Accuracy, cellsOfFiveAngstrom) {
    RandomModelOptions options;
    options.cutoff = 6.0;
    const LPSModel model = makeModel(options);
    constexpr lps::Matrix3 cubic = {lps::Vector3{5.0, 0, 0}, {0, 5.0, 0}, {0, 0, 5.0}};
    constexpr lps::Matrix3 triclinic = {lps::Vector3{5.0, 0, 0}, {2.0, 4.6, 0}, {-2.4, 1.9, 4.0}};
    expectMatchesReference(makeBulk(model, cubic));
    expectMatchesReference(makeBulk(model, triclinic));
}

TEST(Accuracy, oneAtom) {
    if (TestPlatform::get().isPocl())
        GTEST_SKIP() << "OpenMM crashes for one particle on PoCL; Devices.oneAtomPerCellBesideOthers stands in";
    lps::Configuration configuration;
    configuration.positions = {{0.3, -5.0, 12.0}};
    configuration.types = {2};
    expectMatchesReference(makeSystem(makeModel(), configuration));
    configuration.box = lps::Box(cells::tiny);
    expectMatchesReference(makeSystem(makeModel(), configuration));
}

TEST(Accuracy, slabWithVacuum) {
    const LPSModel model = makeModel();
    TestSystem bulk = makeBulk(model, cells::cubic);
    lps::Configuration slab = bulk.configuration;
    slab.box = lps::Box({lps::Vector3{10.0, 0, 0}, {0, 10.0, 0}, {0, 0, 40.0}});
    expectMatchesReference(makeSystem(model, slab));
}

TEST(Accuracy, isolatedCluster) {
    const LPSModel model = makeModel();
    expectMatchesReference(makeSystem(model, lps::testing::makeCluster(20, 3, 8.0, 11)));
}

TEST(Accuracy, atomsOutsideTheCell) {
    const LPSModel model = makeModel();
    lps::Configuration configuration = makeBulk(model, cells::triclinic).configuration;
    for (std::size_t i = 0; i < configuration.positions.size(); i++)
        for (int d = 0; d < 3; d++)
            configuration.positions[i][d] += (int(i) % 5 - 2) * cells::triclinic[i % 3][d];
    expectMatchesReference(makeSystem(model, configuration));
}

TEST(Accuracy, oneSidedModelWithOtherWidths) {
    RandomModelOptions options;
    options.typeOneSide = true;
    options.embeddingWidths = {5, 9, 9};
    options.fittingWidths = {7, 11};
    options.axisWidth = 3;
    options.fittingTimestep = false;
    const LPSModel model = makeModel(options);
    expectMatchesReference(makeBulk(model, cells::triclinic));
}

TEST(Accuracy, sameNumbersWithoutTables) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::cubic);
    system.force->setUseTables(false);
    expectMatchesReference(system);
}

/** The same lattice from other cell vectors, those that OpenMM asks for. The cell is lower triangular already. */
lps::Configuration inReducedForm(lps::Configuration configuration) {
    if (!configuration.box)
        return configuration;
    lps::Matrix3 cell = configuration.box->getVectors();
    const auto subtract = [&](int row, int other) {
        const double count = std::round(cell[row][other] / cell[other][other]);
        for (int d = 0; d < 3; d++)
            cell[row][d] -= count * cell[other][d];
    };
    subtract(2, 1);
    subtract(2, 0);
    subtract(1, 0);
    configuration.box = lps::Box(cell);
    return configuration;
}

/** Where the fixtures are; LPS_TEST_GOLDEN says so on a machine to which the tests were copied. */
std::string getGoldenFolder() {
    const char* moved = std::getenv("LPS_TEST_GOLDEN");
    return moved != nullptr ? moved : LPS_GOLDEN_DIR;
}

class Golden : public ::testing::TestWithParam<std::string> {};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Golden);

TEST_P(Golden, matchesReferenceAndDeepmdKit) {
    const lps::testing::GoldenFixture fixture = lps::testing::loadGoldenFixture(getGoldenFolder(), GetParam());
    const LPSModel model(fixture.modelPath);
    ASSERT_FALSE(fixture.structures.empty());
    for (const lps::testing::GoldenStructure& structure : fixture.structures) {
        SCOPED_TRACE(structure.name);
        const TestSystem system = makeSystem(model, inReducedForm(structure.configuration));
        TestContext context(system);
        expectMatches(*context, *system.force, evaluateReference(model, system.configuration));
        // DeePMD-kit's own numbers, as far as the fixture is float64 arithmetic throughout.
        if (fixture.strict) {
            EXPECT_NEAR(context.getEnergy(), structure.expected.energy * lps::kilojoulesPerMolePerElectronvolt,
                        TestPlatform::get().getTolerance().energyPerAtom * system.positions.size());
        }
    }
}

std::string testName(const ::testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    for (char& c : name)
        c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    return name;
}

INSTANTIATE_TEST_SUITE_P(All, Golden, ::testing::ValuesIn(lps::testing::listGoldenFixtures(getGoldenFolder())),
                         testName);

}  // namespace
