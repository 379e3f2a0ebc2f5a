// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "reference/Environment.h"

namespace lps {

namespace {

/** w(r) of theory section 2: 1 below r_s, 0 beyond r_c, twice continuously differentiable. */
struct Switch {
    double value;
    double derivative;  ///< dw/dr, 1/angstrom
};

Switch computeSwitch(const DeepPotential& model, double r) {
    if (r <= model.getSwitchStart())
        return {1.0, 0.0};
    if (r >= model.getCutoff())
        return {0.0, 0.0};
    const double u = (r - model.getSwitchStart()) / model.getSwitchWidth();
    const double value = u * u * u * (-6.0 * u * u + 15.0 * u - 10.0) + 1.0;
    const double slope = -30.0 * u * u * (u - 1.0) * (u - 1.0);
    return {value, slope / model.getSwitchWidth()};
}

}  // namespace

EnvironmentRow computeEnvironmentRow(const DeepPotential& model, int center, const Neighbor& neighbor) {
    const Eigen::Vector3d x(neighbor.displacement[0], neighbor.displacement[1], neighbor.displacement[2]);
    const double r = neighbor.distance;
    const double q = r + model.getData().environmentProtection;
    const Eigen::Vector3d direction = x / r;
    const Switch w = computeSwitch(model, r);

    // R = (w/q, w x/q^2) and its derivatives.

    EnvironmentRow row;
    row.value[0] = w.value / q;
    row.value.tail<3>() = w.value / (q * q) * x;
    row.derivative.row(0) = (w.derivative / q - w.value / (q * q)) * direction.transpose();
    row.derivative.bottomRows<3>() = w.value / (q * q) * Eigen::Matrix3d::Identity() +
                                     (w.derivative / (q * q) - 2.0 * w.value / (q * q * q)) * x * direction.transpose();

    // Normalize with the statistics of the center's type.

    const auto& mean = model.getData().mean[center];
    const auto& stddev = model.getData().stddev[center];
    for (int c = 0; c < 4; c++) {
        row.value[c] = (row.value[c] - mean[c]) / stddev[c];
        row.derivative.row(c) /= stddev[c];
    }
    return row;
}

}  // namespace lps
