# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What observables are computed from: the material of a folder, what is known of it, and what it is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openmmlps
from openmmlps.materials import ChemistrySettings, Material
from openmmlps.observables import OBSERVABLES, Sample, observe
from openmmlps.references import References

from .content import Findings, pretty


@dataclass(frozen=True)
class Beside:
    """What is given beside the folders of a report."""

    tables: tuple[Path, ...] = ()  #: CSV of published and measured values
    trajectories: tuple[Path, ...] = ()  #: of other programs, such as AIMD, whose curves are drawn beside ours
    chemistry: Mapping[str, Any] = field(default_factory=dict)  #: changes of what the folders say of their material

    def material(self, symbols: Iterable[str], settings: ChemistrySettings | None = None) -> Material:
        """The material of some atoms.

        Parameters
        ----------
        symbols : iterable of str
            of the atoms
        settings : ChemistrySettings or None
            what the folder says

        Raises
        ------
        ValueError
            what is said of it cannot be
        """
        given = (settings or ChemistrySettings()).chemistry()
        named = ChemistrySettings.from_values(self.chemistry, "--set")
        return Material.of(symbols, given.changed(**{name: getattr(named, name) for name in self.chemistry}))

    def references(self, material: Material, phase: str) -> References:
        """What is known of a material."""
        return References.of(material.counts, phase, self.tables)


def phase_of(record: Mapping[str, Any]) -> str:
    """'glass', or the name of the crystal, from the material in protocol.json."""
    return "glass" if record["glass"] else str(record["name"])


def label_of(record: Mapping[str, Any]) -> str:
    """What a heading calls a material: 'glass 75 Li₂S – 25 P₂S₅', 'β-Li₃PS₄'; from protocol.json."""
    name = pretty(record["name"])
    return f"glass {name}" if record["glass"] else name


def add_observables(found: Findings, sample: Sample) -> None:
    """Compute all observables that suit a sample, and add what they give.

    Parameters
    ----------
    found : Findings
        is extended
    sample : Sample
        all replicas and temperatures of the material
    """
    for _, result in observe(sample, OBSERVABLES):
        found.add(result.section)
        found.results += result.headlines
        found.warnings += result.warnings
        found.values += result.values
        found.curves += result.curves
    found.samples.append(sample)


def packaged_names() -> set[str]:
    """Names of the crystals of the package."""
    return {file.stem for file in (Path(openmmlps.__path__[0]) / "structures").glob("*.extxyz")}


def names_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """Names of replicas, from the folders of their stages."""
    return tuple(path.parent.name for path in paths)
