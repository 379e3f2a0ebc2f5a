// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "tables/RadialTable.h"

#include <algorithm>
#include <cmath>

#include "tables/EmbeddingCurve.h"

namespace lps {

namespace {

constexpr int coarsestBits = 4, finestBits = 10;

/** Lower end of an interval, in angstrom. */
double getRowStart(int row, int bits) {
    const int octave = row >> bits;
    return std::ldexp(1.0 + std::ldexp(row - (octave << bits), -bits), RadialTable::startExponent + octave);
}

int countRows(double cutoff, int bits) {
    int octave = 0;
    while (std::ldexp(1.0, RadialTable::startExponent + octave + 1) <= cutoff)
        octave++;
    const double begin = std::ldexp(1.0, RadialTable::startExponent + octave);
    const int within = static_cast<int>(std::floor((cutoff / begin - 1.0) * (1 << bits)));
    return (octave << bits) + within + 1;
}

/** Quintic through value and two derivatives at both ends of an interval of length h. */
void interpolate(const double* left, const double* right, double h, int channels, double* coefficients) {
    for (int m = 0; m < channels; m++) {
        const double v0 = left[m], d0 = h * left[channels + m], s0 = h * h * left[2 * channels + m];
        const double v1 = right[m], d1 = h * right[channels + m], s1 = h * h * right[2 * channels + m];
        const double rise = v1 - v0;
        coefficients[m] = v0;
        coefficients[channels + m] = d0;
        coefficients[2 * channels + m] = 0.5 * s0;
        coefficients[3 * channels + m] = 10.0 * rise - 6.0 * d0 - 4.0 * d1 - 1.5 * s0 + 0.5 * s1;
        coefficients[4 * channels + m] = -15.0 * rise + 8.0 * d0 + 7.0 * d1 + 1.5 * s0 - s1;
        coefficients[5 * channels + m] = 6.0 * rise - 3.0 * (d0 + d1) - 0.5 * (s0 - s1);
    }
}

class Builder {
public:
    Builder(const DeepPotential& potential, int centerType, int neighborType)
        : model(potential), center(centerType), neighbor(neighborType), channels(potential.getEmbeddingWidth()) {}

    void evaluate(Branch branch, double r, std::vector<double>& result) {
        result.resize(3 * channels);
        evaluateCurve(model, center, neighbor, branch, r, workspace, result.data());
    }

    /** Branch of the switch that the lower end of an interval belongs to. */
    Branch getBranch(double begin) const { return begin >= model.getSwitchStart() ? Branch::Switched : Branch::Inner; }

    /** Largest errors between grid points, relative to the largest value and derivative: of about 100 intervals. */
    void measure(int bits, double& valueError, double& derivativeError) {
        const int rows = countRows(model.getCutoff(), bits);
        const int step = std::max(1, rows / 100);
        double value = 0.0, derivative = 0.0;
        valueError = derivativeError = 0.0;
        std::vector<double> left, right, exact, polynomial(6 * channels);
        for (int row = 0; row < rows; row += step) {
            const double begin = getRowStart(row, bits), h = getRowStart(row + 1, bits) - begin;
            evaluate(getBranch(begin), begin, left);
            evaluate(getBranch(begin), begin + h, right);
            interpolate(left.data(), right.data(), h, channels, polynomial.data());
            for (const double t : {0.21, 0.5}) {
                evaluate(getBranch(begin), begin + t * h, exact);
                for (int m = 0; m < channels; m++) {
                    double g = 0.0, slope = 0.0;
                    for (int k = 5; k >= 0; k--) {
                        slope = slope * t + g;
                        g = g * t + polynomial[k * channels + m];
                    }
                    value = std::max(value, std::fabs(exact[m]));
                    derivative = std::max(derivative, std::fabs(exact[channels + m]));
                    valueError = std::max(valueError, std::fabs(g - exact[m]));
                    derivativeError = std::max(derivativeError, std::fabs(slope / h - exact[channels + m]));
                }
            }
        }
        valueError /= std::max(value, 1e-300);
        derivativeError /= std::max(derivative, 1e-300);
    }

    void fill(RadialTable& table) {
        const int regular = countRows(model.getCutoff(), table.bits);
        table.splitRow = -1;
        for (int row = 0; row < regular; row++)
            if (getRowStart(row, table.bits) < model.getSwitchStart() &&
                getRowStart(row + 1, table.bits) > model.getSwitchStart())
                table.splitRow = row;
        table.rows = regular + (table.splitRow >= 0);
        table.channels = channels;
        table.coefficients.resize(static_cast<std::size_t>(table.rows) * 6 * channels);
        std::vector<double> left, right;
        for (int row = 0; row < table.rows; row++) {
            const bool isExtra = row == regular;
            const int interval = isExtra ? table.splitRow : row;
            const double begin = getRowStart(interval, table.bits), end = getRowStart(interval + 1, table.bits);
            const Branch branch = isExtra ? Branch::Switched : getBranch(begin);
            const bool continues = row > 0 && !isExtra && getBranch(getRowStart(row - 1, table.bits)) == branch;
            if (!continues)
                evaluate(branch, begin, left);
            evaluate(branch, end, right);
            interpolate(left.data(), right.data(), end - begin, channels,
                        table.coefficients.data() + static_cast<std::size_t>(row) * 6 * channels);
            left.swap(right);
        }
    }

private:
    const DeepPotential& model;
    int center, neighbor, channels;
    CurveWorkspace workspace;
};

}  // namespace

RadialTable planRadialTable(const DeepPotential& model, int center, int neighbor, double tolerance) {
    RadialTable table;
    if (model.getCutoff() <= RadialTable::start)
        return table;
    Builder builder(model, center, neighbor);
    for (table.bits = coarsestBits;; table.bits++) {
        builder.measure(table.bits, table.valueError, table.derivativeError);
        table.accurate = table.valueError <= tolerance && table.derivativeError <= tolerance;
        if (table.accurate || table.bits == finestBits)
            return table;
    }
}

void fillRadialTable(const DeepPotential& model, int center, int neighbor, RadialTable& table) {
    Builder(model, center, neighbor).fill(table);
}

}  // namespace lps
