// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Which thread evaluates which atoms.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "fast/WorkDivision.h"
#include "support/RandomModel.h"

namespace lps::fast {
namespace {

using testing::makeRandomConfiguration;

constexpr int maxRows = 48, blockRows = 8;

NeighborList makeList(const std::vector<int>& types) {
    Configuration structure = makeRandomConfiguration(static_cast<int>(types.size()), 3,
                                                      {Vector3{40, 0, 0}, Vector3{0, 40, 0}, Vector3{0, 0, 40}}, 1);
    NeighborList list(3.0, 0.5, 3);
    ThreadExecutor executor(1);
    list.update(structure.positions.data(), types.data(), static_cast<int>(types.size()), &*structure.box, executor);
    return list;
}

/** So many atoms of types 0, 1 and 2, mixed. */
std::vector<int> makeTypes(std::vector<int> counts) {
    std::vector<int> types;
    while (std::accumulate(counts.begin(), counts.end(), 0) > 0)
        for (int type = 0; type < 3; type++)
            if (counts[type]-- > 0)
                types.push_back(type);
            else
                counts[type] = 0;
    return types;
}

/** Atoms of each type that a thread evaluates. */
std::map<int, int> countByType(const WorkDivision& division, int thread) {
    std::map<int, int> counts;
    for (const Tile& tile : division.getTiles(thread))
        counts[tile.type] += tile.count;
    return counts;
}

TEST(WorkDivision, CoversEveryComputedAtomOnceInTilesOfOneType) {
    const NeighborList list = makeList(makeTypes({500, 70, 13}));
    for (int threads : {1, 2, 3, 7, 64}) {
        const WorkDivision division(list, {true, false, true}, threads, maxRows, blockRows);
        std::vector<int> visits(list.getNumAtoms(), 0);
        for (int thread = 0; thread < threads; thread++)
            for (const Tile& tile : division.getTiles(thread)) {
                EXPECT_GT(tile.count, 0);
                EXPECT_LE(tile.count, maxRows);
                for (int i = tile.begin; i < tile.begin + tile.count; i++) {
                    visits[division.getAtoms()[i]]++;
                    EXPECT_EQ(list.getTypes()[division.getAtoms()[i]], tile.type);
                }
            }
        for (int i = 0; i < list.getNumAtoms(); i++)
            EXPECT_EQ(visits[i], list.getTypes()[i] == 1 ? 0 : 1);
    }
}

TEST(WorkDivision, SharesTypesWithManyAtoms) {
    const NeighborList list = makeList(makeTypes({720, 240, 960}));
    const WorkDivision division(list, {true, true, true}, 2, maxRows, blockRows);
    for (int thread = 0; thread < 2; thread++)
        EXPECT_EQ(countByType(division, thread), (std::map<int, int>{{0, 360}, {1, 120}, {2, 480}}));
}

TEST(WorkDivision, CutsTypesWithFewAtomsAsSeldomAsPossible) {
    const NeighborList list = makeList(makeTypes({48, 16, 64}));
    const WorkDivision division(list, {true, true, true}, 2, maxRows, blockRows);
    EXPECT_EQ(countByType(division, 0), (std::map<int, int>{{0, 48}, {1, 16}}));
    EXPECT_EQ(countByType(division, 1), (std::map<int, int>{{2, 64}}));
}

TEST(WorkDivision, FollowsTheCallersOrder) {
    const NeighborList list = makeList(makeTypes({30, 30, 30}));
    const WorkDivision division(list, {true, true, true}, 2, maxRows, blockRows);
    std::vector<int> last(3, -1);
    for (int atom : division.getAtoms()) {
        int& before = last[list.getTypes()[atom]];
        EXPECT_GT(list.getOrder()[atom], before);
        before = list.getOrder()[atom];
    }
}

}  // namespace
}  // namespace lps::fast
