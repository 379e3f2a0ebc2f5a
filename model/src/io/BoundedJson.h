// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lps/Error.h"

namespace lps {

/**
 * Parse JSON that a stranger wrote: at most maximumDepth nested values.
 * @param what what error messages call the text, such as "model.safetensors: header"
 * @throws Error if the text is not JSON or nested deeper
 */
inline nlohmann::json parseBoundedJson(const std::string& text, const std::string& what) {
    constexpr int maximumDepth = 16;
    auto checkDepth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        if (depth > maximumDepth)
            throw Error(what + " is nested deeper than any model file; the file is damaged");
        return true;
    };
    try {
        return nlohmann::json::parse(text, checkDepth);
    } catch (const nlohmann::json::exception&) {
        throw Error(what + " is not valid JSON; the file is damaged or not a model file");
    }
}

}  // namespace lps
