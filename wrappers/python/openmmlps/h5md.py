# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reading H5MD 1.1 trajectories: those of :class:`openmmlps.app.reporters.H5MDReporter`, and others that state their units."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openmmlps._species import Elements, how_to_name, symbols_of

if TYPE_CHECKING:
    from types import TracebackType

#: lengths in angstrom and times in ps, by lower-case name
_LENGTHS = {"nm": 10.0, "angstrom": 1.0, "a": 1.0, "å": 1.0, "pm": 0.01, "m": 1e10}
_TIMES = {"ps": 1.0, "fs": 1e-3, "ns": 1e3, "s": 1e12}
#: where a quantity is, below the group of particles or the root, and what it measures
_PLACES = {
    "step": ("particles/{}/position/step", None),
    "time": ("particles/{}/position/time", "time"),
    "position": ("particles/{}/position/value", "length"),
    "velocity": ("particles/{}/velocity/value", "speed"),
    "edges": ("particles/{}/box/edges/value", "length"),
    "species": ("particles/{}/species", None),
    "mass": ("particles/{}/mass", None),
    "potential_energy": ("observables/potential_energy/value", None),
    "kinetic_energy": ("observables/kinetic_energy/value", None),
    "temperature": ("observables/temperature/value", None),
    "virial": ("observables/virial/value", None),
}
#: amu; masses this near to those of atomic numbers prove that species are atomic numbers
_SAME_MASS = 0.05


@dataclass(frozen=True)
class StoredFrames:
    """Frames of a dataset in the unit asked for; the file is opened for each access, as a run may go on writing."""

    path: Path
    dataset: str
    factor: float
    frames: range
    tail: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array that ``self[:]`` returns."""
        return (len(self.frames), *self.tail)

    def window(self, frames: slice) -> StoredFrames:
        """Some of the frames; nothing is read."""
        return StoredFrames(self.path, self.dataset, self.factor, self.frames[frames], self.tail)

    def __getitem__(self, frames: Any) -> np.ndarray:
        if isinstance(frames, (int, np.integer)):  # one frame, as of an array
            frame = range(len(self.frames))[frames]
            return self[frame : frame + 1][0]
        chosen = self.frames[frames]
        if not len(chosen):
            return np.empty((0, *self.tail))
        import h5py

        with h5py.File(self.path, "r", locking=False) as file:
            part = file[self.dataset][chosen.start : chosen[-1] + 1 : chosen.step]
        return np.multiply(part, self.factor, dtype=float)


class H5MDFile:
    """An H5MD file, open as long as the ``with`` block; what it stores in units that the caller chooses.

    Parameters
    ----------
    path : str or os.PathLike
        the file
    group : str
        name of the particles group
    length : str
        unit of lengths, 'nm' or 'angstrom'; times are in ps, velocities in `length` per ps
    where : str
        what error messages begin with

    Raises
    ------
    OSError
        such as FileNotFoundError, if it cannot be opened
    ValueError
        in the block too, if it is not H5MD, or lacks what is asked for
    """

    def __init__(
        self, path: str | os.PathLike, group: str = "all", length: str = "angstrom", where: str = "read"
    ) -> None:
        self.path = Path(path).absolute()
        self._group = group
        self._length = _LENGTHS[length]
        self._where = where

    def __enter__(self) -> H5MDFile:
        import h5py

        try:
            self._file = h5py.File(self.path, "r", locking=False)
        except OSError as error:
            if error.errno:
                raise
            raise self._refusal(error) from None
        if f"particles/{self._group}" not in self._file:
            known = ", ".join(map(repr, self._file["particles"])) if "particles" in self._file else "none"
            self._file.close()
            raise self._refusal(f"it has no particles group '{self._group}', but {known}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if isinstance(error, (KeyError, OSError, _MissingError)):
            raise self._refusal(error) from None

    def __contains__(self, name: str) -> bool:
        return self._place(name) in self._file

    @property
    def frames(self) -> int:
        """Number of complete frames."""
        counts = [len(self._file[self._place(name)]) for name in ("position", "velocity") if name in self]
        if self.moving_cell:
            counts.append(len(self._file[self._place("edges")]))
        if not counts:
            raise _MissingError("it has no positions")
        return min(counts)

    @property
    def moving_cell(self) -> bool:
        """Whether the file holds a cell for each frame."""
        return "edges" in self

    def times(self) -> np.ndarray | None:
        """Times of the frames [t] in ps, or None."""
        if "time" not in self:
            return None
        stored = self._file[self._place("time")]
        factor = _factor(stored, _TIMES, "time")
        if stored.shape == ():  # H5MD's form for frames at one interval
            return (float(stored.attrs.get("offset", 0.0)) + stored[()] * np.arange(self.frames)) * factor
        return stored[: self.frames] * factor if len(stored) >= self.frames else None

    def cells(self) -> np.ndarray | None:
        """Cells [t, 3, 3] or, if constant, [3, 3], in the unit of lengths, rows being lattice vectors; None: no box."""
        box = f"particles/{self._group}/box/edges"
        if box not in self._file:
            return None
        edges = self._file[self._place("edges")] if self.moving_cell else self._file[box]
        values = edges[...] * (_factor(edges, _LENGTHS, "box edges") / self._length)
        if values.ndim == (2 if self.moving_cell else 1):
            values = values[..., None] * np.eye(3)  # H5MD allows the lengths of the edges only
        return values[: self.frames] if self.moving_cell else values

    def stored(self, name: str) -> StoredFrames:
        """Positions or velocities of all complete frames, [t, n, 3], read when they are used."""
        dataset = self._dataset(name)
        return StoredFrames(
            self.path, dataset.name, self._scale(dataset, name), range(self.frames), tuple(dataset.shape[1:])
        )

    def read(self, name: str) -> np.ndarray:
        """A whole quantity as it is stored: species and mass of the atoms, others with the frames as the first axis."""
        dataset = self._dataset(name)
        values, scale = dataset[...], self._scale(dataset, name)
        return values if scale == 1 else values * scale

    def symbols(self, elements: Elements | None = None) -> list[str]:
        """Chemical symbols of the atoms.

        Parameters
        ----------
        elements : sequence or mapping of str, or None
            elements of species that are not certain to be atomic numbers, see :func:`openmmlps._species.symbols_of`

        Returns
        -------
        list of str
            [n]

        Raises
        ------
        ValueError
            if species are neither known to be atomic numbers nor named by `elements`
        """
        from ase.data import atomic_masses, atomic_numbers, chemical_symbols

        stored = self._dataset("species")
        species = np.asarray(stored[...])
        if species.ndim != 1 or species.dtype.kind not in "iu":
            raise _MissingError("its species are not integers that stay the same")
        import h5py

        names = {number: name for name, number in (h5py.check_enum_dtype(stored.dtype) or {}).items()}
        labels = [names.get(int(number), str(number)) for number in species]
        if elements is not None:
            return symbols_of(labels, elements, f"{self._where}: '{self.path}'")
        if names and all(atomic_numbers.get(label, 0) > 0 for label in labels):
            return labels
        valid = species.min(initial=1) > 0 and species.max(initial=1) < len(chemical_symbols)
        if valid and (
            self.ours or ("mass" in self and np.abs(self.read("mass") - atomic_masses[species]).max() < _SAME_MASS)
        ):
            return [chemical_symbols[number] for number in species]
        raise ValueError(
            f"{self._where}: '{self.path}' does not say that its species {', '.join(dict.fromkeys(labels))} are atomic "
            f"numbers; {how_to_name(labels)}"
        )

    @property
    def ours(self) -> bool:
        """Whether openmm-lps wrote the file."""
        creator = self._file.get("h5md/creator")
        name = creator.attrs.get("name") if creator is not None else None
        return (name.decode() if isinstance(name, bytes) else name) == "openmm-lps"

    def _place(self, name: str) -> str:
        return _PLACES[name][0].format(self._group)

    def _dataset(self, name: str) -> Any:
        if name not in self:
            raise _MissingError(f"it has no {self._place(name)}")
        return self._file[self._place(name)]

    def _scale(self, dataset: Any, name: str) -> float:
        kind = _PLACES[name][1]
        if kind == "length":
            return _factor(dataset, _LENGTHS, name) / self._length
        if kind == "time":
            return _factor(dataset, _TIMES, name)
        return _speed_factor(dataset) / self._length if kind == "speed" else 1.0

    def _refusal(self, error: object) -> ValueError:
        reason = " ".join(str(error).split())
        return ValueError(
            f"{self._where}: '{self.path}' is not an H5MD file of openmm-lps or another one that states its units "
            f"({reason}); give a trajectory.h5"
        )


def read_frames(path: str | os.PathLike, names: Iterable[str], length: str = "nm") -> dict[str, np.ndarray]:
    """Read whole datasets of a trajectory, by short name.

    Parameters
    ----------
    path : str or os.PathLike
        an H5MD file
    names : iterable of str
        of 'step', 'time' (ps), 'position', 'edges' (in `length`), 'velocity' (`length` per ps), 'species', 'mass' (amu),
        'potential_energy', 'kinetic_energy', 'virial' (kJ/mol), 'temperature' (K)
    length : str
        unit of lengths, 'nm' or 'angstrom'

    Returns
    -------
    dict of np.ndarray
        by name; the first axis is the frame (species and mass: the atom)

    Raises
    ------
    ValueError
        if it is not such a file
    """
    with H5MDFile(path, length=length, where="trajectory") as file:
        return {name: file.read(name) for name in names}


class _MissingError(ValueError):
    """Something that a file lacks."""


def _factor(dataset: Any, known: dict[str, float], what: str) -> float:
    unit = _unit(dataset)
    if unit is None:
        raise _MissingError(f"the {what} has no unit attribute, one of {', '.join(known)} is needed")
    if unit.strip().lower() not in known:
        raise _MissingError(f"the {what} is in '{unit}', known are {', '.join(known)}")
    return known[unit.strip().lower()]


def _speed_factor(dataset: Any) -> float:
    unit = _unit(dataset) or ""
    parts = unit.replace("/", " ").replace("-1", "").split()
    if len(parts) != 2 or parts[0].lower() not in _LENGTHS or parts[1].lower() not in _TIMES:
        raise _MissingError(f"the velocity is in '{unit}', a length and a time such as 'nm ps-1' are needed")
    return _LENGTHS[parts[0].lower()] / _TIMES[parts[1].lower()]


def _unit(dataset: Any) -> str | None:
    unit = dataset.attrs.get("unit")
    return unit.decode() if isinstance(unit, bytes) else unit
