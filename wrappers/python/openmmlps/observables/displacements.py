# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Mean squared displacement by element, of single runs and of trajectories of other programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.report.content import Figure, Section, rows_of
from openmmlps.report.style import element_color, picture

from .observable import FILE, RUN, Curve, Needs, Observable, Result, Sample

_SHORT_PS = 10.0


def _compute(sample: Sample) -> Result | None:
    trajectory = sample.hottest.trajectories[0]
    if trajectory.times_ps is None:
        return Result(warnings=["the file has no times; give --frame-interval for displacements and conductivity"])
    trajectory = NEEDS.take(trajectory)
    curves = {e: analysis.mean_squared_displacement(trajectory, e, reference=None) for e in trajectory.elements}

    def draw(axes: Any) -> None:
        for element, msd in curves.items():
            if len(msd.lags_ps) > 2 and (msd.total_angstrom2[1:] > 0).all():
                axes.plot(msd.lags_ps[1:], msd.total_angstrom2[1:], color=element_color(element), label=element)
        axes.set(xscale="log", yscale="log", xlabel="lag (ps)", ylabel="MSD (Å²)")
        axes.legend(loc="upper left")

    first = next(iter(curves.values()))
    columns = ("lag_ps", *(f"msd_angstrom2_{element}" for element in curves))
    rows = rows_of(first.lags_ps, *(msd.total_angstrom2 for msd in curves.values()))
    section = Section("displacements", "Displacements")
    section.add(
        Figure(f"{sample.name}-msd-elements", "Mean squared displacement by element.", picture(draw), columns, rows)
    )
    result = Result(section)
    result.curves = [
        Curve("displacement", element, msd.lags_ps[1:], msd.total_angstrom2[1:]) for element, msd in curves.items()
    ]
    if np.max(first.lags_ps) < _SHORT_PS:
        result.warnings.append("too short for a diffusion coefficient; use openmm-lps transport, or run 50 ps and more")
    return result


NEEDS = Needs(frames=3000)
displacements = Observable("displacements", _compute, "diffusion", NEEDS, (RUN, FILE))
