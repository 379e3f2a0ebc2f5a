// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "lps/DeepPotential.h"

namespace lps {

/**
 * @file RadialTable.h
 * The embedding of one (center type, neighbor type) tabulated over the distance: piecewise quintic polynomials that
 * agree with the networks in value and two derivatives at every grid point, so forces stay continuous; the two branches of the switch are
 * interpolated apart, because its third derivative jumps where they meet.
 * Units: angstrom.
 *
 * The grid follows the floating-point format: every octave [2^e, 2^(e+1)) is cut into 2^bits equal intervals. Interval
 * and position within it are then bit fields of r, and the grid is fine where the embedding, a function of about 1/r,
 * changes fast.
 */
struct RadialTable {
    static constexpr double start = 0.5;      ///< angstrom; nearer neighbors are evaluated by the networks
    static constexpr int startExponent = -1;  ///< 2^startExponent = start
    static constexpr int numCoefficients = 6;

    /** One more row at the end serves the interval that r_s lies in beyond r_s; -1: r_s is a grid point or off the grid. */
    int splitRow = -1;

    int bits = 0;
    int rows = 0;
    int channels = 0;  ///< M1
    std::vector<double>
        coefficients;  ///< [rows][6][M1], ascending powers of t in [0, 1), the position within the interval

    double valueError = 0.0;       ///< largest error seen, as a fraction of the largest |g|
    double derivativeError = 0.0;  ///< likewise for dg/dr
    bool accurate = false;         ///< whether both are within the tolerance asked for

    bool empty() const { return rows == 0; }
};

/**
 * Find the coarsest grid whose errors, measured against the networks between grid points, are within the tolerance.
 * @param tolerance relative; see RadialTable::valueError
 * @return a table without coefficients, marked as not accurate if the finest grid misses the tolerance or
 *         the cutoff is below RadialTable::start
 */
RadialTable planRadialTable(const DeepPotential& model, int center, int neighbor, double tolerance);

/** Compute rows and coefficients up to the cutoff for the grid table.bits. */
void fillRadialTable(const DeepPotential& model, int center, int neighbor, RadialTable& table);

}  // namespace lps
