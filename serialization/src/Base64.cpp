// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "Base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace LPSPlugin {

namespace {

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::array<int, 256> makeValues() {
    std::array<int, 256> values;
    values.fill(-1);
    for (int i = 0; i < 64; i++)
        values[static_cast<unsigned char>(alphabet[i])] = i;
    return values;
}

bool isSpace(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

std::string encodeBase64(const std::string& bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t start = 0; start < bytes.size(); start += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - start);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; i++)
            group = (group << 8) | (i < count ? static_cast<unsigned char>(bytes[start + i]) : 0u);
        for (std::size_t i = 0; i < 4; i++)
            text.push_back(i <= count ? alphabet[(group >> (18 - 6 * i)) & 0x3f] : '=');
    }
    return text;
}

std::optional<std::string> decodeBase64(const std::string& text) {
    static const std::array<int, 256> values = makeValues();
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    std::uint32_t group = 0;
    int digits = 0;
    int padding = 0;
    for (char c : text) {
        if (isSpace(c))
            continue;
        if (c == '=') {
            // Padding stands only for the last one or two digits of the last group.
            if (digits + padding < 2 || digits + padding >= 4)
                return std::nullopt;
            padding++;
            continue;
        }
        const int value = values[static_cast<unsigned char>(c)];
        if (value < 0 || padding > 0)
            return std::nullopt;
        group = (group << 6) | static_cast<std::uint32_t>(value);
        if (++digits == 4) {
            for (int shift = 16; shift >= 0; shift -= 8)
                bytes.push_back(static_cast<char>((group >> shift) & 0xff));
            group = 0;
            digits = 0;
        }
    }
    if (digits == 0 && padding == 0)
        return bytes;
    if (digits + padding != 4)
        return std::nullopt;
    group <<= 6 * padding;
    for (int i = 0; i < digits - 1; i++)
        bytes.push_back(static_cast<char>((group >> (16 - 8 * i)) & 0xff));
    return bytes;
}

}  // namespace LPSPlugin
