// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "openmmlps/internal/ExportLPS.h"

namespace lps {
class DeepPotential;
}

namespace LPSPlugin {

/**
 * A trained Deep Potential, read from a native model file (docs/native-format.md) and checked.
 *
 * An LPSModel never changes and is cheap to copy: copies share the weights and the bytes they were read from. The same
 * model may serve any number of LPSForces, Systems and threads. Files of DeePMD-kit are converted by the Python module
 * (`openmmlps.LPSModel("graph.pb")`) or by `openmm-lps convert graph.pb model.safetensors`.
 */
class OPENMM_EXPORT_LPS LPSModel {
public:
    /**
     * Read a native model file.
     *
     * @param file  path to the file
     * @throws OpenMM::OpenMMException if the file cannot be read or is not a valid model
     */
    explicit LPSModel(const std::string& file);

    /**
     * Read a native model held in memory.
     *
     * @param bytes   the content of a native model file
     * @param origin  what error messages call it
     * @throws OpenMM::OpenMMException if the bytes are not a valid model
     */
    static LPSModel fromBytes(const std::string& bytes, const std::string& origin = "model bytes");

    /** Element symbols of the model's types; the index in this list is the type that LPSForce::addParticle() takes. */
    const std::vector<std::string>& getTypeNames() const;

    /**
     * Get the type of an element.
     *
     * @param symbol  element symbol as in getTypeNames(), such as "Li"
     * @return the type index
     * @throws OpenMM::OpenMMException listing the known types if there is none of that name
     */
    int getTypeIndex(const std::string& symbol) const;

    /** The types as error messages list them: "0 (Li), 1 (P), 2 (S)". */
    std::string describeTypes() const;

    /** Distance in nm beyond which two atoms do not see each other. */
    double getCutoff() const;

    /** Whether LPSForce::computeParticleUncertainties() works: the model was calibrated. */
    bool hasUncertainties() const;

    /** Number of trained numbers: weights, biases and time steps, or table coefficients of a compressed model. */
    long long getNumParameters() const;

    /** Precision in which the networks were trained: "single" or "double". It limits no platform. */
    std::string getPrecision() const;

    /**
     * Get a description of the model as a JSON object: `format`, `format_version`, `sha256` (that of getHash()) and
     * `provenance`, the object that the file carries about its origin.
     */
    std::string getMetadata() const;

    /** The exact bytes of the native file. They identify the model and travel inside serialized Systems. */
    const std::string& getBytes() const;

    /** SHA-256 of getBytes(), 64 lower-case hexadecimal digits. */
    const std::string& getHash() const;

    /** The weights, in angstrom and electronvolt, for the platforms. */
    std::shared_ptr<const lps::DeepPotential> getDeepPotential() const;

private:
    struct Content;
    explicit LPSModel(std::shared_ptr<const Content> content);
    std::shared_ptr<const Content> content;
};

}  // namespace LPSPlugin
