// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>

namespace lps::fast {

/**
 * Zeroed memory that begins on a 64-byte boundary; large blocks ask the system for huge pages. Weights and tables
 * stream through the caches in every tile, and the processor would otherwise spend several per cent of its time on
 * finding their pages.
 * @throws std::bad_alloc
 */
void* allocateAligned(std::size_t bytes);

/** Zero-initialized array of numbers that begins on a 64-byte boundary. */
template <typename T>
class AlignedBuffer {
public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t size) { resize(size); }

    /** Contents are lost: all zero afterwards. */
    void resize(std::size_t newSize) {
        memory.reset();  // first, so that both never exist at the same time
        memory.reset(static_cast<T*>(allocateAligned(newSize * sizeof(T) + 64)));
        length = newSize;
    }

    /** Make room for at least this many; contents are lost if it grows. */
    void ensure(std::size_t needed) {
        if (needed > length)
            resize(needed + needed / 4);
    }

    T* data() { return memory.get(); }
    const T* data() const { return memory.get(); }
    std::size_t size() const { return length; }
    T& operator[](std::size_t i) { return memory.get()[i]; }
    const T& operator[](std::size_t i) const { return memory.get()[i]; }

private:
    struct Free {
        void operator()(T* pointer) const { std::free(pointer); }
    };
    std::unique_ptr<T, Free> memory;
    std::size_t length = 0;
};

}  // namespace lps::fast
