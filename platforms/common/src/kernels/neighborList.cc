// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Full neighbor list with explicit periodic images, for cells of any shape and size. Lengths in nm. Energies are
 * computed for "rows": blocks of LPS_BLOCK_ROWS rows hold particles of one type in the order of their ranks (see
 * sorting.cc, grid.cc for gridCounts), the last block of a type is partly empty.
 */

/**
 * Write the neighbors of a row that are of one type, in an order that follows from the ranks. A part that does not fit
 * is cut off, and a counter tells the host how much it needs. Arguments as of buildNeighborList().
 */
inline DEVICE void lpsListNeighbors(int row, int type, mixed listCutoff2, int numRows, int rankBits,
                                    GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT sections,
                                    GLOBAL const mixed4* RESTRICT positions, GLOBAL const int4* RESTRICT sorted,
                                    GLOBAL const int4* RESTRICT cells, GLOBAL const int* RESTRICT starts,
                                    GLOBAL const int* RESTRICT gridCounts, GLOBAL const mixed4* RESTRICT shifts,
                                    GLOBAL const int* RESTRICT firstClasses, GLOBAL const int* RESTRICT sectionStart,
                                    GLOBAL unsigned int* RESTRICT neighbors, GLOBAL int* RESTRICT numNeighbors,
                                    GLOBAL int* RESTRICT counters) {
    const int nx = gridCounts[0], ny = gridCounts[1], nz = gridCounts[2];
    const int reachX = gridCounts[3], reachY = gridCounts[4], reachZ = gridCounts[5];
    const int imagesX = gridCounts[6], imagesY = gridCounts[7], imagesZ = gridCounts[8];
    const int numCells = gridCounts[9];
    const int index = type * numRows + row;
    const int4 block = blocks[row / LPS_BLOCK_ROWS];
    const int inBlock = row % LPS_BLOCK_ROWS;
    if (inBlock >= block.z || sections[block.x * LPS_NUM_TYPES + type] == 0) {
        numNeighbors[index] = 0;
        return;
    }
    const int rank = block.y + inBlock;
    const mixed4 center = positions[rank];
    const int cell = cells[sorted[rank].x].x % numCells;
    const int cellX = cell % nx;
    const int cellY = (cell / nx) % ny;
    const int cellZ = cell / (nx * ny);
    const int start = sectionStart[type];
    const int capacity = sectionStart[type + 1] - start;
    int count = 0;
    for (int z = cellZ - reachZ; z <= cellZ + reachZ; z++) {
#ifdef LPS_PERIODIC
        const int imageZ = (z + nz * imagesZ) / nz - imagesZ;
#else
        const int imageZ = 0;
        if (z < 0 || z >= nz)
            continue;
#endif
        for (int y = cellY - reachY; y <= cellY + reachY; y++) {
#ifdef LPS_PERIODIC
            const int imageY = (y + ny * imagesY) / ny - imagesY;
#else
            const int imageY = 0;
            if (y < 0 || y >= ny)
                continue;
#endif
            const int line = nx * ((y - imageY * ny) + ny * (z - imageZ * nz));
            for (int x = cellX - reachX; x <= cellX + reachX; x++) {
#ifdef LPS_PERIODIC
                const int imageX = (x + nx * imagesX) / nx - imagesX;
#else
                const int imageX = 0;
                if (x < 0 || x >= nx)
                    continue;
#endif
                const int image = (imageX + imagesX) +
                                  (2 * imagesX + 1) * ((imageY + imagesY) + (2 * imagesY + 1) * (imageZ + imagesZ));
                const mixed4 shift = shifts[image];
                const bool home = (imageX == 0 && imageY == 0 && imageZ == 0);
                for (int part = 0; part < LPS_CLASSES_PER_TYPE; part++) {
                    const int bin = (firstClasses[type] + part) * numCells + line + x - imageX * nx;
                    for (int other = starts[bin]; other < starts[bin + 1]; other++) {
                        const mixed4 p = positions[other];
                        const mixed dx = (p.x - center.x) + shift.x;
                        const mixed dy = (p.y - center.y) + shift.y;
                        const mixed dz = (p.z - center.z) + shift.z;
                        if (dx * dx + dy * dy + dz * dz < listCutoff2 && !(home && other == rank)) {
                            if (count < capacity)
                                neighbors[(mm_long)(start + count) * numRows + row] =
                                    (((unsigned int)image) << rankBits) | (unsigned int)other;
                            count++;
                        }
                    }
                }
            }
        }
    }
    numNeighbors[index] = (count < capacity ? count : capacity);
    if (count > capacity)
        LPS_ATOMIC_MAX(&counters[LPS_NEIGHBORS + type], count);
}

#ifndef LPS_FUNCTIONS_ONLY
/**
 * Write the neighbors of each row, grouped by type. One thread per (row, neighbor type) owns that part of the list.
 *
 * @param blocks        [rows / LPS_BLOCK_ROWS] (type, first rank, number of filled rows, 0)
 * @param sections      [LPS_NUM_TYPES][LPS_NUM_TYPES] 0: neighbors of this type do not matter to this center type
 * @param shifts        [images] translation of each image, nm
 * @param firstClasses  [LPS_NUM_TYPES] first class of each type that may occur
 * @param sectionStart  [LPS_NUM_TYPES + 1] first line of each neighbor type
 * @param neighbors     [lines][rows] image << rankBits | rank
 * @param numNeighbors  [LPS_NUM_TYPES][rows]
 * @param counters      LPS_NEIGHBORS [LPS_NUM_TYPES]: largest number of neighbors of each type that did not fit, or 0
 */
KERNEL void buildNeighborList(int evaluation, mixed listCutoff2, int numRows, int rankBits,
                              GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT sections,
                              GLOBAL const mixed4* RESTRICT positions, GLOBAL const int4* RESTRICT sorted,
                              GLOBAL const int4* RESTRICT cells, GLOBAL const int* RESTRICT starts,
                              GLOBAL const int* RESTRICT gridCounts, GLOBAL const mixed4* RESTRICT shifts,
                              GLOBAL const int* RESTRICT firstClasses, GLOBAL const int* RESTRICT sectionStart,
                              GLOBAL unsigned int* RESTRICT neighbors, GLOBAL int* RESTRICT numNeighbors,
                              GLOBAL int* RESTRICT counters) {
    if (counters[LPS_REBUILD] != evaluation)
        return;
    for (int index = GLOBAL_ID; index < LPS_NUM_TYPES * numRows; index += GLOBAL_SIZE)
        lpsListNeighbors(index % numRows, index / numRows, listCutoff2, numRows, rankBits, blocks, sections, positions,
                         sorted, cells, starts, gridCounts, shifts, firstClasses, sectionStart, neighbors, numNeighbors,
                         counters);
}
#endif
