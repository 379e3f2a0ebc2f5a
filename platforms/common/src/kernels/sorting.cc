// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Particles of the Force sorted by (class, cell), and their positions in that order. Lengths in nm. The class is the
 * model's type, split into particles whose energy this device computes and others where several devices share the work.
 * Where a particle stands in the order is its "rank".
 *
 * Whether to sort anew, and then to rebuild the neighbor list, is decided on the device: checkDisplacements() stores
 * the number of the evaluation in the counter LPS_REBUILD, and the stages of a rebuild do nothing unless they find
 * their own number there. The condition is the same for all threads, so that barriers stay in uniform control flow.
 *
 * Each stage is a kernel. With LPS_ONE_GROUP, for few particles, a single work group does all of them in one launch:
 * stages are functions then, which find global arrays as the stage before has left them behind a barrier. Arrays that
 * threads write for each other within a launch must not be RESTRICT, which would let a compiler move reads across the
 * barrier.
 *
 * counters: see CounterFields.h.
 * gridCounts, gridVectors: see grid.cc.
 */

/**
 * Beyond this coordinate, in nm, too few digits are left for the distance to a neighbor: where positions are doubles as
 * the CPU platform has it, and where they are floats as soon as these are 0.008 nm apart.
 */
#if defined(USE_DOUBLE_PRECISION) || defined(LPS_USE_CORRECTION)
#define LPS_FARTHEST ((mixed)1e8)
#else
#define LPS_FARTHEST ((mixed)1e5)
#endif

/**
 * Clear what the evaluation counts up, and demand a rebuild where a particle has moved by more than half of the skin,
 * or where the host wants one. The first stage of an evaluation; nothing else clears counters or sums.
 *
 * @param mustRebuild  1: the host wants a rebuild
 * @param reference    [particles] positions at the last rebuild
 * @param counters     [numCounters] all cleared but LPS_REBUILD
 * @param sums         [LPS_NUM_SUMS] cleared
 */
LPS_STAGE checkDisplacements(int evaluation, int mustRebuild, int numParticles, real limit2,
                             GLOBAL const real4* RESTRICT posq, GLOBAL const real4* LPS_STAGE_RESTRICT reference,
                             GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* RESTRICT classes, int numCounters,
                             GLOBAL int* LPS_STAGE_RESTRICT counters, GLOBAL mm_ulong* RESTRICT sums) {
    for (int i = GLOBAL_ID; i < LPS_NUM_SUMS; i += GLOBAL_SIZE)
        sums[i] = 0;
    for (int i = GLOBAL_ID; i < numCounters; i += GLOBAL_SIZE)
        if (i != LPS_REBUILD)
            counters[i] = 0;
    if (GLOBAL_ID == 0 && mustRebuild)
        counters[LPS_REBUILD] = evaluation;
    for (int i = GLOBAL_ID; i < numParticles && !mustRebuild; i += GLOBAL_SIZE) {
        real4 p = posq[i];
        real4 q = reference[i];
        real dx = p.x - q.x;
        real dy = p.y - q.y;
        real dz = p.z - q.z;
        if (!(dx * dx + dy * dy + dz * dz <= limit2) && classes[atomIndex[i]] >= 0)
            counters[LPS_REBUILD] = evaluation;
    }
}

/**
 * Find the cell of each particle and count the particles of each bin (class, cell).
 *
 * @param cells   [particles] (bin, or -1 for particles of others; image of the box that holds the particle)
 * @param counts  [bins] zero before; atomic, but sums of integers depend on no order
 */
LPS_STAGE countAtoms(int evaluation, GLOBAL const int* LPS_STAGE_RESTRICT counters, int numParticles,
                     GLOBAL const real4* RESTRICT posq, GLOBAL const real4* RESTRICT posqCorrection,
                     GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* RESTRICT classes,
                     GLOBAL const int* LPS_STAGE_RESTRICT gridCounts,
                     GLOBAL const mixed* LPS_STAGE_RESTRICT gridVectors, GLOBAL real4* LPS_STAGE_RESTRICT reference,
                     GLOBAL int4* LPS_STAGE_RESTRICT cells, GLOBAL int* LPS_STAGE_RESTRICT counts) {
    if (counters[LPS_REBUILD] != evaluation)
        return;
    for (int i = GLOBAL_ID; i < numParticles; i += GLOBAL_SIZE) {
        reference[i] = posq[i];
        int group = classes[atomIndex[i]];
        if (group < 0) {
            cells[i] = make_int4(-1, 0, 0, 0);
            continue;
        }
        mixed4 p = LPS_POSITION(i);
        p.x -= gridVectors[18];
        p.y -= gridVectors[19];
        p.z -= gridVectors[20];
        int image[3];
        int cell[3];
        for (int k = 0; k < 3; k++) {
            mixed fraction = p.x * gridVectors[9 + k] + p.y * gridVectors[12 + k] + p.z * gridVectors[15 + k];
#ifdef LPS_PERIODIC
            mixed whole = floor(fraction);
            whole = (whole > (mixed)-1e9 && whole < (mixed)1e9 ? whole : (mixed)0);
#else
            mixed whole = 0;
#endif
            image[k] = (int)whole;
            mixed where = (fraction - whole) * gridCounts[k];
            int index = where > 0 ? (where < gridCounts[k] ? (int)where : gridCounts[k] - 1) : 0;
            cell[k] = index;
        }
        int bin = group * gridCounts[9] + cell[0] + gridCounts[0] * (cell[1] + gridCounts[1] * cell[2]);
        cells[i] = make_int4(bin, image[0], image[1], image[2]);
        ATOMIC_ADD(&counts[bin], 1);
    }
}

/**
 * First rank of each bin, for this work group's share of the bins: a prefix sum over their counts. Clears the counts,
 * which scatterAtoms() counts up again.
 *
 * @param before  particles in the shares of the work groups before this one
 * @param starts  [bins + 1]
 * @param sums    [2 LPS_SORT_THREADS]
 */
inline DEVICE void lpsScanBins(int numBins, int first, int end, int before, GLOBAL int* LPS_STAGE_RESTRICT counts,
                               GLOBAL int* LPS_STAGE_RESTRICT starts, LOCAL_ARG int* sums) {
    const int thread = LOCAL_ID;
    for (int start = first; start < end; start += LOCAL_SIZE) {
        int bin = start + thread;
        int count = (bin < end ? counts[bin] : 0);
        int from = 0;
        sums[thread] = count;
        SYNC_THREADS;
        for (int distance = 1; distance < (int)LOCAL_SIZE; distance *= 2) {
            int sum = sums[from + thread] + (thread >= distance ? sums[from + thread - distance] : 0);
            from = LPS_SORT_THREADS - from;
            sums[from + thread] = sum;
            SYNC_THREADS;
        }
        int rank = before + sums[from + thread] - count;
        before += sums[from + LOCAL_SIZE - 1];
        if (bin < end) {
            starts[bin] = rank;
            counts[bin] = 0;
            if (bin == numBins - 1)
                starts[numBins] = rank + count;
        }
        SYNC_THREADS;
    }
}

#ifndef LPS_ONE_GROUP
/**
 * Particles in each work group's share of the bins, for scanBins().
 *
 * @param partial  [NUM_GROUPS]
 */
KERNEL void sumBins(int evaluation, GLOBAL const int* LPS_STAGE_RESTRICT counters,
                    GLOBAL const int* LPS_STAGE_RESTRICT gridCounts, GLOBAL const int* LPS_STAGE_RESTRICT counts,
                    GLOBAL int* RESTRICT partial) {
    LOCAL int sums[LPS_SORT_THREADS];
    const int thread = LOCAL_ID;
    const int numBins = (counters[LPS_REBUILD] == evaluation ? gridCounts[9] * LPS_NUM_CLASSES : 0);
    const int share = (numBins + NUM_GROUPS - 1) / NUM_GROUPS;
    const int first = (int)GROUP_ID * share;
    const int end = (first + share < numBins ? first + share : numBins);
    int sum = 0;
    for (int i = first + thread; i < end; i += LOCAL_SIZE)
        sum += counts[i];
    sums[thread] = sum;
    SYNC_THREADS;
    if (thread == 0) {
        for (int k = 1; k < (int)LOCAL_SIZE; k++)
            sum += sums[k];
        partial[GROUP_ID] = sum;
    }
}

/** Same launch as sumBins(). */
KERNEL void scanBins(int evaluation, GLOBAL const int* LPS_STAGE_RESTRICT counters,
                     GLOBAL const int* LPS_STAGE_RESTRICT gridCounts, GLOBAL int* LPS_STAGE_RESTRICT counts,
                     GLOBAL const int* RESTRICT partial, GLOBAL int* LPS_STAGE_RESTRICT starts) {
    LOCAL int sums[2 * LPS_SORT_THREADS];
    const int numBins = (counters[LPS_REBUILD] == evaluation ? gridCounts[9] * LPS_NUM_CLASSES : 0);
    const int share = (numBins + NUM_GROUPS - 1) / NUM_GROUPS;
    const int first = (int)GROUP_ID * share;
    int before = 0;
    for (int k = 0; k < (int)GROUP_ID && numBins > 0; k++)
        before += partial[k];
    lpsScanBins(numBins, first, first + share < numBins ? first + share : numBins, before, counts, starts, sums);
}
#endif

/** Put each particle into its bin, in any order. @param unsorted [numSorted] */
LPS_STAGE scatterAtoms(int evaluation, GLOBAL const int* LPS_STAGE_RESTRICT counters, int numParticles,
                       GLOBAL const int4* LPS_STAGE_RESTRICT cells, GLOBAL const int* LPS_STAGE_RESTRICT starts,
                       GLOBAL int* LPS_STAGE_RESTRICT counts, GLOBAL int* LPS_STAGE_RESTRICT unsorted) {
    if (counters[LPS_REBUILD] != evaluation)
        return;
    for (int i = GLOBAL_ID; i < numParticles; i += GLOBAL_SIZE) {
        int bin = cells[i].x;
        if (bin >= 0)
            unsorted[starts[bin] + ATOMIC_ADD(&counts[bin], 1)] = i;
    }
}

/**
 * Bring the particles of each bin into the order of the System, which makes all sums over neighbors reproducible.
 *
 * @param counts  [bins] cleared for the next rebuild
 * @param sorted  [numSorted] (particle, image of the box that holds it)
 */
LPS_STAGE orderAtoms(int evaluation, GLOBAL const int* LPS_STAGE_RESTRICT counters, int numSorted,
                     GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* LPS_STAGE_RESTRICT gridCounts,
                     GLOBAL const int4* LPS_STAGE_RESTRICT cells, GLOBAL const int* LPS_STAGE_RESTRICT starts,
                     GLOBAL const int* LPS_STAGE_RESTRICT unsorted, GLOBAL int* LPS_STAGE_RESTRICT counts,
                     GLOBAL int4* LPS_STAGE_RESTRICT sorted) {
    if (counters[LPS_REBUILD] != evaluation)
        return;
    for (int i = GLOBAL_ID; i < gridCounts[9] * LPS_NUM_CLASSES; i += GLOBAL_SIZE)
        counts[i] = 0;
    for (int i = GLOBAL_ID; i < numSorted; i += GLOBAL_SIZE) {
        int particle = unsorted[i];
        int index = atomIndex[particle];
        int4 cell = cells[particle];
        int rank = starts[cell.x];
        for (int other = starts[cell.x]; other < starts[cell.x + 1]; other++)
            if (atomIndex[unsorted[other]] < index)
                rank++;
        sorted[rank] = make_int4(particle, cell.y, cell.z, cell.w);
    }
}

/**
 * Positions by rank, inside the box.
 *
 * @param positions  [numSorted] nm
 * @param counters   LPS_LOST_ATOM: 2^31 - 1 - index within the System of the first particle that is too far away or
 * whose position is not finite; 0 if there is none
 */
LPS_STAGE gatherPositions(int numSorted, GLOBAL const real4* RESTRICT posq, GLOBAL const real4* RESTRICT posqCorrection,
                          GLOBAL const int* RESTRICT atomIndex, GLOBAL const int4* LPS_STAGE_RESTRICT sorted,
                          GLOBAL const mixed* LPS_STAGE_RESTRICT gridVectors,
                          GLOBAL mixed4* LPS_STAGE_RESTRICT positions, GLOBAL int* LPS_STAGE_RESTRICT counters) {
    for (int rank = GLOBAL_ID; rank < numSorted; rank += GLOBAL_SIZE) {
        int4 atom = sorted[rank];
        mixed4 p = LPS_POSITION(atom.x);
        if (!(lpsIsWithin(p.x, LPS_FARTHEST) && lpsIsWithin(p.y, LPS_FARTHEST) && lpsIsWithin(p.z, LPS_FARTHEST)))
            LPS_ATOMIC_MAX(&counters[LPS_LOST_ATOM], 0x7fffffff - atomIndex[atom.x]);
#ifdef LPS_PERIODIC
        p.x -= atom.y * gridVectors[0] + atom.z * gridVectors[3] + atom.w * gridVectors[6];
        p.y -= atom.y * gridVectors[1] + atom.z * gridVectors[4] + atom.w * gridVectors[7];
        p.z -= atom.y * gridVectors[2] + atom.z * gridVectors[5] + atom.w * gridVectors[8];
#endif
        positions[rank] = p;
    }
}

#ifdef LPS_ONE_GROUP
/** All stages, by one work group. Arguments as above. */
KERNEL void sortParticles(int evaluation, int mustRebuild, int numParticles, real limit2,
                          GLOBAL const real4* RESTRICT posq, GLOBAL const real4* RESTRICT posqCorrection,
                          GLOBAL real4* reference, GLOBAL const int* RESTRICT atomIndex,
                          GLOBAL const int* RESTRICT classes, int numCounters, GLOBAL int* counters,
                          GLOBAL mm_ulong* RESTRICT sums, mixed listCutoff, int maxCells, GLOBAL int* gridCounts,
                          GLOBAL mixed* gridVectors, GLOBAL int4* cells, GLOBAL int* counts, GLOBAL int* starts,
                          GLOBAL int* unsorted, int numSorted, GLOBAL int4* sorted, GLOBAL mixed4* positions) {
    LOCAL int scanned[2 * LPS_SORT_THREADS];
    checkDisplacements(evaluation, mustRebuild, numParticles, limit2, posq, reference, atomIndex, classes, numCounters,
                       counters, sums);
    SYNC_THREADS;
#ifndef LPS_PERIODIC
    LOCAL mixed4 first[LPS_SORT_THREADS];
    LOCAL mixed4 second[LPS_SORT_THREADS];
    lpsPlaceGrid(evaluation, counters, numParticles, posq, posqCorrection, atomIndex, classes, listCutoff, maxCells,
                 gridCounts, gridVectors, first, second);
    SYNC_THREADS;
#endif
    countAtoms(evaluation, counters, numParticles, posq, posqCorrection, atomIndex, classes, gridCounts, gridVectors,
               reference, cells, counts);
    SYNC_THREADS;
    const int numBins = (counters[LPS_REBUILD] == evaluation ? gridCounts[9] * LPS_NUM_CLASSES : 0);
    lpsScanBins(numBins, 0, numBins, 0, counts, starts, scanned);
    SYNC_THREADS;
    scatterAtoms(evaluation, counters, numParticles, cells, starts, counts, unsorted);
    SYNC_THREADS;
    orderAtoms(evaluation, counters, numSorted, atomIndex, gridCounts, cells, starts, unsorted, counts, sorted);
    SYNC_THREADS;
    gatherPositions(numSorted, posq, posqCorrection, atomIndex, sorted, gridVectors, positions, counters);
}
#endif
