// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// How a neighbor list is built: order of the atoms, ghosts, bins, search.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "lps/Error.h"
#include "lps/NeighborList.h"
#include "neighbors/NeighborListParts.h"

namespace lps {

namespace {

constexpr std::int16_t zeroShift[3] = {0, 0, 0};

/** Interleave the low ten bits of three numbers: neighbors in space get similar keys. */
std::uint64_t spread(std::uint64_t x) {
    std::uint64_t result = 0;
    for (int bit = 0; bit < 10; bit++)
        result |= ((x >> bit) & 1u) << (3 * bit);
    return result;
}

}  // namespace

/** Bins over atoms and ghosts, in fractional coordinates. */
struct NeighborList::Grid {
    int bins[3];
    int reach[3];                ///< bins to look at on either side
    double begin[3];             ///< fractional coordinate where the grid begins
    double inverse[3];           ///< bins per unit of the fractional coordinate
    std::vector<int> ranks;      ///< [numTotal] see rankAtoms()
    std::vector<int> byRank;     ///< [numTotal] internal index
    std::vector<int> starts;     ///< [bins + 1]
    std::vector<int> members;    ///< internal indices, bin by bin
    std::vector<double> points;  ///< [members][3]

    int locate(double fraction, int k) const {
        const double position = (fraction - begin[k]) * inverse[k];
        return std::min(bins[k] - 1, std::max(0, static_cast<int>(position)));
    }
};

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
        grid.begin[k] = -margin[k];
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
        const int member = next[binOf[i]]++;
        grid.members[member] = i;
        for (int d = 0; d < 3; d++)
            grid.points[3 * static_cast<std::size_t>(member) + d] = positions[4 * static_cast<std::size_t>(i) + d];
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
        int first[3], last[3];
        for (int k = 0; k < 3; k++) {
            const double f = builtFractional[3 * static_cast<std::size_t>(i) + k];
            first[k] = static_cast<int>(std::ceil(-margin[k] - f));
            last[k] = static_cast<int>(std::floor(1.0 + margin[k] - f));
        }
        for (int a = first[0]; a <= last[0]; a++)
            for (int b = first[1]; b <= last[1]; b++)
                for (int c = first[2]; c <= last[2]; c++) {
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
                for (int member = from; member < to; member++) {
                    const double* y = grid.points.data() + 3 * static_cast<std::size_t>(member);
                    const double dx = y[0] - x[0], dy = y[1] - x[1], dz = y[2] - x[2];
                    append[count] = grid.members[member];
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

}  // namespace lps
