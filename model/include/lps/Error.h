// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <stdexcept>
#include <string>

namespace lps {

/**
 * The one error type of the model core. Messages read "where: what is wrong with the value seen; what to do".
 * The OpenMM side turns it into OpenMMException.
 */
class Error : public std::runtime_error {
public:
    /** @param message for the user, in the form above */
    explicit Error(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace lps
