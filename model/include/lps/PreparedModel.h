// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <memory>
#include <vector>

#include "lps/DeepPotential.h"
#include "lps/RadialTable.h"

namespace lps {

/**
 * What the evaluators of processors and GPUs prepare of a model alike, in double, before each lays it out in its own
 * way: which embeddings become radial tables and how accurate these are, padding, constants. Nothing is kept, so every
 * result is made when it is asked for. Thread safe. Units: angstrom, electronvolt.
 */
class PreparedModel {
public:
    /**
     * @param precision  of the evaluation, which decides how accurate tables have to be
     * @param degree     of the tables
     * @param useTables  false: no embedding is tabulated
     */
    PreparedModel(std::shared_ptr<const DeepPotential> potential, Precision precision, TableDegree degree,
                  bool useTables);

    const DeepPotential& getPotential() const { return *model; }

    /**
     * Largest error of a table as a fraction of the largest value. In single precision it leaves no trace in the
     * results, in double it is a tenth of what the numerical contract allows; for trained models no table is much
     * better.
     */
    double getTableTolerance() const { return precision == Precision::Float32 ? 1e-6 : 1e-9; }

    /**
     * Whether the embedding of a pair of types is to be tabulated: tables are wanted, the model has none of its own,
     * and no activation has a jump in its first or second derivative, which no polynomial can follow.
     */
    bool canTabulate(int center, int neighbor) const;

    /** The grid that the tolerance asks for. planRadialTable() says more. */
    RadialPlan planTable(int center, int neighbor) const;

    /** The table on a grid. */
    RadialTable makeTable(int center, int neighbor, const RadialGrid& grid) const;

    /** [8] the mean of each component of an environment row, then the inverse of each standard deviation. */
    std::array<double, 8> getEnvironmentConstants(int center) const;

    /**
     * What an empty slot adds to the contracted environment, g(s0) s0.
     *
     * @return [M1], not divided by the normalizer; empty where padding adds nothing
     */
    std::vector<double> getPadding(int center, int neighbor) const;

    /**
     * The first fitting layer of a center, for a descriptor in which equal elements are one input: the weights of such
     * elements are added up.
     *
     * @param inputs     [M1 M2] input of each element
     * @param numInputs  number of inputs
     */
    Layer foldFirstLayer(int center, const std::vector<int>& inputs, int numInputs) const;

    /** Energy in eV that every atom of a type has: bias, less the energy in vacuum where the model subtracts it. */
    double getConstantEnergy(int center) const;

private:
    const std::shared_ptr<const DeepPotential> model;
    const Precision precision;
    const TableDegree degree;
    const bool useTables;
};

}  // namespace lps
