// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "lps/EmbeddingTable.h"
#include "lps/Network.h"

namespace lps {

/**
 * @file DeepPotential.h
 * A Deep Potential (descriptor se_e2_a, energy fitting) as data.
 * Units: angstrom, electronvolt.  Types: 0 .. T-1 in the order of typeNames.  Theory: docs/theory.md; file:
 * docs/native-format.md.
 *
 * What words mean in all of model/:
 *   center, neighbor  the atom whose energy is computed; an atom or ghost within the cutoff of it
 *   ghost             copy of an atom, displaced by whole cell vectors or held by another process
 *   slot              one of the sel[b] entries that DeePMD-kit keeps for neighbors of type b; padding fills empty ones
 *   section           how neighbors of one type enter the environment of one center type
 *   embedding         network g(s) of a pair of types; a table stands for it
 *   fitting           network from the descriptor D of a center to its energy
 *   tile, row         centers of one type that are evaluated together; what belongs to one of them in a matrix
 *   force, gradient   -dE/dr of an atom; derivative of E with respect to anything else
 *   shape             lengths of an array's axes, row-major, such as [n][3]
 *   low, high         bits of an integer. Ranges of values have a lower and an upper end, of indices a begin and an end
 */

enum class Precision { Float32, Float64 };

/**
 * What atoms of one type were like when the model was calibrated; Uncertainty.h says what it is for. It changes no
 * energy.
 */
struct FeatureStatistics {
    int width = 0;               ///< w, outputs of the last hidden layer
    std::vector<double> factor;  ///< [w+1][w+1], u = |(y, 1) factor|; empty: not calibrated
    double floor = 0.0;          ///< eV/angstrom, error of the force where u is 0
    double slope = 0.0;          ///< eV/angstrom for each unit of u
    double limit = 0.0;          ///< largest u that belongs to the calibration
};

/**
 * Everything that determines the energy, as stored in a native file. Field by field described in docs/native-format.md.
 */
struct DeepPotentialData {
    std::vector<std::string> typeNames;
    double cutoff = 0.0;       ///< r_c, angstrom
    double switchStart = 0.0;  ///< r_s, angstrom
    Precision cutoffPrecision = Precision::Float64;
    std::vector<int> slots;    ///< [T], sel
    double normalizer = 0.0;   ///< N_m
    int axisWidth = 0;         ///< M2
    bool typeOneSide = false;  ///< one embedding per neighbor type, whatever the center
    double environmentProtection = 0.0;
    Precision precision = Precision::Float64;

    using TypePair = std::pair<int, int>;
    std::vector<TypePair> descriptorExclusions;  ///< exclude_types
    bool excludedPaddingKept = false;
    std::vector<TypePair> pairExclusions;  ///< pair_exclude_types
    std::vector<int> atomExclusions;       ///< atom_exclude_types
    std::vector<int> vacuumTypes;
    bool refuseNeighborOverflow = false;

    std::vector<std::array<double, 4>> mean;    ///< [T]
    std::vector<std::array<double, 4>> stddev;  ///< [T]
    std::vector<double> energyBias;             ///< [T], eV

    /** [T*T] indexed center*T + neighbor, or [T] indexed neighbor if typeOneSide; all empty in a compressed model. */
    std::vector<Network> embeddings;
    /** Same index as embeddings; all empty unless the model is compressed. */
    std::vector<EmbeddingTable> tables;
    std::vector<Network> fittings;                 ///< [T] by center type
    std::vector<FeatureStatistics> uncertainties;  ///< [T], or empty: not calibrated

    std::string provenance = "{}";  ///< JSON object
};

/**
 * A validated, immutable Deep Potential, shared by all evaluators. Thread safe.
 */
class DeepPotential {
public:
    /**
     * @throws Error naming every inconsistency at once
     */
    explicit DeepPotential(DeepPotentialData data);

    /** What the file holds, as it was checked; lives as long as this. */
    const DeepPotentialData& getData() const { return data; }

    /** T */
    int getNumTypes() const { return static_cast<int>(data.typeNames.size()); }

    /** @return index 0 .. T-1 of a type by its exact name. @throws Error that lists the known names */
    int getTypeIndex(const std::string& name) const;

    /** "0 (Li), 1 (P), 2 (S)", for error messages. */
    std::string describeTypes() const;

    /** Number of trained numbers: weights, biases and time steps, or table coefficients. */
    long long getNumParameters() const;

    /** Whether the model brings tables instead of embedding networks; docs/theory.md, section 6. */
    bool isCompressed() const { return compressed; }

    /** r_c in angstrom, as every evaluator must use it: rounded to float32 where the model asks for it. */
    double getCutoff() const { return cutoff; }

    /** r_s in angstrom, rounded likewise. */
    double getSwitchStart() const { return switchStart; }

    /** r_c - r_s in angstrom, rounded likewise (the difference too is taken in float32). */
    double getSwitchWidth() const { return switchWidth; }

    /** Whether the model is calibrated for any type; Uncertainty.h. */
    bool hasUncertainties() const;

    /** M1, the number of embedding channels. */
    int getEmbeddingWidth() const { return embeddingWidth; }

    /** Length M1 M2 of the descriptor. */
    int getDescriptorLength() const { return embeddingWidth * data.axisWidth; }

    /**
     * Outputs of the last hidden layer of the widest fitting network, which Evaluation::features holds; 0 where a
     * network has no hidden layer.
     */
    int getFeatureWidth() const;

    /** Index of (center, neighbor) in DeepPotentialData::embeddings and tables; for types 0 .. T-1, not checked. */
    int getEmbeddingIndex(int center, int neighbor) const {
        return data.typeOneSide ? neighbor : center * getNumTypes() + neighbor;
    }

    /** How neighbors of one type enter the environment of one center type; exclusions resolved. */
    struct Section {
        bool hasNeighbors;  ///< real neighbors add their term
        bool countsSlots;   ///< a real neighbor fills a slot, which then is not padded
        int slots;          ///< number of padded slots of an atom without neighbors; 0 where padding adds nothing
    };
    /** For types 0 .. T-1, not checked. */
    const Section& getSection(int center, int neighbor) const { return sections[center * getNumTypes() + neighbor]; }

    /** Whether atoms of this type have no energy of their own, though they are neighbors of others. */
    bool isAtomExcluded(int type) const { return atomExcluded[type]; }

    /** Whether energies of this type are measured from the fitting network at a zero descriptor. */
    bool subtractsVacuum(int type) const { return vacuumSubtracted[type]; }

    /**
     * First component, dimensionless, of the normalized environment row of an empty slot, (-mean[0] / stddev[0], 0, 0,
     * 0); docs/theory.md, section 2.
     */
    double getPaddingComponent(int center) const { return -data.mean[center][0] / data.stddev[center][0]; }

private:
    DeepPotentialData data;
    bool compressed = false;
    double cutoff = 0.0;
    double switchStart = 0.0;
    double switchWidth = 0.0;
    int embeddingWidth = 0;
    std::vector<Section> sections;
    std::vector<bool> atomExcluded;
    std::vector<bool> vacuumSubtracted;
};

}  // namespace lps
