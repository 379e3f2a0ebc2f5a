// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <vector>

#include "fast/CompiledModel.h"
#include "fast/DirectRows.h"
#include "fast/StageClock.h"
#include "fast/TileFitting.h"
#include "fast/WorkDivision.h"
#include "lps/NeighborList.h"

namespace lps::fast {

/** What a thread adds up over its tiles. */
struct PartialResult {
    std::vector<double>* atomEnergies = nullptr;  ///< by the caller's index
    std::vector<double>* features = nullptr;      ///< [numAtoms][featureWidth] likewise; null: none
    double* forces = nullptr;                     ///< [numTotal][4] in internal order, this thread's own; null: none
    double* atomVirials = nullptr;                ///< [numTotal][9] likewise
    bool wantsVirial = false;
    Matrix3 virial{};
};

/**
 * Evaluates tiles: runs of atoms of one type, whose descriptors are the rows of one matrix product. One per thread.
 *
 * Each stage goes over the whole tile: environment, descriptor matrix A, folded descriptor D; fitting network forward
 * and back; dE/dA, and the forces on the neighbors of every atom. Embeddings are never stored: the way back evaluates
 * the tables again.
 */
template <typename T>
class TileEvaluator {
public:
    /** What a tile writes then just fits the second level cache; fewer rows would read the weights too often. */
    static constexpr int maxRows = sizeof(T) == 4 ? 48 : 24;

    explicit TileEvaluator(const CompiledModel<T>& compiledModel);

    /** @param allAtoms internal indices, of which the tile is a part of at most maxRows */
    void evaluate(const NeighborList& list, const Tile& tile, const std::vector<int>& allAtoms, PartialResult& result);

    std::size_t getMemory() const;

    StageClock clock;

private:
    /** Neighbors of one atom within the cutoff, grouped by type; a slice of the tile's arrays. */
    struct AtomPairs {
        int count;
        PairFields<T> fields;
    };

    PairFields<T> takeFields(int capacity);
    static void fetchNeighbors(const NeighborList& list, int atom);
    void gather(const NeighborList& list, int center, int atom, int row);
    void locateRows(int center, int row, const PairFields<T>& fields);
    void addPadding(int center, T* a) const;
    template <typename Work>
    void sweep(int center, int count, const Work& work);
    void addForces(int center, int atom, const AtomPairs& pairs, PartialResult& result);
    void checkCloseness(const NeighborList& list, int atom, int neighbor) const;

    const CompiledModel<T>& model;
    const Kernels<T>& kernels;
    const int types, padded;
    const std::size_t rowLd;  ///< of D

    AlignedBuffer<T> A, D, G, pairData;
    DirectRows<T> directRows;
    TileFitting<T> fitting;
    std::array<double, maxRows> energies;
    std::vector<double> features;      // [maxRows][featureWidth] where they are wanted
    std::vector<AtomPairs> atomPairs;  // [maxRows]
    std::vector<int> groupEnds;        // [maxRows][T] ends of type groups among the pairs
    std::vector<int> counts;           // [T] neighbors within the cutoff, unused ones included
    std::vector<const T*> rowPointers;
    std::vector<int> pairIndices;
    std::size_t usedPairs = 0;
};

}  // namespace lps::fast
