# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Readers: H5MD (streamed), whatever ASE reads, and MDAnalysis universes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .trajectory import Trajectory, check_units

#: factors to angstrom, ps and angstrom/ps
_LENGTHS = {"nm": 10.0, "angstrom": 1.0, "a": 1.0, "å": 1.0, "pm": 0.01, "m": 1e10}
_TIMES = {"ps": 1.0, "fs": 1e-3, "ns": 1e3, "s": 1e12}


def read(path, frame_interval_ps=None, group="all", check=True):
    """Read a trajectory.

    Files ending in .h5 or .h5md are read as H5MD 1.1, piece by piece; all others by ASE, into memory.

    :param path: file
    :param frame_interval_ps: time between frames, for formats without times (all that ASE reads); ps
    :param group: name of the particles group of an H5MD file
    :param check: refuse positions and velocities in unlikely units (:func:`~.trajectory.check_units`)
    :raises FileNotFoundError, ValueError: no file, unreadable, or wrong units
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"read: '{path}' does not exist; give a trajectory file")
    if path.suffix.lower() in (".h5", ".h5md", ".hdf5"):
        trajectory = _read_h5md(path, group)
    else:
        trajectory = _read_ase(path)
    if len(trajectory) == 0:
        raise ValueError(f"read: '{path}' holds no frames; run longer, or wait until the first ones are written")
    if frame_interval_ps is not None:
        trajectory = _with_interval(trajectory, frame_interval_ps)
    if check:
        check_units(trajectory)
    return trajectory


def from_atoms(frames, frame_interval_ps=None, name="atoms"):
    """A trajectory of ``ase.Atoms`` objects (angstrom; ASE's velocity unit is converted).

    :param frames: one Atoms or a sequence of them, all with the same atoms in the same order
    :param frame_interval_ps: time between frames, ps
    :raises ValueError: no frames, or different atoms in them
    """
    frames = [frames] if hasattr(frames, "get_positions") else list(frames)
    if not frames:
        raise ValueError(f"{name}: it holds no frames; give at least one")
    symbols = tuple(frames[0].get_chemical_symbols())
    for index, atoms in enumerate(frames):
        if len(atoms) != len(symbols) or tuple(atoms.get_chemical_symbols()) != symbols:
            raise ValueError(
                f"{name}: the atoms of frame {index} ({atoms.get_chemical_formula()}) are not those of frame 0 "
                f"({frames[0].get_chemical_formula()}) in the same order; split the file"
            )
    partly = {tuple(bool(flag) for flag in atoms.pbc) for atoms in frames}
    if partly not in ({(True,) * 3}, {(False,) * 3}):
        raise ValueError(
            f"{name}: it is periodic in some directions or frames only; make it periodic in all three, or none"
        )
    velocities = None
    if all(atoms.has("momenta") for atoms in frames):
        from ase.units import fs

        velocities = np.array([atoms.get_velocities() for atoms in frames]) * (fs * 1000)
    trajectory = Trajectory(
        symbols,
        np.array([atoms.get_positions() for atoms in frames]),
        np.array([np.array(atoms.cell) for atoms in frames]) if frames[0].pbc.all() else None,
        None,
        velocities,
        frames[0].get_masses(),
        name,
    )
    return trajectory if frame_interval_ps is None else _with_interval(trajectory, frame_interval_ps)


def from_universe(universe, name="universe"):
    """A trajectory of an MDAnalysis universe (angstrom, ps), into memory; MDAnalysis itself is not imported.

    :param universe: object with `.atoms.elements` and `.trajectory` of timesteps
    :raises ValueError: it knows no elements
    """
    symbols = getattr(universe.atoms, "elements", None)
    if symbols is None or not all(len(str(symbol)) for symbol in symbols):
        raise ValueError(
            f"{name}: the universe knows no elements; add them, universe.add_TopologyAttr('elements', [...])"
        )
    positions, cells, times, velocities = [], [], [], []
    for step in universe.trajectory:
        positions.append(np.array(step.positions, dtype=float))
        times.append(float(step.time))
        if step.dimensions is not None:
            cells.append(np.array(step.triclinic_dimensions, dtype=float))
        if getattr(step, "has_velocities", False):
            velocities.append(np.array(step.velocities, dtype=float))
    count = len(positions)
    return Trajectory(
        tuple(str(symbol).capitalize() for symbol in symbols),
        np.array(positions),
        np.array(cells) if len(cells) == count else None,
        np.array(times),
        np.array(velocities) if len(velocities) == count else None,
        None,
        name,
    )


def _with_interval(trajectory, interval):
    if not interval > 0:
        raise ValueError(f"read: frame_interval_ps is {interval}; give the time between frames in ps, more than 0")
    object.__setattr__(trajectory, "times_ps", np.arange(len(trajectory)) * float(interval))
    return trajectory


def _read_ase(path):
    import ase.io

    try:
        frames = ase.io.read(path, index=":")
    except Exception as error:  # noqa: BLE001  ASE's readers raise anything at all
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"read: '{path}' cannot be read ({reason}); give H5MD (.h5) or a format that ASE reads, such as extxyz"
        ) from None
    return from_atoms(frames, name=path.name)


@dataclass(frozen=True)
class _StoredFrames:
    """Frames of an HDF5 dataset, opened for each access: a running simulation may go on writing."""

    path: Path
    dataset: str
    factor: float
    frames: range
    tail: tuple

    @property
    def shape(self):
        return (len(self.frames), *self.tail)

    def window(self, frames):
        return _StoredFrames(self.path, self.dataset, self.factor, self.frames[frames], self.tail)

    def __getitem__(self, frames):
        import h5py

        if isinstance(frames, (int, np.integer)):  # one frame, as of an array
            frame = range(len(self.frames))[frames]
            return self[frame : frame + 1][0]
        chosen = self.frames[frames]
        if not len(chosen):
            return np.empty((0, *self.tail))
        with h5py.File(self.path, "r", locking=False) as file:
            part = file[self.dataset][chosen.start : chosen[-1] + 1 : chosen.step]
        return np.multiply(part, self.factor, dtype=float)


def _read_h5md(path, group):
    import h5py

    try:
        with h5py.File(path, "r", locking=False) as file:
            if f"particles/{group}" not in file:
                known = ", ".join(map(repr, file["particles"])) if "particles" in file else "none"
                raise ValueError(f"it has no particles group '{group}', but {known}")
            return _h5md_trajectory(path, file, file[f"particles/{group}"])
    except (OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"read: '{path}' cannot be read as H5MD ({reason}); give a trajectory.h5 of openmm-lps or another H5MD 1.1 file"
        ) from None


def _h5md_trajectory(path, file, particles):
    from ase.data import chemical_symbols

    species = particles["species"][...]
    if species.ndim != 1 or species.min(initial=1) < 1 or species.max(initial=1) >= len(chemical_symbols):
        raise ValueError("species are not atomic numbers that stay the same")
    value = particles["position/value"]
    length = _factor(value, _LENGTHS, "position")
    count = value.shape[0]
    times = cells = velocities = None
    if "time" in particles["position"]:
        stored = particles["position/time"]
        if stored.shape == (count,):
            times = stored[:] * _factor(stored, _TIMES, "time")
    if "box/edges" in particles:
        edges = particles["box/edges"]
        moving = hasattr(edges, "keys")
        edges = edges["value"] if moving else edges
        cells = edges[...] * _factor(edges, _LENGTHS, "box edges")
        if cells.ndim == (2 if moving else 1):
            cells = cells[..., None] * np.eye(3)  # H5MD allows the lengths of the edges only
        cells = cells[:count] if moving else cells
    if "velocity" in particles:
        stored = particles["velocity/value"]
        velocities = _StoredFrames(path, stored.name, _speed_factor(stored), range(count), stored.shape[1:])
    masses = particles["mass"][...] if "mass" in particles else None
    positions = _StoredFrames(path, value.name, length, range(count), value.shape[1:])
    return Trajectory([chemical_symbols[z] for z in species], positions, cells, times, velocities, masses, path.name)


def _unit(dataset):
    unit = dataset.attrs.get("unit")
    return unit.decode() if isinstance(unit, bytes) else unit


def _factor(dataset, known, what):
    unit = _unit(dataset)
    if unit is None:
        raise ValueError(f"the {what} has no unit attribute, one of {', '.join(known)} is needed")
    if str(unit).strip().lower() not in known:
        raise ValueError(f"the {what} is in '{unit}', known are {', '.join(known)}")
    return known[str(unit).strip().lower()]


def _speed_factor(dataset):
    unit = str(_unit(dataset) or "")
    parts = unit.replace("/", " ").replace("-1", "").split()
    if len(parts) != 2 or parts[0].lower() not in _LENGTHS or parts[1].lower() not in _TIMES:
        raise ValueError(f"the velocity is in '{unit}', a length and a time such as 'nm ps-1' are needed")
    return _LENGTHS[parts[0].lower()] / _TIMES[parts[1].lower()]
