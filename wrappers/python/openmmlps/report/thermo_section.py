# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Thermodynamics of runs, from the columns of thermo.csv: pictures over time, means, drift. Knows nothing of folders."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from openmmlps.analysis.estimates import Estimate, linear_fit, student_reach
from openmmlps.units import KJ_PER_MOL_PER_EV

from .content import Figure, rows_of
from .style import INK, SERIES, Picture, picture

PRESSURE = "pressure_bar_positive_under_compression"
_POINTS = 1500
_LONG_PS = 2000.0
Columns = Mapping[str, np.ndarray]


def thermo_picture(data: Columns, atoms: int, title: str = "", marks: Sequence[tuple[float, str]] = ()) -> Picture:
    """Temperature, potential energy and density (where it changes) against time.

    Parameters
    ----------
    data : mapping of str to ndarray
        columns of a thermo.csv with at least one line, each [lines]
    atoms : int
        number of atoms
    title : str
        one line above the panels
    marks : sequence of (float, str)
        times in ps and texts of vertical lines

    Returns
    -------
    Picture
    """
    scale, unit = (1000, "ns") if data["time_ps"][-1] >= _LONG_PS else (1, "ps")
    time = data["time_ps"] / scale
    panels = [
        ("temperature (K)", data["temperature_K"], SERIES[1]),
        ("energy − last\n(meV/atom)", _energy_after_last(data, atoms), SERIES[0]),
    ]
    if np.isfinite(data["density_g_per_cm3"]).all() and np.ptp(data["density_g_per_cm3"]) > 1e-6:
        panels.append(("density (g/cm³)", data["density_g_per_cm3"], SERIES[2]))
    step = max(1, len(time) // _POINTS)

    def draw(axes: Any) -> None:
        for panel, (label, values, color) in zip(axes, panels, strict=True):
            window = max(1, len(values) // 60)
            alone = len(values) == 1
            panel.plot(time[::step], values[::step], color=color, alpha=0.3, linewidth=0.8, marker="o" if alone else "")
            if window > 2:
                smooth = np.convolve(values, np.full(window, 1 / window), mode="valid")
                panel.plot(time[window // 2 :][: len(smooth)][::step], smooth[::step], color=color)
            panel.set_ylabel(label)
            for when, text in marks:
                panel.axvline(when / scale, color=INK, linewidth=0.8, alpha=0.35)
                if panel is axes[0]:
                    place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
                    panel.annotate(text, (when / scale, 1.0), (3, -1), fontsize=8.5, **place)
            if not alone:
                panel.set_xlim(time[0], time[-1])
        if title:
            axes[0].set_title(title, loc="left", fontweight="bold")
        axes[-1].set_xlabel(f"time ({unit})")
        axes[0].figure.align_ylabels()

    return picture(draw, height=1.45 * len(panels) + 0.5, rows=len(panels), sharex=True)


def thermo_figure(
    name: str, data: Columns, atoms: int, caption: str, marks: Sequence[tuple[float, str]] = ()
) -> Figure:
    """:func:`thermo_picture` with its numbers."""
    step = max(1, len(data["time_ps"]) // _POINTS)
    columns = ("time_ps", "temperature_K", "potential_minus_last_meV_per_atom", "density_g_per_cm3")
    values = (data["time_ps"], data["temperature_K"], _energy_after_last(data, atoms), data["density_g_per_cm3"])
    rows = rows_of(*(item[::step] for item in values))
    return Figure(name, caption, thermo_picture(data, atoms, marks=marks), columns, rows)


def run_summary(data: Columns, ensemble: str, atoms: int) -> list[tuple[str, str]]:
    """What a finished run tells in a few lines.

    Parameters
    ----------
    data : mapping of str to ndarray
        columns of thermo.csv
    ensemble : str
        'nve' adds the drift of the total energy
    atoms : int
        number of atoms

    Returns
    -------
    list of (str, str)
        quantities and their means over the second half with 95 % intervals from blocks, and how much they fluctuate; empty
        if there are fewer than two lines
    """
    if len(data["step"]) < 2:
        return []
    half = {name: values[len(values) // 2 :] for name, values in data.items()}
    rows = [("temperature", _mean_and_spread(half["temperature_K"], "K", 1))]
    if np.isfinite(half[PRESSURE]).all():
        rows.append(("pressure", _mean_and_spread(half[PRESSURE] / 1e4, "GPa (positive under compression)", 3)))
    if np.isfinite(half["density_g_per_cm3"]).all():
        rows.append(("density", _mean_and_spread(half["density_g_per_cm3"], "g/cm³", 4)))
    if ensemble == "nve" and len(data["step"]) > 3:
        slope, error, spread = energy_drift(data, atoms)
        reach = student_reach(len(data["step"]) - 2) * error
        text = f"{slope:.2g} ± {reach:.1g} meV/atom/ps (95 %; fluctuation {spread:.2g} meV/atom)"
        rows.append(("energy drift", text))
    return rows


def energy_drift(data: Columns, atoms: int) -> tuple[float, float, float]:
    """Drift of the total energy, from a straight line through all of it.

    Parameters
    ----------
    data : mapping of str to ndarray
        columns of thermo.csv
    atoms : int
        number of atoms

    Returns
    -------
    slope, standard_error : float
        meV/atom/ps; the error takes the residuals of the fit as independent, and is nan below three lines
    fluctuation : float
        standard deviation of the residuals, meV/atom
    """
    time, energy = data["time_ps"], data["total_kJ_per_mol"] * 1000 / KJ_PER_MOL_PER_EV / atoms
    slope, error, start = linear_fit(time, energy)
    return float(slope), float(error), float((energy - slope * time - start).std())


def drift_warning(data: Columns, atoms: int) -> str:
    """A sentence if the total energy of a constant-energy run drifts by more than 0.02 meV/atom/ps, else ''."""
    slope = energy_drift(data, atoms)[0]
    return f"the total energy drifts by {slope:.2g} meV/atom/ps; use a shorter timestep" if abs(slope) > 0.02 else ""


def _energy_after_last(data: Columns, atoms: int) -> np.ndarray:
    """Potential energy [lines] relative to the last, meV/atom."""
    energy = data["potential_kJ_per_mol"]
    return (energy - energy[-1]) * 1000 / KJ_PER_MOL_PER_EV / atoms


def _mean_and_spread(values: np.ndarray, unit: str, digits: int) -> str:
    if not np.ptp(values) > 0:
        return f"{values.mean():.{digits}f} {unit}"
    found = Estimate.from_blocks(values)
    reach = (found.high - found.low) / 2
    interval = f" ± {reach:.{digits}f}" if np.isfinite(reach) else ""
    return f"{values.mean():.{digits}f}{interval} {unit} ({'95 %; ' if interval else ''}fluctuation {values.std():.{digits}f})"
