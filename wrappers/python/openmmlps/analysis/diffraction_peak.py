# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The first sharp diffraction peak of a glass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .radial import parabolic_peak


@dataclass(frozen=True)
class Peak:
    """A maximum of S(Q)."""

    position_per_angstrom: float
    height: float
    width_per_angstrom: float  #: full width at half of the height above the neighboring minimum; nan if never reached

    @property
    def repeat_distance_angstrom(self) -> float:
        """2 pi / Q."""
        return 2 * np.pi / self.position_per_angstrom


def first_sharp_diffraction_peak(
    q_per_angstrom: ArrayLike, s: ArrayLike, q_low: float = 0.7, q_high: float = 1.8
) -> Peak:
    """The first sharp diffraction peak of a glass: the highest local maximum of S(Q) in a range.

    Parameters
    ----------
    q_per_angstrom : array_like, [m]
        evenly spaced
    s : array_like, [m]
        S(Q)
    q_low : float
        start of the range, 1/angstrom (below, the transform of a finite g(r) ripples)
    q_high : float
        end of the range

    Returns
    -------
    Peak
        position, height and width

    Raises
    ------
    ValueError
        no local maximum there
    """
    q, s = np.asarray(q_per_angstrom), np.asarray(s)
    middle = np.arange(1, len(q) - 1)
    tops = middle[
        (s[middle] >= s[middle - 1]) & (s[middle] > s[middle + 1]) & (q[middle] >= q_low) & (q[middle] <= q_high)
    ]
    if not len(tops):
        raise ValueError(
            f"first_sharp_diffraction_peak: S(Q) has no maximum between {q_low} and {q_high} 1/angstrom; widen the range, or use "
            "a larger cell"
        )
    top = tops[np.argmax(s[tops])]
    position, height = parabolic_peak(q, s, top)
    falling = np.flatnonzero(np.diff(s[top:]) > 0)
    valley = s[top + falling[0]] if len(falling) else s[-1]
    half = (height + valley) / 2
    left, right = np.flatnonzero(s[:top] < half), np.flatnonzero(s[top:] < half)
    width = np.nan
    if len(left) and len(right):
        i, j = left[-1], top + right[0]
        width = np.interp(half, [s[j], s[j - 1]], [q[j], q[j - 1]]) - np.interp(
            half, [s[i], s[i + 1]], [q[i], q[i + 1]]
        )
    return Peak(position, height, float(width))
