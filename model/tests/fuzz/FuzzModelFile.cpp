// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/**
 * @file FuzzModelFile.cpp
 * libFuzzer harness of the native reader. Any bytes either give a model that survives writing and reading again, or an
 * lps::Error, and the reader never holds more than ten times the size of the file (plus a constant for small ones).
 */

#include <sanitizer/allocator_interface.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "lps/Error.h"
#include "lps/ModelFile.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t maximumSize);

namespace {

constexpr std::size_t allowance = 512 << 10;  // bytes that even an empty file may take: messages, JSON, containers

bool watching = false;
std::size_t held = 0, peak = 0;

void onAllocation(const volatile void*, std::size_t size) {
    if (!watching)
        return;
    held += size;
    if (held > peak)
        peak = held;
}

void onRelease(const volatile void* pointer) {
    if (!watching || pointer == nullptr)
        return;
    const std::size_t size = __sanitizer_get_allocated_size(const_cast<const void*>(pointer));
    held -= size < held ? size : held;
}

[[noreturn]] void fault(const char* what, std::size_t size) {
    std::fprintf(stderr, "fuzz_model_file: %s (file of %zu bytes, peak %zu bytes)\n", what, size, peak);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    __sanitizer_install_malloc_and_free_hooks(onAllocation, onRelease);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    held = peak = 0;
    watching = true;
    try {
        const lps::DeepPotential model = lps::parseModel(bytes, "fuzz");
        watching = false;
        const std::string again = lps::writeModel(model);
        if (lps::writeModel(lps::parseModel(again, "again")) != again)
            fault("a model changes when it is written and read", size);
    } catch (const lps::Error&) {
    }
    watching = false;
    if (peak > 10 * size + allowance)
        fault("the reader allocates more than ten times the file", size);
    return 0;
}

/** Half of the mutations change the JSON header and keep its length field right; else few would come further than it.
 */
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maximumSize,
                                               unsigned seed) {
    std::uint64_t length = 0;
    if (size >= 8)
        std::memcpy(&length, data, 8);
    if (seed % 2 == 0 || size < 16 || length == 0 || length > size - 8)
        return LLVMFuzzerMutate(data, size, maximumSize);
    const std::string tail(reinterpret_cast<char*>(data) + 8 + length, size - 8 - length);
    if (maximumSize < 8 + tail.size() + 1)
        return LLVMFuzzerMutate(data, size, maximumSize);
    length = LLVMFuzzerMutate(data + 8, length, maximumSize - 8 - tail.size());
    std::memcpy(data, &length, 8);
    std::memcpy(data + 8 + length, tail.data(), tail.size());
    return 8 + length + tail.size();
}
