# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What an analysis asks of a trajectory: the refusals that all share, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.constants import Boltzmann, atomic_mass

from .neighbors import neighbor_pairs
from .trajectory import Trajectory

#: K per amu (angstrom/ps)^2
_KELVIN_PER_AMU_A2_PER_PS2 = atomic_mass * 1e4 / Boltzmann
_SAMPLES = 5


def require_frames(trajectory: Trajectory, count: int, where: str) -> None:
    """Refuse short trajectories.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    count : int
        least number of frames
    where : str
        what the error message begins with

    Raises
    ------
    ValueError
        if there are fewer than `count` frames
    """
    if len(trajectory) < count:
        raise ValueError(
            f"{where}: '{trajectory.name}' has {len(trajectory)} frames, at least {count} are needed; run longer or save "
            "frames more often"
        )


def require_cell(trajectory: Trajectory) -> np.ndarray:
    """Cells [t, 3, 3] in angstrom.

    Parameters
    ----------
    trajectory : Trajectory
        the frames

    Returns
    -------
    np.ndarray
        [t, 3, 3] angstrom

    Raises
    ------
    ValueError
        if the trajectory is not periodic, or a cell is flat
    """
    if trajectory.cells is None:
        raise ValueError(
            f"{trajectory.name}: it has no periodic cell, so no density; give a trajectory with cells (H5MD or extxyz with "
            "a Lattice)"
        )
    if not (np.abs(np.linalg.det(trajectory.cells)) > 1e-6).all():
        raise ValueError(
            f"{trajectory.name}: a cell has no volume; give three independent lattice vectors in each frame"
        )
    return trajectory.cells


def periodic_frames(trajectory: Trajectory, stride: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Iterate over (positions [n, 3], cell [3, 3]) in angstrom, taking every n-th frame.

    Raises
    ------
    ValueError
        if the trajectory is not periodic, or a cell is flat
    """
    require_cell(trajectory)
    for positions, cell in trajectory.frames(stride):
        yield positions, np.asarray(cell)


def require_interval(trajectory: Trajectory, where: str) -> float:
    """Time between frames in ps.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    where : str
        what the error message begins with

    Returns
    -------
    float
        ps

    Raises
    ------
    ValueError
        if there are fewer than two frames, no times, or frames that are not evenly spaced
    """
    require_frames(trajectory, 2, where)
    if trajectory.times_ps is None:
        raise ValueError(
            f"{where}: '{trajectory.name}' has no times; give read(..., frame_interval_ps=...) the time between its frames"
        )
    steps = np.diff(trajectory.times_ps)
    interval = float(np.mean(steps))
    if interval <= 0 or np.abs(steps - interval).max() > 1e-3 * interval:
        frame = int(np.argmax(np.abs(steps - np.median(steps))))
        raise ValueError(
            f"{where}: the frames of '{trajectory.name}' are not evenly spaced in time ({steps[frame]:.6g} ps after frame "
            f"{frame}, {np.median(steps):.6g} ps usually); use one run saved at one interval"
        )
    return interval


def require_velocities(trajectory: Trajectory, where: str) -> None:
    """Refuse trajectories without velocities.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    where : str
        what the error message begins with

    Raises
    ------
    ValueError
        if there are none
    """
    if trajectory.velocities is None:
        raise ValueError(
            f"{where}: '{trajectory.name}' has no velocities; record them (the H5MD trajectories of openmm-lps do, DCD and "
            "XTC cannot)"
        )


def check_units(trajectory: Trajectory) -> None:
    """Refuse positions or velocities that are in another unit, for files that do not state theirs.

    Atoms of condensed matter have their nearest neighbor at 0.7 to 6 angstrom (median over the atoms of the first frame).
    Moving atoms have a kinetic temperature between 5 and 30,000 K, at least in one of five frames: a run may start cold.

    Parameters
    ----------
    trajectory : Trajectory
        with at least one frame

    Raises
    ------
    ValueError
        if the units are unlikely, with the likely ones
    """
    positions, cell = next(trajectory.frames())
    off = "; if it is meant, switch this check off (checks=False, --no-checks)"
    if len(positions) > 1:
        first, distance = neighbor_pairs(positions, cell, 6.0, "id", full=True)
        nearest = np.full(len(positions), np.inf)
        np.minimum.at(nearest, first, distance)
        median = float(np.median(nearest))
        if not 0.7 <= median <= 6.0:
            seen = f"{median:.3f}" if np.isfinite(median) else "more than 6"
            guess = "nanometer: multiply by 10" if median < 0.7 else "picometer or fractions: convert them"
            raise ValueError(
                f"{trajectory.name}: nearest neighbors are {seen} angstrom apart, so the positions are not in angstrom "
                f"(perhaps {guess}){off}"
            )
    if trajectory.velocities is None:
        return
    temperatures = []
    for frame in np.unique(np.linspace(0, len(trajectory) - 1, _SAMPLES).astype(int)):
        velocities = np.asarray(trajectory.velocities[int(frame) : int(frame) + 1], dtype=float)[0]
        kinetic = (trajectory.masses_amu * (velocities**2).sum(1)).mean()
        temperatures.append(float(kinetic / 3 * _KELVIN_PER_AMU_A2_PER_PS2))
    if any(temperatures) and not any(5 <= temperature <= 30000 for temperature in temperatures):
        raise ValueError(
            f"{trajectory.name}: the velocities mean {max(temperatures):.3g} K, so they are not in angstrom/ps; convert them "
            f"(nm/ps: multiply by 10; angstrom/fs: multiply by 1000){off}"
        )
