// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/NeighborList.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "lps/Error.h"
#include "neighbors/ExactGrid.h"

namespace lps {

namespace {

/** Below this face distance (angstrom) a cell cannot hold an atom, and the number of images has no sensible bound. */
constexpr double minimumFaceDistance = 0.5;

/** Atoms below which parallel loops over atoms cost more than they save. */
constexpr int smallSystem = 4096;

int partBegin(int n, int part, int parts) {
    return static_cast<int>(static_cast<long long>(n) * part / parts);
}

/** Interleave the low ten bits of three numbers: neighbors in space get similar keys. */
std::uint64_t spread(std::uint64_t x) {
    std::uint64_t result = 0;
    for (int bit = 0; bit < 10; bit++)
        result |= ((x >> bit) & 1u) << (3 * bit);
    return result;
}

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

/** x M for a row vector. */
inline Vector3 transform(const Vector3& x, const Matrix3& m) {
    return {x[0] * m[0][0] + x[1] * m[1][0] + x[2] * m[2][0], x[0] * m[0][1] + x[1] * m[1][1] + x[2] * m[2][1],
            x[0] * m[0][2] + x[1] * m[1][2] + x[2] * m[2][2]};
}

Vector3 roundToGrid(const Vector3& x) {
    return {lps::roundToGrid(x[0]), lps::roundToGrid(x[1]), lps::roundToGrid(x[2])};
}

/** Beyond this coordinate (angstrom) too few digits are left for the distance to a neighbor. */
constexpr double farthest = 1e9;

constexpr std::int16_t zeroShift[3] = {0, 0, 0};

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

/** Bins over atoms and ghosts, in fractional coordinates. */
struct NeighborList::Grid {
    int bins[3];
    int reach[3];                ///< bins to look at on either side
    double low[3];               ///< fractional coordinate where the grid begins
    double inverse[3];           ///< bins per unit of the fractional coordinate
    std::vector<int> ranks;      ///< [numTotal] see rankAtoms()
    std::vector<int> byRank;     ///< [numTotal] internal index
    std::vector<int> starts;     ///< [bins + 1]
    std::vector<int> members;    ///< internal indices, bin by bin
    std::vector<double> points;  ///< [members][3]

    int locate(double fraction, int k) const {
        const double position = (fraction - low[k]) * inverse[k];
        return std::min(bins[k] - 1, std::max(0, static_cast<int>(position)));
    }
};

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

    Vector3 low{0.0, 0.0, 0.0}, high{0.0, 0.0, 0.0};
    if (numAtoms > 0)
        low = high = input[0];
    for (int i = 0; i < numAtoms; i++)
        for (int k = 0; k < 3; k++) {
            low[k] = std::min(low[k], input[i][k]);
            high[k] = std::max(high[k], input[i][k]);
        }
    for (int k = 0; k < 3; k++) {
        const double extent = std::max(1.0, high[k] - low[k]);
        frame.origin[k] = low[k];
        frame.vectors[k][k] = extent;
        frame.inverse[k][k] = 1.0 / extent;
        frame.faceDistances[k] = extent;
    }
    return frame;
}

bool NeighborList::update(const Vector3* input, const int* newTypes, int n, const Box* box, Executor& executor) {
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

void NeighborList::build(const Vector3* input, const int* newTypes, const Frame& frame, Executor& executor) {
    built = false;
    builtFrame = frame;

    // Wrap into the cell and sort along a space-filling curve through cells of about 3 angstrom.

    std::vector<Vector3> fractional(numAtoms);
    std::vector<std::pair<std::uint64_t, int>> keys(numAtoms);
    int cells[3];
    for (int k = 0; k < 3; k++)
        cells[k] = static_cast<int>(std::min(1023.0, std::max(1.0, frame.faceDistances[k] / 3.0)));
    for (int i = 0; i < numAtoms; i++) {
        Vector3 x = input[i];
        for (int d = 0; d < 3; d++)
            x[d] -= frame.origin[d];
        Vector3 f = transform(x, frame.inverse);
        std::uint64_t key = 0;
        for (int k = 0; k < 3; k++) {
            if (frame.periodic) {
                f[k] -= std::floor(f[k]);
                if (f[k] >= 1.0)
                    f[k] = 0.0;
            }
            key |= spread(static_cast<std::uint64_t>(std::max(0.0, f[k] * cells[k]))) << k;
        }
        fractional[i] = f;
        keys[i] = {key, i};
    }
    std::sort(keys.begin(), keys.end());
    order.resize(numAtoms);
    builtFractional.resize(3 * static_cast<std::size_t>(numAtoms));
    types.resize(numAtoms);
    for (int i = 0; i < numAtoms; i++) {
        order[i] = keys[i].second;
        types[i] = newTypes[order[i]];
        for (int k = 0; k < 3; k++)
            builtFractional[3 * static_cast<std::size_t>(i) + k] = fractional[order[i]][k];
    }
    std::vector<std::pair<std::uint64_t, int>>().swap(keys);
    std::vector<Vector3>().swap(fractional);

    makeGhosts(frame);
    const int ghosts = static_cast<int>(ghostOwners.size());
    numTotal = numAtoms + ghosts;
    positions.assign(4 * static_cast<std::size_t>(numTotal), 0.0);
    types.resize(numTotal);
    for (int g = 0; g < ghosts; g++)
        types[numAtoms + g] = types[ghostOwners[g]];
    refresh(input, frame, executor);
    placeGhosts(frame, 0, ghosts);

    Grid grid;
    rankAtoms(grid);

    // Bins at most half the range wide, unless there would be many more bins than atoms.

    const double range = cutoff + skin;
    double margin[3];
    for (int k = 0; k < 3; k++) {
        margin[k] = frame.periodic ? range / frame.faceDistances[k] : 0.0;
        const double extent = (1.0 + 2.0 * margin[k]) * frame.faceDistances[k];
        grid.bins[k] = static_cast<int>(std::min(1e6, std::max(1.0, std::floor(2.0 * extent / range))));
    }
    while (static_cast<double>(grid.bins[0]) * grid.bins[1] * grid.bins[2] > 4.0 * numTotal + 64.0) {
        int* largest = std::max_element(grid.bins, grid.bins + 3);
        *largest = (*largest + 1) / 2;
    }
    for (int k = 0; k < 3; k++) {
        grid.low[k] = -margin[k];
        grid.inverse[k] = grid.bins[k] / (1.0 + 2.0 * margin[k]);
        const double width = frame.faceDistances[k] / grid.inverse[k];
        grid.reach[k] = std::min(grid.bins[k], static_cast<int>(std::ceil(range / width * (1.0 + 1e-12))));
    }
    std::vector<int> binOf(numTotal);
    grid.starts.assign(static_cast<std::size_t>(grid.bins[0]) * grid.bins[1] * grid.bins[2] + 1, 0);
    for (int i = 0; i < numTotal; i++) {
        const int owner = i < numAtoms ? i : ghostOwners[i - numAtoms];
        int bin = 0;
        for (int k = 2; k >= 0; k--) {
            double f = builtFractional[3 * static_cast<std::size_t>(owner) + k];
            if (i >= numAtoms)
                f += ghostShifts[3 * static_cast<std::size_t>(i - numAtoms) + k];
            bin = bin * grid.bins[k] + grid.locate(f, k);
        }
        binOf[i] = bin;
        grid.starts[bin + 1]++;
    }
    std::partial_sum(grid.starts.begin(), grid.starts.end(), grid.starts.begin());
    grid.members.resize(numTotal);
    grid.points.resize(3 * static_cast<std::size_t>(numTotal));
    std::vector<int> next(grid.starts.begin(), grid.starts.end() - 1);
    for (int i = 0; i < numTotal; i++) {
        const int slot = next[binOf[i]]++;
        grid.members[slot] = i;
        for (int d = 0; d < 3; d++)
            grid.points[3 * static_cast<std::size_t>(slot) + d] = positions[4 * static_cast<std::size_t>(i) + d];
    }

    const int threads = executor.getNumThreads();
    found.resize(threads);
    chunks.resize(threads + 1);
    for (int thread = 0; thread <= threads; thread++)
        chunks[thread] = partBegin(numAtoms, thread, threads);
    groupEnds.assign(static_cast<std::size_t>(numAtoms) * numTypes, 0);
    executor.runGuarded([&](int thread) { search(grid, chunks[thread], chunks[thread + 1], found[thread]); });
    setLists(executor);
    numBuilds++;
    built = true;
}

void NeighborList::makeGhosts(const Frame& frame) {
    ghostOwners.clear();
    ghostShifts.clear();
    if (!frame.periodic)
        return;
    double margin[3], images = numAtoms;
    for (int k = 0; k < 3; k++) {
        margin[k] = (cutoff + skin) / frame.faceDistances[k];
        images *= 1.0 + 2.0 * margin[k];
    }
    if (images > std::numeric_limits<int>::max() / 2)
        throw Error("neighbor list: " + std::to_string(numAtoms) + " atoms have " + std::to_string(images) +
                    " periodic images within the cutoff, more than can be counted; give fewer atoms");
    for (int i = 0; i < numAtoms; i++) {
        int low[3], high[3];
        for (int k = 0; k < 3; k++) {
            const double f = builtFractional[3 * static_cast<std::size_t>(i) + k];
            low[k] = static_cast<int>(std::ceil(-margin[k] - f));
            high[k] = static_cast<int>(std::floor(1.0 + margin[k] - f));
        }
        for (int a = low[0]; a <= high[0]; a++)
            for (int b = low[1]; b <= high[1]; b++)
                for (int c = low[2]; c <= high[2]; c++) {
                    if (a == 0 && b == 0 && c == 0)
                        continue;
                    ghostOwners.push_back(i);
                    ghostShifts.push_back(static_cast<std::int16_t>(a));
                    ghostShifts.push_back(static_cast<std::int16_t>(b));
                    ghostShifts.push_back(static_cast<std::int16_t>(c));
                }
    }
}

/**
 * Rank atoms and ghosts by the caller's index of the atom, then by the cell vectors that separate image from atom. Of
 * the images within the cutoff this order is the same for every list, whichever cell an atom was wrapped into.
 */
void NeighborList::rankAtoms(Grid& grid) const {
    std::vector<int> internal(numAtoms), firstGhost(numAtoms + 1, 0);
    for (int i = 0; i < numAtoms; i++)
        internal[order[i]] = i;
    for (int owner : ghostOwners)
        firstGhost[owner + 1]++;
    std::partial_sum(firstGhost.begin(), firstGhost.end(), firstGhost.begin());
    grid.ranks.resize(numTotal);
    grid.byRank.resize(numTotal);
    int rank = 0;
    const auto append = [&](int i) {
        grid.ranks[i] = rank;
        grid.byRank[rank++] = i;
    };
    for (int i : internal) {
        int g = firstGhost[i];
        const auto isBefore = [&] {  // the atom itself, whose shift is zero
            const std::int16_t* shift = ghostShifts.data() + 3 * static_cast<std::size_t>(g);
            return std::lexicographical_compare(shift, shift + 3, zeroShift, zeroShift + 3);
        };
        for (; g < firstGhost[i + 1] && isBefore(); g++)
            append(numAtoms + g);
        append(i);
        for (; g < firstGhost[i + 1]; g++)
            append(numAtoms + g);
    }
}

void NeighborList::search(const Grid& grid, int begin, int end, std::vector<int>& output) {
    const std::size_t previous = output.size();
    output.clear();
    output.reserve(previous + previous / 16);
    const double range2 = (cutoff + skin) * (cutoff + skin);
    std::vector<int> hits;
    std::vector<int> next(numTypes);
    for (int i = begin; i < end; i++) {
        const double* x = positions.data() + 4 * static_cast<std::size_t>(i);
        int first[3], last[3];
        for (int k = 0; k < 3; k++) {
            const int bin = grid.locate(builtFractional[3 * static_cast<std::size_t>(i) + k], k);
            first[k] = std::max(0, bin - grid.reach[k]);
            last[k] = std::min(grid.bins[k] - 1, bin + grid.reach[k]);
        }
        std::size_t count = 0;
        int* ends = groupEnds.data() + static_cast<std::size_t>(i) * numTypes;
        for (int c = first[2]; c <= last[2]; c++)
            for (int b = first[1]; b <= last[1]; b++) {
                const std::size_t row = (static_cast<std::size_t>(c) * grid.bins[1] + b) * grid.bins[0];
                const int from = grid.starts[row + first[0]], to = grid.starts[row + last[0] + 1];
                if (hits.size() < count + (to - from))
                    hits.resize(2 * (count + (to - from)) + 64);
                int* append = hits.data();
                for (int slot = from; slot < to; slot++) {
                    const double* y = grid.points.data() + 3 * static_cast<std::size_t>(slot);
                    const double dx = y[0] - x[0], dy = y[1] - x[1], dz = y[2] - x[2];
                    append[count] = grid.members[slot];
                    count += dx * dx + dy * dy + dz * dz <= range2;
                }
            }
        std::size_t kept = 0;
        for (std::size_t h = 0; h < count; h++)
            if (hits[h] != i) {
                hits[kept++] = hits[h];
                ends[types[hits[h]]]++;
            }
        int sum = 0;
        for (int type = 0; type < numTypes; type++) {
            next[type] = sum;
            sum += ends[type];
            ends[type] = sum;
        }
        const std::size_t base = output.size();
        output.resize(base + kept);
        for (std::size_t h = 0; h < kept; h++)
            output[base + next[types[hits[h]]]++] = grid.ranks[hits[h]];
        for (int type = 0, groupBegin = 0; type < numTypes; groupBegin = ends[type++])
            std::sort(output.begin() + base + groupBegin, output.begin() + base + ends[type]);
        for (std::size_t k = base; k < output.size(); k++)
            output[k] = grid.byRank[output[k]];
    }
    if (output.capacity() > output.size() + output.size() / 4 && output.size() > 1000000)
        output.shrink_to_fit();
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
                        const int* const* newLists, bool keep, Executor& executor) {
    if (n < 0 || total < n)
        throw Error("neighbor list: " + std::to_string(n) + " atoms of " + std::to_string(total) +
                    " in all cannot be; the total counts atoms and ghosts");
    for (int i = 0; i < total; i++)
        checkFinite(input[i], i);
    if (keep && (n != numAtoms || total != numTotal || lists.size() != static_cast<std::size_t>(n)))
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
    for (int i = 0; i < total; i++)
        checkType(newTypes[i], i, numTypes);
    built = false;
    numAtoms = n;
    numTotal = total;
    types.assign(newTypes, newTypes + total);
    ghostOwners.clear();
    ghostShifts.clear();
    order.resize(n);
    std::iota(order.begin(), order.end(), 0);
    groupEnds.assign(static_cast<std::size_t>(n) * numTypes, 0);
    found.assign(1, {});
    chunks = {0, n};
    std::vector<int> next(numTypes);
    for (int i = 0; i < n; i++) {
        int* ends = groupEnds.data() + static_cast<std::size_t>(i) * numTypes;
        for (int k = 0; k < counts[i]; k++) {
            const int j = newLists[i][k];
            if (j < 0 || j >= total || j == i)
                throw Error("neighbor list: atom " + std::to_string(i) + " has neighbor " + std::to_string(j) +
                            ", but neighbors are other atoms, 0 to " + std::to_string(total - 1) +
                            "; images of an atom are ghosts of their own");
            ends[types[j]]++;
        }
        int sum = 0;
        for (int type = 0; type < numTypes; type++) {
            next[type] = sum;
            sum += ends[type];
            ends[type] = sum;
        }
        const std::size_t base = found[0].size();
        found[0].resize(base + counts[i]);
        for (int k = 0; k < counts[i]; k++)
            found[0][base + next[types[newLists[i][k]]]++] = newLists[i][k];
    }
    setLists(executor);
    numBuilds++;
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
