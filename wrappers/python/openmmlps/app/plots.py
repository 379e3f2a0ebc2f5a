# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Pictures of a run."""

from pathlib import Path

import numpy as np

from openmmlps.units import KJ_PER_MOL_PER_EV

from .thermo_file import read_thermo

_INK, _MUTED, _GRID = "#22303c", "#66737f", "#e3e8ec"
_ENERGY, _TEMPERATURE, _TOTAL = "#2a6f97", "#c8553d", "#8d99a6"
_PALE = {"alpha": 0.35, "linewidth": 0.9}
_STYLE = {
    "font.size": 10,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "text.color": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
}


def plot_run(thermo, picture, title="", atoms=None):
    """Energy and temperature against time, as PNG; replaces the picture as a whole.

    Energies are relative to the first potential energy; with `atoms` they are in meV per atom.

    :param thermo: path of a thermo.csv with at least one line
    :param picture: path of the PNG
    :param title: one line above the panels
    :param atoms: number of atoms, or None for kJ/mol
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    data = read_thermo(thermo)
    if not len(data["step"]):
        return
    time, label = _time_axis(data["time_ps"])
    factor, unit = (1000 / KJ_PER_MOL_PER_EV / atoms, "meV/atom") if atoms else (1.0, "kJ/mol")
    start = data["potential_kJ_per_mol"][0]
    with rc_context(_STYLE):
        figure = Figure(figsize=(8.0, 5.0), dpi=150, layout="constrained", facecolor="white")
        energy, temperature = figure.subplots(2, 1, sharex=True, height_ratios=(1.15, 1))
        _line(energy, time, (data["total_kJ_per_mol"] - start) * factor, _TOTAL, "total")
        _line(energy, time, (data["potential_kJ_per_mol"] - start) * factor, _ENERGY, "potential")
        energy.set_ylabel(f"energy − start ({unit})")
        _line(temperature, time, data["temperature_K"], _TEMPERATURE)
        _mean(temperature, time, data["temperature_K"])
        temperature.set_ylabel("temperature (K)")
        temperature.set_xlabel(label)
        if len(time) > 1:
            temperature.set_xlim(time[0], time[-1])
        figure.align_ylabels()
        if title:
            energy.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=10)
        temporary = Path(f"{picture}.new")
        FigureCanvasAgg(figure).print_png(str(temporary))
    temporary.replace(picture)


def _time_axis(picoseconds):
    if picoseconds[-1] >= 2000:
        return picoseconds / 1000, "time (ns)"
    return picoseconds, "time (ps)"


def _line(axes, time, values, color, name=None):
    """The values, pale if there are many, with their running mean on top."""
    window = len(values) // 25
    smooth = window > 2
    axes.plot(time, values, color=color, marker="o" if len(time) == 1 else "", **(_PALE if smooth else {}))
    if smooth:
        axes.plot(time[window // 2 :][: len(values) - window + 1], _running_mean(values, window), color=color)
    if name:
        axes.annotate(
            name,
            (time[-1], float(np.mean(values[-max(1, window) :]))),
            (6, 0),
            textcoords="offset points",
            color=color,
            va="center",
            annotation_clip=False,
        )


def _running_mean(values, window):
    return np.convolve(values, np.full(window, 1 / window), mode="valid")


def _mean(axes, time, values):
    """A thin line at the mean of the second half, which is what the summary reports."""
    half = values[len(values) // 2 :]
    mean = float(np.mean(half))
    begin = time[len(values) // 2]
    axes.plot([begin, time[-1]], [mean, mean], color=_INK, linewidth=0.9, linestyle=(0, (5, 3)))
    axes.annotate(
        f"mean {mean:.0f} K",
        (time[-1], mean),
        (6, 0),
        textcoords="offset points",
        color=_INK,
        va="center",
        annotation_clip=False,
    )
