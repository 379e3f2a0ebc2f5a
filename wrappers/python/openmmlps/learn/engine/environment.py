# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Environment rows of pairs and the geometry matrix P, whose product with the gridded nets is the environment matrix.

Row i, c of P (N, 4, T K) is sum_j R_jc B_k(s_j) over neighbors j of species b, in column b K + k: R the environment row
(s, s x/r, s y/r, s z/r) standardised as DeePMD-kit does, B_k the interpolation weight of node k. A slot without a neighbor
has R = 0 before it is standardised, so its row is (-mean/deviation, 0, 0, 0) and its s is 0, which is a node.
"""

from dataclasses import dataclass

import numpy as np

from .architecture import Architecture
from .dataset import Batch
from .grid import LEFT, WIDTH, Grid


@dataclass(frozen=True)
class Standard:
    """Per center species (T,): mean of s, and inverse deviations of s and of the three directions."""

    mean: np.ndarray
    radial: np.ndarray
    angular: np.ndarray


def add_rows(target: np.ndarray, index: np.ndarray, values: np.ndarray) -> None:
    """Add values (P, C) to the rows `index` (P,) of target (N, C)."""
    for column in range(target.shape[1]):
        target[:, column] += np.bincount(index, weights=values[:, column], minlength=len(target))


class Environment:
    """P of one batch and the derivatives that forces, virials and their gradients need. Nothing here has a parameter."""

    def __init__(self, batch: Batch, architecture: Architecture, standard: Standard, grid: Grid) -> None:
        self.batch, self.kinds, self.nodes = batch, architecture.species, len(grid)
        center_kind = batch.kind[batch.center]
        self.neighbor_kind = batch.kind[batch.neighbor]
        self.mean, self.radial, self.angular = (
            values[center_kind] for values in (standard.mean, standard.radial, standard.angular)
        )
        x = batch.vector
        length = np.sqrt(np.einsum("pc,pc->p", x, x))
        inverse = 1 / length
        width = architecture.rcut - architecture.rcut_smth
        u = np.clip((length - architecture.rcut_smth) / width, 0, 1)
        u2 = u * u
        switch = u2 * u * ((15 - 6 * u) * u - 10) + 1
        slope = u2 * ((60 - 30 * u) * u - 30) / width
        self.s = switch * inverse
        self.q = self.s * inverse
        self.s_slope = (slope - self.s) * inverse
        self.q_slope = (self.s_slope - self.q) * inverse
        self.normal = x * inverse[:, None]
        self.rows = np.concatenate(
            [((self.s - self.mean) * self.radial)[:, None], x * (self.q * self.angular)[:, None]], axis=1
        )
        first, self.weights, self.weight_slopes = grid.locate(self.s)
        columns = self.kinds * self.nodes
        start = batch.center * (4 * columns) + self.neighbor_kind * self.nodes + first
        steps = columns * np.arange(4)[:, None] + np.arange(WIDTH)
        self.index = (start[:, None, None] + steps).reshape(-1)
        self.shape = (len(batch.kind), 4, columns)
        self.standard, self.slots = standard, np.array(architecture.sel, dtype=x.dtype)

    def _scatter(self, values: np.ndarray) -> np.ndarray:
        size = self.shape[0] * self.shape[1] * self.shape[2]
        matrix = np.bincount(self.index, weights=values.reshape(-1), minlength=size)
        return matrix.astype(values.dtype).reshape(self.shape)

    def matrix(self) -> np.ndarray:
        """P (N, 4, T K), empty slots included. More neighbors than slots give a negative number of empty slots."""
        matrix = self._scatter(self.rows[:, :, None] * self.weights[:, None, :])
        batch = self.batch
        place = batch.center * self.kinds + self.neighbor_kind
        found = np.bincount(place, minlength=len(batch.kind) * self.kinds).reshape(-1, self.kinds)
        row = -(self.standard.mean * self.standard.radial)[batch.kind]
        matrix[:, 0].reshape(-1, self.kinds, self.nodes)[:, :, LEFT] += (self.slots - found) * row[:, None]
        return matrix

    def tangent(self, direction: np.ndarray) -> np.ndarray:
        """The derivative of P along a change of the pair vectors, direction (P, 3)."""
        stretch = np.einsum("pc,pc->p", self.normal, direction)
        s_change = self.s_slope * stretch
        moved = self.q[:, None] * direction + (self.q_slope * stretch)[:, None] * self.batch.vector
        rows = np.concatenate([(s_change * self.radial)[:, None], moved * self.angular[:, None]], axis=1)
        values = rows[:, :, None] * self.weights[:, None, :]
        values += self.rows[:, :, None] * (s_change[:, None] * self.weight_slopes)[:, None, :]
        return self._scatter(values)

    def transpose(self, slope: np.ndarray) -> np.ndarray:
        """The derivative by the pair vectors (P, 3) of an energy whose derivative by P is `slope` (N, 4, T K)."""
        near = slope.reshape(-1)[self.index].reshape(-1, 4, WIDTH)
        by_row = np.einsum("pcw,pw->pc", near, self.weights)
        by_weight = np.einsum("pcw,pw->pc", near, self.weight_slopes)
        by_s = np.einsum("pc,pc->p", by_weight, self.rows) + by_row[:, 0] * self.radial
        angular = by_row[:, 1:] * self.angular[:, None]
        along = self.s_slope * by_s + self.q_slope * np.einsum("pc,pc->p", self.batch.vector, angular)
        result: np.ndarray = along[:, None] * self.normal + self.q[:, None] * angular
        return result
