// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Positions as the neighbor list takes them, and the grid that sorts them where there is no box. With a box the host
 * places the grid. Lengths in nm. sorting.cc says what a stage is.
 *
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
