// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/NeighborList.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "lps/Error.h"
#include "neighbors/ExactGrid.h"
#include "neighbors/NeighborListParts.h"

namespace lps {

namespace {

/** Atoms below which parallel loops over atoms cost more than they save. */
constexpr int smallSystem = 4096;

double normOfDifference(const Matrix3& a) {
    double sum = 0.0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            sum += (a[i][j] - (i == j)) * (a[i][j] - (i == j));
    return std::sqrt(sum);
}

Matrix3 multiply(const Matrix3& a, const Matrix3& b) {
    Matrix3 result{};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            for (int j = 0; j < 3; j++)
                result[i][j] += a[i][k] * b[k][j];
    return result;
}

Vector3 roundToGrid(const Vector3& x) {
    return {lps::roundToGrid(x[0]), lps::roundToGrid(x[1]), lps::roundToGrid(x[2])};
}

/** Beyond this coordinate (angstrom) too few digits are left for the distance to a neighbor. */
constexpr double farthest = 1e9;

void checkFinite(const Vector3& x, int atom) {
    if (!(std::fabs(x[0]) <= farthest && std::fabs(x[1]) <= farthest && std::fabs(x[2]) <= farthest))
        throw Error("neighbor list: the position of atom " + std::to_string(atom) + " is (" + std::to_string(x[0]) +
                    ", " + std::to_string(x[1]) + ", " + std::to_string(x[2]) +
                    ") angstrom; the simulation has probably become unstable, check the starting structure and the "
                    "time step");
}

void checkType(int type, int atom, int numTypes) {
    if (type < 0 || type >= numTypes)
        throw Error("neighbor list: atom " + std::to_string(atom) + " has type " + std::to_string(type) +
                    ", but the model has types 0 to " + std::to_string(numTypes - 1) + "; use one of these");
}

}  // namespace

NeighborList::NeighborList(double cutoffDistance, double skinDistance, int typeCount)
    : cutoff(cutoffDistance), skin(skinDistance), numTypes(typeCount) {
    if (!(cutoff > 0.0) || !(skin >= 0.0) || !std::isfinite(cutoff + skin) || numTypes < 1)
        throw Error("neighbor list: cutoff " + std::to_string(cutoff) + " and skin " + std::to_string(skin) +
                    " angstrom for " + std::to_string(numTypes) +
                    " types are out of range; give a positive cutoff, a skin >= 0 and at least one type");
}

NeighborList::Frame NeighborList::makeFrame(const Vector3* input, const Box* box) const {
    Frame frame{};
    frame.periodic = box != nullptr;
    if (box) {
        for (int k = 0; k < 3; k++) {
            frame.vectors[k] = roundToGrid(box->getVectors()[k]);
            frame.faceDistances[k] = box->getFaceDistance(k);
            if (frame.faceDistances[k] < minimumFaceDistance)
                throw Error("neighbor list: two faces of the box are only " + std::to_string(frame.faceDistances[k]) +
                            " angstrom apart; a cell must be at least " + std::to_string(minimumFaceDistance) +
                            " angstrom thick");
            Vector3 unit{};
            unit[k] = 1.0;
            frame.inverse[k] = box->toFractional(unit);
        }
        return frame;
    }

    // Not periodic: the cell is the bounding box, made a little larger so that it has a volume.

    Vector3 lower{0.0, 0.0, 0.0}, upper{0.0, 0.0, 0.0};
    if (numAtoms > 0)
        lower = upper = input[0];
    for (int i = 0; i < numAtoms; i++)
        for (int k = 0; k < 3; k++) {
            lower[k] = std::min(lower[k], input[i][k]);
            upper[k] = std::max(upper[k], input[i][k]);
        }
    for (int k = 0; k < 3; k++) {
        const double extent = std::max(1.0, upper[k] - lower[k]);
        frame.origin[k] = lower[k];
        frame.vectors[k][k] = extent;
        frame.inverse[k][k] = 1.0 / extent;
        frame.faceDistances[k] = extent;
    }
    return frame;
}

bool NeighborList::update(const Vector3* input, const int* newTypes, int n, const Box* box, Executor& executor) {
    taken = false;
    for (int i = 0; i < n; i++)
        checkFinite(input[i], i);
    const bool sameAtoms = built && n == numAtoms && (box != nullptr) == builtFrame.periodic &&
                           ghostOwners.size() + n == static_cast<std::size_t>(numTotal) &&
                           std::equal(newTypes, newTypes + n, inputTypes.begin());
    if (!sameAtoms) {
        for (int i = 0; i < n; i++)
            checkType(newTypes[i], i, numTypes);
        built = false;
        numAtoms = n;
        inputTypes.assign(newTypes, newTypes + n);
    }
    const Frame frame = sameAtoms && !box ? builtFrame : makeFrame(input, box);
    if (built && refresh(input, frame, executor))
        return false;
    const Frame newFrame = box ? frame : makeFrame(input, box);
    build(input, newTypes, newFrame, executor);
    return true;
}

bool NeighborList::refresh(const Vector3* input, const Frame& frame, Executor& executor) {
    const int threads = numAtoms < smallSystem ? 1 : executor.getNumThreads();
    std::vector<double> moved(threads, 0.0);
    const auto part = [&](int thread) {
        double largest = 0.0;
        for (int i = partBegin(numAtoms, thread, threads); i < partBegin(numAtoms, thread + 1, threads); i++) {
            Vector3 x = roundToGrid(input[order[i]]);
            const Vector3 was = {builtFractional[3 * i], builtFractional[3 * i + 1], builtFractional[3 * i + 2]};
            if (frame.periodic) {
                const Vector3 now = transform(x, frame.inverse);
                for (int k = 0; k < 3; k++) {
                    const double wraps = std::nearbyint(now[k] - was[k]);
                    if (wraps != 0.0)
                        for (int d = 0; d < 3; d++)
                            x[d] -= wraps * frame.vectors[k][d];
                }
            }
            const Vector3 carried = transform(was, frame.vectors);
            double distance2 = 0.0;
            for (int d = 0; d < 3; d++) {
                const double u = x[d] - frame.origin[d] - carried[d];
                distance2 += u * u;
                positions[4 * static_cast<std::size_t>(i) + d] = x[d];
            }
            largest = std::max(largest, distance2);
        }
        moved[thread] = largest;
    };
    if (threads == 1)
        part(0);
    else
        executor.run(part);

    const double strain = normOfDifference(multiply(builtFrame.inverse, frame.vectors));
    const double displacement = std::sqrt(*std::max_element(moved.begin(), moved.end()));
    if (!((1.0 - strain) * (cutoff + skin) - 2.0 * displacement >= cutoff))
        return false;
    const int ghosts = numTotal - numAtoms;
    if (threads == 1)
        placeGhosts(frame, 0, ghosts);
    else
        executor.run([&](int thread) {
            placeGhosts(frame, partBegin(ghosts, thread, threads), partBegin(ghosts, thread + 1, threads));
        });
    return true;
}

void NeighborList::placeGhosts(const Frame& frame, int begin, int end) {
    for (int g = begin; g < end; g++) {
        const double* owner = positions.data() + 4 * static_cast<std::size_t>(ghostOwners[g]);
        double* ghost = positions.data() + 4 * (static_cast<std::size_t>(numAtoms) + g);
        const std::int16_t* n = ghostShifts.data() + 3 * static_cast<std::size_t>(g);
        for (int d = 0; d < 3; d++)
            ghost[d] = owner[d] + n[0] * frame.vectors[0][d] + n[1] * frame.vectors[1][d] + n[2] * frame.vectors[2][d];
        ghost[3] = 0.0;
    }
}

void NeighborList::setLists(Executor&) {
    lists.resize(numAtoms);
    for (std::size_t thread = 0; thread + 1 < chunks.size(); thread++) {
        const int* next = found[thread].data();
        for (int i = chunks[thread]; i < chunks[thread + 1]; i++) {
            lists[i] = next;
            next += getNumNeighbors(i);
        }
    }
}

void NeighborList::take(const Vector3* input, const int* newTypes, int n, int total, const int* counts,
                        const int* const* newLists, bool keep, Executor& executor, int indexMask) {
    if (n < 0 || total < n)
        throw Error("neighbor list: " + std::to_string(n) + " atoms of " + std::to_string(total) +
                    " in all cannot be; the total counts atoms and ghosts");
    for (int i = 0; i < total; i++)
        checkFinite(input[i], i);
    if (keep && !taken)
        throw Error(
            "neighbor list: told to keep a list, but the last call was not take() or failed; pass the neighbors");
    if (keep && (n != numAtoms || total != numTotal))
        throw Error("neighbor list: told to keep the list of " + std::to_string(numAtoms) + " atoms and " +
                    std::to_string(numTotal - numAtoms) + " ghosts for " + std::to_string(n) + " atoms and " +
                    std::to_string(total - n) + " ghosts; pass the new neighbors");
    positions.resize(4 * static_cast<std::size_t>(total));
    for (int i = 0; i < total; i++) {
        for (int d = 0; d < 3; d++)
            positions[4 * static_cast<std::size_t>(i) + d] = input[i][d];
        positions[4 * static_cast<std::size_t>(i) + 3] = 0.0;
    }
    if (keep)
        return;
    taken = built = false;
    for (int i = 0; i < total; i++)
        if (newTypes[i] != noType)
            checkType(newTypes[i], i, numTypes);
    numAtoms = n;
    numTotal = total;
    types.assign(newTypes, newTypes + total);
    ghostOwners.clear();
    ghostShifts.clear();
    order.resize(n);
    std::iota(order.begin(), order.end(), 0);
    groupEnds.assign(static_cast<std::size_t>(n) * numTypes, 0);
    takeLists(counts, newLists, indexMask, executor);
    setLists(executor);
    taken = true;
    numBuilds++;
}

/** Group the neighbors of every atom by type, as build() does; those of no type are left out. */
void NeighborList::takeLists(const int* counts, const int* const* newLists, int indexMask, Executor& executor) {
    const int threads = numAtoms < smallSystem ? 1 : executor.getNumThreads();
    found.resize(threads);
    chunks.resize(threads + 1);
    for (int thread = 0; thread <= threads; thread++)
        chunks[thread] = partBegin(numAtoms, thread, threads);
    const auto part = [&](int thread) {
        std::size_t listed = 0;
        for (int i = chunks[thread]; i < chunks[thread + 1]; i++)
            listed += types[i] == noType ? 0 : counts[i];
        std::vector<int>& grouped = found[thread];
        grouped.resize(listed);
        std::size_t base = 0;
        std::vector<int> next(numTypes);
        for (int i = chunks[thread]; i < chunks[thread + 1]; i++) {
            if (types[i] == noType)
                continue;
            int* ends = groupEnds.data() + static_cast<std::size_t>(i) * numTypes;
            for (int k = 0; k < counts[i]; k++) {
                const int j = newLists[i][k] & indexMask;
                if (j < 0 || j >= numTotal || j == i)
                    throw Error("neighbor list: atom " + std::to_string(i) + " has neighbor " + std::to_string(j) +
                                ", but neighbors are other atoms, 0 to " + std::to_string(numTotal - 1) +
                                "; images of an atom are ghosts of their own");
                if (types[j] != noType)
                    ends[types[j]]++;
            }
            int sum = 0;
            for (int type = 0; type < numTypes; type++) {
                next[type] = sum;
                sum += ends[type];
                ends[type] = sum;
            }
            for (int k = 0; k < counts[i]; k++) {
                const int j = newLists[i][k] & indexMask;
                if (types[j] != noType)
                    grouped[base + next[types[j]]++] = j;
            }
            base += sum;
        }
    };
    if (threads == 1)
        part(0);
    else
        executor.runGuarded(part);
}

std::size_t NeighborList::getMemory() const {
    std::size_t bytes =
        (positions.capacity() + builtFractional.capacity()) * sizeof(double) +
        (types.capacity() + order.capacity() + inputTypes.capacity() + ghostOwners.capacity() + groupEnds.capacity()) *
            sizeof(int) +
        ghostShifts.capacity() * sizeof(std::int16_t) + lists.capacity() * sizeof(const int*);
    for (const std::vector<int>& part : found)
        bytes += part.capacity() * sizeof(int);
    return bytes;
}

}  // namespace lps
