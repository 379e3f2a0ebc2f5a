# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Interpolation on an even grid of s: at every point a polynomial of degree five through the six nearest nodes."""

from dataclasses import dataclass

import numpy as np
import torch

WIDTH = 6
#: Nodes left of s = 0 that the polynomials next to it need; s = 0 itself, where empty slots are, is node number LEFT.
LEFT = 2


def coefficients() -> np.ndarray:
    """Return C (6, 6): the weight of node LEFT + w - 2 at the fraction f between node LEFT and the next is sum_p C[p, w] f^p."""
    places = np.arange(WIDTH) - LEFT
    return np.linalg.inv(np.vander(places, WIDTH, increasing=True).astype(float).T).T


@dataclass(frozen=True)
class Grid:
    """`nodes` (K,) are LEFT nodes below zero, zero, and evenly on to beyond the largest s; `spacing` in 1/angstrom."""

    nodes: torch.Tensor
    spacing: float
    powers: torch.Tensor

    @staticmethod
    def over(largest: float, intervals: int, device: torch.device, dtype: torch.dtype) -> "Grid":
        """Return a grid that covers s from 0 to `largest` (1/angstrom) with `intervals` intervals."""
        spacing = largest / intervals
        nodes = spacing * np.arange(-LEFT, intervals + WIDTH - LEFT)
        values = coefficients()
        slopes = np.zeros_like(values)
        slopes[:-1] = values[1:] * np.arange(1, WIDTH)[:, None] / spacing
        powers = torch.from_numpy(np.concatenate([values, slopes], axis=1))
        return Grid(torch.from_numpy(nodes).to(device, dtype), spacing, powers.to(device, dtype))

    def __len__(self) -> int:
        return len(self.nodes)

    def locate(self, s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the first of six nodes (P,), their weights (P, 6) and the derivatives of these by s (P, 6).

        An s beyond the grid, which only a frame that was not there when the grid was made can have, is extrapolated.
        """
        scaled = s / self.spacing
        whole = scaled.floor().clamp_(0, len(self.nodes) - WIDTH)
        fraction = (scaled - whole)[:, None]
        square = fraction * fraction
        cube = square * fraction
        powers = torch.cat([torch.ones_like(fraction), fraction, square, cube, square * square, square * cube], dim=1)
        weights = powers @ self.powers
        return whole.long(), weights[:, :WIDTH], weights[:, WIDTH:]
