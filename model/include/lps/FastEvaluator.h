// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "lps/EvaluationReport.h"
#include "lps/Evaluator.h"
#include "lps/Executor.h"
#include "lps/NeighborList.h"

namespace lps {

/**
 * @file FastEvaluator.h
 * The Deep Potential at the speed of the processor: tabulated embeddings, matrix products over atoms of one type,
 * vector kernels chosen at run time for the instruction sets that the machine has. Same physics and same results, to
 * rounding, as ReferenceEvaluator. Units: angstrom, electronvolt.  Shapes: row-major, written [n].
 */

/** How a FastEvaluator computes. */
struct FastOptions {
    /** Of the networks. Positions are differenced and energies and forces summed in double either way. */
    Precision precision = Precision::Float32;
    /** Tabulate embedding networks over the distance; false: evaluate the networks for every pair. */
    bool useTables = true;
    /** Of the neighbor list, in angstrom. */
    double skin = 1.0;
    /** Instruction set, one of FastEvaluator::getSupportedTargets(); empty: the environment variable LPS_SIMD, else the
     * best. */
    std::string target;
};

/** What to compute besides energies. */
struct FastRequest {
    bool forces = true;
    bool virial = true;        ///< needs forces
    bool atomVirials = false;  ///< needs forces
    bool features = false;     ///< Evaluation::features; needs a model with hidden layers
};

/** Atoms, ghosts and neighbors found by another program; see NeighborList::take(). */
struct ExternalNeighbors {
    int numAtoms = 0;                    ///< atoms to compute; ghosts follow them
    int numTotal = 0;                    ///< atoms and ghosts
    const Vector3* positions = nullptr;  ///< [numTotal]
    const int* types = nullptr;          ///< [numTotal], NeighborList::noType: not an atom of this model
    const int* counts = nullptr;         ///< [numAtoms]
    const int* const* lists = nullptr;   ///< [numAtoms][counts]
    bool keepLists = false;              ///< types, counts and lists are those of the last call
    int indexMask = -1;                  ///< bits of an entry of lists that are the index
};

class FastEvaluator {
public:
    /**
     * @param model   shared and not changed; tables and packed weights are this evaluator's own
     * @throws Error for a skin that is not finite and >= 0, or an instruction set that this machine has not
     */
    explicit FastEvaluator(std::shared_ptr<const DeepPotential> model, const FastOptions& options = {});
    ~FastEvaluator();
    FastEvaluator(const FastEvaluator&) = delete;
    FastEvaluator& operator=(const FastEvaluator&) = delete;

    /**
     * Energies (eV), forces (eV/angstrom) and virial (eV); docs/theory.md. Keeps the neighbor list between calls;
     * tables of type pairs are made when they first occur. One call at a time. With the same executor size, energies
     * and forces are the same bit by bit whenever the positions are, whatever was evaluated before; the virial, and
     * other sizes, to rounding.
     * @param positions [numAtoms], angstrom, need not lie inside the box
     * @param types     [numAtoms], 0 .. T-1
     * @param box       null: not periodic
     * @param result    overwritten, arrays [numAtoms]; virial and forces only where requested
     * @throws Error as ReferenceEvaluator::evaluate(), as the executor, or if another call has not ended
     */
    void evaluate(const Vector3* positions, const int* types, int numAtoms, const Box* box, Executor& executor,
                  const FastRequest& request, Evaluation& result);

    /** The same for a Configuration, everything computed. @throws Error also if the arrays differ in length */
    Evaluation evaluate(const Configuration& configuration, Executor& executor);

    /**
     * The same with neighbors from outside, such as those of an engine with domain decomposition. result.atomEnergies
     * is [numAtoms], result.forces and atomVirials are [numTotal]: what ghosts have is left to the caller to add to
     * their owners. The virial counts every pair of the numAtoms centers.
     * @throws Error also if keepLists is set, the last call failed, and the neighbors are not given
     */
    void evaluate(const ExternalNeighbors& neighbors, Executor& executor, const FastRequest& request,
                  Evaluation& result);

    /** The list of the last evaluation; valid until the next. */
    const NeighborList& getNeighborList() const;

    /** Tables made so far, in the order in which they were made. */
    std::vector<TableReport> getTableReports() const;

    /** Name of the instruction set in use, such as "AVX2". */
    std::string getTarget() const;

    /** Instruction sets usable on this machine, best first. */
    static std::vector<std::string> getSupportedTargets();

    /** Bytes held: model, tables, list and work space. */
    std::size_t getMemory() const;

    /** Measure stages from now on, beginning with zero (costs about 1 %). */
    void setProfiling(bool enabled);

    /** Seconds per Stage summed over threads since setProfiling(true). */
    std::array<double, numStages> getProfile() const;

    /**
     * The peak that speeds are compared with: multiply-adds of one thread times two, measured on registers.
     * @param target as FastOptions::target
     * @return operations per second
     * @throws Error for an instruction set that this machine has not
     */
    static double measurePeak(Precision precision, const std::string& target = {});

private:
    struct Implementation;
    std::unique_ptr<Implementation> implementation;
};

}  // namespace lps
