# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a protocol may start from: a packaged name, a structure file, or the folder of a quench or a relaxation."""

from pathlib import Path

from openmmlps.app.snapshot import snapshot_atoms
from openmmlps.app.structure_files import load

from .protocol_folder import is_protocol, read_record


def starting_structures(structure, supercell, protocol):
    """Structures to start replicas from, in OpenMM's frame.

    :param structure: packaged name, file, or folder of a finished `quench` (one structure for each replica) or `relax`
    :param supercell: (na, nb, nc)
    :param protocol: who asks, for messages
    :return: list of (name, periodic ``ase.Atoms``)
    :raises ValueError, FileNotFoundError: not there, not finished, or not periodic
    """
    path = Path(structure)
    if path.is_dir():
        files = _results(path, protocol)
    else:
        files = [("", structure)]
    found = []
    for name, file in files:
        loaded = load(file, tuple(supercell) if set(supercell) != {1.0} else None)
        if loaded.box is None:
            raise ValueError(f"{protocol}: '{file}' is not periodic; give a crystal or a glass with a cell")
        found.append((name or loaded.name, snapshot_atoms(loaded.symbols, loaded.positions._value, loaded.box._value)))
    return found


def material(structure):
    """What a structure is, for headings and for comparison with published values.

    :param structure: as in :func:`starting_structures`
    :return: dict with 'glass' (whether it comes from a quench) and 'name' of the crystal, file or composition
    """
    path = Path(structure)
    if path.is_dir() and is_protocol(path):
        return read_record(path)["material"]
    return {"glass": False, "name": path.stem}


def _results(path, protocol):
    kind = read_record(path)["protocol"] if is_protocol(path) else None
    if kind not in ("quench", "relax"):
        raise ValueError(
            f"{protocol}: the folder '{path}' holds {'a ' + kind if kind else 'no protocol'}; give a structure, or the folder of "
            "a quench or a relax"
        )
    files = sorted(path.glob("replica-*/final.extxyz"), key=lambda file: int(file.parent.name.split("-")[1]))
    expected = len(read_record(path)["starts"])
    if len(files) != expected:
        raise ValueError(
            f"{protocol}: {len(files)} of {expected} replicas in '{path}' are finished; continue it first with: "
            f"openmm-lps {kind} --resume --output {path}"
        )
    return [(file.parent.name, file) for file in files]
