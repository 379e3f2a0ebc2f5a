# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Difference of the vibrational densities of states of two materials or temperatures, with error bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .dynamics import VibrationalDensity, vibrational_density_of_states
from .estimates import Estimate, standard_error, student_reach
from .requirements import require_interval
from .trajectory import Trajectory

_LEAST_REPLICAS = 3


@dataclass(frozen=True)
class VibrationalDifference:
    """Second minus first, by element."""

    wave_number_per_cm: np.ndarray  #: [m]
    difference: dict[str, np.ndarray]  #: element of both -> [m] in cm; its integral is 0
    reach: dict[str, np.ndarray]  #: element -> [m] half width of the 95 % interval
    shift_per_cm: dict[str, Estimate]  #: element -> shift of the band center


def vibrational_difference(
    first: Trajectory | Sequence[Trajectory],
    second: Trajectory | Sequence[Trajectory],
    blocks: int = 5,
    max_lag_ps: float | None = None,
    smoothing_per_cm: float = 15.0,
    highest_per_cm: float = 1000.0,
) -> VibrationalDifference:
    """Difference of two vibrational densities of states.

    The samples are replicas if there are three or more of either, else blocks of each trajectory.

    Parameters
    ----------
    first, second : Trajectory or sequence of Trajectory
        with velocities, all saved at one interval
    blocks : int
        of each trajectory, where replicas are few; at least 2
    max_lag_ps, smoothing_per_cm, highest_per_cm
        as of :func:`~.dynamics.vibrational_density_of_states`

    Returns
    -------
    VibrationalDifference
        of the elements that both have

    Raises
    ------
    ValueError
        no velocities, too few frames, different intervals, or no common element
    """
    sides = [[side] if isinstance(side, Trajectory) else list(side) for side in (first, second)]
    intervals = [require_interval(one, "vibrational_difference") for side in sides for one in side]
    if max(intervals) > min(intervals) * (1 + 1e-3):
        raise ValueError(
            f"vibrational_difference: frames are {min(intervals):g} ps apart in one trajectory and {max(intervals):g} ps in another; "
            "save velocities at one interval"
        )
    common = sorted(set(sides[0][0].elements) & set(sides[1][0].elements))
    if not common:
        raise ValueError(
            f"vibrational_difference: '{sides[0][0].name}' and '{sides[1][0].name}' have no element in common; choose others"
        )
    pieces = [_pieces(side, blocks) for side in sides]
    if max_lag_ps is None:  # the same resolution on both sides
        shortest = min(len(piece) for side in pieces for piece in side)
        max_lag_ps = min(5.0, shortest * intervals[0] / 4)
    found = [
        [vibrational_density_of_states(piece, max_lag_ps, smoothing_per_cm, highest_per_cm) for piece in side]
        for side in pieces
    ]
    difference, reach, shift = {}, {}, {}
    for element in common:
        a, b = (np.array([one.density[element] for one in side]) for side in found)
        difference[element] = b.mean(0) - a.mean(0)
        reach[element] = _reach(a, b)
        shift[element] = _shift(found, element)
    return VibrationalDifference(found[0][0].wave_number_per_cm, difference, reach, shift)


def _pieces(side: Sequence[Trajectory], blocks: int) -> list[Trajectory]:
    if len(side) >= _LEAST_REPLICAS:
        return list(side)
    pieces = []
    for trajectory in side:
        length = len(trajectory) // max(2, blocks)
        pieces += [trajectory[start * length : (start + 1) * length] for start in range(max(2, blocks))]
    return pieces


def _freedom(errors: Sequence[np.ndarray], counts: Sequence[int]) -> np.ndarray:
    """Degrees of freedom of a difference of means (Welch and Satterthwaite)."""
    squares = [error**2 for error in errors]
    below = sum(square**2 / (count - 1) for square, count in zip(squares, counts, strict=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, (squares[0] + squares[1]) ** 2 / below, min(counts) - 1)


def _reach(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[m] half width of the 95 % interval of the difference of the means of two sets of samples [n, m]."""
    errors = [standard_error(a), standard_error(b)]
    freedom = _freedom(errors, [len(a), len(b)])
    table = {number: student_reach(number) for number in range(1, len(a) + len(b) + 1)}
    factor = np.array([table[max(1, int(value))] for value in freedom])
    return factor * np.hypot(*errors)


def _shift(sides: Sequence[Sequence[VibrationalDensity]], element: str) -> Estimate:
    """Shift of the band center of an element from the first side to the second."""
    samples = [np.array([one.band_center_per_cm[element] for one in side]) for side in sides]
    errors = [standard_error(values) for values in samples]
    freedom = float(_freedom(errors, [len(values) for values in samples]))
    return Estimate.from_error(float(samples[1].mean() - samples[0].mean()), float(np.hypot(*errors)), freedom)
