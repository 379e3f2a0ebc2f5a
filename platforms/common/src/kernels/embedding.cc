// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/*
 * Embeddings evaluated as the model stores them, for pairs that no radial table serves: tables off, distances below the
 * tables, activations with kinks, grids of compressed models. One thread per pair, with its work in global memory.
 * Right before fast; equation (6) for networks, (15) for grids.
 *
 * A layer is described by 8 integers: inputs, outputs, activation, residual (0 none, 1 identity, 2 doubling), has time
 * step, offset of weight [inputs][outputs], offset of bias, offset of time step; and one real, the threshold of the
 * activation.
 */

#ifdef LPS_HAS_NETWORKS
/**
 * @param networks   [LPS_NUM_TYPES^2] (first layer, number of layers) of each (center, neighbor)
 * @param work       [2][LPS_MAX_WIDTH][capacity] (value, derivative with respect to s)
 * @param embedding  [LPS_WIDTH][capacity] (g, dg/dr)
 */
KERNEL void evaluateEmbedding(int tile, int capacity, GLOBAL const int* RESTRICT counters,
                              GLOBAL const real4* RESTRICT directInput, GLOBAL const int2* RESTRICT networks,
                              GLOBAL const int* RESTRICT layers, GLOBAL const real* RESTRICT thresholds,
                              GLOBAL const real* RESTRICT weights, GLOBAL real2* RESTRICT work,
                              GLOBAL real2* RESTRICT embedding) {
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
                if (last)
                    embedding[(mm_long)o * capacity + pair] = make_real2(y, dy * input.y);
                else
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
 * @param grids         [LPS_NUM_TYPES^2][8] lower, upper, maximum, fine step, coarse step, linear extrapolation, 0, 0
 * @param gridRows      [LPS_NUM_TYPES^2] (first row of coefficients, number of rows, fine rows, 0)
 * @param coefficients  [rows][LPS_WIDTH][6]
 */
KERNEL void evaluateGrid(int tile, int capacity, GLOBAL const int* RESTRICT counters,
                         GLOBAL const real4* RESTRICT directInput, GLOBAL const real* RESTRICT grids,
                         GLOBAL const int4* RESTRICT gridRows, GLOBAL const real* RESTRICT coefficients,
                         GLOBAL real2* RESTRICT embedding) {
    const int wanted = counters[LPS_DIRECT_PAIRS + tile];
    const int count = (wanted < capacity ? wanted : capacity);
    for (int pair = GLOBAL_ID; pair < count; pair += GLOBAL_SIZE) {
        const real4 input = directInput[pair];
        GLOBAL const real* grid = grids + 8 * (int)input.z;
        const int4 rows = gridRows[(int)input.z];
        const real s = input.x;
        int row = 0;
        real x = 0;
        real beyond = 0;
        if (s < grid[0])
            beyond = s - grid[0];
        else if (s < grid[1]) {
            row = (int)((s - grid[0]) / grid[3]);
            row = (row < rows.y - 1 ? row : rows.y - 1);
            x = s - (row * grid[3] + grid[0]);
        } else if (s < grid[2]) {
            const int coarse = (int)((s - grid[1]) / grid[4]);
            row = (rows.z + coarse < rows.y - 1 ? rows.z + coarse : rows.y - 1);
            x = s - (coarse * grid[4] + grid[1]);
        } else {
            row = rows.y - 1;
            if (grid[5] > 0) {
                x = (rows.y > rows.z ? grid[4] : grid[3]);
                beyond = s - grid[2];
            }
        }
        const bool outside = (s < grid[0] || !(s < grid[2]));
        for (int m = 0; m < LPS_WIDTH; m++) {
            GLOBAL const real* c = coefficients + ((mm_long)(rows.x + row) * LPS_WIDTH + m) * 6;
            real g = c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * (c[4] + x * c[5]))));
            real slope = c[1] + x * ((real)2 * c[2] + x * ((real)3 * c[3] + x * ((real)4 * c[4] + x * (real)5 * c[5])));
            if (outside && grid[5] > 0)
                g += slope * beyond;
            else if (outside)
                slope = 0;
            embedding[(mm_long)m * capacity + pair] = make_real2(g, slope * input.y);
        }
    }
}
#endif
