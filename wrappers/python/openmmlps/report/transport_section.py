# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a transport protocol: mean cells, displacements, conductivity, Arrhenius, mobility near each anion."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openmmlps import analysis
from openmmlps.app.thermo_file import read_thermo
from openmmlps.protocols.sequence import stage_result
from openmmlps.protocols.transport import TransportSettings, branch_name

from . import literature, methods, mobility_section, structure_section, thermo_section
from .content import Figure, Findings, Measured, Result, Section, Table, rounded
from .style import GRID, INK, SERIES, heat, picture

_MAX_FRAMES = 3000


@dataclass(frozen=True)
class Point:
    """One temperature."""

    target_K: float
    temperature_K: float  #: mean of the production
    trajectories: list
    folders: list
    transport: analysis.Transport


def transport_findings(folder, name):
    """Findings of a transport protocol.

    :param folder: :class:`~openmmlps.protocols.protocol_folder.ProtocolFolder`
    :param name: prefix of file names
    :raises ValueError: no temperature is finished, or none long enough
    """
    settings, record = folder.read_settings(TransportSettings), folder.record
    points, problems = _points(folder, settings)
    if not points:
        raise ValueError(
            f"report: '{folder.path}' gives no transport coefficients: {'; '.join(problems)}; if it is not finished, continue with: "
            f"openmm-lps transport --resume --output {folder.path}"
        )
    symbols = points[0].trajectories[0].symbols
    glass, crystal = record["material"]["glass"], record["material"]["name"]
    published = literature.published(symbols, crystal, glass)
    label = literature.label(symbols, record["material"])
    found = Findings(
        str(folder.path),
        "transport",
        f"Transport of {settings.mobile} in {label}",
        f"{len(symbols)} atoms, {len(points)} temperatures",
    )
    found.sections.append(_cells(name, settings, points, len(symbols)))
    section, fits = _transport(name, settings, points, published)
    found.sections.append(section)
    hottest = points[-1]
    for section in (
        mobility_section.mobility_section(name, settings, hottest),
        mobility_section.density_section(name, settings, hottest),
        mobility_section.van_hove_section(name, settings, hottest),
    ):
        if section is not None:
            found.sections.append(section)
    tetrahedra = structure_section.tetrahedra_section(
        name, hottest.trajectories[0], f"Tetrahedra at {hottest.target_K:g} K"
    )
    if tetrahedra is not None:
        found.sections.append(tetrahedra)
    found.sections.append(
        structure_section.structure_section(
            name, points[0].trajectories[0], f"Structure at {points[0].target_K:g} K", glass
        )
    )
    found.warnings = [*problems, *_warnings(settings, points, fits, len(symbols))]
    found.results = _results(settings, points, fits, published)
    found.methods = _methods(settings, record, points)
    found.snapshots = [
        structure_section.snapshot(hottest.trajectories[0], f"{label} after production at {hottest.target_K:g} K")
    ]
    return found


def _points(folder, settings):
    points, problems = [], []
    for target in sorted(settings.temperatures_K):
        folders = [
            folder.path / branch_name(target, replica) / "production" for replica in range(1, settings.replicas + 1)
        ]
        done = [path for path in folders if stage_result(path)]
        if len(done) < len(folders):
            problems.append(f"{target:g} K: {len(folders) - len(done)} of {len(folders)} replicas are not finished")
        if not done:
            continue
        trajectories = [analysis.read(path / "trajectory.h5") for path in done]
        trajectories = [item[:: max(1, len(item) // _MAX_FRAMES)] for item in trajectories]
        actual = float(np.mean([stage_result(path)["thermo"]["temperature_K"][0] for path in done]))
        try:
            found = analysis.transport_coefficients(
                trajectories,
                actual,
                settings.mobile,
                settings.charge,
                blocks=settings.blocks,
                fit_window=tuple(settings.fit_window),
            )
        except ValueError as error:
            problems.append(f"{target:g} K: {error}")
            continue
        points.append(Point(target, actual, trajectories, done, found))
    return points, problems


def _lengths(settings):
    """Lengths of the productions in words."""
    shortest, longest = min(settings.production_time_ps), max(settings.production_time_ps)
    if shortest == longest:
        return f"{shortest:g} ps"
    return f"{shortest:g} to {longest:g} ps"


def _cells(name, settings, points, atoms):
    section = Section("thermodynamics", "Cells and temperatures")
    section.paragraphs.append(
        f"At each temperature the cell is the mean of the second half of {settings.cell_time_ps:g} ps at {settings.pressure_bar:g} bar "
        f"({settings.barostat} barostat); production ({settings.production_ensemble.upper()}, {_lengths(settings)}) "
        f"follows {settings.equilibration_time_ps:g} ps of unrecorded NVT in that cell."
    )
    rows = []
    for point in points:
        for path in point.folders:
            cell = stage_result(path.parent / "cell")
            data = read_thermo(path / "thermo.csv")
            box = np.array(cell["box_nm"]) * 10
            rows.append(
                (
                    f"{point.target_K:g}",
                    path.parent.name,
                    " × ".join(f"{length:.3f}" for length in np.linalg.norm(box, axis=1)),
                    Measured(*cell["thermo"]["density_g_per_cm3"]),
                    Measured(*thermo_section.block_mean(data["temperature_K"])),
                    f"{thermo_section.drift_meV_per_atom_ps(data, atoms):.1e}"
                    if settings.production_ensemble == "nve"
                    else "–",
                )
            )
    columns = ("T (K)", "replica", "a × b × c (Å)", "density (g/cm³)", "T of production (K)", "drift (meV/atom/ps)")
    section.add(Table(f"{name}-cells", "Mean cells and production runs.", columns, tuple(rows)))
    hottest = points[-1]
    data, starts = thermo_section.joined([hottest.folders[0].parent / "cell", hottest.folders[0]])
    marks = list(zip(starts, ("cell (NPT)", "production"), strict=True))
    caption = f"Temperature, potential energy and density at {hottest.target_K:g} K, {hottest.folders[0].parent.name}; bold: running mean."
    section.add(thermo_section.thermo_figure(f"{name}-history", data, atoms, caption, marks))
    return section


def _transport(name, settings, points, published):
    section = Section("transport", "Diffusion and conductivity")
    section.paragraphs.append(
        "D* is the tracer diffusion coefficient from the mean squared displacement (all time origins, drift of the framework "
        "removed), D_σ the collective one; σ_NE follows from D* (Nernst–Einstein), σ from D_σ (what impedance measures), and the "
        f"Haven ratio is D*/D_σ. Errors are standard errors from {points[0].transport.errors_from}."
    )
    section.add(_msd_figure(name, points), _exponent_figure(name, points))
    section.add(_transport_table(name, points))
    fits = _fits(points)
    if fits:
        section.add(_arrhenius_figure(name, settings, points, fits, published), _arrhenius_table(name, settings, fits))
    return section, fits


def _msd_figure(name, points):
    def draw(axes):
        for index, point in enumerate(points):
            msd = point.transport.msd
            axes.plot(
                msd.lags_ps[1:], msd.total_angstrom2[1:], color=heat(index, len(points)), label=f"{point.target_K:g} K"
            )
        start, stop = points[-1].transport.fit_start_ps, points[-1].transport.fit_stop_ps
        axes.axvspan(start, stop, color=GRID, zorder=0)
        top = points[-1].transport.msd
        guide = np.array([start, stop])
        middle = float(np.interp(start, top.lags_ps, top.total_angstrom2))
        axes.plot(guide, 1.7 * middle * guide / start, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.annotate(
            "slope 1", (guide[1], 1.7 * middle * stop / start), (3, 0), textcoords="offset points", fontsize=8.5
        )
        axes.set(xscale="log", yscale="log", xlabel="lag (ps)", ylabel="MSD (Å²)")
        axes.legend(loc="upper left")

    columns, rows = _curves(points, lambda t: t.msd.total_angstrom2, "msd_angstrom2")
    collective, more = _curves(points, lambda t: t.collective_msd.total_angstrom2, "collective_msd_angstrom2")
    rows = tuple(a + b[1:] for a, b in zip(rows, more, strict=True))
    caption = "Mean squared displacement; shaded: the window of the fit within each block."
    return Figure(f"{name}-msd", caption, picture(draw), columns + collective[1:], rows)


def _curves(points, pick, label):
    count = min(len(pick(point.transport)) for point in points)
    columns = ("lag_ps", *(f"{label}_{point.target_K:g}K" for point in points))
    values = [points[0].transport.msd.lags_ps[:count], *(pick(point.transport)[:count] for point in points)]
    return columns, tuple(tuple(float(v) for v in row) for row in zip(*values, strict=True))


def _exponent_figure(name, points):
    grid = np.geomspace(points[0].transport.msd.lags_ps[2], points[0].transport.msd.lags_ps[-1], 40)
    curves = []
    for point in points:
        msd = point.transport.msd
        logs = np.interp(np.log(grid), np.log(msd.lags_ps[1:]), np.log(np.maximum(msd.total_angstrom2[1:], 1e-12)))
        curves.append(np.gradient(logs, np.log(grid)))

    def draw(axes):
        axes.axhline(1, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        for index, (point, curve) in enumerate(zip(points, curves, strict=True)):
            axes.plot(grid, curve, color=heat(index, len(points)), label=f"{point.target_K:g} K")
        axes.set(xscale="log", xlabel="lag (ps)", ylabel="α = d ln MSD / d ln t", ylim=(0, 2))
        axes.legend(loc="upper right")

    columns = ("lag_ps", *(f"alpha_{point.target_K:g}K" for point in points))
    rows = tuple(tuple(float(v) for v in row) for row in zip(grid, *curves, strict=True))
    caption = "Is it diffusive? Local exponent of the mean squared displacement: 1 where it is; below 1 in cages."
    return Figure(f"{name}-exponent", caption, picture(draw), columns, rows)


def _transport_table(name, points):
    rows = []
    for point in points:
        t = point.transport
        directions = " / ".join(f"{10**5 * item.value:.2g}" for item in t.direction_diffusion_cm2_per_s)
        rows.append(
            (
                f"{point.target_K:g}",
                _estimate(t.diffusion_cm2_per_s, 1e5),
                directions,
                _estimate(t.nernst_einstein_mS_per_cm),
                _estimate(t.conductivity_mS_per_cm),
                _estimate(t.haven_ratio),
                _estimate(t.exponent),
                "yes" if t.diffusive else "no",
            )
        )
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
    note = "± standard error. The collective σ is a single path per replica, hence its far larger error."
    return Table(f"{name}-transport", "Transport coefficients.", columns, tuple(rows), note)


def _estimate(estimate, factor=1.0):
    return Measured(estimate.value * factor, estimate.standard_error * factor)


def _fits(points):
    """Arrhenius fits of D* and sigma_NE: dict quantity -> fit; empty if there are too few points.

    Points whose 95 % interval holds zero are left out: their logarithm means nothing.
    """
    fits = {}
    for key, quantity, pick in (
        ("diffusion", "diffusion", lambda t: t.diffusion_cm2_per_s),
        ("conductivity", "conductivity", lambda t: t.nernst_einstein_mS_per_cm),
    ):
        usable = [p for p in points if pick(p.transport).low > 0]
        try:
            fits[key] = analysis.arrhenius_fit(
                [p.temperature_K for p in usable],
                [pick(p.transport).value for p in usable],
                [pick(p.transport).standard_error for p in usable],
                quantity,
            )
        except ValueError:
            return {}
    return fits


def _arrhenius_figure(name, settings, points, fits, published):
    fit, target = fits["conductivity"], settings.extrapolate_to_K
    inverse = np.linspace(
        1000 / max(p.temperature_K for p in points) - 0.05, 1000 / min(target, points[0].temperature_K) + 0.05, 100
    )
    predicted = [fit.predict(1000 / x) for x in inverse]
    factor = 1000 / inverse  # sigma T

    def draw(axes):
        axes.fill_between(
            inverse,
            [p.low * t for p, t in zip(predicted, factor, strict=True)],
            [p.high * t for p, t in zip(predicted, factor, strict=True)],
            color=SERIES[0],
            alpha=0.15,
            linewidth=0,
        )
        axes.plot(inverse, [p.value * t for p, t in zip(predicted, factor, strict=True)], color=SERIES[0])
        for key, colour, marker, label in (
            ("ne", SERIES[0], "o", "$σ_{NE}$"),
            ("collective", SERIES[1], "s", "σ (collective)"),
        ):
            x, y, low, high = [], [], [], []
            for point in points:
                t = point.transport
                estimate = t.nernst_einstein_mS_per_cm if key == "ne" else t.conductivity_mS_per_cm
                if estimate.value <= 0:
                    continue
                x.append(1000 / point.temperature_K)
                y.append(estimate.value * point.temperature_K)
                error = estimate.standard_error * point.temperature_K if np.isfinite(estimate.standard_error) else 0.0
                low.append(min(error, 0.9 * y[-1]))
                high.append(error)
            axes.errorbar(x, y, yerr=[low, high], fmt=marker, color=colour, markersize=5, capsize=2.5, linewidth=1, label=label,
                          markerfacecolor="white" if key == "collective" else colour)  # fmt: skip
        for marker, (low, high, source) in zip(
            "*dX", literature.ranges(published.get("conductivity_300", [])), strict=False
        ):
            middle = (low * high) ** 0.5
            reach = [[300 * (middle - low)], [300 * (high - middle)]]
            style = {"color": SERIES[2], "markersize": 7, "capsize": 3, "linewidth": 1, "linestyle": "none"}
            axes.errorbar([1000 / 300], [300 * middle], yerr=reach, marker=marker, label=source, **style)
        axes.axvline(1000 / target, color=INK, linewidth=0.8, alpha=0.4)
        axes.annotate(f"{target:g} K", (1000 / target, 1.0), (-3, -2), xycoords=("data", "axes fraction"),
                      textcoords="offset points", ha="right", va="top", fontsize=8.5)  # fmt: skip
        line = [p.value * t for p, t in zip(predicted, factor, strict=True)]
        # A band of many decades says that nothing is known; it must not squeeze what is.
        axes.set(yscale="log", xlabel="1000 K / T", ylabel="σT (K mS/cm)", ylim=(min(line) / 100, 100 * max(line)))
        axes.legend(loc="lower left")

    columns = ("inverse_temperature_1000_per_K", "sigma_NE_mS_per_cm", "low_95", "high_95")
    rows = tuple((float(x), p.value, p.low, p.high) for x, p in zip(inverse, predicted, strict=True))
    caption = "Arrhenius plot. Line and band: weighted fit to σ_NE T and its 95 % interval. Points: standard errors."
    return Figure(f"{name}-arrhenius", caption, picture(draw, height=3.9), columns, rows)


def _arrhenius_table(name, settings, fits):
    rows = []
    for key, label in (("diffusion", "D*"), ("conductivity", "σ_NE T")):
        fit = fits[key]
        energy, predicted = fit.activation_energy_eV, fit.predict(settings.extrapolate_to_K)
        unit = "cm²/s" if key == "diffusion" else "mS/cm"
        rows.append(
            (
                label,
                Measured(energy.value, energy.standard_error),
                f"{rounded(predicted.value)} {unit}",
                f"{rounded(predicted.low)} – {rounded(predicted.high)} {unit}",
                rounded(fit.reduced_chi_square) if np.isfinite(fit.reduced_chi_square) else "–",
            )
        )
    columns = ("fit of", "activation energy (eV)", f"at {settings.extrapolate_to_K:g} K", "95 % interval", "reduced χ²")
    return Table(f"{name}-arrhenius-fits", "Weighted Arrhenius fits.", columns, tuple(rows))


def temperature_warning(point, ensemble, atoms):
    """Warning of a mean temperature more than 5 % away from the wanted one, with what would help.

    A constant-energy run keeps the energy it begins with, whose standard deviation in the canonical ensemble is sqrt(k C) T. Over the heat
    capacity C = 3 N k of a solid above its Debye temperature this is T / sqrt(3 N) of temperature: 4 % with 192 atoms.
    """
    deviation = abs(point.temperature_K - point.target_K)
    if deviation <= 0.05 * point.target_K:
        return []
    chance = point.target_K / np.sqrt(3 * atoms * len(point.folders))
    if ensemble == "nve" and deviation <= 3 * chance:
        advice = (
            f"energies drawn at {point.target_K:g} K give ±{chance:.0f} K with {atoms} atoms and {len(point.folders)} "
            f"replica{'s' if len(point.folders) > 1 else ''}; more of both come closer"
        )
    else:
        advice = "equilibrate longer to hit the target"
    return [f"{point.target_K:g} K: production ran at {point.temperature_K:.0f} K, which is used; {advice}"]


def _warnings(settings, points, fits, atoms):
    warnings = []
    if settings.replicas < 3:
        warnings.append(
            f"{settings.replicas} replica{'s' if settings.replicas > 1 else ''} at each temperature: error bars come from blocks "
            "of the paths, not from independent runs; run at least three"
        )
    for point in points:
        warnings += [
            f"{point.target_K:g} K: {text}" for text in point.transport.warnings[-1:]
        ]  # the others follow from it
        for path in point.folders:
            drift = thermo_section.drift_meV_per_atom_ps(read_thermo(path / "thermo.csv"), atoms)
            if settings.production_ensemble == "nve" and abs(drift) > 0.02:
                warnings.append(
                    f"{point.target_K:g} K, {path.parent.name}: the total energy drifts by {drift:.2g} meV/atom/ps; use a shorter timestep"
                )
        warnings += temperature_warning(point, settings.production_ensemble, atoms)
    if fits:
        lowest = float(min(fits["conductivity"].temperatures_K))
        if settings.extrapolate_to_K < 0.8 * lowest:
            warnings.append(
                f"values at {settings.extrapolate_to_K:g} K are extrapolated from {lowest:.0f} K and above: a change of mechanism "
                "(glass transition, order of lithium) in between would not show"
            )
        used = len(fits["conductivity"].values)
        if used < len(points):
            warnings.append(
                f"{len(points) - used} of {len(points)} temperatures are left out of the fit: D* is not distinguishable from zero"
            )
        predicted = fits["conductivity"].predict(settings.extrapolate_to_K)
        decades = np.log10(predicted.high / max(predicted.low, 1e-300))
        if decades > 3:
            warnings.append(
                f"the conductivity at {settings.extrapolate_to_K:g} K is not determined: its 95 % interval spans {decades:.0f} orders of "
                "magnitude, since the points do not lie on a line within their errors; run longer, add temperatures and replicas"
            )
        if used < 4:
            warnings.append(f"the Arrhenius fit rests on {used} temperatures; add some")
    else:
        warnings.append(
            "no Arrhenius fit: at least two temperatures with a diffusion coefficient distinguishable from zero are needed"
        )
    return warnings


def _results(settings, points, fits, published):
    results = []
    hottest = points[-1]
    if fits:
        target = settings.extrapolate_to_K
        at = target == 300
        sigma, diffusion = fits["conductivity"].predict(target), fits["diffusion"].predict(target)
        energy = fits["conductivity"].activation_energy_eV
        interval = "95 %: {} – {}"
        how = "from the fit" if target >= min(fits["conductivity"].temperatures_K) else "extrapolated"
        results += [
            Result(f"σ_NE at {target:g} K, {how} (mS/cm)", rounded(sigma.value), literature.quote(published.get("conductivity_300")) if at else "",
                   interval.format(rounded(sigma.low), rounded(sigma.high))),
            Result(f"D* at {target:g} K, {how} (cm²/s)", rounded(diffusion.value), literature.quote(published.get("diffusion_300")) if at else "",
                   interval.format(rounded(diffusion.low), rounded(diffusion.high))),
            Result("activation energy of σT (eV)", rounded(energy.value, energy.standard_error), literature.quote(published.get("activation"))),
        ]  # fmt: skip
    t = hottest.transport
    results += [
        Result(f"D* at {hottest.target_K:g} K (cm²/s)", str(_estimate(t.diffusion_cm2_per_s))),
        Result(f"Haven ratio at {hottest.target_K:g} K", str(_estimate(t.haven_ratio))),
    ]
    return results


def _methods(settings, record, points):
    _, status = methods.run_facts(points[0].folders[0])
    lines = methods.common_methods(record["model"], status)
    lines += [
        ("structure", Path(settings.structure).name + (f", supercell {'×'.join(f'{n:g}' for n in settings.supercell)}" if set(settings.supercell) != {1.0} else "")),
        ("temperatures", ", ".join(f"{point.target_K:g}" for point in points) + " K"),
        ("cell", f"NPT {settings.cell_time_ps:g} ps, {settings.pressure_bar:g} bar, {settings.barostat} barostat"),
        ("production", f"{settings.production_ensemble.upper()}, {_lengths(settings)} after {settings.equilibration_time_ps:g} ps NVT, timestep {settings.timestep_fs:g} fs"),
        ("analysis", f"{settings.blocks} blocks, fit from {settings.fit_window[0]:g} to {settings.fit_window[1]:g} of a block, drift of the framework removed"),
        ("replicas, seed", f"{settings.replicas}, {settings.seed}"),
    ]  # fmt: skip
    return lines
