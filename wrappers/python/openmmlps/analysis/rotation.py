# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Tetrahedra followed through time, and their rotation by Kabsch's method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from .neighbors import bond_length, minimum_image, neighbor_pairs
from .requirements import require_interval
from .trajectory import Species, Trajectory


@dataclass(frozen=True)
class Tetrahedra:
    """PS4, SiS4, GeS4 and other groups with fixed labels of their four ligands.

    A segment is the time over which a center keeps the same four ligands. Exchange of one ends it and begins another one, with
    a new reference orientation, so that no rotation is ever computed across an exchange.
    """

    interval_ps: float
    centers: np.ndarray  #: [m] atom index of the centers that are ever four-coordinated
    vectors: np.ndarray  #: [t, m, 4, 3] center -> ligand, angstrom, float32; nan outside of segments
    segments: np.ndarray  #: [t, m] number of the segment of that center, from 0; -1: not a tetrahedron at that time
    ligands: np.ndarray  #: [t, m, 4] atom index of the ligands; -1 outside of segments
    exchanges: int  #: segments that followed another one of the same center with at least one other S

    def pieces(self, shortest: int = 1) -> Iterator[tuple[int, slice]]:
        """Iterate over (place of the center in `centers`, slice of frames) of all segments of at least so many frames.

        Parameters
        ----------
        shortest : int
            frames

        Returns
        -------
        iterator of (int, slice)
            place of the center, and its frames
        """
        for place in range(len(self.centers)):
            numbers = self.segments[:, place]
            starts = np.concatenate([[0], np.flatnonzero(np.diff(numbers)) + 1, [len(numbers)]])
            for start, stop in pairwise(starts):
                if numbers[start] >= 0 and stop - start >= shortest:
                    yield place, slice(int(start), int(stop))


def find_tetrahedra(
    trajectory: Trajectory,
    center: Species = "former",
    ligand: Species = "ligands",
    bond_cutoff: float | None = None,
    break_cutoff: float | None = None,
) -> Tetrahedra:
    """Follow the tetrahedra of a trajectory (wrapped or not).

    A tetrahedron begins when a center has exactly four ligands within `bond_cutoff`, and ends when one of them is beyond
    `break_cutoff`; the gap between the two keeps vibrations from ending it.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    center : str, sequence of str, or np.ndarray of int
        atoms in the middle, as :meth:`Trajectory.indices` takes them
    ligand : str, sequence of str, or np.ndarray of int
        atoms at the corners
    bond_cutoff : float or None
        angstrom; None: that of the material
    break_cutoff : float or None
        angstrom; None: 0.4 more

    Returns
    -------
    Tetrahedra
        with fixed labels of the corners

    Raises
    ------
    ValueError
        unknown element, uneven times, cutoffs in the wrong order, or no tetrahedron at all
    """
    centers, ligands = trajectory.indices(center), trajectory.indices(ligand)
    if bond_cutoff is None:
        bond_cutoff = bond_length(trajectory, centers, ligands)
    break_cutoff = bond_cutoff + 0.4 if break_cutoff is None else break_cutoff
    if not 0 < bond_cutoff <= break_cutoff:
        raise ValueError(
            f"find_tetrahedra: bond_cutoff {bond_cutoff} exceeds break_cutoff {break_cutoff} angstrom; give 0 < bond <= break"
        )
    interval = require_interval(trajectory, "find_tetrahedra")
    shape = (len(trajectory), len(centers))
    vectors = np.full((*shape, 4, 3), np.nan, dtype=np.float32)
    segments = np.full(shape, -1, dtype=np.int32)
    corners = np.full((*shape, 4), -1, dtype=np.int32)
    labels = np.full((len(centers), 4), -1)
    previous = labels.copy()  # of the last segment, to recognise exchanges
    number = np.full(len(centers), -1)
    alive = np.zeros(len(centers), dtype=bool)
    exchanges = 0
    for frame, (positions, cell) in enumerate(trajectory.frames()):
        arms = minimum_image(positions[labels] - positions[centers][:, None], cell)
        alive &= (np.linalg.norm(arms, axis=-1) < break_cutoff).all(1)
        if not alive.all():
            found = _four_neighbors(positions, cell, centers, ligands, bond_cutoff)
            new = np.flatnonzero(~alive & (found[:, 0] >= 0))
            for place in new:
                same = set(found[place]) == set(previous[place])
                if same:
                    found[place] = previous[
                        place
                    ]  # a bond came back: the labels stay comparable, yet a new segment begins
                exchanges += int(not same and previous[place, 0] >= 0)
            labels[new] = previous[new] = found[new]
            number[new] += 1
            alive[new] = True
            arms[new] = minimum_image(positions[labels[new]] - positions[centers[new]][:, None], cell)
        vectors[frame, alive] = arms[alive]
        segments[frame, alive] = number[alive]
        corners[frame, alive] = labels[alive]
    ever = (segments >= 0).any(0)
    if not ever.any():
        raise ValueError(
            f"find_tetrahedra: no {_name(trajectory, centers)} of '{trajectory.name}' has exactly four {_name(trajectory, ligands)} within {bond_cutoff} angstrom; choose "
            "another center or cutoff"
        )
    return Tetrahedra(interval, centers[ever], vectors[:, ever], segments[:, ever], corners[:, ever], exchanges)


def tetrahedral_angles(tetrahedra: Tetrahedra, bins: int = 180) -> tuple[np.ndarray, np.ndarray]:
    r"""Distribution of the angles at the centers; those at the ligands are :func:`~.ligand_angles.ligand_angles`.

    .. math:: \theta = \arccos \frac{d_{ij} \cdot d_{ik}}{|d_{ij}| |d_{ik}|}

    Parameters
    ----------
    tetrahedra : Tetrahedra
        those of a trajectory
    bins : int
        over 0 to 180 degrees

    Returns
    -------
    tuple of np.ndarray
        angles [bins] in degrees (109.5 if regular), and probability density [bins] per degree
    """
    vectors = tetrahedra.vectors[tetrahedra.segments >= 0].astype(float)
    cosines = np.concatenate([_cosine(vectors[:, a], vectors[:, b]) for a, b in combinations(range(4), 2)])
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    density, edges = np.histogram(angles, bins, (0, 180), density=True)
    return (edges[1:] + edges[:-1]) / 2, density


def rotations(tetrahedra: Tetrahedra) -> np.ndarray:
    """Rotation matrices [t, m, 3, 3] (float32) from the first frame of each segment; nan outside of segments.

    Parameters
    ----------
    tetrahedra : Tetrahedra
        those of a trajectory

    Returns
    -------
    np.ndarray
        [t, m, 3, 3] float32
    """
    result = np.full((*tetrahedra.segments.shape, 3, 3), np.nan, dtype=np.float32)
    for place, frames in tetrahedra.pieces():
        vectors = tetrahedra.vectors[frames, place].astype(float)
        result[frames, place] = kabsch(vectors[0], vectors)
    return result


def rotation_angles(matrices: np.ndarray) -> np.ndarray:
    """Rotation angle [...] in degrees of rotation matrices [..., 3, 3]: arccos((tr R - 1)/2), exact near 0 and 180.

    Parameters
    ----------
    matrices : np.ndarray, [..., 3, 3]
        proper rotations

    Returns
    -------
    np.ndarray
        [...] degrees, 0 to 180
    """
    return np.degrees(np.linalg.norm(rotation_vectors(matrices), axis=-1))


def rotation_vectors(matrices: np.ndarray) -> np.ndarray:
    """Axis times angle [..., 3] in radians of rotation matrices [..., 3, 3]; nan stays nan.

    Parameters
    ----------
    matrices : np.ndarray, [..., 3, 3]
        proper rotations

    Returns
    -------
    np.ndarray
        [..., 3] radians
    """
    from scipy.spatial.transform import Rotation

    matrices = np.asarray(matrices, dtype=float)
    flat = matrices.reshape(-1, 3, 3)
    vectors = np.full((len(flat), 3), np.nan)
    valid = np.isfinite(flat).all((1, 2))
    if valid.any():
        vectors[valid] = Rotation.from_matrix(flat[valid]).as_rotvec()
    return vectors.reshape(*matrices.shape[:-2], 3)


def angular_velocities(tetrahedra: Tetrahedra) -> np.ndarray:
    r"""Angular velocity vectors [t, m, 3] in rad/ps, by central difference of the Kabsch rotation.

    .. math:: \omega(t) = \frac{\mathrm{axis\ angle}\,[R(t - dt \to t + dt)]}{2\, dt}

    nan at the ends of segments. Right while the group turns less than 180 degrees in 2 dt.

    Parameters
    ----------
    tetrahedra : Tetrahedra
        those of a trajectory

    Returns
    -------
    np.ndarray
        [t, m, 3] rad/ps

    Raises
    ------
    ValueError
        fewer than 3 frames
    """
    if len(tetrahedra.segments) < 3:
        raise ValueError(f"angular_velocities: {len(tetrahedra.segments)} frames; give at least 3")
    result = np.full((*tetrahedra.segments.shape, 3), np.nan)
    for place, frames in tetrahedra.pieces(shortest=3):
        vectors = tetrahedra.vectors[frames, place].astype(float)
        turns = rotation_vectors(kabsch(vectors[:-2], vectors[2:]))
        result[frames.start + 1 : frames.stop - 1, place] = turns / (2 * tetrahedra.interval_ps)
    return result


def kabsch(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Proper rotations [..., 3, 3] that turn point sets into others best: minimize sum |after - R before|^2.

    Kabsch, Acta Cryst. A 32, 922 (1976); the center is the origin.

    Parameters
    ----------
    before : np.ndarray, [..., k, 3]
        any unit
    after : np.ndarray, [..., k, 3]
        leading axes broadcast

    Returns
    -------
    np.ndarray
        [..., 3, 3]
    """
    covariance = np.einsum("...ka,...kb->...ab", after, before)
    left, _, right = np.linalg.svd(covariance)
    sign = np.linalg.det(left @ right)
    left = left.copy()
    left[..., :, 2] *= sign[..., None]
    return left @ right


def _name(trajectory: Trajectory, atoms: np.ndarray) -> str:
    return "/".join(sorted({trajectory.symbols[atom] for atom in atoms}))


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))


def _four_neighbors(
    positions: np.ndarray, cell: np.ndarray | None, centers: np.ndarray, ligands: np.ndarray, cutoff: float
) -> np.ndarray:
    """[m, 4] atom indices of the ligands of each center that has exactly four; -1 for the others."""
    both = np.concatenate([centers, ligands])
    first, second = neighbor_pairs(positions[both], cell, cutoff, "ij")
    low, high = np.minimum(first, second), np.maximum(first, second)
    mixed = (low < len(centers)) & (high >= len(centers))
    low, high = low[mixed], ligands[high[mixed] - len(centers)]
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    found = np.full((len(centers), 4), -1)
    count = np.bincount(low, minlength=len(centers))
    starts = np.concatenate([[0], np.cumsum(count)])
    four = np.flatnonzero(count == 4)
    found[four] = high[starts[four][:, None] + np.arange(4)]
    return found
