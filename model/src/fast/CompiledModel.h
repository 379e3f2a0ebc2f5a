// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <vector>

#include "fast/PackedNetwork.h"
#include "lps/EvaluationReport.h"
#include "lps/Executor.h"
#include "lps/PreparedModel.h"

namespace lps::fast {

/**
 * @file CompiledModel.h
 * A DeepPotential laid out for the kernels of one instruction set and number type. Parts are made when the types they
 * belong to first occur, because a model may know many more types than a simulation has.
 */

/** How the embedding of neighbors of one type in the environment of one center type is evaluated. */
template <typename T>
struct CompiledPair {
    enum class Kind {
        Unused,    ///< neighbors add nothing
        Table,     ///< radial table, networks below its start
        Networks,  ///< networks for every neighbor
        OwnTable   ///< the table of a compressed model
    };
    Kind kind = Kind::Unused;
    bool countsSlots = false;
    int slots = 0;
    const typename Kernels<T>::Table* kernels = nullptr;  ///< for rows like this pair's; null if Unused
    std::size_t rowSize = 0;
    AlignedBuffer<T> coefficients;  ///< Table, OwnTable: [rows] as Kernels::Table says, divided by N_m
    std::vector<T> padding;         ///< [padded M1] g(s0) s0 / N_m of an empty slot; empty: zero
    std::vector<PackedLayer<T>> networks;
    const EmbeddingTable* ownTable = nullptr;
};

/** The fitting network of a center type, with its first layer in the folded layout of the descriptor. */
template <typename T>
struct CompiledCenter {
    bool ready = false;
    EnvironmentParameters<T> parameters{};
    RadialGrid grid;         ///< common to the tables of all neighbor types
    AlignedBuffer<T> cells;  ///< [3][cells] what parameters point to
    std::vector<PackedLayer<T>> hidden;
    AlignedBuffer<T> outputWeight;  ///< last layer, [padded]
    double outputBias = 0.0;
    double outputTimestep = 1.0;
    Activation outputActivation;
    bool outputResidual = false;  ///< adds its single input
    double constant = 0.0;        ///< eV: bias and vacuum energy
};

template <typename T>
class CompiledModel {
public:
    CompiledModel(std::shared_ptr<const DeepPotential> potential, const Kernels<T>& vectorKernels, bool tabulate);

    /** Make what centers and neighbors of these types need. @param present [T] */
    void prepare(const std::vector<bool>& present, Executor& executor);

    const CompiledPair<T>& getPair(int center, int neighbor) const { return pairs[center * numTypes + neighbor]; }
    const CompiledCenter<T>& getCenter(int type) const { return centers[type]; }
    std::size_t getMemory() const;

    const std::shared_ptr<const DeepPotential> model;
    const PreparedModel prepared;
    const Kernels<T>& kernels;
    const int numTypes;
    const int width;               ///< M1
    const int padded;              ///< M1 rounded up to whole vectors
    const int axis;                ///< M2
    const int folded;              ///< length of the folded descriptor
    std::vector<int> foldedIndex;  ///< [M1 M2] index of descriptor element m M2 + n in the folded layout
    std::vector<TableReport> reports;

private:
    /** A table to be made. */
    struct Plan {
        int center, neighbor;
        RadialPlan radial;
    };
    std::vector<Plan> findNewTables(const std::vector<bool>& present);
    void shareGrids(std::vector<Plan>& plans);
    void compileCenter(int center);
    void setGrid(int center);
    void compilePair(int center, int neighbor);
    void setKind(CompiledPair<T>& pair, typename CompiledPair<T>::Kind kind) const;
    void fillCoefficients(CompiledPair<T>& pair, int rows, const std::vector<double>& source, bool channelsFirst);

    std::vector<CompiledCenter<T>> centers;
    std::vector<CompiledPair<T>> pairs;
    std::vector<bool> pairReady;
};

}  // namespace lps::fast
