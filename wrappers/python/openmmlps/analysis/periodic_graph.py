# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Graphs that continue through periodic boundaries, and in how many dimensions they are infinite."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


class PeriodicGraph:
    """Nodes of one cell, joined by edges that may lead to a neighboring cell.

    Walking along edges and back to the starting node, one may end in another cell: that is a cycle with a lattice vector
    other than zero. The rank of all those of a component is the number of dimensions in which it is infinite.
    """

    def __init__(self, nodes: int) -> None:
        """Make a graph without edges.

        Parameters
        ----------
        nodes : int
            number of nodes
        """
        self._parent = np.arange(nodes)
        self._offset = np.zeros((nodes, 3), dtype=int)  # cell of a node, seen from its parent
        self._cycles: dict[int, list[np.ndarray]] = {}

    def find(self, node: int) -> tuple[int, np.ndarray]:
        """Root of the component of a node, and the cell [3] of the node seen from the root."""
        trail = []
        while self._parent[node] != node:
            trail.append(node)
            node = int(self._parent[node])
        offset = np.zeros(3, dtype=int)
        for step in reversed(trail):  # nearest to the root first
            offset = offset + self._offset[step]
            self._offset[step], self._parent[step] = offset, node
        return node, offset

    def join(self, first: int, second: int, shift: ArrayLike) -> None:
        """Add an edge from a node to another one, `shift` [3] cells away."""
        root, own = self.find(first)
        other, its = self.find(second)
        vector = own + np.asarray(shift, dtype=int) - its  # cell of the other root, seen from the root
        if root == other:
            if vector.any():
                self._cycles[root] = _independent([*self._cycles.get(root, []), vector])
            return
        self._parent[other], self._offset[other] = root, vector
        cycles = self._cycles.pop(other, []) + self._cycles.get(root, [])
        if cycles:
            self._cycles[root] = _independent(cycles)

    def cycles(self, node: int) -> np.ndarray:
        """Independent lattice vectors [k, 3] by which the component of a node repeats."""
        return np.array(self._cycles.get(self.find(node)[0], []), dtype=int).reshape(-1, 3)

    def infinite(self) -> dict[int, np.ndarray]:
        """Components that are infinite: root -> lattice vectors [k, 3]; k is the number of dimensions."""
        return {root: np.array(vectors) for root, vectors in self._cycles.items()}


def _independent(vectors: list[np.ndarray]) -> list[np.ndarray]:
    """A basis of some of the vectors, short ones first."""
    basis: list[np.ndarray] = []
    for vector in sorted(vectors, key=lambda v: int(np.abs(v).sum())):
        if len(basis) < 3 and np.linalg.matrix_rank(np.array([*basis, vector])) > len(basis):
            basis.append(vector)
    return basis
