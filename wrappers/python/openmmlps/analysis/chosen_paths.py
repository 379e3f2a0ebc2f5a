# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Paths of a few mobile ions over a short time: those that move most, in the middle, and least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .requirements import require_interval
from .trajectory import Species, Trajectory
from .unwrapping import read_paths


@dataclass(frozen=True)
class ChosenPaths:
    """Paths of some ions, unwrapped."""

    times_ps: np.ndarray  #: [t] from the beginning of the window
    atoms: np.ndarray  #: [k] indices, the one that moves furthest first
    paths_angstrom: np.ndarray  #: [t, k, 3] relative to the framework
    displacements_angstrom: np.ndarray  #: [k] from the first frame to the last
    start_ps: float  #: beginning of the window in the trajectory


def chosen_paths(
    trajectory: Trajectory,
    mobile: Species,
    duration_ps: float = 30.0,
    count: int = 4,
    reference: Species | None = "framework",
) -> ChosenPaths:
    """Paths of ions over the window in which one of them gets furthest.

    The ions are ranked by how far they get, and taken at even steps from the first to the last.

    Parameters
    ----------
    trajectory : Trajectory
        unwrapped
    mobile : str, sequence of str, or np.ndarray of int
        the mobile ions
    duration_ps : float
        of the window; the whole trajectory if that is shorter
    count : int
        number of ions
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`

    Returns
    -------
    ChosenPaths
        of at most `count` ions

    Raises
    ------
    ValueError
        wrapped, unevenly spaced, or no such ions
    """
    interval = require_interval(trajectory, "chosen_paths")
    atoms = trajectory.indices(mobile)
    paths = read_paths(trajectory, atoms, reference, "chosen_paths")
    frames = min(len(paths) - 1, max(1, round(duration_ps / interval)))
    moved = np.linalg.norm(paths[frames:] - paths[:-frames], axis=-1)
    start = int(moved.max(1).argmax())
    order = np.argsort(-moved[start], kind="stable")
    ranks = np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int))
    chosen = order[ranks]
    return ChosenPaths(
        np.arange(frames + 1) * interval,
        atoms[chosen],
        paths[start : start + frames + 1, chosen],
        moved[start, chosen],
        start * interval,
    )
