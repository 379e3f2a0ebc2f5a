# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Sections on the mobile ions of one temperature: mobility near each anion, where they are, van Hove functions."""

import numpy as np

from openmmlps import analysis

from .content import Figure, Section, Table
from .style import SERIES, chemical, heat, picture


def mobility_section(name, settings, point):
    """Mobility near each kind of anion, at the hottest temperature."""
    trajectory = point.trajectories[0]
    if settings.mobile != "Li" or not {"P", "S"} <= set(trajectory.elements):
        return None
    stride = max(1, len(trajectory) // 500)
    try:
        hosts = analysis.assign_hosts(trajectory, stride=stride)
        longest = (len(hosts.paths) - 1) * hosts.interval_ps
        lags = np.unique(np.round(np.geomspace(2, 0.2 * longest / hosts.interval_ps, 12))) * hosts.interval_ps
        found = analysis.conditional_displacement(hosts, lags)
        residence = analysis.residence_times(hosts)
        moves = analysis.hops(hosts)
    except ValueError:
        return None
    kinds = [kind for kind in found.msd_angstrom2 if np.isfinite(found.msd_angstrom2[kind]).any()]
    section = Section("mobility", f"Lithium near each anion, {point.target_K:g} K")

    def draw(axes):
        for index, kind in enumerate(kinds[:6]):
            values, errors = found.msd_angstrom2[kind], found.standard_errors_angstrom2[kind]
            colour = SERIES[index]
            axes.plot(found.lags_ps, values, color=colour, marker="o", markersize=3, label=chemical(kind))
            axes.fill_between(
                found.lags_ps, np.maximum(values - errors, 1e-3), values + errors, color=colour, alpha=0.15, linewidth=0
            )
        axes.set(xscale="log", yscale="log", xlabel="lag (ps)", ylabel="MSD by first host (Å²)")
        axes.legend(loc="upper left", ncols=2)

    columns = ("lag_ps", *(f"msd_angstrom2_{kind}" for kind in kinds))
    rows = tuple(
        tuple(float(v) for v in row)
        for row in zip(found.lags_ps, *(found.msd_angstrom2[k] for k in kinds), strict=True)
    )
    caption = (
        "Mean squared displacement of lithium by the kind of anion it starts at; bands: standard errors from blocks."
    )
    section.add(Figure(f"{name}-hosts", caption, picture(draw), columns, rows))
    lines = []
    for index, kind in enumerate(moves.kinds):
        life = residence.get(kind)
        if kind not in kinds or life is None:
            continue
        lines.append(
            (
                kind,
                round(100 * float((hosts.kind == index).mean()), 1),
                _lifetime(life),
                float(moves.rate_per_ps[index]),
                life.departures,
            )
        )
    columns = ("anion", "% of Li", "residence (ps)", "departures per Li and ps", "seen")
    note = "Residence: time until the host anion changes for longer than 0.5 ps; 95 % interval in parentheses."
    section.add(Table(f"{name}-residence", "Residence of lithium at anions.", columns, tuple(lines), note))
    return section


def density_section(name, settings, point):
    """Where lithium is: around P-S bonds, and in the cell."""
    trajectory = point.trajectories[0]
    section = Section("density", f"Where {settings.mobile} is, {point.target_K:g} K")
    try:
        if {"P", "S"} <= set(trajectory.elements):
            section.add(_bond_figure(name, settings, trajectory))
        section.add(_density_figure(name, settings, trajectory))
    except ValueError:
        return None
    return section


def _bond_figure(name, settings, trajectory):
    found = analysis.bond_density(
        trajectory, settings.mobile, stride=max(1, len(trajectory) // 200), r_width=0.15, phi_bins=30
    )

    def draw(axes):
        top = float(np.percentile(found.rho, 99.5)) or 1.0
        image = axes.pcolormesh(
            found.r_angstrom,
            found.phi_degrees,
            found.rho.T,
            cmap="magma_r",
            vmin=0,
            vmax=top,
            shading="nearest",
            rasterized=True,
        )
        axes.set(xlim=(1.5, 6), xlabel=f"r({settings.mobile}–S) (Å)", ylabel="φ (degrees)", yticks=(0, 60, 120, 180))
        axes.figure.colorbar(image, label="ρ(r, φ)")
        axes.grid(visible=False)

    grid = [
        (r, phi, found.rho[i, j]) for i, r in enumerate(found.r_angstrom) for j, phi in enumerate(found.phi_degrees)
    ]
    rows = tuple(tuple(float(v) for v in row) for row in grid)
    caption = f"Density of {settings.mobile} over the mean density, by distance from S and angle to its P–S bond (0: towards P)."
    return Figure(f"{name}-bond-density", caption, picture(draw), ("r_angstrom", "phi_degrees", "rho"), rows)


def _density_figure(name, settings, trajectory):
    found = analysis.density_map(trajectory, settings.mobile, spacing=0.3, stride=max(1, len(trajectory) // 500))
    lengths = np.linalg.norm(found.cell, axis=1)
    projected = found.density_per_angstrom3.mean(2) * lengths[2]
    first, second = (
        np.linspace(0, length, count, endpoint=False) for length, count in zip(lengths, projected.shape, strict=False)
    )

    def draw(axes):
        image = axes.pcolormesh(first, second, projected.T, cmap="magma_r", vmin=0, shading="nearest", rasterized=True)
        axes.set(xlabel="along a (Å)", ylabel="along b (Å)", aspect="equal")
        axes.figure.colorbar(image, label="density (1/Å²)")
        axes.grid(visible=False)

    grid = [(a, b, projected[i, j]) for i, a in enumerate(first) for j, b in enumerate(second)]
    rows = tuple(tuple(float(v) for v in row) for row in grid)
    caption = f"Time-averaged density of {settings.mobile}, projected along c."
    return Figure(
        f"{name}-density", caption, picture(draw), ("a_angstrom", "b_angstrom", "density_per_angstrom2"), rows
    )


def _lifetime(life):
    if not np.isfinite(life.mean_ps):
        return f"more than {life.low_ps:.1f}"
    return f"{life.mean_ps:.2f} ({life.low_ps:.2f} – {life.high_ps:.2f})"


def van_hove_section(name, settings, point):
    """Self part of the van Hove function at a few lags."""
    trajectory = point.trajectories[0]
    interval = float(trajectory.times_ps[1] - trajectory.times_ps[0])
    longest = interval * (len(trajectory) - 1)
    lags = [lag for lag in (0.5, 2.0, 5.0, 10.0, 20.0, 50.0) if interval <= lag <= 0.3 * longest] or [interval]
    found = analysis.van_hove_self(trajectory, settings.mobile, lags)

    def draw(axes):
        for index, (lag, values) in enumerate(zip(found.lags_ps, found.values, strict=True)):
            axes.plot(found.r_angstrom, values, color=heat(index, len(lags)), label=f"{lag:g} ps")
        axes.set(xlim=(0, 8), ylim=(0, None), xlabel="r (Å)", ylabel="4πr² $G_s$(r, t) (1/Å)")
        axes.legend(title="lag")

    columns = ("r_angstrom", *(f"self_{lag:g}ps" for lag in found.lags_ps))
    rows = tuple(tuple(float(v) for v in row) for row in zip(found.r_angstrom, *found.values, strict=True))
    caption = (
        f"Self part of the van Hove function of {settings.mobile} at {point.target_K:g} K: a second maximum is a hop."
    )
    section = Section("dynamics", f"Van Hove function, {point.target_K:g} K")
    section.add(Figure(f"{name}-van-hove", caption, picture(draw), columns, rows))
    return section
