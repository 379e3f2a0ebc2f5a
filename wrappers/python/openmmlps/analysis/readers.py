# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Readers: H5MD (streamed), whatever ASE reads, and MDAnalysis universes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openmmlps._atoms_files import read_atoms, states_units
from openmmlps._species import Elements, how_to_name, symbols_of
from openmmlps.h5md import H5MDFile

from .requirements import check_units
from .trajectory import Trajectory

if TYPE_CHECKING:
    from ase import Atoms


def read(
    path: str | os.PathLike,
    frame_interval_ps: float | None = None,
    group: str = "all",
    format: str | None = None,
    elements: Elements | None = None,
    checks: bool = True,
) -> Trajectory:
    """Read a trajectory.

    H5MD 1.1 is read piece by piece, when frames are used; all other formats by ASE, into memory.

    Parameters
    ----------
    path : str or os.PathLike
        the file; a relative path is resolved now
    frame_interval_ps : float or None
        time between frames in ps, for formats without times (all that ASE reads)
    group : str
        name of the particles group of an H5MD file
    format : str or None
        'h5md' or ASE's name of a format, such as 'lammps-dump-text'; None: told from the name and the first bytes
    elements : sequence or mapping of str, or None
        the element of each type 1, 2, ... or label, for files that do not state elements
        (:func:`openmmlps._species.symbols_of`)
    checks : bool
        refuse what looks wrong although it may be meant: unlikely units, if the file states none
        (:func:`~.requirements.check_units`), and, later, wrapped positions (:func:`~.unwrapping.require_unwrapped`)

    Returns
    -------
    Trajectory
        of all frames

    Raises
    ------
    FileNotFoundError
        if there is no such file
    ValueError
        if it cannot be read, does not state its elements, or has wrong units
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"read: '{path}' does not exist; give a trajectory file")
    path = path.absolute()
    if format == "h5md" or (format is None and _is_hdf5(path)):
        stated = True
        with H5MDFile(path, group) as file:
            trajectory = Trajectory(
                file.symbols(elements),
                file.stored("position"),
                file.cells(),
                file.times(),
                file.stored("velocity") if "velocity" in file else None,
                file.read("mass") if "mass" in file else None,
                path.name,
                checks,
            )
    else:
        stated = states_units(path)
        frames = read_atoms(path, "read", every_frame=True, format=format, elements=elements)
        trajectory = from_atoms(frames, name=path.name, checks=checks)
    if len(trajectory) == 0:
        raise ValueError(f"read: '{path}' holds no frames; run longer, or wait until the first ones are written")
    if frame_interval_ps is not None:
        trajectory = trajectory.with_interval(frame_interval_ps)
    if trajectory.checks and not stated:
        check_units(trajectory)
    return trajectory


def from_atoms(
    frames: Atoms | Sequence[Atoms],
    frame_interval_ps: float | None = None,
    name: str = "atoms",
    checks: bool = True,
) -> Trajectory:
    """Make a trajectory of ``ase.Atoms`` objects (ASE's unit of velocity is converted).

    Parameters
    ----------
    frames : ase.Atoms or sequence of ase.Atoms
        angstrom, all with the same atoms in the same order
    frame_interval_ps : float or None
        time between frames, ps
    name : str
        shown in messages
    checks : bool
        whether wrapped positions are refused later

    Returns
    -------
    Trajectory
        in memory

    Raises
    ------
    ValueError
        if there are no frames, or different atoms in them
    """
    several: list[Any] = [frames] if hasattr(frames, "get_positions") else list(frames)
    if not several:
        raise ValueError(f"{name}: it holds no frames; give at least one")
    symbols = tuple(several[0].get_chemical_symbols())
    if "X" in symbols:
        raise ValueError(f"{name}: atom {symbols.index('X')} has no known element; correct its symbol")
    for index, atoms in enumerate(several):
        if len(atoms) != len(symbols) or tuple(atoms.get_chemical_symbols()) != symbols:
            raise ValueError(
                f"{name}: the atoms of frame {index} ({atoms.get_chemical_formula()}) are not those of frame 0 "
                f"({several[0].get_chemical_formula()}) in the same order; split the file"
            )
    partly = {tuple(bool(flag) for flag in atoms.pbc) for atoms in several}
    if partly not in ({(True,) * 3}, {(False,) * 3}):
        raise ValueError(
            f"{name}: it is periodic in some directions or frames only; make it periodic in all three, or none"
        )
    velocities = None
    if all(atoms.has("momenta") for atoms in several):
        from ase.units import fs

        velocities = np.array([atoms.get_velocities() for atoms in several]) * (fs * 1000)
    trajectory = Trajectory(
        symbols,
        np.array([atoms.get_positions() for atoms in several]),
        np.array([np.array(atoms.cell) for atoms in several]) if several[0].pbc.all() else None,
        None,
        velocities,
        several[0].get_masses(),
        name,
        checks,
    )
    return trajectory if frame_interval_ps is None else trajectory.with_interval(frame_interval_ps)


def from_universe(
    universe: Any, name: str = "universe", elements: Elements | None = None, checks: bool = True
) -> Trajectory:
    """Make a trajectory of an MDAnalysis universe (angstrom, ps), in memory; MDAnalysis itself is not imported.

    Parameters
    ----------
    universe : MDAnalysis.Universe
        object with ``.atoms`` and ``.trajectory`` of timesteps
    name : str
        shown in messages
    elements : sequence or mapping of str, or None
        the element of each type 1, 2, ... or of each name of a type, for a universe that knows no elements or guessed
        them (:func:`openmmlps._species.symbols_of`)
    checks : bool
        whether wrapped positions are refused later

    Returns
    -------
    Trajectory
        in memory

    Raises
    ------
    ValueError
        if its elements are unknown or guessed, and `elements` does not name them
    """
    symbols = _symbols_of_universe(universe, name, elements)
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
        symbols,
        np.array(positions),
        np.array(cells) if len(cells) == count else None,
        np.array(times),
        np.array(velocities) if len(velocities) == count else None,
        None,
        name,
        checks,
    )


def _symbols_of_universe(universe: Any, name: str, elements: Elements | None) -> list[str]:
    labels = [str(label) for label in getattr(universe.atoms, "types", [])]
    if elements is not None:
        return symbols_of(labels or [""] * len(universe.atoms), elements, name)
    found = getattr(universe.atoms, "elements", None)
    guessed = getattr(getattr(getattr(universe, "_topology", None), "elements", None), "is_guessed", False)
    if found is None or guessed or not all(str(symbol) for symbol in found):
        what = "guessed its elements" if guessed else "knows no elements"
        raise ValueError(
            f"{name}: the universe {what}; {how_to_name(labels)}, or universe.add_TopologyAttr('elements', [...])"
        )
    return [str(symbol).capitalize() for symbol in found]


def _is_hdf5(path: Path) -> bool:
    if path.suffix.lower() in (".h5", ".h5md", ".hdf5"):
        return True
    with open(path, "rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n" and path.suffix.lower() != ".nc"
