// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "openmm/Vec3.h"

namespace LPSPlugin::testing {

/** Largest absolute difference of any component; infinite if the lengths differ or anything is not a number. */
double largestDifference(const std::vector<OpenMM::Vec3>& a, const std::vector<OpenMM::Vec3>& b);
double largestDifference(const std::vector<double>& a, const std::vector<double>& b);

/** Largest absolute component; infinite if anything is not a number. */
double largestComponent(const std::vector<OpenMM::Vec3>& a);

/** Sum of a[i] . b[i] */
double dot(const std::vector<OpenMM::Vec3>& a, const std::vector<OpenMM::Vec3>& b);

/** Directions of unit length in the space of all coordinates, [count][numParticles]. */
std::vector<std::vector<OpenMM::Vec3>> randomDirections(int count, int numParticles, unsigned seed);

/**
 * Derivative of a function at 0 by the symmetric four-point formula; the error falls with step^4.
 */
double differentiate(const std::function<double(double)>& function, double step);

/** Population standard deviation. */
double standardDeviation(const std::vector<double>& values);

/** The message of the OpenMMException that a function throws, or "" if it throws none. */
std::string messageOf(const std::function<void()>& function);

}  // namespace LPSPlugin::testing
