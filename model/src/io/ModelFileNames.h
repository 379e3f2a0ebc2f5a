// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>

#include "lps/DeepPotential.h"

namespace lps {

/**
 * @file ModelFileNames.h
 * Names in a native file that its reader and its writer must agree on (docs/native-format.md).
 */

constexpr const char* formatName = "openmm-lps";
constexpr const char* formatVersion = "1";

struct NamedResidual {
    const char* name;
    Residual residual;
};
constexpr NamedResidual namedResiduals[] = {
    {"none", Residual::None}, {"identity", Residual::Identity}, {"doubling", Residual::Doubling}};

/** "center.neighbor" of an embedding network or table, or "all.neighbor". */
inline std::string embeddingName(const DeepPotentialData& data, std::size_t index) {
    const std::size_t numTypes = data.typeNames.size();
    if (data.typeOneSide)
        return "all." + std::to_string(index);
    return std::to_string(index / numTypes) + "." + std::to_string(index % numTypes);
}

}  // namespace lps
