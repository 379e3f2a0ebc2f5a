// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/AlignedBuffer.h"

#include <cstring>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace lps::fast {

namespace {

constexpr std::size_t line = 64;
constexpr std::size_t hugePage = std::size_t(2) << 20;
constexpr std::size_t hugeThreshold = hugePage / 2;  ///< below it, rounding up to huge pages wastes too much

std::size_t roundUp(std::size_t bytes, std::size_t step) {
    return (bytes + step - 1) / step * step;
}

}  // namespace

void* allocateAligned(std::size_t bytes) {
    const std::size_t alignment = bytes >= hugeThreshold ? hugePage : line;
    const std::size_t size = roundUp(bytes, alignment);
    void* memory = std::aligned_alloc(alignment, size);
    if (!memory)
        throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (alignment == hugePage)
        madvise(memory, size, MADV_HUGEPAGE);  // only advice: a refusal costs nothing but speed
#endif
    std::memset(memory, 0, size);
    return memory;
}

}  // namespace lps::fast
