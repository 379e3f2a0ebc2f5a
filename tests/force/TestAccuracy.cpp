// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestAccuracy.cpp  Energies, forces and virials against the reference evaluator, and against DeePMD-kit. */

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "lps/Units.h"
#include "support/Compare.h"
#include "support/GoldenData.h"
#include "support/TestPlatform.h"
#include "support/TestSystem.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;

namespace {

/** @return the energy on the platform, in kJ/mol */
double expectMatchesReference(const LPSModel& model, const TestSystem& system) {
    const Expected expected = evaluateReference(model, system.configuration);
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    const std::size_t numAtoms = system.positions.size();
    TestContext context(system);
    const double energy = context.getEnergy();
    EXPECT_NEAR(energy, expected.energy, tolerance.energyPerAtom * numAtoms);
    EXPECT_LE(largestDifference(context.getForces(), expected.forces), tolerance.force);
    EXPECT_LE(largestDifference(system.force->computeParticleEnergies(*context), expected.particleEnergies),
              10 * tolerance.energyPerAtom);
    EXPECT_LE(largestDifference(system.force->computeVirial(*context), expected.virial), tolerance.virial);
    return energy;
}

TEST(Accuracy, cubicCell) {
    const LPSModel model = makeModel();
    expectMatchesReference(model, makeBulk(model, cells::cubic));
}

TEST(Accuracy, triclinicCell) {
    const LPSModel model = makeModel();
    expectMatchesReference(model, makeBulk(model, cells::triclinic));
}

TEST(Accuracy, cellSmallerThanCutoff) {
    const LPSModel model = makeModel();
    expectMatchesReference(model, makeBulk(model, cells::tiny));
}

TEST(Accuracy, cellsOfFiveAngstrom) {
    RandomModelOptions options;
    options.cutoff = 6.0;
    const LPSModel model = makeModel(options);
    constexpr lps::Matrix3 cubic = {lps::Vector3{5.0, 0, 0}, {0, 5.0, 0}, {0, 0, 5.0}};
    constexpr lps::Matrix3 triclinic = {lps::Vector3{5.0, 0, 0}, {2.0, 4.6, 0}, {-2.4, 1.9, 4.0}};
    expectMatchesReference(model, makeBulk(model, cubic));
    expectMatchesReference(model, makeBulk(model, triclinic));
}

TEST(Accuracy, oneAtomPerCell) {
    if (TestPlatform::get().isPocl())
        GTEST_SKIP() << "OpenMM crashes for one particle on PoCL; Devices.oneAtomPerCellBesideOthers stands in";
    const LPSModel model = makeModel();
    lps::Configuration configuration;
    configuration.box = lps::Box(cells::tiny);
    configuration.positions = {{0.3, -5.0, 12.0}};
    configuration.types = {2};
    expectMatchesReference(model, makeSystem(model, configuration));
}

TEST(Accuracy, slabWithVacuum) {
    const LPSModel model = makeModel();
    TestSystem bulk = makeBulk(model, cells::cubic);
    lps::Configuration slab = bulk.configuration;
    slab.box = lps::Box({lps::Vector3{10.0, 0, 0}, {0, 10.0, 0}, {0, 0, 40.0}});
    expectMatchesReference(model, makeSystem(model, slab));
}

TEST(Accuracy, isolatedCluster) {
    const LPSModel model = makeModel();
    expectMatchesReference(model, makeSystem(model, lps::testing::makeCluster(20, 3, 8.0, 11)));
}

TEST(Accuracy, isolatedAtom) {
    if (TestPlatform::get().isPocl())
        GTEST_SKIP() << "OpenMM crashes for one particle on PoCL; Devices.oneAtomPerCellBesideOthers stands in";
    const LPSModel model = makeModel();
    lps::Configuration configuration;
    configuration.positions = {{1.0, 2.0, 3.0}};
    configuration.types = {1};
    expectMatchesReference(model, makeSystem(model, configuration));
}

TEST(Accuracy, atomsOutsideTheCell) {
    const LPSModel model = makeModel();
    lps::Configuration configuration = makeBulk(model, cells::triclinic).configuration;
    for (std::size_t i = 0; i < configuration.positions.size(); i++)
        for (int d = 0; d < 3; d++)
            configuration.positions[i][d] += (int(i) % 5 - 2) * cells::triclinic[i % 3][d];
    expectMatchesReference(model, makeSystem(model, configuration));
}

TEST(Accuracy, oneSidedModelWithOtherWidths) {
    RandomModelOptions options;
    options.typeOneSide = true;
    options.embeddingWidths = {5, 9, 9};
    options.fittingWidths = {7, 11};
    options.axisWidth = 3;
    options.fittingTimestep = false;
    const LPSModel model = makeModel(options);
    expectMatchesReference(model, makeBulk(model, cells::triclinic));
}

TEST(Accuracy, sameNumbersWithoutTables) {
    const LPSModel model = makeModel();
    const TestSystem system = makeBulk(model, cells::cubic);
    system.force->setUseTables(false);
    expectMatchesReference(model, system);
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
        const double energy = expectMatchesReference(model, system);
        // DeePMD-kit's own numbers, as far as the fixture is float64 arithmetic throughout.
        if (fixture.strict) {
            EXPECT_NEAR(energy, structure.expected.energy * lps::kilojoulesPerMolePerElectronvolt,
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
