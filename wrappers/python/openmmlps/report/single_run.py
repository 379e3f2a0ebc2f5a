# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a single run of `openmm-lps run`."""

from pathlib import Path

import numpy as np

from openmmlps import analysis
from openmmlps.app.thermo_file import read_thermo

from . import literature, methods, structure_section, thermo_section
from .content import Figure, Findings, Result, Section, pretty, rounded
from .quench_section import formula
from .style import element_colour, picture


def run_findings(folder, name):
    """Findings of a run: thermodynamics, structure, anions, vibrations, displacements.

    :param folder: path
    :param name: prefix of file names
    :raises ValueError: no run there, or nothing written yet
    """
    folder = Path(folder)
    settings, status = methods.run_facts(folder)
    trajectory, data = analysis.read(folder / "trajectory.h5"), read_thermo(folder / "thermo.csv")
    symbols = trajectory.symbols
    source = Path(settings.structure).stem
    title = f"{pretty(source)}, {settings.temperature:g} K, {settings.ensemble.upper()}"
    found = Findings(str(folder), "run", title, f"{len(symbols)} atoms ({formula(symbols)}), {status['time_ps']:g} ps")
    section = Section("thermodynamics", "Thermodynamics")
    section.add(
        thermo_section.thermo_figure(
            f"{name}-history", data, len(symbols), "Temperature, energy and density; bold: running mean."
        )
    )
    found.sections.append(section)
    published = literature.published(symbols, source, glass=False)
    half = len(data["step"]) // 2
    found.results.append(Result("temperature (K)", rounded(*thermo_section.block_mean(data["temperature_K"][half:]))))
    if trajectory.cells is not None:
        kept = trajectory[len(trajectory) // 2 :]
        found.sections.append(structure_section.structure_section(name, kept, "Structure", glass=False))
        section, _ = structure_section.speciation_section(name, kept, "Anions", published)
        if section is not None:
            found.sections.append(section)
        tetrahedra = structure_section.tetrahedra_section(name, kept, "Tetrahedra")
        if tetrahedra is not None:
            found.sections.append(tetrahedra)
        density = thermo_section.block_mean(data["density_g_per_cm3"][half:])
        found.results.append(Result("density (g/cm³)", rounded(*density), literature.quote(published.get("density"))))
        found.snapshots = [structure_section.snapshot(trajectory, f"{pretty(source)}, last frame")]
    vibrations = _vibrations(name, trajectory)
    if vibrations is not None:
        found.sections.append(vibrations)
    _displacements(name, settings, trajectory, found)
    if status["state"] != "finished":
        found.warnings.append(
            f"the run is not finished ({status['state']}, {100 * status['fraction_done']:.0f} % done)"
        )
    if settings.ensemble == "nve":
        drift = thermo_section.drift_meV_per_atom_ps(data, len(symbols))
        found.results.append(Result("drift of the total energy (meV/atom/ps)", f"{drift:.2g}"))
        if abs(drift) > 0.02:
            found.warnings.append(f"the total energy drifts by {drift:.2g} meV/atom/ps; use a shorter timestep")
    found.methods = [
        *methods.common_methods(status["model"], status),
        ("ensemble", f"{settings.ensemble.upper()}, {settings.temperature:g} K" + (f", {settings.pressure:g} bar, {settings.barostat} barostat" if settings.ensemble == "npt" else "")),
        ("length", f"{status['time_ps']:g} ps, timestep {settings.timestep * 1000:g} fs"),
        ("seed", str(settings.seed)),
    ]  # fmt: skip
    return found


def _vibrations(name, trajectory):
    """Density of states, if frames are close enough in time to see P-S stretching (18 THz)."""
    if trajectory.velocities is None or trajectory.times_ps is None or len(trajectory) < 400:
        return None
    if trajectory.times_ps[1] - trajectory.times_ps[0] > 0.02:
        return None
    found = analysis.vibrational_density_of_states(trajectory)
    wave = found.wave_number_per_cm

    def draw(axes):
        for element, density in found.density.items():
            axes.plot(
                wave,
                density,
                color=element_colour(element),
                label=f"{element}, centre {found.band_centre_per_cm[element]:.0f} cm⁻¹",
            )
        axes.set(xlim=(0, 700), ylim=(0, None), xlabel="wave number (cm⁻¹)", ylabel="density of states (cm)")
        axes.legend()

    columns = ("wave_number_per_cm", *(f"density_{element}_cm" for element in found.density))
    rows = tuple(tuple(float(v) for v in row) for row in zip(wave, *found.density.values(), strict=True))
    section = Section("dynamics", "Vibrations")
    section.add(Figure(f"{name}-vdos", "Vibrational density of states by element.", picture(draw), columns, rows))
    return section


def _displacements(name, settings, trajectory, found):
    """Mean squared displacement at constant volume; a refusal becomes a warning."""
    if settings.ensemble == "npt" or trajectory.cells is None:
        return
    try:
        curves = {e: analysis.mean_squared_displacement(trajectory, e, reference=None) for e in trajectory.elements}
    except ValueError as error:
        found.warnings.append(str(error))
        return

    def draw(axes):
        for element, msd in curves.items():
            if len(msd.lags_ps) > 2 and (msd.total_angstrom2[1:] > 0).all():
                axes.plot(msd.lags_ps[1:], msd.total_angstrom2[1:], color=element_colour(element), label=element)
        axes.set(xscale="log", yscale="log", xlabel="lag (ps)", ylabel="MSD (Å²)")
        axes.legend(loc="upper left")

    first = next(iter(curves.values()))
    columns = ("lag_ps", *(f"msd_angstrom2_{element}" for element in curves))
    rows = tuple(
        tuple(float(v) for v in row)
        for row in zip(first.lags_ps, *(m.total_angstrom2 for m in curves.values()), strict=True)
    )
    section = Section("transport", "Displacements")
    section.add(Figure(f"{name}-msd", "Mean squared displacement by element.", picture(draw), columns, rows))
    if np.max(first.lags_ps) < 10:
        found.warnings.append("too short for a diffusion coefficient; use openmm-lps transport, or run 50 ps and more")
    found.sections.append(section)
