// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>

namespace LPSPlugin {

/**
 * SHA-256 (FIPS 180-4) of a byte string.
 *
 * @return 64 lower-case hexadecimal digits
 */
std::string sha256(const std::string& bytes);

}  // namespace LPSPlugin
