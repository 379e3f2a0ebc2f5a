// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include "lps/DeepPotential.h"
#include "reference/NetworkEvaluation.h"

namespace lps {

/**
 * Embedding g_ab(s) and dg/ds, all channels: the network of the pair (center, neighbor), or its table in a compressed
 * model.
 * @param s normalized radial component, dimensionless
 */
ValueAndDerivative evaluateEmbedding(const DeepPotential& model, int center, int neighbor, double s);

}  // namespace lps
