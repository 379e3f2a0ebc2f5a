// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Three kernels in one launch, for so few rows that a launch takes longer than its work: neighborList.cc,
 * environment.cc and the first of descriptor.cc, with a table for every pair of types.
 */

/**
 * List, pairs and A of a work group's rows. Its threads share the lists of all types, and behind the barrier the
 * channels. Arrays that they write for each other are not RESTRICT. A pair that no table serves makes the host
 * repeat the evaluation with the kernels apart. Arguments as of the three; there is one tile.
 */
LPS_FORCE_KERNEL contractFewRows(
    int evaluation, mixed listCutoff2, int numRows, int rankBits, real4 cutoffs, real inverseNormalizer,
    GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT sections, GLOBAL const mixed4* RESTRICT positions,
    GLOBAL const int4* RESTRICT sorted, GLOBAL const int4* RESTRICT cells, GLOBAL const int* RESTRICT starts,
    GLOBAL const int* RESTRICT gridCounts, GLOBAL const mixed4* RESTRICT shifts,
    GLOBAL const int* RESTRICT firstClasses, GLOBAL const int* RESTRICT sectionStart, GLOBAL unsigned int* neighbors,
    GLOBAL int* numNeighbors, GLOBAL const real* RESTRICT typeConstants, GLOBAL const int4* RESTRICT tableHeads,
    GLOBAL const int2* RESTRICT tableCells, int numCells, GLOBAL const real* RESTRICT grids, GLOBAL real4* pairRows,
    GLOBAL int* pairTableRows, GLOBAL real2* pairPositions, GLOBAL unsigned int* pairEntries, GLOBAL int* pairCounts,
    GLOBAL const int* RESTRICT slotLimits, GLOBAL int* counters, GLOBAL const int* RESTRICT slots,
    GLOBAL const real* RESTRICT padding, GLOBAL const real4* RESTRICT nodes, GLOBAL real4* RESTRICT contracted) {
    const bool rebuild = (counters[LPS_REBUILD] == evaluation);
    for (int task = GROUP_ID; task < numRows / LPS_GROUP_ROWS; task += NUM_GROUPS) {
        const int first = task * LPS_GROUP_ROWS;
        for (int k = LOCAL_ID; k < LPS_GROUP_ROWS * LPS_NUM_TYPES; k += LPS_PAIR_THREADS) {
            const int row = first + k % LPS_GROUP_ROWS;
            const int type = k / LPS_GROUP_ROWS;
            if (rebuild)
                lpsListNeighbors(row, type, listCutoff2, numRows, rankBits, blocks, sections, positions, sorted, cells,
                                 starts, gridCounts, shifts, firstClasses, sectionStart, neighbors, numNeighbors,
                                 counters);
            lpsFindPairs(row, type, 0, numRows, numRows, rankBits, cutoffs, 0, blocks, sections, positions, shifts,
                         sectionStart, neighbors, numNeighbors, typeConstants, tableHeads, tableCells, numCells, grids,
                         pairRows, pairTableRows, pairPositions, pairEntries, pairCounts, 0, pairRows, slotLimits,
                         counters);
        }
        SYNC_THREADS;
        lpsContractRow(first + LOCAL_ID / LPS_LANES, LOCAL_ID % LPS_LANES, 0, numRows, inverseNormalizer, blocks,
                       sections, slots, padding, sectionStart, pairRows, pairTableRows, pairPositions, pairCounts,
                       nodes, nodes, contracted);
    }
}
