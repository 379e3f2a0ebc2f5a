# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Structures for OpenMM: packaged unit cells by name, and any file that ASE reads."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openmmlps.units import KJ_PER_MOL_PER_EV

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
    masses: object  #: [n] Quantity, u; those of the file or ase.Atoms where it has any, else of the elements
    unit_index: np.ndarray  #: [n] index of each atom in the file
    cell_offset: np.ndarray  #: [n, 3] integers: lattice vectors of the file added to that atom
    rotation: np.ndarray  #: [3, 3], proper; r_openmm = r_user @ rotation.T
    lattice_transformation: np.ndarray  #: [3, 3] integers: rows are the box vectors in lattice vectors of the file
    supercell: np.ndarray  #: [3, 3] integers: rows are the lattice vectors asked for in those of the file

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

    def to_atoms(self, state=None):
        """The structure, or a State of a simulation of it, as ``ase.Atoms`` in the frame and with the cell of the file.

        The cell of a supercell is that of the supercell: its lattice vectors are whole sums of those of the file.

        :param state: openmm.State of a Context with these atoms, None: the positions and box of this object. Positions
            are needed; velocities, forces and energy are taken over where the State has them, forces and energy as
            results of a single-point calculator
        :return: ase.Atoms, in angstrom, eV and ASE's unit of time
        :raises ValueError: a State without positions, or of another number of atoms
        """
        from ase import Atoms
        from ase import units as ase_units
        from ase.calculators.singlepoint import SinglePointCalculator
        from openmm import unit

        held = {} if state is None else _quantities(state)
        positions = self.positions if state is None else held.get("positions")
        if positions is None or len(positions) != len(self.symbols):
            found = "no positions" if positions is None else f"{len(positions)} atoms"
            raise ValueError(
                f"Structure.to_atoms: the State has {found}, but '{self.name}' has {len(self.symbols)} atoms; "
                "give context.getState(positions=True) of a Context with these atoms"
            )
        cell = None
        if self.box is not None:
            box = self.box if state is None else state.getPeriodicBoxVectors(asNumpy=True)
            cell = self.supercell @ self.to_user_cell(box.value_in_unit(unit.angstrom))
        atoms = Atoms(
            self.symbols,
            positions=self.to_user_vectors(positions.value_in_unit(unit.angstrom)),
            cell=cell,
            pbc=cell is not None,
            masses=self.masses.value_in_unit(unit.dalton),
        )
        if "velocities" in held:
            velocities = held["velocities"].value_in_unit(unit.angstrom / unit.femtosecond)
            atoms.set_velocities(self.to_user_vectors(velocities) / ase_units.fs)
        results = {}
        if "energy" in held:
            results["energy"] = held["energy"]._value / KJ_PER_MOL_PER_EV
        if "forces" in held:
            results["forces"] = self.to_user_vectors(held["forces"]._value) / (10 * KJ_PER_MOL_PER_EV)
        if results:
            atoms.calc = SinglePointCalculator(atoms, **results)
        return atoms


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
        topology=_topology(symbols, box, count),
        positions=positions @ rotation.T / 10 * unit.nanometer,
        box=box,
        symbols=symbols,
        masses=atoms.get_masses()[unit_index] * unit.dalton,
        unit_index=unit_index,
        cell_offset=cell_offset,
        rotation=rotation,
        lattice_transformation=transformation,
        supercell=matrix,
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


def _topology(symbols, box, cell_size):
    """A Topology with one residue for each copy of the cell of the file.

    Atoms keep the order of the file, so that nothing smaller, such as a formula unit, stands together in it.
    """
    from openmm import app

    topology = app.Topology()
    chain = topology.addChain()
    for index, symbol in enumerate(symbols):
        if index % cell_size == 0:
            residue = topology.addResidue("CELL", chain)
        topology.addAtom(f"{symbol}{index % cell_size + 1}", app.Element.getBySymbol(symbol), residue)
    if box is not None:
        topology.setPeriodicBoxVectors(box)
    return topology


def _quantities(state):
    """What a State holds, by name."""
    from openmm import OpenMMException

    getters = {
        "positions": lambda: state.getPositions(asNumpy=True),
        "velocities": lambda: state.getVelocities(asNumpy=True),
        "forces": lambda: state.getForces(asNumpy=True),
        "energy": state.getPotentialEnergy,
    }
    held = {}
    for name, getter in getters.items():
        try:
            held[name] = getter()
        except OpenMMException:
            continue  # a State does not tell what it holds except by refusing
    return held
