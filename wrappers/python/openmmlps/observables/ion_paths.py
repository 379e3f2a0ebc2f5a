# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Paths of a few mobile ions over 30 ps."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.report.content import Figure, Section, rows_of
from openmmlps.report.style import INK, SERIES, picture

from .observable import FILE, TRANSPORT, Needs, Observable, Result, Sample

_DURATION_PS, _IONS = 30.0, 4


def _compute(sample: Sample) -> Result | None:
    state, ion = sample.hottest, sample.material.mobile
    found = analysis.chosen_paths(state.require(NEEDS, "paths of ions")[0], ion, _DURATION_PS, _IONS)
    paths = found.paths_angstrom - found.paths_angstrom[0]

    def draw(axes: Any) -> None:
        for place, color in zip(range(len(found.atoms)), SERIES, strict=False):
            moved = np.linalg.norm(paths[:, place], axis=1)
            label = f"{ion} {found.atoms[place]}"
            axes[0].plot(found.times_ps, moved, color=color, linewidth=1.0, label=label)
            axes[1].plot(paths[:, place, 0], paths[:, place, 1], color=color, linewidth=0.9)
        axes[0].set(xlabel="time (ps)", ylabel="distance from the start (Å)", ylim=(0, None))
        axes[0].legend(loc="upper left", fontsize=8)
        axes[1].plot([0], [0], marker="+", color=INK, markersize=8)
        axes[1].set(xlabel="x (Å)", ylabel="y (Å)", aspect="equal")

    names = [f"{axis}_{atom}_angstrom" for atom in found.atoms for axis in "xyz"]
    rows = rows_of(found.times_ps, *paths.reshape(len(paths), -1).T)
    caption = (
        f"Paths of {len(found.atoms)} {ion} over {found.times_ps[-1]:g} ps from {found.start_ps:g} ps on, relative to the framework: the "
        "one that gets furthest in the run, those at even ranks below it, and the last. They show how ions move, not how many do."
    )
    figure = Figure(f"{sample.name}-paths", caption, picture(draw, columns=2, height=2.9), ("time_ps", *names), rows)
    return Result(Section("ion_paths", sample.at(f"Paths of {ion}", state), items=[figure]))


NEEDS = Needs(frames=3000, interval_ps=0.5, time_ps=5.0)
ion_paths = Observable("ion_paths", _compute, "ion-paths", NEEDS, (TRANSPORT, FILE), mobile=True)
