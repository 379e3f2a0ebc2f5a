# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Crystal cells for OpenMM: supercells, and the reduced lower-triangular form that OpenMM asks for.

Shapes: a cell or box is [3, 3], lattice vectors in rows. Length units cancel; every function takes
and gives the same one.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np


def supercell_matrix(supercell: Any) -> np.ndarray:
    """Make the integer matrix P of a supercell, cell_super = P @ cell.

    Parameters
    ----------
    supercell : sequence or None
        None, three repeats (na, nb, nc), or a 3x3 integer matrix

    Returns
    -------
    ndarray
        [3, 3] integers

    Raises
    ------
    ValueError
        if it is not one of these, or does not span a volume
    """
    if supercell is None:
        return np.eye(3, dtype=int)
    try:
        given = np.array(supercell, dtype=float)
    except (TypeError, ValueError):
        given = np.array(np.nan)
    matrix = np.diag(given) if given.shape == (3,) else given
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or (matrix != np.rint(matrix)).any():
        raise ValueError(
            f"supercell: {supercell!r} is neither three whole numbers (na, nb, nc) nor a 3x3 matrix of whole numbers; "
            "give for example (2, 2, 2)"
        )
    matrix = np.rint(matrix).astype(int)
    if given.shape == (3,) and given.min() < 1:
        raise ValueError(f"supercell: repeats are {supercell!r}; each must be at least 1")
    if _integer_determinant(matrix) == 0:
        raise ValueError(f"supercell: the matrix {matrix.tolist()} has determinant 0; its rows must span a volume")
    return matrix


def supercell_offsets(matrix: np.ndarray) -> np.ndarray:
    """List lattice translations that fill a supercell: each once, in lexicographic order, exact for any integer matrix.

    Parameters
    ----------
    matrix : ndarray
        [3, 3] integers P

    Returns
    -------
    ndarray
        [|det P|, 3] integers n; the copies of an atom at r are r + n @ cell
    """
    determinant = _integer_determinant(matrix)
    sign = 1 if determinant > 0 else -1
    corners = np.array(list(itertools.product((0, 1), repeat=3))) @ matrix
    ranges = [range(low, high + 1) for low, high in zip(corners.min(0), corners.max(0), strict=True)]
    candidates = np.array(list(itertools.product(*ranges)))
    # Fractional coordinates in the supercell times |det P|: whole numbers, so no rounding can lose or double a copy.
    scaled = candidates @ _integer_adjugate(matrix) * sign
    return candidates[((scaled >= 0) & (scaled < abs(determinant))).all(axis=1)]


def reduced_box(cell: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn a cell into OpenMM's reduced form.

    OpenMM wants a = (ax, 0, 0), b = (bx, by, 0), c = (cx, cy, cz) with ax, by, cz > 0, ax >= 2|bx|, ax >= 2|cx|,
    by >= 2|cy|. Any lattice has such a basis: rotate it to lower-triangular form, then add whole lattice vectors.

    Parameters
    ----------
    cell : array
        [3, 3], right- or left-handed

    Returns
    -------
    box : ndarray
        [3, 3], transformation @ cell @ rotation.T
    rotation : ndarray
        [3, 3], proper; r_openmm = r_user @ rotation.T
    transformation : ndarray
        [3, 3] integers with determinant +1 or -1

    Raises
    ------
    ValueError
        if the cell spans no volume
    """
    cell = np.asarray(cell, dtype=float)
    lengths = np.linalg.norm(cell, axis=1)
    if not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 1e-6 * np.prod(lengths) or lengths.min() == 0:
        raise ValueError(f"cell: the lattice vectors {cell.tolist()} span no volume; check the cell of the structure")
    transformation = np.eye(3, dtype=int)
    if np.linalg.det(cell) < 0:
        transformation[2, 2] = -1  # the same lattice from a right-handed basis, so that the rotation is proper
    orthogonal, upper = np.linalg.qr((transformation @ cell).T)
    signs = np.where(np.diag(upper) < 0, -1.0, 1.0)
    rotation = (orthogonal * signs).T
    box = np.tril((upper * signs[:, None]).T)
    for row, column in ((2, 1), (2, 0), (1, 0)):
        count = int(np.rint(box[row, column] / box[column, column]))
        box[row] -= count * box[column]
        transformation[row] -= count * transformation[column]
    return _inside_bounds(box), rotation, transformation


def _inside_bounds(box: np.ndarray) -> np.ndarray:
    """Clamp components that rounding pushed past the bound, as in a hexagonal cell, where ax = 2|bx| exactly."""
    box = box.copy()
    for row, column in ((2, 1), (2, 0), (1, 0)):
        bound = 0.5 * box[column, column]
        box[row, column] = np.clip(box[row, column], -bound, bound)
    return box


def reduced_triangle(box: Any) -> np.ndarray:
    """Bring a box [3, 3] that is lower-triangular already into OpenMM's reduced form, by whole lattice vectors."""
    return _inside_bounds(continuous_box(box, np.diag(np.diag(box))))


def continuous_box(box: Any, previous: np.ndarray | None) -> np.ndarray:
    """Choose lattice vectors that follow `previous` without jumps.

    A flexible barostat brings the box back to reduced form after a move, so b and c can jump by whole lattice vectors
    although the crystal did not. The lattice is the same; this picks the basis nearest to the one before.

    Parameters
    ----------
    box : array
        [3, 3] lower-triangular
    previous : ndarray or None
        [3, 3] lower-triangular

    Returns
    -------
    ndarray
        [3, 3] lower-triangular
    """
    box = np.array(box, dtype=float)
    if previous is not None:
        for row, column in ((2, 1), (2, 0), (1, 0)):
            box[row] += np.rint((previous[row, column] - box[row, column]) / box[column, column]) * box[column]
    return box


def _integer_adjugate(matrix: np.ndarray) -> np.ndarray:
    # In Python's integers, which never overflow; np.cross takes none of them before NumPy 2.3.
    (a, b, c), (d, e, f), (g, h, i) = np.asarray(matrix).tolist()
    rows = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    return np.array(rows, dtype=object)


def _integer_determinant(matrix: np.ndarray) -> int:
    return int(np.asarray(matrix).tolist()[0] @ _integer_adjugate(matrix)[:, 0])
