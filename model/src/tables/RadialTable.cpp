// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "tables/RadialTable.h"

#include <algorithm>
#include <cmath>

#include "tables/EmbeddingCurve.h"

namespace lps {

namespace {

constexpr int mostIntervals = 128;  ///< per cell

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

/** The embedding as a function of r, with memory for its values. */
class Curve {
public:
    Curve(const DeepPotential& potential, int centerType, int neighborType)
        : channels(potential.getEmbeddingWidth()), model(potential), center(centerType), neighbor(neighborType) {}

    /** Branch of the switch that an interval belongs to, by its lower end. */
    Branch getBranch(double begin) const { return begin >= model.getSwitchStart() ? Branch::Switched : Branch::Inner; }

    /** Whether the branches meet inside an interval. */
    bool isSplit(double begin, double end) const {
        return begin < model.getSwitchStart() && end > model.getSwitchStart();
    }

    void evaluate(Branch branch, double r, std::vector<double>& result) {
        result.resize(3 * channels);
        evaluateCurve(model, center, neighbor, branch, r, workspace, result.data());
    }

    const int channels;

private:
    const DeepPotential& model;
    int center, neighbor;
    CurveWorkspace workspace;
};

/** Largest |g|, |dg/dr| and errors of interpolation. */
struct CellErrors {
    double value = 0.0, derivative = 0.0, largestValue = 0.0, largestDerivative = 0.0;
};

/** At two points of an interval. */
void measure(Branch branch, double start, double h, Curve& curve, CellErrors& errors) {
    const int channels = curve.channels;
    std::vector<double> left, right, exact, polynomial(6 * channels);
    curve.evaluate(branch, start, left);
    curve.evaluate(branch, start + h, right);
    interpolate(left.data(), right.data(), h, channels, polynomial.data());
    for (const double t : {0.21, 0.5}) {
        curve.evaluate(branch, start + t * h, exact);
        for (int m = 0; m < channels; m++) {
            double g = 0.0, slope = 0.0;
            for (int power = 5; power >= 0; power--) {
                slope = slope * t + g;
                g = g * t + polynomial[power * channels + m];
            }
            errors.largestValue = std::max(errors.largestValue, std::fabs(exact[m]));
            errors.largestDerivative = std::max(errors.largestDerivative, std::fabs(exact[channels + m]));
            errors.value = std::max(errors.value, std::fabs(g - exact[m]));
            errors.derivative = std::max(errors.derivative, std::fabs(slope / h - exact[channels + m]));
        }
    }
}

/** Over a cell with h = width / intervals: up to eight intervals, and the one where the branches meet in both. */
CellErrors measureCell(Curve& curve, double begin, double width, int intervals) {
    CellErrors errors;
    const double h = width / intervals;
    const int step = std::max(1, intervals / 8);
    for (int k = 0; k < intervals; k++) {
        const double start = begin + k * h;
        const bool split = curve.isSplit(start, start + h);
        if (k % step != 0 && !split)
            continue;
        measure(curve.getBranch(start), start, h, curve, errors);
        if (split)
            measure(Branch::Switched, start, h, curve, errors);
    }
    return errors;
}

}  // namespace

double RadialGrid::getCellStart(int cell) {
    const int octave = cell >> cellBits;
    return std::ldexp(1.0 + std::ldexp(cell - (octave << cellBits), -cellBits), startExponent + octave);
}

int RadialGrid::getNumIntervals() const {
    int sum = 0;
    for (int count : intervals)
        sum += count;
    return sum;
}

bool RadialGrid::refine(const RadialGrid& other) {
    bool changed = intervals.size() < other.intervals.size();
    intervals.resize(std::max(intervals.size(), other.intervals.size()), 1);
    for (std::size_t cell = 0; cell < other.intervals.size(); cell++)
        if (other.intervals[cell] > intervals[cell]) {
            intervals[cell] = other.intervals[cell];
            changed = true;
        }
    return changed;
}

int RadialGrid::findSplit(double switchStart) const {
    int row = 0;
    for (int cell = 0; cell < getNumCells(); cell++) {
        const double begin = getCellStart(cell), h = (getCellStart(cell + 1) - begin) / intervals[cell];
        for (int k = 0; k < intervals[cell]; k++, row++)
            if (begin + k * h < switchStart && begin + (k + 1) * h > switchStart)
                return row;
    }
    return -1;
}

RadialPlan planRadialTable(const DeepPotential& model, int center, int neighbor, double tolerance) {
    RadialPlan plan;
    for (int cell = 0; RadialGrid::getCellStart(cell) < model.getCutoff(); cell++)
        plan.grid.intervals.push_back(1);
    if (plan.grid.intervals.empty())
        return plan;

    // The scale of the errors is set by the whole curve.

    Curve curve(model, center, neighbor);
    const int cells = plan.grid.getNumCells();
    std::vector<CellErrors> errors(cells);
    const auto remeasure = [&](int cell) {
        const double begin = RadialGrid::getCellStart(cell);
        errors[cell] = measureCell(curve, begin, RadialGrid::getCellStart(cell + 1) - begin, plan.grid.intervals[cell]);
    };
    double value = 1e-300, derivative = 1e-300;
    for (int cell = 0; cell < cells; cell++) {
        remeasure(cell);
        value = std::max(value, errors[cell].largestValue);
        derivative = std::max(derivative, errors[cell].largestDerivative);
    }
    for (int cell = 0; cell < cells; cell++) {
        while ((errors[cell].value > tolerance * value || errors[cell].derivative > tolerance * derivative) &&
               plan.grid.intervals[cell] < mostIntervals) {
            plan.grid.intervals[cell] *= 2;
            remeasure(cell);
        }
        plan.valueError = std::max(plan.valueError, errors[cell].value / value);
        plan.derivativeError = std::max(plan.derivativeError, errors[cell].derivative / derivative);
    }
    plan.accurate = plan.valueError <= tolerance && plan.derivativeError <= tolerance;
    return plan;
}

RadialTable makeRadialTable(const DeepPotential& model, int center, int neighbor, const RadialGrid& grid) {
    Curve curve(model, center, neighbor);
    const int channels = curve.channels;
    const int split = grid.findSplit(model.getSwitchStart());
    RadialTable table;
    table.grid = grid;
    table.rows = grid.getNumIntervals() + (split >= 0);
    table.coefficients.resize(static_cast<std::size_t>(table.rows) * 6 * channels);
    std::vector<double> left, right;
    int row = 0;
    for (int cell = 0; cell < grid.getNumCells(); cell++) {
        const double begin = RadialGrid::getCellStart(cell);
        const double h = (RadialGrid::getCellStart(cell + 1) - begin) / grid.intervals[cell];
        for (int k = 0; k < grid.intervals[cell]; k++, row++) {
            const double start = begin + k * h;
            const auto fill = [&](Branch branch, int target) {
                curve.evaluate(branch, start, left);
                curve.evaluate(branch, start + h, right);
                interpolate(left.data(), right.data(), h, channels,
                            table.coefficients.data() + static_cast<std::size_t>(target) * 6 * channels);
            };
            fill(curve.getBranch(start), row);
            if (row == split)
                fill(Branch::Switched, table.rows - 1);
        }
    }
    return table;
}

}  // namespace lps
