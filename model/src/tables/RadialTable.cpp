// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/RadialTable.h"

#include <algorithm>
#include <cmath>

#include "tables/EmbeddingCurve.h"

namespace lps {

namespace {

constexpr int mostIntervals = 128;  ///< per cell

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

    /** @param result [3][M1]: g, dg/dr, d2g/dr2 */
    void evaluate(Branch branch, double r, std::vector<double>& result) {
        result.resize(3 * channels);
        evaluateCurve(model, center, neighbor, branch, r, workspace, result.data());
    }

    /** The polynomials of the interval of length h that begins at start. @param coefficients [numCoefficients][M1] */
    void interpolate(Branch branch, double start, double h, TableDegree degree, double* coefficients) {
        evaluate(branch, start, left);
        evaluate(branch, start + h, right);
        if (degree == TableDegree::Septic)
            evaluate(branch, start + 0.5 * h, middle);
        for (int m = 0; m < channels; m++) {
            double c[8];
            fitEnds(m, h, c);
            if (degree == TableDegree::Septic)
                fitMiddle(m, h, c);
            for (int k = 0; k < static_cast<int>(degree); k++)
                coefficients[k * channels + m] = c[k];
        }
    }

    const int channels;

private:
    /** Quintic through value and two derivatives at both ends. */
    void fitEnds(int m, double h, double* c) const {
        const double v0 = left[m], d0 = h * left[channels + m], s0 = h * h * left[2 * channels + m];
        const double v1 = right[m], d1 = h * right[channels + m], s1 = h * h * right[2 * channels + m];
        const double rise = v1 - v0;
        c[0] = v0;
        c[1] = d0;
        c[2] = 0.5 * s0;
        c[3] = 10.0 * rise - 6.0 * d0 - 4.0 * d1 - 1.5 * s0 + 0.5 * s1;
        c[4] = -15.0 * rise + 8.0 * d0 + 7.0 * d1 + 1.5 * s0 - s1;
        c[5] = 6.0 * rise - 3.0 * (d0 + d1) - 0.5 * (s0 - s1);
    }

    /** Add (t (1 - t))^3 (a + b (t - 1/2)), which leaves the ends as they are, for value and slope at t = 1/2. */
    void fitMiddle(int m, double h, double* c) const {
        double value = 0.0, slope = 0.0;
        for (int k = 5; k >= 0; k--) {
            slope = 0.5 * slope + value;
            value = 0.5 * value + c[k];
        }
        const double a = 64.0 * (middle[m] - value), b = 64.0 * (h * middle[channels + m] - slope);
        c[3] += a - 0.5 * b;
        c[4] += -3.0 * a + 2.5 * b;
        c[5] += 3.0 * a - 4.5 * b;
        c[6] = -a + 3.5 * b;
        c[7] = -b;
    }

    const DeepPotential& model;
    int center, neighbor;
    CurveWorkspace workspace;
    std::vector<double> left, right, middle;
};

/** Largest |g|, |dg/dr| and errors of interpolation. */
struct CellErrors {
    double value = 0.0, derivative = 0.0, largestValue = 0.0, largestDerivative = 0.0;
};

/** Between the points of interpolation of an interval, where the errors of value or slope are largest. */
void measure(Branch branch, double start, double h, TableDegree degree, Curve& curve, CellErrors& errors) {
    const int channels = curve.channels, numCoefficients = static_cast<int>(degree);
    std::vector<double> exact, polynomial(numCoefficients * channels);
    curve.interpolate(branch, start, h, degree, polynomial.data());
    const auto samples =
        degree == TableDegree::Septic ? std::vector<double>{0.13, 0.25, 0.62} : std::vector<double>{0.21, 0.5};
    for (const double t : samples) {
        curve.evaluate(branch, start + t * h, exact);
        for (int m = 0; m < channels; m++) {
            double g = 0.0, slope = 0.0;
            for (int power = numCoefficients - 1; power >= 0; power--) {
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
CellErrors measureCell(Curve& curve, double begin, double width, int intervals, TableDegree degree) {
    CellErrors errors;
    const double h = width / intervals;
    const int step = std::max(1, intervals / 8);
    for (int k = 0; k < intervals; k++) {
        const double start = begin + k * h;
        const bool split = curve.isSplit(start, start + h);
        if (k % step != 0 && !split)
            continue;
        measure(curve.getBranch(start), start, h, degree, curve, errors);
        if (split)
            measure(Branch::Switched, start, h, degree, curve, errors);
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

RadialPlan planRadialTable(const DeepPotential& model, int center, int neighbor, TableDegree degree, double tolerance) {
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
        errors[cell] =
            measureCell(curve, begin, RadialGrid::getCellStart(cell + 1) - begin, plan.grid.intervals[cell], degree);
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

RadialTable makeRadialTable(const DeepPotential& model, int center, int neighbor, TableDegree degree,
                            const RadialGrid& grid) {
    Curve curve(model, center, neighbor);
    const int split = grid.findSplit(model.getSwitchStart());
    RadialTable table;
    table.grid = grid;
    table.rows = grid.getNumIntervals() + (split >= 0);
    table.numCoefficients = static_cast<int>(degree);
    const std::size_t rowSize = static_cast<std::size_t>(table.numCoefficients) * curve.channels;
    table.coefficients.resize(table.rows * rowSize);
    int row = 0;
    for (int cell = 0; cell < grid.getNumCells(); cell++) {
        const double begin = RadialGrid::getCellStart(cell);
        const double h = (RadialGrid::getCellStart(cell + 1) - begin) / grid.intervals[cell];
        for (int k = 0; k < grid.intervals[cell]; k++, row++) {
            const double start = begin + k * h;
            const auto fill = [&](Branch branch, int target) {
                curve.interpolate(branch, start, h, degree, table.coefficients.data() + target * rowSize);
            };
            fill(curve.getBranch(start), row);
            if (row == split)
                fill(Branch::Switched, table.rows - 1);
        }
    }
    return table;
}

}  // namespace lps
