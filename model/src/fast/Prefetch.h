// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

namespace lps::fast {

/** Ask for a line of memory that will be needed soon, in all caches. Any address will do. */
inline void prefetch(const void* address) {
#if defined(__GNUC__)
    __builtin_prefetch(address);
#else
    (void)address;
#endif
}

/** The same, but in the second level cache, where the first must keep what it has. */
inline void prefetchToSecondLevel(const void* address) {
#if defined(__GNUC__)
    __builtin_prefetch(address, 0, 2);
#else
    (void)address;
#endif
}

}  // namespace lps::fast
