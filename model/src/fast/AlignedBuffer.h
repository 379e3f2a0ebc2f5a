// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace lps::fast {

/** Zero-initialised array of numbers that begins on a 64-byte boundary. */
template <typename T>
class AlignedBuffer {
public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t size) { resize(size); }

    /** Contents are lost: all zero afterwards. */
    void resize(std::size_t newSize) {
        const std::size_t bytes = (newSize * sizeof(T) + 63) / 64 * 64 + 64;
        memory.reset(static_cast<T*>(std::aligned_alloc(64, bytes)));
        if (!memory)
            throw std::bad_alloc();
        std::fill_n(reinterpret_cast<char*>(memory.get()), bytes, 0);
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
