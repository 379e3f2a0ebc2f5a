# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Speciation of thiophosphates over a trajectory: which anions, how linked, how balanced, how defective."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .anions import FORMER_VALENCES, ION_CHARGES, AnionFinder, Units
from .trajectory import Trajectory


@dataclass(frozen=True)
class Speciation:
    """Anions over time. A former is P, or Si, Ge, Sn, As, Sb where present.

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
    sulfurs: np.ndarray  #: [t, k] number of S atoms in them
    q_n: dict[str, np.ndarray]  #: former element -> [t, 7] number of centers with n bridging S
    e_n: dict[str, np.ndarray]  #: former element -> [t, 5] number of centers that share edges with n others
    free_sulfur: np.ndarray  #: [t] S bonded to nothing: an anion S(2-) of Li7PS6, a defect (orphan) of Li3PS4
    irregular_formers: np.ndarray  #: [t] formers in anions with a star
    undercoordinated_formers: np.ndarray  #: [t] fewer than four bonds (to S and formers)
    overcoordinated_formers: np.ndarray  #: [t] more than four
    overcoordinated_sulfurs: np.ndarray  #: [t] S with more than two bonds
    sulfur_sulfur_bonds: np.ndarray  #: [t]
    charge_imbalance: np.ndarray  #: [t] sum of all formal charges; 0 in a well-formed thiophosphate

    def fraction_of_formers(self) -> dict[str, float]:
        """Kind -> fraction of the former atoms (P atoms) in it, averaged over frames."""
        return self._fractions(self.formers)

    def fraction_of_units(self) -> dict[str, float]:
        """Kind -> fraction of the anions that contain a former; free S and polysulfides are left out."""
        return self._fractions(np.where(self.formers > 0, self.units, 0))

    def fraction_of_sulfurs(self) -> dict[str, float]:
        """Kind -> fraction of the S atoms in it."""
        return self._fractions(self.sulfurs)

    def q_n_fractions(self, element: str = "P") -> np.ndarray:
        """[7] fraction of the centers of an element that bind n bridging S, averaged over frames.

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

    def e_n_fractions(self, element: str = "P") -> np.ndarray:
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
        """Name -> fraction, averaged over frames: of S atoms ('free_sulfur', 'sulfur_in_s_s_bonds' at most, ...) or of formers."""
        sulfurs, formers = max(self.sulfurs[0].sum(), 1), max(self.formers[0].sum(), 1)
        return {
            "free_sulfur": self.free_sulfur.mean() / sulfurs,
            "overcoordinated_sulfur": self.overcoordinated_sulfurs.mean() / sulfurs,
            "sulfur_sulfur_bonds_per_sulfur": self.sulfur_sulfur_bonds.mean() / sulfurs,
            "irregular_formers": self.irregular_formers.mean() / formers,
            "undercoordinated_formers": self.undercoordinated_formers.mean() / formers,
            "overcoordinated_formers": self.overcoordinated_formers.mean() / formers,
        }

    def table(self) -> list[str]:
        """Lines of text: kind, anions per frame, % of P atoms, % of units, % of S atoms."""
        per_former, per_unit, per_sulfur = (
            self.fraction_of_formers(),
            self.fraction_of_units(),
            self.fraction_of_sulfurs(),
        )
        lines = [f"{'anion':16s} {'per frame':>10s} {'% of P atoms':>13s} {'% of units':>11s} {'% of S atoms':>13s}"]
        for index, kind in enumerate(self.kinds):
            lines.append(
                f"{kind:16s} {self.units[:, index].mean():10.2f} {100 * per_former[kind]:13.1f} {100 * per_unit[kind]:11.1f} "
                f"{100 * per_sulfur[kind]:13.1f}"
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


def classify_anions(
    trajectory: Trajectory,
    bond_cutoff: float = 2.6,
    sulfur_bond_cutoff: float = 2.4,
    stride: int = 1,
    ion_charges: Mapping[str, int] | None = None,
) -> Speciation:
    """Speciation of every frame.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    bond_cutoff : float
        P-S and P-P, angstrom (2.6: Zhou et al.; P-P across the shared edge of P2S6(2-) is 2.92)
    sulfur_bond_cutoff : float
        S-S, angstrom (S-S within PS4 is above 3.2)
    stride : int
        use every n-th frame
    ion_charges : mapping from str to int, or None
        element -> elementary charges, for elements beyond :data:`~.anions.ION_CHARGES`

    Returns
    -------
    Speciation
        by frame

    Raises
    ------
    ValueError
        an element of unknown charge, or no anions
    """
    finder = AnionFinder(trajectory.symbols, bond_cutoff, sulfur_bond_cutoff)
    ions = _charge_of_ions(trajectory.symbols, ion_charges)
    centers = {element: trajectory.indices(element) for element in FORMER_VALENCES if element in trajectory.elements}
    formers = np.concatenate([np.arange(0), *centers.values()])
    sulfurs = trajectory.indices("S") if "S" in trajectory.elements else np.arange(0)
    frames: list[dict[str, list[int]]] = []
    charges: dict[str, int] = {}
    rows: list[tuple[int, ...]] = []
    q_n: dict[str, list[np.ndarray]] = {element: [] for element in centers}
    e_n: dict[str, list[np.ndarray]] = {element: [] for element in centers}
    for positions, cell in trajectory.frames(stride):
        units = finder.find(positions, cell)
        charges.update(zip(units.kinds, units.charges.tolist(), strict=True))
        frames.append(_count(units))
        rows.append(
            (
                int((units.coordination[sulfurs] == 0).sum()),
                int(units.former_counts[units.irregular].sum()),
                int((units.coordination[formers] < 4).sum()),
                int((units.coordination[formers] > 4).sum()),
                int((units.coordination[sulfurs] > 2).sum()),
                units.sulfur_sulfur_bonds,
                int(units.charges.sum()) + ions,
            )
        )
        for element, atoms in centers.items():
            q_n[element].append(np.bincount(np.minimum(units.bridging[atoms], 6), minlength=7))
            e_n[element].append(np.bincount(np.minimum(units.edges[atoms], 4), minlength=5))
    total: Counter[str] = Counter()
    for counts in frames:
        total.update({kind: row[1] + row[2] for kind, row in counts.items()})
    kinds = tuple(kind for kind, _ in total.most_common())
    table = np.array([[counts.get(kind, (0, 0, 0)) for kind in kinds] for counts in frames])
    free, irregular, under, over, over_sulfur, bonds, imbalance = np.array(rows).T
    return Speciation(
        times_ps=None if trajectory.times_ps is None else trajectory.times_ps[::stride],
        kinds=kinds,
        charges=charges,
        units=table[..., 0],
        formers=table[..., 1],
        sulfurs=table[..., 2],
        q_n={element: np.array(numbers) for element, numbers in q_n.items()},
        e_n={element: np.array(numbers) for element, numbers in e_n.items()},
        free_sulfur=free,
        irregular_formers=irregular,
        undercoordinated_formers=under,
        overcoordinated_formers=over,
        overcoordinated_sulfurs=over_sulfur,
        sulfur_sulfur_bonds=bonds,
        charge_imbalance=imbalance,
    )


def _charge_of_ions(symbols: Sequence[str], ion_charges: Mapping[str, int] | None) -> int:
    """Sum of the charges of the atoms that belong to no anion, elementary charges."""
    outside = Counter(symbol for symbol in symbols if symbol != "S" and symbol not in FORMER_VALENCES)
    known = ION_CHARGES | dict(ion_charges or {})
    unknown = sorted(set(outside) - set(known))
    if unknown:
        raise ValueError(
            f"classify_anions: the charge of {', '.join(unknown)} is unknown; give ion_charges={{'{unknown[0]}': charge in e}}"
        )
    return sum(known[symbol] * count for symbol, count in outside.items())


def _count(units: Units) -> dict[str, list[int]]:
    """Kind -> number of anions, of formers and of S in them."""
    counts: dict[str, list[int]] = {}
    for kind, n_former, n_sulfur in zip(
        units.kinds, units.former_counts.tolist(), units.sulfur_counts.tolist(), strict=True
    ):
        row = counts.setdefault(kind, [0, 0, 0])
        row[0] += 1
        row[1] += n_former
        row[2] += n_sulfur
    return counts
