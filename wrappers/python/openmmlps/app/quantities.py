# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Quantities as people type them: "2 ps", "600 K", "1 atm", or a bare number in the documented unit."""

from __future__ import annotations

import math
import re

#: factors to the unit that bare numbers have unless the caller says otherwise (the first of each)
_UNITS = {
    "time": {"ps": 1.0, "fs": 1e-3, "ns": 1e3, "us": 1e6, "µs": 1e6},
    "temperature": {"K": 1.0},
    "pressure": {"bar": 1.0, "kbar": 1e3, "atm": 1.01325, "Pa": 1e-5, "kPa": 1e-2, "MPa": 10.0, "GPa": 1e4},
    "rate": {"1/ps": 1.0, "/ps": 1.0, "ps^-1": 1.0, "ps-1": 1.0, "1/fs": 1e3, "/fs": 1e3, "1/ns": 1e-3, "/ns": 1e-3},
    "clock time": {"s": 1.0, "min": 60.0, "h": 3600.0},
}
_PATTERN = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*")


def parse(text: str | float, dimension: str, bare: str | None = None) -> float:
    """Read a quantity with or without a unit.

    Parameters
    ----------
    text : str or float
        as people type it
    dimension : str
        'time', 'temperature', 'pressure', 'rate' or 'clock time'
    bare : str, optional
        unit of a bare number; None: the first one of the dimension

    Returns
    -------
    float
        in ps, K, bar, 1/ps or s

    Raises
    ------
    ValueError
        if it is not a number, or has a unit of another kind
    """
    units = _UNITS[dimension]
    bare = bare or next(iter(units))
    match = _PATTERN.fullmatch(str(text))
    unit = match.group(2) if match else ""
    known = {name.lower(): name for name in units}
    if not match or (unit and unit not in units and unit.lower() not in known):
        raise ValueError(
            f"'{text}' is not a {dimension}; give a number with one of {', '.join(units)}, or bare in {bare}"
        )
    factor = units[unit if unit in units else known[unit.lower()] if unit else bare]
    value = float(match.group(1)) * factor
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is too large for a {dimension}")
    return value


def format_time(picoseconds: float) -> str:
    """Write simulated time in the unit that reads best."""
    for unit, factor in (("µs", 1e6), ("ns", 1e3), ("ps", 1.0)):
        if abs(picoseconds) >= factor:
            return f"{picoseconds / factor:.4g} {unit}"
    return f"{picoseconds * 1e3:.4g} fs"


def format_clock(seconds: float | None) -> str:
    """Write wall-clock time as 1:02:03 or 2:03."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
