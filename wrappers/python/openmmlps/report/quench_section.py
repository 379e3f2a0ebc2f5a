# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a quench: how the glass formed, and what it is like."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.glass_checks import GlassCheck
from openmmlps.materials import Material
from openmmlps.observables import QUENCH, Sample, State, Value
from openmmlps.protocols.protocol_folder import ProtocolFolder
from openmmlps.protocols.quench import QuenchSettings
from openmmlps.protocols.sequence import stage_result
from openmmlps.units import KJ_PER_MOL_PER_EV

from . import methods, snapshots, thermo_section
from .content import Findings, Headline, Measured, Section, Table, counted
from .samples import Beside, add_observables, label_of

_STAGES = ("melt", "cool", "equilibrate")
_CELL_LIMIT = 20.0  # angstrom
_Check = GlassCheck | str  # or why it could not be checked


def quench_findings(folder: ProtocolFolder, name: str, beside: Beside) -> Findings:
    """Findings of a quench, of the replicas that are finished.

    Parameters
    ----------
    folder : ProtocolFolder
        of the quench
    name : str
        prefix of file names
    beside : Beside
        what is given beside the folder

    Raises
    ------
    ValueError
        no replica is finished
    """
    settings, record = folder.read_settings(QuenchSettings), folder.record
    replicas = [folder.path / start for start in record["starts"]]
    finished = [path for path in replicas if stage_result(path / "equilibrate")]
    if not finished:
        raise ValueError(
            f"report: no replica of '{folder.shown}' is finished; continue with: openmm-lps quench --resume --output {folder.shown}"
        )
    trajectories = [analysis.read(path / "equilibrate" / "trajectory.h5") for path in finished]
    symbols = trajectories[0].symbols
    material = beside.material(symbols, settings)
    references = beside.references(material, "glass")
    label = label_of(record["material"])
    label = label[0].upper() + label[1:]
    found = Findings(str(folder.shown), "quench", label, f"{len(symbols)} atoms, {counted(len(finished), 'replica')}")
    kept = tuple(trajectory[len(trajectory) // 2 :] for trajectory in trajectories)
    target = settings.final_temperature_K
    actual = float(np.mean([_means(path)["temperature_K"].value for path in finished]))
    options: dict[str, Any] = {
        "structure_title": f"Structure of the glass at {target:g} K",
        "anions_title": "Anions of the glass",
    }
    if material.has_network:
        cooling = analysis.read(finished[0] / "cool" / "trajectory.h5")
        options["cooling"] = (cooling, settings.melt_temperature_K, target)
    state = State(kept, tuple(path.name for path in finished), target, actual)
    composition = record["material"]["name"]
    sample = Sample(name, QUENCH, label, material, (state,), True, "glass", composition, references, options)
    checks = [_check(trajectory, material) for trajectory in kept] if material.has_network else []
    density = _density(finished)
    found.values = [Value("density", density, "", target)]
    found.warnings = _warnings(settings, len(replicas), finished, checks, kept[0])
    found.results = [
        Headline(f"density at {target:g} K (g/cm³)", str(density), references.quote("density", "", target))
    ]
    add_observables(found, sample)
    found.add(_history(name, settings, finished, len(symbols)))
    if checks:
        passed = sum(not isinstance(check, str) and check.passed for check in checks)
        value = f"{passed} of {counted(len(checks), 'replica')}"
        found.results.append(
            Headline("glass checks passed", value, detail="no crystalline order, few defects, charges balance")
        )
    found.methods = [*_methods(settings, record, finished), *material.lines()]
    last = f"{label}, replica 1, {target:g} K"
    found.snapshots = [snapshots.snapshot(trajectories[0], last, material)]
    return found


def _history(name: str, settings: QuenchSettings, finished: Sequence[Path], atoms: int) -> Section:
    section = Section("thermodynamics", "Melting, cooling, equilibration")
    start = "a random start" if settings.start == "random" else f"the crystal {settings.start}"
    section.paragraphs.append(
        f"From {start} at {settings.density_g_per_cm3:g} g/cm³, the melt was held at {settings.melt_temperature_K:g} K and "
        f"constant volume for {settings.melt_time_ps:g} ps. It was cooled at {settings.cooling_rate_K_per_ps:g}×10¹² K/s to "
        f"{settings.final_temperature_K:g} K ({settings.cooling_ensemble.upper()}), and equilibrated for "
        f"{settings.equilibration_time_ps:g} ps at {settings.pressure_bar:g} bar. Structure is averaged over the second half of "
        "the equilibration."
    )
    for path in finished[:3]:
        data, starts = methods.joined_runs([path / stage for stage in _STAGES])
        caption = f"Temperature, potential energy and density during the quench ({path.name}); bold: running mean."
        marks = list(zip(starts, _STAGES, strict=True))
        section.add(thermo_section.thermo_figure(f"{name}-{path.name}-history", data, atoms, caption, marks))
    rows = []
    for path in finished:
        means = _means(path)
        energy = means["potential_kJ_per_mol"].value / KJ_PER_MOL_PER_EV / atoms
        pressure = means[thermo_section.PRESSURE].scaled(1e-4)
        rows.append((path.name, means["temperature_K"], pressure, means["density_g_per_cm3"], f"{energy:.4f}"))
    columns = ("replica", "T (K)", "pressure (GPa)", "density (g/cm³)", "potential energy (eV/atom)")
    caption = "Means of the second half of the equilibration; intervals from blocks of ten correlation times."
    section.add(Table(f"{name}-equilibrium", caption, columns, tuple(rows)))
    return section


def _means(path: Path) -> dict[str, Measured]:
    """Means of the equilibration of a finished replica by column of thermo.csv."""
    result = stage_result(path / "equilibrate") or {}
    return {column: Measured.of_blocks(*mean) for column, mean in result["thermo"].items()}


def _check(trajectory: analysis.Trajectory, material: Material) -> _Check:
    try:
        return analysis.check_glass(trajectory, material=material)
    except ValueError as error:
        return str(error)


def _warnings(
    settings: QuenchSettings,
    replicas: int,
    finished: Sequence[Path],
    checks: Sequence[_Check],
    trajectory: analysis.Trajectory,
) -> list[str]:
    warnings = []
    if len(finished) < replicas:
        warnings.append(f"{replicas - len(finished)} of {replicas} replicas are not finished; the rest is reported")
    if len(finished) < 3:
        found = counted(len(finished), "replica")
        warnings.append(f"only {found}: the scatter between glasses is unknown; run at least three")
    height = float(np.min(1 / np.linalg.norm(np.linalg.inv(np.asarray(trajectory.cells)[-1]), axis=0)))
    if height < _CELL_LIMIT:
        warnings.append(
            f"the cell is {height:.1f} Å wide, below {_CELL_LIMIT:g} Å: medium-range order is that of the period; use more atoms"
        )
    if settings.cooling_rate_K_per_ps > 5:
        warnings.append(
            f"cooling at {settings.cooling_rate_K_per_ps:g}×10¹² K/s is faster than published quenches (5×10¹² K/s); more defects survive"
        )
    if settings.melt_time_ps < 100:
        warnings.append(f"the melt was held for {settings.melt_time_ps:g} ps only (published: 250 ps)")
    for path, check in zip(finished, checks, strict=False):
        texts = [check] if isinstance(check, str) else check.warnings
        warnings += [f"{path.name}: {text}" for text in texts]
    return warnings


def _density(finished: Sequence[Path]) -> Measured:
    means = [_means(path)["density_g_per_cm3"] for path in finished]
    return means[0] if len(means) == 1 else Measured.of_samples(mean.value for mean in means)


def _methods(settings: QuenchSettings, record: Mapping[str, Any], finished: Sequence[Path]) -> methods.Lines:
    status = methods.run_facts(finished[0] / "equilibrate")[1]
    start = settings.start
    if start == "random":
        start = f"random, {settings.composition}, {settings.density_g_per_cm3:g} g/cm³"
    cooling = (
        f"{settings.cooling_rate_K_per_ps:g} K/ps, {settings.cooling_ensemble.upper()}, {settings.cooling_time_ps:g} ps"
    )
    equilibration = (
        f"{settings.final_temperature_K:g} K, {settings.pressure_bar:g} bar, {settings.equilibration_time_ps:g} ps, NPT"
    )
    return [
        *methods.common_methods(record["model"], status.get("platform")),
        ("start", start),
        ("melt", f"{settings.melt_temperature_K:g} K, {settings.melt_time_ps:g} ps, NVT"),
        ("cooling", cooling),
        ("equilibration", equilibration),
        ("dynamics", f"Langevin, friction {settings.friction_per_ps:g} /ps, timestep {settings.timestep_fs:g} fs"),
        ("seed", str(settings.seed)),
    ]
