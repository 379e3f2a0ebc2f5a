# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
r"""Which part of a glass-ceramic is crystal: surroundings compared with those in a reference structure.

The surroundings of an atom are bond-orientational order by shells, the same in every orientation of the crystal:

.. math:: p_{nl} = \sqrt{\frac{4 \pi}{2 l + 1} \sum_m \Big| \sum_j g_n(r_j)\, f(r_j)\, Y_{lm}(\hat r_j) \Big|^2 }

with Gaussians g_n every 1 angstrom and a smooth cutoff f; one set for each element among the neighbors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .estimates import Estimate
from .neighbors import neighbor_pairs
from .requirements import periodic_frames
from .trajectory import Species, Trajectory

_DEGREES = (0, 2, 3, 4, 6)
_WIDTH = 0.6  # of the Gaussians, angstrom
_COPIES = 8  # of a reference of one frame
_REPEATS_TO = 2.0  # cells of references are repeated to so many cutoffs


@dataclass(frozen=True)
class Crystallinity:
    """Which atoms have the surroundings of a reference crystal."""

    fraction: Estimate  #: of the judged atoms that are crystalline; its error is that of frames
    crystalline: np.ndarray  #: [t, m] bool
    distance: np.ndarray  #: [t, m] from the nearest surroundings in the reference
    limit: float  #: distance up to which surroundings are those of the crystal
    recognized: float  #: share of the reference's own atoms within the limit
    atoms: np.ndarray  #: [m] atom indices


def crystalline_fraction(
    trajectory: Trajectory,
    reference: Trajectory,
    atoms: Species,
    neighbors: Sequence[str] | None = None,
    r_max: float = 8.0,
    amplitude: float = 0.15,
    quantile: float = 0.98,
    stride: int = 1,
) -> Crystallinity:
    """Share of atoms whose surroundings are those of a crystal, in whatever orientation.

    Atoms within the limit are crystalline if at least half of the judged atoms around them are, too. The limit is where
    the reference recognizes itself: the quantile of the distances between the surroundings of one frame and the others.

    Parameters
    ----------
    trajectory : Trajectory
        the frames, wrapped or not
    reference : Trajectory
        the crystal; best a few frames at the temperature of the trajectory and its density. One frame is displaced at random
    atoms : str, sequence of str, or np.ndarray of int
        whose surroundings are judged, such as the network formers; elements, if the reference is to have them, too
    neighbors : sequence of str or None
        elements that are looked at; None: those of `atoms`, so that mobile ions do not blur the picture
    r_max : float
        how far surroundings reach, angstrom
    amplitude : float
        standard deviation of the random displacements of a reference of one frame along x, y and z, angstrom
    quantile : float
        share of the reference that recognizes itself
    stride : int
        use every n-th frame

    Returns
    -------
    Crystallinity
        atom by atom

    Raises
    ------
    ValueError
        no cell, or no such atoms in the trajectory or in the reference
    """
    judged = trajectory.indices(atoms)
    elements = sorted({trajectory.symbols[atom] for atom in judged})
    around = list(neighbors) if neighbors else elements
    known = _known(reference, elements, around, r_max, amplitude)
    flat = np.concatenate(known)
    own = np.concatenate([_distances(one, np.concatenate(known[:k] + known[k + 1 :])) for k, one in enumerate(known)])
    limit = float(np.quantile(own, quantile))
    distances, crystalline = [], []
    for positions, cell in periodic_frames(trajectory, stride):
        distance = _distances(_surroundings(positions, cell, trajectory.symbols, judged, around, r_max), flat)
        distances.append(distance)
        crystalline.append(_agreeing(distance <= limit, positions[judged], cell, r_max))
    found = np.array(crystalline)
    return Crystallinity(
        Estimate.from_blocks(found.mean(1)), found, np.array(distances), limit, float((own <= limit).mean()), judged
    )


def _known(
    reference: Trajectory, elements: Sequence[str], around: Sequence[str], r_max: float, amplitude: float
) -> list[np.ndarray]:
    """Surroundings [m, k] in each frame of the reference, or in displaced copies of its only one."""
    random = np.random.default_rng(0)
    found = []
    for positions, box in periodic_frames(reference):
        chosen = reference.indices(elements)
        if len(reference) > 1:
            found.append(_surroundings(positions, box, reference.symbols, chosen, around, r_max))
            continue
        repeats = np.maximum(1, np.ceil(_REPEATS_TO * r_max / np.linalg.norm(box, axis=1))).astype(int)
        shifts = np.array(list(np.ndindex(*repeats))) @ box
        many = (positions + shifts[:, None]).reshape(-1, 3)
        symbols = reference.symbols * len(shifts)
        several = np.flatnonzero(np.isin(symbols, list(elements)))
        for _ in range(_COPIES):
            moved = many + random.normal(0, amplitude, many.shape)
            found.append(_surroundings(moved, box * repeats[:, None], symbols, several, around, r_max))
    return found


def _surroundings(
    positions: np.ndarray,
    cell: np.ndarray,
    symbols: Sequence[str],
    judged: np.ndarray,
    around: Sequence[str],
    r_max: float,
) -> np.ndarray:
    """[m, k] of unit length, for each judged atom."""
    from scipy.special import sph_harm_y

    names = np.array(symbols)
    shells = np.arange(1.5, r_max, 1.0)
    parts = []
    for element in around:
        others = np.flatnonzero(names == element)
        both = np.union1d(judged, others)
        i, j, distance, vector = neighbor_pairs(positions[both], cell, r_max, "ijdD", full=True)
        place = np.full(len(names), -1)
        place[judged] = np.arange(len(judged))
        center, wanted = place[both[i]], names[both[j]] == element
        keep = (center >= 0) & wanted
        center, distance, vector = center[keep], distance[keep], vector[keep]
        weight = np.exp(-((distance[:, None] - shells) ** 2) / (2 * _WIDTH**2))
        weight *= (0.5 * (1 + np.cos(np.pi * distance / r_max)))[:, None]
        polar = np.arccos(np.clip(vector[:, 2] / distance, -1, 1))
        azimuth = np.arctan2(vector[:, 1], vector[:, 0])
        for degree in _DEGREES:
            power = np.zeros((len(judged), len(shells)))
            for order in range(degree + 1):
                wave = sph_harm_y(degree, order, polar, azimuth)
                total = np.zeros((len(judged), len(shells)), dtype=complex)
                np.add.at(total, center, weight * wave[:, None])
                power += (1 if order == 0 else 2) * np.abs(total) ** 2
            parts.append(np.sqrt(4 * np.pi / (2 * degree + 1) * power))
    whole = np.concatenate(parts, axis=1)
    return whole / np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), 1e-12)


def _distances(surroundings: np.ndarray, known: np.ndarray) -> np.ndarray:
    from scipy.spatial import cKDTree

    return cKDTree(known).query(surroundings)[0]


def _agreeing(alike: np.ndarray, positions: np.ndarray, cell: np.ndarray, r_max: float) -> np.ndarray:
    """Those alike of whose surroundings, themselves included, at least half are alike."""
    i, j = neighbor_pairs(positions, cell, r_max, "ij", full=True)
    count = 1 + np.bincount(i, minlength=len(alike))
    return alike & ((alike + np.bincount(i, alike[j], len(alike))) * 2 >= count)
