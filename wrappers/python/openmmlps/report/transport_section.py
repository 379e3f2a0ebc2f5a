# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a transport protocol: mean cells, transport coefficients, mobility near each anion, and what to doubt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.app.thermo_file import read_thermo
from openmmlps.observables import TRANSPORT, Sample, State, Value
from openmmlps.protocols.protocol_folder import ProtocolFolder
from openmmlps.protocols.sequence import stage_result
from openmmlps.protocols.transport import TransportSettings, branch_name, field_name

from . import methods, snapshots, thermo_section
from .content import Findings, Headline, Measured, Section, Table, counted
from .samples import Beside, add_observables, label_of, names_of, phase_of


def transport_findings(folder: ProtocolFolder, name: str, beside: Beside) -> Findings:
    """Findings of a transport protocol, of the runs that are finished.

    Parameters
    ----------
    folder : ProtocolFolder
        of the protocol
    name : str
        prefix of file names
    beside : Beside
        what is given beside the folder

    Raises
    ------
    ValueError
        no temperature is finished
    """
    settings, record = folder.read_settings(TransportSettings), folder.record
    points, problems = _points(folder, settings)
    if not points:
        raise ValueError(
            f"report: no run of '{folder.shown}' is finished: {'; '.join(problems)}; "
            f"continue with: openmm-lps transport --resume --output {folder.shown}"
        )
    symbols = points[0].state.trajectories[0].symbols
    material, label = beside.material(symbols, settings), label_of(record["material"])
    found = Findings(
        str(folder.shown),
        "transport",
        f"Transport of {material.mobile} in {label}",
        f"{len(symbols)} atoms, {counted(len(points), 'temperature')}",
    )
    phase = phase_of(record["material"])
    sample = Sample(
        name,
        TRANSPORT,
        label,
        material,
        tuple(point.state for point in points),
        record["material"]["glass"],
        phase,
        record["material"]["name"],
        beside.references(material, phase),
        {
            "blocks": settings.blocks,
            "fit_window": (settings.fit_window[0], settings.fit_window[1]),
            "extrapolate_to_K": settings.extrapolate_to_K,
            "field_direction": settings.field_direction,
        },
    )
    found.warnings = [*problems, *_warnings(settings, points, len(symbols))]
    add_observables(found, sample)
    hottest = points[-1].state
    found.add(_cells(name, settings, points, len(symbols)))
    found.methods = [*_methods(settings, record, points), *material.lines()]
    found.values += _cell_values(settings, points, sample.glass)
    for value in found.values:
        if value.quantity == "density" and value.temperature_K == points[0].state.target_K:
            known = sample.references.quote("density", "", value.temperature_K) if sample.references else ""
            found.results.append(Headline(f"density at {points[0].state.label} (g/cm³)", str(value.measured), known))
    last = f"{label} after production at {hottest.label}"
    found.snapshots = [snapshots.snapshot(hottest.trajectories[0], last, material)]
    return found


@dataclass(frozen=True)
class _Point:
    """One temperature: its state, and the folders of its productions."""

    state: State
    folders: Sequence[Path]


def _points(folder: ProtocolFolder, settings: TransportSettings) -> tuple[list[_Point], list[str]]:
    """Temperatures from cold to hot that have finished replicas, and what is missing."""
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
        actual = float(np.mean([result["thermo"]["temperature_K"][0] for result in results.values()]))
        trajectories = tuple(analysis.read(path / "trajectory.h5") for path in done)
        driven = {
            field: found
            for field in settings.field_V_per_angstrom
            if (found := _finished([path.parent / field_name(field) for path in done]))
        }
        close = _finished([path.parent / "close" for path in done]) if settings.close_time_ps else ()
        state = State(trajectories, names_of(done), target, actual, brief=close, driven=driven)
        points.append(_Point(state, done))
    return points, problems


def _finished(folders: Sequence[Path]) -> tuple[analysis.Trajectory, ...]:
    """Trajectories of the runs that are finished."""
    return tuple(analysis.read(path / "trajectory.h5") for path in folders if stage_result(path))


def _lengths(settings: TransportSettings) -> str:
    """Lengths of the productions in words."""
    shortest, longest = min(settings.production_time_ps), max(settings.production_time_ps)
    return f"{shortest:g} ps" if shortest == longest else f"{shortest:g} to {longest:g} ps"


def _cells(name: str, settings: TransportSettings, points: Sequence[_Point], atoms: int) -> Section:
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
    caption = f"Temperature, potential energy and density at {hottest.state.target_K:g} K, {hottest.folders[0].parent.name}; bold: running mean."
    section.add(thermo_section.thermo_figure(f"{name}-history", data, atoms, caption, marks))
    return section


def _cell_values(settings: TransportSettings, points: Sequence[_Point], glass: bool) -> Iterator[Value]:
    """Density of the mean cells, and the edges of the unit cell."""
    for point in points:
        cells = [stage_result(path.parent / "cell") or {} for path in point.folders]
        densities = [Measured.of_blocks(*cell["thermo"]["density_g_per_cm3"]) for cell in cells]
        density = densities[0] if len(cells) == 1 else Measured.of_samples(item.value for item in densities)
        yield Value("density", density, "", point.state.target_K)
        if glass:
            continue
        edges = np.array([10 * np.linalg.norm(np.array(cell["box_nm"]), axis=1) for cell in cells])
        for name, samples in zip("abc", (edges / np.array(settings.supercell)).T, strict=True):
            yield Value("cell_length", Measured.of_samples(samples), name, point.state.target_K)


def _cell_row(settings: TransportSettings, point: _Point, path: Path, atoms: int) -> tuple[Any, ...]:
    cell, production = stage_result(path.parent / "cell") or {}, stage_result(path) or {}
    lengths = 10 * np.linalg.norm(np.array(cell["box_nm"]), axis=1)
    drift = "–"
    if settings.production_ensemble == "nve":
        drift = f"{thermo_section.energy_drift(read_thermo(path / 'thermo.csv'), atoms)[0]:.1e}"
    return (
        f"{point.state.target_K:g}",
        path.parent.name,
        " × ".join(f"{length:.3f}" for length in lengths),
        Measured.of_blocks(*cell["thermo"]["density_g_per_cm3"]),
        Measured.of_blocks(*production["thermo"]["temperature_K"]),
        drift,
    )


def temperature_warning(state: State, ensemble: str, atoms: int) -> list[str]:
    """Warning of a mean temperature more than 5 % away from the wanted one, with what would help.

    A constant-energy run keeps the energy it begins with, whose standard deviation in the canonical ensemble is
    sqrt(k C) T. Over the heat capacity C = 3 N k of a solid above its Debye temperature this is T / sqrt(3 N) of
    temperature: 4 % with 192 atoms.
    """
    deviation, replicas = abs(state.temperature_K - state.target_K), len(state.replicas)
    if deviation <= 0.05 * state.target_K:
        return []
    chance = state.target_K / np.sqrt(3 * atoms * replicas)
    if ensemble == "nve" and deviation <= 3 * chance:
        advice = (
            f"energies drawn at {state.target_K:g} K give ±{chance:.0f} K with {atoms} atoms and "
            f"{counted(replicas, 'replica')}; more of both come closer"
        )
    else:
        advice = "equilibrate longer to hit the target"
    return [f"{state.target_K:g} K: production ran at {state.temperature_K:.0f} K, which is used; {advice}"]


def _warnings(settings: TransportSettings, points: Sequence[_Point], atoms: int) -> list[str]:
    warnings = []
    if settings.replicas < 3:
        warnings.append(
            f"{counted(settings.replicas, 'replica')} at each temperature: error bars come from blocks "
            "of the paths, not from independent runs; run at least three"
        )
    for point in points:
        if settings.production_ensemble == "nve":
            for path in point.folders:
                drift = thermo_section.drift_warning(read_thermo(path / "thermo.csv"), atoms)
                warnings += [f"{point.state.label}, {path.parent.name}: {drift}"] if drift else []
        warnings += temperature_warning(point.state, settings.production_ensemble, atoms)
    return warnings


def _methods(settings: TransportSettings, record: Mapping[str, Any], points: Sequence[_Point]) -> methods.Lines:
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
        ("temperatures", ", ".join(f"{point.state.target_K:g}" for point in points) + " K"),
        ("cell", f"NPT {settings.cell_time_ps:g} ps, {settings.pressure_bar:g} bar, {settings.barostat} barostat"),
        ("production", production),
        ("analysis", window),
        ("replicas, seed", f"{settings.replicas}, {settings.seed}"),
    ]
