// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "neighbors/ImageSearch.h"

#include <cmath>
#include <sstream>

#include "lps/Error.h"

namespace lps {

namespace {

/** Beyond this, in angstrom, doubles resolve less than 1e-8 angstrom: such atoms have flown away. */
constexpr double largestCoordinate = 1e8;

/** Integers k with |offset + k| <= reach. */
struct ShiftRange {
    ShiftRange(double offset, double reach) : first(std::ceil(-offset - reach)), last(std::floor(-offset + reach)) {}
    double first, last;
};

void checkInput(const Configuration& configuration) {
    for (std::size_t i = 0; i < configuration.positions.size(); i++)
        for (double coordinate : configuration.positions[i])
            if (!(std::fabs(coordinate) <= largestCoordinate)) {
                std::ostringstream message;
                message << "neighbor search: atom " << i << " has a coordinate of " << coordinate
                        << " angstrom; the simulation has become unstable: minimize first or use a shorter time step";
                throw Error(message.str());
            }
    if (!configuration.box)
        return;
    for (int k = 0; k < 3; k++)
        if (configuration.box->getFaceDistance(k) < minimumFaceDistance) {
            std::ostringstream message;
            message << "neighbor search: the box is " << configuration.box->getFaceDistance(k)
                    << " angstrom thin along cell vector " << k << ", less than " << minimumFaceDistance
                    << "; the box has collapsed, or its unit is not angstrom";
            throw Error(message.str());
        }
}

}  // namespace

std::vector<std::vector<Neighbor>> findNeighbors(const Configuration& configuration, double cutoff) {
    checkInput(configuration);
    const std::vector<Vector3>& positions = configuration.positions;
    const int numAtoms = static_cast<int>(positions.size());
    std::vector<std::vector<Neighbor>> neighbors(numAtoms);

    auto addIfNear = [&](int center, int atom, const Vector3& displacement) {
        const double distance = std::sqrt(displacement[0] * displacement[0] + displacement[1] * displacement[1] +
                                          displacement[2] * displacement[2]);
        if (distance == 0.0)
            throw Error("neighbor search: atoms " + std::to_string(center) + " and " + std::to_string(atom) +
                        " are at the same position; move one of them");
        if (distance < cutoff)
            neighbors[center].push_back({atom, displacement, distance});
    };

    if (!configuration.box) {
        for (int i = 0; i < numAtoms; i++)
            for (int j = 0; j < numAtoms; j++)
                if (j != i)
                    addIfNear(i, j,
                              {positions[j][0] - positions[i][0], positions[j][1] - positions[i][1],
                               positions[j][2] - positions[i][2]});
        return neighbors;
    }

    const Box& box = *configuration.box;
    Vector3 reach;
    for (int k = 0; k < 3; k++)
        reach[k] = cutoff / box.getFaceDistance(k);
    for (int i = 0; i < numAtoms; i++)
        for (int j = 0; j < numAtoms; j++) {
            const Vector3 difference = {positions[j][0] - positions[i][0], positions[j][1] - positions[i][1],
                                        positions[j][2] - positions[i][2]};
            const Vector3 offset = box.toFractional(difference);
            const ShiftRange a(offset[0], reach[0]), b(offset[1], reach[1]), c(offset[2], reach[2]);
            for (double ka = a.first; ka <= a.last; ka++)
                for (double kb = b.first; kb <= b.last; kb++)
                    for (double kc = c.first; kc <= c.last; kc++) {
                        if (i == j && ka == 0.0 && kb == 0.0 && kc == 0.0)
                            continue;
                        const Vector3 shift = box.toCartesian({ka, kb, kc});
                        addIfNear(i, j, {difference[0] + shift[0], difference[1] + shift[1], difference[2] + shift[2]});
                    }
        }
    return neighbors;
}

}  // namespace lps
