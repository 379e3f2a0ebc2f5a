# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Compositions of glasses, and random starts for their melts.

Atoms are inserted one after the other at random places that keep a smallest distance to those already there (random
sequential insertion). A melt of single atoms needs no more, so no packing program is called: at the density of these
glasses the spheres fill at most a sixth of the box, and insertion saturates above a third.
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
_OTHER_PAIRS = 2.2
_BATCH, _FRUITLESS = 2000, 60  # candidates at a time, and batches without an atom before giving up


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
        if len(placed[element]) < counts[element]:
            raise ValueError(
                f"pack: {element} number {len(placed[element]) + 1} of {counts[element]} finds no room at "
                f"{density_g_per_cm3:g} g/cm3; start from a lower density"
            )
    symbols = [element for element, count in counts.items() for _ in range(count)]
    positions = np.concatenate([placed[element] for element in counts])
    return Atoms(symbols, positions, cell=[length] * 3, pbc=True)


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
    """Smallest distance of two atoms of a random start that are not bound to each other or soon will be, angstrom."""
    first, second = sorted((a, b))
    return SMALLEST_DISTANCES.get((first, second), _OTHER_PAIRS)


def _room(element: str) -> float:
    return smallest_distance(element, element)
