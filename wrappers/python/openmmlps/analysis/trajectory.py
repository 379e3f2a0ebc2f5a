# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Trajectories as arrays, read in pieces of bounded size.

Units everywhere in :mod:`openmmlps.analysis`: angstrom, ps, angstrom/ps, amu, elementary charges.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from openmmlps.materials import Material

#: called as watcher(name of the trajectory, frames done, frames in total)
Watcher = Callable[[str, int, int], None]
#: which atoms: a symbol, several symbols, an integer array of indices, or "all", "mobile", "former", "ligands" (see Trajectory.indices)
Species = str | Sequence[str] | np.ndarray

#: words that stand for elements by what they do
_ROLES: dict[str, Callable[[Material], Sequence[str]]] = {
    "mobile": lambda material: [material.mobile] if material.mobile else [],
    "former": lambda material: material.main_former,
    "ligands": lambda material: list(material.ligands),
}
_checking: contextvars.ContextVar[bool] = contextvars.ContextVar("checking", default=True)
_watcher: contextvars.ContextVar[Watcher | None] = contextvars.ContextVar("watcher", default=None)
_CHUNK_BYTES = 64 << 20


@runtime_checkable
class FrameSource(Protocol):
    """What stands for an array [t, n, 3] on disk: slices of frames return numpy arrays."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""

    def window(self, frames: slice) -> FrameSource:
        """Some of the frames; nothing is read."""

    def __getitem__(self, frames: Any) -> np.ndarray: ...


@dataclass(frozen=True)
class Chunk:
    """Some consecutive frames in memory."""

    start: int  #: number of the first frame among those iterated over
    positions: np.ndarray  #: [t, n, 3] angstrom
    cells: np.ndarray | None  #: [t, 3, 3] angstrom
    velocities: np.ndarray | None  #: [t, n, 3] angstrom/ps, if asked for


class Trajectory:
    """Frames of the same atoms.

    Parameters
    ----------
    symbols : sequence of str, [n]
        chemical symbols
    positions : array_like or FrameSource, [t, n, 3]
        angstrom, unwrapped; on disk they are read piece by piece
    cells : array_like, [t, 3, 3] or [3, 3], or None
        angstrom, rows are lattice vectors; [3, 3] for all frames; None: no box
    times_ps : array_like, [t], or None
        ps
    velocities : array_like or FrameSource, [t, n, 3], or None
        angstrom/ps
    masses_amu : array_like, [n], or None
        amu; None: those of the elements
    name : str
        shown in messages
    checks : bool
        whether to refuse what looks wrong although it may be meant: wrapped positions, and unlikely units

    Attributes
    ----------
    symbols, positions, cells, times_ps, velocities, masses_amu, name, checks
        as given; constant cells are repeated for every frame. Do not change them: make another trajectory

    Raises
    ------
    ValueError
        if shapes do not fit, or if a symbol is unknown and no masses are given
    """

    def __init__(
        self,
        symbols: Sequence[str],
        positions: ArrayLike | FrameSource,
        cells: ArrayLike | None = None,
        times_ps: ArrayLike | None = None,
        velocities: ArrayLike | FrameSource | None = None,
        masses_amu: ArrayLike | None = None,
        name: str = "trajectory",
        checks: bool = True,
    ) -> None:
        self.symbols: tuple[str, ...] = tuple(str(symbol) for symbol in symbols)
        self.positions = _array_or_source(positions)
        shape = tuple(self.positions.shape)
        if len(shape) != 3 or shape[1:] != (len(self.symbols), 3):
            raise ValueError(
                f"Trajectory: positions have shape {shape} for {len(self.symbols)} symbols; give [frames, atoms, 3]"
            )
        self.cells = None if cells is None else np.asarray(cells, dtype=float)
        if self.cells is not None and self.cells.shape == (3, 3):
            self.cells = np.broadcast_to(self.cells, (shape[0], 3, 3))
        self.times_ps = None if times_ps is None else np.asarray(times_ps, dtype=float)
        self.velocities = None if velocities is None else _array_or_source(velocities)
        for what, value, expected in (
            ("velocities", self.velocities, shape),
            ("cells", self.cells, (shape[0], 3, 3)),
            ("times_ps", self.times_ps, shape[:1]),
        ):
            if value is not None and tuple(value.shape) != expected:
                raise ValueError(f"Trajectory: {what} have shape {tuple(value.shape)}; positions ask for {expected}")
        self.masses_amu = _element_masses(self.symbols) if masses_amu is None else np.asarray(masses_amu, dtype=float)
        self.name = name
        self.checks = checks and _checking.get()
        self._unwrapped = False  # known by a pass over all frames

    def __len__(self) -> int:
        return self.positions.shape[0]

    def __getitem__(self, frames: slice) -> Trajectory:
        """Part of the frames, chosen by a slice; nothing is read."""
        if not isinstance(frames, slice):
            raise TypeError("Trajectory: frames are taken by slices; use trajectory[i:i + 1] for a single one")
        return Trajectory(
            self.symbols,
            _window(self.positions, frames),
            None if self.cells is None else self.cells[frames],
            None if self.times_ps is None else self.times_ps[frames],
            None if self.velocities is None else _window(self.velocities, frames),
            self.masses_amu,
            self.name,
            self.checks,
        )

    def __repr__(self) -> str:
        return f"Trajectory('{self.name}', {len(self)} frames of {len(self.symbols)} atoms)"

    @property
    def elements(self) -> tuple[str, ...]:
        """Symbols that occur, sorted."""
        return tuple(sorted(set(self.symbols)))

    def indices(self, species: Species) -> np.ndarray:
        """Indices of atoms.

        Parameters
        ----------
        species : str, sequence of str, or np.ndarray of int
            a symbol, several symbols, "all", or indices, which are returned as they are; from the composition "mobile"
            (ions), "former" (the most abundant network former) and "ligands" (:mod:`openmmlps.materials`)

        Returns
        -------
        np.ndarray of int
            [m]

        Raises
        ------
        ValueError
            if there are no such atoms
        """
        if isinstance(species, np.ndarray) and species.dtype.kind in "iu":
            return species
        if isinstance(species, str) and species == "all":
            return np.arange(len(self.symbols))
        wanted = {species} if isinstance(species, str) else {str(symbol) for symbol in species}
        if isinstance(species, str) and species in _ROLES:
            wanted = set(_ROLES[species](self.material))
            if not wanted:
                raise ValueError(
                    f"{self.name}: {', '.join(self.elements)} have no atoms that count as {species}; name the elements"
                )
        unknown = sorted(wanted - set(self.symbols))
        if unknown:
            raise ValueError(
                f"{self.name}: it has no atoms of element {', '.join(map(repr, unknown))}, only {', '.join(self.elements)}; "
                "choose among these"
            )
        return np.flatnonzero(np.isin(np.array(self.symbols), sorted(wanted)))

    @cached_property
    def material(self) -> Material:
        """Which elements are mobile ions, formers and ligands, from the composition."""
        return Material.of(self.symbols)

    def volumes(self) -> np.ndarray:
        """Volume of each frame [t], angstrom^3.

        Raises
        ------
        ValueError
            if the trajectory is not periodic
        """
        from .requirements import require_cell

        return np.abs(np.linalg.det(require_cell(self)))

    def with_interval(self, interval_ps: float) -> Trajectory:
        """The same frames at times that are multiples of an interval in ps.

        Parameters
        ----------
        interval_ps : float
            time between frames, ps

        Returns
        -------
        Trajectory
            with these times

        Raises
        ------
        ValueError
            if the interval is not positive
        """
        if not interval_ps > 0:
            raise ValueError(
                f"{self.name}: frame_interval_ps is {interval_ps}; give the time between frames in ps, more than 0"
            )
        times = np.arange(len(self)) * float(interval_ps)
        return Trajectory(
            self.symbols,
            self.positions,
            self.cells,
            times,
            self.velocities,
            self.masses_amu,
            self.name,
            self.checks,
        )

    def chunks(self, stride: int = 1, velocities: bool = False) -> Iterator[Chunk]:
        """Iterate over pieces of at most about 64 MiB.

        Parameters
        ----------
        stride : int
            take every n-th frame
        velocities : bool
            read them too

        Yields
        ------
        Chunk
            consecutive frames

        Raises
        ------
        ValueError
            if a position is not finite
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
                    "not finite; cut the trajectory before that frame"
                )
            speeds = None
            if velocities and source.velocities is not None:
                speeds = np.asarray(source.velocities[frames], dtype=float)
            yield Chunk(start, positions, None if source.cells is None else source.cells[frames], speeds)
            tell(self.name, frames.stop, total)

    def frames(self, stride: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Iterate over (positions [n, 3], cell [3, 3] or None) in angstrom, taking every n-th frame."""
        watching, total = _watcher.get() is not None, -(-len(self) // stride)
        for chunk in self.chunks(stride):
            for index, positions in enumerate(chunk.positions):
                yield positions, None if chunk.cells is None else chunk.cells[index]
                if watching:
                    tell(self.name, chunk.start + index + 1, total)


@contextlib.contextmanager
def watch(watcher: Watcher) -> Iterator[None]:
    """While this lasts, every pass over a trajectory, by whatever function, tells how far it is.

    Parameters
    ----------
    watcher : callable
        called as watcher(name of the trajectory, frames done, frames in total), often
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


@contextlib.contextmanager
def no_checks() -> Iterator[None]:
    """While this lasts, trajectories are made without checks of plausibility, as with ``checks=False``."""
    token = _checking.set(False)
    try:
        yield
    finally:
        _checking.reset(token)


def tell(name: str, done: int, total: int) -> None:
    """Tell who watches (see :func:`watch`) that so many of all frames, or of other steps, are done."""
    if (watcher := _watcher.get()) is not None:
        watcher(name, done, total)


def _array_or_source(values: ArrayLike | FrameSource) -> np.ndarray | FrameSource:
    if isinstance(values, FrameSource) and not isinstance(values, np.ndarray):
        return values
    return np.asarray(values)


def _window(source: np.ndarray | FrameSource, frames: slice) -> np.ndarray | FrameSource:
    return source[frames] if isinstance(source, np.ndarray) else source.window(frames)


def _element_masses(symbols: Sequence[str]) -> np.ndarray:
    from ase.data import atomic_masses, atomic_numbers

    unknown = sorted({symbol for symbol in symbols if symbol not in atomic_numbers})
    if unknown:
        raise ValueError(
            f"Trajectory: {', '.join(map(repr, unknown))} is not a chemical symbol; correct the symbols or give masses_amu"
        )
    return atomic_masses[[atomic_numbers[symbol] for symbol in symbols]]
