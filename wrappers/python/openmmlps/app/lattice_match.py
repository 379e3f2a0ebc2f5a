# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Supercells of two planar lattices that fit each other with little strain.

All supercells up to an area are compared by their reduced vectors, as Zur and McGill do (J. Appl. Phys. 55, 378 (1984)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

#: pairs of vectors that reduced vectors a, b may be taken for: order, and signs
_VARIANTS = np.array(
    [[[s, 0], [0, t]] for s in (1, -1) for t in (1, -1)] + [[[0, s], [t, 0]] for s in (1, -1) for t in (1, -1)]
)


@dataclass(frozen=True)
class LatticeMatch:
    """Supercells of two lattices, and the strain that makes the second one fit the first."""

    first: np.ndarray  #: [2, 2] whole numbers, rows are vectors in those of the first lattice
    second: np.ndarray  #: [2, 2]
    area: float  #: of the first supercell, angstrom^2
    strains: tuple[float, float]  #: principal strains of the second lattice, the more negative one first
    rotation_degrees: float  #: by which the second lattice is turned

    @property
    def largest_strain(self) -> float:
        """Largest absolute value of the principal strains."""
        return max(map(abs, self.strains))


def match_lattices(
    first: np.ndarray, second: np.ndarray, max_strain: float = 0.05, max_area: float = 400.0
) -> list[LatticeMatch]:
    """Find supercells of two planar lattices that fit.

    Parameters
    ----------
    first, second : np.ndarray, [2, 2]
        rows are lattice vectors, angstrom, in whatever orientation
    max_strain : float
        of the second lattice, each principal strain
    max_area : float
        of the supercells, angstrom^2

    Returns
    -------
    list of LatticeMatch
        one for each number of cells of both, that with the least strain; small areas first
    """
    found: dict[tuple[int, int], LatticeMatch] = {}
    others = list(_supercells(second, max_area * (1 + max_strain) ** 2))
    bases = np.array([basis for _, basis in others]).reshape(-1, 2, 2)
    areas = np.abs(np.linalg.det(bases))
    for matrix, basis in _supercells(first, max_area):
        area = abs(np.linalg.det(basis))
        near = np.flatnonzero(np.abs(np.log(areas / area)) <= 2 * np.log1p(max_strain) + 1e-12)
        deformations = np.linalg.solve(_VARIANTS @ bases[near, None], np.broadcast_to(basis, (len(near), 8, 2, 2)))
        worst = np.abs(np.linalg.svd(deformations, compute_uv=False) - 1).max(-1)
        worst[np.linalg.det(deformations) < 0] = np.inf  # mirror images
        variants = worst.argmin(1)
        for index, variant, deformation in zip(
            near, variants, deformations[np.arange(len(near)), variants], strict=True
        ):
            other = _VARIANTS[variant] @ others[index][0]
            match = _match(matrix, other, deformation.T, float(area))
            key = (_cells(matrix), _cells(other))
            best = found.get(key)
            better = best is None or match.largest_strain < best.largest_strain - 1e-9
            if match.largest_strain <= max_strain and better:
                found[key] = match
    return sorted(found.values(), key=lambda match: (round(match.area, 6), match.largest_strain))


def _cells(matrix: np.ndarray) -> int:
    return abs(round(float(np.linalg.det(matrix))))


def _supercells(lattice: np.ndarray, max_area: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All supercells up to an area: whole numbers [2, 2], and reduced vectors [2, 2] (Hermite normal forms)."""
    most = int(max_area / abs(np.linalg.det(lattice)) + 1e-9)
    for cells in range(1, most + 1):
        for long in (n for n in range(1, cells + 1) if cells % n == 0):
            for shift in range(cells // long):
                yield _reduce(np.array([[long, shift], [0, cells // long]]), lattice)


def _reduce(matrix: np.ndarray, lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shortest vectors (Gauss) of a supercell, the first one no longer than the second."""
    matrix = matrix.copy()
    while True:
        basis = matrix @ lattice
        if (basis[0] ** 2).sum() > (basis[1] ** 2).sum() + 1e-9:
            matrix = matrix[::-1].copy()
            continue
        times = round(float(basis[0] @ basis[1] / (basis[0] ** 2).sum()))
        if not times or abs(abs(basis[0] @ basis[1] / (basis[0] ** 2).sum()) - 0.5) < 1e-9:
            return matrix, basis
        matrix[1] -= times * matrix[0]


def _match(first: np.ndarray, second: np.ndarray, deformation: np.ndarray, area: float) -> LatticeMatch:
    """Strain and rotation of a deformation [2, 2] that acts on columns; no mirror image, unless nothing fits."""
    left, values, right = np.linalg.svd(deformation)
    turn = left @ right
    low, high = sorted(values - 1) if np.linalg.det(turn) > 0 else (-np.inf, np.inf)
    angle = float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))
    return LatticeMatch(first, second, area, (float(low), float(high)), angle)
