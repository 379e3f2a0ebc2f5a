// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "openmmlps/internal/Sha256.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace LPSPlugin {

namespace {

constexpr std::size_t blockSize = 64;

/** Fractional parts of the cube roots of the first 64 primes. */
constexpr std::array<std::uint32_t, 64> roundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

std::uint32_t rotateRight(std::uint32_t value, int bits) {
    return (value >> bits) | (value << (32 - bits));
}

using State = std::array<std::uint32_t, 8>;

void addBlock(State& state, const unsigned char* block) {
    std::array<std::uint32_t, 64> schedule;
    for (int i = 0; i < 16; i++)
        schedule[i] = (std::uint32_t(block[4 * i]) << 24) | (std::uint32_t(block[4 * i + 1]) << 16) |
                      (std::uint32_t(block[4 * i + 2]) << 8) | std::uint32_t(block[4 * i + 3]);
    for (int i = 16; i < 64; i++) {
        const std::uint32_t early = schedule[i - 15];
        const std::uint32_t late = schedule[i - 2];
        schedule[i] = schedule[i - 16] + (rotateRight(early, 7) ^ rotateRight(early, 18) ^ (early >> 3)) +
                      schedule[i - 7] + (rotateRight(late, 17) ^ rotateRight(late, 19) ^ (late >> 10));
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (int i = 0; i < 64; i++) {
        const std::uint32_t first = h + (rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25)) +
                                    ((e & f) ^ (~e & g)) + roundConstants[i] + schedule[i];
        const std::uint32_t second =
            (rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    const State working = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++)
        state[i] += working[i];
}

}  // namespace

std::string sha256(const std::string& bytes) {
    State state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    const std::size_t wholeBlocks = bytes.size() / blockSize;
    for (std::size_t i = 0; i < wholeBlocks; i++)
        addBlock(state, data + i * blockSize);

    // The rest, a one bit, zeros, and the length in bits as the last eight bytes of a block.
    std::string tail = bytes.substr(wholeBlocks * blockSize);
    tail.push_back(static_cast<char>(0x80));
    while (tail.size() % blockSize != blockSize - 8)
        tail.push_back(0);
    const std::uint64_t bits = std::uint64_t(bytes.size()) * 8;
    for (int shift = 56; shift >= 0; shift -= 8)
        tail.push_back(static_cast<char>((bits >> shift) & 0xff));
    for (std::size_t start = 0; start < tail.size(); start += blockSize)
        addBlock(state, reinterpret_cast<const unsigned char*>(tail.data()) + start);

    const char* const digits = "0123456789abcdef";
    std::string result;
    for (std::uint32_t word : state)
        for (int shift = 28; shift >= 0; shift -= 4)
            result.push_back(digits[(word >> shift) & 0xf]);
    return result;
}

}  // namespace LPSPlugin
