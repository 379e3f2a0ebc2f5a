# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Self part of the van Hove function of the mobile ions: how far they move within some lags."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.requirements import require_interval
from openmmlps.report.content import Figure, Section, rows_of
from openmmlps.report.style import heat, picture

from .observable import TRANSPORT, Needs, Observable, Result, Sample

_LAGS_PS = (0.5, 2.0, 5.0, 10.0, 20.0, 50.0)


def _compute(sample: Sample) -> Result:
    state, ion = sample.hottest, sample.material.mobile
    trajectories = state.met(NEEDS)
    interval = require_interval(trajectories[0], "van Hove function")
    longest = interval * (min(map(len, trajectories)) - 1)
    lags = [lag for lag in _LAGS_PS if interval <= lag <= 0.3 * longest] or [interval]
    each = [analysis.van_hove_self(trajectory, ion, lags) for trajectory in trajectories]
    first, curves = each[0], np.mean([found.values for found in each], axis=0)

    def draw(axes: Any) -> None:
        for index, (lag, values) in enumerate(zip(first.lags_ps, curves, strict=True)):
            axes.plot(first.r_angstrom, values, color=heat(index, len(lags)), label=f"{lag:g} ps")
        axes.set(xlim=(0, 8), ylim=(0, None), xlabel="r (Å)", ylabel="4πr² $G_s$(r, t) (1/Å)")
        axes.legend(title="lag")

    columns = ("r_angstrom", *(f"self_{lag:g}ps" for lag in first.lags_ps))
    caption = f"Self part of the van Hove function of {ion}{f', {state.label}' if state.label else ''}: a second maximum is a hop."
    figure = Figure(f"{sample.name}-van-hove", caption, picture(draw), columns, rows_of(first.r_angstrom, *curves))
    return Result(Section("van_hove", sample.at("Van Hove function", state), items=[figure]))


NEEDS = Needs(frames=3000)
van_hove = Observable("van_hove", _compute, "van-hove", NEEDS, (TRANSPORT,), mobile=True)
