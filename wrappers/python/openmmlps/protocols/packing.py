# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Compositions of glasses, and random starts for their melts.

Atoms are inserted one after the other at random places that keep a smallest distance to those already there (random
sequential insertion). That suffices for sulfides, whose spheres fill at most a sixth of the box; insertion saturates above a
third. In oxides, which are twice as dense in atoms, those that find no room are put anywhere, and all are pushed apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from openmmlps.units import GRAM_PER_CM3_PER_AMU_PER_NM3

if TYPE_CHECKING:
    from ase import Atoms

#: smallest distances of the start, angstrom: somewhat below the first peaks of g(r), so that minimization has little to do
SMALLEST_DISTANCES = {
    ("Li", "Li"): 2.5,
    ("Li", "P"): 2.6,
    ("Li", "S"): 2.2,
    ("P", "P"): 3.0,
    ("P", "S"): 1.9,
    ("S", "S"): 2.9,
}
_ANIONS = frozenset(("N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I"))
_LEAST = 2.2  # of two atoms that are no bond, angstrom
_BATCH, _FRUITLESS = 2000, 60  # candidates at a time, and batches without an atom before giving up
_PUSHES, _MARGIN = 500, 1.02  # rounds of pushing apart, to a little more than the smallest distance


@dataclass(frozen=True)
class Composition:
    """A mixture of neutral compounds."""

    label: str  #: as in '75Li2S-25P2S5'
    parts: tuple[tuple[str, Fraction], ...]  #: ((formula, share), ...), shares are Fractions that sum to 1

    @classmethod
    def parse(cls, text: str) -> Composition:
        """Read '75' (x Li2S - (100 - x) P2S5), '75Li2S-25P2S5', '60Li2S-32SiS2-8P2S5', or one formula such as 'Li7P3S11'.

        Raises
        ------
        ValueError
            for anything else
        """
        text = str(text).strip()
        share = _percent(text)
        if share is not None:
            if not 0 <= share <= 100:
                raise ValueError(
                    f"composition: '{text}' % Li2S; give 0 to 100, or a mixture such as '60Li2S-32SiS2-8P2S5'"
                )
            amounts = [("Li2S", share), ("P2S5", 100 - share)]
        else:
            amounts = [_amount(piece, text) for piece in text.split("-")]
        amounts = [(formula, amount) for formula, amount in amounts if amount > 0]
        total = sum(amount for _, amount in amounts)
        if not total:
            raise ValueError(f"composition: '{text}' holds nothing; give for example '75' or '75Li2S-25P2S5'")
        label = amounts[0][0]
        if len(amounts) > 1:
            label = "-".join(f"{float(100 * amount / total):.4g}{formula}" for formula, amount in amounts)
        return cls(label, tuple((formula, amount / total) for formula, amount in amounts))

    def shares(self) -> dict[str, float]:
        """Element -> share of the atoms."""
        found: dict[str, Fraction] = {}
        for formula, share in self.parts:
            for element, count in _elements(formula).items():
                found[element] = found.get(element, Fraction(0)) + count * share
        total = sum(found.values())
        return {element: float(amount / total) for element, amount in found.items()}

    def counts(self, atoms: int) -> dict[str, int]:
        """Whole numbers of atoms by element, with the exact composition or the nearest to it, near a number of atoms.

        Of all numbers within a tenth of `atoms` the one that keeps the composition best is taken, then the nearest.

        Raises
        ------
        ValueError
            if the atoms are too few for one of each compound
        """
        contents = [_elements(formula) for formula, _ in self.parts]
        sizes = np.array([sum(content.values()) for content in contents])
        shares = np.array([float(share) for _, share in self.parts])
        best = None
        per_unit = float(shares @ sizes)
        for units in range(1, int(1.2 * atoms / per_unit) + 2):
            numbers = np.rint(shares * units).astype(int)
            total = int(numbers @ sizes)
            if (numbers < 1).any() or abs(total - atoms) > max(0.1 * atoms, per_unit * 2):
                continue
            error = np.abs(numbers / numbers.sum() - shares).max()
            score = (round(error, 4), abs(total - atoms))
            if best is None or score < best[0]:
                best = (score, numbers)
        if best is None:
            raise ValueError(
                f"composition: {atoms} atoms are too few for {self.label}; give at least {int(np.ceil(per_unit / shares.min()))}"
            )
        counts: dict[str, int] = {}
        for content, number in zip(contents, best[1], strict=True):
            for element, count in content.items():
                counts[element] = counts.get(element, 0) + count * int(number)
        return counts


def _percent(text: str) -> Fraction | None:
    try:
        return Fraction(text.rstrip("%").strip())
    except ValueError:
        return None


def _amount(piece: str, text: str) -> tuple[str, Fraction]:
    match = re.fullmatch(r"\s*([0-9.]*)\s*([A-Z][A-Za-z0-9]*)\s*", piece)
    try:
        if not match:
            raise ValueError
        _elements(match.group(2))
        return match.group(2), Fraction(match.group(1) or 1)
    except ValueError:
        raise ValueError(
            f"composition: '{piece}' in '{text}' is not an amount and a formula; give for example '75', '75Li2S-25P2S5' "
            "or '60Li2S-32SiS2-8P2S5'"
        ) from None


def _elements(formula: str) -> dict[str, int]:
    """Count the elements of a formula."""
    from ase.data import atomic_numbers
    from ase.formula import Formula

    content = Formula(formula).count()
    if not content or any(element not in atomic_numbers for element in content):
        raise ValueError
    return dict(content)


def edge_of_cube(counts: Mapping[str, int], density_g_per_cm3: float) -> float:
    """Edge in angstrom of the cube that holds some atoms at a density.

    Raises
    ------
    ValueError
        for a density that is not positive
    """
    from ase.data import atomic_masses, atomic_numbers

    if not density_g_per_cm3 > 0:
        raise ValueError(f"pack: density_g_per_cm3 is {density_g_per_cm3}; it must be positive")
    mass = sum(count * atomic_masses[atomic_numbers[element]] for element, count in counts.items())
    return float((mass * 1000 * GRAM_PER_CM3_PER_AMU_PER_NM3 / density_g_per_cm3) ** (1 / 3))


def pack(counts: Mapping[str, int], density_g_per_cm3: float, seed: int) -> Atoms:
    """Fill a cube with atoms at random, none too near another.

    Parameters
    ----------
    counts : mapping
        element -> number of atoms
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
    random = np.random.default_rng(seed)
    placed: dict[str, np.ndarray] = {}
    for element in sorted(counts, key=lambda element: -_room(element)):  # those that need most room first
        placed[element] = _insert(element, counts[element], placed, length, random)
    symbols = [element for element, count in counts.items() for _ in range(count)]
    positions = np.concatenate([placed[element] for element in counts])
    if len(positions) < len(symbols):
        for element in counts:
            anywhere = random.uniform(0, length, (counts[element] - len(placed[element]), 3))
            placed[element] = np.concatenate([placed[element], anywhere])
        positions = np.concatenate([placed[element] for element in counts])
        if not _push_apart(positions, symbols, length):
            raise ValueError(
                f"pack: {len(symbols)} atoms find no room at {density_g_per_cm3:g} g/cm3; start from a lower density"
            )
    return Atoms(symbols, positions, cell=[length] * 3, pbc=True)


def _push_apart(positions: np.ndarray, symbols: list[str], length: float) -> bool:
    """Move the atoms of a cube, positions [n, 3] in place, until all keep their distance; whether they do."""
    from scipy.spatial import cKDTree

    elements = sorted(set(symbols))
    kinds = np.array([elements.index(symbol) for symbol in symbols])
    limits = np.array([[smallest_distance(a, b) for a in elements] for b in elements])
    for _ in range(_PUSHES):
        positions %= length
        pairs = cKDTree(positions, boxsize=length).query_pairs(_MARGIN * limits.max(), output_type="ndarray")
        vectors = positions[pairs[:, 1]] - positions[pairs[:, 0]]
        vectors -= length * np.rint(vectors / length)
        distances, wanted = np.linalg.norm(vectors, axis=1), limits[kinds[pairs[:, 0]], kinds[pairs[:, 1]]]
        if (distances >= wanted).all():
            return True
        missing = np.maximum(_MARGIN * wanted - distances, 0) / np.maximum(distances, 1e-6)
        pushes = 0.5 * missing[:, None] * vectors
        np.subtract.at(positions, pairs[:, 0], pushes)
        np.add.at(positions, pairs[:, 1], pushes)
    return False


def _insert(
    element: str, count: int, placed: Mapping[str, np.ndarray], length: float, random: np.random.Generator
) -> np.ndarray:
    """Random places [count, 3] for atoms of one element among those that are placed, or fewer if they find no room."""
    from scipy.spatial import cKDTree

    taken = [(smallest_distance(element, other), cKDTree(places, boxsize=length)) for other, places in placed.items()]
    own, wanted = np.empty((count, 3)), _room(element) ** 2
    number = fruitless = 0
    while number < count and fruitless < _FRUITLESS:
        candidates = random.uniform(0, length, (_BATCH, 3))
        for distance, tree in [*taken, (_room(element), cKDTree(own[:number], boxsize=length))]:
            candidates = candidates[np.isinf(tree.query(candidates, distance_upper_bound=distance)[0])]
        before = number
        for candidate in candidates:  # those of this batch may be too near one another
            vectors = candidate - own[before:number]
            vectors -= length * np.rint(vectors / length)
            if number < count and ((vectors**2).sum(1) >= wanted).all():
                own[number] = candidate
                number += 1
        fruitless = 0 if number > before else fruitless + 1
    return own[:number]


def smallest_distance(a: str, b: str) -> float:
    """Smallest distance of two atoms of a random start, angstrom.

    Where it is not in `SMALLEST_DISTANCES`: of two anions 0.8 times the sum of their van der Waals radii, of a cation and an
    anion 0.9 times that of their covalent radii, which is a short bond, and of two cations the same, but 2.2 at least.
    """
    from ase.data import atomic_numbers, covalent_radii, vdw_radii

    first, second = sorted((a, b))
    known = SMALLEST_DISTANCES.get((first, second))
    if known is not None:
        return known
    numbers = [atomic_numbers[first], atomic_numbers[second]]
    anions = (first in _ANIONS) + (second in _ANIONS)
    if anions == 2:
        return float(0.8 * vdw_radii[numbers].sum())
    bond = float(0.9 * covalent_radii[numbers].sum())
    return bond if anions else max(_LEAST, bond)


def _room(element: str) -> float:
    return smallest_distance(element, element)
