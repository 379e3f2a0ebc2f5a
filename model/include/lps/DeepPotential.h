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
 * Units: angstrom, electronvolt.  Types: 0 .. T-1 in the order of typeNames; "center" is the atom whose energy is
 * computed, "neighbor" an atom in its environment.  Theory: docs/theory.md; file: docs/native-format.md.
 */

enum class Precision { Float32, Float64 };

/**
 * Everything that determines the energy, as stored in a native file. Field by field described in docs/native-format.md.
 */
struct DeepPotentialData {
    std::vector<std::string> typeNames;
    double cutoff = 0.0;       ///< r_c
    double switchStart = 0.0;  ///< r_s
    Precision cutoffPrecision = Precision::Float64;
    std::vector<int> slots;   ///< [T], sel
    double normalizer = 0.0;  ///< N_m
    int axisWidth = 0;        ///< M2
    bool typeOneSide = false;
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
    std::vector<double> energyBias;             ///< [T]

    /** [T*T] indexed center*T + neighbor, or [T] indexed neighbor if typeOneSide; all empty in a compressed model. */
    std::vector<Network> embeddings;
    /** Same index as embeddings; all empty unless the model is compressed. */
    std::vector<EmbeddingTable> tables;
    std::vector<Network> fittings;  ///< [T] by center type

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

    const DeepPotentialData& getData() const { return data; }

    int getNumTypes() const { return static_cast<int>(data.typeNames.size()); }

    /** Index of a type by name. @throws Error that lists the known names */
    int getTypeIndex(const std::string& name) const;

    /** "0 (Li), 1 (P), 2 (S)", for error messages. */
    std::string describeTypes() const;

    /** Number of trained numbers: weights, biases and time steps, or table coefficients. */
    long long getNumParameters() const;

    bool isCompressed() const { return compressed; }

    /** r_c in angstrom, as every evaluator must use it: rounded to float32 where the model asks for it. */
    double getCutoff() const { return cutoff; }

    /** r_s in angstrom, rounded likewise. */
    double getSwitchStart() const { return switchStart; }

    /** r_c - r_s in angstrom, rounded likewise (the difference too is taken in float32). */
    double getSwitchWidth() const { return switchWidth; }

    /** M1, the number of embedding channels. */
    int getEmbeddingWidth() const { return embeddingWidth; }

    /** Length M1 M2 of the descriptor. */
    int getDescriptorLength() const { return embeddingWidth * data.axisWidth; }

    /** Position of (center, neighbor) in DeepPotentialData::embeddings and tables. */
    int getEmbeddingIndex(int center, int neighbor) const {
        return data.typeOneSide ? neighbor : center * getNumTypes() + neighbor;
    }

    /** How neighbors of one type enter the environment of one center type; exclusions resolved. */
    struct Section {
        bool hasNeighbors;  ///< real neighbors add their term
        bool countsSlots;   ///< a real neighbor takes the place of one padded slot
        int slots;          ///< number of padded slots of an atom without neighbors; 0 where padding adds nothing
    };
    const Section& getSection(int center, int neighbor) const { return sections[center * getNumTypes() + neighbor]; }

    bool isAtomExcluded(int type) const { return atomExcluded[type]; }

    /** Whether energies of this type are measured from the fitting network at a zero descriptor. */
    bool subtractsVacuum(int type) const { return vacuumSubtracted[type]; }

    /** Normalised environment row of an empty slot, (-mean[0] / stddev[0], 0, 0, 0) in its first component. */
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
