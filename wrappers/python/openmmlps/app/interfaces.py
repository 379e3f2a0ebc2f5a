# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Interfaces of two crystals or glasses: slabs cut, matched, stacked along c, anions kept whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from openmmlps.analysis.neighbors import neighbor_pairs
from openmmlps.analysis.periodic_graph import PeriodicGraph

from .lattice_match import LatticeMatch, match_lattices

if TYPE_CHECKING:
    from ase import Atoms

_BOND = 1.2  # longest bond over the sum of covalent radii
#: elements that are never bound in an anion: alkali and the like
_CATIONS = ("Li", "Na", "K", "Rb", "Cs", "Ag", "Cu", "Mg", "Ca", "Zn", "Sr", "Ba")


@dataclass(frozen=True)
class Interface:
    """Two slabs that fill a periodic cell, one above the other; two interfaces."""

    atoms: Atoms  #: the first slab from z = 0 on, then the second; info: 'interfaces_angstrom'
    match: LatticeMatch
    counts: tuple[int, int]  #: atoms of each slab
    thicknesses_angstrom: tuple[float, float]  #: of each slab, gap not included
    interfaces_angstrom: tuple[float, float]  #: middle of each gap, from the face of the cell
    shortest_distance_angstrom: float  #: between an atom of one slab and one of the other


def build_interface(
    first: Atoms,
    second: Atoms,
    first_face: tuple[int, int, int] = (0, 0, 1),
    second_face: tuple[int, int, int] = (0, 0, 1),
    thickness: float = 15.0,
    gap: float = 2.5,
    max_strain: float = 0.05,
    max_area: float = 400.0,
) -> Interface:
    """Stack slabs of two structures along c.

    The smallest common supercell within the strain is taken; the second slab alone is strained and turned. Anions, atoms
    bound to each other and not cations, are not cut.

    Parameters
    ----------
    first, second : ase.Atoms
        periodic; unit cells of crystals, or glasses
    first_face, second_face : tuple of int
        Miller indices of the faces that meet
    thickness : float
        each slab has as many layers as it takes to be that thick, angstrom
    gap : float
        between the outermost atoms of the slabs, angstrom
    max_strain : float
        largest principal strain of the second slab
    max_area : float
        of the common supercell, angstrom^2

    Returns
    -------
    Interface
        to be relaxed and equilibrated before anything is measured

    Raises
    ------
    ValueError
        not periodic, a face without sense, or no common supercell
    """
    slabs = [_slab(atoms, face, thickness) for atoms, face in ((first, first_face), (second, second_face))]
    lattices = [np.asarray(slab.cell)[:2, :2] for slab in slabs]
    matches = match_lattices(lattices[0], lattices[1], max_strain, max_area)
    if not matches:
        raise ValueError(
            f"interface: no common supercell of {first.get_chemical_formula()} {first_face} and "
            f"{second.get_chemical_formula()} {second_face} below {max_area:g} angstrom^2 with strains below {100 * max_strain:g} %; "
            "raise --max-area or --max-strain, or take other faces"
        )
    match = matches[0]
    below, above = (_repeat(slab, matrix) for slab, matrix in zip(slabs, (match.first, match.second), strict=True))
    plane = np.asarray(below.cell)[:2]
    fractional = above.positions[:, :2] @ np.linalg.inv(np.asarray(above.cell)[:2, :2])
    heights = [np.ptp(part.positions[:, 2]) for part in (below, above)]
    lower = below.positions - [0, 0, below.positions[:, 2].min()]
    upper = np.column_stack([fractional @ plane[:, :2], above.positions[:, 2] - above.positions[:, 2].min()])
    upper[:, 2] += heights[0] + gap
    borders = (heights[0] + gap / 2, heights[0] + heights[1] + 1.5 * gap)
    atoms = below.copy()
    atoms.positions = lower
    above.positions = upper
    atoms += above
    atoms.cell = [*plane, [0, 0, heights[0] + heights[1] + 2 * gap]]
    atoms.pbc = True
    atoms.info = {"interfaces_angstrom": list(borders)}
    counts = (len(below), len(above))
    return Interface(atoms, match, counts, (heights[0], heights[1]), borders, _shortest(atoms, counts[0]))


def parse_faces(text: str) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Miller indices of two faces, written as '010,001' or '1 -1 0,001'.

    Raises
    ------
    ValueError
        if they are not two, or not three numbers each
    """
    both = [_face(part) for part in text.split(",")]
    if len(both) != 2:
        raise ValueError(f"interface: faces '{text}' are not two; give for example 010,001")
    return both[0], both[1]


def _face(text: str) -> tuple[int, int, int]:
    try:
        a, b, c = (int(digit) for digit in (text.split() if " " in text.strip() else text.strip()))
    except ValueError:
        raise ValueError(
            f"interface: faces hold '{text}', which is not three Miller indices; give 010, or '1 -1 0'"
        ) from None
    return a, b, c


def is_metal(name: str) -> bool:
    """Whether a side is named as a metal, such as 'bcc:Li=3.43'."""
    return name.partition(":")[0] in ("bcc", "fcc", "sc") and ":" in name


def read_side(name: str) -> Atoms:
    """Atoms of a packaged structure, a file, or a metal as 'bcc:Li=3.43' (angstrom).

    Raises
    ------
    ValueError, FileNotFoundError
        if there is none
    """
    from ase.build import bulk

    from .structure_files import load

    if is_metal(name):
        lattice, _, rest = name.partition(":")
        element, _, length = rest.partition("=")
        try:
            return bulk(element, lattice, a=float(length), cubic=True)
        except (ValueError, KeyError):
            raise ValueError(f"interface: '{name}' is not a metal; give for example bcc:Li=3.43 (angstrom)") from None
    atoms: Atoms = load(name).to_atoms()
    return atoms


def _slab(atoms: Atoms, face: tuple[int, int, int], thickness: float) -> Atoms:
    """Layers of a structure with a face in the plane of x and y, anions whole."""
    from ase.build import surface

    if not all(atoms.pbc) or not any(face):
        raise ValueError(
            f"interface: {atoms.get_chemical_formula()} with face {face}; give a periodic structure, and Miller indices such as 001"
        )
    bare = atoms.copy()
    bare.set_constraint()
    bare.info, bare.arrays = {}, {name: bare.arrays[name] for name in ("numbers", "positions")}
    layer = surface(bare, face, 1, periodic=True)
    height = float(layer.cell[2] @ np.cross(layer.cell[0], layer.cell[1])) / np.linalg.norm(
        np.cross(layer.cell[0], layer.cell[1])
    )
    layers = max(1, int(np.ceil(thickness / abs(height) - 1e-9)))
    slab = surface(bare, face, layers, periodic=True)
    slab.positions = _whole(slab)
    axis = np.asarray(slab.cell[0]) / np.linalg.norm(slab.cell[0])
    normal = np.cross(slab.cell[0], slab.cell[1])
    normal /= np.linalg.norm(normal)
    turn = np.array([axis, np.cross(normal, axis), normal])
    slab.positions = slab.positions @ turn.T
    slab.cell = np.asarray(slab.cell) @ turn.T
    return slab


def _whole(slab: Atoms) -> np.ndarray:
    """Positions [n, 3] in which no anion is cut by the upper and lower face."""
    from ase.data import covalent_radii

    cell = np.asarray(slab.cell)
    radii = np.where(np.isin(slab.get_chemical_symbols(), _CATIONS), 0.0, covalent_radii[slab.numbers])
    positions = slab.positions
    i, j, distance, shift = neighbor_pairs(positions, cell, 2 * _BOND * radii.max() + 0.1, "ijdS")
    bound = (radii[i] > 0) & (radii[j] > 0) & (distance < _BOND * (radii[i] + radii[j]))
    bound &= slab.numbers[i] != slab.numbers[j]  # former and ligand; a bond of two formers follows from their ligands
    graph = PeriodicGraph(len(slab))
    for a, b, cells in zip(i[bound], j[bound], shift[bound], strict=True):
        graph.join(int(a), int(b), cells)
    roots, offsets = zip(*(graph.find(atom) for atom in range(len(slab))), strict=True)
    moved = positions + np.array(offsets) @ cell
    height = moved @ np.linalg.inv(cell)[:, 2]
    root = np.array(roots)
    center = np.bincount(root, height, len(slab)) / np.maximum(np.bincount(root, minlength=len(slab)), 1)
    return moved - np.floor(center[root] + 1e-9)[:, None] * cell[2]


def _repeat(slab: Atoms, matrix: np.ndarray) -> Atoms:
    """A supercell in the plane, right-handed."""
    from ase.build import make_supercell

    whole = np.eye(3, dtype=int)
    whole[:2, :2] = matrix
    if np.linalg.det(whole) < 0:
        whole[2, 2] = 1
        whole[:2] = whole[1::-1]
    heights = slab.positions[:, 2].copy()
    flat = slab.copy()
    flat.cell[2] = [0, 0, np.ptp(heights) + 30.0]  # nothing is wrapped along z
    flat.positions[:, 2] += 15.0 - heights.min()
    return make_supercell(flat, whole)


def _shortest(atoms: Atoms, count: int) -> float:
    for cutoff in (4.0, 8.0, 16.0):
        i, j, distance = neighbor_pairs(atoms.positions, np.asarray(atoms.cell), cutoff)
        across = (i < count) != (j < count)
        if across.any():
            return float(distance[across].min())
    return float("inf")
