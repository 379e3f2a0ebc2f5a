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
    double cutoff = 0.0;        ///< r_c
    double switchStart = 0.0;   ///< r_s
    Precision cutoffPrecision = Precision::Float64;
    std::vector<int> slots;     ///< [T], sel
    double normalizer = 0.0;    ///< N_m
    int axisWidth = 0;          ///< M2
    bool typeOneSide = false;
    double environmentProtection = 0.0;
    Precision precision = Precision::Float64;

    using TypePair = std::pair<int, int>;
    std::vector<TypePair> descriptorExclusions;  ///< exclude_types
    bool excludedPaddingKept = false;
    std::vector<TypePair> pairExclusions;        ///< pair_exclude_types
    std::vector<int> atomExclusions;             ///< atom_exclude_types
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

private:
    DeepPotentialData data;
    bool compressed = false;
    int embeddingWidth = 0;
    std::vector<Section> sections;
    std::vector<bool> atomExcluded;
};

}  // namespace lps
