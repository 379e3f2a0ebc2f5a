# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Start structures: supercells, with atoms removed or substituted at random, and random packings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .settings import CHANGE, StructureSettings


@dataclass(frozen=True)
class Start:
    """A periodic structure from which frames are made."""

    name: str
    atoms: Any  #: ase.Atoms
    temperatures_K: tuple[float, ...]


def make_starts(
    settings: StructureSettings, folder: Path, seed: Sequence[int], temperatures_K: Sequence[float]
) -> list[Start]:
    """Make the copies of one [[structure]].

    Parameters
    ----------
    settings : StructureSettings
        what is asked for
    folder : Path
        in which its file may lie
    seed : sequence of int
        of its random choices; the same seed gives the same structures
    temperatures_K : sequence of float
        where the structure has none of its own

    Returns
    -------
    list of Start
        one for each copy

    Raises
    ------
    FileNotFoundError, ValueError
        for a structure that cannot be read or made
    """
    found = []
    for copy in range(settings.copies):
        random = np.random.default_rng([*seed, copy])
        if settings.file:
            atoms = _cell(settings, folder)
        else:
            from openmmlps.protocols.packing import Composition, pack

            counts = Composition.parse(settings.composition).counts(settings.atoms)
            atoms = pack(counts, settings.density, int(random.integers(2**31)))
        _change(atoms, settings.remove or (), random)
        _change(atoms, settings.substitute or (), random)
        name = settings.called if settings.copies == 1 else f"{settings.called}-{copy + 1}"
        found.append(Start(name, atoms, tuple(settings.temperatures_K or temperatures_K)))
    return found


def _cell(settings: StructureSettings, folder: Path) -> Any:
    """A supercell of a file, in the reduced form of OpenMM, as ``ase.Atoms``."""
    from ase import Atoms
    from openmm import unit

    from openmmlps.app.structure_files import load, structure_names

    named = settings.file.lower() in {name.lower() for name in structure_names()}
    source = settings.file if named else str(folder / settings.file)
    options: dict[str, Any] = {"format": settings.format or None, "elements": settings.elements or None}
    found = load(source, **options)
    if found.box is None:
        raise ValueError(f"file: '{settings.file}' is not periodic; give it a cell")
    box = np.array(found.box.value_in_unit(unit.angstrom))
    cell = np.linalg.solve(found.lattice_transformation, box)  # of the file, whose vectors a supercell repeats
    repeats = settings.supercell or _repeats(cell, settings.height)
    found = load(source, supercell=repeats, **options)
    return Atoms(
        list(found.symbols),
        positions=found.positions.value_in_unit(unit.angstrom),
        cell=np.array(found.box.value_in_unit(unit.angstrom)),
        pbc=True,
    )


def _repeats(cell: np.ndarray, height: float) -> tuple[int, ...]:
    """Repeats along a, b, c until all heights reach a length."""
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    return tuple(max(1, math.ceil(height / value - 1e-6)) for value in heights)


def _change(atoms: Any, changes: Iterable[str], random: np.random.Generator) -> None:
    """Take atoms out of a structure, or give them another element, at random."""
    for text in changes:
        found = CHANGE.fullmatch(text)
        if not found:
            raise ValueError(f"'{text}' is no change; write it as '1 Li' or '2 S by Cl'")
        number, old, new = int(found[1]), found[2], found[3]
        candidates = [index for index, symbol in enumerate(atoms.get_chemical_symbols()) if symbol == old]
        if len(candidates) < number:
            raise ValueError(f"{'substitute' if new else 'remove'}: '{text}' of {len(candidates)} {old}; ask for fewer")
        chosen = random.choice(candidates, number, replace=False)
        if new:
            atoms.symbols[chosen] = new
        else:
            del atoms[chosen]


def disturbed(atoms: Any, random: np.random.Generator, displacement: float, strain: float) -> Any:
    """A copy with normal random displacements (angstrom) and a symmetric random strain.

    Parameters
    ----------
    atoms : ase.Atoms
        periodic
    random : numpy.random.Generator
        of displacements and strain
    displacement, strain : float
        standard deviations

    Returns
    -------
    ase.Atoms
    """
    copied = atoms.copy()
    deformation = random.normal(0, strain, (3, 3))
    deformation = np.eye(3) + (deformation + deformation.T) / 2
    copied.set_cell(np.array(atoms.cell) @ deformation, scale_atoms=True)
    copied.positions += random.normal(0, displacement, copied.positions.shape)
    return copied
