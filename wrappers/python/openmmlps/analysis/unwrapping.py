# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Positions that are folded into the box: told, refused, undone; and paths relative to the drifting framework."""

from __future__ import annotations

import numpy as np

from .neighbors import NearestImages, cell_heights
from .requirements import require_cell
from .trajectory import Species, Trajectory

_SAME_CELL = 1e-5  # relative; files in single precision round the cell


def require_unwrapped(trajectory: Trajectory, where: str) -> None:
    """Refuse trajectories whose atoms are folded back into the box: their displacements are meaningless.

    Folding shows as steps between frames that are not the shortest to an image. Atoms that really move that far between
    two frames are told apart by leaving the cell altogether. ``Trajectory.checks = False`` switches this off.

    Parameters
    ----------
    trajectory : Trajectory
        wrapped or not
    where : str
        what the error message begins with

    Raises
    ------
    ValueError
        if the trajectory is wrapped
    """
    if trajectory.cells is None or not trajectory.checks or trajectory._unwrapped:
        return
    cells, images = require_cell(trajectory), NearestImages()
    jumps, short, first = 0, 0, (0, 0)
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    last = np.empty((0, len(trajectory.symbols), 3))
    for chunk in trajectory.chunks():
        boxes = cells[chunk.start : chunk.start + len(chunk.positions)]
        fractional = np.einsum("tni,tij->tnj", chunk.positions, np.linalg.inv(boxes))
        low, high = np.minimum(low, fractional.min((0, 1))), np.maximum(high, fractional.max((0, 1)))
        start = chunk.start - len(last)
        steps = np.diff(np.concatenate([last, fractional]), axis=0)
        last = fractional[-1:]
        # steps below this in every fractional coordinate are shorter than half the shortest lattice vector
        safe = 0.5 * cell_heights(boxes).min() / np.linalg.norm(boxes, axis=2).sum(1).max()
        for frame in np.flatnonzero((np.abs(steps) > safe).any((1, 2))):
            cell = cells[start + frame + 1]
            vectors = steps[frame] @ cell
            shifts = images.shifts(vectors, cell)
            jumped = np.flatnonzero(shifts.any(1))
            if len(jumped) and not jumps:
                first = (start + int(frame), int(jumped[0]))
            rest = np.linalg.norm(vectors[jumped] + shifts[jumped] @ cell, axis=1)
            jumps += len(jumped)
            short += int((rest < 0.25 * images.shortest(cell)).sum())
    if jumps and (short >= 0.8 * jumps or (high - low).max() < 1.05):
        atom = first[1]
        raise ValueError(
            f"{where}: '{trajectory.name}' is wrapped into the periodic box (atom {atom}, {trajectory.symbols[atom]}, jumps by "
            f"a lattice vector after frame {first[0]}; {jumps} jumps in all); use unwrapped positions: record them with "
            "H5MDReporter or enforcePeriodicBox=False, or undo it with unwrap(trajectory) or --unwrap if frames are close in time. If the atoms "
            "do jump, switch this check off (checks=False, --no-checks)"
        )
    trajectory._unwrapped = True


def unwrap(trajectory: Trajectory) -> Trajectory:
    """Undo the folding into the box, in memory: each step is taken to the nearest image, in a cell of any shape.

    Right only if every atom moves less than half the shortest lattice vector between two frames.

    Parameters
    ----------
    trajectory : Trajectory
        wrapped, periodic

    Returns
    -------
    Trajectory
        that starts where the wrapped one does

    Raises
    ------
    ValueError
        if the trajectory is not periodic
    """
    cells = require_cell(trajectory)
    positions = np.empty((len(trajectory), len(trajectory.symbols), 3))
    images = NearestImages()
    shifts = np.zeros(positions.shape[1:])
    last = None
    for chunk in trajectory.chunks():
        for index, frame in enumerate(chunk.positions, chunk.start):
            fractional = frame @ np.linalg.inv(cells[index])
            if last is not None:
                shifts += images.shifts((fractional + shifts - last) @ cells[index], cells[index])
            last = fractional + shifts
            positions[index] = last @ cells[index]
    return Trajectory(
        trajectory.symbols,
        positions,
        trajectory.cells,
        trajectory.times_ps,
        trajectory.velocities,
        trajectory.masses_amu,
        trajectory.name,
        trajectory.checks,
    )


def read_paths(
    trajectory: Trajectory, species: Species, reference: Species | None = None, where: str = "trajectory"
) -> np.ndarray:
    """Positions of some atoms over all frames, relative to the drifting framework.

    Where the cell changes (NPT), positions are the fractional coordinates times the mean cell: with a barostat everything
    moves with the box, the further the more, and that is no diffusion.

    Parameters
    ----------
    trajectory : Trajectory
        unwrapped
    species : str, sequence of str, or np.ndarray of int
        the atoms, as :meth:`Trajectory.indices` takes them
    reference : str, sequence of str, np.ndarray of int, or None
        atoms whose center of mass is subtracted (its displacement from frame 0); "framework": every atom not in
        `species`; None: nothing is subtracted
    where : str
        what error messages begin with

    Returns
    -------
    np.ndarray
        [t, m, 3] angstrom

    Raises
    ------
    ValueError
        if the trajectory is wrapped, if it has no such element, or if there is no framework
    """
    require_unwrapped(trajectory, where)
    chosen = trajectory.indices(species)
    paths = np.empty((len(trajectory), len(chosen), 3))
    others = reference_indices(trajectory, chosen, reference, where)
    weights = trajectory.masses_amu[others]
    origin, to_mean = None, _to_mean_cell(trajectory)
    for chunk in trajectory.chunks():
        frames = slice(chunk.start, chunk.start + len(chunk.positions))
        positions = chunk.positions if to_mean is None else chunk.positions @ to_mean[frames]
        paths[frames] = positions[:, chosen]
        if len(others):
            center = np.einsum("tni,n->ti", positions[:, others], weights) / weights.sum()
            origin = center[0] if origin is None else origin
            paths[frames] -= (center - origin)[:, None]
    return paths


def _to_mean_cell(trajectory: Trajectory) -> np.ndarray | None:
    """[t, 3, 3] matrices that take positions from the cell of their frame to the mean one; None if it does not change."""
    if trajectory.cells is None:
        return None
    cells = require_cell(trajectory)
    if np.ptp(cells, axis=0).max() <= _SAME_CELL * np.abs(cells).max():
        return None
    return np.linalg.inv(cells) @ cells.mean(0)


def reference_indices(trajectory: Trajectory, chosen: np.ndarray, reference: Species | None, where: str) -> np.ndarray:
    """Indices [k] of the atoms that define the frame of reference (see :func:`read_paths`).

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    chosen : np.ndarray of int, [m]
        the moving atoms
    reference : str, sequence of str, np.ndarray of int, or None
        see above
    where : str
        what the error message begins with

    Returns
    -------
    np.ndarray of int
        [k]

    Raises
    ------
    ValueError
        no framework, or no such element
    """
    if reference is None:
        return np.arange(0)
    if isinstance(reference, str) and reference == "framework":
        others = np.setdiff1d(np.arange(len(trajectory.symbols)), chosen)
        if not len(others):
            raise ValueError(
                f"{where}: every atom of '{trajectory.name}' is mobile, so there is no framework; give reference=None or "
                "reference='all'"
            )
        return others
    return trajectory.indices(reference)
