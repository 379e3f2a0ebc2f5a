# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Mobility of ions near each kind of anion, at all temperatures and over all replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.estimates import standard_error, student_reach
from openmmlps.analysis.mobility import Hosts, Lifetime, lifetime
from openmmlps.report.content import Figure, Measured, Section, Table, rows_of
from openmmlps.report.style import SERIES, chemical, picture

from .observable import TRANSPORT, Needs, Observable, Result, Sample, State, Value

_BLOCKS = 5
_TOLERANCE_PS, _CAGE_ANGSTROM = 0.5, 1.5  # of hops
_LAGS_PS = (1.0, 5.0)  # between which D by anion is taken
_LEAST_SHARE, _COMPARED_SHARE = 0.01, 0.05  # of the time, of kinds that are shown and compared


def _compute(sample: Sample) -> Result | None:
    section = Section("mobility", f"{sample.material.mobile} near each anion")
    result, rows = Result(section), []
    for state in sample.states:
        try:
            hosts = list(_hosts(sample, state))
            if state is sample.hottest:
                section.add(_hosts_figure(sample, state, hosts), _lifetime_table(sample, state, hosts))
            stays = analysis.residence_times(hosts, _TOLERANCE_PS, _CAGE_ANGSTROM)
        except ValueError as error:
            section.paragraphs.append(f"{state.label}: {error}.")
            continue
        diffusion = _diffusion(hosts)
        rows += _residence_rows(state, stays, diffusion)
        result.values += _values(state, stays, diffusion)
    if rows:
        section.add(_residence_table(sample, rows))
    return result if section.items or section.paragraphs else None


def _hosts(sample: Sample, state: State) -> Iterator[Hosts]:
    """Hosts in frames of each replica, as close as hops need."""
    for trajectory in state.require(NEEDS, "hops"):
        yield analysis.assign_hosts(trajectory, sample.material.mobile, material=sample.material)


def _diffusion(hosts: Sequence[Hosts]) -> Mapping[str, Measured]:
    """D by kind of anion, cm^2/s; empty where the blocks are too short."""
    try:
        found = analysis.diffusion_by_host(hosts, _LAGS_PS, _BLOCKS)
    except ValueError:
        return {}
    return {kind: Measured.of(estimate) for kind, estimate in found.items()}


def _hosts_figure(sample: Sample, state: State, hosts: Sequence[Hosts]) -> Figure:
    frames, interval = min(len(one.paths) for one in hosts), hosts[0].interval_ps
    lags = np.unique(np.round(np.geomspace(2, max(3, 0.2 * (frames - 1)), 12))) * interval
    each = [analysis.conditional_displacement(one, lags, blocks=_BLOCKS) for one in hosts]
    kinds = [kind for kind in each[0].msd_angstrom2 if np.isfinite(each[0].msd_angstrom2[kind]).any()]
    several = len(each) >= 3
    curves = {}
    for kind in kinds:
        found = [one for one in each if kind in one.msd_angstrom2]
        values = np.array([one.msd_angstrom2[kind] for one in found])
        errors = np.array([one.standard_errors_angstrom2[kind] for one in found])
        error = standard_error(values) if several else np.sqrt((errors**2).sum(0)) / len(found)
        freedom = len(found) - 1 if several else _BLOCKS - 1
        curves[kind] = values.mean(0), (student_reach(freedom) if freedom else np.nan) * error

    def draw(axes: Any) -> None:
        for color, kind in zip(SERIES[:6], kinds, strict=False):
            values, reach = curves[kind]
            axes.plot(each[0].lags_ps, values, color=color, marker="o", markersize=3, label=chemical(kind))
            low = np.maximum(values - reach, 1e-3)
            axes.fill_between(each[0].lags_ps, low, values + reach, color=color, alpha=0.15, linewidth=0)
        axes.set(xscale="log", yscale="log", xlabel="lag (ps)", ylabel="MSD by first host (Å²)")
        axes.legend(loc="upper left", ncols=2)

    columns, data = ["lag_ps"], [each[0].lags_ps]
    for kind in kinds:
        columns += [f"msd_angstrom2_{kind}", f"half width of the 95 % interval of msd_angstrom2_{kind}"]
        data += list(curves[kind])
    caption = (
        f"Mean squared displacement of {sample.material.mobile} at {state.label} by the kind of anion it starts at; bands: "
        f"95 % intervals from {'replicas' if several else 'blocks'}."
    )
    return Figure(f"{sample.name}-hosts", caption, picture(draw), tuple(columns), rows_of(*data))


def _lifetime_table(sample: Sample, state: State, hosts: Sequence[Hosts]) -> Table:
    """How long anions of each kind stay what they are, all replicas together."""
    each = [analysis.anion_lifetimes(one, _TOLERANCE_PS) for one in hosts]
    rows = []
    for kind in dict.fromkeys(kind for found in each for kind in found):
        lives = [found[kind] for found in each if kind in found]
        together = lifetime(sum(life.observed_ps for life in lives), sum(life.departures for life in lives))
        rows.append((kind, _lifetime(together), together.departures))
    caption = f"How long anions keep their kind at {state.label}, by former atom."
    columns = ("anion", "lifetime (ps), 95 % interval in parentheses", "changes seen")
    return Table(f"{sample.name}-anion-lifetimes", caption, columns, tuple(rows))


def _kept(stays: Mapping[str, Lifetime]) -> Iterator[tuple[str, Lifetime, float]]:
    """Kinds that hold ions for at least a hundredth of the time, and their share of it."""
    total = sum(life.observed_ps for life in stays.values())
    for kind, life in stays.items():
        if life.observed_ps >= _LEAST_SHARE * total:
            yield kind, life, life.observed_ps / total


def _residence_rows(
    state: State, stays: Mapping[str, Lifetime], diffusion: Mapping[str, Measured]
) -> list[tuple[Any, ...]]:
    return [
        (
            f"{state.target_K:g}",
            kind,
            round(100 * share, 1),
            _lifetime(life),
            life.departures / life.observed_ps,
            life.departures,
            diffusion[kind].scaled(1e5) if kind in diffusion else "",
        )
        for kind, life, share in _kept(stays)
    ]


def _values(state: State, stays: Mapping[str, Lifetime], diffusion: Mapping[str, Measured]) -> Iterator[Value]:
    for kind, life, share in _kept(stays):
        if share < _COMPARED_SHARE:
            continue
        low, high = (1 / life.high_ps if life.high_ps else 0.0), (1 / life.low_ps if life.low_ps else np.inf)
        rate = Measured(life.departures / life.observed_ps, (high - low) / 2)
        yield Value("hop_rate", rate, kind, state.target_K, (low, high))
        if kind in diffusion:
            yield Value("host_diffusion", diffusion[kind], kind, state.target_K)


def _residence_table(sample: Sample, rows: Sequence[tuple[Any, ...]]) -> Table:
    ion = sample.material.mobile
    columns = (
        "T (K)",
        "anion",
        f"% of {ion}",
        "stay in a cage (ps), 95 % interval in parentheses",
        f"hops per {ion} and ps",
        "seen",
        "D (10⁻⁵ cm²/s)",
    )
    note = (
        f"A hop moves the center of the cage by more than {_CAGE_ANGSTROM:g} Å for longer than {_TOLERANCE_PS:g} ps and leaves at "
        "most half of the shell of ligands. A cage belongs to the anion that owns the nearest ligand most often. All replicas together. "
        f"D is from how far {ion} moves between {_LAGS_PS[0]:g} and {_LAGS_PS[1]:g} ps by the anion where it starts."
    )
    return Table(f"{sample.name}-residence", f"{ion} in cages at anions.", columns, tuple(rows), note)


def _lifetime(life: Lifetime) -> str:
    if not np.isfinite(life.mean_ps):
        return f"more than {life.low_ps:.1f}"
    return f"{life.mean_ps:.2f} ({life.low_ps:.2f} – {life.high_ps:.2f})"


NEEDS = Needs(frames=500, interval_ps=_TOLERANCE_PS / 2)
mobility = Observable("mobility", _compute, "lithium-mobility", NEEDS, (TRANSPORT,), mobile=True, network=True)
