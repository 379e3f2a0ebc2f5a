# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Neighbor pairs with explicit periodic images (vesin), and nearest images: right for cells of any shape."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .trajectory import Trajectory


def neighbor_pairs(
    positions: np.ndarray, cell: np.ndarray | None, cutoff: float, quantities: str = "ijd", full: bool = False
) -> list[np.ndarray]:
    """Pairs of atoms closer than a cutoff, every periodic image counted.

    Parameters
    ----------
    positions : np.ndarray, [n, 3]
        angstrom, wrapped or not
    cell : np.ndarray, [3, 3], or None
        angstrom, rows are lattice vectors; None: not periodic
    cutoff : float
        angstrom
    quantities : str
        letters of 'i', 'j' (indices), 'd' (distance), 'D' (vector r_j + S.cell - r_i), 'S' (cell shift)
    full : bool
        each pair once (False) or in both orders (True)

    Returns
    -------
    list of np.ndarray
        [pairs] or [pairs, 3] each, in the order of `quantities`
    """
    from vesin import NeighborList

    box = np.zeros((3, 3)) if cell is None else np.ascontiguousarray(cell, dtype=float)
    points = np.ascontiguousarray(positions, dtype=float)
    found = NeighborList(cutoff=float(cutoff), full_list=full).compute(points, box, cell is not None, quantities)
    return [array.astype(np.int64) if name in "ij" else array for name, array in zip(quantities, found, strict=True)]


def bond_length(trajectory: Trajectory, first: np.ndarray, second: np.ndarray) -> float:
    """Largest length of the bonds between two groups of atoms, as the material of a trajectory says; angstrom.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    first, second : np.ndarray of int
        atoms

    Returns
    -------
    float
        of the elements with the longest bonds
    """
    elements = [{trajectory.symbols[atom] for atom in group} for group in (first, second)]
    return max(trajectory.material.cutoff(a, b) for a in elements[0] for b in elements[1])


def nearest_of(positions: np.ndarray, cell: np.ndarray | None, first: int, cutoff: float, number: int) -> np.ndarray:
    """The nearest atoms of a second group to each atom of a first one.

    Parameters
    ----------
    positions : np.ndarray, [n, 3]
        angstrom; those of the first group come first
    cell : np.ndarray, [3, 3], or None
        angstrom
    first : int
        atoms of the first group
    cutoff : float
        angstrom
    number : int
        how many are taken

    Returns
    -------
    np.ndarray of int
        [first, number] places within the second group, the nearest one first; -1 where there are fewer in reach
    """
    i, j, distance = neighbor_pairs(positions, cell, cutoff)
    low, high = np.minimum(i, j), np.maximum(i, j)
    mixed = np.flatnonzero((low < first) & (high >= first))
    order = mixed[np.lexsort((distance[mixed], low[mixed]))]
    own = low[order]
    rank = np.arange(len(order)) - np.searchsorted(own, own)
    near = rank < number
    found = np.full((first, number), -1)
    found[own[near], rank[near]] = high[order[near]] - first
    return found


def cell_heights(cell: np.ndarray) -> np.ndarray:
    """Distances between opposite faces of cells; images of an atom are at least the smallest one apart.

    Parameters
    ----------
    cell : np.ndarray, [..., 3, 3]
        angstrom, rows are lattice vectors

    Returns
    -------
    np.ndarray
        [..., 3] angstrom
    """
    return 1 / np.linalg.norm(np.linalg.inv(cell), axis=-2)


class NearestImages:
    """Nearest images in cells that may change from frame to frame.

    Rounding fractional coordinates finds the nearest image only of vectors shorter than half the smallest height of the
    cell. Here they are rounded in a Minkowski-reduced cell, where the nearest image is the rounded one or one of its 26
    neighbors (Semaev, Lecture Notes in Computer Science 2146, 181 (2001)); vectors shorter than half the shortest lattice
    vector need no look at these. The reduction of one cell is tried on the next, which usually differs little.
    """

    def __init__(self) -> None:
        self._operation = np.eye(3)  # integers; rows are the reduced lattice vectors in those of the cell

    def shifts(self, vectors: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Lattice vectors to add to vectors so that they become shortest.

        Parameters
        ----------
        vectors : np.ndarray, [..., 3]
            any unit
        cell : np.ndarray, [3, 3]
            the same unit, rows are lattice vectors

        Returns
        -------
        np.ndarray
            [..., 3] whole numbers of the lattice vectors of `cell`
        """
        reduced = self._reduce(cell)
        flat = np.asarray(vectors, dtype=float).reshape(-1, 3)
        found = -np.round(flat @ np.linalg.inv(reduced))
        rest = flat + found @ reduced
        safe = (reduced**2).sum(1).min() / 4
        far = np.flatnonzero((rest**2).sum(1) >= safe * (1 - 1e-9))
        if len(far):
            steps = _NEIGHBORS @ reduced
            lengths = ((rest[far, None] + steps) ** 2).sum(-1)
            found[far] += _NEIGHBORS[lengths.argmin(1)]
        return (found @ self._operation).reshape(np.shape(vectors))

    def shortest(self, cell: np.ndarray) -> float:
        """Length of the shortest lattice vector."""
        return float(np.linalg.norm(self._reduce(cell), axis=1).min())

    def _reduce(self, cell: np.ndarray) -> np.ndarray:
        reduced = self._operation @ cell
        if not _is_reduced(reduced):
            self._operation = _reduction(np.asarray(cell, dtype=float).tobytes())
            reduced = self._operation @ cell
        return reduced


def minimum_image(vectors: np.ndarray, cell: np.ndarray | None) -> np.ndarray:
    """Difference vectors folded to their nearest image, in a cell of any shape.

    Parameters
    ----------
    vectors : np.ndarray, [..., 3]
        angstrom
    cell : np.ndarray, [3, 3], or None
        angstrom, rows are lattice vectors; None: not periodic

    Returns
    -------
    np.ndarray
        [..., 3] angstrom
    """
    return vectors if cell is None else vectors + NearestImages().shifts(vectors, cell) @ cell


#: no shift first, so that it wins when two images are equally near
_NEIGHBORS = np.array(sorted(product((-1, 0, 1), repeat=3), key=lambda shift: sum(map(abs, shift))), dtype=float)
#: combinations of lattice vectors a, b, c that must not be shorter than the last one in them
_COMBINATIONS = np.array(
    [(x, y, z) for x, y, z in product((-1, 0, 1), repeat=3) if (x, y, z) > (0, 0, 0) and abs(x) + abs(y) + abs(z) > 1],
    dtype=float,
)
_LAST = np.array([2 if row[2] else 1 for row in _COMBINATIONS])


def _is_reduced(cell: np.ndarray) -> bool:
    squares = (cell**2).sum(1)
    slack = 1e-9 * squares[2]
    if squares[0] > squares[1] + slack or squares[1] > squares[2] + slack:
        return False
    return bool((((_COMBINATIONS @ cell) ** 2).sum(1) >= squares[_LAST] - slack).all())


@lru_cache(maxsize=64)
def _reduction(cell: bytes) -> np.ndarray:
    """Integers [3, 3] that reduce a cell (its bytes, so that the result can be remembered)."""
    from ase.geometry import minkowski_reduce

    return minkowski_reduce(np.frombuffer(cell).reshape(3, 3))[1].astype(float)
