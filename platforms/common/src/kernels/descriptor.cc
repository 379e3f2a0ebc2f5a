// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Contracted environment A and its gradient G (theory, equations 8 and 11), for one tile of rows. LPS_LANES threads own
 * a row, each every LPS_LANES-th channel, so that no sum is shared and its order is fixed. No barriers.
 *
 * coefficients of radial tables: low [rows][LPS_WIDTH] c0..c3, high [rows][LPS_WIDTH] c4, c5.
 */

#ifdef LPS_FOLDED
#define LPS_FIRST_BELOW LPS_AXIS
#else
#define LPS_FIRST_BELOW 0
#endif
#define LPS_CHANNELS_PER_LANE ((LPS_WIDTH + LPS_LANES - 1) / LPS_LANES)

/** sum += factor * vector */
#define LPS_ADD_SCALED(sum, vector, factor) \
    {                                       \
        const real scalar = factor;         \
        sum.x += scalar * vector.x;         \
        sum.y += scalar * vector.y;         \
        sum.z += scalar * vector.z;         \
        sum.w += scalar * vector.w;         \
    }

/** A channel of a radial table at position t of its interval. */
inline DEVICE real lpsInterpolate(real4 c, real2 d, real t) {
    return c.x + t * (c.y + t * (c.z + t * (c.w + t * (d.x + t * d.y))));
}

/**
 * Add what a neighbor contributes to this lane's channels, its row r times each channel.
 *
 * @param tableRow  row of coefficients, or -1 - index of a direct pair
 * @param t         position in the interval of the table
 */
inline DEVICE void lpsAddNeighbor(real4* sum, int lane, real4 r, int tableRow, real t, GLOBAL const real4* RESTRICT low,
                                  GLOBAL const real2* RESTRICT high, int directCapacity,
                                  GLOBAL const real2* RESTRICT direct) {
    if (tableRow >= 0) {
        LPS_UNROLL
        for (int q = 0; q < LPS_CHANNELS_PER_LANE; q++) {
            const int m = lane + q * LPS_LANES;
            if (m < LPS_WIDTH)
                LPS_ADD_SCALED(
                    sum[q], r,
                    lpsInterpolate(low[(mm_long)tableRow * LPS_WIDTH + m], high[(mm_long)tableRow * LPS_WIDTH + m], t))
        }
    } else {
        LPS_UNROLL
        for (int q = 0; q < LPS_CHANNELS_PER_LANE; q++) {
            const int m = lane + q * LPS_LANES;
            if (m < LPS_WIDTH)
                LPS_ADD_SCALED(sum[q], r, direct[(mm_long)m * directCapacity + (-1 - tableRow)].x)
        }
    }
}

/**
 * @param padding  [LPS_NUM_TYPES^2][LPS_WIDTH] C of equation (7), zero where padding adds nothing
 * @param slots    [LPS_NUM_TYPES^2] padded slots of an atom without neighbors
 * @param contracted  [tileRows][LPS_WIDTH] rows of A; zero for empty rows
 */
KERNEL void contractEnvironment(int firstRow, int tileRows, real inverseNormalizer, GLOBAL const int4* RESTRICT blocks,
                                GLOBAL const int* RESTRICT sections, GLOBAL const int* RESTRICT slots,
                                GLOBAL const real* RESTRICT padding, GLOBAL const int* RESTRICT sectionStart,
                                GLOBAL const real4* RESTRICT pairRows, GLOBAL const int* RESTRICT pairTableRows,
                                GLOBAL const real2* RESTRICT pairPositions, GLOBAL const int* RESTRICT pairCounts,
                                GLOBAL const real4* RESTRICT low, GLOBAL const real2* RESTRICT high, int directCapacity,
                                GLOBAL const real2* RESTRICT direct, GLOBAL real4* RESTRICT contracted) {
    for (int index = GLOBAL_ID; index < tileRows * LPS_LANES; index += GLOBAL_SIZE) {
        const int localRow = index / LPS_LANES;
        const int lane = index % LPS_LANES;
        const int row = firstRow + localRow;
        const int4 block = blocks[row / LPS_BLOCK_ROWS];
        const bool filled = (row % LPS_BLOCK_ROWS < block.z);
        real4 sum[LPS_CHANNELS_PER_LANE];
        LPS_UNROLL
        for (int q = 0; q < LPS_CHANNELS_PER_LANE; q++)
            sum[q] = make_real4((real)0, (real)0, (real)0, (real)0);
        for (int type = 0; type < LPS_NUM_TYPES && filled; type++) {
            const int pairType = block.x * LPS_NUM_TYPES + type;
            const int section = sections[pairType];
            const int count = pairCounts[type * tileRows + localRow];
            const int start = sectionStart[type];
            for (int k = 0; k < count && (section & 1); k++) {
                const mm_long pair = (mm_long)(start + k) * tileRows + localRow;
                lpsAddNeighbor(sum, lane, pairRows[pair], pairTableRows[pair], pairPositions[pair].x, low, high,
                               directCapacity, direct);
            }

            // Slots of the model that no neighbor takes hold padding.

            if (slots[pairType] > 0) {
                const real free = (real)(slots[pairType] - ((section & 2) ? count : 0));
                LPS_UNROLL
                for (int q = 0; q < LPS_CHANNELS_PER_LANE; q++) {
                    const int m = lane + q * LPS_LANES;
                    if (m < LPS_WIDTH)
                        sum[q].x += free * padding[pairType * LPS_WIDTH + m];
                }
            }
        }
        LPS_UNROLL
        for (int q = 0; q < LPS_CHANNELS_PER_LANE; q++) {
            const int m = lane + q * LPS_LANES;
            if (m < LPS_WIDTH)
                contracted[(mm_long)localRow * LPS_WIDTH + m] =
                    make_real4(inverseNormalizer * sum[q].x, inverseNormalizer * sum[q].y, inverseNormalizer * sum[q].z,
                               inverseNormalizer * sum[q].w);
        }
    }
}

/**
 * Index of D_ij, j < LPS_AXIS, among the inputs of the fitting networks. Folded, D_ij and D_ji are one input: first the
 * triangle i >= j of the symmetric block, whose lines k and LPS_AXIS - 1 - k share one of LPS_AXIS + 1 inputs, then the
 * lines below it. lpsDescriptor() in fitting.cc is the inverse.
 */
inline DEVICE int lpsInput(int i, int j) {
#ifdef LPS_FOLDED
    if (i >= LPS_AXIS)
        return LPS_AXIS * (LPS_AXIS + 1) / 2 + (i - LPS_AXIS) * LPS_AXIS + j;
    const int larger = (i > j ? i : j);
    const int smaller = (i > j ? j : i);
    const int line = LPS_AXIS - 1 - larger;
    return larger < (LPS_AXIS + 1) / 2 ? larger * (LPS_AXIS + 1) + smaller : line * (LPS_AXIS + 1) + smaller + line + 1;
#else
    return i * LPS_AXIS + j;
#endif
}

/**
 * One thread per (row, channel).
 *
 * @param gradient   [tileRows][LPS_INPUTS] Y = dE/dD
 * @param projected  [tileRows][LPS_WIDTH] rows of G
 */
KERNEL void projectGradient(int tileRows, real inverseNormalizer, GLOBAL const real4* RESTRICT contracted,
                            GLOBAL const real* RESTRICT gradient, GLOBAL real4* RESTRICT projected) {
    for (int index = GLOBAL_ID; index < tileRows * LPS_WIDTH; index += GLOBAL_SIZE) {
        const int localRow = index / LPS_WIDTH;
        const int m = index % LPS_WIDTH;
        GLOBAL const real4* A = contracted + (mm_long)localRow * LPS_WIDTH;
        GLOBAL const real* Y = gradient + (mm_long)localRow * LPS_INPUTS;
        real4 sum = make_real4((real)0, (real)0, (real)0, (real)0);
        for (int n = 0; n < LPS_AXIS; n++) {
            const real4 a = A[n];
            real y = Y[lpsInput(m, n)];
#ifdef LPS_FOLDED
            if (m == n)
                y *= (real)2;
#endif
            sum.x += y * a.x;
            sum.y += y * a.y;
            sum.z += y * a.z;
            sum.w += y * a.w;
        }
        if (m < LPS_AXIS)
            for (int k = LPS_FIRST_BELOW; k < LPS_WIDTH; k++) {
                const real4 a = A[k];
                const real y = Y[lpsInput(k, m)];
                sum.x += y * a.x;
                sum.y += y * a.y;
                sum.z += y * a.z;
                sum.w += y * a.w;
            }
        projected[index] = make_real4(inverseNormalizer * sum.x, inverseNormalizer * sum.y, inverseNormalizer * sum.z,
                                      inverseNormalizer * sum.w);
    }
}
