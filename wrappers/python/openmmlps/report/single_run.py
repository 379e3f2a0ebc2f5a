# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a single run of `openmm-lps run`."""

from pathlib import Path

import numpy as np

from openmmlps import analysis
from openmmlps.analysis import Estimate
from openmmlps.app.thermo_file import read_thermo
from openmmlps.app.uncertainty import warn_beyond
from openmmlps.observables import RUN, Sample, State, Value

from . import methods, snapshots, thermo_section
from .content import Findings, Headline, Measured, Section, formula, pretty
from .samples import Beside, add_observables, packaged_names


def run_findings(folder: Path | str, name: str, beside: Beside) -> Findings:
    """Findings of a run: thermodynamics, structure, anions, vibrations, displacements.

    Parameters
    ----------
    folder : Path or str
        of the run
    name : str
        prefix of file names
    beside : Beside
        what is given beside the folder

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
    found.results.append(Headline("temperature (K)", str(_block_mean(data["temperature_K"][half:]))))
    material = beside.material(symbols)
    phase = source if source in packaged_names() else ""
    sample = Sample(
        name,
        RUN,
        pretty(source),
        material,
        (State((trajectory,), settling=0.5, target_K=settings.temperature),),
        phase=phase,
        references=beside.references(material, phase),
    )
    if trajectory.cells is not None:
        add_density(found, sample, _block_mean(data["density_g_per_cm3"][half:]))
        last = snapshots.snapshot(trajectory, f"{pretty(source)}, last frame", material)
        found.snapshots = [snapshots.graded(last, folder / "inputs" / "model.safetensors")]
    add_observables(found, sample)
    if status["state"] != "finished":
        done = 100 * status["fraction_done"]
        found.warnings.append(f"the run is not finished ({status['state']}, {done:.0f} % done)")
    if (folder / "uncertainty.csv").is_file():
        found.warnings += filter(None, [warn_beyond(folder / "uncertainty.csv")])
    if settings.ensemble == "nve":
        drift = thermo_section.energy_drift(data, len(symbols))[0]
        found.results.append(Headline("drift of the total energy (meV/atom/ps)", f"{drift:.2g}"))
        found.warnings += filter(None, [thermo_section.drift_warning(data, len(symbols))])
    barostat = f", {settings.pressure:g} bar, {settings.barostat} barostat" if settings.ensemble == "npt" else ""
    found.methods = [
        *methods.common_methods(status["model"], status.get("platform")),
        ("ensemble", f"{settings.ensemble.upper()}, {settings.temperature:g} K{barostat}"),
        ("length", f"{status['time_ps']:g} ps, timestep {settings.timestep * 1000:g} fs"),
        ("seed", str(settings.seed)),
    ]
    found.methods += material.lines()
    return found


def add_density(found: Findings, sample: Sample, density: Measured) -> None:
    """Add the mass density of a run to its results, beside published ones."""
    temperature = sample.coldest.target_K
    known = sample.references.quote("density", "", temperature) if sample.references else ""
    found.results.append(Headline("density (g/cm³)", str(density), known))
    found.values.append(Value("density", density, "", temperature))


def _block_mean(values: np.ndarray) -> Measured:
    return Measured.of(Estimate.from_blocks(values))
