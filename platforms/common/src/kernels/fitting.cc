// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Fitting networks (theory, section 3 and equation 10) of one tile of rows as a chain of matrix products. A work group
 * computes LPS_BLOCK_ROWS rows, all of one type, times LPS_TILE_OUTPUTS outputs; each thread owns LPS_THREAD_ROWS x
 * LPS_THREAD_OUTPUTS of them and adds up the depth in steps of LPS_TILE_DEPTH through local memory. Sums have a fixed
 * order. Barriers stand in loops whose bounds are the same for the whole work group.
 *
 * The descriptor D of equation (9) is never stored: the first layer multiplies it out of A while it loads.
 */

#define LPS_ROW_THREADS (LPS_BLOCK_ROWS / LPS_THREAD_ROWS)
#define LPS_OUTPUT_THREADS (LPS_TILE_OUTPUTS / LPS_THREAD_OUTPUTS)
#define LPS_GROUP_THREADS (LPS_ROW_THREADS * LPS_OUTPUT_THREADS)

/** Input k of the first layer, D_ij in the order of lpsInput() in descriptor.cc. */
inline DEVICE real lpsDescriptor(GLOBAL const real4* RESTRICT contracted, mm_long row, int k) {
#ifdef LPS_FOLDED
    const int below = k - LPS_AXIS * (LPS_AXIS + 1) / 2;
    int i = LPS_AXIS + below / LPS_AXIS;
    int j = below % LPS_AXIS;
    if (below < 0) {
        const int line = k / (LPS_AXIS + 1);
        const int rest = k % (LPS_AXIS + 1);
        i = (rest <= line ? line : LPS_AXIS - 1 - line);
        j = (rest <= line ? rest : rest - line - 1);
    }
#else
    const int i = k / LPS_AXIS;
    const int j = k % LPS_AXIS;
#endif
    const real4 a = contracted[row * LPS_WIDTH + i];
    const real4 b = contracted[row * LPS_WIDTH + j];
    return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

/** Multiply-add of one step in local memory. */
#define LPS_MULTIPLY_STEP                                                                                            \
    for (int d = 0; d < LPS_TILE_DEPTH; d++) {                                                                       \
        real left[LPS_THREAD_ROWS];                                                                                  \
        real right[LPS_THREAD_OUTPUTS];                                                                              \
        LPS_UNROLL for (int p = 0; p < LPS_THREAD_ROWS; p++) left[p] = rowTile[d][rowThread * LPS_THREAD_ROWS + p];  \
        LPS_UNROLL for (int q = 0; q < LPS_THREAD_OUTPUTS; q++) right[q] =                                           \
            weightTile[d][outputThread + q * LPS_OUTPUT_THREADS];                                                    \
        LPS_UNROLL for (int p = 0; p < LPS_THREAD_ROWS; p++) LPS_UNROLL for (int q = 0; q < LPS_THREAD_OUTPUTS; q++) \
            sum[p][q] += left[p] * right[q];                                                                         \
    }

/** Clear the sums of a thread. Every access to them is unrolled, or they would not stay in registers. */
#define LPS_CLEAR_SUMS                                                                                           \
    LPS_UNROLL for (int p = 0; p < LPS_THREAD_ROWS; p++) LPS_UNROLL for (int q = 0; q < LPS_THREAD_OUTPUTS; q++) \
        sum[p][q] = 0;

/** Store the sums of a thread in a matrix of this many columns, or add them to what is there. */
#define LPS_STORE_SUMS(matrix, columnCount, firstColumn, isAdded)                                                  \
    LPS_UNROLL for (int p = 0; p < LPS_THREAD_ROWS; p++) LPS_UNROLL for (int q = 0; q < LPS_THREAD_OUTPUTS; q++) { \
        const int column = firstColumn + outputThread + q * LPS_OUTPUT_THREADS;                                    \
        const mm_long index = (mm_long)(firstLocal + rowThread * LPS_THREAD_ROWS + p) * columnCount + column;      \
        if (column < columnCount)                                                                                  \
            matrix[index] = (isAdded ? matrix[index] + sum[p][q] : sum[p][q]);                                     \
    }

/**
 * Inputs whose products are added up before they join the sum of the others, a multiple of LPS_TILE_DEPTH. A single sum
 * over the 1,480 inputs of the first layer rounds too much: two Li atoms 2.5 angstrom apart were off by 1.3e-6 eV each
 * in single precision, with chunks by 4e-9.
 */
#define LPS_CHUNK_DEPTH 256

/**
 * One layer, y = activation(x W + b) * timestep + residual(x).
 *
 * @param offsets       [LPS_NUM_TYPES] offset of the layer in weights: W [inputs][outputs], b, time step
 * @param fromDescriptor  1: x is the descriptor, from contracted; 0: x is input
 * @param input         [tileRows][inputs]
 * @param output        [tileRows][outputs]
 * @param slope         [tileRows][outputs] dy/d(x W + b) without residual
 */
KERNEL void forwardLayer(int firstRow, int tileRows, int inputs, int outputs, int activation, real threshold,
                         int residual, int hasTimestep, int fromDescriptor, GLOBAL const int4* RESTRICT blocks,
                         GLOBAL const int* RESTRICT offsets, GLOBAL const real* RESTRICT weights,
                         GLOBAL const real4* RESTRICT contracted, GLOBAL const real* RESTRICT input,
                         GLOBAL real* RESTRICT output, GLOBAL real* RESTRICT slope) {
    LOCAL real rowTile[LPS_TILE_DEPTH][LPS_BLOCK_ROWS + 1];
    LOCAL real weightTile[LPS_TILE_DEPTH][LPS_TILE_OUTPUTS];
    const int thread = LOCAL_ID;
    const int rowThread = thread / LPS_OUTPUT_THREADS;
    const int outputThread = thread % LPS_OUTPUT_THREADS;
    const int columns = (outputs + LPS_TILE_OUTPUTS - 1) / LPS_TILE_OUTPUTS;
    const int numTasks = columns * (tileRows / LPS_BLOCK_ROWS);
    for (int task = GROUP_ID; task < numTasks; task += NUM_GROUPS) {
        const int firstLocal = (task / columns) * LPS_BLOCK_ROWS;
        const int firstOutput = (task % columns) * LPS_TILE_OUTPUTS;
        const int4 block = blocks[(firstRow + firstLocal) / LPS_BLOCK_ROWS];
        GLOBAL const real* weight = weights + offsets[block.x];
        real sum[LPS_THREAD_ROWS][LPS_THREAD_OUTPUTS];
        LPS_CLEAR_SUMS
        for (int depth = 0; depth < inputs; depth += LPS_TILE_DEPTH) {
            if (depth > 0 && depth % LPS_CHUNK_DEPTH == 0) {
                LPS_STORE_SUMS(output, outputs, firstOutput, depth > LPS_CHUNK_DEPTH)
                LPS_CLEAR_SUMS
            }
            for (int i = thread; i < LPS_BLOCK_ROWS * LPS_TILE_DEPTH; i += LPS_GROUP_THREADS) {
                const int d = i % LPS_TILE_DEPTH;
                const int p = i / LPS_TILE_DEPTH;
                const mm_long row = firstLocal + p;
                real value = 0;
                if (depth + d < inputs && p < block.z)
                    value =
                        (fromDescriptor ? lpsDescriptor(contracted, row, depth + d) : input[row * inputs + depth + d]);
                rowTile[d][p] = value;
            }
            for (int i = thread; i < LPS_TILE_OUTPUTS * LPS_TILE_DEPTH; i += LPS_GROUP_THREADS) {
                const int q = i % LPS_TILE_OUTPUTS;
                const int d = i / LPS_TILE_OUTPUTS;
                weightTile[d][q] = (depth + d < inputs && firstOutput + q < outputs
                                        ? weight[(mm_long)(depth + d) * outputs + firstOutput + q]
                                        : (real)0);
            }
            SYNC_THREADS;
            LPS_MULTIPLY_STEP
            SYNC_THREADS;
        }
        LPS_STORE_SUMS(output, outputs, firstOutput, inputs > LPS_CHUNK_DEPTH)

        // Each thread turns what it has just stored into y.

        GLOBAL const real* bias = weight + (mm_long)inputs * outputs;
        for (int p = 0; p < LPS_THREAD_ROWS; p++) {
            const mm_long row = firstLocal + rowThread * LPS_THREAD_ROWS + p;
            for (int q = 0; q < LPS_THREAD_OUTPUTS; q++) {
                const int o = firstOutput + outputThread + q * LPS_OUTPUT_THREADS;
                if (o >= outputs)
                    continue;
                real2 h = lpsActivate(activation, threshold, output[row * outputs + o] + bias[o]);
                if (hasTimestep) {
                    h.x *= bias[outputs + o];
                    h.y *= bias[outputs + o];
                }
                if (residual != 0) {
                    const int k = (o < inputs ? o : o - inputs);
                    h.x += (fromDescriptor ? lpsDescriptor(contracted, row, k) : input[row * inputs + k]);
                }
                output[row * outputs + o] = h.x;
                slope[row * outputs + o] = h.y;
            }
        }
    }
}

/**
 * Gradient with respect to the input of a layer, dx = (dy * slope) W^T + residual(dy).
 *
 * @param offsets      [LPS_NUM_TYPES] offset of W^T [outputs][inputs] in weights
 * @param lastOffsets  [LPS_NUM_TYPES] offset of the output layer's weights in weights
 * @param isLast       1: dy is the output layer's weight, the same for all rows of a type; 0: dy is outputGradient
 * @param outputGradient  [tileRows][outputs]
 * @param inputGradient   [tileRows][inputs]
 */
KERNEL void backwardLayer(int firstRow, int tileRows, int inputs, int outputs, int residual, int isLast,
                          GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT offsets,
                          GLOBAL const int* RESTRICT lastOffsets, GLOBAL const real* RESTRICT weights,
                          GLOBAL const real* RESTRICT slope, GLOBAL const real* RESTRICT outputGradient,
                          GLOBAL real* RESTRICT inputGradient) {
    LOCAL real rowTile[LPS_TILE_DEPTH][LPS_BLOCK_ROWS + 1];
    LOCAL real weightTile[LPS_TILE_DEPTH][LPS_TILE_OUTPUTS];
    const int thread = LOCAL_ID;
    const int rowThread = thread / LPS_OUTPUT_THREADS;
    const int outputThread = thread % LPS_OUTPUT_THREADS;
    const int columns = (inputs + LPS_TILE_OUTPUTS - 1) / LPS_TILE_OUTPUTS;
    const int numTasks = columns * (tileRows / LPS_BLOCK_ROWS);
    for (int task = GROUP_ID; task < numTasks; task += NUM_GROUPS) {
        const int firstLocal = (task / columns) * LPS_BLOCK_ROWS;
        const int firstInput = (task % columns) * LPS_TILE_OUTPUTS;
        const int4 block = blocks[(firstRow + firstLocal) / LPS_BLOCK_ROWS];
        GLOBAL const real* weight = weights + offsets[block.x];
        GLOBAL const real* last = weights + lastOffsets[block.x];
        real sum[LPS_THREAD_ROWS][LPS_THREAD_OUTPUTS];
        LPS_CLEAR_SUMS
        for (int depth = 0; depth < outputs; depth += LPS_TILE_DEPTH) {
            for (int i = thread; i < LPS_BLOCK_ROWS * LPS_TILE_DEPTH; i += LPS_GROUP_THREADS) {
                const int d = i % LPS_TILE_DEPTH;
                const int p = i / LPS_TILE_DEPTH;
                const mm_long index = (mm_long)(firstLocal + p) * outputs + depth + d;
                real value = 0;
                if (depth + d < outputs && p < block.z)
                    value = slope[index] * (isLast ? last[depth + d] : outputGradient[index]);
                rowTile[d][p] = value;
            }
            for (int i = thread; i < LPS_TILE_OUTPUTS * LPS_TILE_DEPTH; i += LPS_GROUP_THREADS) {
                const int q = i % LPS_TILE_OUTPUTS;
                const int d = i / LPS_TILE_OUTPUTS;
                weightTile[d][q] = (depth + d < outputs && firstInput + q < inputs
                                        ? weight[(mm_long)(depth + d) * inputs + firstInput + q]
                                        : (real)0);
            }
            SYNC_THREADS;
            LPS_MULTIPLY_STEP
            SYNC_THREADS;
        }
        LPS_STORE_SUMS(inputGradient, inputs, firstInput, false)
        for (int p = 0; p < LPS_THREAD_ROWS && residual != 0; p++) {
            const mm_long row = firstLocal + rowThread * LPS_THREAD_ROWS + p;
            for (int q = 0; q < LPS_THREAD_OUTPUTS; q++) {
                const int i = firstInput + outputThread + q * LPS_OUTPUT_THREADS;
                if (i >= inputs)
                    continue;
                real value = inputGradient[row * inputs + i];
                for (int part = 0; part < residual; part++) {
                    const int o = i + part * inputs;
                    value += (isLast ? last[o] : outputGradient[row * outputs + o]);
                }
                inputGradient[row * inputs + i] = value;
            }
        }
    }
}

/**
 * Energy of each row without its constants, y W of the output layer. One thread per row. The total is a sum of 64-bit
 * integers and so does not depend on any order.
 *
 * @param scale       kJ/mol to units of the sums
 * @param atomEnergies  [particles] kJ/mol, by index within the System
 * @param sums          [LPS_NUM_SUMS]
 */
KERNEL void sumEnergies(int firstRow, int tileRows, int inputs, real scale, GLOBAL const int4* RESTRICT blocks,
                        GLOBAL const int* RESTRICT lastOffsets, GLOBAL const real* RESTRICT weights,
                        GLOBAL const real* RESTRICT input, GLOBAL const int4* RESTRICT sorted,
                        GLOBAL const int* RESTRICT atomIndex, GLOBAL real* RESTRICT atomEnergies,
                        GLOBAL mm_ulong* RESTRICT sums) {
    mm_long total = 0;
    for (int localRow = GLOBAL_ID; localRow < tileRows; localRow += GLOBAL_SIZE) {
        const int4 block = blocks[(firstRow + localRow) / LPS_BLOCK_ROWS];
        const int inBlock = (firstRow + localRow) % LPS_BLOCK_ROWS;
        if (inBlock >= block.z)
            continue;
        GLOBAL const real* weight = weights + lastOffsets[block.x];
        real energy = 0;
        for (int i = 0; i < inputs; i++)
            energy += weight[i] * input[(mm_long)localRow * inputs + i];
        energy *= (real)LPS_ENERGY_UNIT;
        atomEnergies[atomIndex[sorted[block.y + inBlock].x]] = energy;
        total += (mm_long)(energy * scale);
    }
    ATOMIC_ADD(&sums[GLOBAL_ID % LPS_NUM_SUMS], (mm_ulong)total);
}
