// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Environment of each center (theory, section 2), for one tile of rows. Lengths in angstrom.
 *
 * typeConstants: [LPS_NUM_TYPES][8] mean and inverse standard deviation of the four components.
 * cutoffs: (r_c, r_s, 1 / (r_c - r_s), environment protection p).
 * A pair is "direct" if its embedding is not taken from a radial table but from embedding.cc.
 */

/** The switch, equation (1). @return (w, dw/dr) */
inline DEVICE real2 lpsSwitch(real r, real4 cutoffs) {
    if (r <= cutoffs.y)
        return make_real2((real)1, (real)0);
    if (r >= cutoffs.x)
        return make_real2((real)0, (real)0);
    real u = (r - cutoffs.y) * cutoffs.z;
    real v = u - (real)1;
    real w = u * u * u * ((real)-6 * u * u + (real)15 * u - (real)10) + (real)1;
    return make_real2(w, (real)-30 * u * u * v * v * cutoffs.z);
}

/** Displacement from a row's center to an entry of its list, and distance. @return (x, y, z, r) angstrom */
inline DEVICE real4 lpsDisplacement(unsigned int entry, int rankBits, mixed4 center,
                                    GLOBAL const mixed4* RESTRICT positions, GLOBAL const mixed4* RESTRICT shifts) {
    const mixed4 p = positions[entry & ((1u << rankBits) - 1)];
    const mixed4 shift = shifts[entry >> rankBits];
    real x = (real)10 * (real)((p.x - center.x) + shift.x);
    real y = (real)10 * (real)((p.y - center.y) + shift.y);
    real z = (real)10 * (real)((p.z - center.z) + shift.z);
    return make_real4(x, y, z, SQRT(x * x + y * y + z * z));
}

#ifdef LPS_HAS_GRIDS
/**
 * Where s lies in the table of a compressed model; lps::EmbeddingTable says the same. Rows share no nodes.
 *
 * @param grid  lower, upper, maximum, fine step, coarse step, linear extrapolation, 0, 0
 * @param head  (first node or -1 without table, rows, fine rows, 0)
 * @return (left node, position within the interval, 1 / length of the interval); node -1 outside the grid
 */
inline DEVICE real4 lpsLocateInGrid(real s, GLOBAL const real* RESTRICT grid, int4 head) {
    if (head.x < 0 || !(s >= grid[0] && s < grid[2]))
        return make_real4((real)-1, (real)0, (real)0, (real)0);
    const bool fine = (s < grid[1]);
    const real begin = (fine ? grid[0] : grid[1]);
    const real step = (fine ? grid[3] : grid[4]);
    const int interval = (int)((s - begin) / step);
    int row = interval + (fine ? 0 : head.z);
    row = (row < head.y - 1 ? row : head.y - 1);
    const real x = s - ((fine ? row : interval) * step + begin);
    const real length = (row < head.z ? grid[3] : grid[4]);
    return make_real4((real)(2 * row), x / length, (real)1 / length, (real)0);
}
#else
/**
 * Where a distance lies in a radial table: octaves of 16 cells, each cell of `cells[cell].y` intervals.
 *
 * @param cells  (first node, number of intervals) of each cell of one table
 * @param split  node on the left of the interval that holds r_s, or none: two more nodes after those of this interval
 * have the other branch of the switch, which holds beyond r_s
 * @return (left node, position within the interval, 1 / length of the interval); node -1 outside the grid
 */
inline DEVICE real4 lpsLocate(real r, real switchStart, GLOBAL const int2* RESTRICT cells, int numCells, int split) {
    if (!(r >= (real)0.5 && r < (real)2048))
        return make_real4((real)-1, (real)0, (real)0, (real)0);
    int octave = 0;
    real inverse = (real)2;
    while (r * inverse >= (real)2) {
        inverse *= (real)0.5;
        octave++;
    }
    real scaled = (r * inverse - (real)1) * (real)16;
    int within = (int)scaled;
    within = (within > 15 ? 15 : within);

    // A distance just below the cutoff may round up to the end of the last cell.

    int cell = 16 * octave + within;
    if (cell >= numCells) {
        cell = numCells - 1;
        within = cell - 16 * octave;
    }
    const int2 intervals = cells[cell];
    real t = (scaled - within) * intervals.y;
    int interval = (int)t;
    interval = (interval > intervals.y - 1 ? intervals.y - 1 : interval);
    t -= interval;
    int node = intervals.x + interval;
    if (node > split || (node == split && r >= switchStart))
        node += 2;
    return make_real4((real)node, t, (real)16 * intervals.y * inverse, (real)0);
}
#endif

/**
 * Drop the neighbors of one type beyond the cutoff and compute the normalized rows, equations (2) and (5), of the
 * others, in the order of the list. Only the order of the direct pairs comes from an atomic counter; results do not
 * depend on it. Arguments as of computeEnvironment().
 */
inline DEVICE void lpsFindPairs(int localRow, int type, int firstRow, int tileRows, int numRows, int rankBits,
                                real4 cutoffs, int tile, GLOBAL const int4* RESTRICT blocks,
                                GLOBAL const int* RESTRICT sections, GLOBAL const mixed4* RESTRICT positions,
                                GLOBAL const mixed4* RESTRICT shifts, GLOBAL const int* RESTRICT sectionStart,
                                GLOBAL const unsigned int* RESTRICT neighbors, GLOBAL const int* RESTRICT numNeighbors,
                                GLOBAL const real* RESTRICT typeConstants, GLOBAL const int4* RESTRICT tableHeads,
                                GLOBAL const int2* RESTRICT tableCells, int numCells, GLOBAL const real* RESTRICT grids,
                                GLOBAL real4* RESTRICT pairRows, GLOBAL int* RESTRICT pairTableRows,
                                GLOBAL real2* RESTRICT pairPositions, GLOBAL unsigned int* RESTRICT pairEntries,
                                GLOBAL int* RESTRICT pairCounts, int directCapacity, GLOBAL real4* RESTRICT directInput,
                                GLOBAL const int* RESTRICT slotLimits, GLOBAL int* RESTRICT counters) {
    const int index = type * tileRows + localRow;
    const int row = firstRow + localRow;
    const int4 block = blocks[row / LPS_BLOCK_ROWS];
    const int inBlock = row % LPS_BLOCK_ROWS;
    const int pairType = block.x * LPS_NUM_TYPES + type;
    const int listed = (inBlock < block.z ? numNeighbors[type * numRows + row] : 0);
    int count = 0;
    if (listed > 0) {
        const mixed4 center = positions[block.y + inBlock];
        const int start = sectionStart[type];
        const bool stored = (sections[pairType] & 1) != 0;
        const int4 head = tableHeads[pairType];
        GLOBAL const real* constants = typeConstants + 8 * block.x;
        for (int k = 0; k < listed; k++) {
            const unsigned int entry = neighbors[(mm_long)(start + k) * numRows + row];
            const real4 x = lpsDisplacement(entry, rankBits, center, positions, shifts);
            if (!(x.w < cutoffs.x))
                continue;
            if (x.w == (real)0 && ATOMIC_ADD(&counters[LPS_COINCIDENCES], 1) == 0) {
                counters[LPS_COINCIDENT] = block.y + inBlock;
                counters[LPS_COINCIDENT + 1] = (int)(entry & ((1u << rankBits) - 1));
            }
            if (stored) {
                const mm_long target = (mm_long)(start + count) * tileRows + localRow;
                const real2 w = lpsSwitch(x.w, cutoffs);
                const real inverse = (real)1 / (x.w + cutoffs.w);
                const real radial = w.x * inverse;
                const real scale = radial * inverse;
                const real4 value = make_real4(
                    (radial - constants[0]) * constants[4], (scale * x.x - constants[1]) * constants[5],
                    (scale * x.y - constants[2]) * constants[6], (scale * x.z - constants[3]) * constants[7]);
                pairRows[target] = value;
                pairEntries[target] = entry;
                const real slope = (w.y * inverse - scale) * constants[4];
#ifdef LPS_HAS_GRIDS
                real4 where = lpsLocateInGrid(value.x, grids + 8 * pairType, head);
                where.z *= slope;
#else
                real4 where = make_real4((real)-1, (real)0, (real)0, (real)0);
                if (head.x >= 0)
                    where = lpsLocate(x.w, cutoffs.y, tableCells + head.y, numCells, head.z);
#endif
                if (where.x >= 0) {
                    pairTableRows[target] = head.x + (int)where.x;
                    pairPositions[target] = make_real2(where.y, where.z);
                } else {
                    // A pair without room gets any node of a table: the evaluation will be repeated.

                    const int direct = ATOMIC_ADD(&counters[LPS_DIRECT_PAIRS + tile], 1);
                    const bool fits = (direct < directCapacity);
                    pairTableRows[target] = (fits ? -1 - direct : 0);
                    pairPositions[target] = make_real2((real)0, (real)1);
                    if (fits)
                        directInput[direct] = make_real4(value.x, slope, (real)pairType, (real)0);
                    else
                        LPS_ATOMIC_MAX(&counters[LPS_DIRECT_WANTED], direct + 1);
                }
            }
            count++;
        }
    }
    pairCounts[index] = count;
    if (count > slotLimits[pairType])
        LPS_ATOMIC_MAX(&counters[LPS_EXCESS], 1 + pairType);
}

#ifndef LPS_FUNCTIONS_ONLY
/**
 * Pairs within the cutoff. One thread per (row, neighbor type) owns its part of the output.
 *
 * @param firstRow     first row of the tile; tileRows rows follow
 * @param tableHeads   [LPS_NUM_TYPES^2] (first node or -1 without table, first cell, split, 0), or of lpsLocateInGrid()
 * @param tableCells   numCells per table
 * @param grids        [LPS_NUM_TYPES^2][8] of lpsLocateInGrid()
 * @param pairRows     [lines][tileRows] normalized rows
 * @param pairTableRows  [lines][tileRows] left node, or -1 - index of a direct pair
 * @param pairPositions  [lines][tileRows] (position t within the interval, dt/dr)
 * @param pairEntries  [lines][tileRows] entries of the list
 * @param pairCounts   [LPS_NUM_TYPES][tileRows]
 * @param directInput  [directCapacity] (s, ds/dr, center type * LPS_NUM_TYPES + neighbor type, 0)
 * @param slotLimits   [LPS_NUM_TYPES^2] most neighbors that the model allows
 * @param counters     LPS_DIRECT_PAIRS [tiles]: direct pairs of each tile; LPS_DIRECT_WANTED: room for direct pairs
 * that was missing, or 0; LPS_EXCESS: 1 + pair of types of which a center had too many neighbors, or 0;
 *                     LPS_COINCIDENCES: number of pairs at the same position; LPS_COINCIDENT [2]: ranks of one of them
 */
KERNEL void computeEnvironment(int firstRow, int tileRows, int numRows, int rankBits, real4 cutoffs, int tile,
                               GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT sections,
                               GLOBAL const mixed4* RESTRICT positions, GLOBAL const mixed4* RESTRICT shifts,
                               GLOBAL const int* RESTRICT sectionStart, GLOBAL const unsigned int* RESTRICT neighbors,
                               GLOBAL const int* RESTRICT numNeighbors, GLOBAL const real* RESTRICT typeConstants,
                               GLOBAL const int4* RESTRICT tableHeads, GLOBAL const int2* RESTRICT tableCells,
                               int numCells, GLOBAL const real* RESTRICT grids, GLOBAL real4* RESTRICT pairRows,
                               GLOBAL int* RESTRICT pairTableRows, GLOBAL real2* RESTRICT pairPositions,
                               GLOBAL unsigned int* RESTRICT pairEntries, GLOBAL int* RESTRICT pairCounts,
                               int directCapacity, GLOBAL real4* RESTRICT directInput,
                               GLOBAL const int* RESTRICT slotLimits, GLOBAL int* RESTRICT counters) {
    for (int index = GLOBAL_ID; index < LPS_NUM_TYPES * tileRows; index += GLOBAL_SIZE)
        lpsFindPairs(index % tileRows, index / tileRows, firstRow, tileRows, numRows, rankBits, cutoffs, tile, blocks,
                     sections, positions, shifts, sectionStart, neighbors, numNeighbors, typeConstants, tableHeads,
                     tableCells, numCells, grids, pairRows, pairTableRows, pairPositions, pairEntries, pairCounts,
                     directCapacity, directInput, slotLimits, counters);
}
#endif
