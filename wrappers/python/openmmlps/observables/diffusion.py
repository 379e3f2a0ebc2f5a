# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Displacements, transport coefficients and their law of temperature, over all temperatures and replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.report.content import Figure, Headline, Measured, Section, Table, rounded, rows_of
from openmmlps.report.style import DASHED, GRID, INK, SERIES, heat, picture

from .observable import FILE, TRANSPORT, Curve, Needs, Observable, Result, Sample, State, Value

Fits = dict[str, analysis.TemperatureLaw]
NOT_DETERMINED = "not determined"


@dataclass(frozen=True)
class Point:
    """One temperature that has transport coefficients."""

    state: State
    transport: analysis.Transport


def _compute(sample: Sample) -> Result | None:
    if not np.isfinite(sample.hottest.temperature_K):
        return None
    points, result = [], Result()
    for state in sample.states:
        try:
            found = analysis.transport_coefficients(
                state.require(NEEDS, "diffusion"),
                state.temperature_K,
                sample.material.mobile,
                sample.material.charge,
                blocks=sample.options.get("blocks", 5),
                fit_window=sample.options.get("fit_window", (0.1, 0.5)),
            )
        except ValueError as error:
            result.warnings.append(f"{state.label}: {error}")
            continue
        points.append(Point(state, found))
        # The last warning is the cause; the others follow from it.
        result.warnings += [f"{state.label}: {text}" for text in found.warnings[-1:]]
    if not points:
        return result
    section = Section("diffusion", "Diffusion and conductivity")
    section.paragraphs.append(
        "D* is the tracer diffusion coefficient from the mean squared displacement (all time origins, drift of the rest "
        "removed), D_σ the collective one; σ_NE follows from D* (Nernst–Einstein), σ from D_σ (what impedance measures), and the "
        f"Haven ratio is D*/D_σ. Errors are 95 % intervals from {points[0].transport.errors_from}."
    )
    name = sample.name
    section.add(_msd_figure(name, points), _exponent_figure(name, points), _transport_table(name, points))
    fits = _fits(points)
    if len(sample.states) > 1:
        section.add(_arrhenius_figure(sample, points, fits), _arrhenius_table(sample, fits))
        result.headlines += _law_headlines(sample, fits)
        result.warnings += _fit_warnings(sample, points, fits["conductivity"])
    result.section = section
    result.headlines += _headlines(sample, points[-1])
    result.values += [*_values(sample, points), *_law_values(sample, fits)]
    ion = sample.material.mobile
    for point in points:
        msd = point.transport.msd
        result.curves.append(
            Curve("displacement", ion, msd.lags_ps[1:], msd.total_angstrom2[1:], _band(point), point.state.target_K)
        )
    return result


def _band(point: Point) -> np.ndarray | None:
    """Half widths of the 95 % intervals of the displacements without lag 0; None: too few replicas."""
    reach = point.transport.msd_reach_angstrom2
    return None if reach is None else reach[1:]


def _msd_figure(name: str, points: Sequence[Point]) -> Figure:
    def draw(axes: Any) -> None:
        for index, point in enumerate(points):
            msd, color = point.transport.msd, heat(index, len(points))
            axes.plot(msd.lags_ps[1:], msd.total_angstrom2[1:], color=color, label=f"{point.state.target_K:g} K")
            if (reach := _band(point)) is not None:
                low = np.maximum(msd.total_angstrom2[1:] - reach, 1e-3)
                high = msd.total_angstrom2[1:] + reach
                axes.fill_between(msd.lags_ps[1:], low, high, color=color, alpha=0.15, linewidth=0)
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
        columns += [f"{label}_{point.state.target_K:g}K" for point in points]
        values += [pick(point.transport)[: len(lags)] for point in points]
    banded = [(point, band) for point in points if (band := _band(point)) is not None]
    columns += [f"half width of the 95 % interval of msd_angstrom2_{point.state.target_K:g}K" for point, _ in banded]
    values += [np.append(0.0, band)[: len(lags)] for _, band in banded]
    bands = "; bands: 95 % intervals from replicas" if banded else ""
    caption = f"Mean squared displacement; shaded: the window of the fit within each block{bands}."
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
            axes.plot(grid, curve, color=heat(index, len(points)), label=f"{point.state.target_K:g} K")
        axes.set(xscale="log", xlabel="lag (ps)", ylabel="α = d ln MSD / d ln t", ylim=(0, 2))
        axes.legend(loc="upper right")

    columns = ("lag_ps", *(f"alpha_{point.state.target_K:g}K" for point in points))
    caption = "Is it diffusive? Local exponent of the mean squared displacement: 1 where it is; below 1 in cages."
    return Figure(f"{name}-exponent", caption, picture(draw), columns, rows_of(grid, *curves))


def _transport_table(name: str, points: Sequence[Point]) -> Table:
    rows = []
    for point in points:
        found = point.transport
        row = (
            f"{point.state.target_K:g}",
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
        f"{stop:.3g} ps at {points[-1].state.target_K:g} K, and σ is σ_NE over it."
    )
    return Table(f"{name}-transport", "Transport coefficients.", columns, tuple(rows), note)


def _fits(points: Sequence[Point]) -> Fits:
    """Laws of D* and sigma_NE through the diffusive points, replica by replica where the same glass is at all temperatures."""
    names = sorted({name for point in points for name in point.state.replicas})
    values, errors = np.full((2, len(points), len(names)), np.nan)
    for row, point in enumerate(points):
        for name, found in zip(point.state.replicas, point.transport.replica_diffusion_cm2_per_s, strict=True):
            column = names.index(name)
            values[row, column], errors[row, column] = found.value, found.standard_error
    temperatures = [point.state.temperature_K for point in points]
    diffusive = [point.transport.diffusive for point in points]
    per_diffusion = np.array([[point.transport.nernst_einstein_per_diffusion] for point in points])
    return {
        "diffusion": analysis.temperature_law(temperatures, values, errors, diffusive, "diffusion"),
        "conductivity": analysis.temperature_law(
            temperatures, values * per_diffusion, errors * per_diffusion, diffusive, "conductivity"
        ),
    }


def _arrhenius_figure(sample: Sample, points: Sequence[Point], fits: Fits) -> Figure:
    fit, target = fits["conductivity"], _target(sample)
    hottest, coldest = max(point.state.temperature_K for point in points), min(target, points[0].state.temperature_K)
    inverse = np.linspace(1000 / hottest - 0.05, 1000 / coldest + 0.05, 100)
    known = [(x, estimate) for x in inverse if (estimate := fit.predict(1000 / x)) is not None]
    rows = [(float(x), e.value, e.low, e.high) for x, e in known]

    def draw(axes: Any) -> None:
        heights = [p.state.temperature_K * p.transport.nernst_einstein_mS_per_cm.value for p in points]
        heights = [height for height in heights if height > 0] or [1.0]
        if known:
            x, line, low, high = np.array(rows).T
            axes.fill_between(x, low * 1000 / x, high * 1000 / x, color=SERIES[0], alpha=0.15, linewidth=0)
            axes.plot(x, line * 1000 / x, color=SERIES[0])
            heights += list(line * 1000 / x)
        _scatter_conductivity(axes, points)
        heights += _scatter_references(axes, sample)
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
            1000 / p.state.temperature_K,
            *(getattr(p.transport.nernst_einstein_mS_per_cm, key) for key in ("value", "low", "high")),
        )
        for p in points
    ]
    table += [("fit", *row) for row in rows]
    columns = ("kind", "inverse_temperature_1000_per_K", "sigma_NE_mS_per_cm", "low_95", "high_95")
    law = f"Line and band: {fit.law} fit to σ_NE T and its 95 % interval." if fit.law else f"No line: {fit.reason}."
    caption = f"σT against 1/T. {law} Bars: 95 % intervals; pale: not diffusive, not part of any fit."
    return Figure(f"{sample.name}-arrhenius", caption, picture(draw, height=3.9), columns, tuple(table))


def _scatter_references(axes: Any, sample: Sample) -> list[float]:
    """Published conductivities times T, by source; their heights."""
    rows = sample.references.find("conductivity") if sample.references else []
    heights = []
    for marker, source in zip("*dXPv", dict.fromkeys(row.source for row in rows), strict=False):
        own = [row for row in rows if row.source == source and row.temperature_K > 0 and row.low > 0]
        if not own:
            continue
        middles = [row.temperature_K * (row.low * row.high) ** 0.5 for row in own]
        reach = [
            [middle - row.temperature_K * row.low for middle, row in zip(middles, own, strict=True)],
            [row.temperature_K * row.high - middle for middle, row in zip(middles, own, strict=True)],
        ]
        style = {"color": SERIES[2], "markersize": 7, "capsize": 3, "linewidth": 1, "linestyle": "none"}
        axes.errorbar([1000 / row.temperature_K for row in own], middles, yerr=np.maximum(reach, 0), marker=marker,
                      label=source, **style)  # fmt: skip
        heights += middles
    return heights


def _scatter_conductivity(axes: Any, points: Sequence[Point]) -> None:
    """Both conductivities times T with their 95 % intervals; values that are not positive have no place on the axis."""
    for color, marker, face, label, pick in (
        (SERIES[0], "o", SERIES[0], "$σ_{NE}$", lambda found: found.nernst_einstein_mS_per_cm),
        (SERIES[1], "s", "white", "σ (collective)", lambda found: found.conductivity_mS_per_cm),
    ):
        for alpha, diffusive in ((1.0, True), (0.35, False)):
            shown = [(p.state.temperature_K, pick(p.transport)) for p in points if p.transport.diffusive == diffusive]
            shown = [(temperature, estimate) for temperature, estimate in shown if estimate.value > 0]
            if not shown:
                continue
            values = np.array([temperature * estimate.value for temperature, estimate in shown])
            reach = np.nan_to_num([temperature * (e.high - e.low) / 2 for temperature, e in shown])
            style = {"markersize": 5, "capsize": 2.5, "linewidth": 1, "markerfacecolor": face, "alpha": alpha}
            name = label if diffusive else f"{label}, not diffusive"
            axes.errorbar([1000 / temperature for temperature, _ in shown], values, yerr=[np.minimum(reach, 0.9 * values), reach],
                          fmt=marker, color=color, label=name, **style)  # fmt: skip


def _arrhenius_table(sample: Sample, fits: Fits) -> Table:
    rows, goal = [], _target(sample)
    for key, label, unit in (("diffusion", "D*", "cm²/s"), ("conductivity", "σ_NE T", "mS/cm")):
        fit = fits[key]
        energy, predicted = fit.activation_energy_eV, fit.predict(goal)
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
    target = f"at {goal:g} K"
    columns = ("fit of", "points", "law", "activation energy (eV)", target, "95 % interval", "reduced χ²", "ΔBIC")
    source = (
        "each replica fitted, then averaged" if fits["diffusion"].errors_from == "replicas" else "errors of the points"
    )
    note = f"ΔBIC: that of Arrhenius minus that of VTF; above 6 the law is VTF. Errors: {source}."
    return Table(
        f"{sample.name}-arrhenius-fits", "What the diffusive temperatures determine.", columns, tuple(rows), note
    )


def _target(sample: Sample) -> float:
    """Temperature at which the law is read, K."""
    return float(sample.options.get("extrapolate_to_K", 300.0))


def _why_not(law: analysis.TemperatureLaw, target: float) -> str:
    """Why the value at another temperature is not determined; empty if it is."""
    if not law.law:
        return law.reason
    return "" if law.predict(target) else f"the 95 % interval of the {law.law} fit spans a factor above 100"


def _fit_warnings(sample: Sample, points: Sequence[Point], law: analysis.TemperatureLaw) -> Iterator[str]:
    target, used = _target(sample), int(law.used.sum())
    why = _why_not(law, target)
    if why:
        yield f"the conductivity at {target:g} K is {NOT_DETERMINED}: {why}; run longer, add temperatures and replicas"
    if used < len(points):
        yield f"{len(points) - used} of {len(points)} temperatures are not diffusive and enter no fit"
    if not law.law or law.arrhenius is None:
        return
    lowest = float(min(law.arrhenius.temperatures_K))
    if target < 0.8 * lowest:
        yield (
            f"values at {target:g} K are extrapolated from {lowest:.0f} K and above: a change of mechanism "
            f"(glass transition, order of {sample.material.mobile}) in between would not show"
        )
    if used < 4:
        yield f"the Arrhenius fit rests on {used} temperatures, which cannot show a bend; add some"
    if law.errors_from == "points":
        yield "the fit takes points of the same sample as independent; three replicas or more tell how samples differ"


def _law_headlines(sample: Sample, fits: Fits) -> Iterator[Headline]:
    target, ion = _target(sample), sample.material.mobile
    for label, unit, quantity, of in (("σ_NE", "mS/cm", "conductivity", ""), ("D*", "cm²/s", "diffusion", ion)):
        law, known = fits[quantity], sample.references.quote(quantity, of, target) if sample.references else ""
        predicted, value, detail = law.predict(target), NOT_DETERMINED, _why_not(law, target)
        how = ""
        if predicted and law.arrhenius:
            how = ", from the fit" if target >= min(law.arrhenius.temperatures_K) else ", extrapolated"
            value, detail = rounded(predicted.value), f"95 %: {rounded(predicted.low)} – {rounded(predicted.high)}"
        yield Headline(f"{label} at {target:g} K{how} ({unit})", value, known, detail)
    law = fits["conductivity"]
    energy, known = law.activation_energy_eV, sample.references.quote("activation_energy") if sample.references else ""
    bent = "it changes with temperature (VTF)" if law.law == "VTF" else law.reason or "its 95 % interval holds zero"
    value, detail = (str(Measured.of(energy)), "") if energy else (NOT_DETERMINED, bent)
    yield Headline("activation energy of σT (eV)", value, known, detail)


def _headlines(sample: Sample, point: Point) -> Iterator[Headline]:
    """Of the hottest temperature; of the only one, its conductivities too."""
    found, at = point.transport, f" at {point.state.target_K:g} K"
    ion, references = sample.material.mobile, sample.references
    known = references.quote("diffusion", ion, point.state.target_K) if references else ""
    yield Headline(f"D* of {ion}{at} (cm²/s)", str(Measured.of(found.diffusion_cm2_per_s)), known)
    if len(sample.states) == 1:
        known = references.quote("conductivity", "", point.state.target_K) if references else ""
        yield Headline(f"σ_NE{at} (mS/cm)", str(Measured.of(found.nernst_einstein_mS_per_cm)), known)
        yield Headline(f"σ, collective{at} (mS/cm)", str(Measured.of(found.conductivity_mS_per_cm)))
    yield Headline(f"Haven ratio{at}", str(Measured.of(found.haven_ratio)))


def _values(sample: Sample, points: Sequence[Point]) -> Iterator[Value]:
    for point in points:
        found = point.transport
        for quantity, of, estimate in (
            ("diffusion", sample.material.mobile, found.diffusion_cm2_per_s),
            ("conductivity", "", found.nernst_einstein_mS_per_cm),
            ("collective_conductivity", "", found.conductivity_mS_per_cm),
            ("haven_ratio", "", found.haven_ratio),
        ):
            yield Value(quantity, Measured.of(estimate), of, point.state.target_K)


def _law_values(sample: Sample, fits: Fits) -> Iterator[Value]:
    """What the fits give where it was not simulated; nan: not determined."""
    if len(sample.states) == 1:
        return
    target, energy = _target(sample), fits["conductivity"].activation_energy_eV
    yield Value("activation_energy", Measured.of(energy) if energy else Measured(np.nan))
    if any(state.target_K == target for state in sample.states):
        return
    for quantity, of in (("conductivity", ""), ("diffusion", sample.material.mobile)):
        predicted = fits[quantity].predict(target)
        if predicted:
            yield Value(quantity, Measured.of(predicted), of, target, (predicted.low, predicted.high))
        else:
            yield Value(quantity, Measured(np.nan), of, target)


NEEDS = Needs(frames=3000, time_ps=1.0)
diffusion = Observable("diffusion", _compute, "conductivity", NEEDS, (TRANSPORT, FILE), mobile=True)
