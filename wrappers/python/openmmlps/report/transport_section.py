# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a transport protocol: mean cells, transport coefficients, mobility near each anion, and what to doubt."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.app.thermo_file import read_thermo
from openmmlps.protocols.protocol_folder import ProtocolFolder
from openmmlps.protocols.sequence import stage_result
from openmmlps.protocols.transport import TransportSettings, branch_name

from . import literature, methods, mobility_section, structure_section, thermo_section
from .content import Findings, Measured, Result, Section, Table, counted, rounded
from .diffusion_section import NOT_DETERMINED, Fits, Point, diffusion_section

_MAX_FRAMES = 3000


def transport_findings(folder: ProtocolFolder, name: str) -> Findings:
    """Findings of a transport protocol, of the runs that are finished.

    Parameters
    ----------
    folder : ProtocolFolder
        of the protocol
    name : str
        prefix of file names

    Raises
    ------
    ValueError
        no temperature is finished, or none long enough
    """
    settings, record = folder.read_settings(TransportSettings), folder.record
    points, problems = _points(folder, settings)
    if not points:
        raise ValueError(
            f"report: '{folder.shown}' gives no transport coefficients: {'; '.join(problems)}; if it is not finished, continue with: "
            f"openmm-lps transport --resume --output {folder.shown}"
        )
    symbols = points[0].trajectories[0].symbols
    glass = record["material"]["glass"]
    published = literature.published(symbols, record["material"]["name"], glass)
    label = literature.label(symbols, record["material"])
    found = Findings(
        str(folder.shown),
        "transport",
        f"Transport of {settings.mobile} in {label}",
        f"{len(symbols)} atoms, {counted(len(points), 'temperature')}",
    )
    section, fits = diffusion_section(name, settings, points, published)
    coldest, hottest = points[0], points[-1]
    found.add(
        _cells(name, settings, points, len(symbols)),
        section,
        mobility_section.mobility_section(name, settings, points),
        mobility_section.density_section(name, settings, hottest),
        mobility_section.van_hove_section(name, settings, hottest),
        structure_section.tetrahedra_section(name, hottest.trajectories[0], f"Tetrahedra at {hottest.target_K:g} K"),
        structure_section.structure_section(
            name, coldest.trajectories[0], f"Structure at {coldest.target_K:g} K", glass
        ),
    )
    found.warnings = [*problems, *_warnings(settings, points, fits, len(symbols))]
    found.results = _results(settings, points, fits, published)
    found.methods = _methods(settings, record, points)
    last = f"{label} after production at {hottest.target_K:g} K"
    found.snapshots = [structure_section.snapshot(hottest.trajectories[0], last)]
    return found


def _points(folder: ProtocolFolder, settings: TransportSettings) -> tuple[list[Point], list[str]]:
    """Temperatures from cold to hot that have transport coefficients, and why others have none."""
    points, problems = [], []
    for target in sorted(settings.temperatures_K):
        folders = [
            folder.path / branch_name(target, replica) / "production" for replica in range(1, settings.replicas + 1)
        ]
        results = {path: result for path in folders if (result := stage_result(path))}
        done = list(results)
        if len(done) < len(folders):
            problems.append(f"{target:g} K: {len(folders) - len(done)} of {len(folders)} replicas are not finished")
        if not done:
            continue
        trajectories = [analysis.read(path / "trajectory.h5") for path in done]
        trajectories = [item[:: max(1, len(item) // _MAX_FRAMES)] for item in trajectories]
        actual = float(np.mean([result["thermo"]["temperature_K"][0] for result in results.values()]))
        try:
            found = analysis.transport_coefficients(
                trajectories,
                actual,
                settings.mobile,
                settings.charge,
                blocks=settings.blocks,
                fit_window=(settings.fit_window[0], settings.fit_window[1]),
            )
        except ValueError as error:
            problems.append(f"{target:g} K: {error}")
            continue
        points.append(Point(target, actual, trajectories, done, found))
    return points, problems


def _lengths(settings: TransportSettings) -> str:
    """Lengths of the productions in words."""
    shortest, longest = min(settings.production_time_ps), max(settings.production_time_ps)
    return f"{shortest:g} ps" if shortest == longest else f"{shortest:g} to {longest:g} ps"


def _cells(name: str, settings: TransportSettings, points: Sequence[Point], atoms: int) -> Section:
    section = Section("thermodynamics", "Cells and temperatures")
    section.paragraphs.append(
        f"At each temperature the cell is the mean of the second half of {settings.cell_time_ps:g} ps at {settings.pressure_bar:g} bar "
        f"({settings.barostat} barostat); production ({settings.production_ensemble.upper()}, {_lengths(settings)}) "
        f"follows {settings.equilibration_time_ps:g} ps of unrecorded NVT in that cell."
    )
    rows = [_cell_row(settings, point, path, atoms) for point in points for path in point.folders]
    columns = ("T (K)", "replica", "a × b × c (Å)", "density (g/cm³)", "T of production (K)", "drift (meV/atom/ps)")
    section.add(Table(f"{name}-cells", "Mean cells and production runs.", columns, tuple(rows)))
    hottest = points[-1]
    data, starts = methods.joined_runs([hottest.folders[0].parent / "cell", hottest.folders[0]])
    marks = list(zip(starts, ("cell (NPT)", "production"), strict=True))
    caption = f"Temperature, potential energy and density at {hottest.target_K:g} K, {hottest.folders[0].parent.name}; bold: running mean."
    section.add(thermo_section.thermo_figure(f"{name}-history", data, atoms, caption, marks))
    return section


def _cell_row(settings: TransportSettings, point: Point, path: Path, atoms: int) -> tuple[Any, ...]:
    cell, production = stage_result(path.parent / "cell") or {}, stage_result(path) or {}
    lengths = 10 * np.linalg.norm(np.array(cell["box_nm"]), axis=1)
    drift = "–"
    if settings.production_ensemble == "nve":
        drift = f"{thermo_section.energy_drift(read_thermo(path / 'thermo.csv'), atoms)[0]:.1e}"
    return (
        f"{point.target_K:g}",
        path.parent.name,
        " × ".join(f"{length:.3f}" for length in lengths),
        Measured.of_blocks(*cell["thermo"]["density_g_per_cm3"]),
        Measured.of_blocks(*production["thermo"]["temperature_K"]),
        drift,
    )


def temperature_warning(point: Point, ensemble: str, atoms: int) -> list[str]:
    """Warning of a mean temperature more than 5 % away from the wanted one, with what would help.

    A constant-energy run keeps the energy it begins with, whose standard deviation in the canonical ensemble is
    sqrt(k C) T. Over the heat capacity C = 3 N k of a solid above its Debye temperature this is T / sqrt(3 N) of
    temperature: 4 % with 192 atoms.
    """
    deviation = abs(point.temperature_K - point.target_K)
    if deviation <= 0.05 * point.target_K:
        return []
    chance = point.target_K / np.sqrt(3 * atoms * len(point.folders))
    if ensemble == "nve" and deviation <= 3 * chance:
        advice = (
            f"energies drawn at {point.target_K:g} K give ±{chance:.0f} K with {atoms} atoms and "
            f"{counted(len(point.folders), 'replica')}; more of both come closer"
        )
    else:
        advice = "equilibrate longer to hit the target"
    return [f"{point.target_K:g} K: production ran at {point.temperature_K:.0f} K, which is used; {advice}"]


def _warnings(settings: TransportSettings, points: Sequence[Point], fits: Fits, atoms: int) -> list[str]:
    warnings = []
    if settings.replicas < 3:
        warnings.append(
            f"{counted(settings.replicas, 'replica')} at each temperature: error bars come from blocks "
            "of the paths, not from independent runs; run at least three"
        )
    for point in points:
        # The last warning is the cause; the others follow from it.
        warnings += [f"{point.target_K:g} K: {text}" for text in point.transport.warnings[-1:]]
        if settings.production_ensemble == "nve":
            for path in point.folders:
                drift = thermo_section.drift_warning(read_thermo(path / "thermo.csv"), atoms)
                warnings += [f"{point.target_K:g} K, {path.parent.name}: {drift}"] if drift else []
        warnings += temperature_warning(point, settings.production_ensemble, atoms)
    return [*warnings, *_fit_warnings(settings, points, fits["conductivity"])]


def _fit_warnings(settings: TransportSettings, points: Sequence[Point], law: analysis.TemperatureLaw) -> Iterator[str]:
    target, used = settings.extrapolate_to_K, int(law.used.sum())
    why = _why_not(settings, law)
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
            "(glass transition, order of lithium) in between would not show"
        )
    if used < 4:
        yield f"the Arrhenius fit rests on {used} temperatures, which cannot show a bend; add some"
    if law.errors_from == "points":
        yield "the fit takes points of the same glass as independent; three replicas or more tell how glasses differ"


def _why_not(settings: TransportSettings, law: analysis.TemperatureLaw) -> str:
    """Why the value at another temperature is not determined; empty if it is."""
    if not law.law:
        return law.reason
    return (
        ""
        if law.predict(settings.extrapolate_to_K)
        else f"the 95 % interval of the {law.law} fit spans a factor above 100"
    )


def _results(
    settings: TransportSettings, points: Sequence[Point], fits: Fits, published: literature.Published
) -> list[Result]:
    results, target, hottest = [], settings.extrapolate_to_K, points[-1]
    for label, unit, quantity in (("σ_NE", "mS/cm", "conductivity"), ("D*", "cm²/s", "diffusion")):
        law, known = fits[quantity], literature.quote(published.get(f"{quantity}_300")) if target == 300 else ""
        predicted, value, detail = law.predict(target), NOT_DETERMINED, _why_not(settings, law)
        how = ""
        if predicted and law.arrhenius:
            how = ", from the fit" if target >= min(law.arrhenius.temperatures_K) else ", extrapolated"
            value, detail = rounded(predicted.value), f"95 %: {rounded(predicted.low)} – {rounded(predicted.high)}"
        results.append(Result(f"{label} at {target:g} K{how} ({unit})", value, known, detail))
    law = fits["conductivity"]
    energy, known = law.activation_energy_eV, literature.quote(published.get("activation"))
    bent = "it changes with temperature (VTF)" if law.law == "VTF" else law.reason or "its 95 % interval holds zero"
    value, detail = (str(Measured.of(energy)), "") if energy else (NOT_DETERMINED, bent)
    results.append(Result("activation energy of σT (eV)", value, known, detail))
    found = hottest.transport
    return [
        *results,
        Result(f"D* at {hottest.target_K:g} K (cm²/s)", str(Measured.of(found.diffusion_cm2_per_s))),
        Result(f"Haven ratio at {hottest.target_K:g} K", str(Measured.of(found.haven_ratio))),
    ]


def _methods(settings: TransportSettings, record: Mapping[str, Any], points: Sequence[Point]) -> methods.Lines:
    status = methods.run_facts(points[0].folders[0])[1]
    structure = Path(settings.structure).name
    if set(settings.supercell) != {1.0}:
        structure += f", supercell {'×'.join(f'{count:g}' for count in settings.supercell)}"
    start, stop = settings.fit_window
    production = (
        f"{settings.production_ensemble.upper()}, {_lengths(settings)} after {settings.equilibration_time_ps:g} ps NVT, "
        f"timestep {settings.timestep_fs:g} fs"
    )
    window = f"{settings.blocks} blocks, fit from {start:g} to {stop:g} of a block, drift of the framework removed"
    return [
        *methods.common_methods(record["model"], status.get("platform")),
        ("structure", structure),
        ("temperatures", ", ".join(f"{point.target_K:g}" for point in points) + " K"),
        ("cell", f"NPT {settings.cell_time_ps:g} ps, {settings.pressure_bar:g} bar, {settings.barostat} barostat"),
        ("production", production),
        ("analysis", window),
        ("replicas, seed", f"{settings.replicas}, {settings.seed}"),
    ]
