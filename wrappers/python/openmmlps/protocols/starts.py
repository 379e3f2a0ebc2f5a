# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a protocol may start from: a packaged name, a structure file, or the folder of a quench or a relaxation."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openmmlps.app.structure_files import Structure, load, structure_names

from .protocol_folder import is_protocol, read_record

if TYPE_CHECKING:
    from ase import Atoms

    from .protocol_settings import ProtocolSettings, StructureSettings


@dataclass(frozen=True)
class Start:
    """What a protocol starts from."""

    structures: list[tuple[str, Atoms]]  #: names and periodic structures in OpenMM's frame
    material: dict[str, Any]  #: 'glass' (whether it comes from a quench), 'name' of the crystal, file or composition
    notes: tuple[str, ...] = ()  #: sentences for whoever started it


def read_start(settings: StructureSettings) -> Start:
    """Read the structures that a protocol starts from.

    A packaged name goes before a folder of the same name, unless that holds a finished quench or relaxation.

    Parameters
    ----------
    settings : StructureSettings
        whose `structure` is a packaged name, a file, or the folder of a finished `quench` (one structure for each
        replica) or `relax`

    Raises
    ------
    ValueError, FileNotFoundError
        if it is not there, not finished, not periodic, or holds what a protocol cannot obey
    """
    where, structure, path = settings.label(), settings.structure, Path(settings.structure)
    packaged = structure.lower() in {name.lower() for name in structure_names()}
    notes = []
    if packaged and path.is_dir():
        results = _finished(path)
        taken = f"the folder of a {_kind(path)}" if results else "the packaged structure"
        other = (
            "a packaged structure has this name too" if results else f"give ./{structure} for the folder of this name"
        )
        notes.append(f"'{structure}' is taken as {taken}; {other}")
        packaged = not results
    repeats = None if set(settings.supercell) == {1.0} else tuple(settings.supercell)
    if packaged or not path.is_dir():
        loaded = load(structure, repeats, settings.format or None, settings.elements or None, settings.checks)
        material = {"glass": False, "name": loaded.name if packaged else path.stem}
        found = [(loaded.name, loaded)]
    else:
        if settings.format or settings.elements:
            raise ValueError(
                f"{where}: '{path}' is a folder of ours, whose structures are known; leave format and elements out"
            )
        found = [(file.parent.name, load(file, repeats, checks=settings.checks)) for file in _results(path, where)]
        material = dict(read_record(path)["material"])
    if any(item.velocities is not None for _, item in found) and not path.is_dir():
        notes.append(f"the velocities in '{structure}' are not used: a protocol draws those of its temperatures")
    return Start([(name, periodic_atoms(item, where)) for name, item in found], material, tuple(notes))


def read_result(path: Path) -> Atoms:
    """The first structure that a finished quench or relaxation left.

    Raises
    ------
    ValueError
        if it is not finished
    """
    return periodic_atoms(load(str(_results(path, "start")[0])), "start")


def periodic_atoms(structure: Structure, where: str) -> Atoms:
    """``ase.Atoms`` in OpenMM's frame, with the masses and fixed atoms of a structure, without velocities.

    Raises
    ------
    ValueError
        if it is not periodic
    """
    from ase import Atoms
    from ase.constraints import FixAtoms

    if structure.box is None:
        raise ValueError(f"{where}: '{structure.name}' is not periodic; give a crystal or a glass with a cell")
    atoms = Atoms(structure.symbols, 10 * structure.positions._value, cell=10 * structure.box._value, pbc=True)
    if (abs(structure.masses._value - atoms.get_masses()) > 1e-6).any():
        atoms.set_masses(structure.masses._value)
    if structure.fixed.any():
        atoms.set_constraint(FixAtoms(mask=structure.fixed))
    return atoms


def _kind(path: Path) -> str | None:
    return str(read_record(path)["protocol"]) if is_protocol(path) else None


def _finished(path: Path) -> bool:
    """Whether a folder holds a quench or a relaxation with all its results."""
    try:
        return bool(_results(path, ""))
    except ValueError:
        return False


def _results(path: Path, where: str) -> list[Path]:
    kind = _kind(path)
    if kind not in ("quench", "relax"):
        raise ValueError(
            f"{where}: the folder '{path}' holds {'a ' + kind if kind else 'no protocol'}; give a structure, or the folder of "
            "a quench or a relax"
        )
    files = sorted(path.glob("replica-*/final.extxyz"), key=lambda file: int(file.parent.name.split("-")[1]))
    expected = len(read_record(path)["starts"])
    if len(files) != expected:
        raise ValueError(
            f"{where}: {len(files)} of {expected} replicas in '{path}' are finished; continue it first with: "
            f"openmm-lps {kind} --resume --output {path}"
        )
    return files


def refuse_own_folder(settings: ProtocolSettings, output: str | os.PathLike[str]) -> None:
    """Refuse a protocol that would replace the very folder that it starts from.

    Raises
    ------
    ValueError
        if it would
    """
    source = getattr(settings, "structure", "")
    if source and Path(source).is_dir() and Path(source).resolve() == Path(output).resolve():
        raise ValueError(f"{settings.label()}: '{output}' is what it starts from; choose another --output")
