// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>
#include <vector>

#include "lps/Evaluator.h"

namespace lps::testing {

/** One structure with the numbers that DeePMD-kit gives for it. */
struct GoldenStructure {
    std::string name;
    Configuration configuration;
    Evaluation expected;
};

/**
 * A golden fixture: tests/data/golden/<name>/{model.safetensors,reference.json}; see tests/data/golden/README.md. Where
 * the folder has no model, `provenance.model_file` names it, relative to the source tree.
 */
struct GoldenFixture {
    std::string name;
    std::string modelPath;
    bool strict;  ///< whether the numbers are float64 and the numerical contract of the Reference platform applies
    std::vector<GoldenStructure> structures;
};

/** Names of all fixtures in the golden folder, sorted. */
std::vector<std::string> listGoldenFixtures(const std::string& goldenFolder);

GoldenFixture loadGoldenFixture(const std::string& goldenFolder, const std::string& name);

}  // namespace lps::testing
