# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What the rotation of tetrahedra amounts to: orientational correlation, and flips between equivalent orientations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from .rotation import Tetrahedra, kabsch, rotation_angles

#: monomials of degree l in (x, y, z), as exponents, and their multinomial weights: (u.v)^l = sum w m(u) m(v)
_MONOMIALS = {
    1: [((1, 0, 0), 1), ((0, 1, 0), 1), ((0, 0, 1), 1)],
    2: [((2, 0, 0), 1), ((0, 2, 0), 1), ((0, 0, 2), 1), ((1, 1, 0), 2), ((1, 0, 1), 2), ((0, 1, 1), 2)],
    3: [
        *[((3, 0, 0), 1), ((0, 3, 0), 1), ((0, 0, 3), 1), ((1, 1, 1), 6)],
        *[((2, 1, 0), 3), ((2, 0, 1), 3), ((1, 2, 0), 3), ((0, 2, 1), 3), ((1, 0, 2), 3), ((0, 1, 2), 3)],
    ],
}


@dataclass(frozen=True)
class Flips:
    """Passages between the 12 orientations of a tetrahedron that differ only by a permutation of its corners."""

    frames: np.ndarray  #: [f] frame at which the new orientation is reached
    centers: np.ndarray  #: [f] atom index of the center
    angles_degrees: np.ndarray  #: [f] 120 (about one bond) or 180 (about a twofold axis)
    residual_degrees: (
        np.ndarray
    )  #: [t, m] rotation left over after the nearest of the 12; libration, or a turn of the frame
    rate_per_ps: float  #: flips per tetrahedron and ps
    observed_ps: float  #: sum over tetrahedra


def orientational_correlation(
    tetrahedra: Tetrahedra, degree: int, symmetric: bool = False, max_lag_ps: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Orientational correlation of the bonds of tetrahedra, all time origins (FFT), within segments.

    .. math:: C_l(t) = \langle P_l(u_k(t_0) \cdot u_k(t_0 + t)) \rangle

    over the four bonds k; symmetric: over all pairs of bonds, normalized to 1 at t = 0, which does not notice flips
    between equivalent orientations, only true changes (for a regular tetrahedron it vanishes for l = 1, 2, so use l = 3).

    Parameters
    ----------
    tetrahedra : Tetrahedra
        those of a trajectory
    degree : int
        l = 1, 2 or 3
    symmetric : bool
        see above
    max_lag_ps : float or None
        None: half of the trajectory

    Returns
    -------
    tuple of np.ndarray
        lags [m] in ps, and C_l [m] (nan at lags that no segment reaches)

    Raises
    ------
    ValueError
        another degree, or symmetric with l < 3
    """
    if degree not in _MONOMIALS or (symmetric and degree < 3):
        raise ValueError(
            f"orientational_correlation: degree is {degree}{' with symmetric=True' if symmetric else ''}; give 1, 2 or 3, and 3 if "
            "symmetric"
        )
    frames = len(tetrahedra.segments)
    interval = tetrahedra.interval_ps
    lags = min(frames - 1, frames // 2 if max_lag_ps is None else round(max_lag_ps / interval))
    total, weight = np.zeros((2, lags + 1))
    for place, piece in tetrahedra.pieces(shortest=2):
        bonds = tetrahedra.vectors[piece, place].astype(float)
        bonds /= np.linalg.norm(bonds, axis=-1, keepdims=True)
        length = len(bonds)
        reach = min(lags, length - 1)
        products = length - np.arange(reach + 1)
        total[: reach + 1] += _legendre_sums(bonds, degree, symmetric, reach)
        weight[: reach + 1] += products
    with np.errstate(invalid="ignore"):
        correlation = total / weight
    return np.arange(lags + 1) * interval, correlation / correlation[0] if symmetric else correlation


def detect_flips(tetrahedra: Tetrahedra, core_degrees: float = 40.0) -> Flips:
    """Flips, by assigning each orientation to one of the 12 proper rotations of the tetrahedron.

    A tetrahedron is in a new state only when it is within `core_degrees` of it; neighboring states are 120 degrees apart
    (their borders at 60), so attempts that turn back are not counted.

    Parameters
    ----------
    tetrahedra : Tetrahedra
        those of a trajectory
    core_degrees : float
        below 60

    Returns
    -------
    Flips
        when, where, and by which angle

    Raises
    ------
    ValueError
        a core that overlaps with its neighbors
    """
    if not 0 < core_degrees < 60:
        raise ValueError(f"detect_flips: core_degrees is {core_degrees}; give more than 0 and less than 60")
    when, which, angles = [], [], []
    residual = np.full(tetrahedra.segments.shape, np.nan)
    observed = 0.0
    for place, piece in tetrahedra.pieces(shortest=2):
        vectors = tetrahedra.vectors[piece, place].astype(float)
        group, ideal = proper_rotations(vectors[0])
        turned = kabsch(ideal, vectors)
        traces = np.einsum("tab,gab->tg", turned, group)  # tr(R G^T), largest for the nearest state
        nearest = traces.argmax(1)
        left = np.degrees(np.arccos(np.clip((traces[np.arange(len(nearest)), nearest] - 1) / 2, -1, 1)))
        residual[piece, place] = left
        observed += (len(nearest) - 1) * tetrahedra.interval_ps
        inside = np.flatnonzero(left < core_degrees)
        states = nearest[inside]
        changes = np.flatnonzero(states[1:] != states[:-1])
        for change in changes:
            relative = group[states[change + 1]] @ group[states[change]].T
            when.append(piece.start + inside[change + 1])
            which.append(tetrahedra.centers[place])
            angles.append(float(rotation_angles(relative)))
    return Flips(
        np.array(when, dtype=int),
        np.array(which, dtype=int),
        np.round(np.array(angles, dtype=float), 6),
        residual,
        len(when) / observed if observed else float("nan"),
        observed,
    )


def proper_rotations(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 12 proper rotations [12, 3, 3] of the regular tetrahedron that fits four vectors best; the first is identity.

    Parameters
    ----------
    vectors : np.ndarray, [4, 3]
        center -> corners, either handedness

    Returns
    -------
    tuple of np.ndarray
        the rotations [12, 3, 3], and that tetrahedron [4, 3] with unit arms
    """
    regular = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    fits = [(kabsch(corners, vectors), corners) for corners in (regular, regular[[1, 0, 2, 3]])]
    rotation, corners = max(fits, key=lambda fit: float((vectors * (fit[1] @ fit[0].T)).sum()))
    ideal = corners @ rotation.T
    even = [p for p in permutations(range(4)) if _is_even(p)]
    return np.array([kabsch(ideal, ideal[list(p)]) for p in even]), ideal


def _is_even(permutation: Sequence[int]) -> bool:
    inversions = sum(permutation[i] > permutation[j] for i in range(4) for j in range(i + 1, 4))
    return inversions % 2 == 0


def _legendre_sums(bonds: np.ndarray, degree: int, symmetric: bool, reach: int) -> np.ndarray:
    """Sum over time origins of P_l averaged over bonds (or summed over all pairs of bonds), for each lag [reach + 1]."""
    length = len(bonds)

    def power(l: int) -> np.ndarray:  # sum over origins of (u.v)^l
        monomials = np.stack([np.prod(bonds ** np.array(e), axis=-1) * np.sqrt(w) for e, w in _MONOMIALS[l]], axis=-1)
        if symmetric:
            monomials = monomials.sum(1, keepdims=True)
        size = 1 << (length + reach).bit_length()
        spectrum = np.fft.rfft(monomials.reshape(length, -1), size, axis=0)
        return np.fft.irfft((spectrum.real**2 + spectrum.imag**2).sum(1), size)[: reach + 1] / (1 if symmetric else 4)

    if degree == 1:
        return power(1)
    if degree == 2:
        return 1.5 * power(2) - 0.5 * (length - np.arange(reach + 1))
    return 2.5 * power(3) - 1.5 * power(1)
