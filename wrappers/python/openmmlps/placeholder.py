# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A potential for trying studies out: every element, no meaning.

`--model ase:openmmlps.placeholder.Placeholder` carries out any study without a model of its material, so that its file,
its machines and its report can be looked at. Bonds between cations and anions are as long as their covalent radii say,
all other pairs repel. No number that comes of it is a property of the material.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from .materials import FORMERS

_ANIONS = ("O", "S", "Se", "Te", "N", "F", "Cl", "Br", "I")
_CUTOFF = 5.0  # angstrom
_STRONG, _WEAK, _REPULSION = 1.5, 0.3, 0.03  # eV: of a former, of another cation with an anion, of all other pairs
_DISTANCE = 1.5  # of pairs that repel, over the sum of their covalent radii


class Placeholder(Calculator):
    """Lennard-Jones pairs (12-6 for bonds, r^-6 for what repels), with energy and force zero at 5 angstrom."""

    implemented_properties = ["energy", "forces", "stress"]

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute; ASE calls this."""
        import vesin

        super().calculate(atoms, properties, system_changes)
        mine = self.atoms
        first, second, vectors, distances = vesin.NeighborList(cutoff=_CUTOFF, full_list=False).compute(
            points=mine.get_positions(), box=np.array(mine.cell), periodic=bool(mine.pbc.all()), quantities="ijDd"
        )
        depth, length, bound = (table[first, second] for table in _pairs(mine.get_chemical_symbols()))
        energy, slope = _shape(distances, length, bound)
        at_end, slope_at_end = _shape(np.full_like(distances, _CUTOFF), length, bound)
        slope = depth * (slope - slope_at_end)
        energy = depth * (energy - at_end - slope_at_end * (distances - _CUTOFF))
        pull = (slope / distances)[:, None] * vectors
        forces = np.zeros((len(mine), 3))
        np.add.at(forces, first, pull)
        np.subtract.at(forces, second, pull)
        self.results = {"energy": float(energy.sum()), "forces": forces}
        if mine.pbc.all():
            stress = vectors.T @ pull / mine.get_volume()
            self.results["stress"] = stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def _pairs(symbols: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth eV, length angstrom, and whether it is a bond, of every pair of atoms, [n, n] each."""
    from ase.data import atomic_numbers, covalent_radii

    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in symbols])
    anion = np.array([symbol in _ANIONS for symbol in symbols])
    former = np.array([symbol in FORMERS for symbol in symbols])
    bound = anion[:, None] != anion
    strong = bound & (former[:, None] | former)
    depth = np.where(strong, _STRONG, np.where(bound, _WEAK, _REPULSION))
    return depth, (radii[:, None] + radii) * np.where(bound, 1.0, _DISTANCE), bound


def _shape(distance: np.ndarray, length: np.ndarray, bound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energy over depth, and its derivative per angstrom."""
    sixth = (length / distance) ** 6
    energy = np.where(bound, sixth**2 - 2 * sixth, sixth)
    return energy, np.where(bound, -12 * (sixth**2 - sixth), -6 * sixth) / distance
