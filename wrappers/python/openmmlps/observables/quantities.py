# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Names and units of what comparisons gather; the keys are also those of tables of references."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Quantity:
    """A number or curve as tables and figures call it."""

    label: str
    unit: str = ""
    x_label: str = ""  #: of curves
    x_range: tuple[float, float] | None = None  #: of curves
    logarithmic: bool = False
    all_temperatures: bool = False  #: whether curves are drawn at each temperature, not only the lowest
    levels: bool = False  #: whether names are an element and a number, as of Q⁰ of P

    def head(self, of: str = "") -> str:
        """Label and unit for an axis or a column."""
        level = re.fullmatch(r"([A-Z][a-z]?)(\d)", of) if self.levels else None
        if level:  # 'Si2' is Q² of Si
            return f"{self.label}{level[2].translate(_SUPERSCRIPTS)} of {level[1]} ({self.unit})"
        label = self.label.replace("{}", of) if "{}" in self.label else f"{self.label} {of}".strip()
        return f"{label} ({self.unit})" if self.unit else label


QUANTITIES = {
    "density": Quantity("density", "g/cm³"),
    "cell_length": Quantity("{}", "Å"),
    "q_n": Quantity("Q", "%", levels=True),
    "e_n": Quantity("E", "%", levels=True),
    "anion": Quantity("{}", "% of formers"),
    "radial_peak": Quantity("peak of {}", "Å"),
    "peak_area": Quantity("neighbors in peak of {}"),
    "coordination": Quantity("neighbors {}"),
    "structure_factor_peak": Quantity("first peak of S(Q), {}", "1/Å"),
    "bulk_modulus": Quantity("B", "GPa"),
    "youngs_modulus": Quantity("E", "GPa"),
    "shear_modulus": Quantity("G", "GPa"),
    "poisson_ratio": Quantity("ν"),
    "diffusion": Quantity("D* of {}", "cm²/s", logarithmic=True),
    "conductivity": Quantity("σ_NE", "mS/cm", logarithmic=True),
    "collective_conductivity": Quantity("σ", "mS/cm", logarithmic=True),
    "haven_ratio": Quantity("Haven ratio"),
    "activation_energy": Quantity("activation energy", "eV"),
    "band_center": Quantity("band center of {}", "1/cm"),
    "host_diffusion": Quantity("D near {}", "cm²/s", logarithmic=True),
    "hop_rate": Quantity("hops at {}", "1/ps", logarithmic=True),
    "jump_rate": Quantity("jumps of {}", "1/ps", logarithmic=True),
    "percolation_barrier": Quantity("free energy to get through, {}", "eV"),
    "field_conductivity": Quantity("σ in a field", "mS/cm", logarithmic=True),
    "crystalline": Quantity("like {}", "% of formers"),
    "ligand_angle": Quantity("{}", "degrees"),
    # curves
    "radial_distribution": Quantity("g(r), {}", "", "r (Å)", (1.0, 8.0)),
    "total_distribution": Quantity("total g(r)", "", "r (Å)", (1.0, 8.0)),
    "structure_factor": Quantity("S(Q), {}", "", "Q (1/Å)", (0.0, 10.0)),
    "vibrations": Quantity("density of states of {}", "cm", "wave number (1/cm)", (0.0, 700.0)),
    "displacement": Quantity("MSD of {}", "Å²", "lag (ps)", logarithmic=True),
    "van_hove": Quantity("van Hove, {}", "1/Å", "r (Å)", (0.0, 8.0), all_temperatures=True),
    "angle": Quantity("density of {} angles", "1/degree", "angle (degrees)", (40.0, 150.0)),
}

#: parts of a comparison: name, title, quantities in order
GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("density", "Density and cell", ("density", "cell_length")),
    ("elastic", "Elastic moduli", ("bulk_modulus", "youngs_modulus", "shear_modulus", "poisson_ratio")),
    (
        "transport",
        "Transport",
        (
            "conductivity",
            "collective_conductivity",
            "field_conductivity",
            "diffusion",
            "activation_energy",
            "haven_ratio",
            "displacement",
        ),
    ),
    ("mobility", "Hops and jumps", ("host_diffusion", "hop_rate", "jump_rate", "percolation_barrier", "van_hove")),
    ("speciation", "Bridging and edges", ("q_n", "e_n")),
    ("anions", "Anions", ("anion", "crystalline")),
    (
        "structure",
        "Radial distributions",
        ("radial_peak", "peak_area", "coordination", "total_distribution", "radial_distribution"),
    ),
    ("scattering", "Structure factors", ("structure_factor_peak", "structure_factor")),
    ("vibrations", "Vibrations", ("band_center", "vibrations")),
    ("angles", "Angles", ("ligand_angle", "angle")),
)
