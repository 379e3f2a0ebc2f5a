// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "support/Compare.h"

#include <cmath>
#include <limits>
#include <random>

#include "openmm/OpenMMException.h"

namespace LPSPlugin::testing {

using OpenMM::Vec3;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/** std::max would drop a NaN. */
void raise(double& largest, double value) {
    if (!(std::fabs(value) <= largest))
        largest = std::isnan(value) ? infinity : std::fabs(value);
}

}  // namespace

double largestDifference(const std::vector<Vec3>& a, const std::vector<Vec3>& b) {
    if (a.size() != b.size())
        return infinity;
    double largest = 0.0;
    for (std::size_t i = 0; i < a.size(); i++)
        for (int d = 0; d < 3; d++)
            raise(largest, a[i][d] - b[i][d]);
    return largest;
}

double largestDifference(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size())
        return infinity;
    double largest = 0.0;
    for (std::size_t i = 0; i < a.size(); i++)
        raise(largest, a[i] - b[i]);
    return largest;
}

double largestComponent(const std::vector<Vec3>& a) {
    return largestDifference(a, std::vector<Vec3>(a.size()));
}

double dot(const std::vector<Vec3>& a, const std::vector<Vec3>& b) {
    double sum = a.size() == b.size() ? 0.0 : std::numeric_limits<double>::quiet_NaN();
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); i++)
        sum += a[i].dot(b[i]);
    return sum;
}

std::vector<std::vector<Vec3>> randomDirections(int count, int numParticles, unsigned seed) {
    std::mt19937_64 generator(seed);
    std::normal_distribution<double> normal;
    std::vector<std::vector<Vec3>> directions(count, std::vector<Vec3>(numParticles));
    for (auto& direction : directions) {
        for (Vec3& component : direction)
            component = Vec3(normal(generator), normal(generator), normal(generator));
        const double length = std::sqrt(dot(direction, direction));
        for (Vec3& component : direction)
            component /= length;
    }
    return directions;
}

double differentiate(const std::function<double(double)>& function, double step) {
    const double near = function(step) - function(-step);
    const double far = function(2 * step) - function(-2 * step);
    return (8 * near - far) / (12 * step);
}

double standardDeviation(const std::vector<double>& values) {
    double mean = 0.0;
    for (double value : values)
        mean += value / values.size();
    double variance = 0.0;
    for (double value : values)
        variance += (value - mean) * (value - mean) / values.size();
    return std::sqrt(variance);
}

std::string messageOf(const std::function<void()>& function) {
    try {
        function();
    } catch (const OpenMM::OpenMMException& error) {
        return error.what();
    }
    return "";
}

}  // namespace LPSPlugin::testing
