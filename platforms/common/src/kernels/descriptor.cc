// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Contracted environment A and its gradient G (theory, equations 8 and 11), for one tile of rows. LPS_LANES threads own
 * a row, each every LPS_LANES-th group of four channels, so that no sum is shared and its order is fixed. Barriers only
 * in projectGradient().
 *
 * Tables are quintic polynomials between nodes; an interval lies between two nodes that follow each other. A node holds
 * value, first and second derivative of all channels, [3][4 LPS_QUADS], with the length of the interval as the unit of
 * the argument; what is beyond the last channel is zero. Intervals share nodes, so that a table is half as large as its
 * coefficients, and a multiprocessor's cache holds what the atoms of a type need.
 *
 * A pair that no table serves has a node of its own, with position 0 and the distance, in angstrom, as the argument.
 */

#ifdef LPS_FOLDED
#define LPS_FIRST_BELOW LPS_AXIS
#else
#define LPS_FIRST_BELOW 0
#endif
#define LPS_QUADS_PER_LANE ((LPS_QUADS + LPS_LANES - 1) / LPS_LANES)
#define LPS_CHANNELS_PER_LANE (4 * LPS_QUADS_PER_LANE)

/** The c-th channel of a lane's q-th group of four. */
#define LPS_CHANNEL(q, c) (4 * (lane + (q)*LPS_LANES) + (c))

/** sum += factor * vector */
#define LPS_ADD_SCALED(sum, vector, factor) \
    {                                       \
        const real scalar = factor;         \
        sum.x += scalar * vector.x;         \
        sum.y += scalar * vector.y;         \
        sum.z += scalar * vector.z;         \
        sum.w += scalar * vector.w;         \
    }

/** Weights of both nodes of an interval: of the rise from left to right, first and second derivatives. */
typedef struct {
    real rise, left1, right1, left2, right2;
} LpsWeights;

/** Weights for the value at position t of the interval. */
inline DEVICE LpsWeights lpsValueWeights(real t) {
    LpsWeights w;
    const real u = (real)1 - t;
    const real t2 = t * t;
    const real u2 = u * u;
    const real t3 = t2 * t;
    const real u3 = u2 * u;
    w.rise = t3 * ((real)10 + t * ((real)6 * t - (real)15));
    w.left1 = t * u3 * ((real)1 + (real)3 * t);
    w.right1 = t3 * u * ((real)3 * t - (real)4);
    w.left2 = (real)0.5 * t2 * u3;
    w.right2 = (real)0.5 * t3 * u2;
    return w;
}

/** Weights for the derivative there with respect to t. */
inline DEVICE LpsWeights lpsSlopeWeights(real t) {
    LpsWeights w;
    const real u = (real)1 - t;
    const real t2 = t * t;
    const real u2 = u * u;
    w.rise = (real)30 * t2 * u2;
    w.left1 = u2 * ((real)1 + t * ((real)2 - (real)15 * t));
    w.right1 = t2 * (t * ((real)28 - (real)15 * t) - (real)12);
    w.left2 = (real)0.5 * t * u2 * ((real)2 - (real)5 * t);
    w.right2 = (real)0.5 * t2 * u * ((real)3 - (real)5 * t);
    return w;
}

/** What the weights make of four channels of an interval. @param node [2][3][LPS_QUADS], at these channels */
inline DEVICE real4 lpsInterpolate(GLOBAL const real4* RESTRICT node, LpsWeights w) {
    return w.rise * (node[3 * LPS_QUADS] - node[0]) + w.left1 * node[LPS_QUADS] + w.right1 * node[4 * LPS_QUADS] +
           w.left2 * node[2 * LPS_QUADS] + w.right2 * node[5 * LPS_QUADS];
}

/** The left node of a pair. @param tableRow node of a table, or -1 - node of its own */
inline DEVICE GLOBAL const real4* lpsFindNode(int tableRow, GLOBAL const real4* nodes, GLOBAL const real4* direct) {
    return tableRow >= 0 ? nodes + (mm_long)tableRow * (3 * LPS_QUADS)
                         : direct + (mm_long)(-1 - tableRow) * (3 * LPS_QUADS);
}

/**
 * Add what a neighbor contributes to this lane's channels, its row r times each channel.
 *
 * @param node  from lpsFindNode()
 * @param t     position in the interval of the table
 */
inline DEVICE void lpsAddNeighbor(real4* sum, int lane, real4 r, GLOBAL const real4* RESTRICT node, real t) {
    const LpsWeights weights = lpsValueWeights(t);
    LPS_UNROLL
    for (int q = 0; q < LPS_QUADS_PER_LANE; q++) {
        const int quad = lane + q * LPS_LANES;
        if (quad < LPS_QUADS) {
            const real4 g = node[quad] + lpsInterpolate(node + quad, weights);
            LPS_ADD_SCALED(sum[4 * q], r, g.x)
            LPS_ADD_SCALED(sum[4 * q + 1], r, g.y)
            LPS_ADD_SCALED(sum[4 * q + 2], r, g.z)
            LPS_ADD_SCALED(sum[4 * q + 3], r, g.w)
        }
    }
}

/** A lane's channels of a row of A. Arguments as of contractEnvironment(). */
inline DEVICE void lpsContractRow(int localRow, int lane, int firstRow, int tileRows, real inverseNormalizer,
                                  GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT sections,
                                  GLOBAL const int* RESTRICT slots, GLOBAL const real* RESTRICT padding,
                                  GLOBAL const int* RESTRICT sectionStart, GLOBAL const real4* RESTRICT pairRows,
                                  GLOBAL const int* RESTRICT pairTableRows, GLOBAL const real2* RESTRICT pairPositions,
                                  GLOBAL const int* RESTRICT pairCounts, GLOBAL const real4* RESTRICT nodes,
                                  GLOBAL const real4* RESTRICT direct, GLOBAL real4* RESTRICT contracted) {
    const int row = firstRow + localRow;
    const int4 block = blocks[row / LPS_BLOCK_ROWS];
    const bool filled = (row % LPS_BLOCK_ROWS < block.z);
    real4 sum[LPS_CHANNELS_PER_LANE];
    LPS_UNROLL
    for (int k = 0; k < LPS_CHANNELS_PER_LANE; k++)
        sum[k] = make_real4((real)0, (real)0, (real)0, (real)0);
    for (int type = 0; type < LPS_NUM_TYPES && filled; type++) {
        const int pairType = block.x * LPS_NUM_TYPES + type;
        const int section = sections[pairType];
        const int count = pairCounts[type * tileRows + localRow];
        const int start = sectionStart[type];
        for (int k = 0; k < count && (section & 1); k++) {
            const mm_long pair = (mm_long)(start + k) * tileRows + localRow;
            lpsAddNeighbor(sum, lane, pairRows[pair], lpsFindNode(pairTableRows[pair], nodes, direct),
                           pairPositions[pair].x);
        }

        // Slots of the model that no neighbor takes hold padding.

        if (slots[pairType] > 0) {
            const real free = (real)(slots[pairType] - ((section & 2) ? count : 0));
            LPS_UNROLL
            for (int k = 0; k < LPS_CHANNELS_PER_LANE; k++) {
                const int m = LPS_CHANNEL(k / 4, k % 4);
                if (m < LPS_WIDTH)
                    sum[k].x += free * padding[pairType * LPS_WIDTH + m];
            }
        }
    }
    LPS_UNROLL
    for (int k = 0; k < LPS_CHANNELS_PER_LANE; k++) {
        const int m = LPS_CHANNEL(k / 4, k % 4);
        if (m < LPS_WIDTH)
            contracted[(mm_long)localRow * LPS_WIDTH + m] = inverseNormalizer * sum[k];
    }
}

#ifndef LPS_FUNCTIONS_ONLY
/**
 * @param padding  [LPS_NUM_TYPES^2][LPS_WIDTH] C of equation (7), zero where padding adds nothing
 * @param slots    [LPS_NUM_TYPES^2] padded slots of an atom without neighbors
 * @param contracted  [tileRows][LPS_WIDTH] rows of A; zero for empty rows
 */
LPS_PAIR_KERNEL contractEnvironment(int firstRow, int tileRows, real inverseNormalizer,
                                    GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT sections,
                                    GLOBAL const int* RESTRICT slots, GLOBAL const real* RESTRICT padding,
                                    GLOBAL const int* RESTRICT sectionStart, GLOBAL const real4* RESTRICT pairRows,
                                    GLOBAL const int* RESTRICT pairTableRows,
                                    GLOBAL const real2* RESTRICT pairPositions, GLOBAL const int* RESTRICT pairCounts,
                                    GLOBAL const real4* RESTRICT nodes, GLOBAL const real4* RESTRICT direct,
                                    GLOBAL real4* RESTRICT contracted) {
    for (int index = GLOBAL_ID; index < tileRows * LPS_LANES; index += GLOBAL_SIZE)
        lpsContractRow(index / LPS_LANES, index % LPS_LANES, firstRow, tileRows, inverseNormalizer, blocks, sections,
                       slots, padding, sectionStart, pairRows, pairTableRows, pairPositions, pairCounts, nodes, direct,
                       contracted);
}

/** Index of D_ij, LPS_FIRST_BELOW <= i, j < LPS_AXIS, among the inputs of the fitting networks. */
inline DEVICE int lpsInputBelow(int i, int j) {
    return LPS_FIRST_BELOW * (LPS_FIRST_BELOW + 1) / 2 + (i - LPS_FIRST_BELOW) * LPS_AXIS + j;
}

/**
 * Index of D_ij, i, j < LPS_AXIS, where D_ij and D_ji are one input: first the triangle i >= j of the symmetric block,
 * whose lines k and LPS_AXIS - 1 - k share one of LPS_AXIS + 1 inputs. ModelShape::getInput() counts in the same way.
 */
inline DEVICE int lpsInputAbove(int i, int j) {
    const int larger = (i > j ? i : j);
    const int smaller = (i > j ? j : i);
    const int line = LPS_AXIS - 1 - larger;
    return larger < (LPS_AXIS + 1) / 2 ? larger * (LPS_AXIS + 1) + smaller : line * (LPS_AXIS + 1) + smaller + line + 1;
}

/**
 * G of each row from Y = dE/dD. A work group of LPS_PAIR_THREADS threads has a row at a time in local memory. A channel
 * takes a sum over the axis; one of the axis takes a sum over all channels, which LPS_PROJECT_PARTS threads share.
 *
 * LPS_LOCAL_GRADIENT: Y of a row fits into local memory too.
 *
 * @param gradient   [tileRows][LPS_INPUT_PITCH] Y
 * @param projected  [tileRows][LPS_WIDTH] rows of G
 */
LPS_PAIR_KERNEL projectGradient(int tileRows, real inverseNormalizer, GLOBAL const real4* RESTRICT contracted,
                                GLOBAL const real* RESTRICT gradient, GLOBAL real4* RESTRICT projected) {
    LOCAL real4 A[LPS_WIDTH];
#ifdef LPS_LOCAL_GRADIENT
    LOCAL real Y[LPS_INPUT_PITCH];
#endif
    LOCAL real4 parts[LPS_PROJECT_PARTS * LPS_AXIS];
    for (int localRow = GROUP_ID; localRow < tileRows; localRow += NUM_GROUPS) {
        for (int k = LOCAL_ID; k < LPS_WIDTH; k += LPS_PAIR_THREADS)
            A[k] = contracted[(mm_long)localRow * LPS_WIDTH + k];
        GLOBAL const real* row = gradient + (mm_long)localRow * LPS_INPUT_PITCH;
#ifdef LPS_LOCAL_GRADIENT
        for (int k = LOCAL_ID; k < LPS_INPUT_PITCH; k += LPS_PAIR_THREADS)
            Y[k] = row[k];
#else
        GLOBAL const real* Y = row;
#endif
        SYNC_THREADS;
        for (int k = LOCAL_ID; k < LPS_PROJECT_PARTS * LPS_AXIS; k += LPS_PAIR_THREADS) {
            const int m = k % LPS_AXIS;
            real4 sum = make_real4((real)0, (real)0, (real)0, (real)0);
            int i = k / LPS_AXIS;
            for (; i < LPS_FIRST_BELOW; i += LPS_PROJECT_PARTS)
                sum += (m == i ? (real)2 : (real)1) * Y[lpsInputAbove(i, m)] * A[i];
            for (; i < LPS_WIDTH; i += LPS_PROJECT_PARTS)
                sum += Y[lpsInputBelow(i, m)] * A[i];
            parts[k] = sum;
        }
        SYNC_THREADS;
        for (int m = LOCAL_ID; m < LPS_WIDTH; m += LPS_PAIR_THREADS) {
            real4 sum = make_real4((real)0, (real)0, (real)0, (real)0);
            for (int k = 0; k < LPS_AXIS && m >= LPS_FIRST_BELOW; k++) {
                // Threads begin at different places, or all would want the same bank of local memory.

                const int n = (k + m) % LPS_AXIS;
                sum += Y[lpsInputBelow(m, n)] * A[n];
            }
            for (int part = 0; part < LPS_PROJECT_PARTS && m < LPS_AXIS; part++)
                sum += parts[part * LPS_AXIS + m];
            projected[(mm_long)localRow * LPS_WIDTH + m] = inverseNormalizer * sum;
        }
        SYNC_THREADS;
    }
}
#endif
