// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include "lps/Vector3.h"

namespace lps {

/**
 * @file Box.h
 * Any periodic cell: skewed or not reduced, smaller than the cutoff, left- or right-handed.
 * Units: angstrom.
 */
class Box {
public:
    /**
     * @param vectors cell vectors a, b, c as rows, in angstrom
     * @throws Error if an entry is not finite or the volume is zero
     */
    explicit Box(const Matrix3& vectors);

    /** Cell vectors a, b, c as rows, in angstrom, as they were given. */
    const Matrix3& getVectors() const { return vectors; }

    /** Volume in cubic angstrom, positive. */
    double getVolume() const { return volume; }

    /**
     * Distance in angstrom between the two faces that vector k joins. Images of a point along k lie at least this far
     * apart in the direction that counts, so it, and not the length of the vector, decides how many images a cutoff
     * reaches.
     * @param k 0, 1 or 2, not checked
     */
    double getFaceDistance(int k) const { return faceDistances[k]; }

    /** @return coordinates of a point (angstrom) in units of the cell vectors, dimensionless; not wrapped */
    Vector3 toFractional(const Vector3& position) const;

    /** Inverse of toFractional(). @return angstrom */
    Vector3 toCartesian(const Vector3& fractional) const;

private:
    Matrix3 vectors;
    Matrix3 inverse;  // columns are the reciprocal vectors: fractional = position * inverse
    Vector3 faceDistances;
    double volume;
};

/** Shortest face distance of a box, in angstrom, for which images are enumerated; below it atoms overlap their own
 * images. */
constexpr double minimumFaceDistance = 0.5;

}  // namespace lps
