// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "lps/Box.h"
#include "lps/Executor.h"
#include "lps/Vector3.h"

namespace lps {

/**
 * @file NeighborList.h
 * Full neighbor list with explicit periodic images, kept valid between steps by a skin.
 * Units: angstrom.  Shapes: row-major, written [n].  Sign: x = r_neighbor - r_center.
 *
 * Atoms live in an internal order that follows a space-filling curve; after the n atoms come "ghosts", copies of atoms
 * displaced by whole cell vectors, so that a neighbor is just an index and a cell may be smaller than the cutoff.
 * Neighbors of an atom are grouped by type, and within a group ordered by the caller's index and by image.
 *
 * A list built with cutoff + skin serves as long as no pair outside it can have come within the cutoff. With the cell
 * changed from H0 to H, F = H0^-1 H, and u the displacement of an atom from its built position carried along by F, a
 * pair left out at build time is now at least  sigma_min(F) (cutoff + skin) - 2 max|u|  apart, and sigma_min(F) >= 1 -
 * |F - I|. That bound decides, so volume moves of a barostat rarely cost a rebuild. Atoms that jump by whole cell
 * vectors do not count as moved.
 *
 * Positions and cell vectors are rounded to multiples of 2^-40 angstrom, which makes displacements between images
 * exact. So the neighbors within the cutoff, their order and their displacements follow from the positions alone: when
 * the list was built, and which image of an atom it holds, makes no difference to a single bit. A simulation that is
 * resumed with a new list continues as it would have with the old one.
 *
 * Threads: update() is exclusive, reading is shared. Contents do not depend on the number of threads.
 */
class NeighborList {
public:
    /**
     * @param cutoff   angstrom, positive
     * @param skin     angstrom, not negative; 0 rebuilds at every change
     * @param numTypes T
     * @throws Error for values out of range
     */
    NeighborList(double cutoff, double skin, int numTypes);

    /**
     * Take new positions; rebuild where needed.
     * @param positions [numAtoms], angstrom, need not lie inside the box
     * @param types     [numAtoms], 0 .. T-1
     * @param box       null: not periodic
     * @return whether the list was rebuilt
     * @throws Error naming the first atom whose position is not finite or whose type is out of range
     */
    bool update(const Vector3* positions, const int* types, int numAtoms, const Box* box, Executor& executor);

    /**
     * Take positions, types and neighbors that another program has found (such as an engine with domain decomposition).
     * Atoms keep their order; numAtoms centers come first, then numTotal - numAtoms ghosts. Neighbors beyond the cutoff
     * may be listed.
     * @param positions [numTotal], angstrom
     * @param types     [numTotal], 0 .. T-1; noType: an atom that the model does not know, neither center nor neighbor
     * @param counts [numAtoms] number of neighbors, not read for atoms of no type; likewise lists
     * @param lists  [numAtoms][counts] neighbor indices, 0 .. numTotal - 1
     * @param keep   the neighbors and types are those of the last call, which succeeded; only positions changed, and
     * types, counts and lists are not read
     * @param indexMask bits of an entry of a list that are the index; engines mark pairs with the others
     * @throws Error naming the atom at fault
     */
    void take(const Vector3* positions, const int* types, int numAtoms, int numTotal, const int* counts,
              const int* const* lists, bool keep, Executor& executor, int indexMask = -1);

    /** The type of atoms given to take() that the model does not know. */
    static constexpr int noType = -1;

    /** Forget everything, so that the next update() builds. */
    void invalidate() { built = false; }

    /** Angstrom. */
    double getCutoff() const { return cutoff; }
    /** Angstrom. */
    double getSkin() const { return skin; }
    /** T */
    int getNumTypes() const { return numTypes; }
    /** Centers: atoms without ghosts. */
    int getNumAtoms() const { return numAtoms; }

    /** Atoms and ghosts. */
    int getNumTotal() const { return numTotal; }

    /** [numTotal][4]: x, y, z (angstrom), 0 in internal order, rounded unless they came by take(). */
    const double* getPositions() const { return positions.data(); }

    /** [numTotal] in internal order. */
    const int* getTypes() const { return types.data(); }

    /** [numAtoms] internal index to the caller's. */
    const int* getOrder() const { return order.data(); }

    /** [numTotal - numAtoms] internal index of the atom that a ghost copies; empty after take(). */
    const std::vector<int>& getGhostOwners() const { return ghostOwners; }

    /** [getNumNeighbors(atom)] internal indices of the neighbors of an internal atom, grouped by type. */
    const int* getNeighbors(int atom) const { return lists[atom]; }

    /** [T] end of each type's group within getNeighbors(atom). */
    const int* getGroupEnds(int atom) const { return groupEnds.data() + static_cast<std::size_t>(atom) * numTypes; }

    /** Number of neighbors listed for an internal atom, skin included. */
    int getNumNeighbors(int atom) const { return getGroupEnds(atom)[numTypes - 1]; }

    /** How often update() and take() have made a list. */
    long long getNumBuilds() const { return numBuilds; }

    /** Bytes held. */
    std::size_t getMemory() const;

private:
    struct Frame {
        Matrix3 vectors;  ///< rows
        Matrix3 inverse;  ///< fractional = (x - origin) * inverse
        Vector3 origin;
        Vector3 faceDistances;
        bool periodic;
    };
    struct Grid;

    Frame makeFrame(const Vector3* positions, const Box* box) const;
    bool refresh(const Vector3* positions, const Frame& frame, Executor& executor);
    void build(const Vector3* positions, const int* types, const Frame& frame, Executor& executor);
    void makeGhosts(const Frame& frame);
    void rankAtoms(Grid& grid) const;
    void placeGhosts(const Frame& frame, int begin, int end);
    void search(const Grid& grid, int begin, int end, std::vector<int>& found);
    void setLists(Executor& executor);
    void takeLists(const int* counts, const int* const* newLists, int indexMask, Executor& executor);

    double cutoff, skin;
    int numTypes;
    bool built = false;  // by update()
    bool taken = false;  // by take(), completely
    int numAtoms = 0, numTotal = 0;
    Frame builtFrame{};
    std::vector<double> positions;        // [numTotal][4]
    std::vector<double> builtFractional;  // [numAtoms][3]
    std::vector<int> types, order, inputTypes, ghostOwners;
    std::vector<std::int16_t> ghostShifts;  // [ghosts][3]
    std::vector<int> groupEnds;             // [numAtoms][T]
    std::vector<const int*> lists;          // [numAtoms]
    std::vector<std::vector<int>> found;    // per thread
    std::vector<int> chunks;                // [threads + 1] first atom of each thread's part of found
    long long numBuilds = 0;
};

}  // namespace lps
