# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a quench: how the glass formed, and what it is like."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.glass_checks import GlassCheck
from openmmlps.analysis.requirements import require_cell
from openmmlps.protocols.protocol_folder import ProtocolFolder
from openmmlps.protocols.quench import QuenchSettings
from openmmlps.protocols.sequence import stage_result
from openmmlps.units import KJ_PER_MOL_PER_EV

from . import literature, methods, structure_section, thermo_section
from .content import Figure, Findings, Measured, Result, Section, Table, counted, rows_of
from .style import picture

_STAGES = ("melt", "cool", "equilibrate")
_CELL_LIMIT = 20.0  # angstrom
_SPECIATION_FRAMES = 40
_Check = GlassCheck | str  # or why it could not be checked


def quench_findings(folder: ProtocolFolder, name: str) -> Findings:
    """Findings of a quench, of the replicas that are finished.

    Parameters
    ----------
    folder : ProtocolFolder
        of the quench
    name : str
        prefix of file names

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
    published = literature.published(symbols, glass=True)
    label = literature.label(symbols, record["material"])
    label = label[0].upper() + label[1:]
    found = Findings(str(folder.shown), "quench", label, f"{len(symbols)} atoms, {counted(len(finished), 'replica')}")
    kept = [trajectory[len(trajectory) // 2 :] for trajectory in trajectories]
    merged = kept[0] if len(kept) == 1 else _merge(kept)
    title = f"Structure of the glass at {settings.final_temperature_K:g} K"
    found.add(
        _history(name, settings, finished, len(symbols)),
        structure_section.structure_section(name, merged, title, glass=True, scattering=True),
    )
    section, _ = structure_section.speciation_section(name, merged, "Anions of the glass", published, over_time=False)
    if section is not None:
        section.items.insert(0, _cooling_figure(name, settings, finished))
    found.add(section, structure_section.tetrahedra_section(name, kept[0], "Tetrahedra"))
    checks = [_check(trajectory) for trajectory in kept]
    found.warnings = _warnings(settings, len(replicas), finished, checks, kept[0])
    found.results = [
        _density(settings, finished, published),
        *_anions(kept, published),
        Result(
            "glass checks passed",
            f"{sum(not isinstance(check, str) and check.passed for check in checks)} of {counted(len(checks), 'replica')}",
            detail="no crystalline order, few defects, charges balance",
        ),
    ]
    found.methods = _methods(settings, record, finished)
    last = f"{label}, replica 1, {settings.final_temperature_K:g} K"
    found.snapshots = [structure_section.snapshot(trajectories[0], last)]
    return found


def _merge(trajectories: Sequence[analysis.Trajectory]) -> analysis.Trajectory:
    """Frames of all replicas in a row, without times: for averages over structure only."""
    few = [item[:: max(1, len(item) // 40)] for item in trajectories]
    positions = np.concatenate([item.positions[:] for item in few])
    cells = np.concatenate([require_cell(item) for item in few])
    return analysis.Trajectory(trajectories[0].symbols, positions, cells, name="all replicas")


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


def _cooling_figure(name: str, settings: QuenchSettings, finished: Sequence[Path]) -> Figure:
    """Anions against temperature while the first replica cools."""
    trajectory = analysis.read(finished[0] / "cool" / "trajectory.h5")
    stride = max(1, len(trajectory) // 120)
    found = analysis.classify_anions(trajectory, stride=stride)
    kinds, shares = structure_section.shares_over_time(found)
    window = 5
    if shares.shape[1] > 2 * window:
        kernel = np.full(window, 1 / window)
        shares = np.array([np.convolve(row, kernel, mode="valid") for row in shares])
    share = np.linspace(0, 1, shares.shape[1])
    temperature = settings.melt_temperature_K + share * (settings.final_temperature_K - settings.melt_temperature_K)

    def draw(axes: Any) -> None:
        structure_section.stack_shares(axes, temperature[::-1], kinds, shares[:, ::-1])
        axes.invert_xaxis()
        axes.set(xlabel="temperature of the thermostat (K)", ylabel="% of P atoms")

    columns = ("temperature_K", *(f"percent_of_formers_in_{kind}" for kind in kinds))
    caption = f"Anions while cooling ({finished[0].name}), by share of the P atoms."
    return Figure(f"{name}-cooling", caption, picture(draw, height=3.8), columns, rows_of(temperature, *shares))


def _check(trajectory: analysis.Trajectory) -> _Check:
    try:
        return analysis.check_glass(trajectory)
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
    for path, check in zip(finished, checks, strict=True):
        texts = [check] if isinstance(check, str) else check.warnings
        warnings += [f"{path.name}: {text}" for text in texts]
    return warnings


def _density(settings: QuenchSettings, finished: Sequence[Path], published: literature.Published) -> Result:
    means = [_means(path)["density_g_per_cm3"] for path in finished]
    density = means[0] if len(means) == 1 else Measured.of_samples(mean.value for mean in means)
    quantity = f"density at {settings.final_temperature_K:g} K (g/cm³)"
    return Result(quantity, str(density), literature.quote(published.get("density")))


def _interval(glasses: Sequence[Any]) -> str:
    return "" if len(glasses) > 1 else "one glass: no interval"


def _anions(glasses: Sequence[analysis.Trajectory], published: literature.Published) -> list[Result]:
    """Shares of the replicas with the interval of their mean; one glass has none."""
    if not {"P", "S"} <= set(glasses[0].elements):
        return []
    each = [analysis.classify_anions(item[:: max(1, len(item) // _SPECIATION_FRAMES)]) for item in glasses]

    def percent(samples: Iterable[float]) -> str:
        found = [100 * sample for sample in samples]
        return str(Measured.of_samples(found)) if len(found) > 1 else f"{found[0]:.1f}"

    q_n, e_n = (
        " / ".join(percent(column) for column in zip(*(list(pick(item)[:most]) for item in each), strict=True))
        for most, pick in ((4, lambda item: item.q_n_fractions("P")), (2, lambda item: item.e_n_fractions("P")))
    )
    shares = [item.fraction_of_formers() for item in each]
    kinds = {kind: [share.get(kind, 0.0) for share in shares] for kind in {kind for share in shares for kind in share}}
    top = sorted(kinds.items(), key=lambda item: (-sum(item[1]), item[0]))[:3]
    main = ", ".join(f"{kind} {percent(found)}" for kind, found in top if sum(found) > 0)
    return [
        Result("Q⁰ / Q¹ / Q² / Q³ (% of P)", q_n, literature.quote(published.get("q_n")), _interval(each)),
        Result("E⁰ / E¹ (% of P)", e_n, literature.quote(published.get("e_n")), _interval(each)),
        Result("main anions (% of P)", main, "", _interval(each)),
    ]


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
