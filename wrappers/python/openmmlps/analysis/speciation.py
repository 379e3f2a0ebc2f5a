# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Speciation of network anions such as those of thiophosphates over a trajectory: which anions, how linked, how balanced, how defective."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from openmmlps.materials import USUAL_BONDS, Material

from .anions import AnionFinder, Units
from .trajectory import Trajectory


@dataclass(frozen=True)
class Speciation:
    """Anions over time. Formers are P, Si, Ge and the like, ligands S, O, N and the like (:class:`~openmmlps.materials.Material`).

    Fractions are ambiguous in the literature, so each method says of what: the same glass is 6:2:1 PS4:P2S6:P2S7 per unit
    and 50 % PS4 per P atom.
    """

    times_ps: np.ndarray | None  #: [t]
    kinds: tuple[
        str, ...
    ]  #: [k] names with charges, the most abundant (in atoms) first; a star: an atom of unusual coordination
    charges: dict[str, int]  #: kind -> formal charge, elementary charges
    units: np.ndarray  #: [t, k] number of anions
    formers: np.ndarray  #: [t, k] number of formers in them
    ligands: np.ndarray  #: [t, k] number of ligands in them
    q_n: dict[str, np.ndarray]  #: former element -> [t, 7] number of centers with n bridging S
    e_n: dict[str, np.ndarray]  #: former element -> [t, 5] number of centers that share edges with n others
    joint: dict[
        str, np.ndarray
    ]  #: former element -> [t, 7, 5] number of centers with n bridging ligands and e shared edges
    links: dict[tuple[str, str], np.ndarray]  #: pair of formers -> [t, 2] corners, edges that their tetrahedra share
    free_ligands: np.ndarray  #: [t] ligands bonded to nothing: an anion S(2-) of Li7PS6, a defect (orphan) of Li3PS4
    irregular_formers: np.ndarray  #: [t] formers in anions with a star
    undercoordinated_formers: np.ndarray  #: [t] fewer bonds than usual, which is four (to ligands and formers)
    overcoordinated_formers: np.ndarray  #: [t] more than usual
    overcoordinated_ligands: np.ndarray  #: [t] ligands with more bonds than their charge has units (and than two)
    ligand_ligand_bonds: np.ndarray  #: [t]
    charge_imbalance: np.ndarray  #: [t] sum of all formal charges; 0 in a well-formed thiophosphate

    def fraction_of_formers(self) -> dict[str, float]:
        """Kind -> fraction of the formers in it, averaged over frames."""
        return self._fractions(self.formers)

    def fraction_of_units(self) -> dict[str, float]:
        """Kind -> fraction of the anions that contain a former; free ligands and polysulfides are left out."""
        return self._fractions(np.where(self.formers > 0, self.units, 0))

    def fraction_of_ligands(self) -> dict[str, float]:
        """Kind -> fraction of the ligands in it."""
        return self._fractions(self.ligands)

    def q_n_fractions(self, element: str) -> np.ndarray:
        """[7] fraction of the centers of an element that bind n bridging ligands, averaged over frames.

        Parameters
        ----------
        element : str
            of the centers

        Returns
        -------
        np.ndarray
            [7] for n = 0 to 6 and more

        Raises
        ------
        ValueError
            no such centers
        """
        return self._distribution(self.q_n, element)

    def e_n_fractions(self, element: str) -> np.ndarray:
        """[5] fraction of the centers of an element that share an edge with n other tetrahedra.

        Parameters
        ----------
        element : str
            of the centers

        Returns
        -------
        np.ndarray
            [5] for n = 0 to 4 and more

        Raises
        ------
        ValueError
            no such centers
        """
        return self._distribution(self.e_n, element)

    def defect_fractions(self) -> dict[str, float]:
        """Name -> fraction, averaged over frames: of ligands ('free_ligands' ...) or of formers."""
        ligands, formers = max(self.ligands[0].sum(), 1), max(self.formers[0].sum(), 1)
        return {
            "free_ligands": self.free_ligands.mean() / ligands,
            "overcoordinated_ligands": self.overcoordinated_ligands.mean() / ligands,
            "ligand_ligand_bonds_per_ligand": self.ligand_ligand_bonds.mean() / ligands,
            "irregular_formers": self.irregular_formers.mean() / formers,
            "undercoordinated_formers": self.undercoordinated_formers.mean() / formers,
            "overcoordinated_formers": self.overcoordinated_formers.mean() / formers,
        }

    def table(self) -> list[str]:
        """Lines of text: kind, anions per frame, % of formers, % of units, % of ligands."""
        per_former, per_unit, per_ligand = (
            self.fraction_of_formers(),
            self.fraction_of_units(),
            self.fraction_of_ligands(),
        )
        lines = [f"{'anion':16s} {'per frame':>10s} {'% of formers':>13s} {'% of units':>11s} {'% of ligands':>13s}"]
        for index, kind in enumerate(self.kinds):
            lines.append(
                f"{kind:16s} {self.units[:, index].mean():10.2f} {100 * per_former[kind]:13.1f} {100 * per_unit[kind]:11.1f} "
                f"{100 * per_ligand[kind]:13.1f}"
            )
        return lines

    def _fractions(self, counts: np.ndarray) -> dict[str, float]:
        total = max(counts.sum(), 1)
        return {kind: float(counts[:, index].sum() / total) for index, kind in enumerate(self.kinds)}

    def _distribution(self, counts: dict[str, np.ndarray], element: str) -> np.ndarray:
        if element not in counts:
            raise ValueError(
                f"Speciation: there are no centers of '{element}', only {', '.join(counts) or 'none'}; choose one of these"
            )
        return counts[element].sum(0) / counts[element].sum()


def classify_anions(trajectory: Trajectory, material: Material | None = None, stride: int = 1) -> Speciation:
    """Speciation of every frame.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    material : Material or None
        formers, ligands, charges and lengths of bonds; None: from the composition
    stride : int
        use every n-th frame

    Returns
    -------
    Speciation
        by frame

    Raises
    ------
    ValueError
        an element of unknown charge, or no anions
    """
    material = material or Material.of(trajectory.symbols)
    finder = AnionFinder(trajectory.symbols, material)
    ions = _charge_of_ions(material)
    centers = {element: trajectory.indices(element) for element in material.formers}
    formers = np.concatenate([np.arange(0), *centers.values()])
    fewest, most = (
        np.concatenate(
            [
                np.arange(0),
                *(np.full(len(atoms), pick(USUAL_BONDS.get(element, (4,)))) for element, atoms in centers.items()),
            ]
        )
        for pick in (min, max)
    )
    ligands = trajectory.indices(tuple(material.ligands)) if material.ligands else np.arange(0)
    bridges = np.array([max(2, -material.ligands[trajectory.symbols[atom]]) for atom in ligands])
    frames: list[dict[str, list[int]]] = []
    charges: dict[str, int] = {}
    rows: list[tuple[int, ...]] = []
    q_n: dict[str, list[np.ndarray]] = {element: [] for element in centers}
    e_n: dict[str, list[np.ndarray]] = {element: [] for element in centers}
    joint: dict[str, list[np.ndarray]] = {element: [] for element in centers}
    pairs = list(combinations_with_replacement(sorted(centers), 2))
    links: dict[tuple[str, str], list[tuple[int, int]]] = {pair: [] for pair in pairs}
    names = np.array(trajectory.symbols)
    for positions, cell in trajectory.frames(stride):
        units = finder.find(positions, cell)
        charges.update(zip(units.kinds, units.charges.tolist(), strict=True))
        frames.append(_count(units))
        rows.append(
            (
                int((units.coordination[ligands] == 0).sum()),
                int(units.former_counts[units.irregular].sum()),
                int((units.coordination[formers] < fewest).sum()),
                int((units.coordination[formers] > most).sum()),
                int((units.coordination[ligands] > bridges).sum()),
                units.ligand_ligand_bonds,
                int(units.charges.sum()) + ions,
            )
        )
        for element, atoms in centers.items():
            bridging, edges = np.minimum(units.bridging[atoms], 6), np.minimum(units.edges[atoms], 4)
            both = np.bincount(5 * bridging + edges, minlength=35).reshape(7, 5)
            joint[element].append(both)
            q_n[element].append(both.sum(1))
            e_n[element].append(both.sum(0))
        ends = np.sort(names[units.links[:, :2]], axis=1)
        for pair in pairs:
            own = units.links[(ends == pair).all(1), 2]
            links[pair].append((int((own == 1).sum()), int((own > 1).sum())))
    total: Counter[str] = Counter()
    for counts in frames:
        total.update({kind: row[1] + row[2] for kind, row in counts.items()})
    kinds = tuple(kind for kind, _ in total.most_common())
    table = np.array([[counts.get(kind, (0, 0, 0)) for kind in kinds] for counts in frames])
    free, irregular, under, over, over_ligand, bonds, imbalance = np.array(rows).T
    return Speciation(
        times_ps=None if trajectory.times_ps is None else trajectory.times_ps[::stride],
        kinds=kinds,
        charges=charges,
        units=table[..., 0],
        formers=table[..., 1],
        ligands=table[..., 2],
        q_n={element: np.array(numbers) for element, numbers in q_n.items()},
        e_n={element: np.array(numbers) for element, numbers in e_n.items()},
        joint={element: np.array(numbers) for element, numbers in joint.items()},
        links={pair: np.array(numbers) for pair, numbers in links.items()},
        free_ligands=free,
        irregular_formers=irregular,
        undercoordinated_formers=under,
        overcoordinated_formers=over,
        overcoordinated_ligands=over_ligand,
        ligand_ligand_bonds=bonds,
        charge_imbalance=imbalance,
    )


def _charge_of_ions(material: Material) -> int:
    """Sum of the charges of the atoms that belong to no anion, elementary charges."""
    outside = {
        element: count
        for element, count in material.counts.items()
        if element not in material.formers and element not in material.ligands
    }
    unknown = sorted(set(outside) - set(material.ion_charges))
    if unknown:
        raise ValueError(
            f"classify_anions: the charge of {', '.join(unknown)} is unknown; give ion_charges, as '{unknown[0]}=1' in e"
        )
    return sum(material.ion_charges[element] * count for element, count in outside.items())


def _count(units: Units) -> dict[str, list[int]]:
    """Kind -> number of anions, of formers and of ligands in them."""
    counts: dict[str, list[int]] = {}
    for kind, n_former, n_ligand in zip(
        units.kinds, units.former_counts.tolist(), units.ligand_counts.tolist(), strict=True
    ):
        row = counts.setdefault(kind, [0, 0, 0])
        row[0] += 1
        row[1] += n_former
        row[2] += n_ligand
    return counts
