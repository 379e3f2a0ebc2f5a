// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/EmbeddingTable.h"

#include <algorithm>

namespace lps {

EmbeddingTable::Location EmbeddingTable::locate(double s) const {
    // The number of fine intervals is truncated as in the program that wrote the table, so that both pick the same row.
    const int fineRows = static_cast<int>((upper - lower) / fineStep);

    // Distance from the start of the interval, and how far beyond the grid the argument lies.

    int row = 0;
    double x = 0.0;
    double beyond = 0.0;
    if (s < lower) {
        beyond = s - lower;
    } else if (s < upper) {
        row = std::min(static_cast<int>((s - lower) / fineStep), rows - 1);
        x = s - (row * fineStep + lower);
    } else if (s < maximum) {
        const int coarseRow = static_cast<int>((s - upper) / coarseStep);
        row = std::min(fineRows + coarseRow, rows - 1);
        x = s - (coarseRow * coarseStep + upper);
    } else {
        row = rows - 1;
        if (extrapolation == Extrapolation::Linear) {
            x = rows > fineRows ? coarseStep : fineStep;
            beyond = s - maximum;
        }
    }

    return {row, x, s < lower || s >= maximum, beyond};
}

void EmbeddingTable::evaluate(double s, double* value, double* derivative) const {
    const auto [row, x, outside, beyond] = locate(s);
    const double* c = coefficients.data() + static_cast<std::size_t>(row) * channels * 6;
    for (int channel = 0; channel < channels; channel++, c += 6) {
        const double g = c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * (c[4] + x * c[5]))));
        const double slope = c[1] + x * (2.0 * c[2] + x * (3.0 * c[3] + x * (4.0 * c[4] + x * 5.0 * c[5])));
        if (!outside) {
            value[channel] = g;
            derivative[channel] = slope;
        } else if (extrapolation == Extrapolation::Linear) {
            value[channel] = g + slope * beyond;
            derivative[channel] = slope;
        } else {
            value[channel] = g;
            derivative[channel] = 0.0;  // the derivative of a constant, so that forces stay the gradient of the energy
        }
    }
}

}  // namespace lps
