# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Displacements, transport coefficients and Arrhenius fits of all temperatures: figures and tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.protocols.transport import TransportSettings

from . import literature
from .content import Figure, Measured, Section, Table, rounded, rows_of
from .style import DASHED, GRID, INK, SERIES, heat, picture

Fits = dict[str, analysis.TemperatureLaw]
NOT_DETERMINED = "not determined"


@dataclass(frozen=True)
class Point:
    """One temperature."""

    target_K: float
    temperature_K: float  #: mean of the production
    trajectories: Sequence[analysis.Trajectory]
    folders: Sequence[Path]  #: of the productions
    transport: analysis.Transport


def diffusion_section(
    name: str, settings: TransportSettings, points: Sequence[Point], published: literature.Published
) -> tuple[Section, Fits]:
    """Diffusion and conductivity, and what law of temperature they follow (by quantity)."""
    section = Section("transport", "Diffusion and conductivity")
    section.paragraphs.append(
        "D* is the tracer diffusion coefficient from the mean squared displacement (all time origins, drift of the framework "
        "removed), D_σ the collective one; σ_NE follows from D* (Nernst–Einstein), σ from D_σ (what impedance measures), and the "
        f"Haven ratio is D*/D_σ. Errors are 95 % intervals from {points[0].transport.errors_from}."
    )
    section.add(_msd_figure(name, points), _exponent_figure(name, points), _transport_table(name, points))
    fits = _fits(points)
    section.add(_arrhenius_figure(name, settings, points, fits, published), _arrhenius_table(name, settings, fits))
    return section, fits


def _msd_figure(name: str, points: Sequence[Point]) -> Figure:
    def draw(axes: Any) -> None:
        for index, point in enumerate(points):
            msd, color = point.transport.msd, heat(index, len(points))
            axes.plot(msd.lags_ps[1:], msd.total_angstrom2[1:], color=color, label=f"{point.target_K:g} K")
        hottest = points[-1].transport
        start, stop = hottest.fit_start_ps, hottest.fit_stop_ps
        axes.axvspan(start, stop, color=GRID, zorder=0)
        height = 1.7 * float(np.interp(start, hottest.msd.lags_ps, hottest.msd.total_angstrom2))
        axes.plot([start, stop], [height, height * stop / start], color=INK, linewidth=0.9, linestyle=DASHED)
        end = (stop, height * stop / start)
        axes.annotate("slope 1", end, (3, 0), textcoords="offset points", fontsize=8.5)
        axes.set(xscale="log", yscale="log", xlabel="lag (ps)", ylabel="MSD (Å²)")
        axes.legend(loc="upper left")

    lags = min((point.transport.msd.lags_ps for point in points), key=len)
    columns, values = ["lag_ps"], [lags]
    for label, pick in _CURVES.items():
        columns += [f"{label}_{point.target_K:g}K" for point in points]
        values += [pick(point.transport)[: len(lags)] for point in points]
    caption = "Mean squared displacement; shaded: the window of the fit within each block."
    return Figure(f"{name}-msd", caption, picture(draw), tuple(columns), rows_of(*values))


_CURVES: dict[str, Callable[[analysis.Transport], np.ndarray]] = {
    "msd_angstrom2": lambda transport: transport.msd.total_angstrom2,
    "collective_msd_angstrom2": lambda transport: transport.collective_msd.total_angstrom2,
}


def _exponent_figure(name: str, points: Sequence[Point]) -> Figure:
    grid = np.geomspace(points[0].transport.msd.lags_ps[2], points[0].transport.msd.lags_ps[-1], 40)
    curves = []
    for point in points:
        msd = point.transport.msd
        logs = np.interp(np.log(grid), np.log(msd.lags_ps[1:]), np.log(np.maximum(msd.total_angstrom2[1:], 1e-12)))
        curves.append(np.gradient(logs, np.log(grid)))

    def draw(axes: Any) -> None:
        axes.axhline(1, color=INK, linewidth=0.9, linestyle=DASHED)
        for index, (point, curve) in enumerate(zip(points, curves, strict=True)):
            axes.plot(grid, curve, color=heat(index, len(points)), label=f"{point.target_K:g} K")
        axes.set(xscale="log", xlabel="lag (ps)", ylabel="α = d ln MSD / d ln t", ylim=(0, 2))
        axes.legend(loc="upper right")

    columns = ("lag_ps", *(f"alpha_{point.target_K:g}K" for point in points))
    caption = "Is it diffusive? Local exponent of the mean squared displacement: 1 where it is; below 1 in cages."
    return Figure(f"{name}-exponent", caption, picture(draw), columns, rows_of(grid, *curves))


def _transport_table(name: str, points: Sequence[Point]) -> Table:
    rows = []
    for point in points:
        found = point.transport
        row = (
            f"{point.target_K:g}",
            Measured.of(found.diffusion_cm2_per_s, 1e5),
            " / ".join(f"{10**5 * item.value:.2g}" for item in found.direction_diffusion_cm2_per_s),
            Measured.of(found.nernst_einstein_mS_per_cm),
            Measured.of(found.conductivity_mS_per_cm),
            Measured.of(found.haven_ratio),
            Measured.of(found.exponent),
            "yes" if found.diffusive else "no",
        )
        rows.append(row)
    columns = (
        "T (K)",
        "D* (10⁻⁵ cm²/s)",
        "along x / y / z",
        "σ_NE (mS/cm)",
        "σ (mS/cm)",
        "Haven ratio",
        "exponent",
        "diffusive",
    )
    start, stop = points[-1].transport.haven_start_ps, points[-1].transport.haven_stop_ps
    note = (
        f"All ions together are a single path, known at short lags only: the Haven ratio is that of both slopes from {start:.3g} to "
        f"{stop:.3g} ps at {points[-1].target_K:g} K, and σ is σ_NE over it."
    )
    return Table(f"{name}-transport", "Transport coefficients.", columns, tuple(rows), note)


def _fits(points: Sequence[Point]) -> Fits:
    """Laws of D* and sigma_NE through the diffusive points, replica by replica where the same glass is at all temperatures."""
    names = sorted({path.parent.name for point in points for path in point.folders})
    values, errors = np.full((2, len(points), len(names)), np.nan)
    for row, point in enumerate(points):
        for path, found in zip(point.folders, point.transport.replica_diffusion_cm2_per_s, strict=True):
            column = names.index(path.parent.name)
            values[row, column], errors[row, column] = found.value, found.standard_error
    temperatures = [point.temperature_K for point in points]
    diffusive = [point.transport.diffusive for point in points]
    per_diffusion = np.array([[point.transport.nernst_einstein_per_diffusion] for point in points])
    return {
        "diffusion": analysis.temperature_law(temperatures, values, errors, diffusive, "diffusion"),
        "conductivity": analysis.temperature_law(
            temperatures, values * per_diffusion, errors * per_diffusion, diffusive, "conductivity"
        ),
    }


def _arrhenius_figure(
    name: str, settings: TransportSettings, points: Sequence[Point], fits: Fits, published: literature.Published
) -> Figure:
    fit, target = fits["conductivity"], settings.extrapolate_to_K
    hottest, coldest = max(point.temperature_K for point in points), min(target, points[0].temperature_K)
    inverse = np.linspace(1000 / hottest - 0.05, 1000 / coldest + 0.05, 100)
    known = [(x, estimate) for x in inverse if (estimate := fit.predict(1000 / x)) is not None]
    rows = [(float(x), e.value, e.low, e.high) for x, e in known]

    def draw(axes: Any) -> None:
        heights = [p.temperature_K * p.transport.nernst_einstein_mS_per_cm.value for p in points]
        heights = [height for height in heights if height > 0] or [1.0]
        if known:
            x, line, low, high = np.array(rows).T
            axes.fill_between(x, low * 1000 / x, high * 1000 / x, color=SERIES[0], alpha=0.15, linewidth=0)
            axes.plot(x, line * 1000 / x, color=SERIES[0])
            heights += list(line * 1000 / x)
        _scatter_conductivity(axes, points)
        for marker, (least, most, source) in zip(
            "*dX", literature.ranges(published.get("conductivity_300", [])), strict=False
        ):
            middle = (least * most) ** 0.5
            reach = [[300 * (middle - least)], [300 * (most - middle)]]
            style = {"color": SERIES[2], "markersize": 7, "capsize": 3, "linewidth": 1, "linestyle": "none"}
            axes.errorbar([1000 / 300], [300 * middle], yerr=reach, marker=marker, label=source, **style)
            heights.append(300 * middle)
        axes.axvline(1000 / target, color=INK, linewidth=0.8, alpha=0.4)
        place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": "right", "va": "top"}
        axes.annotate(f"{target:g} K", (1000 / target, 1.0), (-3, -2), fontsize=8.5, **place)
        # A band of many decades says that nothing is known; it must not squeeze what is.
        axes.set(yscale="log", xlabel="1000 K / T", ylabel="σT (K mS/cm)")
        axes.set(xlim=(inverse[0] - 0.05, inverse[-1] + 0.05), ylim=(min(heights) / 30, 30 * max(heights)))
        axes.legend(loc="lower left")

    table = [
        (
            "diffusive" if p.transport.diffusive else "not diffusive",
            1000 / p.temperature_K,
            *(getattr(p.transport.nernst_einstein_mS_per_cm, key) for key in ("value", "low", "high")),
        )
        for p in points
    ]
    table += [("fit", *row) for row in rows]
    columns = ("kind", "inverse_temperature_1000_per_K", "sigma_NE_mS_per_cm", "low_95", "high_95")
    law = f"Line and band: {fit.law} fit to σ_NE T and its 95 % interval." if fit.law else f"No line: {fit.reason}."
    caption = f"σT against 1/T. {law} Bars: 95 % intervals; pale: not diffusive, not part of any fit."
    return Figure(f"{name}-arrhenius", caption, picture(draw, height=3.9), columns, tuple(table))


def _scatter_conductivity(axes: Any, points: Sequence[Point]) -> None:
    """Both conductivities times T with their 95 % intervals; values that are not positive have no place on the axis."""
    for color, marker, face, label, pick in (
        (SERIES[0], "o", SERIES[0], "$σ_{NE}$", lambda found: found.nernst_einstein_mS_per_cm),
        (SERIES[1], "s", "white", "σ (collective)", lambda found: found.conductivity_mS_per_cm),
    ):
        for alpha, diffusive in ((1.0, True), (0.35, False)):
            shown = [(p.temperature_K, pick(p.transport)) for p in points if p.transport.diffusive == diffusive]
            shown = [(temperature, estimate) for temperature, estimate in shown if estimate.value > 0]
            if not shown:
                continue
            values = np.array([temperature * estimate.value for temperature, estimate in shown])
            reach = np.nan_to_num([temperature * (e.high - e.low) / 2 for temperature, e in shown])
            style = {"markersize": 5, "capsize": 2.5, "linewidth": 1, "markerfacecolor": face, "alpha": alpha}
            name = label if diffusive else f"{label}, not diffusive"
            axes.errorbar([1000 / temperature for temperature, _ in shown], values, yerr=[np.minimum(reach, 0.9 * values), reach],
                          fmt=marker, color=color, label=name, **style)  # fmt: skip


def _arrhenius_table(name: str, settings: TransportSettings, fits: Fits) -> Table:
    rows = []
    for key, label, unit in (("diffusion", "D*", "cm²/s"), ("conductivity", "σ_NE T", "mS/cm")):
        fit = fits[key]
        energy, predicted = fit.activation_energy_eV, fit.predict(settings.extrapolate_to_K)
        row = (
            label,
            int(fit.used.sum()),
            fit.law or NOT_DETERMINED,
            Measured.of(energy) if energy else NOT_DETERMINED,
            f"{rounded(predicted.value)} {unit}" if predicted else NOT_DETERMINED,
            f"{rounded(predicted.low)} – {rounded(predicted.high)} {unit}" if predicted else "–",
            rounded(fit.arrhenius.reduced_chi_square) if fit.arrhenius else "–",
            rounded(fit.delta_bic),
        )
        rows.append(row)
    target = f"at {settings.extrapolate_to_K:g} K"
    columns = ("fit of", "points", "law", "activation energy (eV)", target, "95 % interval", "reduced χ²", "ΔBIC")
    source = (
        "each replica fitted, then averaged" if fits["diffusion"].errors_from == "replicas" else "errors of the points"
    )
    note = f"ΔBIC: that of Arrhenius minus that of VTF; above 6 the law is VTF. Errors: {source}."
    return Table(f"{name}-arrhenius-fits", "What the diffusive temperatures determine.", columns, tuple(rows), note)
