# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a single run of `openmm-lps run`."""

from pathlib import Path
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis import Estimate
from openmmlps.app.thermo_file import read_thermo

from . import literature, methods, structure_section, thermo_section
from .content import Figure, Findings, Measured, Result, Section, formula, pretty, rows_of
from .style import element_color, picture

_SEES_STRETCHING_PS = 0.02  # frames this close in time see P-S stretching (18 THz)


def run_findings(folder: Path | str, name: str) -> Findings:
    """Findings of a run: thermodynamics, structure, anions, vibrations, displacements.

    Parameters
    ----------
    folder : Path or str
        of the run
    name : str
        prefix of file names

    Raises
    ------
    ValueError
        no run there, or nothing written yet
    """
    folder = Path(folder)
    settings, status = methods.run_facts(folder)
    trajectory, data = analysis.read(folder / "trajectory.h5"), read_thermo(folder / "thermo.csv")
    symbols = trajectory.symbols
    source = Path(settings.structure).stem
    title = f"{pretty(source)}, {settings.temperature:g} K, {settings.ensemble.upper()}"
    found = Findings(str(folder), "run", title, f"{len(symbols)} atoms ({formula(symbols)}), {status['time_ps']:g} ps")
    history = "Temperature, energy and density; bold: running mean."
    section = Section("thermodynamics", "Thermodynamics")
    section.add(thermo_section.thermo_figure(f"{name}-history", data, len(symbols), history))
    found.add(section)
    half = len(data["step"]) // 2
    found.results.append(Result("temperature (K)", str(_block_mean(data["temperature_K"][half:]))))
    if trajectory.cells is not None:
        add_structure(name, source, trajectory, _block_mean(data["density_g_per_cm3"][half:]), found)
    found.add(vibrations_section(name, trajectory))
    add_displacements(name, trajectory, found)
    if status["state"] != "finished":
        done = 100 * status["fraction_done"]
        found.warnings.append(f"the run is not finished ({status['state']}, {done:.0f} % done)")
    if settings.ensemble == "nve":
        drift = thermo_section.energy_drift(data, len(symbols))[0]
        found.results.append(Result("drift of the total energy (meV/atom/ps)", f"{drift:.2g}"))
        found.warnings += filter(None, [thermo_section.drift_warning(data, len(symbols))])
    barostat = f", {settings.pressure:g} bar, {settings.barostat} barostat" if settings.ensemble == "npt" else ""
    found.methods = [
        *methods.common_methods(status["model"], status.get("platform")),
        ("ensemble", f"{settings.ensemble.upper()}, {settings.temperature:g} K{barostat}"),
        ("length", f"{status['time_ps']:g} ps, timestep {settings.timestep * 1000:g} fs"),
        ("seed", str(settings.seed)),
    ]
    return found


def _block_mean(values: np.ndarray) -> Measured:
    return Measured.of(Estimate.from_blocks(values))


def add_structure(name: str, source: str, trajectory: analysis.Trajectory, density: Measured, found: Findings) -> None:
    """Sections on the second half of a periodic run, and the last frame."""
    published = literature.published(trajectory.symbols, source, glass=False)
    kept = trajectory[len(trajectory) // 2 :]
    found.add(
        structure_section.structure_section(name, kept, "Structure", glass=False),
        structure_section.speciation_section(name, kept, "Anions", published)[0],
        structure_section.tetrahedra_section(name, kept, "Tetrahedra"),
    )
    found.results.append(Result("density (g/cm³)", str(density), literature.quote(published.get("density"))))
    found.snapshots = [structure_section.snapshot(trajectory, f"{pretty(source)}, last frame")]


def vibrations_section(name: str, trajectory: analysis.Trajectory) -> Section | None:
    """Density of states, if frames are close enough in time."""
    times = trajectory.times_ps
    if trajectory.velocities is None or times is None or len(trajectory) < 400:
        return None
    if times[1] - times[0] > _SEES_STRETCHING_PS:
        return None
    found = analysis.vibrational_density_of_states(trajectory)
    wave = found.wave_number_per_cm

    def draw(axes: Any) -> None:
        for element, density in found.density.items():
            label = f"{element}, center {found.band_center_per_cm[element]:.0f} cm⁻¹"
            axes.plot(wave, density, color=element_color(element), label=label)
        axes.set(xlim=(0, 700), ylim=(0, None), xlabel="wave number (cm⁻¹)", ylabel="density of states (cm)")
        axes.legend()

    columns = ("wave_number_per_cm", *(f"density_{element}_cm" for element in found.density))
    rows = rows_of(wave, *found.density.values())
    section = Section("dynamics", "Vibrations")
    section.add(Figure(f"{name}-vdos", "Vibrational density of states by element.", picture(draw), columns, rows))
    return section


def add_displacements(name: str, trajectory: analysis.Trajectory, found: Findings) -> None:
    """Mean squared displacement; a refusal becomes a warning."""
    if trajectory.cells is None:
        return
    try:
        curves = {e: analysis.mean_squared_displacement(trajectory, e, reference=None) for e in trajectory.elements}
    except ValueError as error:
        found.warnings.append(str(error))
        return

    def draw(axes: Any) -> None:
        for element, msd in curves.items():
            if len(msd.lags_ps) > 2 and (msd.total_angstrom2[1:] > 0).all():
                axes.plot(msd.lags_ps[1:], msd.total_angstrom2[1:], color=element_color(element), label=element)
        axes.set(xscale="log", yscale="log", xlabel="lag (ps)", ylabel="MSD (Å²)")
        axes.legend(loc="upper left")

    first = next(iter(curves.values()))
    columns = ("lag_ps", *(f"msd_angstrom2_{element}" for element in curves))
    rows = rows_of(first.lags_ps, *(msd.total_angstrom2 for msd in curves.values()))
    section = Section("transport", "Displacements")
    section.add(Figure(f"{name}-msd", "Mean squared displacement by element.", picture(draw), columns, rows))
    if np.max(first.lags_ps) < 10:
        found.warnings.append("too short for a diffusion coefficient; use openmm-lps transport, or run 50 ps and more")
    found.add(section)
