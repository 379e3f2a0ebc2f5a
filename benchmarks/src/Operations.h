// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include "lps/Evaluator.h"
#include "lps/NeighborList.h"

namespace lps::benchmark {

/** @return ordered pairs within the cutoff, without the skin */
double countPairs(const NeighborList& list);

/**
 * Floating-point operations of one evaluation with forces, counted as in docs/performance.md: without folding, padding
 * or polynomial order.
 */
double countOperations(const DeepPotential& model, const Configuration& structure, double pairsInCutoff);

/**
 * A model with the same energies whose fitting networks have hidden layers of twice the width: every hidden number is
 * computed twice, and each copy counts half.
 *
 * @throws Error if a fitting network doubles the width of a layer by its residual
 */
DeepPotentialData widenFitting(DeepPotentialData data);

}  // namespace lps::benchmark
