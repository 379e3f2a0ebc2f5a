# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Structures for OpenMM: packaged unit cells by name, and any file that ASE reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps._atoms_files import read_atoms
from openmmlps.units import KJ_PER_MOL_PER_EV

from . import cells, disorder

_PACKAGED = Path(__file__).resolve().parent.parent / "structures"
_FARTHEST = 1e6  # angstrom
_CLOSEST = 0.5  # angstrom; two nuclei this near are a mistake in the file (atoms doubled, a wrong unit)


@dataclass(frozen=True)
class Structure:
    """A structure in the form that OpenMM wants, with the way back to the user's frame.

    Atoms keep the order of the file; a supercell holds one copy of the whole cell after the other.
    With C the cell of the file, box = lattice_transformation @ C @ rotation.T.
    """

    name: str  #: packaged name or file name
    topology: Any  #: openmm.app.Topology; periodic if the structure is
    positions: Any  #: [n, 3] Quantity, nm, in OpenMM's frame
    box: Any  #: [3, 3] Quantity, nm, reduced lower-triangular form; None if not periodic
    symbols: tuple[str, ...]  #: [n] chemical symbols
    masses: Any  #: [n] Quantity, u; those of the file or ase.Atoms where it has any, else of the elements
    fixed: np.ndarray  #: [n] bool; atoms that the file does not let move
    velocities: Any  #: [n, 3] Quantity, nm/ps, in OpenMM's frame; None if the file has none
    unit_index: np.ndarray  #: [n] index of each atom in the file
    cell_offset: np.ndarray  #: [n, 3] integers: lattice vectors of the file added to that atom
    rotation: np.ndarray  #: [3, 3], proper; r_openmm = r_user @ rotation.T
    lattice_transformation: np.ndarray  #: [3, 3] integers: rows are the box vectors in lattice vectors of the file
    supercell: np.ndarray  #: [3, 3] integers: rows are the lattice vectors asked for in those of the file

    @property
    def formula(self) -> str:
        """Number of atoms by element, as in 'Li96P32S128'."""
        counts = {symbol: self.symbols.count(symbol) for symbol in dict.fromkeys(self.symbols)}
        return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in counts.items())

    def to_user_vectors(self, vectors: Any) -> np.ndarray:
        """Turn positions, velocities or forces [..., 3] from OpenMM's frame to the frame of the file (any unit)."""
        return np.asarray(vectors) @ self.rotation

    def to_user_tensor(self, tensor: Any) -> np.ndarray:
        """Turn a virial or stress [3, 3] from OpenMM's frame to the frame of the file (any unit)."""
        return self.rotation.T @ np.asarray(tensor) @ self.rotation

    def to_user_cell(self, box: Any) -> np.ndarray:
        """Cell of the file [3, 3] that belongs to an OpenMM box [3, 3], which may have been strained (any unit)."""
        return np.linalg.solve(self.lattice_transformation.astype(float), np.asarray(box)) @ self.rotation

    def to_atoms(self, state: Any = None) -> Any:
        """Turn the structure, or a State of a simulation of it, into ``ase.Atoms`` in the frame and cell of the file.

        The cell of a supercell is that of the supercell: its lattice vectors are whole sums of those of the file.

        Parameters
        ----------
        state : openmm.State, optional
            of a Context with these atoms; None: the positions, velocities and box of this object. Positions are
            needed; velocities, forces and energy are taken over where the State has them, forces and energy as
            results of a single-point calculator

        Returns
        -------
        ase.Atoms
            in angstrom, eV and ASE's unit of time; atoms that do not move have a FixAtoms constraint

        Raises
        ------
        ValueError
            for a State without positions, or of another number of atoms
        """
        from ase import Atoms
        from ase import units as ase_units
        from ase.calculators.singlepoint import SinglePointCalculator
        from ase.constraints import FixAtoms
        from openmm import unit

        held = _quantities(state) if state is not None else {"positions": self.positions}
        if state is None and self.velocities is not None:
            held["velocities"] = self.velocities
        positions = held.get("positions")
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
        if self.fixed.any():
            atoms.set_constraint(FixAtoms(mask=self.fixed))
        results: dict[str, Any] = {}
        if "energy" in held:
            results["energy"] = held["energy"]._value / KJ_PER_MOL_PER_EV
        if "forces" in held:
            results["forces"] = self.to_user_vectors(held["forces"]._value) / (10 * KJ_PER_MOL_PER_EV)
        if results:
            atoms.calc = SinglePointCalculator(atoms, **results)
        return atoms


def structure_names() -> list[str]:
    """Names of the packaged unit cells, sorted."""
    return sorted(path.stem for path in _PACKAGED.glob("*.extxyz"))


def structure_path(structure: str | os.PathLike[str]) -> Path:
    """File of a packaged name or of a path; packaged names win, and ``./NAME`` means the path.

    Raises
    ------
    FileNotFoundError
        naming the packaged structures
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
    return path.absolute()


def load(
    structure: str | os.PathLike[str] | Any,
    supercell: Sequence[Any] | None = None,
    format: str | None = None,
    elements: str | Sequence[str] | None = None,
    checks: bool = True,
) -> Structure:
    """Read a structure and bring it into OpenMM's frame.

    Parameters
    ----------
    structure : str, os.PathLike or ase.Atoms
        a packaged name (see :func:`structure_names`), the path of any file that ASE reads (of several frames the last
        is taken), or atoms
    supercell : sequence, optional
        (na, nb, nc), or a 3x3 integer matrix whose rows are the new lattice vectors in the old ones
    format : str, optional
        format of the file by ASE's name, such as 'lammps-data'; None: found from name and content
    elements : str or sequence of str, optional
        element of each type, such as 'Li,P,S', for files that number types instead of naming elements: LAMMPS data
        and dumps, POSCAR of VASP 4. Masses of LAMMPS data name elements if each is that of exactly one (within
        0.05 u, and no whole number)
    checks : bool
        whether to refuse atoms on top of each other, nearer than 0.5 angstrom

    Returns
    -------
    Structure
        with the masses, fixed atoms and velocities that the file states

    Raises
    ------
    FileNotFoundError
        for an unknown name or file
    ValueError
        for an unreadable, empty, disordered, partly periodic or overlapping structure, for atoms that are fixed along
        some directions only or otherwise constrained, for elements that are not certain, or for a wrong supercell
    """
    from openmm import unit

    atoms, name = _read(structure, format, elements)
    _check(atoms, name)
    fixed = _fixed_atoms(atoms, name)
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
    if checks:
        _check_distances(positions, box, symbols, rotation, name)
    velocities = _velocities(atoms)
    return Structure(
        name=name,
        topology=_topology(symbols, box, count),
        positions=positions @ rotation.T / 10 * unit.nanometer,
        box=box,
        symbols=symbols,
        masses=atoms.get_masses()[unit_index] * unit.dalton,
        fixed=fixed[unit_index],
        velocities=None
        if velocities is None
        else velocities[unit_index] @ rotation.T * unit.nanometer / unit.picosecond,
        unit_index=unit_index,
        cell_offset=cell_offset,
        rotation=rotation,
        lattice_transformation=transformation,
        supercell=matrix,
    )


def _read(structure: Any, format: str | None, elements: str | Sequence[str] | None) -> tuple[Any, str]:
    """Atoms of whatever :func:`load` takes, and their name."""
    if hasattr(structure, "get_atomic_numbers"):
        return structure, "atoms"
    path = structure_path(structure)
    name = path.stem if path.parent == _PACKAGED else path.name
    frames = read_atoms(path, "load", format=format, elements=elements)
    if not frames:
        raise ValueError(f"load: '{path}' holds no atoms; give a structure with at least one")
    return frames[-1], name


def _check(atoms: Any, name: str) -> None:
    if len(atoms) == 0:
        raise ValueError(f"load: '{name}' holds no atoms; give a structure with at least one")
    if not np.isfinite(atoms.get_positions()).all():
        bad = int(np.argwhere(~np.isfinite(atoms.get_positions()))[0][0])
        raise ValueError(
            f"load: '{name}', atom {bad} ({atoms.symbols[bad]}), has a position that is not a number; correct it"
        )
    reach = max(np.abs(atoms.get_positions()).max(), np.abs(np.nan_to_num(atoms.cell, nan=np.inf)).max())
    if reach > _FARTHEST:
        raise ValueError(
            f"load: '{name}' reaches to {reach:.3g} angstrom, farther than {_FARTHEST:g}; check its cell, its positions "
            "and the length unit"
        )
    partial = disorder.partial_species(atoms)
    if partial:
        raise ValueError(
            f"load: '{name}' has partially occupied sites ({', '.join(partial)}); make an ordered cell of it first: "
            "remove atoms or change their elements until each site has one atom or none"
        )
    unknown = [index for index, number in enumerate(atoms.numbers) if number < 1]
    if unknown:
        raise ValueError(f"load: '{name}', atom {unknown[0]}, has no known element; correct its symbol")
    masses = atoms.get_masses()
    heavy = np.flatnonzero(~(np.isfinite(masses) & (masses > 0)))
    if len(heavy):
        raise ValueError(
            f"load: '{name}', atom {heavy[0]} ({atoms.symbols[heavy[0]]}), has the mass {masses[heavy[0]]:g} u; give "
            "more than 0, or fix the atom with a constraint"
        )
    if atoms.pbc.any() and not atoms.pbc.all():
        raise ValueError(
            f"load: '{name}' is periodic along {int(atoms.pbc.sum())} of 3 directions; OpenMM knows 3 or none: "
            "add vacuum and make all directions periodic, or none"
        )


def _fixed_atoms(atoms: Any, name: str) -> np.ndarray:
    """Atoms [n] that the constraints of ``ase.Atoms`` hold where they are.

    Raises
    ------
    ValueError
        for a constraint that OpenMM has no counterpart of
    """
    fixed = np.zeros(len(atoms), dtype=bool)
    for constraint in atoms.constraints:
        kind = type(constraint).__name__
        mask = np.atleast_1d(getattr(constraint, "mask", True))
        if kind not in ("FixAtoms", "FixCartesian", "FixScaled"):
            raise ValueError(
                f"load: '{name}' has the constraint {kind}, which is not known here; atoms may move or be fixed, so "
                "remove it with atoms.set_constraint()"
            )
        if kind != "FixAtoms" and not mask.any():
            continue
        indices = np.atleast_1d(constraint.index)
        if kind != "FixAtoms" and not mask.all():
            raise ValueError(
                f"load: '{name}', atom {int(indices[0])} ({atoms.symbols[int(indices[0])]}), is fixed along some "
                "directions only; fix it along all of them or none"
            )
        fixed[indices] = True
    return fixed


def _velocities(atoms: Any) -> np.ndarray | None:
    """Velocities [n, 3] in nm/ps, or None if the atoms have none."""
    from ase.units import fs

    return atoms.get_velocities() * fs * 100 if atoms.has("momenta") else None


def _check_distances(positions: np.ndarray, box: Any, symbols: Sequence[str], rotation: np.ndarray, name: str) -> None:
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
            "apart; remove doubled atoms or check the length unit; if it is meant, switch this check off (checks=False, "
            "--no-checks)"
        )


def _topology(symbols: Sequence[str], box: Any, cell_size: int) -> Any:
    """Make a Topology with one residue for each copy of the cell of the file.

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


def _quantities(state: Any) -> dict[str, Any]:
    """What a State holds, by name."""
    from openmm import OpenMMException

    getters: dict[str, Callable[[], Any]] = {
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
