# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Whether tetrahedra turn when ions near them hop, with a test of chance."""

from __future__ import annotations

from typing import Any

from openmmlps import analysis
from openmmlps.analysis.trajectory import Trajectory
from openmmlps.report.content import Figure, Section, Table, rows_of
from openmmlps.report.style import INK, SERIES, picture

from .observable import FILE, TRANSPORT, Needs, Observable, Result, Sample

_TOLERANCE_PS, _CAGE_ANGSTROM = 0.5, 1.5  # of hops
_NEAR_ANGSTROM, _MAX_LAG_PS = 4.0, 5.0


def _compute(sample: Sample) -> Result | None:
    state, material = sample.hottest, sample.material
    section = Section("rotation_coupling", sample.at(f"Rotation of tetrahedra and hops of {material.mobile}", state))
    result, rows = Result(section), []
    for replica, trajectory in zip(state.replicas, state.require(NEEDS, "rotation and hops"), strict=False):
        hosts = analysis.assign_hosts(trajectory, material.mobile, material=material)
        frames, ions = analysis.hop_events(hosts, _TOLERANCE_PS, _CAGE_ANGSTROM)
        atoms = trajectory.indices(material.mobile)[ions]
        for former in material.formers:
            found = _coupling(sample, trajectory, former, frames, atoms)
            if isinstance(found, str):
                section.paragraphs.append(f"{former}: {found}.")
                continue
            name = f"{former}{f', {replica}' if replica else ''}"
            rows.append(
                (
                    name,
                    found.pairs,
                    found.near_degrees,
                    found.mean_degrees,
                    float(found.ratio[_middle(found)]),
                    _chance(found),
                )
            )
            if not section.items:
                section.add(_figure(sample, found, former))
    if rows:
        columns = ("tetrahedra", "hops near one", "turn around a hop (°)", "turn at any time (°)", "ratio", "by chance")
        note = (
            f"Turns within {1.0:g} ps of tetrahedra within {_NEAR_ANGSTROM:g} Å of a hopping ion, against the same tetrahedra at any "
            "time. By chance: probability of such a ratio when all hops are shifted in time. A small one says that both come "
            "together, not which is the cause."
        )
        section.add(Table(f"{sample.name}-coupling", "Do tetrahedra turn when ions hop?", columns, tuple(rows), note))
    return result if section.items or section.paragraphs else None


def _coupling(
    sample: Sample, trajectory: Trajectory, former: str, frames: Any, atoms: Any
) -> analysis.RotationCoupling | str:
    """The coupling of the tetrahedra of a former, or why there is none."""
    ligands = tuple(sample.material.ligands)
    cutoff = max(sample.material.cutoff(former, ligand) for ligand in ligands)
    try:
        tetrahedra = analysis.find_tetrahedra(trajectory, former, ligands, cutoff)
        return analysis.rotation_coupling(trajectory, tetrahedra, frames, atoms, _NEAR_ANGSTROM, max_lag_ps=_MAX_LAG_PS)
    except ValueError as error:
        return str(error)


def _middle(found: analysis.RotationCoupling) -> int:
    return len(found.lags_ps) // 2


def _chance(found: analysis.RotationCoupling) -> str:
    return f"p = {found.p_value:.2g}"


def _figure(sample: Sample, found: analysis.RotationCoupling, former: str) -> Figure:
    def draw(axes: Any) -> None:
        axes.axhline(1, color=INK, linewidth=0.8, alpha=0.5)
        axes.fill_between(
            found.lags_ps, found.chance_low, found.chance_high, color=SERIES[5], alpha=0.2, linewidth=0, label="chance"
        )
        axes.plot(found.lags_ps, found.ratio, color=SERIES[0])
        axes.set(xlabel="time of the turn after the hop (ps)", ylabel="turn near hops / usual turn")
        axes.legend(loc="upper right")

    columns = ("lag_ps", "ratio", "chance_low_95", "chance_high_95")
    caption = (
        f"Turns of the tetrahedra of {former} around hops of {sample.material.mobile} near them, over their usual ones; band: 95 % of "
        "what chance gives."
    )
    rows = rows_of(found.lags_ps, found.ratio, found.chance_low, found.chance_high)
    return Figure(f"{sample.name}-coupling-lags", caption, picture(draw, height=2.9), columns, rows)


NEEDS = Needs(frames=2000, interval_ps=_TOLERANCE_PS / 2, time_ps=40.0)
rotation_coupling = Observable(
    "rotation_coupling", _compute, "rotation-and-hops", NEEDS, (TRANSPORT, FILE), mobile=True, network=True
)
