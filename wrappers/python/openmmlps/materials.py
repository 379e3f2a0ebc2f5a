# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a material is made of, from its composition: mobile ions, network formers, ligands, charges, lengths of bonds.

The rules are in docs/materials.md. Whatever they get wrong is said in a study file or with ``--set``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ._settings import Settings, setting

#: elements that bind ligands in tetrahedra and the like, with their highest oxidation states
FORMERS = {
    "P": 5,
    "As": 5,
    "Sb": 5,
    "V": 5,
    "Nb": 5,
    "Ta": 5,
    "Si": 4,
    "Ge": 4,
    "Sn": 4,
    "Ti": 4,
    "Zr": 4,
    "B": 3,
    "Al": 3,
    "Ga": 3,
    "In": 3,
    "Mo": 6,
    "W": 6,
}
#: formers that may keep a lone pair
LONE_PAIRS = ("P", "As", "Sb")
#: numbers of bonds of a former that are not unusual, where they are not four
USUAL_BONDS = {"B": (3, 4)}
#: elements around formers, with their charges; those that follow count only where none of these is
LIGANDS = {"O": -2, "S": -2, "Se": -2, "Te": -2, "N": -3}
HALIDES = {"F": -1, "Cl": -1, "Br": -1, "I": -1}
#: cations that are mobile, the most abundant one first; of the second row only where there is none of the first
_MOBILE = (("Li", "Na", "K", "Ag", "Cu", "Rb", "Cs"), ("Mg", "Ca", "Zn"))
#: charges of atoms that are neither formers nor ligands
ION_CHARGES = {
    **dict.fromkeys(_MOBILE[0], 1),
    **dict.fromkeys((*_MOBILE[1], "Sr", "Ba"), 2),
    **dict.fromkeys(("Y", "La", "Al", "Ga", "In"), 3),
    "H": 1,
    **HALIDES,
}
#: lengths that bonds do not exceed where the rule of covalent radii is not good enough, angstrom; Zhou et al.
_PUBLISHED_CUTOFFS = {
    ("P", "S"): 2.6,
    ("S", "S"): 2.4,
    ("S", "Si"): 2.6,
    ("P", "P"): 2.6,
    ("P", "Si"): 2.6,
    ("Si", "Si"): 2.6,
}
#: distances of centers of tetrahedra that share an edge: beyond them a bond and an edge are confused, angstrom
_SHARED_EDGES = {("P", "P"): 2.9, ("Si", "Si"): 2.75}
_STRETCH, _LIGAND_STRETCH = 1.2, 1.15  # of the sum of covalent radii


@dataclass(frozen=True)
class ChemistrySettings(Settings):
    """What may be said of a material; empty or 0: as its composition tells."""

    mobile: str = setting("", "the mobile ions, as 'Li'; empty: from the composition")
    charge: float = setting(0.0, "of a mobile ion, elementary charges; 0: that of the element", low=0)
    formers: str = setting("", "network formers, as 'P,Si'; empty: from the composition")
    ligands: str = setting("", "elements around the formers, as 'S,O'; empty: from the composition")
    bond_cutoffs: str = setting(
        "", "largest lengths of bonds in angstrom, as 'P-S=2.6, S-S=2.4'; empty: of the elements"
    )
    ion_charges: str = setting("", "charges of other atoms, as 'Xe=0'; empty: of the elements")
    isotopes: str = setting("", "for neutrons, as '7Li'; empty: natural")
    interfaces: tuple[float, ...] = setting((), "heights along c, angstrom; empty: where an element ends", low=0)

    def chemistry(self) -> ChemistrySettings:
        """The part of any settings that says what a material is."""
        return ChemistrySettings(**{name: getattr(self, name) for name in ChemistrySettings.__dataclass_fields__})

    @classmethod
    def label(cls) -> str:
        """What messages call these settings."""
        return "material" if cls is ChemistrySettings else cls.__name__.removesuffix("Settings").lower()


@dataclass(frozen=True)
class Material:
    """What a material is made of. Made by :meth:`of`."""

    counts: Mapping[str, int]  #: element -> number of atoms
    mobile: str  #: element of the mobile ions; empty if there is none
    charge: float  #: of a mobile ion, elementary charges
    formers: Mapping[str, int]  #: element -> oxidation state
    ligands: Mapping[str, int]  #: element -> charge
    ion_charges: Mapping[str, int]  #: element -> charge, of what is neither
    given_cutoffs: Mapping[
        tuple[str, str], float
    ]  #: pair in alphabetical order -> angstrom, where the rule does not hold
    isotopes: Mapping[str, str]  #: element -> isotope, as in '7Li'
    interfaces_angstrom: tuple[float, ...] = ()  #: along c, from the face of the cell, where they were said

    @classmethod
    def of(cls, symbols: Iterable[str], given: ChemistrySettings | None = None) -> Material:
        """The material of some atoms.

        Parameters
        ----------
        symbols : iterable of str
            chemical symbols of the atoms
        given : ChemistrySettings or None
            what differs from the rules

        Returns
        -------
        Material
            with only the elements that are there

        Raises
        ------
        ValueError
            if what is given cannot be: an element that is not there, a length or charge that is no number
        """
        counts, given = Counter(symbols), given or ChemistrySettings()
        formers = _chosen(given.formers, FORMERS, counts, "formers")
        anions = LIGANDS if set(LIGANDS) & set(counts) else HALIDES
        ligands = _chosen(given.ligands, anions, counts, "ligands", LIGANDS | HALIDES)
        for table in (formers, ligands):  # what moves does not belong to the network
            table.pop(given.mobile, None)
        if not given.formers and not ligands:
            formers = {}
        rest = [element for element in counts if element not in formers and element not in ligands]
        charges = {**ION_CHARGES, **{key: round(value) for key, value in _numbers(given.ion_charges, "ion_charges")}}
        mobile = given.mobile or _most_mobile(counts, rest)
        if mobile and mobile not in counts:
            raise ValueError(
                f"material: mobile is '{mobile}', but the elements are {', '.join(counts)}; choose one of these"
            )
        cutoffs: dict[tuple[str, str], float] = {}
        for name, length in _numbers(given.bond_cutoffs, "bond_cutoffs"):
            first, dash, second = name.partition("-")
            if not dash or length <= 0:
                raise ValueError(f"material: bond_cutoffs holds '{name}={length:g}'; write as 'P-S=2.6' in angstrom")
            cutoffs[_pair(first.strip(), second.strip())] = length
        material = cls(
            counts,
            mobile,
            given.charge or float(charges.get(mobile, 1)),
            formers,
            ligands,
            {element: charges[element] for element in rest if element in charges},
            cutoffs,
            {re.sub(r"^\d+", "", isotope): isotope for isotope in _words(given.isotopes)},
            tuple(sorted(given.interfaces)),
        )
        for pair, edge in _SHARED_EDGES.items():
            if set(pair) <= set(formers) and material.cutoff(*pair) > edge:
                raise ValueError(
                    f"material: the bond cutoff of {'-'.join(pair)} is {material.cutoff(*pair):g} angstrom, beyond the {edge:g} "
                    "of tetrahedra that share an edge; give less"
                )
        return material

    @property
    def elements(self) -> tuple[str, ...]:
        """Symbols, sorted."""
        return tuple(sorted(self.counts))

    @property
    def has_network(self) -> bool:
        """Whether there are formers and ligands, hence anions such as PS4(3-)."""
        return bool(self.formers and self.ligands)

    @property
    def main_former(self) -> tuple[str, ...]:
        """The most abundant former; empty if there is none."""
        return tuple(sorted(self.formers, key=lambda element: -self.counts[element])[:1])

    def cutoff(self, first: str, second: str) -> float:
        """Largest length of a bond between two elements, angstrom.

        Parameters
        ----------
        first, second : str
            in either order
        """
        pair = _pair(first, second)
        if pair in self.given_cutoffs:
            return self.given_cutoffs[pair]
        stretch = _LIGAND_STRETCH if set(pair) <= set(self.ligands) else _STRETCH
        return _PUBLISHED_CUTOFFS.get(pair) or round(stretch * (_radius(first) + _radius(second)), 2)

    def shell(self, ion: str, ligand: str) -> float:
        """Distance at which the first shell of ligands around an ion has ended, angstrom.

        Parameters
        ----------
        ion, ligand : str
            elements
        """
        return round(1.5 * (_radius(ion) + _radius(ligand)), 1)

    @cached_property
    def bonds(self) -> dict[tuple[str, str], float]:
        """Cutoffs of all pairs of formers and ligands that are there, angstrom."""
        network = [*self.formers, *self.ligands]
        return {
            _pair(first, second): self.cutoff(first, second)
            for number, first in enumerate(network)
            for second in network[number:]
        }

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """All pairs of elements in the order in which papers show them: bonds, surroundings of the mobile ions, the rest."""
        ions = [self.mobile] if self.mobile else []
        others = [element for element in self.counts if element not in (*self.formers, *self.ligands, *ions)]
        wanted = [(former, ligand) for former in self.formers for ligand in self.ligands]
        wanted += [(ion, ligand) for ion in ions for ligand in self.ligands]
        for group in (list(self.ligands), ions, list(self.formers)):
            wanted += [(a, b) for number, a in enumerate(group) for b in group[number:]]
        wanted += [(ion, former) for ion in ions for former in self.formers]
        every = [*self.formers, *self.ligands, *ions, *others]
        wanted += [(a, b) for number, a in enumerate(every) for b in every[number:]]
        seen: dict[tuple[str, str], tuple[str, str]] = {}
        for pair in wanted:
            seen.setdefault(_pair(*pair), pair)
        return tuple(seen.values())

    def overrides(self) -> dict[str, float | str]:
        """Isotopes, as scattering lengths take them."""
        return dict(self.isotopes)

    def lines(self) -> list[tuple[str, str]]:
        """What a report says of it: (name, value)."""
        lines = [("mobile ions", f"{self.mobile}, charge {self.charge:+g}" if self.mobile else "none")]
        if self.has_network:
            lines += [("formers, ligands", f"{', '.join(self.formers)}; {', '.join(self.ligands)}")]
            lines += [("longest bonds (Å)", ", ".join(f"{a}–{b} {length:g}" for (a, b), length in self.bonds.items()))]
        if self.isotopes:
            lines += [("isotopes", ", ".join(self.isotopes.values()))]
        return lines


def _chosen(
    text: str, table: Mapping[str, int], counts: Mapping[str, int], what: str, known: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Elements of a table that are there, or those that were named."""
    if not text:
        return {element: value for element, value in table.items() if element in counts}
    found, known = {}, known or table
    for element in _words(text):
        if element not in counts or element not in known:
            why = "the elements are " + ", ".join(counts) if element not in counts else "known are " + ", ".join(known)
            raise ValueError(f"material: {what} holds '{element}', but {why}; choose among these")
        found[element] = known[element]
    return found


def _most_mobile(counts: Mapping[str, int], rest: Iterable[str]) -> str:
    for row in _MOBILE:
        there = [element for element in row if element in rest]
        if there:
            return max(there, key=lambda element: (counts[element], -row.index(element)))
    return ""


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]


def _numbers(text: str, what: str) -> Iterator[tuple[str, float]]:
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, equal, value = word.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not equal or not math.isfinite(number):
            raise ValueError(f"material: {what} holds '{word}'; write NAME=NUMBER, several with commas between")
        yield name.strip(), number


def _pair(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first <= second else (second, first)


def _radius(element: str) -> float:
    from ase.data import atomic_numbers, covalent_radii

    return float(covalent_radii[atomic_numbers[element]])
