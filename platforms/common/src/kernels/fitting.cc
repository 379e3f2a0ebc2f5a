// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Fitting networks (theory, section 3 and equation 10) of one tile of rows as a chain of matrix products. A work group
 * computes LPS_BLOCK_ROWS rows, all of one type, times LPS_TILE_OUTPUTS outputs; each thread owns LPS_THREAD_ROWS x
 * LPS_THREAD_OUTPUTS of them, in groups of four, and adds up the depth in steps of LPS_TILE_DEPTH through local memory.
 * Sums have a fixed order. Barriers stand in loops whose bounds are the same for the whole work group.
 *
 * The descriptor D of equation (9) is never stored: the first layer multiplies it out of A while it loads.
 *
 * Matrices are padded, so that no load or store looks at a bound: those of rows to LPS_PITCH(n) columns, weights to
 * LPS_DEPTH(n) rows of LPS_PITCH(n) columns. Padded weights are zero, and what they meet is finite. Empty rows of a
 * block are computed like others, and nobody looks at them.
 */

#define LPS_ROW_THREADS (LPS_BLOCK_ROWS / LPS_THREAD_ROWS)
#define LPS_OUTPUT_THREADS (LPS_TILE_OUTPUTS / LPS_THREAD_OUTPUTS)
#define LPS_GROUP_THREADS (LPS_ROW_THREADS * LPS_OUTPUT_THREADS)
#define LPS_ROW_QUADS (LPS_THREAD_ROWS / 4)
#define LPS_OUTPUT_QUADS (LPS_THREAD_OUTPUTS / 4)
#define LPS_TILE_QUADS (LPS_TILE_OUTPUTS / 4)

/** Rows of a tile in local memory, in groups of four, and one group that spreads what is stored over the banks. */
#define LPS_ROW_PITCH (LPS_BLOCK_ROWS / 4 + 1)

#define LPS_ROUND_UP(n, unit) (((n) + (unit)-1) / (unit) * (unit))
#define LPS_DEPTH(n) LPS_ROUND_UP(n, LPS_TILE_DEPTH)
#define LPS_PITCH(n) LPS_ROUND_UP(n, LPS_PITCH_UNIT)

/** How many threads of a work group share `count` items side by side; the others take further lines of them. */
#define LPS_SIDE_BY_SIDE(count) ((count) < LPS_GROUP_THREADS ? (count) : LPS_GROUP_THREADS)

/** Unroll the depth so far that addresses fold into the loads; further, registers would spill. */
#if LPS_LANES > 1
#define LPS_UNROLL_DEPTH _Pragma("unroll 2")
#else
#define LPS_UNROLL_DEPTH _Pragma("unroll 1")
#endif

/** How many rows a thread loads at a time: more would make registers spill. */
#if LPS_LANES == 1
#define LPS_UNROLL_DESCRIPTOR LPS_UNROLL
#define LPS_UNROLL_ROWS LPS_UNROLL
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1200
#define LPS_UNROLL_DESCRIPTOR _Pragma("unroll 2")
#define LPS_UNROLL_ROWS _Pragma("unroll 1")
#else
#define LPS_UNROLL_DESCRIPTOR _Pragma("unroll 4")
#define LPS_UNROLL_ROWS _Pragma("unroll 2")
#endif

/** Registers of a thread, where a compiler can be told: two work groups hide the loads of each other. */
#ifdef __CUDACC__
#define LPS_LAYER_KERNEL KERNEL __launch_bounds__(LPS_GROUP_THREADS, LPS_LAYER_GROUPS) void
#else
#define LPS_LAYER_KERNEL KERNEL void
#endif

/** D_ij of a row of A. @param input (i, j) */
inline DEVICE real lpsDescriptor(GLOBAL const real4* RESTRICT row, int2 input) {
    const real4 a = row[input.x];
    const real4 b = row[input.y];
    return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

/**
 * One step of depth of D into local memory.
 *
 * @param rowTile        [LPS_TILE_DEPTH][4 LPS_ROW_PITCH]
 * @param firstRow       first row of the block in A
 * @param firstInput     (i, j) of the first input of this step
 */
inline DEVICE void lpsLoadDescriptor(LOCAL_ARG real* rowTile, GLOBAL const real4* RESTRICT firstRow,
                                     GLOBAL const int2* RESTRICT firstInput) {
    const int side = LPS_SIDE_BY_SIDE(LPS_TILE_DEPTH);
    for (int first = 0; first < LPS_TILE_DEPTH; first += side) {
        const int d = first + (int)LOCAL_ID % side;
        const int p = (int)LOCAL_ID / side;
        const int2 input = firstInput[d];
        GLOBAL const real4* row = firstRow + p * LPS_WIDTH;
        LPS_UNROLL_DESCRIPTOR
        for (int k = 0; k < LPS_BLOCK_ROWS * side / LPS_GROUP_THREADS; k++)
            rowTile[4 * d * LPS_ROW_PITCH + p + k * (LPS_GROUP_THREADS / side)] =
                lpsDescriptor(row + k * (LPS_GROUP_THREADS / side) * LPS_WIDTH, input);
    }
}

/**
 * One step of depth of a matrix of rows, or of the product of two such matrices element by element, into local memory.
 *
 * @param rowTile  [LPS_TILE_DEPTH][4 LPS_ROW_PITCH]
 * @param matrix   its block of rows, at the first column of this step
 * @param factors  second matrix; one row of it for all where factorPitch is 0
 */
inline DEVICE void lpsLoadRows(LOCAL_ARG real* rowTile, GLOBAL const real* RESTRICT matrix, int pitch,
                               GLOBAL const real* RESTRICT factors, int factorPitch, bool hasFactors) {
    const int side = LPS_SIDE_BY_SIDE(LPS_TILE_DEPTH / 4);
    for (int first = 0; first < LPS_TILE_DEPTH / 4; first += side) {
        const int d = 4 * (first + (int)LOCAL_ID % side);
        const int p = (int)LOCAL_ID / side;
        LPS_UNROLL_ROWS
        for (int k = 0; k < LPS_BLOCK_ROWS * side / LPS_GROUP_THREADS; k++) {
            const int row = p + k * (LPS_GROUP_THREADS / side);
            real4 value = *(GLOBAL const real4*)(matrix + row * pitch + d);
            if (hasFactors)
                value *= *(GLOBAL const real4*)(factors + row * factorPitch + d);
            rowTile[4 * d * LPS_ROW_PITCH + row] = value.x;
            rowTile[4 * (d + 1) * LPS_ROW_PITCH + row] = value.y;
            rowTile[4 * (d + 2) * LPS_ROW_PITCH + row] = value.z;
            rowTile[4 * (d + 3) * LPS_ROW_PITCH + row] = value.w;
        }
    }
}

/**
 * One step of depth of the weights into local memory.
 *
 * @param weightTile  [LPS_TILE_DEPTH][LPS_TILE_QUADS]
 * @param weight      at the first row and column of this step
 */
inline DEVICE void lpsLoadWeights(LOCAL_ARG real4* weightTile, GLOBAL const real* RESTRICT weight, int pitch) {
    const int side = LPS_SIDE_BY_SIDE(LPS_TILE_QUADS);
    for (int first = 0; first < LPS_TILE_QUADS; first += side) {
        const int q = first + (int)LOCAL_ID % side;
        LPS_UNROLL
        for (int k = 0; k < LPS_TILE_DEPTH * side / LPS_GROUP_THREADS; k++) {
            const int d = (int)LOCAL_ID / side + k * (LPS_GROUP_THREADS / side);
            weightTile[d * LPS_TILE_QUADS + q] = *(GLOBAL const real4*)(weight + d * pitch + 4 * q);
        }
    }
}

/** Add the products of one step of depth to the sums of a thread. */
inline DEVICE void lpsMultiplyStep(real4 sum[LPS_THREAD_ROWS][LPS_OUTPUT_QUADS], LOCAL_ARG const real4* rowTile,
                                   LOCAL_ARG const real4* weightTile) {
    const int rowThread = (int)LOCAL_ID / LPS_OUTPUT_THREADS;
    const int outputThread = (int)LOCAL_ID % LPS_OUTPUT_THREADS;
    LPS_UNROLL_DEPTH
    for (int d = 0; d < LPS_TILE_DEPTH; d++) {
        real4 right[LPS_OUTPUT_QUADS];
        LPS_UNROLL
        for (int q = 0; q < LPS_OUTPUT_QUADS; q++)
            right[q] = weightTile[d * LPS_TILE_QUADS + outputThread + q * LPS_OUTPUT_THREADS];
        LPS_UNROLL
        for (int p = 0; p < LPS_ROW_QUADS; p++) {
            const real4 left = rowTile[d * LPS_ROW_PITCH + rowThread + p * LPS_ROW_THREADS];
            LPS_UNROLL
            for (int q = 0; q < LPS_OUTPUT_QUADS; q++) {
                sum[4 * p][q] += left.x * right[q];
                sum[4 * p + 1][q] += left.y * right[q];
                sum[4 * p + 2][q] += left.z * right[q];
                sum[4 * p + 3][q] += left.w * right[q];
            }
        }
    }
}

/** Clear the sums of a thread. Every access to them is unrolled, or they would not stay in registers. */
inline DEVICE void lpsClearSums(real4 sum[LPS_THREAD_ROWS][LPS_OUTPUT_QUADS]) {
    LPS_UNROLL
    for (int p = 0; p < LPS_THREAD_ROWS; p++) {
        LPS_UNROLL
        for (int q = 0; q < LPS_OUTPUT_QUADS; q++)
            sum[p][q] = make_real4((real)0, (real)0, (real)0, (real)0);
    }
}

/** The row within its block of a thread's p-th, and the output within its tile of its q-th four. */
#define LPS_OWN_ROW(p) (4 * ((int)LOCAL_ID / LPS_OUTPUT_THREADS + (p) / 4 * LPS_ROW_THREADS) + (p) % 4)
#define LPS_OWN_OUTPUT(q) (4 * ((int)LOCAL_ID % LPS_OUTPUT_THREADS + (q)*LPS_OUTPUT_THREADS))

/**
 * Store the sums of a thread, or add them to what is there.
 *
 * @param matrix  at the first row and column of the work group
 */
inline DEVICE void lpsStoreSums(real4 sum[LPS_THREAD_ROWS][LPS_OUTPUT_QUADS], GLOBAL real* matrix, int pitch,
                                bool isAdded) {
    GLOBAL real* line = matrix + LPS_OWN_ROW(0) * pitch + LPS_OWN_OUTPUT(0);
    LPS_UNROLL
    for (int p = 0; p < LPS_THREAD_ROWS; p++) {
        LPS_UNROLL
        for (int q = 0; q < LPS_OUTPUT_QUADS; q++) {
            GLOBAL real4* target = (GLOBAL real4*)(line + 4 * q * LPS_OUTPUT_THREADS);
            *target = (isAdded ? *target + sum[p][q] : sum[p][q]);
        }
        line += (p % 4 < 3 ? pitch : (4 * LPS_ROW_THREADS - 3) * pitch);
    }
}

/**
 * Inputs whose products are added up before they join the sum of the others, a multiple of LPS_TILE_DEPTH. A single sum
 * over the 1,480 inputs of the first layer rounds too much: two Li atoms 2.5 angstrom apart were off by 1.3e-6 eV each
 * in single precision, with chunks by 4e-9.
 */
#define LPS_CHUNK_DEPTH 256

/**
 * The product x W of a layer, y as it is before bias and activation.
 *
 * @param fromDescriptor  whether x is the descriptor, from contracted, or input; other arguments as of the kernels
 */
inline DEVICE void lpsMultiplyLayer(LOCAL_ARG real4* rowTile, LOCAL_ARG real4* weightTile, bool fromDescriptor,
                                    int firstRow, int tileRows, int inputs, int outputs,
                                    GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT offsets,
                                    GLOBAL const real* RESTRICT weights, GLOBAL const int2* RESTRICT descriptorInputs,
                                    GLOBAL const real4* RESTRICT contracted, GLOBAL const real* RESTRICT input,
                                    GLOBAL real* RESTRICT output) {
    const int inputPitch = LPS_PITCH(inputs);
    const int pitch = LPS_PITCH(outputs);
    const int columns = pitch / LPS_TILE_OUTPUTS;
    const int numTasks = columns * (tileRows / LPS_BLOCK_ROWS);
    for (int task = GROUP_ID; task < numTasks; task += NUM_GROUPS) {
        const int firstLocal = (task / columns) * LPS_BLOCK_ROWS;
        const int firstOutput = (task % columns) * LPS_TILE_OUTPUTS;
        GLOBAL const real* weight = weights + offsets[blocks[(firstRow + firstLocal) / LPS_BLOCK_ROWS].x] + firstOutput;
        for (int chunk = 0; chunk < inputs; chunk += LPS_CHUNK_DEPTH) {
            const int end = (chunk + LPS_CHUNK_DEPTH < inputs ? chunk + LPS_CHUNK_DEPTH : inputs);
            real4 sum[LPS_THREAD_ROWS][LPS_OUTPUT_QUADS];
            lpsClearSums(sum);
            for (int depth = chunk; depth < end; depth += LPS_TILE_DEPTH) {
                if (fromDescriptor)
                    lpsLoadDescriptor((LOCAL_ARG real*)rowTile, contracted + (mm_long)firstLocal * LPS_WIDTH,
                                      descriptorInputs + depth);
                else
                    lpsLoadRows((LOCAL_ARG real*)rowTile, input + (mm_long)firstLocal * inputPitch + depth, inputPitch,
                                input, 0, false);
                lpsLoadWeights(weightTile, weight + depth * pitch, pitch);
                SYNC_THREADS;
                lpsMultiplyStep(sum, rowTile, weightTile);
                SYNC_THREADS;
            }
            lpsStoreSums(sum, output + (mm_long)firstLocal * pitch + firstOutput, pitch, chunk > 0);
        }
    }
}

/**
 * Turn x W into y. Each thread meets what it has stored itself. Apart from the product, whose sums leave no registers
 * for this.
 */
inline DEVICE void lpsFinishLayer(bool fromDescriptor, int firstRow, int tileRows, int inputs, int outputs,
                                  int activation, real threshold, int residual, int hasTimestep,
                                  GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT offsets,
                                  GLOBAL const real* RESTRICT weights, GLOBAL const int2* RESTRICT descriptorInputs,
                                  GLOBAL const real4* RESTRICT contracted, GLOBAL const real* RESTRICT input,
                                  GLOBAL real* RESTRICT output, GLOBAL real* RESTRICT slope) {
    const int pitch = LPS_PITCH(outputs);
    const int columns = pitch / LPS_TILE_OUTPUTS;
    const int numTasks = columns * (tileRows / LPS_BLOCK_ROWS);
    for (int task = GROUP_ID; task < numTasks; task += NUM_GROUPS) {
        const int firstLocal = (task / columns) * LPS_BLOCK_ROWS;
        const int firstOutput = (task % columns) * LPS_TILE_OUTPUTS;
        GLOBAL const real* bias =
            weights + offsets[blocks[(firstRow + firstLocal) / LPS_BLOCK_ROWS].x] + LPS_DEPTH(inputs) * pitch;
        for (int k = 0; k < LPS_THREAD_ROWS * LPS_THREAD_OUTPUTS; k++) {
            const mm_long row = firstLocal + LPS_OWN_ROW(k / LPS_THREAD_OUTPUTS);
            const int o = firstOutput + LPS_OWN_OUTPUT(k % LPS_THREAD_OUTPUTS / 4) + k % 4;
            const mm_long index = row * pitch + o;
            real2 h = lpsActivate(activation, threshold, output[index] + bias[o]);
            if (hasTimestep) {
                h.x *= bias[pitch + o];
                h.y *= bias[pitch + o];
            }
            if (residual != 0 && o < outputs) {
                const int i = (o < inputs ? o : o - inputs);
                h.x += (fromDescriptor ? lpsDescriptor(contracted + row * LPS_WIDTH, descriptorInputs[i])
                                       : input[row * LPS_PITCH(inputs) + i]);
            }
            output[index] = (o < outputs ? h.x : (real)0);
            slope[index] = h.y;
        }
    }
}

/**
 * The first layer, y = activation(D W + b) * timestep + residual(D).
 *
 * @param offsets       [LPS_NUM_TYPES] offset of the layer in weights: W, b, time step
 * @param descriptorInputs  [LPS_DEPTH(inputs)] (i, j) of each input
 * @param contracted    [tileRows][LPS_WIDTH] A
 * @param output        [tileRows][outputs] y
 * @param slope         [tileRows][outputs] dy/d(D W + b) without residual
 */
LPS_LAYER_KERNEL forwardDescriptor(int firstRow, int tileRows, int inputs, int outputs, int activation, real threshold,
                                   int residual, int hasTimestep, GLOBAL const int4* RESTRICT blocks,
                                   GLOBAL const int* RESTRICT offsets, GLOBAL const real* RESTRICT weights,
                                   GLOBAL const int2* RESTRICT descriptorInputs,
                                   GLOBAL const real4* RESTRICT contracted, GLOBAL real* RESTRICT output,
                                   GLOBAL real* RESTRICT slope) {
    LOCAL real4 rowTile[LPS_TILE_DEPTH * LPS_ROW_PITCH];
    LOCAL real4 weightTile[LPS_TILE_DEPTH * LPS_TILE_QUADS];
    lpsMultiplyLayer(rowTile, weightTile, true, firstRow, tileRows, inputs, outputs, blocks, offsets, weights,
                     descriptorInputs, contracted, 0, output);
    lpsFinishLayer(true, firstRow, tileRows, inputs, outputs, activation, threshold, residual, hasTimestep, blocks,
                   offsets, weights, descriptorInputs, contracted, 0, output, slope);
}

/** A layer after the first, of x instead of D. @param input [tileRows][inputs] x */
LPS_LAYER_KERNEL forwardLayer(int firstRow, int tileRows, int inputs, int outputs, int activation, real threshold,
                              int residual, int hasTimestep, GLOBAL const int4* RESTRICT blocks,
                              GLOBAL const int* RESTRICT offsets, GLOBAL const real* RESTRICT weights,
                              GLOBAL const real* RESTRICT input, GLOBAL real* RESTRICT output,
                              GLOBAL real* RESTRICT slope) {
    LOCAL real4 rowTile[LPS_TILE_DEPTH * LPS_ROW_PITCH];
    LOCAL real4 weightTile[LPS_TILE_DEPTH * LPS_TILE_QUADS];
    lpsMultiplyLayer(rowTile, weightTile, false, firstRow, tileRows, inputs, outputs, blocks, offsets, weights, 0, 0,
                     input, output);
    lpsFinishLayer(false, firstRow, tileRows, inputs, outputs, activation, threshold, residual, hasTimestep, blocks,
                   offsets, weights, 0, 0, input, output, slope);
}

/**
 * Gradient with respect to the input of a layer, dx = (dy * slope) W^T + residual(dy).
 *
 * @param offsets      [LPS_NUM_TYPES] offset of W^T in weights
 * @param lastOffsets  [LPS_NUM_TYPES] offset of the output layer's weights in weights
 * @param isLast       1: dy is the output layer's weight, the same for all rows of a type; 0: dy is outputGradient
 * @param slope, outputGradient  [tileRows][outputs]
 * @param inputGradient   [tileRows][inputs] dx
 */
LPS_LAYER_KERNEL backwardLayer(int firstRow, int tileRows, int inputs, int outputs, int residual, int isLast,
                               GLOBAL const int4* RESTRICT blocks, GLOBAL const int* RESTRICT offsets,
                               GLOBAL const int* RESTRICT lastOffsets, GLOBAL const real* RESTRICT weights,
                               GLOBAL const real* RESTRICT slope, GLOBAL const real* RESTRICT outputGradient,
                               GLOBAL real* RESTRICT inputGradient) {
    LOCAL real4 rowTile[LPS_TILE_DEPTH * LPS_ROW_PITCH];
    LOCAL real4 weightTile[LPS_TILE_DEPTH * LPS_TILE_QUADS];
    const int outputPitch = LPS_PITCH(outputs);
    const int pitch = LPS_PITCH(inputs);
    const int columns = pitch / LPS_TILE_OUTPUTS;
    const int numTasks = columns * (tileRows / LPS_BLOCK_ROWS);
    for (int task = GROUP_ID; task < numTasks; task += NUM_GROUPS) {
        const int firstLocal = (task / columns) * LPS_BLOCK_ROWS;
        const int firstInput = (task % columns) * LPS_TILE_OUTPUTS;
        const int type = blocks[(firstRow + firstLocal) / LPS_BLOCK_ROWS].x;
        GLOBAL const real* weight = weights + offsets[type] + firstInput;
        const mm_long first = (mm_long)firstLocal * outputPitch;
        GLOBAL const real* dy = (isLast ? weights + lastOffsets[type] : outputGradient + first);
        const int dyPitch = (isLast ? 0 : outputPitch);
        GLOBAL real* dx = inputGradient + (mm_long)firstLocal * pitch + firstInput;
        real4 sum[LPS_THREAD_ROWS][LPS_OUTPUT_QUADS];
        lpsClearSums(sum);
        for (int depth = 0; depth < outputs; depth += LPS_TILE_DEPTH) {
            lpsLoadRows((LOCAL_ARG real*)rowTile, slope + first + depth, outputPitch, dy + depth, dyPitch, true);
            lpsLoadWeights(weightTile, weight + depth * pitch, pitch);
            SYNC_THREADS;
            lpsMultiplyStep(sum, rowTile, weightTile);
            SYNC_THREADS;
        }
        lpsStoreSums(sum, dx, pitch, false);
        for (int k = 0; k < LPS_THREAD_ROWS * LPS_THREAD_OUTPUTS && residual != 0; k++) {
            const int row = LPS_OWN_ROW(k / LPS_THREAD_OUTPUTS);
            const int column = LPS_OWN_OUTPUT(k % LPS_THREAD_OUTPUTS / 4) + k % 4;
            const int i = firstInput + column;
            for (int part = 0; part < residual && i < inputs; part++)
                dx[row * pitch + column] += dy[row * dyPitch + i + part * inputs];
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
            energy += weight[i] * input[(mm_long)localRow * LPS_PITCH(inputs) + i];
        energy *= (real)LPS_ENERGY_UNIT;
        atomEnergies[atomIndex[sorted[block.y + inBlock].x]] = energy;
        total += (mm_long)(energy * scale);
    }
    ATOMIC_ADD(&sums[GLOBAL_ID % LPS_NUM_SUMS], (mm_ulong)total);
}
