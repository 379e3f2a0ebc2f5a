# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Published values that reports are compared with. A quantity is (value, unit, source); sources are spelled out once."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from .content import pretty, scientific

#: quantity -> values, each with its source
Published = Mapping[str, Sequence[tuple[Any, str]]]

SOURCES = {
    "Zhou": "Zhou, Luo, Martin, An: machine learning force field (Deep Potential) for lithium sulfide-based glassy electrolytes",
    "Zhou, experiment": "experimental values as compiled by Zhou, Luo, Martin, An",
    "Zhou, DFT-MD": "ab initio molecular dynamics as compiled by Zhou, Luo, Martin, An",
    "Homma": "K. Homma et al., Solid State Ionics 182, 53 (2011), 10.1016/j.ssi.2010.10.001 (β-Li3PS4 at 637 K)",
    "OBELiX": "OBELiX database of lithium conductors (room-temperature conductivities)",
    "Laskowski": "F. A. L. Laskowski et al., compilation of lithium conductors",
}

#: percent Li2S -> quantity -> list of (value, source)
GLASSES: dict[int, Published] = {
    67: {
        "density": [(1.89, "Zhou"), (1.95, "Zhou, experiment"), (1.882, "Zhou, DFT-MD")],
        "q_n": [((50.1, 26.3, 21.5, 2.1), "Zhou")],
        "e_n": [((83.1, 16.9), "Zhou")],
        "diffusion_300": [(2.51e-8, "Zhou")],
        "conductivity_300": [(2.2, "Zhou")],
        "activation": [(0.313, "Zhou")],
        "moduli": [((14.98, 18.41, 7.11, 0.30), "Zhou"), ((20.7, 22.1, 8.4, 0.31), "Zhou, experiment")],
    },
    70: {
        "density": [(1.88, "Zhou"), (1.91, "Zhou, experiment"), (1.889, "Zhou, DFT-MD")],
        "q_n": [((67.6, 20.8, 11.3, 0.3), "Zhou")],
        "e_n": [((90.4, 9.6), "Zhou")],
        "diffusion_300": [(2.96e-8, "Zhou")],
        "conductivity_300": [(2.9, "Zhou")],
        "activation": [(0.307, "Zhou")],
        "moduli": [((16.66, 20.18, 7.77, 0.30), "Zhou"), ((19.7, 21.9, 8.3, 0.32), "Zhou, experiment")],
    },
    75: {
        "density": [(1.85, "Zhou"), (1.88, "Zhou, experiment"), (1.800, "Zhou, DFT-MD")],
        "q_n": [((93.2, 6.8, 0.0, 0.0), "Zhou")],
        "e_n": [((100.0, 0.0), "Zhou")],
        "diffusion_300": [(3.16e-8, "Zhou")],
        "conductivity_300": [(3.6, "Zhou"), ("0.3–1.0", "Zhou, experiment")],
        "activation": [(0.303, "Zhou")],
        "moduli": [((18.61, 21.89, 8.39, 0.30), "Zhou"), ((20.9, 22.9, 8.7, 0.32), "Zhou, experiment")],
    },
}

#: name of the packaged structure -> quantity -> list of (value, source)
CRYSTALS: dict[str, Published] = {
    "beta-Li3PS4": {
        "density": [(1.853, "Homma")],
        "cell": [((12.819, 8.2195, 6.1236), "Homma")],
        "activation": [("0.36–0.40", "Laskowski")],
        "conductivity_300": [("8.9×10⁻⁴ (bulk) – 0.16 (nanoporous)", "OBELiX")],
    },
    "gamma-Li3PS4": {
        "density": [(1.934, "OBELiX")],
        "activation": [(0.49, "Laskowski")],
        "conductivity_300": [("3×10⁻⁴", "OBELiX")],
    },
    "Li7P3S11": {
        "density": [(1.979, "OBELiX")],
        "conductivity_300": [("3.2–17", "OBELiX")],
        "activation": [("0.12–0.29", "OBELiX")],
    },
}

MODULI = ("B", "E", "G", "ν")  #: order of the published moduli, GPa

#: first peaks of g(r) in Li-P-S glasses, angstrom (Zhou)
GLASS_PEAKS = {
    ("P", "S"): "2.0",
    ("Li", "S"): "2.5",
    ("Li", "P"): "3.1",
    ("S", "S"): "3.3, 3.9",
    ("P", "P"): "2.2, 2.9, 3.5",
    ("Li", "Li"): "3.5–3.7",
}


def glass_percent(symbols: Sequence[str]) -> float | None:
    """Percent Li2S of the composition of some atoms on the line Li2S-P2S5, or None if it is not on it."""
    symbols = list(symbols)
    counts = {symbol: symbols.count(symbol) for symbol in set(symbols)}
    if set(counts) - {"Li", "P", "S"} or "P" not in counts or "Li" not in counts:
        return None
    lithium, phosphorus = Fraction(counts["Li"], 2), Fraction(counts["P"], 2)
    if counts.get("S", 0) != lithium + 5 * phosphorus:
        return None
    return float(100 * lithium / (lithium + phosphorus))


def label(symbols: Sequence[str], material: Mapping[str, Any]) -> str:
    """What a heading calls a material: 'glass 75 Li₂S – 25 P₂S₅', 'β-Li₃PS₄'.

    Parameters
    ----------
    symbols : sequence of str
        of the atoms
    material : mapping
        'glass' and 'name' of protocol.json
    """
    if not material["glass"]:
        return pretty(material["name"])
    percent = glass_percent(symbols)
    if percent is None:
        return f"glass {pretty(material['name'])}"
    return f"glass {percent:.3g} Li₂S – {100 - percent:.3g} P₂S₅"


def published(symbols: Sequence[str], name: str | None = None, glass: bool = True) -> Published:
    """Published quantities of a material; empty if none are known.

    Parameters
    ----------
    symbols : sequence of str
        of the atoms, for glasses on the line Li2S-P2S5 (within 1 percent of those published)
    name : str, optional
        of a crystal
    glass : bool
        whether it is a glass
    """
    if not glass:
        return CRYSTALS.get(name or "", {})
    percent = glass_percent(symbols)
    if percent is None:
        return {}
    near = min(GLASSES, key=lambda known: abs(known - percent))
    return GLASSES[near] if abs(near - percent) <= 1 else {}


def quote(entries: Iterable[tuple[Any, str]] | None) -> str:
    """Values with their sources, as in '1.85 (Zhou), 1.88 (Zhou, experiment)'."""
    return ", ".join(
        f"{value if isinstance(value, str) else _plain(value)} ({source})" for value, source in entries or ()
    )


def ranges(entries: Iterable[tuple[Any, str]]) -> list[tuple[float, float, str]]:
    """Numbers for a plot, as (low, high, source); entries in words are left out.

    Parameters
    ----------
    entries : iterable of (float or str, str)
        values and their sources; a value may be a range such as '0.3–1.0'
    """
    found = []
    for value, source in entries:
        try:
            ends = [float(part) for part in value.split("–")] if isinstance(value, str) else [float(value)]
        except ValueError:
            continue
        found.append((min(ends), max(ends), source))
    return found


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return " / ".join(f"{item:g}" for item in value)
    return f"{value:g}" if 1e-3 <= abs(value) < 1e5 else scientific(value, 3)


def cited(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Sources named in some texts, short and in full."""
    joined = " ".join(texts)
    return [(short, full) for short, full in SOURCES.items() if f"({short})" in joined]
