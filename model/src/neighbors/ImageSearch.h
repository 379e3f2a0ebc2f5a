// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "lps/Evaluator.h"

namespace lps {

/**
 * @file ImageSearch.h
 * Full neighbor list by looking at every pair of atoms and every periodic image: the specification of what a neighbor
 * is. Units: angstrom.  Sign: displacement = neighbor - center.
 */

/** One atom, or one periodic image of it, within the cutoff of a center. */
struct Neighbor {
    int atom;
    Vector3 displacement;  ///< angstrom
    double distance;       ///< angstrom, > 0
};

/**
 * Neighbors of every atom: all images of all atoms, its own included, with 0 < r < cutoff.
 * @return [n] lists
 * @throws Error if a position is not finite, two atoms coincide, or the box is thinner than minimumFaceDistance
 */
std::vector<std::vector<Neighbor>> findNeighbors(const Configuration& configuration, double cutoff);

}  // namespace lps
