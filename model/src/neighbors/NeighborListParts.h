// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include "lps/NeighborList.h"

namespace lps {

/** First of n items that part number `part` of `parts` is given. */
inline int partBegin(int n, int part, int parts) {
    return static_cast<int>(static_cast<long long>(n) * part / parts);
}

/** x M for a row vector. */
inline Vector3 transform(const Vector3& x, const Matrix3& m) {
    return {x[0] * m[0][0] + x[1] * m[1][0] + x[2] * m[2][0], x[0] * m[0][1] + x[1] * m[1][1] + x[2] * m[2][1],
            x[0] * m[0][2] + x[1] * m[1][2] + x[2] * m[2][2]};
}

}  // namespace lps
