// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "lps/NeighborList.h"

namespace lps::fast {

/** Atoms of one type that are evaluated together: [begin, begin + count) of WorkDivision::getAtoms(). */
struct Tile {
    int number;  ///< among all tiles
    int type, begin, count;
    int sharers;  ///< atoms of the type in all tiles, which share one reading of its weights
};

/**
 * The tiles, and the part of them that is each thread's to begin with; it may take over others' later. Atoms are sorted
 * by type and the caller's index, and nothing else of the list decides: the atoms of a tile share rounding errors
 * (WeightMatrix), and results must not depend on when the list was built.
 *
 * Of a type with many atoms every thread takes an equal share, and all work on the same type at about the same time:
 * they then find each other's weights and tables in the cache that they have in common. Types with few atoms form one
 * sequence that is cut into one piece per thread, for a few atoms cost a thread as much reading of weights as many.
 */
class WorkDivision {
public:
    /**
     * @param isComputed [T] types whose atoms have an energy
     * @param maxRows    most atoms of a tile
     * @param blockRows  atoms that the matrix kernel takes at once; tiles are multiples of it where they can be
     */
    WorkDivision(const NeighborList& list, const std::vector<bool>& isComputed, int threads, int maxRows,
                 int blockRows);

    const std::vector<int>& getAtoms() const { return atoms; }
    const std::vector<Tile>& getTiles(int thread) const { return tiles[thread]; }
    int getNumTiles() const { return numTiles; }
    std::size_t getMemory() const;

private:
    /** All atoms of one type: [begin, end) of atoms. */
    struct Run {
        int type, begin, end;
    };

    void cutSection(const std::vector<Run>& runs);
    void cutRun(const Run& run, int begin, int end, std::vector<Tile>& work);

    const int rowLimit, rowStep;
    int numTiles = 0;
    std::vector<int> atoms;  // internal indices, by type and the caller's index
    std::vector<std::vector<Tile>> tiles;
};

}  // namespace lps::fast
