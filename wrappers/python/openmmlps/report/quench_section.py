# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a quench: how the glass formed, and what it is like."""

import numpy as np

from openmmlps import analysis
from openmmlps.protocols.quench import QuenchSettings
from openmmlps.protocols.sequence import stage_result
from openmmlps.units import KJ_PER_MOL_PER_EV

from . import literature, methods, structure_section, thermo_section
from .content import Figure, Findings, Measured, Result, Section, Table, rounded
from .style import picture

_STAGES = ("melt", "cool", "equilibrate")
_CELL_LIMIT = 20.0  # angstrom


def quench_findings(folder, name):
    """Findings of a finished quench.

    :param folder: :class:`~openmmlps.protocols.protocol_folder.ProtocolFolder`
    :param name: prefix of file names
    :raises ValueError: not finished
    """
    settings, record = folder.read_settings(QuenchSettings), folder.record
    replicas = [folder.path / start for start in record["starts"]]
    finished = [path for path in replicas if stage_result(path / "equilibrate")]
    if not finished:
        raise ValueError(
            f"report: no replica of '{folder.path}' is finished; continue with: openmm-lps quench --resume --output {folder.path}"
        )
    trajectories = [analysis.read(path / "equilibrate" / "trajectory.h5") for path in finished]
    symbols = trajectories[0].symbols
    published = literature.published(symbols, glass=True)
    label = literature.label(symbols, record["material"])
    label = label[0].upper() + label[1:]
    found = Findings(str(folder.path), "quench", label, f"{len(symbols)} atoms, {_replicas(len(finished))}")
    kept = [_second_half(trajectory) for trajectory in trajectories]
    found.sections.append(_history(name, settings, finished, len(symbols)))
    merged = kept[0] if len(kept) == 1 else _merge(kept)
    found.sections.append(
        structure_section.structure_section(
            name, merged, f"Structure of the glass at {settings.final_temperature_K:g} K", True, scattering=True
        )
    )
    section, speciation = structure_section.speciation_section(
        name, merged, "Anions of the glass", published, over_time=False
    )
    if section is not None:
        cooling = _cooling_figure(name, settings, finished)
        section.items.insert(0, cooling)
        found.sections.append(section)
    tetrahedra = structure_section.tetrahedra_section(name, kept[0], "Tetrahedra")
    if tetrahedra is not None:
        found.sections.append(tetrahedra)
    checks = [_check(trajectory) for trajectory in kept]
    found.warnings = _warnings(settings, found, replicas, finished, checks, kept[0])
    found.results = _results(settings, finished, published, speciation, checks)
    found.methods = _methods(settings, record, finished)
    found.snapshots = [
        structure_section.snapshot(trajectories[0], f"{label}, replica 1, {settings.final_temperature_K:g} K")
    ]
    return found


def formula(symbols):
    """Number of atoms by element, as in Li72P24S96."""
    symbols = list(symbols)
    return "".join(f"{s}{symbols.count(s) if symbols.count(s) > 1 else ''}" for s in dict.fromkeys(symbols))


def _replicas(count):
    return "1 replica" if count == 1 else f"{count} replicas"


def _second_half(trajectory):
    return trajectory[len(trajectory) // 2 :]


def _merge(trajectories):
    """Frames of all replicas in a row, without times: for averages over structure only."""
    return analysis.Trajectory(
        trajectories[0].symbols,
        np.concatenate([np.asarray(item.positions[:: max(1, len(item) // 40)]) for item in trajectories]),
        np.concatenate([np.asarray(item.cells[:: max(1, len(item) // 40)]) for item in trajectories]),
        name="all replicas",
    )


def _history(name, settings, finished, atoms):
    section = Section("thermodynamics", "Melting, cooling, equilibration")
    start = "a random start" if settings.start == "random" else f"the crystal {settings.start}"
    section.paragraphs.append(
        f"From {start} at {settings.density_g_per_cm3:g} g/cm³, the melt was held at {settings.melt_temperature_K:g} K and "
        f"constant volume for {settings.melt_time_ps:g} ps, cooled at {settings.cooling_rate_K_per_ps:g}×10¹² K/s to "
        f"{settings.final_temperature_K:g} K ({settings.cooling_ensemble.upper()}), and equilibrated for "
        f"{settings.equilibration_time_ps:g} ps at {settings.pressure_bar:g} bar. Structure is averaged over the second half of "
        "the equilibration."
    )
    for path in finished[:3]:
        data, starts = thermo_section.joined([path / stage for stage in _STAGES])
        caption = f"Temperature, potential energy and density during the quench ({path.name}); bold: running mean."
        marks = list(zip(starts, _STAGES, strict=True))
        section.add(thermo_section.thermo_figure(f"{name}-{path.name}-history", data, atoms, caption, marks))
    rows = []
    for path in finished:
        means = stage_result(path / "equilibrate")["thermo"]
        rows.append(
            (
                path.name,
                Measured(*means["temperature_K"]),
                Measured(
                    means["pressure_bar_positive_under_compression"][0] / 1e4,
                    means["pressure_bar_positive_under_compression"][1] / 1e4,
                ),
                Measured(*means["density_g_per_cm3"]),
                f"{means['potential_kJ_per_mol'][0] / KJ_PER_MOL_PER_EV / atoms:.4f}",
            )
        )
    columns = ("replica", "T (K)", "pressure (GPa)", "density (g/cm³)", "potential energy (eV/atom)")
    section.add(
        Table(
            f"{name}-equilibrium",
            "Means of the second half of the equilibration; errors from five blocks.",
            columns,
            tuple(rows),
        )
    )
    return section


def _cooling_figure(name, settings, finished):
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

    def draw(axes):
        structure_section.stack_shares(axes, temperature[::-1], kinds, shares[:, ::-1])
        axes.invert_xaxis()
        axes.set(xlabel="temperature of the thermostat (K)", ylabel="% of P atoms")

    columns = ("temperature_K", *(f"percent_of_formers_in_{kind}" for kind in kinds))
    rows = tuple(tuple(float(v) for v in row) for row in zip(temperature, *shares, strict=True))
    return Figure(
        f"{name}-cooling",
        f"Anions while cooling ({finished[0].name}), by share of the P atoms.",
        picture(draw, height=3.8),
        columns,
        rows,
    )


def _check(trajectory):
    try:
        return analysis.check_glass(trajectory)
    except ValueError as error:
        return str(error)


def _warnings(settings, found, replicas, finished, checks, trajectory):
    warnings = []
    if len(finished) < len(replicas):
        warnings.append(
            f"{len(replicas) - len(finished)} of {len(replicas)} replicas are not finished; the rest is reported"
        )
    if len(finished) < 3:
        warnings.append(f"only {_replicas(len(finished))}: the scatter between glasses is unknown; run at least three")
    height = float(np.min(1 / np.linalg.norm(np.linalg.inv(np.asarray(trajectory.cells[-1])), axis=0)))
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


def _results(settings, finished, published, speciation, checks):
    means = [stage_result(path / "equilibrate")["thermo"]["density_g_per_cm3"] for path in finished]
    if len(means) > 1:
        values = [value for value, _ in means]
        density = rounded(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))))
    else:
        density = rounded(*means[0])
    results = [
        Result(
            f"density at {settings.final_temperature_K:g} K (g/cm³)",
            density,
            literature.quote(published.get("density")),
        )
    ]
    if speciation is not None and "P" in speciation.q_n:
        shares = 100 * speciation.q_n_fractions("P")
        results.append(
            Result(
                "Q⁰ / Q¹ / Q² / Q³ (% of P)",
                " / ".join(f"{share:.1f}" for share in shares[:4]),
                literature.quote(published.get("q_n")),
            )
        )
        shares = 100 * speciation.e_n_fractions("P")
        results.append(
            Result(
                "E⁰ / E¹ (% of P)", " / ".join(f"{s:.1f}" for s in shares[:2]), literature.quote(published.get("e_n"))
            )
        )
        top = sorted(speciation.fraction_of_formers().items(), key=lambda item: -item[1])[:3]
        results.append(
            Result("main anions (% of P)", ", ".join(f"{kind} {100 * share:.0f}" for kind, share in top if share > 0))
        )
    passed = sum(not isinstance(check, str) and check.passed for check in checks)
    results.append(
        Result(
            "glass checks passed",
            f"{passed} of {_replicas(len(checks))}",
            "",
            "no crystalline order, few defects, charges balance",
        )
    )
    return results


def _methods(settings, record, finished):
    _, status = methods.run_facts(finished[0] / "equilibrate")
    lines = methods.common_methods(record["model"], status)
    lines += [
        (
            "start",
            settings.start
            if settings.start != "random"
            else f"random, {settings.composition}, {settings.density_g_per_cm3:g} g/cm³",
        ),
        ("melt", f"{settings.melt_temperature_K:g} K, {settings.melt_time_ps:g} ps, NVT"),
        (
            "cooling",
            f"{settings.cooling_rate_K_per_ps:g} K/ps, {settings.cooling_ensemble.upper()}, {settings.cooling_time_ps:g} ps",
        ),
        (
            "equilibration",
            f"{settings.final_temperature_K:g} K, {settings.pressure_bar:g} bar, {settings.equilibration_time_ps:g} ps, NPT",
        ),
        ("dynamics", f"Langevin, friction {settings.friction_per_ps:g} /ps, timestep {settings.timestep_fs:g} fs"),
        ("seed", str(settings.seed)),
    ]
    return lines
