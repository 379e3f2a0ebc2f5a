# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Trajectories as arrays, read in pieces of bounded size, and the refusals that every analysis shares.

Units everywhere in :mod:`openmmlps.analysis`: angstrom, ps, angstrom/ps, amu, elementary charges.
"""

import contextlib
import contextvars
from dataclasses import dataclass, field

import numpy as np

from openmmlps.units import GAS_CONSTANT

_watcher = contextvars.ContextVar("watcher", default=None)
_CHUNK_BYTES = 64 << 20
_KELVIN_PER_AMU_A2_PER_PS2 = 0.01 / GAS_CONSTANT


@dataclass(frozen=True)
class Chunk:
    """Some consecutive frames in memory."""

    start: int  #: number of the first frame among those iterated over
    positions: np.ndarray  #: [t, n, 3] angstrom
    cells: np.ndarray | None  #: [t, 3, 3] angstrom
    velocities: np.ndarray | None  #: [t, n, 3] angstrom/ps, if asked for


@dataclass(frozen=True)
class Trajectory:
    """Frames of the same atoms.

    `positions` and `velocities` are numpy arrays or anything with a shape that returns numpy arrays for slices of
    frames, so a trajectory on disk is read piece by piece.
    """

    symbols: tuple  #: [n] chemical symbols
    positions: object  #: [t, n, 3] angstrom, unwrapped
    cells: np.ndarray | None = (
        None  #: [t, 3, 3] angstrom, rows are lattice vectors; [3, 3] for all frames; None: no box
    )
    times_ps: np.ndarray | None = None  #: [t]
    velocities: object = None  #: [t, n, 3] angstrom/ps
    masses_amu: np.ndarray | None = None  #: [n]; None: those of the elements
    name: str = "trajectory"  #: shown in messages
    _checked: set = field(default_factory=set, repr=False, compare=False)

    def __post_init__(self):
        put = lambda name, value: object.__setattr__(self, name, value)
        put("symbols", tuple(str(symbol) for symbol in self.symbols))
        if isinstance(self.positions, list):
            put("positions", np.array(self.positions, dtype=float))
        shape = tuple(self.positions.shape)
        if len(shape) != 3 or shape[1:] != (len(self.symbols), 3):
            raise ValueError(
                f"Trajectory: positions have shape {shape} for {len(self.symbols)} symbols; give [frames, atoms, 3]"
            )
        for name in ("velocities", "cells", "times_ps"):
            value = getattr(self, name)
            if value is None:
                continue
            if not hasattr(value, "shape"):
                value = np.asarray(value, dtype=float)
            if name == "cells" and value.shape == (3, 3):
                value = np.broadcast_to(value, (shape[0], 3, 3))
            expected = {"velocities": shape, "cells": (shape[0], 3, 3), "times_ps": shape[:1]}[name]
            if tuple(value.shape) != expected:
                raise ValueError(f"Trajectory: {name} have shape {tuple(value.shape)}; positions ask for {expected}")
            put(name, value)
        put("masses_amu", _element_masses(self.symbols) if self.masses_amu is None else np.asarray(self.masses_amu))

    def __len__(self):
        return self.positions.shape[0]

    def __getitem__(self, frames):
        """A trajectory of some of the frames (a slice); nothing is read."""
        if not isinstance(frames, slice):
            raise TypeError("Trajectory: frames are taken by slices; use trajectory[i:i + 1] for a single one")
        part = lambda source: None if source is None else source[frames]
        part_lazy = lambda source: source.window(frames) if hasattr(source, "window") else part(source)
        return Trajectory(
            self.symbols,
            part_lazy(self.positions),
            part(self.cells),
            part(self.times_ps),
            part_lazy(self.velocities),
            self.masses_amu,
            self.name,
        )

    @property
    def elements(self):
        """Symbols that occur, sorted."""
        return tuple(sorted(set(self.symbols)))

    def indices(self, species):
        """Indices [m] of atoms.

        :param species: a symbol, several symbols, an integer array (returned as it is), or "all"
        :raises ValueError: no such atoms
        """
        if isinstance(species, np.ndarray) and species.dtype.kind in "iu":
            return species
        if isinstance(species, str) and species == "all":
            return np.arange(len(self.symbols))
        wanted = {species} if isinstance(species, str) else set(species)
        unknown = sorted(wanted - set(self.symbols))
        if unknown:
            raise ValueError(
                f"{self.name}: it has no atoms of element {', '.join(map(repr, unknown))}, only {', '.join(self.elements)}; "
                "choose among these"
            )
        return np.flatnonzero(np.isin(np.array(self.symbols), sorted(wanted)))

    def volumes(self):
        """Volume of each frame [t], angstrom^3.

        :raises ValueError: not periodic
        """
        return np.abs(np.linalg.det(require_cell(self)))

    def chunks(self, stride=1, velocities=False, progress=None):
        """Iterate over :class:`Chunk` of at most about 64 MiB.

        :param stride: take every so manyth frame
        :param velocities: read them too
        :param progress: called as progress(frames done, frames in total)
        :raises ValueError: a position that is not a number
        """
        source = self if stride == 1 else self[::stride]
        total = len(source)
        step = max(1, _CHUNK_BYTES // (len(self.symbols) * 24 * (2 if velocities else 1)))
        for start in range(0, total, step):
            frames = slice(start, min(start + step, total))
            positions = np.asarray(source.positions[frames], dtype=float)
            if not np.isfinite(positions).all():
                frame, atom = np.argwhere(~np.isfinite(positions))[0][:2]
                raise ValueError(
                    f"{self.name}: the position of atom {atom} ({self.symbols[atom]}) in frame {(start + frame) * stride} is "
                    "not a number; cut the trajectory before that frame"
                )
            yield Chunk(
                start,
                positions,
                None if source.cells is None else source.cells[frames],
                np.asarray(source.velocities[frames], dtype=float) if velocities else None,
            )
            if progress is not None:
                progress(frames.stop, total)
            if (watcher := _watcher.get()) is not None:
                watcher(self.name, frames.stop, total)

    def frames(self, stride=1, progress=None):
        """Iterate over (positions [n, 3], cell [3, 3] or None), angstrom."""
        watcher, total = _watcher.get(), -(-len(self) // stride)
        for chunk in self.chunks(stride, progress=progress):
            for index, positions in enumerate(chunk.positions):
                yield positions, None if chunk.cells is None else chunk.cells[index]
                if watcher is not None:
                    watcher(self.name, chunk.start + index + 1, total)


@contextlib.contextmanager
def watch(watcher):
    """While this lasts, every pass over a trajectory, by whatever function, tells how far it is.

    :param watcher: called as watcher(name of the trajectory, frames done, frames in total), often
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def _element_masses(symbols):
    from ase.data import atomic_masses, atomic_numbers

    unknown = sorted({symbol for symbol in symbols if symbol not in atomic_numbers})
    if unknown:
        raise ValueError(
            f"Trajectory: {', '.join(map(repr, unknown))} is not a chemical symbol; correct the symbols or give masses_amu"
        )
    return atomic_masses[[atomic_numbers[symbol] for symbol in symbols]]


def require_frames(trajectory, count, where):
    """:raises ValueError: fewer than `count` frames"""
    if len(trajectory) < count:
        raise ValueError(
            f"{where}: '{trajectory.name}' has {len(trajectory)} frames, at least {count} are needed; run longer or save "
            "frames more often"
        )


def require_cell(trajectory):
    """Cells [t, 3, 3] in angstrom.

    :raises ValueError: not periodic, or a flat cell
    """
    if trajectory.cells is None:
        raise ValueError(
            f"{trajectory.name}: it has no periodic cell, so no density; give a trajectory with cells (H5MD or extxyz with "
            "a Lattice)"
        )
    cells = np.asarray(trajectory.cells, dtype=float)
    if not (np.abs(np.linalg.det(cells)) > 1e-6).all():
        raise ValueError(
            f"{trajectory.name}: a cell has no volume; give three independent lattice vectors in each frame"
        )
    return cells


def require_interval(trajectory, where):
    """Time between frames in ps.

    :raises ValueError: fewer than two frames, no times, or frames that are not evenly spaced
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


def require_velocities(trajectory, where):
    """:raises ValueError: no velocities"""
    if trajectory.velocities is None:
        raise ValueError(
            f"{where}: '{trajectory.name}' has no velocities; record them (the H5MD trajectories of openmm-lps do, DCD and "
            "XTC cannot)"
        )


def require_unwrapped(trajectory, where):
    """Refuse trajectories whose atoms are folded back into the box: their displacements are meaningless.

    Folding shows as jumps by a lattice vector between frames. Atoms that really move more than half a cell between two
    frames are told apart by leaving the cell altogether.

    :raises ValueError: wrapped
    """
    if trajectory.cells is None or "unwrapped" in trajectory._checked:
        return
    jumps, short, first = 0, 0, None
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    last = None
    for chunk in trajectory.chunks():
        fractional = np.einsum("tni,tij->tnj", chunk.positions, np.linalg.inv(chunk.cells))
        low, high = np.minimum(low, fractional.min((0, 1))), np.maximum(high, fractional.max((0, 1)))
        steps = np.diff(fractional if last is None else np.concatenate([last, fractional]), axis=0)
        last = fractional[-1:]
        large = np.abs(steps) > 0.5
        if large.any():
            jumps += int(large.sum())
            short += int((np.abs(steps - np.round(steps))[large] < 0.25).sum())
            if first is None:
                frame, atom, _ = np.argwhere(large)[0]
                first = (chunk.start + frame + (0 if chunk.start == 0 else -1), atom)
    if jumps and (short >= 0.8 * jumps or (high - low).max() < 1.05):
        frame, atom = first
        raise ValueError(
            f"{where}: '{trajectory.name}' is wrapped into the periodic box (atom {atom}, {trajectory.symbols[atom]}, jumps by "
            f"a lattice vector after frame {frame}; {jumps} jumps in all); use unwrapped positions: record them with "
            "H5MDReporter or enforcePeriodicBox=False, or call unwrap(trajectory) if frames are close in time"
        )
    trajectory._checked.add("unwrapped")


def unwrap(trajectory):
    """Undo the folding into the box, in memory: each step is taken to the nearest image.

    Right only if no atom moves more than half a cell between two frames.

    :return: :class:`Trajectory` that starts where the wrapped one does
    :raises ValueError: not periodic
    """
    cells = require_cell(trajectory)
    positions = np.empty((len(trajectory), len(trajectory.symbols), 3))
    last, images = None, 0
    for chunk in trajectory.chunks():
        for index, frame in enumerate(chunk.positions):
            fractional = frame @ np.linalg.inv(cells[chunk.start + index])
            if last is not None:
                images = images - np.round(fractional - last)
            last = fractional
            positions[chunk.start + index] = (fractional + images) @ cells[chunk.start + index]
    return Trajectory(
        trajectory.symbols,
        positions,
        trajectory.cells,
        trajectory.times_ps,
        trajectory.velocities,
        trajectory.masses_amu,
        trajectory.name,
    )


def check_units(trajectory):
    """Refuse positions or velocities that are in another unit, judged by the first frame.

    Atoms of condensed matter have their nearest neighbour at 0.7 to 6 angstrom (median over atoms); moving atoms have a
    kinetic temperature between 5 and 30,000 K.

    :raises ValueError: naming the likely unit
    """
    from .neighbors import neighbor_pairs

    positions, cell = next(trajectory.frames())
    if len(positions) > 1:
        first, distance = neighbor_pairs(positions, cell, 6.0, "id", full=True)
        nearest = np.full(len(positions), np.inf)
        np.minimum.at(nearest, first, distance)
        median = float(np.median(nearest))
        if not 0.7 <= median <= 6.0:
            seen = f"{median:.3f}" if np.isfinite(median) else "more than 6"
            guess = "nanometre: multiply by 10" if median < 0.7 else "picometre or fractions: convert them"
            raise ValueError(
                f"{trajectory.name}: nearest neighbours are {seen} angstrom apart, so the positions are not in angstrom (perhaps "
                f"{guess})"
            )
    if trajectory.velocities is None:
        return
    velocities = np.asarray(trajectory.velocities[:1], dtype=float)[0]
    temperature = float((trajectory.masses_amu * (velocities**2).sum(1)).mean() / 3 * _KELVIN_PER_AMU_A2_PER_PS2)
    if temperature and not 5 <= temperature <= 30000:
        raise ValueError(
            f"{trajectory.name}: the velocities mean {temperature:.3g} K, so they are not in angstrom/ps; convert them (nm/ps: "
            "multiply by 10; angstrom/fs: multiply by 1000)"
        )


def read_paths(trajectory, species, reference=None, where="trajectory"):
    """Positions of some atoms over all frames, relative to the drifting framework.

    :param species: what :meth:`Trajectory.indices` takes
    :param reference: atoms whose centre of mass is subtracted (its displacement from frame 0), taken likewise;
        "framework": every atom not in `species`; None: nothing is subtracted
    :return: [t, m, 3] angstrom
    :raises ValueError: wrapped trajectory, unknown element, or no framework
    """
    require_unwrapped(trajectory, where)
    chosen = trajectory.indices(species)
    paths = np.empty((len(trajectory), len(chosen), 3))
    others = reference_indices(trajectory, chosen, reference, where)
    weights = trajectory.masses_amu[others]
    origin = None
    for chunk in trajectory.chunks():
        frames = slice(chunk.start, chunk.start + len(chunk.positions))
        paths[frames] = chunk.positions[:, chosen]
        if len(others):
            centre = np.einsum("tni,n->ti", chunk.positions[:, others], weights) / weights.sum()
            origin = centre[0] if origin is None else origin
            paths[frames] -= (centre - origin)[:, None]
    return paths


def reference_indices(trajectory, chosen, reference, where):
    """Indices of the atoms that define the frame of reference (see :func:`read_paths`)."""
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
