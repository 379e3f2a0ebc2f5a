// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

namespace lps {

/**
 * Round to a multiple of 2^-40 (9e-13 angstrom or eV/angstrom). Sums and differences of such numbers are exact up to
 * 2^13, so they depend neither on their order nor on the periodic image that is taken. From 2^11 on the grid grows
 * coarser, but stays as fine as 14 digits; numbers that large have lost the property, not their accuracy.
 */
inline double roundToGrid(double x) {
    constexpr double shift = 6144.0;  // 1.5 * 2^12: one unit of the last digit of the sum is 2^-40
    return (x + shift) - shift;
}

}  // namespace lps
