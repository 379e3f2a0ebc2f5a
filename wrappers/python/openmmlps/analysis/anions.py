# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The anions of one frame: which P and S belong together, how they are linked, and what charge they carry.

"P2S6" is the name of two anions: hypothiodiphosphate P2S6(4-) has a P-P bond, metathiodiphosphate P2S6(2-) two bridging S.
So every name here ends with the charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .neighbors import neighbor_pairs

#: elements that bind S in tetrahedra, with their highest oxidation state
FORMER_VALENCES = {"P": 5, "As": 5, "Sb": 5, "Si": 4, "Ge": 4, "Sn": 4}
#: formers that may keep a lone pair
_LONE_PAIR = ("P", "As", "Sb")
#: atoms outside the anions, elementary charges
ION_CHARGES = {
    "Li": 1,
    "Na": 1,
    "K": 1,
    "Ag": 1,
    "Mg": 2,
    "Ca": 2,
    "Zn": 2,
    "Al": 3,
    "F": -1,
    "Cl": -1,
    "Br": -1,
    "I": -1,
    "O": -2,
}
#: three S around P whose bond directions nearly add up to zero lie in one plane: PS3(-); in a pyramid the P keeps a lone pair
_PLANAR_SUM = 0.8


@dataclass(frozen=True)
class Units:
    """The anions of one frame."""

    unit: np.ndarray  #: [n] number of the anion an atom belongs to; -1 for atoms in none
    kinds: tuple[str, ...]  #: [u] name of each anion, such as 'P2S7(4-)'; a star marks unusual coordination
    charges: np.ndarray  #: [u] formal charge, elementary charges
    former_counts: np.ndarray  #: [u] P (and Si, Ge ...) atoms in each
    sulfur_counts: np.ndarray  #: [u] S atoms in each
    irregular: np.ndarray  #: [u] whether an atom has unusual coordination
    bridging: np.ndarray  #: [n] for formers: how many bridging S they bind (the n of Q^n)
    edges: np.ndarray  #: [n] for formers: how many other tetrahedra share an edge with theirs (the n of E^n)
    coordination: np.ndarray  #: [n] bonds of formers and S
    sulfur_sulfur_bonds: int  #: S-S bonds


class AnionFinder:
    """Finds the anions of frames with the same atoms.

    Bonds: former-S and former-former closer than `bond_cutoff`, S-S closer than `sulfur_bond_cutoff`. An anion is a set of
    atoms connected by bonds. Its formal charge is

        -2 n_S + sum of valences - 2 (former-former bonds) + 2 (S-S bonds) - 2 (lone pairs),

    which gives PS4(3-), P2S7(4-), both P2S6, P4S10, S(2-), polysulfides S2(2-) and the molecule P4S3. P with three
    neighbors in a pyramid, or with fewer, has a lone pair, so PS3(3-) (as in Li48P16S61) and the planar PS3(-) differ.
    """

    def __init__(self, symbols: Sequence[str], bond_cutoff: float = 2.6, sulfur_bond_cutoff: float = 2.4) -> None:
        """Prepare for frames of these atoms.

        Parameters
        ----------
        symbols : sequence of str, [n]
            chemical symbols
        bond_cutoff : float
            angstrom; from 2.9 on the two P2S6 are confused
        sulfur_bond_cutoff : float
            angstrom

        Raises
        ------
        ValueError
            neither S nor a former among the atoms, or a cutoff that cannot work
        """
        if not 0 < sulfur_bond_cutoff <= bond_cutoff < 2.9:
            raise ValueError(
                f"AnionFinder: bond_cutoff {bond_cutoff} and sulfur_bond_cutoff {sulfur_bond_cutoff} angstrom; give 0 < "
                "sulfur_bond_cutoff <= bond_cutoff < 2.9 (P-P across the edge of P2S6(2-) is 2.92)"
            )
        names = np.array(symbols)
        self.bond_cutoff, self.sulfur_bond_cutoff = bond_cutoff, sulfur_bond_cutoff
        self.atoms = np.flatnonzero(np.isin(names, ["S", *FORMER_VALENCES]))
        self.count = len(names)
        if not len(self.atoms):
            raise ValueError(
                f"AnionFinder: no S and none of {', '.join(FORMER_VALENCES)} among the elements {', '.join(sorted(set(names.tolist())))}; "
                "speciation is for thiophosphates and their relatives"
            )
        own = names[self.atoms]
        self._is_sulfur = own == "S"
        self._elements = [element for element in FORMER_VALENCES if element in own]
        self._members = np.array([own == element for element in self._elements]).reshape(len(self._elements), len(own))
        self._valence = np.array([FORMER_VALENCES.get(symbol, 0) for symbol in own])
        self._may_be_lone = np.isin(own, _LONE_PAIR)
        self._names: dict[tuple[int, ...], str] = {}

    def find(self, positions: np.ndarray, cell: np.ndarray | None) -> Units:
        """The anions of one frame.

        Parameters
        ----------
        positions : np.ndarray, [n, 3]
            angstrom
        cell : np.ndarray, [3, 3], or None
            angstrom; None: not periodic

        Returns
        -------
        Units
            the anions, and which atoms are in which
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        size = len(self.atoms)
        i, j, d, vector, shift = neighbor_pairs(positions[self.atoms], cell, self.bond_cutoff, "ijdDS")
        sulfurs = self._is_sulfur[i].astype(int) + self._is_sulfur[j]
        bond = (sulfurs < 2) | (d < self.sulfur_bond_cutoff)
        i, j, d, vector, shift, sulfurs = i[bond], j[bond], d[bond], vector[bond], shift[bond], sulfurs[bond]
        coordination = np.bincount(i, minlength=size) + np.bincount(j, minlength=size)
        mixed = sulfurs == 1
        swap = self._is_sulfur[j[mixed]]  # orient former-S bonds from S to former
        sulfur = np.where(swap, j[mixed], i[mixed])
        former = np.where(swap, i[mixed], j[mixed])
        image = np.where(swap[:, None], -shift[mixed], shift[mixed])
        formers_of_sulfur = np.bincount(sulfur, minlength=size)
        bridging = np.bincount(former[formers_of_sulfur[sulfur] > 1], minlength=size)
        edges = self._edge_sharing(sulfur, former, image, size)
        lone = self._lone_pairs(i, j, vector / d[:, None], coordination)
        number, label = connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(size, size)), directed=False)

        per_unit = lambda values: np.bincount(label, weights=values, minlength=number).astype(int)
        per_bond = lambda chosen: np.bincount(label[i[chosen]], minlength=number)
        sulfur_counts = per_unit(self._is_sulfur)
        former_counts = per_unit(~self._is_sulfur)
        disulfide = per_bond(sulfurs == 2)
        charges = (
            -2 * sulfur_counts
            + per_unit(self._valence)
            - 2 * per_bond(sulfurs == 0)
            + 2 * disulfide
            - 2 * per_unit(lone)
        )
        odd = np.where(self._is_sulfur, (formers_of_sulfur > 2) | (coordination > 2), coordination != 4)
        irregular = ((per_unit(odd) > 0) | (disulfide > 0)) & (former_counts > 0)
        irregular &= ~((former_counts == 1) & (sulfur_counts == 3) & (disulfide == 0))
        by_element = np.array([per_unit(members) for members in self._members]).reshape(len(self._elements), number)
        rows = np.column_stack([by_element.T, sulfur_counts, charges, irregular]).astype(int)
        return Units(
            unit=self._scatter(label, -1),
            kinds=tuple(self._name(tuple(row)) for row in rows.tolist()),
            charges=charges,
            former_counts=former_counts,
            sulfur_counts=sulfur_counts,
            irregular=irregular,
            bridging=self._scatter(bridging, 0),
            edges=self._scatter(edges, 0),
            coordination=self._scatter(coordination, 0),
            sulfur_sulfur_bonds=int((sulfurs == 2).sum()),
        )

    def _scatter(self, values: np.ndarray, fill: int) -> np.ndarray:
        """Values of the atoms of anions as values of all atoms."""
        whole = np.full(self.count, fill)
        whole[self.atoms] = values
        return whole

    def _edge_sharing(self, sulfur: np.ndarray, former: np.ndarray, image: np.ndarray, size: int) -> np.ndarray:
        """For each former, the number of others (each image apart) with which it shares two S or more."""
        order = np.argsort(sulfur, kind="stable")
        sulfur, former, image = sulfur[order], former[order], image[order]
        rows = []
        step = 1
        while step < len(sulfur):
            same = np.flatnonzero(sulfur[step:] == sulfur[:-step])
            if not len(same):
                break
            a, b, relative = former[same], former[same + step], image[same + step] - image[same]
            turn = a > b
            rows.append(
                np.column_stack([np.minimum(a, b), np.maximum(a, b), np.where(turn[:, None], -relative, relative)])
            )
            step += 1
        if not rows:
            return np.zeros(size, dtype=int)
        links, shared = np.unique(np.concatenate(rows), axis=0, return_counts=True)
        ends = links[shared > 1, :2].astype(int)
        return np.bincount(ends.ravel(), minlength=size)

    def _lone_pairs(self, i: np.ndarray, j: np.ndarray, direction: np.ndarray, coordination: np.ndarray) -> np.ndarray:
        lone = self._may_be_lone & (coordination < 4)
        if (lone & (coordination == 3)).any():
            total = np.zeros((len(lone), 3))
            np.add.at(total, i, direction)
            np.add.at(total, j, -direction)
            lone &= (coordination < 3) | (np.linalg.norm(total, axis=1) > _PLANAR_SUM)
        return lone

    def _name(self, row: tuple[int, ...]) -> str:
        if row not in self._names:
            *formers, sulfur, charge, irregular = row
            parts = [(element, count) for element, count in zip(self._elements, formers, strict=True) if count]
            parts += [("S", sulfur)] if sulfur else []
            formula = "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in parts)
            self._names[row] = formula + format_charge(charge) + ("*" if irregular else "")
        return self._names[row]


def format_charge(charge: int) -> str:
    """'(3-)', '(-)', '(+)' or, if neutral, nothing."""
    if charge == 0:
        return ""
    return f"({abs(charge) if abs(charge) > 1 else ''}{'-' if charge < 0 else '+'})"
