# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Thermodynamics of runs: figures over time, means with block errors, drift."""

import numpy as np

from openmmlps.app.thermo_file import read_thermo
from openmmlps.units import KJ_PER_MOL_PER_EV

from .content import Figure
from .style import INK, SERIES, picture

_POINTS = 1500


def joined(folders):
    """Columns of the thermo.csv of consecutive runs, time running on; (data, times at which runs begin)."""
    parts, starts, elapsed = [], [], 0.0
    for folder in folders:
        data = read_thermo(folder / "thermo.csv")
        starts.append(elapsed)
        data = {**data, "time_ps": data["time_ps"] + elapsed}
        elapsed = float(data["time_ps"][-1])
        parts.append(data)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, starts


def thermo_figure(name, data, atoms, caption, marks=()):
    """Temperature, potential energy and density against time.

    :param marks: (time in ps, text) of vertical lines
    """
    time = data["time_ps"]
    energy = (data["potential_kJ_per_mol"] - data["potential_kJ_per_mol"][-1]) * 1000 / KJ_PER_MOL_PER_EV / atoms
    step = max(1, len(time) // _POINTS)
    panels = [("temperature (K)", data["temperature_K"], SERIES[1]), ("energy − last\n(meV/atom)", energy, SERIES[0])]
    if np.isfinite(data["density_g_per_cm3"]).all() and np.ptp(data["density_g_per_cm3"]) > 1e-6:
        panels.append(("density (g/cm³)", data["density_g_per_cm3"], SERIES[2]))

    def draw(axes):
        for panel, (label, values, colour) in zip(axes, panels, strict=True):
            window = max(1, len(values) // 60)
            panel.plot(time[::step], values[::step], color=colour, alpha=0.3, linewidth=0.8)
            if window > 2:
                smooth = np.convolve(values, np.full(window, 1 / window), mode="valid")
                panel.plot(time[window // 2 :][: len(smooth)][::step], smooth[::step], color=colour)
            panel.set_ylabel(label)
            for when, text in marks:
                panel.axvline(when, color=INK, linewidth=0.8, alpha=0.35)
                if panel is axes[0]:
                    panel.annotate(text, (when, 1.0), (3, -1), xycoords=("data", "axes fraction"), textcoords="offset points",
                                   fontsize=8.5, va="top")  # fmt: skip
            if len(time) > 1:
                panel.set_xlim(time[0], time[-1])
        axes[-1].set_xlabel("time (ps)")
        axes[0].figure.align_ylabels()

    columns = ("time_ps", "temperature_K", "potential_minus_last_meV_per_atom", "density_g_per_cm3")
    rows = zip(time, data["temperature_K"], energy, data["density_g_per_cm3"], strict=True)
    rows = tuple(tuple(float(value) for value in row) for index, row in enumerate(rows) if index % step == 0)
    return Figure(
        name, caption, picture(draw, height=1.45 * len(panels) + 0.5, rows=len(panels), sharex=True), columns, rows
    )


def drift_meV_per_atom_ps(data, atoms):
    """Slope of the total energy."""
    time = data["time_ps"] - data["time_ps"].mean()
    energy = data["total_kJ_per_mol"] * 1000 / KJ_PER_MOL_PER_EV / atoms
    return float(time @ energy / (time @ time)) if len(time) > 1 else 0.0


def block_mean(values, blocks=5):
    """Mean and its standard error from blocks."""
    means = [block.mean() for block in np.array_split(np.asarray(values), min(blocks, len(values)))]
    error = float(np.std(means, ddof=1) / np.sqrt(len(means))) if len(means) > 1 else float("nan")
    return float(np.mean(values)), error
