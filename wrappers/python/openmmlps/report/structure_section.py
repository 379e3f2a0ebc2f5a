# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Sections on structure: radial distributions, S(Q), anions, tetrahedra, and the snapshot."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.neighbors import cell_heights, neighbor_pairs
from openmmlps.analysis.trajectory import Trajectory

from . import literature
from .content import Figure, Section, Snapshot, Table, rows_of
from .style import DASHED, GRID, SERIES, chemical, picture

_FRAMES = 100
_CHARGED = {"P", "Si", "Ge", "Sn", "As", "Sb"}
#: pairs in the order in which papers show them
_PAIRS = (("P", "S"), ("Li", "S"), ("S", "S"), ("Li", "P"), ("P", "P"), ("Li", "Li"))
_LONGEST, _SHORTEST = 10.0, 6.0  # angstrom, of g(r)
_COORDINATION_RANGES = {("P", "S"): 2.6, ("Li", "S"): 3.5, ("Li", "Li"): 4.5}


def structure_section(name: str, trajectory: Trajectory, title: str, glass: bool, scattering: bool = False) -> Section:
    """g(r), peaks and coordination, S(Q).

    Parameters
    ----------
    name : str
        prefix of file names
    trajectory : Trajectory
        periodic
    title : str
        heading
    glass : bool
        whether peaks are compared with those of glasses
    scattering : bool
        whether S(Q) is shown: that of a crystal is a row of Bragg peaks, which a small cell samples badly
    """
    section = Section("structure", title)
    stride = max(1, len(trajectory) // _FRAMES)
    half = float(cell_heights(np.asarray(trajectory.cells)).min()) / 2
    # Beyond half the cell a glass repeats itself. A small unit cell of a crystal is shown further, and the figure says where.
    reach = min(half, _LONGEST) if glass or half > _SHORTEST else _LONGEST
    distribution = analysis.radial_distribution(trajectory, r_max=reach, bin_width=0.04, stride=stride)
    pairs = [pair for pair in _PAIRS if tuple(sorted(pair)) in distribution.g]
    pairs += [pair for pair in distribution.g if pair not in {tuple(sorted(known)) for known in pairs}]
    section.add(_g_figure(name, distribution, pairs))
    text = f"Averages over {distribution.frames} frames; number density {distribution.number_density_per_angstrom3:.4f} Å⁻³."
    if scattering:
        section.add(_factor_figure(name, trajectory, 3 * stride))
        text += (
            " S(Q) is neutron-weighted (Faber–Ziman, natural isotopes), computed from wave vectors of the cell, so it holds no "
            "truncation ripples; below the first vector of the cell there is no information."
        )
    section.add(_peak_table(name, distribution, pairs, glass))
    section.paragraphs.append(text)
    return section


def _g_figure(name: str, distribution: analysis.RadialDistribution, pairs: Sequence[tuple[str, str]]) -> Figure:
    r, half = distribution.r_angstrom, distribution.half_width_angstrom
    reach = float(r[-1])
    shown = pairs[:6]
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}

    def draw(axes: Any) -> None:
        for index, pair in enumerate(shown):
            g, base, color = distribution.pair(*pair), 1.2 * (len(shown) - 1 - index), SERIES[index]
            height = g.max() or 1.0
            axes.plot(r, g / height + base, color=color)
            text = f"{pair[0]}–{pair[1]}  (max {height:.2f})"
            axes.text(reach - 0.05, base + 0.85, text, color=color, ha="right", fontsize=9, bbox=box)
        if half < reach:
            axes.axvspan(half, reach, color=GRID, zorder=0)
        axes.set(
            xlim=(1, reach), xlabel="r (Å)", ylabel="g(r), each scaled to its maximum", yticks=[], ylim=(-0.1, None)
        )

    columns = ("r_angstrom", *(f"g_{a}_{b}" for a, b in pairs), *(f"coordination_{b}_around_{a}" for a, b in pairs))
    values = [r, *(distribution.pair(*pair) for pair in pairs), *(distribution.coordination[pair] for pair in pairs)]
    caption = (
        "Partial radial distribution functions, shifted; the number in parentheses is the height of the highest peak. "
        + (
            f"Shaded: beyond {half:.1f} Å, half the shortest width of the cell, the structure repeats itself."
            if half < reach
            else f"They end at {reach:.1f} Å{'' if reach > 9.9 else ', half the shortest width of the cell'}."
        )
    )
    return Figure(f"{name}-rdf", caption, picture(draw, height=4.4), columns, rows_of(*values))


def _peak_table(
    name: str, distribution: analysis.RadialDistribution, pairs: Sequence[tuple[str, str]], glass: bool
) -> Table:
    rows = []
    for pair in pairs:
        cutoff = _COORDINATION_RANGES.get(pair)
        published = literature.GLASS_PEAKS.get(pair, "") if glass else ""
        number = round(distribution.coordination_within(*pair, cutoff), 2) if cutoff else ""
        first = (number, cutoff or "", published)
        for peak in distribution.peaks(*pair, 1.5, 7.0):
            between = f"{peak.start_angstrom:.2f} – {peak.stop_angstrom:.2f}"
            row = (
                f"{pair[0]}–{pair[1]}",
                round(peak.position_angstrom, 2),
                round(peak.height, 2),
                between,
                round(peak.neighbors, 3),
            )
            rows.append((*row, *first) if glass else (*row, *first[:2]))
            first = ("", "", "")
    columns = ("pair", "peak (Å)", "height", "between (Å)", "neighbors in it", "neighbors", "within (Å)")
    caption = "Peaks of each g(r) below 7 Å, with the number of neighbors between the minima beside them."
    return Table(f"{name}-peaks", caption, columns + (("Zhou (Å)",) if glass else ()), tuple(rows))


def _factor_figure(name: str, trajectory: Trajectory, stride: int) -> Figure:
    factor = analysis.structure_factor_direct(trajectory, q_max=10.0, q_step=0.1, stride=stride)
    q, s = factor.q_per_angstrom, factor.neutron
    known = np.isfinite(s)
    text = ""
    try:
        peak = analysis.first_sharp_diffraction_peak(q[known], s[known])
        text = f" First sharp diffraction peak at {peak.position_per_angstrom:.2f} Å⁻¹."
    except ValueError:
        pass

    def draw(axes: Any) -> None:
        axes.axhline(1, color="#9aa5af", linewidth=0.8)
        axes.plot(q[known], s[known], color=SERIES[0])
        axes.set(xlim=(0, 10), xlabel="Q (Å⁻¹)", ylabel="S(Q), neutrons")

    caption = (
        f"Neutron-weighted total structure factor.{text} Published peaks of the glasses: 1.4, 2.0 and 3.8 Å⁻¹ (Zhou)."
    )
    return Figure(f"{name}-sq", caption, picture(draw), ("q_per_angstrom", "s_neutron"), rows_of(q[known], s[known]))


def speciation_section(
    name: str, trajectory: Trajectory, title: str, published: literature.Published, over_time: bool = True
) -> tuple[Section | None, analysis.Speciation | None]:
    """Anions, Q^n and E^n, defects.

    Parameters
    ----------
    name : str
        prefix of file names
    trajectory : Trajectory
        periodic
    title : str
        heading
    published : mapping
        from :func:`~.literature.published`
    over_time : bool
        whether a figure shows how the shares change with time

    Returns
    -------
    section : Section or None
        None without P and S
    found : Speciation or None
        what it is made from
    """
    if "S" not in trajectory.elements or not _CHARGED & set(trajectory.elements):
        return None, None
    stride = max(1, len(trajectory) // _FRAMES)
    found = analysis.classify_anions(trajectory, stride=stride)
    section = Section("speciation", title)
    per_former, per_unit, per_sulfur = (
        found.fraction_of_formers(),
        found.fraction_of_units(),
        found.fraction_of_sulfurs(),
    )
    rows = tuple(
        (
            kind,
            round(float(found.units[:, i].mean()), 2),
            *(round(100 * share[kind], 1) for share in (per_former, per_unit, per_sulfur)),
        )
        for i, kind in enumerate(found.kinds)
        if found.units[:, i].mean() >= 0.05
    )
    section.add(
        Table(
            f"{name}-anions",
            "Anions, averaged over the frames (bonds: P–S and P–P below 2.6 Å, S–S below 2.4 Å).",
            ("anion", "per frame", "% of P atoms", "% of units", "% of S atoms"),
            rows,
            "A star marks an anion with an atom of unusual coordination; kinds with less than 0.05 per frame are left out.",
        )
    )
    for element in found.q_n:
        section.add(_q_n_table(name, found, element, published))
    if over_time and len(found.units) > 1 and trajectory.times_ps is not None:
        section.add(_balance_figure(name, found, np.asarray(found.times_ps)))
    return section, found


def _q_n_table(name: str, found: analysis.Speciation, element: str, published: literature.Published) -> Table:
    rows = []
    for key, label, shares in (("q_n", "Q", found.q_n_fractions(element)), ("e_n", "E", found.e_n_fractions(element))):
        reference = {source: values for values, source in published.get(key, [])} if element == "P" else {}
        last = max([n for n, share in enumerate(shares) if share > 0] + [len(v) - 1 for v in reference.values()])
        for n in range(last + 1):
            row = [f"{label}{n}".translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")), round(100 * float(shares[n]), 1)]
            if published.get("q_n"):
                row.append(next((values[n] if n < len(values) else 0.0 for values in reference.values()), ""))
            rows.append(tuple(row))
    columns = ("", f"% of {element} atoms") + (("Zhou (%)",) if published.get("q_n") else ())
    caption = f"Qⁿ: {element} with n bridging S; Eⁿ: {element} whose tetrahedron shares an edge with n others."
    return Table(f"{name}-qn-{element}", caption, columns, tuple(rows))


def _balance_figure(name: str, found: analysis.Speciation, times: np.ndarray) -> Figure:
    kinds, shares = shares_over_time(found)

    def draw(axes: Any) -> None:
        stack_shares(axes, times, kinds, shares)
        axes.set(xlabel="time (ps)", ylabel="% of P atoms")

    columns = ("time_ps", *(f"percent_of_formers_in_{kind}" for kind in kinds))
    return Figure(
        f"{name}-anions-time",
        "Share of the P atoms in each kind of anion against time.",
        picture(draw),
        columns,
        rows_of(times, *shares),
    )


def shares_over_time(found: analysis.Speciation, most: int = 6) -> tuple[list[str], np.ndarray]:
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


def tetrahedra_section(name: str, trajectory: Trajectory, title: str) -> Section | None:
    """S-P-S angles and reorientation of the tetrahedra; None if there are none."""
    if not {"P", "S"} <= set(trajectory.elements) or trajectory.times_ps is None or len(trajectory) < 20:
        return None
    stride = max(1, len(trajectory) // 600)
    try:
        tetrahedra = analysis.find_tetrahedra(trajectory[::stride])
        angles, density = analysis.tetrahedral_angles(tetrahedra)
        lags, correlation = analysis.orientational_correlation(tetrahedra, 2)
        flips = analysis.detect_flips(tetrahedra)
    except ValueError:
        return None
    section = Section("tetrahedra", title)
    mean = float((angles * density).sum() / density.sum())
    spread = float(np.sqrt(((angles - mean) ** 2 * density).sum() / density.sum()))
    known = np.isfinite(correlation)

    def draw(axes: Any) -> None:
        axes[0].plot(angles, density, color=SERIES[0])
        axes[0].axvline(109.47, color="#9aa5af", linewidth=0.9, linestyle=DASHED)
        axes[0].set(xlim=(80, 140), xlabel="S–P–S angle (degrees)", ylabel="density (1/degree)", ylim=(0, None))
        axes[1].plot(lags[known], correlation[known], color=SERIES[1])
        axes[1].set(
            xlabel="lag (ps)", ylabel="C₂(t) of P–S bonds", ylim=(min(0.0, float(correlation[known].min())), 1.02)
        )

    caption = (
        f"Left: S–P–S angles, mean {mean:.1f}°, standard deviation {spread:.1f}° (dashed: 109.47°). Right: orientational "
        f"correlation (l = 2) of the P–S bonds. Flips between the twelve equivalent orientations: {len(flips.frames)} in "
        f"{flips.observed_ps:.0f} ps of all tetrahedra together."
    )
    rows = [("angle_degrees", float(a), float(d)) for a, d in zip(angles, density, strict=True)]
    rows += [("lag_ps", float(a), float(c)) for a, c in zip(lags[known], correlation[known], strict=True)]
    section.add(
        Figure(
            f"{name}-tetrahedra",
            caption,
            picture(draw, columns=2, height=2.9),
            ("abscissa", "value", "density_or_C2"),
            tuple(rows),
        )
    )
    return section


def snapshot(trajectory: Trajectory, title: str) -> Snapshot:
    """The last frame, folded into the cell with the anions kept whole."""
    frame = trajectory[len(trajectory) - 1 : len(trajectory)]
    positions, cell = next(frame.frames())
    return fold(trajectory.symbols, positions, np.asarray(cell), title)


def fold(symbols: Sequence[str], positions: np.ndarray, cell: np.ndarray, title: str) -> Snapshot:
    """A Snapshot with formers and lithium in the cell, and S beside the atom that it is bonded to."""
    positions = np.array(positions, dtype=float)
    kinds = np.array(symbols)
    fractional = positions @ np.linalg.inv(cell)
    positions -= np.floor(fractional) @ cell
    first, second, distance, vector = neighbor_pairs(positions, cell, 2.6, "ijdD")
    former, sulfur = np.isin(kinds, list(_CHARGED)), kinds == "S"
    bonded = (former[first] & sulfur[second]) | (sulfur[first] & former[second]) | (former[first] & former[second])
    bonded |= sulfur[first] & sulfur[second] & (distance < 2.4)
    placed = former | ~sulfur
    for i, j, step in sorted(
        zip(first[bonded].tolist(), second[bonded].tolist(), vector[bonded].tolist(), strict=True)
    ):
        for a, b, sign in ((i, j, 1), (j, i, -1)):
            if former[a] and sulfur[b] and not placed[b]:
                positions[b] = positions[a] + sign * np.array(step)
                placed[b] = True
    pairs = []
    for i, j, length in zip(first[bonded], second[bonded], distance[bonded], strict=True):
        if abs(np.linalg.norm(positions[i] - positions[j]) - length) < 1e-3:
            pairs.append((int(i), int(j)))
    return Snapshot(title, tuple(symbols), np.round(positions, 3), np.round(np.asarray(cell), 4), tuple(pairs))


def one_frame(symbols: Sequence[str], positions: np.ndarray, cell: np.ndarray, name: str) -> Trajectory:
    """A trajectory of a single structure."""
    return Trajectory(tuple(symbols), np.asarray(positions)[None], np.asarray(cell), name=name)
