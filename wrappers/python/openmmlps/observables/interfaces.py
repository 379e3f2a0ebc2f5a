# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Cells of two phases: densities across them, diffusion in slabs, exchange of mobile ions at the interfaces."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.requirements import require_interval
from openmmlps.analysis.trajectory import Trajectory
from openmmlps.report.content import Figure, Measured, Section, Table, rows_of
from openmmlps.report.style import INK, element_color, picture

from .observable import FILE, RUN, TRANSPORT, Needs, Observable, Result, Sample

_AXIS = 2  # along which the builder stacks slabs
_SLAB_ANGSTROM, _THICKNESS_ANGSTROM = 8.0, 4.0


def _compute(sample: Sample) -> Result | None:
    state = sample.hottest
    found = state.met(NEEDS)
    if not found:
        return None
    trajectory = found[0]
    profile = analysis.density_profile(trajectory, axis=_AXIS)
    borders = _interfaces(sample, profile)
    if not len(borders):
        return None
    section = Section("interfaces", sample.at("Interfaces", state))
    section.add(_profile_figure(sample, profile, borders))
    if sample.material.mobile:
        _add_diffusion(sample, trajectory, profile, section)
        _add_exchange(sample, trajectory, borders, section)
    return Result(section)


def _interfaces(sample: Sample, profile: analysis.DensityProfile) -> np.ndarray:
    """Those that were said, or the borders of the region that an element of the framework is missing from, if there is one."""
    if sample.material.interfaces_angstrom:
        return np.array(sample.material.interfaces_angstrom)
    for element in (*sample.material.formers, *sample.material.ligands):
        borders = analysis.find_interfaces(profile, element)
        if len(borders) == 2:
            return borders
    return np.zeros(0)


def _profile_figure(sample: Sample, profile: analysis.DensityProfile, borders: np.ndarray) -> Figure:
    def draw(axes: Any) -> None:
        for element, density in profile.density_per_angstrom3.items():
            color, reach = element_color(element), np.nan_to_num(profile.reach[element])
            axes.plot(profile.z_angstrom, density, color=color, label=element)
            axes.fill_between(profile.z_angstrom, density - reach, density + reach, color=color, alpha=0.2, linewidth=0)
        for border in borders:
            axes.axvline(border, color=INK, linewidth=0.8, alpha=0.5)
        axes.set(
            xlabel="z along c (Å)", ylabel="number density (1/Å³)", xlim=(0, profile.height_angstrom), ylim=(0, None)
        )
        axes.legend()

    columns, data = ["z_angstrom"], [profile.z_angstrom]
    for element, density in profile.density_per_angstrom3.items():
        columns += [
            f"density_{element}_per_angstrom3",
            f"half width of the 95 % interval of density_{element}_per_angstrom3",
        ]
        data += [density, profile.reach[element]]
    caption = "Densities across the cell; bands: 95 % intervals; lines: interfaces."
    return Figure(f"{sample.name}-profile", caption, picture(draw), tuple(columns), rows_of(*data))


def _add_diffusion(sample: Sample, trajectory: Trajectory, profile: analysis.DensityProfile, section: Section) -> None:
    interval = require_interval(trajectory, "slabs")
    count = max(2, round(profile.height_angstrom / _SLAB_ANGSTROM))
    longest = 0.5 * interval * (len(trajectory) // 5)
    window = (min(max(1.0, 2 * interval), 0.2 * longest), min(20.0, longest))
    try:
        slabs = analysis.slab_diffusion(
            trajectory, sample.material.mobile, np.linspace(0, profile.height_angstrom, count + 1), _AXIS, window
        )
    except ValueError as error:
        section.paragraphs.append(f"{error}.")
        return
    rows = tuple(
        (
            f"{slab.low_angstrom:.1f} – {slab.high_angstrom:.1f}",
            slab.ions,
            Measured.of(slab.along_cm2_per_s, 1e5),
            Measured.of(slab.across_cm2_per_s, 1e5),
        )
        for slab in slabs
    )
    columns = ("z (Å)", sample.material.mobile, "D along (10⁻⁵ cm²/s)", "D across (10⁻⁵ cm²/s)")
    note = "Along: of ions that stay in the slab. Across: from how fast they leave it."
    section.add(Table(f"{sample.name}-slabs", f"Diffusion of {sample.material.mobile} by slabs.", columns, rows, note))


def _add_exchange(sample: Sample, trajectory: Trajectory, borders: np.ndarray, section: Section) -> None:
    ion = sample.material.mobile
    try:
        passages = analysis.exchange(trajectory, ion, borders, _THICKNESS_ANGSTROM, _AXIS)
    except ValueError as error:
        section.paragraphs.append(f"{error}.")
        return
    rows = tuple(
        (
            f"{one.z_angstrom:.1f}",
            one.forward,
            one.backward,
            Measured.of(one.one_way_per_nm2_ns),
            Measured.of(one.net_per_nm2_ns),
        )
        for one in passages
    )
    columns = ("z (Å)", "up", "down", "one way (1/(nm² ns))", "net (1/(nm² ns))")
    note = (
        f"{ion} that cross {_THICKNESS_ANGSTROM:g} Å at an interface; those that turn back within it are not counted."
    )
    section.add(Table(f"{sample.name}-exchange", f"Exchange of {ion} between the phases.", columns, rows, note))


NEEDS = Needs(frames=2000, interval_ps=2.0, time_ps=5.0)
interfaces = Observable("interfaces", _compute, "interfaces", NEEDS, (TRANSPORT, RUN, FILE))
