# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Interpolation on an even grid of s: at every point a polynomial of degree five through the six nearest nodes."""

from dataclasses import dataclass

import numpy as np

WIDTH = 6
#: Nodes left of s = 0 that the polynomials next to it need; s = 0 itself, where empty slots are, is node number LEFT.
LEFT = 2


def coefficients() -> np.ndarray:
    """C (6, 6): the weight of node LEFT + w - 2 at the fraction f between node LEFT and the next is sum_p C[p, w] f^p."""
    places = np.arange(WIDTH) - LEFT
    found: np.ndarray = np.linalg.inv(np.vander(places, WIDTH, increasing=True).astype(float).T).T
    return found


@dataclass(frozen=True)
class Grid:
    """`nodes` (K,) are LEFT nodes below zero, zero, and evenly on to beyond the largest s; `spacing` in 1/angstrom."""

    nodes: np.ndarray
    spacing: float
    powers: np.ndarray

    @staticmethod
    def over(largest: float, intervals: int, dtype: type) -> "Grid":
        """A grid that covers s from 0 to `largest` (1/angstrom) with `intervals` intervals."""
        spacing = largest / intervals
        nodes = spacing * np.arange(-LEFT, intervals + WIDTH - LEFT)
        values = coefficients()
        slopes = np.zeros_like(values)
        slopes[:-1] = values[1:] * np.arange(1, WIDTH)[:, None] / spacing
        return Grid(nodes.astype(dtype), spacing, np.concatenate([values, slopes], axis=1).astype(dtype))

    def __len__(self) -> int:
        return len(self.nodes)

    def locate(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First of six nodes (P,), their weights (P, 6) and the derivatives of these by s (P, 6).

        An s beyond the grid, which only a frame that was not there when the grid was made can have, is extrapolated.
        """
        scaled = s / s.dtype.type(self.spacing)
        whole = np.clip(np.floor(scaled), 0, len(self.nodes) - WIDTH)
        powers = np.vander(scaled - whole, WIDTH, increasing=True)
        weights = powers @ self.powers
        return whole.astype(np.int64), weights[:, :WIDTH], weights[:, WIDTH:]
