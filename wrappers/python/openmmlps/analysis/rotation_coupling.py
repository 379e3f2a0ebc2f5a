# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Do tetrahedra turn when an ion near them hops ("paddle wheel")? The answer comes with a test of chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .cages import find_cages
from .mobility import Hosts
from .neighbors import minimum_image
from .rotation import Tetrahedra, kabsch, rotation_angles
from .trajectory import Trajectory

_LEAST_SHIFTS = 100  # so that a probability of 1 % can be told


@dataclass(frozen=True)
class RotationCoupling:
    """Rotation of tetrahedra around the hops of ions near them, over the mean rotation of the same tetrahedra."""

    lags_ps: np.ndarray  #: [l] time of the rotation after the hop; negative: before
    ratio: np.ndarray  #: [l] 1 if they have nothing to do with each other
    chance_low: np.ndarray  #: [l] ends of the band that holds 95 % of what chance gives, by shifting the hops in time
    chance_high: np.ndarray  #: [l]
    p_value: float  #: probability that chance gives the ratio of lag 0 or more
    near_degrees: float  #: mean rotation within the window around a hop
    mean_degrees: float  #: of the same tetrahedra at any time
    pairs: int  #: hops and tetrahedra near them
    window_ps: float

    @property
    def coupled(self) -> bool:
        """Whether chance alone would do this less than once in a hundred times."""
        return self.p_value < 0.01


def hop_events(hosts: Hosts, tolerance_ps: float = 0.5, cage_angstrom: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """When which ion hops from cage to cage, with the meaning of :func:`~.mobility.hops`.

    Parameters
    ----------
    hosts : Hosts
        of :func:`~.mobility.assign_hosts`
    tolerance_ps : float
        moves that return within it do not count, ps
    cage_angstrom : float
        shorter moves do not count, angstrom

    Returns
    -------
    tuple of np.ndarray of int
        frames [h], and places [h] among the mobile ions
    """
    patience = max(1, round(tolerance_ps / hosts.interval_ps))
    cages = find_cages(hosts.paths, hosts.shell, hosts.ligands, patience, cage_angstrom)
    frames, ions = np.nonzero(np.diff(cages.number, axis=0))
    return frames + 1, ions


def window_rotations(tetrahedra: Tetrahedra, window_ps: float) -> np.ndarray:
    """By how much each tetrahedron turns within a window around each frame.

    Parameters
    ----------
    tetrahedra : Tetrahedra
        those of a trajectory
    window_ps : float
        rounded to an even number of frames, at least two

    Returns
    -------
    np.ndarray
        [t, m] degrees; nan where a window does not lie in one segment
    """
    half = max(1, round(window_ps / tetrahedra.interval_ps / 2))
    turned = np.full(tetrahedra.segments.shape, np.nan)
    for place, frames in tetrahedra.pieces(shortest=2 * half + 1):
        vectors = tetrahedra.vectors[frames, place].astype(float)
        matrices = kabsch(vectors[: -2 * half], vectors[2 * half :])
        turned[frames.start + half : frames.stop - half, place] = rotation_angles(matrices)
    return turned


def rotation_coupling(
    trajectory: Trajectory,
    tetrahedra: Tetrahedra,
    hop_frames: ArrayLike,
    hop_atoms: ArrayLike,
    near: float = 4.0,
    window_ps: float = 1.0,
    max_lag_ps: float = 5.0,
) -> RotationCoupling:
    """Compare the rotation of tetrahedra near hopping ions with that of the same tetrahedra at other times.

    The pairs of a hop and a tetrahedron are kept and all hops are shifted by one time, around the end of the trajectory.
    That leaves each tetrahedron as restless as it is, and all that happens together happens together: only the coincidence
    is lost. The share of shifts that give as large a ratio is the probability of chance.

    Parameters
    ----------
    trajectory : Trajectory
        the frames, wrapped or not
    tetrahedra : Tetrahedra
        those of the trajectory
    hop_frames, hop_atoms : array_like of int, [h]
        when which atom hops, as of :func:`hop_events` or :class:`~.sites.Jumps`
    near : float
        distance from the hopping ion to the center of a tetrahedron, angstrom
    window_ps : float
        time over which rotations are taken, around the hop
    max_lag_ps : float
        largest time between hop and rotation that is shown; longer ones are chance

    Returns
    -------
    RotationCoupling
        by lag, with the band of chance

    Raises
    ------
    ValueError
        no hop near a tetrahedron, or too short a trajectory
    """
    frames = len(tetrahedra.segments)
    lags = max(1, round(max_lag_ps / tetrahedra.interval_ps))
    if frames - 2 * lags - 1 < _LEAST_SHIFTS:
        raise ValueError(
            f"rotation_coupling: '{trajectory.name}' has {frames} frames, which leave {frames - 2 * lags - 1} shifts beyond "
            f"{max_lag_ps:g} ps; at least {_LEAST_SHIFTS} are needed: run longer or lower max_lag_ps"
        )
    number = _near_hops(trajectory, tetrahedra, np.asarray(hop_frames, int), np.asarray(hop_atoms, int), near)
    turned = window_rotations(tetrahedra, window_ps)
    known = np.isfinite(turned)
    pairs = int((number * known).sum())
    if not pairs:
        raise ValueError(
            f"rotation_coupling: no hop within {near:g} angstrom of a tetrahedron that keeps its corners for {window_ps:g} ps; "
            "raise near, shorten the window, or run longer"
        )
    total = _correlation(number, np.where(known, turned, 0.0))
    weight = _correlation(number, known.astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(weight > 0.5, total / weight, np.nan)  # [t] at each shift, around the end
    usual = float(np.nansum(mean * weight) / np.nansum(weight))
    chance = mean[lags + 1 : frames - lags] / usual
    chance = chance[np.isfinite(chance)]
    shown = np.arange(-lags, lags + 1)
    ratio = mean[shown] / usual
    low, high = np.quantile(chance, [0.025, 0.975])
    p_value = (1 + int((chance >= ratio[lags]).sum())) / (1 + len(chance))
    band = np.ones(len(shown))
    near_degrees = float(mean[0])
    times = shown * tetrahedra.interval_ps
    return RotationCoupling(
        times, ratio, low * band, high * band, float(p_value), near_degrees, usual, pairs, float(window_ps)
    )


def _near_hops(
    trajectory: Trajectory, tetrahedra: Tetrahedra, hop_frames: np.ndarray, hop_atoms: np.ndarray, near: float
) -> np.ndarray:
    """[t, m] number of ions near each tetrahedron that hop in each frame."""
    number = np.zeros(tetrahedra.segments.shape)
    order = np.argsort(hop_frames, kind="stable")
    hop_frames, hop_atoms = hop_frames[order], hop_atoms[order]
    for chunk in trajectory.chunks():
        first, last = np.searchsorted(hop_frames, [chunk.start, chunk.start + len(chunk.positions)])
        for frame, atom in zip(hop_frames[first:last], hop_atoms[first:last], strict=True):
            positions = chunk.positions[frame - chunk.start]
            cell = None if chunk.cells is None else chunk.cells[frame - chunk.start]
            arms = minimum_image(positions[tetrahedra.centers] - positions[atom], cell)
            number[frame] += (arms**2).sum(1) < near**2
    return number


def _correlation(events: np.ndarray, values: np.ndarray) -> np.ndarray:
    """[t] sum over columns and frames f of events[f] values[f + shift], around the end, for each shift."""
    spectrum = (np.conj(np.fft.rfft(events, axis=0)) * np.fft.rfft(values, axis=0)).sum(1)
    return np.fft.irfft(spectrum, len(events))
