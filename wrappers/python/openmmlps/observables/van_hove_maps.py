# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Maps of both van Hove functions of the mobile ions over distance and time."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.neighbors import cell_heights
from openmmlps.analysis.requirements import require_cell
from openmmlps.report.content import Figure, Section
from openmmlps.report.style import picture

from .ion_density import draw_map, grid_rows
from .observable import FILE, TRANSPORT, Needs, Observable, Result, Sample

_LONGEST_PS, _LAGS, _ORIGINS = 30.0, 24, 40


def _compute(sample: Sample) -> Result | None:
    state, ion = sample.hottest, sample.material.mobile
    trajectory = state.require(NEEDS, "van Hove maps")[0]
    assert trajectory.times_ps is not None
    longest = min(_LONGEST_PS, 0.3 * float(trajectory.times_ps[-1] - trajectory.times_ps[0]))
    lags = np.linspace(0, longest, _LAGS + 1)
    reach = min(8.0, float(cell_heights(require_cell(trajectory)).min()) / 2)
    own = analysis.van_hove_self(trajectory, ion, lags[1:], r_max=8.0, bin_width=0.1)
    others = analysis.van_hove_distinct(trajectory, ion, ion, lags, r_max=reach, bin_width=0.2, max_origins=_ORIGINS)
    section = Section("van_hove_maps", sample.at("Van Hove maps", state))
    for name, found, label, words in (
        ("self", own, "4πr² $G_s$ (1/Å)", f"Self part for {ion}: a second ridge is hops from site to site."),
        (
            "distinct",
            others,
            "$G_d$/ρ",
            f"Distinct part for {ion}: what fills at r = 0 are places taken by others, concerted motion.",
        ),
    ):
        section.add(_map(f"{sample.name}-van-hove-{name}", found, label, words))
    return Result(section)


def _map(name: str, found: Any, label: str, caption: str) -> Figure:
    def draw(axes: Any) -> None:
        top = float(np.percentile(found.values, 98))
        draw_map(axes, found.lags_ps, found.r_angstrom, found.values, label, vmax=top or 1.0)
        axes.set(xlabel="lag (ps)", ylabel="r (Å)")

    rows = grid_rows(found.lags_ps, found.r_angstrom, found.values)
    return Figure(name, caption, picture(draw), ("lag_ps", "r_angstrom", "value"), rows)


NEEDS = Needs(frames=1500, interval_ps=1.0, time_ps=10.0)
van_hove_maps = Observable("van_hove_maps", _compute, "van-hove", NEEDS, (TRANSPORT, FILE), mobile=True)
