# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The anions of one frame: which formers and ligands belong together, how they are linked, and what charge they carry.

Formers are P, Si, Ge and so on, ligands S, O, N and so on (:mod:`openmmlps.materials`). "P2S6" is the name of two anions:
hypothiodiphosphate P2S6(4-) has a P-P bond, metathiodiphosphate P2S6(2-) two bridging S. So every name here ends with the
charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openmmlps.materials import LONE_PAIRS, USUAL_BONDS, Material

from .neighbors import neighbor_pairs

#: three ligands whose bond directions nearly add up to zero lie in one plane: PS3(-); in a pyramid the P keeps a lone pair
_PLANAR_SUM = 0.8


@dataclass(frozen=True)
class Units:
    """The anions of one frame."""

    unit: np.ndarray  #: [n] number of the anion an atom belongs to; -1 for atoms in none
    kinds: tuple[str, ...]  #: [u] name of each anion, such as 'P2S7(4-)'; a star marks unusual coordination
    charges: np.ndarray  #: [u] formal charge, elementary charges
    former_counts: np.ndarray  #: [u] formers in each
    ligand_counts: np.ndarray  #: [u] ligands in each
    irregular: np.ndarray  #: [u] whether an atom has unusual coordination
    bridging: np.ndarray  #: [n] for formers: how many bridging ligands they bind (the n of Q^n)
    edges: np.ndarray  #: [n] for formers: how many other tetrahedra share an edge with theirs (the n of E^n)
    coordination: np.ndarray  #: [n] bonds of formers and ligands
    ligand_ligand_bonds: int  #: bonds between ligands
    links: np.ndarray  #: [l, 3] two formers and how many ligands they share: one (corner) or more (edge)


class AnionFinder:
    """Finds the anions of frames with the same atoms.

    Bonds join formers with ligands, formers with formers and ligands with ligands, below the cutoffs of the material. An
    anion is a set of atoms connected by bonds. Its formal charge is

        sum of charges of ligands + sum of valences - 2 (former-former bonds) + 2 (ligand-ligand bonds) - 2 (lone pairs),

    which gives PS4(3-), P2S7(4-), both P2S6, P4S10, S(2-), polysulfides S2(2-), the molecule P4S3, and PO3N(4-). P with
    three neighbors in a pyramid, or with fewer, has a lone pair, so PS3(3-) (as in Li48P16S61) and the planar PS3(-) differ.
    """

    def __init__(self, symbols: Sequence[str], material: Material | None = None) -> None:
        """Prepare for frames of these atoms.

        Parameters
        ----------
        symbols : sequence of str, [n]
            chemical symbols
        material : Material or None
            which elements are formers and ligands, and how long bonds are; None: from the composition

        Raises
        ------
        ValueError
            neither formers nor ligands among the atoms
        """
        names = np.array(symbols)
        self.material = material = material or Material.of(symbols)
        self.atoms = np.flatnonzero(np.isin(names, [*material.formers, *material.ligands]))
        self.count = len(names)
        if not len(self.atoms):
            raise ValueError(
                f"AnionFinder: no network formers and no ligands among the elements {', '.join(sorted(set(names.tolist())))}; "
                "say which these are, or leave speciation out"
            )
        own = names[self.atoms]
        elements = [*material.formers, *material.ligands]
        self._kind = np.array([elements.index(symbol) for symbol in own])
        self._cutoffs = np.array([[material.cutoff(a, b) for b in elements] for a in elements])
        self._is_ligand = np.isin(own, list(material.ligands))
        self._elements = elements
        self._members = self._kind == np.arange(len(elements))[:, None]
        charges = {**material.formers, **material.ligands}
        self._charge = np.array([charges[symbol] for symbol in own])
        # a ligand may join as many formers as its charge has units, a halide two
        most = np.where(self._is_ligand, np.maximum(2, np.abs(self._charge)), 0)
        self._most_formers = most
        self._usual = np.array([[n in USUAL_BONDS.get(symbol, (4,)) for n in range(16)] for symbol in own])
        self._may_be_lone = np.isin(own, LONE_PAIRS) & ~self._is_ligand
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
        i, j, d, vector, shift = neighbor_pairs(positions[self.atoms], cell, float(self._cutoffs.max()), "ijdDS")
        bond = d < self._cutoffs[self._kind[i], self._kind[j]]
        i, j, d, vector, shift = i[bond], j[bond], d[bond], vector[bond], shift[bond]
        ligands = self._is_ligand[i].astype(int) + self._is_ligand[j]
        coordination = np.bincount(i, minlength=size) + np.bincount(j, minlength=size)
        mixed = ligands == 1
        swap = self._is_ligand[j[mixed]]  # orient bonds from ligand to former
        ligand = np.where(swap, j[mixed], i[mixed])
        former = np.where(swap, i[mixed], j[mixed])
        image = np.where(swap[:, None], -shift[mixed], shift[mixed])
        formers_of_ligand = np.bincount(ligand, minlength=size)
        bridging = np.bincount(former[formers_of_ligand[ligand] > 1], minlength=size)
        links = self._links(ligand, former, image)
        edges = np.bincount(links[links[:, 2] > 1, :2].ravel(), minlength=size)
        lone = self._lone_pairs(i, j, vector / d[:, None], coordination)
        number, label = connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(size, size)), directed=False)

        per_unit = lambda values: np.bincount(label, weights=values, minlength=number).astype(int)
        per_bond = lambda chosen: np.bincount(label[i[chosen]], minlength=number)
        ligand_counts = per_unit(self._is_ligand)
        former_counts = per_unit(~self._is_ligand)
        between_ligands = per_bond(ligands == 2)
        charges = per_unit(self._charge) - 2 * per_bond(ligands == 0) + 2 * between_ligands - 2 * per_unit(lone)
        odd = np.where(
            self._is_ligand,
            (formers_of_ligand > self._most_formers) | (coordination > self._most_formers),
            ~self._usual[np.arange(size), np.minimum(coordination, self._usual.shape[1] - 1)],
        )
        irregular = ((per_unit(odd) > 0) | (between_ligands > 0)) & (former_counts > 0)
        irregular &= ~((former_counts == 1) & (ligand_counts == 3) & (between_ligands == 0))
        by_element = np.array([per_unit(members) for members in self._members]).reshape(len(self._elements), number)
        rows = np.column_stack([by_element.T, charges, irregular]).astype(int)
        return Units(
            unit=self._scatter(label, -1),
            kinds=tuple(self._name(tuple(row)) for row in rows.tolist()),
            charges=charges,
            former_counts=former_counts,
            ligand_counts=ligand_counts,
            irregular=irregular,
            bridging=self._scatter(bridging, 0),
            edges=self._scatter(edges, 0),
            coordination=self._scatter(coordination, 0),
            ligand_ligand_bonds=int((ligands == 2).sum()),
            links=np.column_stack([self.atoms[links[:, :2]].reshape(-1, 2), links[:, 2]]),
        )

    def _scatter(self, values: np.ndarray, fill: int) -> np.ndarray:
        """Values of the atoms of anions as values of all atoms."""
        whole = np.full(self.count, fill)
        whole[self.atoms] = values
        return whole

    def _links(self, ligand: np.ndarray, former: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Pairs of formers (each image apart) that share ligands: two formers, number of ligands; [l, 3]."""
        order = np.argsort(ligand, kind="stable")
        ligand, former, image = ligand[order], former[order], image[order]
        rows = []
        step = 1
        while step < len(ligand):
            same = np.flatnonzero(ligand[step:] == ligand[:-step])
            if not len(same):
                break
            a, b, relative = former[same], former[same + step], image[same + step] - image[same]
            turn = a > b
            rows.append(
                np.column_stack([np.minimum(a, b), np.maximum(a, b), np.where(turn[:, None], -relative, relative)])
            )
            step += 1
        if not rows:
            return np.zeros((0, 3), dtype=int)
        links, shared = np.unique(np.concatenate(rows), axis=0, return_counts=True)
        return np.column_stack([links[:, :2], shared]).astype(int)

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
            *numbers, charge, irregular = row
            parts = [(element, count) for element, count in zip(self._elements, numbers, strict=True) if count]
            formula = "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in parts)
            self._names[row] = formula + format_charge(charge) + ("*" if irregular else "")
        return self._names[row]


def format_charge(charge: int) -> str:
    """'(3-)', '(-)', '(+)' or, if neutral, nothing."""
    if charge == 0:
        return ""
    return f"({abs(charge) if abs(charge) > 1 else ''}{'-' if charge < 0 else '+'})"
