// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Embeddings of pairs that no table serves: tables off, distances below the tables, activations with kinks, arguments
 * beyond the tables of compressed models. One thread per pair, with its work in global memory; it fills the node of its
 * pair (descriptor.cc). Right before fast; equation (6) for networks, (15) beyond tables.
 *
 * A layer is described by 8 integers: inputs, outputs, activation, residual (0 none, 1 identity, 2 doubling), has time
 * step, offset of weight [inputs][outputs], offset of bias, offset of time step; and one real, the threshold of the
 * activation.
 */

#ifdef LPS_HAS_NETWORKS
/**
 * @param networks   [LPS_NUM_TYPES^2] (first layer, number of layers) of each (center, neighbor)
 * @param work       [2][LPS_MAX_WIDTH][capacity] (value, derivative with respect to s)
 * @param direct     [capacity][3][LPS_QUADS] g and dg/dr; what is not set here is zero
 */
KERNEL void evaluateEmbedding(int tile, int capacity, GLOBAL const int* RESTRICT counters,
                              GLOBAL const real4* RESTRICT directInput, GLOBAL const int2* RESTRICT networks,
                              GLOBAL const int* RESTRICT layers, GLOBAL const real* RESTRICT thresholds,
                              GLOBAL const real* RESTRICT weights, GLOBAL real2* RESTRICT work,
                              GLOBAL real4* RESTRICT direct) {
    const int wanted = counters[LPS_DIRECT_PAIRS + tile];
    const int count = (wanted < capacity ? wanted : capacity);
    for (int pair = GLOBAL_ID; pair < count; pair += GLOBAL_SIZE) {
        const real4 input = directInput[pair];
        const int2 network = networks[(int)input.z];
        GLOBAL real2* from = work;
        GLOBAL real2* to = work + (mm_long)LPS_MAX_WIDTH * capacity;
        from[pair] = make_real2(input.x, (real)1);
        for (int l = 0; l < network.y; l++) {
            GLOBAL const int* layer = layers + 8 * (network.x + l);
            const int inputs = layer[0], outputs = layer[1];
            const bool last = (l == network.y - 1);
            for (int o = 0; o < outputs; o++) {
                real z = weights[layer[6] + o];
                real dz = 0;
                for (int i = 0; i < inputs; i++) {
                    const real2 x = from[(mm_long)i * capacity + pair];
                    const real weight = weights[layer[5] + i * outputs + o];
                    z += x.x * weight;
                    dz += x.y * weight;
                }
                const real2 h = lpsActivate(layer[2], thresholds[network.x + l], z);
                real step = (layer[4] ? weights[layer[7] + o] : (real)1);
                real y = h.x * step;
                real dy = h.y * dz * step;
                if (layer[3] != 0) {
                    const real2 x = from[(mm_long)(o < inputs ? o : o - inputs) * capacity + pair];
                    y += x.x;
                    dy += x.y;
                }
                GLOBAL real* node = (GLOBAL real*)(direct + (mm_long)pair * (3 * LPS_QUADS));
                if (last) {
                    node[o] = y;
                    node[4 * LPS_QUADS + o] = dy * input.y;
                } else
                    to[(mm_long)o * capacity + pair] = make_real2(y, dy);
            }
            GLOBAL real2* swap = from;
            from = to;
            to = swap;
        }
    }
}
#endif

#ifdef LPS_HAS_GRIDS
/**
 * What is beyond a table: the value at its edge, or the tangent there.
 *
 * @param tableHeads, grids  of lpsLocateInGrid()
 * @param direct  [capacity][3][LPS_QUADS] g and dg/dr; what is not set here is zero
 */
KERNEL void extrapolateGrid(int tile, int capacity, GLOBAL const int* RESTRICT counters,
                            GLOBAL const real4* RESTRICT directInput, GLOBAL const real* RESTRICT grids,
                            GLOBAL const int4* RESTRICT tableHeads, GLOBAL const real4* RESTRICT nodes,
                            GLOBAL real4* RESTRICT direct) {
    const int wanted = counters[LPS_DIRECT_PAIRS + tile];
    const int count = (wanted < capacity ? wanted : capacity);
    for (int pair = GLOBAL_ID; pair < count; pair += GLOBAL_SIZE) {
        const real4 input = directInput[pair];
        GLOBAL const real* grid = grids + 8 * (int)input.z;
        const int4 head = tableHeads[(int)input.z];
        const bool below = (input.x < grid[0]);
        const bool linear = (grid[5] > 0);
        const int row = (below ? 0 : head.y - 1);
        const real beyond = input.x - (below ? grid[0] : grid[2]);
        const real perLength = (linear ? (real)1 / (row < head.z ? grid[3] : grid[4]) : (real)0);

        // A constant beyond the end is the value at the beginning of the last row.

        GLOBAL const real4* edge = nodes + (mm_long)(head.x + 2 * row + (!below && linear ? 1 : 0)) * (3 * LPS_QUADS);
        GLOBAL real4* node = direct + (mm_long)pair * (3 * LPS_QUADS);
        for (int q = 0; q < LPS_QUADS; q++) {
            const real4 slope = perLength * edge[LPS_QUADS + q];
            node[q] = edge[q] + beyond * slope;
            node[LPS_QUADS + q] = input.y * slope;
        }
    }
}
#endif
