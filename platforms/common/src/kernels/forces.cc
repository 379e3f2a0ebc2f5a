// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Forces and virials from G (theory, equations 12 to 14), for one tile of rows.
 */

/** f = dE/dx of a pair from dE/dR~ and the part h that acts through the embedding; equations (3), (4), (13). */
inline DEVICE real4 lpsPairForce(real4 x, real4 cutoffs, real4 rowGradient, real radialGradient,
                                 GLOBAL const real* RESTRICT constants) {
    const real2 w = lpsSwitch(x.w, cutoffs);
    const real inverse = (real)1 / (x.w + cutoffs.w);
    const real inverse2 = inverse * inverse;
    const real nearest = (real)1 / x.w;
    const real gx = rowGradient.y * constants[5];
    const real gy = rowGradient.z * constants[6];
    const real gz = rowGradient.w * constants[7];
    const real along = rowGradient.x * constants[4] * (w.y * inverse - w.x * inverse2) + radialGradient +
                       (w.y * inverse2 - (real)2 * w.x * inverse2 * inverse) * (gx * x.x + gy * x.y + gz * x.z);
    const real scale = w.x * inverse2;
    return make_real4(scale * gx + along * nearest * x.x, scale * gy + along * nearest * x.y,
                      scale * gz + along * nearest * x.z, (real)0);
}

/** Add the part of one channel, whose row of G, value and slope these are. */
#define LPS_ADD_CHANNEL(Gm, value, slopeOfChannel) \
    LPS_ADD_SCALED(row, Gm, value)                 \
    radial += (slopeOfChannel) * (Gm.x * r.x + Gm.y * r.y + Gm.z * r.z + Gm.w * r.w);

/**
 * The part of this lane's channels in the gradients of a pair. Arguments as in lpsAddNeighbor().
 *
 * @param rowGradient     dE/dR~
 * @param radialGradient  dE/dt through the embedding
 */
inline DEVICE void lpsPairGradients(const real4* G, int lane, real4 r, GLOBAL const real4* RESTRICT node, real t,
                                    real4* rowGradient, real* radialGradient) {
    const LpsWeights values = lpsValueWeights(t);
    const LpsWeights slopes = lpsSlopeWeights(t);
    real4 row = make_real4((real)0, (real)0, (real)0, (real)0);
    real radial = 0;
    LPS_UNROLL
    for (int q = 0; q < LPS_QUADS_PER_LANE; q++) {
        const int quad = lane + q * LPS_LANES;
        if (quad < LPS_QUADS) {
            const real4 g = node[quad] + lpsInterpolate(node + quad, values);
            const real4 slope = lpsInterpolate(node + quad, slopes);
            LPS_ADD_CHANNEL(G[4 * q], g.x, slope.x)
            LPS_ADD_CHANNEL(G[4 * q + 1], g.y, slope.y)
            LPS_ADD_CHANNEL(G[4 * q + 2], g.z, slope.z)
            LPS_ADD_CHANNEL(G[4 * q + 3], g.w, slope.w)
        }
    }
    *rowGradient = row;
    *radialGradient = radial;
}

#define LPS_ADD_FORCE(particle, fx, fy, fz)                                                  \
    ATOMIC_ADD(&forces[particle], (mm_ulong)realToFixedPoint(forceUnit*(fx)));               \
    ATOMIC_ADD(&forces[particle + paddedAtoms], (mm_ulong)realToFixedPoint(forceUnit*(fy))); \
    ATOMIC_ADD(&forces[particle + 2 * paddedAtoms], (mm_ulong)realToFixedPoint(forceUnit*(fz)));

/** What is left in local memory by the lanes of a row for the pairs of a round. */
#define LPS_PART(k, lane) (((groupRow)*LPS_ROUND_PAIRS + (k)) * (LPS_LANES + 1) + (lane))
#define LPS_NUM_PARTS (LPS_GROUP_ROWS * LPS_ROUND_PAIRS * (LPS_LANES + 1))

/** The longest of the lists of a work group's rows. @param counts [LPS_GROUP_ROWS] */
inline DEVICE int lpsLongest(int count, int lane, int groupRow, LOCAL_ARG int* counts) {
    if (lane == 0)
        counts[groupRow] = count;
    SYNC_THREADS;
    int longest = 0;
    for (int k = 0; k < LPS_GROUP_ROWS; k++)
        longest = (counts[k] > longest ? counts[k] : longest);
    SYNC_THREADS;
    return longest;
}

/** Add what all lanes have left for a pair. */
inline DEVICE real4 lpsSumParts(int pair, int groupRow, LOCAL_ARG const real4* rowParts,
                                LOCAL_ARG const real* radialParts, real* radialGradient) {
    real4 sum = make_real4((real)0, (real)0, (real)0, (real)0);
    *radialGradient = 0;
    for (int k = 0; k < LPS_LANES; k++) {
        sum += rowParts[LPS_PART(pair, k)];
        *radialGradient += radialParts[LPS_PART(pair, k)];
    }
    return sum;
}

/** Of f = dE/dx and one component of the displacement x from the center to a neighbor, a row of its virial. */
#define LPS_ADD_VIRIAL_ROW(first, component)                                                                    \
    ATOMIC_ADD(&virials[(first)*paddedAtoms + particle], (mm_ulong)(mm_long)(-unit * (component)*f.x));         \
    ATOMIC_ADD(&virials[((first) + 1) * paddedAtoms + particle], (mm_ulong)(mm_long)(-unit * (component)*f.y)); \
    ATOMIC_ADD(&virials[((first) + 2) * paddedAtoms + particle], (mm_ulong)(mm_long)(-unit * (component)*f.z));

/**
 * LPS_LANES threads own a row; they share the channels of LPS_ROUND_PAIRS pairs in a round, and then as many of them
 * finish one pair each. A work group holds LPS_GROUP_ROWS rows and goes as many rounds as its longest row, so that
 * barriers stay in uniform control flow. What is added to forces and virials are 64-bit integers: their order does not
 * matter.
 *
 * Forces are multiplied by scale. With LPS_VIRIALS nothing is added to forces. virials, [9][paddedAtoms], then receive
 * what the energy of the center adds to the virials of its neighbors, times scale.
 */
LPS_FORCE_KERNEL computeForces(int firstRow, int tileRows, int rankBits, int paddedAtoms, real4 cutoffs, real scale,
                               GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT sections,
                               GLOBAL const mixed4* RESTRICT positions, GLOBAL const mixed4* RESTRICT shifts,
                               GLOBAL const int4* RESTRICT sorted, GLOBAL const int* RESTRICT sectionStart,
                               GLOBAL const real* RESTRICT typeConstants, GLOBAL const real4* RESTRICT pairRows,
                               GLOBAL const int* RESTRICT pairTableRows, GLOBAL const real2* RESTRICT pairPositions,
                               GLOBAL const unsigned int* RESTRICT pairEntries, GLOBAL const int* RESTRICT pairCounts,
                               GLOBAL const real4* RESTRICT nodes, GLOBAL const real4* RESTRICT direct,
                               GLOBAL const real4* RESTRICT projected, GLOBAL mm_ulong* RESTRICT forces,
                               GLOBAL mm_ulong* RESTRICT virials) {
    LOCAL real4 rowParts[LPS_NUM_PARTS];
    LOCAL real radialParts[LPS_NUM_PARTS];
    LOCAL int counts[LPS_GROUP_ROWS];
#ifndef LPS_VIRIALS
    const real forceUnit = (real)LPS_FORCE_UNIT * scale;
#endif
    const int lane = LOCAL_ID % LPS_LANES;
    const int groupRow = LOCAL_ID / LPS_LANES;
    const int numTasks = tileRows / LPS_GROUP_ROWS;
    for (int task = GROUP_ID; task < numTasks; task += NUM_GROUPS) {
        const int localRow = task * LPS_GROUP_ROWS + groupRow;
        const int4 block = blocks[(firstRow + localRow) / LPS_BLOCK_ROWS];
        const int inBlock = (firstRow + localRow) % LPS_BLOCK_ROWS;
        const bool filled = (inBlock < block.z);
        const int rank = (filled ? block.y + inBlock : 0);
        const mixed4 center = positions[rank];
        real fx = 0, fy = 0, fz = 0;
        real4 G[LPS_CHANNELS_PER_LANE];
        LPS_UNROLL
        for (int k = 0; k < LPS_CHANNELS_PER_LANE; k++) {
            const int m = LPS_CHANNEL(k / 4, k % 4);
            G[k] = (m < LPS_WIDTH && filled ? projected[(mm_long)localRow * LPS_WIDTH + m]
                                            : make_real4((real)0, (real)0, (real)0, (real)0));
        }
        for (int type = 0; type < LPS_NUM_TYPES; type++) {
            const int pairType = block.x * LPS_NUM_TYPES + type;
            const int count = (filled && (sections[pairType] & 1) ? pairCounts[type * tileRows + localRow] : 0);
            const int longest = lpsLongest(count, lane, groupRow, counts);
            const mm_long firstPair = (mm_long)sectionStart[type] * tileRows + localRow;
            for (int first = 0; first < longest; first += LPS_ROUND_PAIRS) {
                for (int k = 0; k < LPS_ROUND_PAIRS && first + k < count; k++) {
                    const mm_long pair = firstPair + (mm_long)(first + k) * tileRows;
                    real4 rowGradient;
                    real radialGradient;
                    lpsPairGradients(G, lane, pairRows[pair], lpsFindNode(pairTableRows[pair], nodes, direct),
                                     pairPositions[pair].x, &rowGradient, &radialGradient);
                    rowParts[LPS_PART(k, lane)] = rowGradient;
                    radialParts[LPS_PART(k, lane)] = radialGradient;
                }
                SYNC_THREADS;
                if (lane < LPS_ROUND_PAIRS && first + lane < count) {
                    real radialGradient;
                    const real4 rowGradient = lpsSumParts(lane, groupRow, rowParts, radialParts, &radialGradient);
                    const mm_long pair = firstPair + (mm_long)(first + lane) * tileRows;
                    const unsigned int entry = pairEntries[pair];
                    const real4 x = lpsDisplacement(entry, rankBits, center, positions, shifts);
                    const real4 f = lpsPairForce(x, cutoffs, rowGradient, radialGradient * pairPositions[pair].y,
                                                 typeConstants + 8 * block.x);
                    const int particle = sorted[entry & ((1u << rankBits) - 1)].x;
#ifdef LPS_VIRIALS
                    const real unit = (real)LPS_ENERGY_UNIT * scale;
                    LPS_ADD_VIRIAL_ROW(0, x.x)
                    LPS_ADD_VIRIAL_ROW(3, x.y)
                    LPS_ADD_VIRIAL_ROW(6, x.z)
#else
                    fx += f.x;
                    fy += f.y;
                    fz += f.z;
                    LPS_ADD_FORCE(particle, -f.x, -f.y, -f.z)
#endif
                }
                SYNC_THREADS;
            }
        }
#ifndef LPS_VIRIALS
        if (filled && lane < LPS_ROUND_PAIRS) {
            const int particle = sorted[rank].x;
            LPS_ADD_FORCE(particle, fx, fy, fz)
        }
#endif
    }
}
