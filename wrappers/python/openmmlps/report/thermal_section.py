# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a thermal protocol: thermal conductivities, the curves behind them, and what to doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.analysis.thermal import HeatRecord, ThermalConductivity, thermal_conductivity
from openmmlps.app.heat_current import read_heat_current
from openmmlps.app.thermo_file import read_thermo
from openmmlps.protocols.production import branch_name
from openmmlps.protocols.protocol_folder import ProtocolFolder
from openmmlps.protocols.sequence import stage_result
from openmmlps.protocols.states import read_atoms
from openmmlps.protocols.thermal import ThermalSettings

from . import methods, thermo_section
from .content import Figure, Findings, Headline, Measured, Section, Table, counted, rows_of
from .samples import Beside, label_of
from .style import DASHED, heat, picture

_POINTS = 400  # of a curve


@dataclass(frozen=True)
class _Point:
    """One temperature."""

    target_K: float
    temperature_K: float  #: mean of the production
    folders: Sequence[Path]  #: of the productions
    found: ThermalConductivity


def thermal_findings(folder: ProtocolFolder, name: str, beside: Beside) -> Findings:
    """Findings of a thermal protocol, of the runs that are finished.

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
        no temperature is finished, or none long enough
    """
    settings, record = folder.read_settings(ThermalSettings), folder.record
    symbols = read_atoms(folder.start(record["starts"][0])).get_chemical_symbols()
    material = beside.material(symbols, settings)
    ions = (material.mobile,) if settings.onsager and material.mobile else ()
    points, problems = _points(folder, settings, ions)
    if not points:
        raise ValueError(
            f"report: '{folder.shown}' gives no thermal conductivity: {'; '.join(problems)}; if it is not finished, continue with: "
            f"openmm-lps thermal --resume --output {folder.shown}"
        )
    label = label_of(record["material"])
    found = Findings(
        str(folder.shown),
        "thermal",
        f"Thermal conductivity of {label}",
        f"{len(symbols)} atoms, {counted(len(points), 'temperature')}",
    )
    found.add(_section(name, ions, points))
    found.results = [
        Headline(f"thermal conductivity at {point.target_K:g} K (W/m/K)", str(Measured.of(point.found.cepstral)))
        for point in points
    ]
    found.warnings = [*problems, *_warnings(points, len(symbols))]
    found.methods = [
        *methods.common_methods(record["model"], methods.run_facts(points[0].folders[0])[1].get("platform")),
        ("structure", Path(settings.structure).name),
        ("cell", f"NPT {settings.cell_time_ps:g} ps, {settings.pressure_bar:g} bar, {settings.barostat} barostat"),
        (
            "production",
            f"{settings.production_ensemble.upper()}, a heat current every {settings.current_interval_fs:g} fs, "
            f"timestep {settings.timestep_fs:g} fs",
        ),
        ("analysis", f"cepstral up to {settings.highest_THz:g} THz; integral up to {settings.longest_lag_ps:g} ps"),
        ("replicas, seed", f"{settings.replicas}, {settings.seed}"),
        *material.lines(),
    ]
    return found


def _points(folder: ProtocolFolder, settings: ThermalSettings, ions: tuple[str, ...]) -> tuple[list[_Point], list[str]]:
    points, problems = [], []
    for target in sorted(settings.temperatures_K):
        folders = [
            folder.path / branch_name(target, replica) / "production" for replica in range(1, settings.replicas + 1)
        ]
        results = {path: result for path in folders if (result := stage_result(path))}
        if len(results) < len(folders):
            problems.append(f"{target:g} K: {len(folders) - len(results)} of {len(folders)} replicas are not finished")
        if not results:
            continue
        temperature = float(np.mean([result["thermo"]["temperature_K"][0] for result in results.values()]))
        volume = float(np.mean([result["thermo"]["volume_nm3"][0] for result in results.values()]))
        try:
            found = thermal_conductivity(
                [_read(path) for path in results],
                temperature,
                volume,
                ions,
                settings.highest_THz,
                settings.longest_lag_ps,
                settings.blocks,
            )
        except ValueError as error:
            problems.append(f"{target:g} K: {error}")
            continue
        points.append(_Point(target, temperature, list(results), found))
    return points, problems


def _read(folder: Path) -> HeatRecord:
    times, current, fluxes = read_heat_current(folder / "heat-current.csv")
    return HeatRecord(float(times[1] - times[0]), current, fluxes)


def _warnings(points: Sequence[_Point], atoms: int) -> list[str]:
    warnings = []
    for point in points:
        for path in point.folders:
            drift = thermo_section.drift_warning(read_thermo(path / "thermo.csv"), atoms)
            warnings += [f"{point.target_K:g} K, {path.parent.name}: {drift}"] if drift else []
        both = (point.found.cepstral, point.found.green_kubo)
        if abs(both[0].value - both[1].value) > 2 * np.hypot(both[0].standard_error, both[1].standard_error):
            warnings.append(
                f"{point.target_K:g} K: cepstral analysis and integral disagree by more than two standard errors; look at "
                "the curves, change longest_lag_ps or highest_THz, run longer"
            )
    return warnings


def _section(name: str, ions: Sequence[str], points: Sequence[_Point]) -> Section:
    section = Section("thermal", "Thermal conductivity")
    onsager = (
        f"What the flux of {', '.join(ions)} carries is taken out (Onsager), so that it is the conductivity without a current. "
        if ions
        else ""
    )
    section.paragraphs.append(
        f"From the heat current at constant energy, by Green and Kubo. {onsager}The cepstral value comes from the logarithm of "
        "the spectrum with the error that theory gives, the integral from the correlation function with the jackknife error of "
        "blocks. Errors are 95 % intervals."
    )
    rows = tuple(
        (
            f"{point.target_K:g}",
            f"{point.temperature_K:.1f}",
            Measured.of(point.found.cepstral),
            Measured.of(point.found.green_kubo),
            point.found.coefficients,
        )
        for point in points
    )
    columns = ("T (K)", "T of production (K)", "κ, cepstral (W/m/K)", "κ, integral (W/m/K)", "coefficients")
    section.add(
        Table(f"{name}-conductivity", "Thermal conductivities.", columns, rows),
        _running_figure(name, points),
        _spectrum_figure(name, points[0]),
    )
    return section


def _running_figure(name: str, points: Sequence[_Point]) -> Figure:
    def draw(axes: Any) -> None:
        for index, point in enumerate(points):
            found, color = point.found, heat(index, len(points))
            axes.plot(found.lags_ps, found.running, color=color, label=f"{point.target_K:g} K")
            low, high = found.running - found.running_error, found.running + found.running_error
            axes.fill_between(found.lags_ps, low, high, color=color, alpha=0.2, linewidth=0)
            axes.axhline(found.cepstral.value, color=color, linestyle=DASHED, linewidth=0.9)
        axes.set(xlabel="longest lag (ps)", ylabel="κ (W/m/K)")
        axes.legend(loc="lower right")

    columns, values = ["lag_ps"], [points[0].found.lags_ps]
    for point in points:
        columns += [f"kappa_{point.target_K:g}K_W_per_m_K", f"standard_error_{point.target_K:g}K"]
        values += [point.found.running, point.found.running_error]
    caption = "Green-Kubo integral up to a lag, with its standard error; dashed: the cepstral value."
    return Figure(f"{name}-integral", caption, picture(draw), tuple(columns), rows_of(*values))


def _spectrum_figure(name: str, point: _Point) -> Figure:
    found = point.found
    step = max(1, len(found.frequencies_THz) // _POINTS)
    frequencies, smooth = found.frequencies_THz[::step], found.smooth[::step]
    raw = found.spectrum[: len(frequencies) * step]
    raw = np.array([part.mean() for part in np.array_split(raw, len(frequencies))])

    def draw(axes: Any) -> None:
        axes.plot(frequencies, raw, color=heat(1, 3), linewidth=0.7, label="mean of bins")
        axes.plot(frequencies, smooth, color=heat(2, 3), label=f"{found.coefficients} coefficients")
        axes.set(xlabel="frequency (THz)", ylabel="κ(f) (W/m/K)", yscale="log")
        axes.legend(loc="upper right")

    caption = f"Spectrum of the heat current at {point.target_K:g} K; its value at 0 is the conductivity."
    columns = ("frequency_THz", "spectrum_W_per_m_K", "smooth_W_per_m_K")
    return Figure(f"{name}-spectrum", caption, picture(draw), columns, rows_of(frequencies, raw, smooth))
