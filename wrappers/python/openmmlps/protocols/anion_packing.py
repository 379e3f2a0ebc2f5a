# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Random starts of whole anions, such as PS4(3-) and P2S7(4-), and the ions between them.

Anions fill too much of the box for random insertion. They are put anywhere, and then moved and turned as rigid bodies until
none overlap, as PACKMOL does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from openmmlps.analysis.neighbors import neighbor_pairs
from openmmlps.materials import FORMERS, HALIDES, LIGANDS

from .packing import edge_of_cube, smallest_distance

if TYPE_CHECKING:
    from ase import Atoms

_BOND = 0.97  # over the sum of covalent radii: 2.06 angstrom for P-S
_FORMER_GAP = 3.2  # between a former and atoms of other anions, angstrom
_TOLERANCE = 0.95  # of the smallest distances, at which a packing is good enough
_MOST_STEPS = 500
_CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)


@dataclass(frozen=True)
class Anion:
    """An anion of ideal shape."""

    name: str  #: as in 'P2S7(4-)'
    symbols: tuple[str, ...]
    positions: np.ndarray  #: [n, 3] angstrom, about its middle


def parse_anions(text: str) -> list[tuple[Anion, float]]:
    """Read 'PS4(3-), P2S7(4-)', or with amounts '3 PS4(3-) + 1 P2S7(4-)'.

    Parameters
    ----------
    text : str
        names with charges, as the analysis writes them

    Returns
    -------
    list of (Anion, float)
        each with its amount, 1 where none is given

    Raises
    ------
    ValueError
        for anything else, or an anion whose shape is not known
    """
    found = []
    for piece in re.split(r"[,+](?!\))", text):
        match = re.fullmatch(r"\s*([0-9.]*)\s*([A-Z][A-Za-z0-9]*\(\d*[+-]\))\s*", piece)
        if not match:
            raise ValueError(
                f"units: '{piece.strip()}' in '{text}' is not an anion with its charge; give for example 'PS4(3-), P2S7(4-)'"
            )
        found.append((make_anion(match[2]), float(match[1] or 1)))
    return found


def make_anion(name: str) -> Anion:
    """Build an anion of ideal shape: MX3, MX4, M2X6 with a shared edge or with a bond, M2X7, or a single X.

    Parameters
    ----------
    name : str
        with the charge, which tells the two M2X6 apart, and planar from pyramidal MX3

    Returns
    -------
    Anion

    Raises
    ------
    ValueError
        another shape
    """
    from ase.data import atomic_numbers, covalent_radii
    from ase.formula import Formula

    head, _, tail = name.partition("(")
    content = Formula(head).count()
    charge = int(tail[:-2] or 1) * (-1 if tail[-2] == "-" else 1)
    ligands = {element: count for element, count in content.items() if element in {**LIGANDS, **HALIDES}}
    formers = {element: count for element, count in content.items() if element in FORMERS}
    if len(ligands) == 1 and len(formers) <= 1 and sum(content.values()) == sum({**ligands, **formers}.values()):
        (ligand, number) = next(iter(ligands.items()))
        if not formers and number == 1:
            return Anion(name, (ligand,), np.zeros((1, 3)))
        if formers:
            (former, several) = next(iter(formers.items()))
            radii = [float(covalent_radii[atomic_numbers[element]]) for element in (former, ligand)]
            usual = several * FORMERS[former] + number * {**LIGANDS, **HALIDES}[ligand]
            shape = _SHAPES.get((several, number, usual - charge))
            if shape is not None:
                places = shape(_BOND * sum(radii), 2 * _BOND * radii[0])
                return Anion(name, (former,) * several + (ligand,) * number, places - places.mean(0))
    raise ValueError(
        f"units: the shape of '{name}' is not known; known are MX3, MX4, M2X6 (a shared edge, or a bond) and M2X7 with the charge of "
        "all bonds, as PS4(3-), P2S6(2-), P2S6(4-), P2S7(4-), and single ligands, as S(2-)"
    )


def _single(bond: float, between: float) -> np.ndarray:
    return np.concatenate([np.zeros((1, 3)), bond * _CORNERS])


def _three(bond: float, height: float) -> np.ndarray:
    """MX3: the former so much above the plane of the others, over the bond."""
    angle = 2 * np.pi * np.arange(3) / 3
    ring = np.sqrt(1 - height**2) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([np.zeros((1, 3)), bond * np.column_stack([ring, np.full(3, -height)])])


def _corner(bond: float, between: float) -> np.ndarray:
    """M2X7: two tetrahedra that share a corner, bent at the tetrahedral angle."""
    from scipy.spatial.transform import Rotation

    bridge = bond * _CORNERS[0]
    other = bridge + bond * np.array([1, 1, -1]) / np.sqrt(3)
    back = (bridge - other) / bond
    axis = np.cross(_CORNERS[0], back)
    angle = np.arctan2(np.linalg.norm(axis), _CORNERS[0] @ back)
    turn = Rotation.from_rotvec(axis / np.linalg.norm(axis) * angle)
    return np.array([np.zeros(3), other, bridge, *(bond * _CORNERS[1:]), *(other + bond * turn.apply(_CORNERS[1:]))])


def _edge(bond: float, between: float) -> np.ndarray:
    """M2X6 with a shared edge: a flat ring with long bonds, and two ligands on each former."""
    half, out, up = _RING * bond, 0.54 * bond, 0.84 * bond
    bridge = np.sqrt((_RING_BOND * bond) ** 2 - half**2)
    ends = [[sign * (half + out), 0, other * up] for sign in (1, -1) for other in (1, -1)]
    return np.array([[half, 0, 0], [-half, 0, 0], [0, bridge, 0], [0, -bridge, 0], *ends])


def _bonded(bond: float, between: float) -> np.ndarray:
    """M2X6 with a bond of the two formers, staggered."""
    step, own = between * _CORNERS[0], bond * _CORNERS[1:]
    return np.array([np.zeros(3), step, *own, *(step - own)])


#: formers, ligands, electrons of bonds between formers or of lone pairs -> places [n, 3] of formers, then ligands, from the
#: length of a bond, and of one between formers
_SHAPES = {
    (1, 4, 0): _single,
    (1, 3, 0): lambda bond, between: _three(bond, 0.0),
    (1, 3, 2): lambda bond, between: _three(bond, 1 / 3),
    (2, 7, 0): _corner,
    (2, 6, 0): _edge,
    (2, 6, 2): _bonded,
}
_RING, _RING_BOND = (
    0.71,
    1.035,
)  # half the distance of formers that share an edge, and the bonds there, over a bond (Li2P2S6)


def count_anions(counts: Mapping[str, int], anions: Sequence[tuple[Anion, float]]) -> dict[str, int]:
    """How many of each anion hold all formers and ligands of a composition, with as few free ligands as can be.

    Parameters
    ----------
    counts : mapping
        element -> number of atoms
    anions : sequence of (Anion, float)
        with their amounts, which are kept as well as the composition allows

    Returns
    -------
    dict
        name -> number; free ligands are S(2-) and so on

    Raises
    ------
    ValueError
        if these anions cannot hold the atoms
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    elements = sorted({symbol for anion, _ in anions for symbol in anion.symbols})
    free = [element for element in elements if element in LIGANDS]
    held = [element for element in counts if element in FORMERS and element not in elements]
    matrix = np.array([[anion.symbols.count(element) for anion, _ in anions] for element in elements], dtype=float)
    loose = np.array([[float(element == one) for one in free] for element in elements]).reshape(
        len(elements), len(free)
    )
    number, shares = len(anions), np.array([amount for _, amount in anions]) / sum(amount for _, amount in anions)
    away = np.eye(number) - np.outer(shares, np.ones(number))  # from the wanted share of all anions
    none = np.zeros((number, len(free)))
    constraints = [
        LinearConstraint(
            np.hstack([matrix, loose, np.zeros((len(elements), number))]), *[[counts.get(e, 0) for e in elements]] * 2
        ),
        LinearConstraint(np.hstack([away, none, -np.eye(number)]), -np.inf, 0),
        LinearConstraint(np.hstack([-away, none, -np.eye(number)]), -np.inf, 0),
    ]
    cost = np.concatenate([np.zeros(number), np.full(len(free), 1e3), np.ones(number)])
    whole = np.concatenate([np.ones(number + len(free)), np.zeros(number)])
    found = milp(cost, constraints=constraints, integrality=whole, bounds=Bounds(0, np.inf))
    if held or found.x is None:
        content = ", ".join(f"{counts.get(element, 0)} {element}" for element in [*elements, *held])
        raise ValueError(
            f"units: {', '.join(anion.name for anion, _ in anions)} cannot hold {content}; name other anions, such as P2S7(4-) or "
            "P2S6(2-) for less than 75 % Li2S"
        )
    numbers = np.rint(found.x).astype(int)
    result = {anion.name: int(count) for (anion, _), count in zip(anions, numbers, strict=False)}
    for element, count in zip(free, numbers[number:], strict=False):
        name = f"{element}({-LIGANDS[element]}-)"
        result[name] = result.get(name, 0) + int(count)
    return {name: count for name, count in result.items() if count}


def pack_anions(counts: Mapping[str, int], anions: Mapping[str, int], density_g_per_cm3: float, seed: int) -> Atoms:
    """Fill a cube with whole anions and single ions at random, none too near another.

    Parameters
    ----------
    counts : mapping
        element -> number of atoms
    anions : mapping
        name -> number, of :func:`count_anions`; what they do not hold are single ions
    density_g_per_cm3 : float
        of the cube
    seed : int
        of the random numbers; the same seed gives the same atoms

    Returns
    -------
    ase.Atoms
        periodic, elements in the order of `counts`

    Raises
    ------
    ValueError
        if it does not fit
    """
    from ase import Atoms

    length = edge_of_cube(counts, density_g_per_cm3)
    bodies = [make_anion(name) for name, count in anions.items() for _ in range(count)]
    left = {element: count - sum(body.symbols.count(element) for body in bodies) for element, count in counts.items()}
    bodies += [Anion(element, (element,), np.zeros((1, 3))) for element, count in left.items() for _ in range(count)]
    symbols = np.array([symbol for body in bodies for symbol in body.symbols])
    positions = _spread(bodies, symbols, length, np.random.default_rng(seed))
    order = np.concatenate([np.flatnonzero(symbols == element) for element in counts])
    return Atoms(symbols[order], positions[order], cell=[length] * 3, pbc=True)


def _spread(bodies: Sequence[Anion], symbols: np.ndarray, length: float, random: np.random.Generator) -> np.ndarray:
    """Positions [n, 3] of rigid bodies that were pushed apart."""
    from scipy.spatial.transform import Rotation

    body = np.repeat(np.arange(len(bodies)), [len(one.symbols) for one in bodies])
    shape = np.concatenate([one.positions for one in bodies])
    reach = np.sqrt(np.bincount(body, (shape**2).sum(1)) / np.bincount(body))  # of each body from its middle
    middle = random.uniform(0, length, (len(bodies), 3))
    turn = Rotation.random(len(bodies), rng=random)
    elements, kind = np.unique(symbols, return_inverse=True)
    least = np.array([[_least(a, b) for b in elements] for a in elements])
    cell = length * np.eye(3)
    for _ in range(_MOST_STEPS):
        arms = turn[body].apply(shape)
        positions = middle[body] + arms
        i, j, distance, vector = neighbor_pairs(positions, cell, float(least.max()), "ijdD")
        wanted = least[kind[i], kind[j]]
        close = (distance < wanted) & (body[i] != body[j])
        i, j, distance, vector, wanted = i[close], j[close], distance[close], vector[close], wanted[close]
        if not len(i) or (distance / wanted).min() > _TOLERANCE:
            return np.asarray(positions)
        push = 0.5 * ((wanted - distance) / np.maximum(distance, 1e-3))[:, None] * vector
        force = np.zeros_like(positions)
        np.add.at(force, j, push)
        np.add.at(force, i, -push)
        torque = np.cross(arms, force)
        for axis in range(3):
            middle[:, axis] += np.bincount(body, force[:, axis], len(bodies))
        angles = np.stack([np.bincount(body, torque[:, axis], len(bodies)) for axis in range(3)], axis=1)
        angles = angles / np.maximum(reach, 0.5)[:, None] ** 2
        size = np.linalg.norm(angles, axis=1, keepdims=True)
        turn = Rotation.from_rotvec(angles * np.minimum(1, 0.3 / np.maximum(size, 1e-12))) * turn
    raise ValueError(
        f"units: the anions overlap after {_MOST_STEPS} steps in a cube of {length:.2f} angstrom; start from a lower density"
    )


def _least(a: str, b: str) -> float:
    """Smallest distance of atoms of different anions or ions."""
    if {a, b} & set(FORMERS):
        return _FORMER_GAP if {a, b} & {*FORMERS, *LIGANDS} == {a, b} else smallest_distance(a, b)
    return smallest_distance(a, b)
