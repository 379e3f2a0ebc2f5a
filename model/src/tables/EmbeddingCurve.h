// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include "lps/DeepPotential.h"

namespace lps {

/**
 * @file EmbeddingCurve.h
 * The embedding of one (center type, neighbor type) as a function of the distance r instead of s, with two derivatives:
 * what a radial table interpolates. Units: angstrom.
 */

/**
 * The switch w(r) has jumps in its third derivative at r_s and r_c, where interpolation would lose accuracy. Each
 * branch is smooth and may be continued beyond its range.
 */
enum class Branch { Inner, Switched };  ///< w = 1; w = polynomial

/** The normalized radial component s(r) of a center type, theory section 2, with two derivatives. */
struct RadialComponent {
    double value, first, second;
};
RadialComponent computeRadialComponent(const DeepPotential& model, int center, Branch branch, double r);

/** Second derivative of an activation; 0 at kinks. */
double getSecondDerivative(const Activation& activation, double x);

/** Work space of evaluateCurve(), reused between calls. */
struct CurveWorkspace {
    std::vector<double> input, output;  ///< [3][width]: value, first and second derivative with respect to s
};

/**
 * g(r), dg/dr, d2g/dr2 of all channels. Not for compressed models.
 * @param result [3][M1], overwritten
 */
void evaluateCurve(const DeepPotential& model, int center, int neighbor, Branch branch, double r,
                   CurveWorkspace& workspace, double* result);

}  // namespace lps
