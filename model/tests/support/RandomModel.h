// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <random>

#include "lps/DeepPotential.h"
#include "lps/Evaluator.h"

namespace lps::testing {

/** What a random model looks like. The defaults are small, with padding and every network in use. */
struct RandomModelOptions {
    std::vector<std::string> typeNames = {"Li", "P", "S"};
    double cutoff = 4.0;
    double switchStart = 1.0;
    std::vector<int> slots = {40, 20, 50};
    std::vector<int> embeddingWidths = {4, 8, 16};
    std::vector<int> fittingWidths = {12, 12, 12};
    int axisWidth = 4;
    bool typeOneSide = false;
    std::string embeddingActivation = "tanh";
    std::string fittingActivation = "tanh";
    bool embeddingTimestep = false;
    bool fittingTimestep = true;
    bool zeroMean = false;  ///< true: padding adds nothing
    unsigned seed = 1;
};

/** Data of a valid model with random weights; residuals wherever the widths allow them. Change fields before
 * validating. */
DeepPotentialData makeRandomModelData(const RandomModelOptions& options = {});

/** Atoms on a jittered grid: random types, no pair closer than about 0.6 of the grid spacing. */
Configuration makeRandomConfiguration(int numAtoms, int numTypes, const Matrix3& boxVectors, unsigned seed);

/** Same atoms without a box. */
Configuration makeCluster(int numAtoms, int numTypes, double size, unsigned seed);

}  // namespace lps::testing
