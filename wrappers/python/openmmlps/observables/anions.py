# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Anions of a network: kinds, Q^n and E^n and both together, who is linked to whom, over all replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.speciation import Speciation
from openmmlps.report.content import Figure, Headline, Measured, Section, Table, rows_of
from openmmlps.report.style import SERIES, chemical, picture

from .observable import FILE, QUENCH, RELAX, RUN, Needs, Observable, Result, Sample, Value

_LEAST_FRAMES = 40  # of each of many replicas
_RARE = 0.05  # anions per frame that are listed
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_HEADLINE_KINDS = 3
_LEAST_SHARE = 0.02  # of the formers, of kinds that are compared


def _compute(sample: Sample) -> Result | None:
    state = sample.coldest
    trajectories = state.require(NEEDS, "speciation")
    frames = max(_LEAST_FRAMES, NEEDS.frames // len(trajectories))
    each = [analysis.classify_anions(Needs(frames).take(item), sample.material) for item in trajectories]
    section = Section("anions", sample.at(sample.options.get("anions_title", "Anions"), state))
    if "cooling" in sample.options:
        section.add(_cooling_figure(sample))
    section.add(_kinds_table(sample, each))
    result = Result(section)
    for former in sample.material.formers:
        section.add(_q_n_table(sample, each, former), _joint_table(sample, each, former))
        result.values += _values(sample, each, former)
    section.add(_links_table(sample, each))
    if sample.kind in (RUN, FILE) and len(each[0].units) > 1 and each[0].times_ps is not None:
        section.add(_balance_figure(sample, each[0]))
    result.values += [
        Value("anion", _percent([one.fraction_of_formers().get(kind, 0.0) for one in each]), kind, state.target_K)
        for kind in _kinds(each)
        if np.mean([one.fraction_of_formers().get(kind, 0.0) for one in each]) >= _LEAST_SHARE
    ]
    if sample.kind == QUENCH:
        result.headlines = list(_headlines(sample, each))
    return result


def _of(sample: Sample) -> str:
    """What shares of formers are called: 'P atoms'."""
    return f"{'/'.join(sample.material.formers)} atoms"


def _percent(shares: Iterable[float]) -> Measured:
    """Mean of the shares of replicas in percent; one replica has no interval."""
    return Measured.of_samples([100 * share for share in shares])


def _cell(measured: Measured) -> Measured | float:
    """A cell of a table: one replica is a plain number."""
    return measured if np.isfinite(measured.reach) else round(measured.value, 1)


def _kinds(each: Sequence[Speciation]) -> list[str]:
    """Kinds that hold formers, the most abundant first."""
    total: dict[str, float] = {}
    for one in each:
        for kind, share in one.fraction_of_formers().items():
            total[kind] = total.get(kind, 0.0) + share
    return sorted((kind for kind in total if total[kind] > 0), key=lambda kind: (-total[kind], kind))


def _kinds_table(sample: Sample, each: Sequence[Speciation]) -> Table:
    material = sample.material
    shares: list[list[dict[str, float]]] = [
        [pick(one) for one in each]
        for pick in (Speciation.fraction_of_formers, Speciation.fraction_of_units, Speciation.fraction_of_ligands)
    ]
    number = {
        kind: [float(one.units[:, one.kinds.index(kind)].mean()) if kind in one.kinds else 0.0 for one in each]
        for kind in dict.fromkeys(kind for one in each for kind in one.kinds)
    }
    rows = [
        (
            kind,
            round(float(np.mean(number[kind])), 2),
            *(_cell(_percent([share.get(kind, 0.0) for share in found])) for found in shares),
        )
        for kind in sorted(number, key=lambda kind: -np.mean(number[kind]))
        if np.mean(number[kind]) >= _RARE
    ]
    bonds = ", ".join(f"{a}–{b} {length:g}" for (a, b), length in material.bonds.items())
    return Table(
        f"{sample.name}-anions",
        f"Anions, averaged over the frames{' and replicas' if len(each) > 1 else ''} (bonds shorter than, in Å: {bonds}).",
        ("anion", "per frame", f"% of {_of(sample)}", "% of units", f"% of {'/'.join(material.ligands)} atoms"),
        tuple(rows),
        "A star marks an anion with an atom of unusual coordination; kinds with less than 0.05 per frame are left out.",
    )


def _q_n_table(sample: Sample, each: Sequence[Speciation], former: str) -> Table:
    references, rows = sample.references, []
    sources: dict[str, None] = {}
    lines: list[tuple[str, str, Measured, str]] = []
    for quantity, label, pick in _DISTRIBUTIONS:
        shares = np.array([pick(one, former) for one in each])
        known = {row.of for row in references.rows if row.quantity == quantity} if references else set()
        last = max(
            [n for n in range(shares.shape[1]) if shares[:, n].max() > 0]
            + [n for n in range(shares.shape[1]) if f"{former}{n}" in known]
        )
        for n in range(last + 1):
            found = references.find(quantity, f"{former}{n}") if references else []
            sources.update(dict.fromkeys(row.source for row in found))
            lines.append((quantity, f"{label}{n}".translate(_SUPERSCRIPTS), _percent(shares[:, n]), f"{former}{n}"))
    for quantity, label, measured, of in lines:
        row: list[Any] = [label, _cell(measured)]
        found = references.find(quantity, of) if references else []
        anything = (
            any(row.quantity == quantity and row.of[:-1] == former for row in references.rows) if references else False
        )
        row += [
            next((item.value for item in found if item.source == source), 0.0 if anything else "") for source in sources
        ]
        rows.append(tuple(row))
    around = "/".join(sample.material.ligands)
    caption = f"Qⁿ: {former} with n bridging {around}; Eⁿ: {former} whose tetrahedron shares an edge with n others."
    columns = ("", f"% of {former} atoms", *(f"{source} (%)" for source in sources))
    return Table(f"{sample.name}-qn-{former}", caption, columns, tuple(rows))


_DISTRIBUTIONS: tuple[tuple[str, str, Callable[[Speciation, str], np.ndarray]], ...] = (
    ("q_n", "Q", Speciation.q_n_fractions),
    ("e_n", "E", Speciation.e_n_fractions),
)


def _joint_table(sample: Sample, each: Sequence[Speciation], former: str) -> Table | None:
    """Q^n and E^n together; None where no edge is shared, since it says nothing new then."""
    shares = np.array([one.joint[former].sum(0) / max(one.joint[former].sum(), 1) for one in each])
    edges = [e for e in range(shares.shape[2]) if shares[:, :, e].max() > 0]
    if len(edges) < 2:
        return None
    rows = tuple(
        (f"Q{n}".translate(_SUPERSCRIPTS), *(_cell(_percent(shares[:, n, e])) for e in edges))
        for n in range(shares.shape[1])
        if shares[:, n].max() > 0
    )
    columns = ("", *(f"{f'E{e}'.translate(_SUPERSCRIPTS)} (% of {former} atoms)" for e in edges))
    caption = f"Bridging and edge sharing of {former} together."
    return Table(f"{sample.name}-qn-en-{former}", caption, columns, rows)


def _links_table(sample: Sample, each: Sequence[Speciation]) -> Table | None:
    """Which tetrahedra share corners and edges; None without any."""
    rows = []
    for pair in each[0].links:
        per_frame = np.array([one.links[pair].mean(0) for one in each])
        if per_frame.max() > 0:
            samples = (Measured.of_samples(column) for column in per_frame.T)
            rows.append((f"{pair[0]}–{pair[1]}", *(_plain(sample) for sample in samples)))
    if not rows:
        return None
    columns = ("formers", "corners shared, per frame", "edges shared, per frame")
    caption = "Links between tetrahedra by the formers in them: one ligand shared (corner) or more (edge)."
    return Table(f"{sample.name}-links", caption, columns, tuple(rows))


def _plain(measured: Measured) -> Measured | float:
    return measured if np.isfinite(measured.reach) else round(measured.value, 2)


def _values(sample: Sample, each: Sequence[Speciation], former: str) -> Iterator[Value]:
    for quantity, _, pick in _DISTRIBUTIONS:
        shares = np.array([pick(one, former) for one in each])
        for n in range(shares.shape[1]):
            if shares[:, n].max() > 0 or n == 0:
                yield Value(quantity, _percent(shares[:, n]), f"{former}{n}", sample.coldest.target_K)


def _headlines(sample: Sample, each: Sequence[Speciation]) -> Iterator[Headline]:
    """Shares of the replicas with the interval of their mean; one glass has none."""
    detail = "" if len(each) > 1 else "one glass: no interval"

    def text(shares: Iterable[float]) -> str:
        found = _percent(shares)
        return str(found) if np.isfinite(found.reach) else f"{found.value:.1f}"

    for former in sample.material.formers:
        for quantity, label, pick in _DISTRIBUTIONS:
            shares = np.array([pick(one, former) for one in each])
            most = 4 if quantity == "q_n" else 2
            most = max(most, 1 + max(n for n in range(shares.shape[1]) if n == 0 or shares[:, n].mean() >= 0.005))
            names = " / ".join(f"{label}{n}".translate(_SUPERSCRIPTS) for n in range(most))
            value = " / ".join(text(column) for column in shares[:, :most].T)
            parts = [f"{former}{n}" for n in range(most)]
            known = sample.references.tuples(quantity, parts) if sample.references else ""
            yield Headline(f"{names} (% of {former})", value, known, detail)
    kinds = _kinds(each)[:_HEADLINE_KINDS]
    main = ", ".join(f"{kind} {text([one.fraction_of_formers().get(kind, 0.0) for one in each])}" for kind in kinds)
    yield Headline(f"main anions (% of {'/'.join(sample.material.formers)})", main, "", detail)


def _balance_figure(sample: Sample, found: Speciation) -> Figure:
    times = np.asarray(found.times_ps)
    kinds, shares = shares_over_time(found)

    def draw(axes: Any) -> None:
        stack_shares(axes, times, kinds, shares)
        axes.set(xlabel="time (ps)", ylabel=f"% of {_of(sample)}")

    columns = ("time_ps", *(f"percent_of_formers_in_{kind}" for kind in kinds))
    caption = f"Share of the {_of(sample)} in each kind of anion against time."
    return Figure(f"{sample.name}-anions-time", caption, picture(draw), columns, rows_of(times, *shares))


def _cooling(sample: Sample) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Temperatures of the thermostat while the first replica cools, kinds, and their shares in percent."""
    trajectory, hot, cold = sample.options["cooling"]
    kinds, shares = shares_over_time(analysis.classify_anions(COOLING_NEEDS.take(trajectory), sample.material))
    window = 5
    if shares.shape[1] > 2 * window:
        kernel = np.full(window, 1 / window)
        shares = np.array([np.convolve(row, kernel, mode="valid") for row in shares])
    return hot + np.linspace(0, 1, shares.shape[1]) * (cold - hot), kinds, shares


def _cooling_figure(sample: Sample) -> Figure:
    temperature, kinds, shares = _cooling(sample)

    def draw(axes: Any) -> None:
        stack_shares(axes, temperature[::-1], kinds, shares[:, ::-1])
        axes.invert_xaxis()
        axes.set(xlabel="temperature of the thermostat (K)", ylabel=f"% of {_of(sample)}")

    columns = ("temperature_K", *(f"percent_of_formers_in_{kind}" for kind in kinds))
    caption = f"Anions while cooling ({sample.coldest.replicas[0]}), by share of the {_of(sample)}."
    drawn = picture(draw, height=3.8)
    return Figure(f"{sample.name}-cooling", caption, drawn, columns, rows_of(temperature, *shares))


def shares_over_time(found: Speciation, most: int = 6) -> tuple[list[str], np.ndarray]:
    """Percent of the formers by kind over time: kinds, [k, t]; rare kinds are gathered in 'other'."""
    total = np.maximum(found.formers.sum(1), 1)
    percent = 100 * found.formers.T / total
    order = [index for index in np.argsort(-percent.mean(1), kind="stable") if percent[index].max() > 0]
    kept, rest = order[:most], order[most:]
    kinds = [found.kinds[index] for index in kept]
    shares = [percent[index] for index in kept]
    if rest:
        kinds.append("other")
        shares.append(percent[rest].sum(0))
    return kinds, np.array(shares)


def stack_shares(axes: Any, x: np.ndarray, kinds: Sequence[str], shares: np.ndarray) -> None:
    """Draw shares as a stacked area with a legend below."""
    axes.stackplot(
        x, shares, colors=[SERIES[index % len(SERIES)] for index in range(len(kinds))], alpha=0.85, linewidth=0
    )
    axes.set(xlim=(min(x[0], x[-1]), max(x[0], x[-1])), ylim=(0, 100))
    axes.legend(
        [chemical(kind) for kind in kinds], loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=4, fontsize=8
    )


NEEDS, COOLING_NEEDS = Needs(frames=100, average=True), Needs(frames=120)
anions = Observable("anions", _compute, "speciation", NEEDS, (QUENCH, RUN, FILE, RELAX), network=True)
