// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Particles of the Force sorted by (class, cell), and their positions in that order. Lengths in nm. The class is the
 * model's type, split into particles whose energy this device computes and others where several devices share the work.
 * A place in the order is a "slot".
 *
 * Whether to sort anew, and then to rebuild the neighbour list, is decided on the device: checkDisplacements() stores
 * the number of the evaluation in rebuild[0], and the stages of a rebuild do nothing unless they find their own number
 * there. The condition is the same for all threads, so that barriers stay in uniform control flow.
 *
 * Each stage is a kernel. With LPS_ONE_GROUP, for few particles, a single work group does all of them in one launch:
 * stages are functions then, which find global arrays as the stage before has left them behind a barrier.
 *
 * gridCounts: cells nx ny nz; stencil reach of each; image reach of each; nx ny nz multiplied.
 * gridVectors: box vectors a b c, then the matrix that turns a position into fractions of them, row-major, then the
 * origin.
 */

#ifdef LPS_ONE_GROUP
#define LPS_STAGE inline DEVICE void
#else
#define LPS_STAGE KERNEL void
#endif

inline DEVICE mixed4 lpsLoadPosition(GLOBAL const real4* RESTRICT posq,
#ifdef LPS_USE_CORRECTION
                                     GLOBAL const real4* RESTRICT posqCorrection,
#endif
                                     int particle) {
    real4 p = posq[particle];
#ifdef LPS_USE_CORRECTION
    real4 c = posqCorrection[particle];
    return make_mixed4((mixed)p.x + (mixed)c.x, (mixed)p.y + (mixed)c.y, (mixed)p.z + (mixed)c.z, (mixed)0);
#else
    return make_mixed4((mixed)p.x, (mixed)p.y, (mixed)p.z, (mixed)0);
#endif
}

#ifdef LPS_USE_CORRECTION
#define LPS_POSITIONS GLOBAL const real4 *RESTRICT posq, GLOBAL const real4 *RESTRICT posqCorrection
#define LPS_PASS_POSITIONS posq, posqCorrection
#else
#define LPS_POSITIONS GLOBAL const real4* RESTRICT posq
#define LPS_PASS_POSITIONS posq
#endif
#define LPS_POSITION(particle) lpsLoadPosition(LPS_PASS_POSITIONS, particle)

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
 * Demand a rebuild where a particle has moved by more than half of the skin, or where the host forces it. Also clears
 * what the rest of the evaluation counts up.
 *
 * @param status        [LPS_NUM_TYPES + 6] the last six are cleared; see gatherPositions() and environment.cc
 * @param reference     [particles] positions at the last rebuild
 * @param directCounts  [numTiles] cleared
 * @param sums          [numSums] cleared
 */
LPS_STAGE checkDisplacements(int evaluation, int force, int numParticles, real limit2,
                             GLOBAL const real4* RESTRICT posq, GLOBAL const real4* RESTRICT reference,
                             GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* RESTRICT classes,
                             GLOBAL int* RESTRICT rebuild, GLOBAL int* RESTRICT status, int numTiles,
                             GLOBAL int* RESTRICT directCounts, int numSums, GLOBAL mm_ulong* RESTRICT sums) {
    for (int i = GLOBAL_ID; i < numTiles; i += GLOBAL_SIZE)
        directCounts[i] = 0;
    for (int i = GLOBAL_ID; i < numSums; i += GLOBAL_SIZE)
        sums[i] = 0;
    if (GLOBAL_ID == 0) {
        for (int i = LPS_NUM_TYPES; i < LPS_NUM_TYPES + 6; i++)
            status[i] = 0;
        if (force)
            rebuild[0] = evaluation;
    }
    for (int i = GLOBAL_ID; i < numParticles && !force; i += GLOBAL_SIZE) {
        real4 p = posq[i];
        real4 q = reference[i];
        real dx = p.x - q.x;
        real dy = p.y - q.y;
        real dz = p.z - q.z;
        if (!(dx * dx + dy * dy + dz * dz <= limit2) && classes[atomIndex[i]] >= 0)
            rebuild[0] = evaluation;
    }
}

#ifndef LPS_PERIODIC
/**
 * The grid of a system without box: cells of about half the list cutoff over the smallest axis-parallel box around all
 * particles. One work group.
 *
 * @param low, high  [LPS_SORT_THREADS] written by each thread in its own place and read behind a barrier
 */
inline DEVICE void lpsPlaceGrid(int evaluation, GLOBAL const int* RESTRICT rebuild, int numParticles, LPS_POSITIONS,
                                GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* RESTRICT classes,
                                mixed listCutoff, int maxCells, GLOBAL int* RESTRICT gridCounts,
                                GLOBAL mixed* RESTRICT gridVectors, LOCAL_ARG mixed4* RESTRICT low,
                                LOCAL_ARG mixed4* RESTRICT high) {
    const mixed huge = (mixed)1e30;
    const int thread = LOCAL_ID;
    const int end = (rebuild[0] == evaluation && GROUP_ID == 0 ? numParticles : 0);
    mixed4 least = make_mixed4(huge, huge, huge, 0);
    mixed4 most = make_mixed4(-huge, -huge, -huge, 0);
    for (int i = thread; i < end; i += LOCAL_SIZE) {
        if (classes[atomIndex[i]] < 0)
            continue;
        mixed4 p = LPS_POSITION(i);
        least =
            make_mixed4(p.x < least.x ? p.x : least.x, p.y < least.y ? p.y : least.y, p.z < least.z ? p.z : least.z, 0);
        most = make_mixed4(p.x > most.x ? p.x : most.x, p.y > most.y ? p.y : most.y, p.z > most.z ? p.z : most.z, 0);
    }
    low[thread] = least;
    high[thread] = most;
    SYNC_THREADS;
    if (thread == 0 && end > 0) {
        for (int k = 1; k < (int)LOCAL_SIZE; k++) {
            mixed4 p = low[k];
            mixed4 q = high[k];
            least = make_mixed4(p.x < least.x ? p.x : least.x, p.y < least.y ? p.y : least.y,
                                p.z < least.z ? p.z : least.z, 0);
            most =
                make_mixed4(q.x > most.x ? q.x : most.x, q.y > most.y ? q.y : most.y, q.z > most.z ? q.z : most.z, 0);
        }
        mixed origin[3] = {least.x, least.y, least.z};
        mixed size[3] = {most.x - least.x, most.y - least.y, most.z - least.z};
        mixed edge = (mixed)0.501 * listCutoff;
        int count[3];

        // Coarsen until the cells fit the array that counts them. Sizes that are not numbers give one cell.

        for (int attempt = 0; attempt < 400; attempt++) {
            mixed cells = 1;
            for (int k = 0; k < 3; k++) {
                mixed wish = size[k] / edge;
                count[k] = wish >= (mixed)1 ? (wish < (mixed)1024 ? (int)wish : 1024) : 1;
                cells *= count[k];
            }
            if (cells <= maxCells)
                break;
            edge *= (mixed)1.1;
        }
        if ((mixed)count[0] * count[1] * count[2] > maxCells)
            count[0] = count[1] = count[2] = 1;
        for (int k = 0; k < 3; k++) {
            mixed width = (size[k] > (mixed)1e-6 && size[k] < huge ? size[k] : (mixed)1e-6) * (mixed)1.0001;
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
}

#ifndef LPS_ONE_GROUP
KERNEL void placeGrid(int evaluation, GLOBAL const int* RESTRICT rebuild, int numParticles, LPS_POSITIONS,
                      GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* RESTRICT classes, mixed listCutoff,
                      int maxCells, GLOBAL int* RESTRICT gridCounts, GLOBAL mixed* RESTRICT gridVectors) {
    LOCAL mixed4 low[LPS_SORT_THREADS];
    LOCAL mixed4 high[LPS_SORT_THREADS];
    lpsPlaceGrid(evaluation, rebuild, numParticles, LPS_PASS_POSITIONS, atomIndex, classes, listCutoff, maxCells,
                 gridCounts, gridVectors, low, high);
}
#endif
#endif

/**
 * Find the cell of each particle and count the particles of each bin (class, cell).
 *
 * @param cells   [particles] (bin, or -1 for particles of others; image of the box that holds the particle)
 * @param counts  [bins] zero before; atomic, but sums of integers depend on no order
 * @param status  [LPS_NUM_TYPES] cleared for buildNeighborList()
 */
LPS_STAGE countAtoms(int evaluation, GLOBAL const int* RESTRICT rebuild, int numParticles, LPS_POSITIONS,
                     GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* RESTRICT classes,
                     GLOBAL const int* RESTRICT gridCounts, GLOBAL const mixed* RESTRICT gridVectors,
                     GLOBAL real4* RESTRICT reference, GLOBAL int4* RESTRICT cells, GLOBAL int* RESTRICT counts,
                     GLOBAL int* RESTRICT status) {
    if (rebuild[0] != evaluation)
        return;
    for (int i = GLOBAL_ID; i < LPS_NUM_TYPES; i += GLOBAL_SIZE)
        status[i] = 0;
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
            mixed place = (fraction - whole) * gridCounts[k];
            int index = place > 0 ? (place < gridCounts[k] ? (int)place : gridCounts[k] - 1) : 0;
            cell[k] = index;
        }
        int bin = group * gridCounts[9] + cell[0] + gridCounts[0] * (cell[1] + gridCounts[1] * cell[2]);
        cells[i] = make_int4(bin, image[0], image[1], image[2]);
        ATOMIC_ADD(&counts[bin], 1);
    }
}

/**
 * First slot of each bin, for this work group's share of the bins: a prefix sum over their counts. Clears the counts,
 * which scatterAtoms() counts up again.
 *
 * @param before  particles in the shares of the work groups before this one
 * @param starts  [bins + 1]
 * @param sums    [2 LPS_SORT_THREADS]
 */
inline DEVICE void lpsScanBins(int numBins, int first, int end, int before, GLOBAL int* RESTRICT counts,
                               GLOBAL int* RESTRICT starts, LOCAL_ARG int* RESTRICT sums) {
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
        int place = before + sums[from + thread] - count;
        before += sums[from + LOCAL_SIZE - 1];
        if (bin < end) {
            starts[bin] = place;
            counts[bin] = 0;
            if (bin == numBins - 1)
                starts[numBins] = place + count;
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
KERNEL void sumBins(int evaluation, GLOBAL const int* RESTRICT rebuild, GLOBAL const int* RESTRICT gridCounts,
                    GLOBAL const int* RESTRICT counts, GLOBAL int* RESTRICT partial) {
    LOCAL int sums[LPS_SORT_THREADS];
    const int thread = LOCAL_ID;
    const int numBins = (rebuild[0] == evaluation ? gridCounts[9] * LPS_NUM_CLASSES : 0);
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
KERNEL void scanBins(int evaluation, GLOBAL const int* RESTRICT rebuild, GLOBAL const int* RESTRICT gridCounts,
                     GLOBAL int* RESTRICT counts, GLOBAL const int* RESTRICT partial, GLOBAL int* RESTRICT starts) {
    LOCAL int sums[2 * LPS_SORT_THREADS];
    const int numBins = (rebuild[0] == evaluation ? gridCounts[9] * LPS_NUM_CLASSES : 0);
    const int share = (numBins + NUM_GROUPS - 1) / NUM_GROUPS;
    const int first = (int)GROUP_ID * share;
    int before = 0;
    for (int k = 0; k < (int)GROUP_ID && numBins > 0; k++)
        before += partial[k];
    lpsScanBins(numBins, first, first + share < numBins ? first + share : numBins, before, counts, starts, sums);
}
#endif

/** Put each particle into its bin, in any order. @param unsorted [slots] */
LPS_STAGE scatterAtoms(int evaluation, GLOBAL const int* RESTRICT rebuild, int numParticles,
                       GLOBAL const int4* RESTRICT cells, GLOBAL const int* RESTRICT starts,
                       GLOBAL int* RESTRICT counts, GLOBAL int* RESTRICT unsorted) {
    if (rebuild[0] != evaluation)
        return;
    for (int i = GLOBAL_ID; i < numParticles; i += GLOBAL_SIZE) {
        int bin = cells[i].x;
        if (bin >= 0)
            unsorted[starts[bin] + ATOMIC_ADD(&counts[bin], 1)] = i;
    }
}

/**
 * Bring the particles of each bin into the order of the System, which makes all sums over neighbours reproducible.
 *
 * @param counts  [bins] cleared for the next rebuild
 * @param sorted  [slots] (particle, image of the box that holds it)
 */
LPS_STAGE orderAtoms(int evaluation, GLOBAL const int* RESTRICT rebuild, int numSlots,
                     GLOBAL const int* RESTRICT atomIndex, GLOBAL const int* RESTRICT gridCounts,
                     GLOBAL const int4* RESTRICT cells, GLOBAL const int* RESTRICT starts,
                     GLOBAL const int* RESTRICT unsorted, GLOBAL int* RESTRICT counts, GLOBAL int4* RESTRICT sorted) {
    if (rebuild[0] != evaluation)
        return;
    for (int i = GLOBAL_ID; i < gridCounts[9] * LPS_NUM_CLASSES; i += GLOBAL_SIZE)
        counts[i] = 0;
    for (int i = GLOBAL_ID; i < numSlots; i += GLOBAL_SIZE) {
        int particle = unsorted[i];
        int index = atomIndex[particle];
        int4 cell = cells[particle];
        int slot = starts[cell.x];
        for (int other = starts[cell.x]; other < starts[cell.x + 1]; other++)
            if (atomIndex[unsorted[other]] < index)
                slot++;
        sorted[slot] = make_int4(particle, cell.y, cell.z, cell.w);
    }
}

/**
 * Positions by slot, inside the box.
 *
 * @param positions  [slots] nm
 * @param status     [LPS_NUM_TYPES + 2] 2^31 - 1 - index within the System of the first particle that is too far away
 * or whose position is not a number; 0 if there is none
 */
LPS_STAGE gatherPositions(int numSlots, LPS_POSITIONS, GLOBAL const int* RESTRICT atomIndex,
                          GLOBAL const int4* RESTRICT sorted, GLOBAL const mixed* RESTRICT gridVectors,
                          GLOBAL mixed4* RESTRICT positions, GLOBAL int* RESTRICT status) {
    for (int slot = GLOBAL_ID; slot < numSlots; slot += GLOBAL_SIZE) {
        int4 atom = sorted[slot];
        mixed4 p = LPS_POSITION(atom.x);
        if (!(lpsIsWithin(p.x, LPS_FARTHEST) && lpsIsWithin(p.y, LPS_FARTHEST) && lpsIsWithin(p.z, LPS_FARTHEST)))
            LPS_ATOMIC_MAX(&status[LPS_NUM_TYPES + 2], 0x7fffffff - atomIndex[atom.x]);
#ifdef LPS_PERIODIC
        p.x -= atom.y * gridVectors[0] + atom.z * gridVectors[3] + atom.w * gridVectors[6];
        p.y -= atom.y * gridVectors[1] + atom.z * gridVectors[4] + atom.w * gridVectors[7];
        p.z -= atom.y * gridVectors[2] + atom.z * gridVectors[5] + atom.w * gridVectors[8];
#endif
        positions[slot] = p;
    }
}

#ifdef LPS_ONE_GROUP
/** All stages, by one work group. Arguments as above. */
KERNEL void sortParticles(int evaluation, int force, int numParticles, real limit2, LPS_POSITIONS,
                          GLOBAL real4* RESTRICT reference, GLOBAL const int* RESTRICT atomIndex,
                          GLOBAL const int* RESTRICT classes, GLOBAL int* RESTRICT rebuild, GLOBAL int* RESTRICT status,
                          int numTiles, GLOBAL int* RESTRICT directCounts, int numSums, GLOBAL mm_ulong* RESTRICT sums,
                          mixed listCutoff, int maxCells, GLOBAL int* RESTRICT gridCounts,
                          GLOBAL mixed* RESTRICT gridVectors, GLOBAL int4* RESTRICT cells, GLOBAL int* RESTRICT counts,
                          GLOBAL int* RESTRICT starts, GLOBAL int* RESTRICT unsorted, int numSlots,
                          GLOBAL int4* RESTRICT sorted, GLOBAL mixed4* RESTRICT positions) {
    LOCAL int scanned[2 * LPS_SORT_THREADS];
    checkDisplacements(evaluation, force, numParticles, limit2, posq, reference, atomIndex, classes, rebuild, status,
                       numTiles, directCounts, numSums, sums);
    SYNC_THREADS;
#ifndef LPS_PERIODIC
    LOCAL mixed4 low[LPS_SORT_THREADS];
    LOCAL mixed4 high[LPS_SORT_THREADS];
    lpsPlaceGrid(evaluation, rebuild, numParticles, LPS_PASS_POSITIONS, atomIndex, classes, listCutoff, maxCells,
                 gridCounts, gridVectors, low, high);
    SYNC_THREADS;
#endif
    countAtoms(evaluation, rebuild, numParticles, LPS_PASS_POSITIONS, atomIndex, classes, gridCounts, gridVectors,
               reference, cells, counts, status);
    SYNC_THREADS;
    const int numBins = (rebuild[0] == evaluation ? gridCounts[9] * LPS_NUM_CLASSES : 0);
    lpsScanBins(numBins, 0, numBins, 0, counts, starts, scanned);
    SYNC_THREADS;
    scatterAtoms(evaluation, rebuild, numParticles, cells, starts, counts, unsorted);
    SYNC_THREADS;
    orderAtoms(evaluation, rebuild, numSlots, atomIndex, gridCounts, cells, starts, unsorted, counts, sorted);
    SYNC_THREADS;
    gatherPositions(numSlots, LPS_PASS_POSITIONS, atomIndex, sorted, gridVectors, positions, status);
}
#endif
