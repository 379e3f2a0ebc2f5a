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

/**
 * Add the part of this lane's channels in the gradients of a pair, dE/dR~ and, through the embedding, dE/dr. Arguments
 * as in lpsAddNeighbor().
 */
inline DEVICE void lpsAddGradients(const real4* G, int lane, real4 r, int tableRow, real t,
                                   GLOBAL const real4* RESTRICT low, GLOBAL const real2* RESTRICT high,
                                   int directCapacity, GLOBAL const real2* RESTRICT direct, real4* rowGradient,
                                   real* radialGradient) {
    if (tableRow >= 0) {
        LPS_UNROLL
        for (int q = 0; q < LPS_CHANNELS_PER_LANE; q++) {
            const int m = lane + q * LPS_LANES;
            if (m < LPS_WIDTH) {
                const real4 c = low[(mm_long)tableRow * LPS_WIDTH + m];
                const real2 d = high[(mm_long)tableRow * LPS_WIDTH + m];
                const real slope =
                    c.y + t * ((real)2 * c.z + t * ((real)3 * c.w + t * ((real)4 * d.x + t * (real)5 * d.y)));
                LPS_ADD_SCALED((*rowGradient), G[q], lpsInterpolate(c, d, t))
                *radialGradient += slope * (G[q].x * r.x + G[q].y * r.y + G[q].z * r.z + G[q].w * r.w);
            }
        }
    } else {
        LPS_UNROLL
        for (int q = 0; q < LPS_CHANNELS_PER_LANE; q++) {
            const int m = lane + q * LPS_LANES;
            if (m < LPS_WIDTH) {
                const real2 g = direct[(mm_long)m * directCapacity + (-1 - tableRow)];
                LPS_ADD_SCALED((*rowGradient), G[q], g.x)
                *radialGradient += g.y * (G[q].x * r.x + G[q].y * r.y + G[q].z * r.z + G[q].w * r.w);
            }
        }
    }
}

#define LPS_ADD_FORCE(particle, fx, fy, fz)                                                  \
    ATOMIC_ADD(&forces[particle], (mm_ulong)realToFixedPoint(forceUnit*(fx)));               \
    ATOMIC_ADD(&forces[particle + paddedAtoms], (mm_ulong)realToFixedPoint(forceUnit*(fy))); \
    ATOMIC_ADD(&forces[particle + 2 * paddedAtoms], (mm_ulong)realToFixedPoint(forceUnit*(fz)));

/** Of f = dE/dx and one component of the displacement x from the center to a neighbor, a row of its virial. */
#define LPS_ADD_VIRIAL_ROW(first, component)                                                                    \
    ATOMIC_ADD(&virials[(first)*paddedAtoms + particle], (mm_ulong)(mm_long)(-unit * (component)*f.x));         \
    ATOMIC_ADD(&virials[((first) + 1) * paddedAtoms + particle], (mm_ulong)(mm_long)(-unit * (component)*f.y)); \
    ATOMIC_ADD(&virials[((first) + 2) * paddedAtoms + particle], (mm_ulong)(mm_long)(-unit * (component)*f.z));

/**
 * LPS_LANES threads own a row; they share the channels of a pair, and then each finishes one of LPS_LANES pairs. A work
 * group holds LPS_GROUP_ROWS rows and goes as many rounds as its longest row, so that barriers stay in uniform control
 * flow. What is added to forces and virials are 64-bit integers: their order does not matter.
 *
 * Forces are multiplied by scale. With LPS_VIRIALS nothing is added to forces. virials, [9][paddedAtoms], then receive
 * what the energy of the center adds to the virials of its neighbors, times scale.
 */
KERNEL void computeForces(int firstRow, int tileRows, int rankBits, int paddedAtoms, real4 cutoffs, real scale,
                          GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT sections,
                          GLOBAL const mixed4* RESTRICT positions, GLOBAL const mixed4* RESTRICT shifts,
                          GLOBAL const int4* RESTRICT sorted, GLOBAL const int* RESTRICT sectionStart,
                          GLOBAL const real* RESTRICT typeConstants, GLOBAL const real4* RESTRICT pairRows,
                          GLOBAL const int* RESTRICT pairTableRows, GLOBAL const real2* RESTRICT pairPositions,
                          GLOBAL const unsigned int* RESTRICT pairEntries, GLOBAL const int* RESTRICT pairCounts,
                          GLOBAL const real4* RESTRICT low, GLOBAL const real2* RESTRICT high, int directCapacity,
                          GLOBAL const real2* RESTRICT direct, GLOBAL const real4* RESTRICT projected,
                          GLOBAL mm_ulong* RESTRICT forces, GLOBAL mm_ulong* RESTRICT virials) {
#if LPS_LANES > 1
    LOCAL real4 rowParts[LPS_GROUP_ROWS][LPS_LANES][LPS_LANES];
    LOCAL real radialParts[LPS_GROUP_ROWS][LPS_LANES][LPS_LANES];
    LOCAL int counts[LPS_GROUP_ROWS];
#endif
#ifndef LPS_VIRIALS
    const real forceUnit = (real)LPS_FORCE_UNIT * scale;
#endif
    const int lane = LOCAL_ID % LPS_LANES;
    const int groupRow = LOCAL_ID / LPS_LANES;
    const int numTasks = tileRows / LPS_GROUP_ROWS;
    for (int task = GROUP_ID; task < numTasks; task += NUM_GROUPS) {
        const int localRow = task * LPS_GROUP_ROWS + groupRow;
        const int row = firstRow + localRow;
        const int4 block = blocks[row / LPS_BLOCK_ROWS];
        const int inBlock = row % LPS_BLOCK_ROWS;
        const bool filled = (inBlock < block.z);
        const int rank = (filled ? block.y + inBlock : 0);
        const mixed4 center = positions[rank];
        real fx = 0, fy = 0, fz = 0;
        real4 G[LPS_CHANNELS_PER_LANE];
        LPS_UNROLL
        for (int q = 0; q < LPS_CHANNELS_PER_LANE; q++) {
            const int m = lane + q * LPS_LANES;
            G[q] = (m < LPS_WIDTH && filled ? projected[(mm_long)localRow * LPS_WIDTH + m]
                                            : make_real4((real)0, (real)0, (real)0, (real)0));
        }
        for (int type = 0; type < LPS_NUM_TYPES; type++) {
            const int pairType = block.x * LPS_NUM_TYPES + type;
            const int count = (filled && (sections[pairType] & 1) ? pairCounts[type * tileRows + localRow] : 0);
            const int start = sectionStart[type];
            int longest = count;
#if LPS_LANES > 1
            if (lane == 0)
                counts[groupRow] = count;
            SYNC_THREADS;
            longest = 0;
            for (int k = 0; k < LPS_GROUP_ROWS; k++)
                longest = (counts[k] > longest ? counts[k] : longest);
#endif
            for (int first = 0; first < longest; first += LPS_LANES) {
                real4 rowGradient = make_real4((real)0, (real)0, (real)0, (real)0);
                real radialGradient = 0;

                // The part of this thread's channels in the gradients of LPS_LANES pairs.

                for (int k = 0; k < LPS_LANES; k++) {
                    if (first + k < count) {
                        const mm_long pair = (mm_long)(start + first + k) * tileRows + localRow;
                        rowGradient = make_real4((real)0, (real)0, (real)0, (real)0);
                        radialGradient = 0;
                        lpsAddGradients(G, lane, pairRows[pair], pairTableRows[pair], pairPositions[pair].x, low, high,
                                        directCapacity, direct, &rowGradient, &radialGradient);
#if LPS_LANES > 1
                        rowParts[groupRow][k][lane] = rowGradient;
                        radialParts[groupRow][k][lane] = radialGradient;
#endif
                    }
                }
#if LPS_LANES > 1
                SYNC_THREADS;
#endif
                // Add the parts of one pair up and turn them into forces.

                if (first + lane < count) {
#if LPS_LANES > 1
                    rowGradient = make_real4((real)0, (real)0, (real)0, (real)0);
                    radialGradient = 0;
                    for (int k = 0; k < LPS_LANES; k++) {
                        const real4 part = rowParts[groupRow][lane][k];
                        rowGradient.x += part.x;
                        rowGradient.y += part.y;
                        rowGradient.z += part.z;
                        rowGradient.w += part.w;
                        radialGradient += radialParts[groupRow][lane][k];
                    }
#endif
                    const mm_long pair = (mm_long)(start + first + lane) * tileRows + localRow;
                    const unsigned int entry = pairEntries[pair];
                    const real4 x = lpsDisplacement(entry, rankBits, center, positions, shifts);
                    const real4 f = lpsPairForce(x, cutoffs, rowGradient, radialGradient * pairPositions[pair].y,
                                                 typeConstants + 8 * block.x);
#ifdef LPS_VIRIALS
                    const int particle = sorted[entry & ((1u << rankBits) - 1)].x;
                    const real unit = (real)LPS_ENERGY_UNIT * scale;
                    LPS_ADD_VIRIAL_ROW(0, x.x)
                    LPS_ADD_VIRIAL_ROW(3, x.y)
                    LPS_ADD_VIRIAL_ROW(6, x.z)
#else
                    fx += f.x;
                    fy += f.y;
                    fz += f.z;
                    const int particle = sorted[entry & ((1u << rankBits) - 1)].x;
                    LPS_ADD_FORCE(particle, -f.x, -f.y, -f.z)
#endif
                }
#if LPS_LANES > 1
                SYNC_THREADS;
#endif
            }
#if LPS_LANES > 1
            SYNC_THREADS;
#endif
        }
        if (filled) {
#ifndef LPS_VIRIALS
            const int particle = sorted[rank].x;
            LPS_ADD_FORCE(particle, fx, fy, fz)
#endif
        }
    }
}
