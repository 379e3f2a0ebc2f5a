# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Environment rows of pairs and the geometry matrix P, whose product with the gridded nets is the environment matrix.

Row i, c of P (N, 4, T K) is sum_j R_jc B_k(s_j) over neighbors j of species b, in column b K + k: R the environment row
(s, s x/r, s y/r, s z/r) standardised as DeePMD-kit does, B_k the interpolation weight of node k. A slot without a neighbor
has R = 0 before it is standardised, so its row is (-mean/deviation, 0, 0, 0) and its s is 0, which is a node.
"""

from dataclasses import dataclass

import torch

from .architecture import Architecture
from .dataset import Batch
from .grid import LEFT, WIDTH, Grid


@dataclass(frozen=True)
class Standard:
    """Per center species (T,): mean of s, and inverse deviations of s and of the three directions."""

    mean: torch.Tensor
    radial: torch.Tensor
    angular: torch.Tensor


class Environment:
    """P of one batch and the derivatives that forces, virials and their gradients need. Nothing here has a parameter."""

    def __init__(self, batch: Batch, architecture: Architecture, standard: Standard, grid: Grid):
        self.batch, self.kinds, self.nodes = batch, architecture.species, len(grid)
        center_kind = batch.kind[batch.center]
        neighbor_kind = batch.kind[batch.neighbor]
        mean, self.radial, self.angular = (
            values[center_kind] for values in (standard.mean, standard.radial, standard.angular)
        )
        x = batch.vector
        inverse = 1 / x.norm(dim=1)
        width = architecture.rcut - architecture.rcut_smth
        u = ((1 / inverse - architecture.rcut_smth) / width).clamp_(0, 1)
        u2 = u * u
        switch = u2 * u * ((15 - 6 * u) * u - 10) + 1
        slope = u2 * ((60 - 30 * u) * u - 30) / width
        s = switch * inverse
        self.s = s
        self.q = s * inverse
        self.s_slope = (slope - s) * inverse
        self.q_slope = (self.s_slope - self.q) * inverse
        self.normal = x * inverse[:, None]
        self.rows = torch.cat([((s - mean) * self.radial)[:, None], x * (self.q * self.angular)[:, None]], dim=1)
        first, self.weights, self.weight_slopes = grid.locate(s)
        columns = self.kinds * self.nodes
        start = batch.center * (4 * columns) + neighbor_kind * self.nodes + first
        steps = columns * torch.arange(4, device=x.device)[:, None] + torch.arange(WIDTH, device=x.device)
        self.index = (start[:, None, None] + steps).view(-1)
        self.shape = (len(batch.kind), 4, columns)
        self.standard, self.neighbor_kind = standard, neighbor_kind
        self.slots = torch.tensor(architecture.sel, device=x.device, dtype=x.dtype)

    def _scatter(self, values: torch.Tensor) -> torch.Tensor:
        matrix = torch.zeros(self.shape, device=values.device, dtype=values.dtype)
        matrix.view(-1).index_add_(0, self.index, values.reshape(-1))
        return matrix

    def matrix(self) -> torch.Tensor:
        """Return P (N, 4, T K), empty slots included. More neighbors than slots give a negative number of empty slots."""
        matrix = self._scatter(self.rows[:, :, None] * self.weights[:, None, :])
        batch = self.batch
        found = torch.zeros(len(batch.kind) * self.kinds, device=matrix.device, dtype=matrix.dtype)
        found.index_add_(0, batch.center * self.kinds + self.neighbor_kind, torch.ones_like(self.s))
        empty = self.slots - found.view(-1, self.kinds)
        row = -(self.standard.mean * self.standard.radial)[batch.kind]
        matrix[:, 0].view(-1, self.kinds, self.nodes)[:, :, LEFT] += empty * row[:, None]
        return matrix

    def tangent(self, direction: torch.Tensor) -> torch.Tensor:
        """Return the derivative of P along a change of the pair vectors, direction (P, 3)."""
        stretch = (self.normal * direction).sum(1)
        s_change = self.s_slope * stretch
        moved = self.q[:, None] * direction + (self.q_slope * stretch)[:, None] * self.batch.vector
        rows = torch.cat([(s_change * self.radial)[:, None], moved * self.angular[:, None]], dim=1)
        values = rows[:, :, None] * self.weights[:, None, :]
        values.addcmul_(self.rows[:, :, None], (s_change[:, None] * self.weight_slopes)[:, None, :])
        return self._scatter(values)

    def transpose(self, slope: torch.Tensor) -> torch.Tensor:
        """Return the derivative by the pair vectors (P, 3) of an energy whose derivative by P is `slope` (N, 4, T K)."""
        near = slope.view(-1)[self.index].view(-1, 4, WIDTH)
        by_row = (near * self.weights[:, None, :]).sum(2)
        by_s = ((near * self.weight_slopes[:, None, :]).sum(2) * self.rows).sum(1) + by_row[:, 0] * self.radial
        angular = by_row[:, 1:] * self.angular[:, None]
        along = self.s_slope * by_s + self.q_slope * (self.batch.vector * angular).sum(1)
        return along[:, None] * self.normal + self.q[:, None] * angular
