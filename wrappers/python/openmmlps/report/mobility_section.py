# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Sections on the mobile ions: mobility near each anion at all temperatures; where they are and go at the hottest."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.estimates import standard_error, student_reach
from openmmlps.analysis.mobility import Hosts, Lifetime
from openmmlps.analysis.requirements import require_interval
from openmmlps.protocols.transport import TransportSettings

from .content import Figure, Section, Table, rows_of
from .diffusion_section import Point
from .style import SERIES, chemical, heat, picture

_BLOCKS = 5
_FRAMES, _TOLERANCE_PS, _CAGE_ANGSTROM = 500, 0.5, 1.5  # of the search for hops in each trajectory
_VAN_HOVE_LAGS_PS = (0.5, 2.0, 5.0, 10.0, 20.0, 50.0)


def mobility_section(name: str, settings: TransportSettings, points: Sequence[Point]) -> Section | None:
    """Mobility of lithium near each kind of anion at all temperatures, all replicas together; None without lithium, P and S."""
    if settings.mobile != "Li" or not {"P", "S"} <= set(points[0].trajectories[0].elements):
        return None
    hottest, rows, refused = points[-1], [], []
    section = Section("mobility", "Lithium near each anion")
    for point in points:
        try:
            if point is hottest:
                hosts = list(_hosts(point))
                section.add(_hosts_figure(name, point, hosts))
                stays = analysis.residence_times(hosts, _TOLERANCE_PS, _CAGE_ANGSTROM)
            else:
                stays = analysis.residence_times(_hosts(point), _TOLERANCE_PS, _CAGE_ANGSTROM)
        except ValueError as error:
            refused.append(f"{point.target_K:g} K: {error}.")
            continue
        rows += _residence_rows(point, stays)
    section.paragraphs += refused
    if rows:
        section.add(_residence_table(name, rows))
    return section if section.items or refused else None


def _hosts(point: Point) -> Iterator[Hosts]:
    """Hosts in the first frames of each replica, as close as hops need."""
    for path in point.folders:
        trajectory = analysis.read(path / "trajectory.h5")
        interval = require_interval(trajectory, "report")
        stride = max(1, int(_TOLERANCE_PS / 2 / interval + 1e-6))
        yield analysis.assign_hosts(trajectory[: _FRAMES * stride : stride])


def _hosts_figure(name: str, point: Point, hosts: Sequence[Hosts]) -> Figure:
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

    columns = ("lag_ps", *(f"msd_angstrom2_{kind}" for kind in kinds))
    rows = rows_of(each[0].lags_ps, *(curves[kind][0] for kind in kinds))
    caption = (
        f"Mean squared displacement of lithium at {point.target_K:g} K by the kind of anion it starts at; bands: 95 % intervals "
        f"from {'replicas' if several else 'blocks'}."
    )
    return Figure(f"{name}-hosts", caption, picture(draw), columns, rows)


def _residence_rows(point: Point, stays: Mapping[str, Lifetime]) -> list[tuple[Any, ...]]:
    """Kinds that hold lithium for at least a hundredth of the time."""
    total = sum(life.observed_ps for life in stays.values())
    rows = []
    for kind, life in stays.items():
        if life.observed_ps >= 0.01 * total:
            share, rate = round(100 * life.observed_ps / total, 1), life.departures / life.observed_ps
            rows.append((f"{point.target_K:g}", kind, share, _lifetime(life), rate, life.departures))
    return rows


def _residence_table(name: str, rows: Sequence[tuple[Any, ...]]) -> Table:
    columns = ("T (K)", "anion", "% of Li", "stay in a cage (ps), 95 %", "hops per Li and ps", "seen")
    note = (
        f"A hop moves the center of the cage by more than {_CAGE_ANGSTROM:g} Å for longer than {_TOLERANCE_PS:g} ps and leaves at "
        "most half of the shell of S. A cage belongs to the anion that owns the nearest S most often. All replicas together."
    )
    return Table(f"{name}-residence", "Lithium in cages at anions.", columns, tuple(rows), note)


def _lifetime(life: Lifetime) -> str:
    if not np.isfinite(life.mean_ps):
        return f"more than {life.low_ps:.1f}"
    return f"{life.mean_ps:.2f} ({life.low_ps:.2f} – {life.high_ps:.2f})"


def density_section(name: str, settings: TransportSettings, point: Point) -> Section | None:
    """Where the mobile ions are: around P-S bonds, and in the cell."""
    trajectory = point.trajectories[0]
    section = Section("density", f"Where {settings.mobile} is, {point.target_K:g} K")
    try:
        if {"P", "S"} <= set(trajectory.elements):
            section.add(_bond_figure(name, settings.mobile, trajectory))
        section.add(_density_figure(name, settings.mobile, trajectory))
    except ValueError:
        return None
    return section


def _bond_figure(name: str, mobile: str, trajectory: analysis.Trajectory) -> Figure:
    stride = max(1, len(trajectory) // 200)
    found = analysis.bond_density(trajectory, mobile, stride=stride, r_width=0.15, phi_bins=30)

    def draw(axes: Any) -> None:
        top = float(np.percentile(found.rho, 99.5)) or 1.0
        _draw_map(axes, found.r_angstrom, found.phi_degrees, found.rho, "ρ(r, φ)", vmax=top)
        axes.set(xlim=(1.5, 6), xlabel=f"r({mobile}–S) (Å)", ylabel="φ (degrees)", yticks=(0, 60, 120, 180))

    rows = _grid(found.r_angstrom, found.phi_degrees, found.rho)
    caption = f"Density of {mobile} over the mean density, by distance from S and angle to its P–S bond (0: towards P)."
    return Figure(f"{name}-bond-density", caption, picture(draw), ("r_angstrom", "phi_degrees", "rho"), rows)


def _density_figure(name: str, mobile: str, trajectory: analysis.Trajectory) -> Figure:
    found = analysis.density_map(trajectory, mobile, spacing=0.3, stride=max(1, len(trajectory) // 500))
    lengths = np.linalg.norm(found.cell, axis=1)
    projected = found.density_per_angstrom3.mean(2) * lengths[2]
    first, second = (
        np.linspace(0, length, count, endpoint=False) for length, count in zip(lengths, projected.shape, strict=False)
    )

    def draw(axes: Any) -> None:
        _draw_map(axes, first, second, projected, "density (1/Å²)")
        axes.set(xlabel="along a (Å)", ylabel="along b (Å)", aspect="equal")

    columns = ("a_angstrom", "b_angstrom", "density_per_angstrom2")
    caption = f"Time-averaged density of {mobile}, projected along c."
    return Figure(f"{name}-density", caption, picture(draw), columns, _grid(first, second, projected))


def _draw_map(axes: Any, x: np.ndarray, y: np.ndarray, values: np.ndarray, label: str, **limits: float) -> None:
    """Values [x, y] as colors."""
    image = axes.pcolormesh(x, y, values.T, cmap="magma_r", vmin=0, shading="nearest", rasterized=True, **limits)
    axes.figure.colorbar(image, label=label)
    axes.grid(visible=False)


def _grid(x: np.ndarray, y: np.ndarray, values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Rows (x, y, value) of values [x, y]."""
    return rows_of(np.repeat(x, len(y)), np.tile(y, len(x)), values.ravel())


def van_hove_section(name: str, settings: TransportSettings, point: Point) -> Section:
    """Self part of the van Hove function at a few lags."""
    trajectory = point.trajectories[0]
    interval = require_interval(trajectory, "report")
    longest = interval * (len(trajectory) - 1)
    lags = [lag for lag in _VAN_HOVE_LAGS_PS if interval <= lag <= 0.3 * longest] or [interval]
    found = analysis.van_hove_self(trajectory, settings.mobile, lags)

    def draw(axes: Any) -> None:
        for index, (lag, values) in enumerate(zip(found.lags_ps, found.values, strict=True)):
            axes.plot(found.r_angstrom, values, color=heat(index, len(lags)), label=f"{lag:g} ps")
        axes.set(xlim=(0, 8), ylim=(0, None), xlabel="r (Å)", ylabel="4πr² $G_s$(r, t) (1/Å)")
        axes.legend(title="lag")

    columns = ("r_angstrom", *(f"self_{lag:g}ps" for lag in found.lags_ps))
    rows = rows_of(found.r_angstrom, *found.values)
    caption = (
        f"Self part of the van Hove function of {settings.mobile} at {point.target_K:g} K: a second maximum is a hop."
    )
    section = Section("dynamics", f"Van Hove function, {point.target_K:g} K")
    section.add(Figure(f"{name}-van-hove", caption, picture(draw), columns, rows))
    return section
