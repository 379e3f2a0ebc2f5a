// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "lps/DeepPotential.h"

namespace lps {

/**
 * @file RadialTable.h
 * The embedding of one (center type, neighbor type) tabulated over the distance: piecewise polynomials that agree with
 * the networks in value and two derivatives at every grid point, so forces stay continuous; those of degree seven also
 * in value and slope half-way between. The two branches of the switch are interpolated apart, because its third
 * derivative jumps where they meet. Units: angstrom.
 */

/** Of the polynomials; the value is the number of coefficients. */
enum class TableDegree { Quintic = 6, Septic = 8 };

/**
 * Grid of distances. Cells follow the floating-point format: every octave [2^e, 2^(e+1)) has 16 of equal width, so the
 * number of a cell is a bit field of r. Each cell is cut into as many equal intervals as its accuracy needs.
 */
struct RadialGrid {
    static constexpr double start = 0.5;      ///< angstrom; nearer neighbors are evaluated by the networks
    static constexpr int startExponent = -1;  ///< 2^startExponent = start
    static constexpr int cellBits = 4;        ///< log2 of the cells per octave

    std::vector<int> intervals;  ///< per cell

    int getNumCells() const { return static_cast<int>(intervals.size()); }

    /** Lower end of a cell, angstrom. */
    static double getCellStart(int cell);

    /** Of all cells together. */
    int getNumIntervals() const;

    /** Make this grid at least as fine as another in every cell. @return whether it changed */
    bool refine(const RadialGrid& other);

    /** The interval that r_s = switchStart (angstrom) lies in; -1: none, r_s is a grid point or not on the grid. */
    int findSplit(double switchStart) const;
};

struct RadialTable {
    RadialGrid grid;
    int rows = 0;
    int numCoefficients = 0;           ///< per channel and row
    std::vector<double> coefficients;  ///< [rows][numCoefficients][M1], ascending powers of t in [0, 1), the position
                                       ///< within the interval. One more row at the end serves the interval of
                                       ///< grid.findSplit() beyond r_s.
};

/** What a grid needs for one (center type, neighbor type). */
struct RadialPlan {
    RadialGrid grid;
    double valueError = 0.0;       ///< largest error seen, as a fraction of the largest |g|
    double derivativeError = 0.0;  ///< likewise for dg/dr
    /** Whether both are within the tolerance; never where the cutoff is below RadialGrid::start. */
    bool accurate = false;
};

/**
 * Find for every cell the fewest intervals (1, 2, 4 ...) whose errors, measured against the networks between grid
 * points, are within the tolerance.
 * @param center    type of the center, 0 .. T-1, as neighbor
 * @param tolerance relative; see RadialPlan::valueError
 */
RadialPlan planRadialTable(const DeepPotential& model, int center, int neighbor, TableDegree degree, double tolerance);

/** Tabulate on a grid. @param center type of the center, 0 .. T-1, as neighbor */
RadialTable makeRadialTable(const DeepPotential& model, int center, int neighbor, TableDegree degree,
                            const RadialGrid& grid);

}  // namespace lps
