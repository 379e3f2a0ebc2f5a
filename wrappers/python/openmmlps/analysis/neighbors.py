# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Neighbour pairs with explicit periodic images (vesin): right for triclinic cells and for cutoffs beyond half a cell."""

import numpy as np


def neighbor_pairs(positions, cell, cutoff, quantities="ijd", full=False):
    """Pairs of atoms closer than a cutoff, every periodic image counted.

    :param positions: [n, 3] angstrom, wrapped or not
    :param cell: [3, 3] rows are lattice vectors, angstrom; None: not periodic
    :param cutoff: angstrom
    :param quantities: letters of 'i', 'j' (indices), 'd' (distance), 'D' (vector r_j + S.cell - r_i), 'S' (cell shift)
    :param full: each pair once (False) or in both orders (True)
    :return: list of arrays in the order of `quantities`
    """
    from vesin import NeighborList

    box = np.zeros((3, 3)) if cell is None else np.ascontiguousarray(cell, dtype=float)
    points = np.ascontiguousarray(positions, dtype=float)
    found = NeighborList(cutoff=float(cutoff), full_list=full).compute(points, box, cell is not None, quantities)
    return [array.astype(np.int64) if name in "ij" else array for name, array in zip(quantities, found, strict=True)]


def cell_heights(cell):
    """Distances between opposite faces of a cell [3] (angstrom); images of an atom are at least the smallest one apart.

    :param cell: [..., 3, 3] rows are lattice vectors, angstrom
    """
    return 1 / np.linalg.norm(np.linalg.inv(cell), axis=-2)


def minimum_image(vectors, cell):
    """Fold difference vectors [..., 3] to the nearest image by rounding fractional coordinates.

    Exact for vectors shorter than half the smallest height of the cell, which bonds are.
    """
    if cell is None:
        return vectors
    return vectors - np.round(vectors @ np.linalg.inv(cell)) @ cell
