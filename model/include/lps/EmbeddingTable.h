// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

namespace lps {

/**
 * @file EmbeddingTable.h
 * Tabulated embedding of a compressed model: the model's own piecewise quintic polynomials, evaluated exactly as
 * stored. Theory: docs/theory.md, section 6.
 *
 * The grid has intervals of fineStep in [lower, upper) and of coarseStep in [upper, maximum). Argument: the normalized
 * radial component s = (w/r - mean) / stddev, dimensionless.
 */
struct EmbeddingTable {
    /** What lies outside [lower, maximum): the edge value (files of DeePMD-kit <= 3.1) or the edge tangent (later). */
    enum class Extrapolation { Constant, Linear };

    double lower = 0.0;
    double upper = 0.0;
    double maximum = 0.0;
    double fineStep = 0.0;
    double coarseStep = 0.0;
    int rows = 0;
    int channels = 0;                  ///< M1
    std::vector<double> coefficients;  ///< [rows][channels][6], ascending powers
    Extrapolation extrapolation = Extrapolation::Constant;

    bool empty() const { return rows == 0; }

    /** Where an argument lies. */
    struct Location {
        int row;        ///< interval whose polynomial applies
        double x;       ///< argument of that polynomial
        bool outside;   ///< below lower or not below maximum
        double beyond;  ///< how far outside, where the extrapolation asks
    };
    /** @param s argument, finite. @return its interval; the nearest one if it lies outside. */
    Location locate(double s) const;

    /**
     * Evaluate all channels.
     * @param s argument, dimensionless; any finite number
     * @param value      [channels], overwritten with g(s)
     * @param derivative [channels], overwritten with dg/ds
     */
    void evaluate(double s, double* value, double* derivative) const;
};

}  // namespace lps
