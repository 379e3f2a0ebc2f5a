# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Dopants, vacancies and strain of a crystal, as a study file states them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms

_REPLACED = re.compile(r"(\d+) ([A-Z][a-z]?) by ([A-Z][a-z]?)")
_REMOVED = re.compile(r"(\d+) ([A-Z][a-z]?)")
_LARGEST_STRAIN = 0.2


def check_defects(replace: Sequence[str], remove: Sequence[str], strain: Sequence[float]) -> list[str]:
    """Say what cannot be meant, before the structure is known.

    Parameters
    ----------
    replace : sequence of str
        as '1 Sb by W'
    remove : sequence of str
        as '1 Na'
    strain : sequence of float
        components xx, yy, zz, yz, xz, xy of the strain tensor, or none

    Returns
    -------
    list of str
        sentences
    """
    from ase.data import atomic_numbers

    problems = []
    for name, items, pattern, example in (
        ("replace", replace, _REPLACED, "1 Sb by W"),
        ("remove", remove, _REMOVED, "1 Na"),
    ):
        for item in items:
            match = pattern.fullmatch(item)
            wrong = [symbol for symbol in match.groups()[1:] if symbol not in atomic_numbers] if match else []
            if match is None:
                problems.append(f"{name} holds '{item}'; write for example '{example}'")
            elif wrong:
                problems.append(f"{name} holds '{item}', but '{wrong[0]}' is no element; correct it")
    if len(strain) not in (0, 6):
        problems.append(f"strain has {len(strain)} numbers; give xx, yy, zz, yz, xz, xy")
    elif any(abs(value) > _LARGEST_STRAIN for value in strain):
        problems.append(f"strain is {list(strain)}; components are fractions, {_LARGEST_STRAIN} at most")
    return problems


def with_defects(
    atoms: Atoms, replace: Sequence[str], remove: Sequence[str], strain: Sequence[float], seed: int
) -> Atoms:
    """Make a crystal with dopants, vacancies and strain.

    Parameters
    ----------
    atoms : ase.Atoms
        the supercell
    replace, remove, strain
        as of :func:`check_defects`; atoms are drawn at random, first those to replace
    seed : int
        of the draws

    Returns
    -------
    ase.Atoms
        a copy

    Raises
    ------
    ValueError
        if there are fewer atoms of an element than are asked for
    """
    made, chance = atoms.copy(), np.random.default_rng(seed)
    fresh = np.ones(len(made), dtype=bool)  # what was not replaced yet
    for item in replace:
        count, old, new = _REPLACED.fullmatch(item).groups()  # type: ignore[union-attr]
        chosen = _draw(made, fresh, int(count), old, f"replace: '{item}'", chance)
        masses = made.get_masses()
        for index in chosen:
            made.symbols[index] = new
        masses[chosen] = np.nan  # those of the new element; others keep what their file states
        made.set_masses([None if np.isnan(mass) else mass for mass in masses])
        fresh[chosen] = False
    for item in remove:
        count, old = _REMOVED.fullmatch(item).groups()  # type: ignore[union-attr]
        chosen = _draw(made, fresh, int(count), old, f"remove: '{item}'", chance)
        del made[chosen]
        fresh = np.delete(fresh, chosen)
    if len(strain):
        xx, yy, zz, yz, xz, xy = strain
        tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        made.set_cell(np.array(made.cell) @ (np.eye(3) + tensor), scale_atoms=True)
    return made


def _draw(
    atoms: Atoms, fresh: np.ndarray, count: int, symbol: str, what: str, chance: np.random.Generator
) -> np.ndarray:
    """Indices of atoms of an element."""
    found = np.flatnonzero((np.array(atoms.get_chemical_symbols()) == symbol) & fresh)
    if not 0 < count <= len(found):
        raise ValueError(f"{what}, but the supercell has {len(found)} {symbol}; give a number from 1 to that")
    return np.sort(chance.choice(found, count, replace=False))
