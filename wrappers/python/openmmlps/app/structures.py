# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Structures for OpenMM: packaged unit cells by name, and any file that ASE reads."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import cells

_PACKAGED = Path(__file__).resolve().parent.parent / "structures"
_CLOSEST = 0.5  # angstrom; two nuclei this near are a mistake in the file (atoms doubled, a wrong unit)


@dataclass(frozen=True)
class Structure:
    """A structure in the form that OpenMM wants, with the way back to the user's frame.

    Atoms keep the order of the file; a supercell holds one copy of the whole cell after the other.
    With C the cell of the file, box = lattice_transformation @ C @ rotation.T.
    """

    name: str  #: packaged name or file name
    topology: object  #: openmm.app.Topology; periodic if the structure is
    positions: object  #: [n, 3] Quantity, nm, in OpenMM's frame
    box: object  #: [3, 3] Quantity, nm, reduced lower-triangular form; None if not periodic
    symbols: tuple  #: [n] chemical symbols
    unit_index: np.ndarray  #: [n] index of each atom in the file
    cell_offset: np.ndarray  #: [n, 3] integers: lattice vectors of the file added to that atom
    rotation: np.ndarray  #: [3, 3], proper; r_openmm = r_user @ rotation.T
    lattice_transformation: np.ndarray  #: [3, 3] integers: rows are the box vectors in lattice vectors of the file

    @property
    def formula(self):
        """Number of atoms by element, as in 'Li96P32S128'."""
        counts = {symbol: self.symbols.count(symbol) for symbol in dict.fromkeys(self.symbols)}
        return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in counts.items())

    def to_user_vectors(self, vectors):
        """Positions, velocities or forces [..., 3] from OpenMM's frame to the frame of the file (any unit)."""
        return np.asarray(vectors) @ self.rotation

    def to_user_tensor(self, tensor):
        """A virial or stress [3, 3] from OpenMM's frame to the frame of the file (any unit)."""
        return self.rotation.T @ np.asarray(tensor) @ self.rotation

    def to_user_cell(self, box):
        """The cell of the file [3, 3] that belongs to an OpenMM box [3, 3], which may have been strained (any unit)."""
        return np.linalg.solve(self.lattice_transformation.astype(float), np.asarray(box)) @ self.rotation


def structure_names():
    """Names of the packaged unit cells, sorted."""
    return sorted(path.stem for path in _PACKAGED.glob("*.extxyz"))


def structure_path(structure):
    """The file of a packaged name or of a path; packaged names win.

    :raises FileNotFoundError: naming the packaged structures
    """
    packaged = {name.lower(): name for name in structure_names()}
    if str(structure).lower() in packaged:
        return _PACKAGED / f"{packaged[str(structure).lower()]}.extxyz"
    path = Path(structure)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is neither a file nor a packaged structure"
        raise FileNotFoundError(
            f"load: '{structure}' {what}; give a structure file (extxyz, CIF, POSCAR, ...) or one of: "
            f"{', '.join(structure_names())}"
        )
    return path


def load(structure, supercell=None):
    """Read a structure and bring it into OpenMM's frame.

    :param structure: a packaged name (see :func:`structure_names`), the path of any file that ASE reads (of several
        frames the last is taken), or an ``ase.Atoms``
    :param supercell: None, (na, nb, nc), or a 3x3 integer matrix whose rows are the new lattice vectors in the old ones
    :return: :class:`Structure`
    :raises FileNotFoundError: no such name or file
    :raises ValueError: unreadable, empty, disordered, partly periodic or overlapping structure, or a wrong supercell
    """
    from openmm import unit

    if hasattr(structure, "get_atomic_numbers"):
        atoms, name = structure, "atoms"
    else:
        path = structure_path(structure)
        atoms, name = _read(path), path.stem if path.parent == _PACKAGED else path.name
    _check(atoms, name)
    periodic = bool(atoms.pbc.all())
    if supercell is not None and not periodic:
        raise ValueError(f"load: '{name}' is not periodic, so it has no supercell; leave `supercell` out")
    matrix = cells.supercell_matrix(supercell)
    offsets = cells.supercell_offsets(matrix)
    count = len(atoms)
    unit_index = np.tile(np.arange(count), len(offsets))
    cell_offset = np.repeat(offsets, count, axis=0)
    positions = atoms.get_positions()[unit_index]
    box, rotation, transformation = None, np.eye(3), np.eye(3, dtype=int)
    if periodic:
        cell = np.array(atoms.cell)
        positions = positions + cell_offset @ cell
        box, rotation, reduction = cells.reduced_box(matrix @ cell / 10)
        transformation = reduction @ matrix
        box = box * unit.nanometer
    symbols = tuple(atoms.symbols[index] for index in unit_index)
    _check_distances(positions, box, symbols, rotation, name)
    return Structure(
        name=name,
        topology=_topology(symbols, box),
        positions=positions @ rotation.T / 10 * unit.nanometer,
        box=box,
        symbols=symbols,
        unit_index=unit_index,
        cell_offset=cell_offset,
        rotation=rotation,
        lattice_transformation=transformation,
    )


def _read(path):
    import ase.io

    try:
        atoms = ase.io.read(path)
    except Exception as error:  # noqa: BLE001  ASE's readers raise anything at all, from StopIteration to bare asserts
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"load: '{path}' cannot be read as a structure ({reason}); give a format that ASE reads, such as "
            "extxyz, CIF or POSCAR, under its usual file name"
        ) from None
    return atoms


def _check(atoms, name):
    if len(atoms) == 0:
        raise ValueError(f"load: '{name}' holds no atoms; give a structure with at least one")
    if not np.isfinite(atoms.get_positions()).all():
        bad = int(np.argwhere(~np.isfinite(atoms.get_positions()))[0][0])
        raise ValueError(
            f"load: '{name}', atom {bad} ({atoms.symbols[bad]}), has a position that is not a number; correct it"
        )
    occupancies = atoms.info.get("occupancy") or {}
    partial = sorted(
        {
            symbol
            for site in occupancies.values()
            for symbol, value in site.items()
            if len(site) > 1 or abs(value - 1) > 1e-3
        }
    )
    if partial:
        raise ValueError(
            f"load: '{name}' has partially occupied sites ({', '.join(partial)}); make an ordered cell of it first"
        )
    unknown = [index for index, number in enumerate(atoms.numbers) if number < 1]
    if unknown:
        raise ValueError(f"load: '{name}', atom {unknown[0]}, has no known element; correct its symbol")
    if atoms.pbc.any() and not atoms.pbc.all():
        raise ValueError(
            f"load: '{name}' is periodic along {int(atoms.pbc.sum())} of 3 directions; OpenMM knows 3 or none: "
            "add vacuum and make all directions periodic, or none"
        )


def _check_distances(positions, box, symbols, rotation, name):
    """Refuse atoms on top of each other; looks at the supercell, so tiny cells are seen with all their images."""
    from ase import Atoms
    from ase.neighborlist import neighbor_list
    from openmm.unit import angstrom

    cell = None if box is None else box.value_in_unit(angstrom) @ rotation
    first, second, distance = neighbor_list("ijd", Atoms(symbols, positions, cell=cell, pbc=cell is not None), _CLOSEST)
    if len(distance):
        worst = int(np.argmin(distance))
        i, j = sorted((int(first[worst]), int(second[worst])))
        raise ValueError(
            f"load: '{name}', atoms {i} ({symbols[i]}) and {j} ({symbols[j]}) are {distance[worst]:.3f} angstrom "
            "apart; remove doubled atoms or check the length unit"
        )


def _topology(symbols, box):
    from openmm import app

    topology = app.Topology()
    residue = topology.addResidue("CELL", topology.addChain())
    for index, symbol in enumerate(symbols):
        topology.addAtom(f"{symbol}{index + 1}", app.Element.getBySymbol(symbol), residue)
    if box is not None:
        topology.setPeriodicBoxVectors(box)
    return topology
