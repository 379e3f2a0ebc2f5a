// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/Box.h"

#include <cmath>
#include <sstream>

#include "lps/Error.h"

namespace lps {

namespace {

Vector3 cross(const Vector3& u, const Vector3& v) {
    return {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
}

double dot(const Vector3& u, const Vector3& v) {
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
}

std::string describe(const Matrix3& vectors) {
    std::ostringstream text;
    for (int k = 0; k < 3; k++)
        text << (k ? ", (" : "(") << vectors[k][0] << ", " << vectors[k][1] << ", " << vectors[k][2] << ")";
    return text.str();
}

}  // namespace

Box::Box(const Matrix3& boxVectors) : vectors(boxVectors) {
    for (const Vector3& vector : vectors)
        for (double component : vector)
            if (!std::isfinite(component))
                throw Error("Box: the cell vectors " + describe(vectors) +
                            " angstrom are not finite; the simulation has probably become unstable");

    const double determinant = dot(vectors[0], cross(vectors[1], vectors[2]));
    volume = std::fabs(determinant);
    const double lengths =
        std::sqrt(dot(vectors[0], vectors[0]) * dot(vectors[1], vectors[1]) * dot(vectors[2], vectors[2]));
    if (!(volume > 1e-12 * lengths) || !std::isfinite(volume))
        throw Error(
            "Box: the cell vectors " + describe(vectors) +
            " angstrom span no volume; give three independent vectors, or no box for a system that is not periodic");

    for (int k = 0; k < 3; k++) {
        const Vector3 normal = cross(vectors[(k + 1) % 3], vectors[(k + 2) % 3]);
        faceDistances[k] = volume / std::sqrt(dot(normal, normal));
        for (int d = 0; d < 3; d++)
            inverse[d][k] = normal[d] / determinant;
    }
}

Vector3 Box::toFractional(const Vector3& position) const {
    Vector3 fractional{};
    for (int k = 0; k < 3; k++)
        for (int d = 0; d < 3; d++)
            fractional[k] += position[d] * inverse[d][k];
    return fractional;
}

Vector3 Box::toCartesian(const Vector3& fractional) const {
    Vector3 position{};
    for (int d = 0; d < 3; d++)
        for (int k = 0; k < 3; k++)
            position[d] += fractional[k] * vectors[k][d];
    return position;
}

}  // namespace lps
