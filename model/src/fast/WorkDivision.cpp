// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/WorkDivision.h"

#include <algorithm>
#include <cstdlib>

namespace lps::fast {

namespace {

/** Reading the weights of a 240^3 network takes about as long as evaluating so many atoms. */
constexpr int maxSplinter = 12;

}  // namespace

WorkDivision::WorkDivision(const NeighborList& list, const std::vector<bool>& isComputed, int threads, int maxRows,
                           int blockRows)
    : rowLimit(maxRows), rowStep(blockRows), tiles(threads) {
    const int numTypes = static_cast<int>(isComputed.size());
    std::vector<std::vector<int>> byType(numTypes);
    std::vector<int> internal(list.getNumAtoms());
    for (int i = 0; i < list.getNumAtoms(); i++)
        internal[list.getOrder()[i]] = i;
    for (int i : internal) {
        const int type = list.getTypes()[i];
        if (type != NeighborList::noType && isComputed[type])
            byType[type].push_back(i);
    }

    // Types that are shared come first, the sequence of the others last.

    std::vector<std::vector<Run>> sections;
    std::vector<Run> others;
    const auto append = [&](int type, std::vector<Run>& section) {
        const int begin = static_cast<int>(atoms.size());
        atoms.insert(atoms.end(), byType[type].begin(), byType[type].end());
        section.push_back({type, begin, static_cast<int>(atoms.size())});
    };
    const auto isShared = [&](int type) { return static_cast<int>(byType[type].size()) >= threads * maxRows; };
    for (int type = 0; type < numTypes; type++)
        if (isShared(type))
            append(type, sections.emplace_back());
    for (int type = 0; type < numTypes; type++)
        if (!isShared(type) && !byType[type].empty())
            append(type, others);
    if (!others.empty())
        sections.push_back(others);

    for (const std::vector<Run>& section : sections)
        cutSection(section);
}

/** One equal piece for each thread, but no splinters at the borders of types. */
void WorkDivision::cutSection(const std::vector<Run>& runs) {
    const int threads = static_cast<int>(tiles.size()), first = runs.front().begin, last = runs.back().end;
    int begin = first;
    for (int thread = 0; thread < threads; thread++) {
        int end = std::max(begin, first + static_cast<int>((last - first) * (thread + 1LL) / threads));
        for (const Run& run : runs)
            if (std::abs(run.end - end) < maxSplinter && run.end - begin > 4 * maxSplinter)
                end = run.end;
        if (thread + 1 == threads)
            end = last;
        for (const Run& run : runs)
            cutRun(run, std::max(begin, run.begin), std::min(end, run.end), tiles[thread]);
        begin = end;
    }
}

/** Tiles of nearly equal size, in whole register blocks of the matrix product. */
void WorkDivision::cutRun(const Run& run, int begin, int end, std::vector<Tile>& work) {
    if (end <= begin)
        return;
    const int count = (end - begin + rowLimit - 1) / rowLimit;
    const int size = ((end - begin + count - 1) / count + rowStep - 1) / rowStep * rowStep;
    for (; begin < end; begin += size)
        work.push_back({numTiles++, run.type, begin, std::min(size, end - begin), run.end - run.begin});
}

std::size_t WorkDivision::getMemory() const {
    std::size_t bytes = atoms.capacity() * sizeof(int);
    for (const std::vector<Tile>& work : tiles)
        bytes += work.capacity() * sizeof(Tile);
    return bytes;
}

}  // namespace lps::fast
