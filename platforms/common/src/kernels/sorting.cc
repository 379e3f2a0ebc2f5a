// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Particles of the Force sorted by (class, cell), and their positions in that order. Lengths in nm. The class is the
 * model's type, split into particles whose energy this device computes and others where several devices share the work.
 * Where a particle stands in the order is its "rank".
 *
 * Whether to sort anew, and then to rebuild the neighbor list, is decided on the device: checkDisplacements() stores
 * the number of the evaluation in the counter LPS_REBUILD, and the stages of a rebuild do nothing unless they find
 their
 * own number there. The condition is the same for all threads, so that barriers stay in uniform control flow.
 *
 * Each stage is a kernel. With LPS_ONE_GROUP, for few particles, a single work group does all of them in one launch:
 * stages are functions then, which find global arrays as the stage before has left them behind a barrier. Arrays that
 * threads write for each other within a launch must not be RESTRICT, which would let a compiler move reads across the
 * barrier.
 *
 * counters: see CounterFields.h.

 * gridCounts: cells nx ny nz; stencil reach of each; image reach of each; nx ny nz multiplied.
 * gridVectors: box vectors a b c, then the matrix that turns a position into fractions of them, row-major, then the
 * origin.
 */

#ifdef LPS_ONE_GROUP
#define LPS_STAGE inline DEVICE void
#define LPS_STAGE_RESTRICT
#else
#define LPS_STAGE KERNEL void
#define LPS_STAGE_RESTRICT RESTRICT
#endif

/** Position in nm. @param posqCorrection  what posq lacks of it with LPS_USE_CORRECTION; else not read */
inline DEVICE mixed4 lpsLoadPosition(GLOBAL const real4* RESTRICT posq, GLOBAL const real4* RESTRICT posqCorrection,
                                     int particle) {
    real4 p = posq[particle];
#ifdef LPS_USE_CORRECTION
    real4 c = posqCorrection[particle];
    return make_mixed4((mixed)p.x + (mixed)c.x, (mixed)p.y + (mixed)c.y, (mixed)p.z + (mixed)c.z, (mixed)0);
#else
    return make_mixed4((mixed)p.x, (mixed)p.y, (mixed)p.z, (mixed)0);
#endif
}

#define LPS_POSITION(particle) lpsLoadPosition(posq, posqCorrection, particle)

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

#ifndef LPS_PERIODIC
inline DEVICE mixed4 lpsSmaller(mixed4 a, mixed4 b) {
    return make_mixed4(a.x < b.x ? a.x : b.x, a.y < b.y ? a.y : b.y, a.z < b.z ? a.z : b.z, 0);
}

inline DEVICE mixed4 lpsLarger(mixed4 a, mixed4 b) {
    return make_mixed4(a.x > b.x ? a.x : b.x, a.y > b.y ? a.y : b.y, a.z > b.z ? a.z : b.z, 0);
}

/** Cells of at least this edge along each side, and how many in all. A side that is not finite gives one cell. */
inline DEVICE mixed lpsCountCells(mixed4 least, mixed4 most, mixed edge, int* count) {
    const mixed size[3] = {most.x - least.x, most.y - least.y, most.z - least.z};
    mixed cells = 1;
    for (int k = 0; k < 3; k++) {
        const mixed wish = size[k] / edge;
        count[k] = wish >= (mixed)1 ? (wish < (mixed)1024 ? (int)wish : 1024) : 1;
        cells *= count[k];
    }
    return cells;
}

/** Store a grid over this box, as coarse as the array that counts its cells demands. */
inline DEVICE void lpsStoreGrid(mixed4 least, mixed4 most, mixed listCutoff, int maxCells,
                                GLOBAL int* LPS_STAGE_RESTRICT gridCounts,
                                GLOBAL mixed* LPS_STAGE_RESTRICT gridVectors) {
    const mixed origin[3] = {least.x, least.y, least.z};
    const mixed size[3] = {most.x - least.x, most.y - least.y, most.z - least.z};
    mixed edge = (mixed)0.501 * listCutoff;
    int count[3];
    for (int attempt = 0; attempt < 400 && lpsCountCells(least, most, edge, count) > maxCells; attempt++)
        edge *= (mixed)1.1;
    if ((mixed)count[0] * count[1] * count[2] > maxCells)
        count[0] = count[1] = count[2] = 1;
    for (int k = 0; k < 3; k++) {
        mixed width = (size[k] > (mixed)1e-6 && size[k] < (mixed)1e30 ? size[k] : (mixed)1e-6) * (mixed)1.0001;
        mixed reach = listCutoff * count[k] / width + (mixed)0.002;
        gridCounts[k] = count[k];
        gridCounts[3 + k] = reach < count[k] ? (int)reach + 1 : count[k];
        gridCounts[6 + k] = 0;
        for (int l = 0; l < 3; l++) {
            gridVectors[3 * k + l] = 0;
            gridVectors[9 + 3 * k + l] = (k == l ? (mixed)1 / width : (mixed)0);
        }
        gridVectors[18 + k] = origin[k];
    }
    gridCounts[9] = count[0] * count[1] * count[2];
}

/**
 * The grid of a system without box: cells of about half the list cutoff over the smallest axis-parallel box around all
 * particles. If that takes too many cells, particles farther than three standard deviations from the mean are left
 * outside, again and again, or a single one far away would put all others into one cell. Those outside belong to the
 * nearest cell of the grid, and a neighbor of theirs is within the reach of that cell. One work group.
 *
 * @param first, second  [LPS_SORT_THREADS] an element is written by each thread and read behind a barrier
 */
inline DEVICE void lpsPlaceGrid(int evaluation, GLOBAL const int* LPS_STAGE_RESTRICT counters, int numParticles,
                                GLOBAL const real4* RESTRICT posq, GLOBAL const real4* RESTRICT posqCorrection,
                                GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* RESTRICT classes,
                                mixed listCutoff, int maxCells, GLOBAL int* LPS_STAGE_RESTRICT gridCounts,
                                GLOBAL mixed* LPS_STAGE_RESTRICT gridVectors, LOCAL_ARG mixed4* first,
                                LOCAL_ARG mixed4* second) {
    const mixed huge = (mixed)1e30;
    const int thread = LOCAL_ID;
    const int end = (counters[LPS_REBUILD] == evaluation && GROUP_ID == 0 ? numParticles : 0);
    mixed4 least = make_mixed4(huge, huge, huge, 0);
    mixed4 most = make_mixed4(-huge, -huge, -huge, 0);
    for (int i = thread; i < end; i += LOCAL_SIZE) {
        if (classes[atomIndex[i]] < 0)
            continue;
        mixed4 p = LPS_POSITION(i);
        least = lpsSmaller(p, least);
        most = lpsLarger(p, most);
    }
    first[thread] = least;
    second[thread] = most;
    SYNC_THREADS;
    for (int k = 0; k < (int)LOCAL_SIZE; k++) {
        least = lpsSmaller(first[k], least);
        most = lpsLarger(second[k], most);
    }
    SYNC_THREADS;

    // Every thread has the same box from here on, and takes the same branches.

    int count[3];
    for (int pass = 0; pass < 8 && lpsCountCells(least, most, (mixed)0.501 * listCutoff, count) > maxCells; pass++) {
        mixed4 sum = make_mixed4(0, 0, 0, 0);
        mixed4 squares = make_mixed4(0, 0, 0, 0);
        for (int i = thread; i < end; i += LOCAL_SIZE) {
            mixed4 p = LPS_POSITION(i);
            if (classes[atomIndex[i]] < 0 || !(p.x >= least.x && p.x <= most.x && p.y >= least.y && p.y <= most.y &&
                                               p.z >= least.z && p.z <= most.z))
                continue;
            const mixed x = p.x - least.x, y = p.y - least.y, z = p.z - least.z;
            sum = make_mixed4(sum.x + x, sum.y + y, sum.z + z, sum.w + 1);
            squares = make_mixed4(squares.x + x * x, squares.y + y * y, squares.z + z * z, 0);
        }
        first[thread] = sum;
        second[thread] = squares;
        SYNC_THREADS;
        sum = make_mixed4(0, 0, 0, 0);
        squares = make_mixed4(0, 0, 0, 0);
        for (int k = 0; k < (int)LOCAL_SIZE; k++) {
            sum = make_mixed4(sum.x + first[k].x, sum.y + first[k].y, sum.z + first[k].z, sum.w + first[k].w);
            squares = make_mixed4(squares.x + second[k].x, squares.y + second[k].y, squares.z + second[k].z, 0);
        }
        SYNC_THREADS;
        const mixed share = (mixed)1 / sum.w;
        const mixed4 mean = make_mixed4(sum.x * share, sum.y * share, sum.z * share, 0);
        const mixed4 spread =
            make_mixed4(3 * sqrt(squares.x * share - mean.x * mean.x), 3 * sqrt(squares.y * share - mean.y * mean.y),
                        3 * sqrt(squares.z * share - mean.z * mean.z), 0);
        const mixed4 base = least, top = most;
        least = lpsLarger(
            make_mixed4(base.x + mean.x - spread.x, base.y + mean.y - spread.y, base.z + mean.z - spread.z, 0), base);
        most = lpsSmaller(
            make_mixed4(base.x + mean.x + spread.x, base.y + mean.y + spread.y, base.z + mean.z + spread.z, 0), top);
        if (least.x == base.x && least.y == base.y && least.z == base.z && most.x == top.x && most.y == top.y &&
            most.z == top.z)
            break;
    }
    if (thread == 0 && end > 0)
        lpsStoreGrid(least, most, listCutoff, maxCells, gridCounts, gridVectors);
}

#ifndef LPS_ONE_GROUP
KERNEL void placeGrid(int evaluation, GLOBAL const int* LPS_STAGE_RESTRICT counters, int numParticles,
                      GLOBAL const real4* RESTRICT posq, GLOBAL const real4* RESTRICT posqCorrection,
                      GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* RESTRICT classes, mixed listCutoff,
                      int maxCells, GLOBAL int* LPS_STAGE_RESTRICT gridCounts,
                      GLOBAL mixed* LPS_STAGE_RESTRICT gridVectors) {
    LOCAL mixed4 first[LPS_SORT_THREADS];
    LOCAL mixed4 second[LPS_SORT_THREADS];
    lpsPlaceGrid(evaluation, counters, numParticles, posq, posqCorrection, atomIndex, classes, listCutoff, maxCells,
                 gridCounts, gridVectors, first, second);
}
#endif
#endif

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
