// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "lps/Box.h"
#include "lps/DeepPotential.h"
#include "lps/Vector3.h"

namespace lps {

/**
 * @file Evaluator.h
 * What every evaluator takes and gives, and the reference evaluator.
 * Units: angstrom, electronvolt.  Shapes: row-major, written [n].
 */

/** Atoms to evaluate. Positions need not lie inside the box. */
struct Configuration {
    std::vector<Vector3> positions;  ///< [n], angstrom
    std::vector<int> types;          ///< [n], 0 .. T-1
    std::optional<Box> box;          ///< none: not periodic
};

/** Result of an evaluation. */
struct Evaluation {
    double energy = 0.0;               ///< eV, sum of atomEnergies
    std::vector<double> atomEnergies;  ///< [n], eV
    std::vector<Vector3> forces;       ///< [n], eV/angstrom
    Matrix3 virial{};  ///< eV, W = -dE/dstrain, symmetric, positive under compression; not divided by volume
    /**
     * [n] eV, W_i = sum_j (r_j - r_i) x dE_j/dr_i over the centers j that have atom i as a neighbor, not symmetric.
     * Their sum is the virial, and sum_i W_i v_i is d/dt sum_i r_i E_i less what atoms carry along: the potential part
     * of the heat current (Fan et al., Phys. Rev. B 92, 094301 (2015)).
     */
    std::vector<Matrix3> atomVirials;
    /** [n][w] outputs of the last hidden layer of the fitting networks, only where asked for; w: getFeatureWidth(). */
    std::vector<double> features;
};

/**
 * The Deep Potential in double precision, written to be read: it follows docs/theory.md line by line, in one thread,
 * and every other evaluator is tested against it. Every periodic image within the cutoff is counted, whatever the size
 * of the cell.
 */
class ReferenceEvaluator {
public:
    /** @param potential the model, shared and not changed */
    explicit ReferenceEvaluator(std::shared_ptr<const DeepPotential> model);

    /**
     * Energy, forces and virial; docs/theory.md, sections 2 to 5. Thread safe.
     * @return all fields, [n] where they are arrays
     * @throws Error if the arrays differ in length, a type is unknown, a position is not finite, two atoms coincide, or
     * the model refuses more neighbors than slots
     */
    Evaluation evaluate(const Configuration& configuration) const;

private:
    std::shared_ptr<const DeepPotential> model;
};

}  // namespace lps
