# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Radial distribution functions of all pairs, their peaks with areas, and numbers of neighbors, over all replicas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.estimates import standard_error, student_reach
from openmmlps.analysis.neighbors import cell_heights
from openmmlps.analysis.radial import RadialPeak
from openmmlps.analysis.requirements import require_cell
from openmmlps.materials import Material
from openmmlps.report.content import Figure, Measured, Section, Table, rows_of
from openmmlps.report.style import GRID, SERIES, picture

from .observable import Curve, Needs, Observable, Result, Sample, Value

_LONGEST, _SHORTEST = 10.0, 6.0  # angstrom, of g(r)
_PEAKS = (1.2, 7.0)  # angstrom, between which peaks are listed
_LEAST_FRAMES = 20  # of each of many replicas
_LEAST_FOR_BAND = 3  # replicas
_PANELS = 10  # pairs in the figure
Pair = tuple[str, str]


def _compute(sample: Sample) -> Result:
    state = sample.coldest
    trajectories = state.require(NEEDS, "radial distribution")
    frames = max(_LEAST_FRAMES, NEEDS.frames // len(trajectories))
    half = min(float(cell_heights(require_cell(item)).min()) / 2 for item in trajectories)
    # Beyond half the cell a glass repeats itself. A small unit cell of a crystal is shown further, and the figure says where.
    reach = min(half, _LONGEST) if sample.glass or half > _SHORTEST else _LONGEST
    each = [
        analysis.radial_distribution(Needs(frames).take(item), r_max=reach, bin_width=0.04) for item in trajectories
    ]
    merged, pairs = merge(each), sample.material.pairs
    pairs = tuple(pair for pair in pairs if tuple(sorted(pair)) in merged.g)
    section = Section("structure", sample.at(sample.options.get("structure_title", "Structure"), state))
    section.add(_figure(sample, merged, pairs), _peak_table(sample, each, merged, pairs))
    section.paragraphs.append(
        f"Averages over {merged.frames} frames of {len(each)} {'replica' if len(each) == 1 else 'replicas'}; number density "
        f"{merged.number_density_per_angstrom3:.4f} Å⁻³."
    )
    result = Result(section)
    if sample.glass:
        figure, total = _total_figure(sample, merged)
        section.add(figure)
        own = merged.r_angstrom <= half
        result.curves.append(Curve("total_distribution", "", merged.r_angstrom[own], total[own], None, state.target_K))
    for pair in pairs:
        reach_95 = None
        if len(each) >= _LEAST_FOR_BAND:
            reach_95 = student_reach(len(each) - 1) * standard_error([one.pair(*pair) for one in each])
        name = "-".join(sorted(pair))
        own = merged.r_angstrom <= half  # beyond, an atom meets its own images
        band = None if reach_95 is None else reach_95[own]
        result.curves.append(
            Curve("radial_distribution", name, merged.r_angstrom[own], merged.pair(*pair)[own], band, state.target_K)
        )
        for number, peak in enumerate(merged.peaks(*pair, *_PEAKS), 1):
            position, neighbors = _of_replicas(each, pair, peak)
            of = name if number == 1 else f"{name} ({number})"
            result.values.append(Value("radial_peak", position, of, state.target_K))
            result.values.append(
                Value("peak_area", neighbors, f"{pair[1]} around {pair[0]}" + of[len(name) :], state.target_K)
            )
            if number == 1 and pair[0] in (*sample.material.formers, sample.material.mobile):
                result.values.append(Value("coordination", neighbors, f"{pair[1]} around {pair[0]}", state.target_K))
    return result


def merge(each: Sequence[analysis.RadialDistribution]) -> analysis.RadialDistribution:
    """Mean of the distributions of replicas.

    Parameters
    ----------
    each : sequence of RadialDistribution
        of the same pairs and bins

    Returns
    -------
    RadialDistribution
        with the counts of all
    """
    first = each[0]
    if len(each) == 1:
        return first
    return replace(
        first,
        g={pair: np.mean([one.g[pair] for one in each], axis=0) for pair in first.g},
        coordination={pair: np.mean([one.coordination[pair] for one in each], axis=0) for pair in first.coordination},
        counts={pair: np.sum([one.counts[pair] for one in each], axis=0) for pair in first.counts},
        expected_counts={pair: np.sum([one.expected_counts[pair] for one in each], axis=0) for pair in first.counts},
        number_density_per_angstrom3=float(np.mean([one.number_density_per_angstrom3 for one in each])),
        frames=sum(one.frames for one in each),
        half_width_angstrom=min(one.half_width_angstrom for one in each),
    )


def _figure(sample: Sample, distribution: analysis.RadialDistribution, pairs: Sequence[Pair]) -> Figure:
    r, half = distribution.r_angstrom, distribution.half_width_angstrom
    reach = float(r[-1])
    shown = pairs[:_PANELS]
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}

    def draw(axes: Any) -> None:
        for index, pair in enumerate(shown):
            g, base = distribution.pair(*pair), 1.2 * (len(shown) - 1 - index)
            color, height = SERIES[index % len(SERIES)], g.max() or 1.0
            axes.plot(r, g / height + base, color=color)
            text = f"{pair[0]}–{pair[1]}  (max {height:.2f})"
            axes.text(reach - 0.05, base + 0.85, text, color=color, ha="right", fontsize=9, bbox=box)
        if half < reach:
            axes.axvspan(half, reach, color=GRID, zorder=0)
        axes.set(xlim=(1, reach), xlabel="r (Å)", ylabel="g(r), each scaled to its maximum")
        axes.set(yticks=[], ylim=(-0.1, None))

    columns = ("r_angstrom", *(f"g_{a}_{b}" for a, b in pairs), *(f"coordination_{b}_around_{a}" for a, b in pairs))
    values = [r, *(distribution.pair(*pair) for pair in pairs), *(distribution.coordination[pair] for pair in pairs)]
    end = (
        f"Shaded: beyond {half:.1f} Å, half the shortest width of the cell, the structure repeats itself."
        if half < reach
        else f"They end at {reach:.1f} Å{'' if reach > _LONGEST - 0.1 else ', half the shortest width of the cell'}."
    )
    caption = f"Partial radial distribution functions, shifted; the number in parentheses is the height of the highest peak. {end}"
    drawn = picture(draw, height=max(3.2, 0.6 * len(shown) + 0.8))
    return Figure(f"{sample.name}-rdf", caption, drawn, columns, rows_of(*values))


def _total_figure(sample: Sample, distribution: analysis.RadialDistribution) -> tuple[Figure, np.ndarray]:
    """Total g(r), weighted by numbers of atoms, and T(r) as neutrons see it; and that g."""
    r, shares = distribution.r_angstrom, distribution.concentrations
    total = np.sum([(1 if a == b else 2) * shares[a] * shares[b] * g for (a, b), g in distribution.g.items()], axis=0)
    neutrons = analysis.total_correlation(distribution, sample.material.overrides())

    def draw(axes: Any) -> None:
        axes[0].plot(r, total, color=SERIES[0])
        axes[0].set(xlim=(1, r[-1]), xlabel="r (Å)", ylabel="total g(r)")
        axes[1].plot(r, neutrons, color=SERIES[1])
        axes[1].set(xlim=(1, r[-1]), xlabel="r (Å)", ylabel="T(r), neutrons (Å⁻²)")

    caption = (
        "Left: total radial distribution, each pair by its share. Right: total correlation function as neutrons see it."
    )
    columns = ("r_angstrom", "g_total", "t_neutron_per_angstrom2")
    drawn = picture(draw, columns=2, height=2.9)
    return Figure(f"{sample.name}-total", caption, drawn, columns, rows_of(r, total, neutrons)), total


def _of_replicas(
    each: Sequence[analysis.RadialDistribution], pair: Pair, peak: RadialPeak
) -> tuple[Measured, Measured]:
    """Position and area of a peak, with intervals from the replicas."""
    if len(each) == 1:
        return Measured(peak.position_angstrom), Measured(peak.neighbors)
    positions, areas = [], []
    for one in each:
        try:
            positions.append(one.peak(*pair, peak.start_angstrom, peak.stop_angstrom)[0])
        except ValueError:  # a replica that has none there
            continue
        start, stop = (one.coordination_within(*pair, end) for end in (peak.start_angstrom, peak.stop_angstrom))
        areas.append(stop - start)
    if len(positions) < 2:
        return Measured(peak.position_angstrom), Measured(peak.neighbors)
    return Measured.of_samples(positions), Measured.of_samples(areas)


def _peak_table(
    sample: Sample,
    each: Sequence[analysis.RadialDistribution],
    distribution: analysis.RadialDistribution,
    pairs: Sequence[Pair],
) -> Table:
    rows, ranges = [], dict(_coordination_ranges(sample.material))
    published = {pair: _published(sample, pair) for pair in pairs}
    for pair in pairs:
        cutoff = ranges.get(pair)
        number = round(distribution.coordination_within(*pair, cutoff), 2) if cutoff else ""
        first: tuple[Any, ...] = (number, cutoff or "", published[pair])
        for peak in distribution.peaks(*pair, *_PEAKS):
            position, neighbors = _of_replicas(each, pair, peak)
            between = f"{peak.start_angstrom:.2f} – {peak.stop_angstrom:.2f}"
            single = len(each) == 1
            row = (
                f"{pair[0]}–{pair[1]}",
                round(position.value, 2) if single else position,
                round(peak.height, 2),
                between,
                round(neighbors.value, 3) if single else neighbors,
            )
            rows.append((*row, *(first if any(published.values()) else first[:2])))
            first = ("", "", "")
    columns: tuple[str, ...] = (
        "pair",
        "peak (Å)",
        "height",
        "between (Å)",
        "neighbors in it",
        "neighbors",
        "within (Å)",
    )
    caption = f"Peaks of each g(r) below {_PEAKS[1]:g} Å, with the number of neighbors between the minima beside them."
    if any(published.values()):
        columns += ("published (Å)",)
    return Table(f"{sample.name}-peaks", caption, columns, tuple(rows))


def _coordination_ranges(material: Material) -> Iterator[tuple[Pair, float]]:
    for ligand in material.ligands:
        for former in material.formers:
            yield (former, ligand), material.cutoff(former, ligand)
        if material.mobile:
            yield (material.mobile, ligand), material.shell(material.mobile, ligand)


def _published(sample: Sample, pair: Pair) -> str:
    """Positions by source, as in '2.2, 2.9, 3.5 (Zhou)'."""
    rows = sample.references.find("radial_peak", "-".join(sorted(pair))) if sample.references else []
    sources = dict.fromkeys(row.source for row in rows)
    return "; ".join(f"{', '.join(str(row) for row in rows if row.source == source)} ({source})" for source in sources)


NEEDS = Needs(frames=100, average=True)
structure = Observable("structure", _compute, "radial-distribution", NEEDS)
