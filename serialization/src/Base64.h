// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <optional>
#include <string>

namespace LPSPlugin {

/** Base64 (RFC 4648, padded, one line) of a byte string. */
std::string encodeBase64(const std::string& bytes);

/**
 * Inverse of encodeBase64(). White space is skipped.
 *
 * @return the bytes, or nothing if the text is not base64
 */
std::optional<std::string> decodeBase64(const std::string& text);

}  // namespace LPSPlugin
