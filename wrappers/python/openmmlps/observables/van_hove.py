# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Self part of the van Hove function of the mobile ions: how far they move within some lags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.dynamics import VanHove
from openmmlps.analysis.estimates import standard_error, student_reach
from openmmlps.analysis.requirements import require_interval
from openmmlps.report.content import Figure, Section, rows_of
from openmmlps.report.style import heat, picture

from .observable import TRANSPORT, Curve, Needs, Observable, Result, Sample, State

_LAGS_PS = (0.5, 2.0, 5.0, 10.0, 20.0, 50.0)
_COMPARED_PS = 10.0  # the lag of comparisons is not longer
_LEAST_FOR_BAND = 3  # replicas


def _compute(sample: Sample) -> Result:
    state, ion = sample.hottest, sample.material.mobile
    trajectories = state.met(NEEDS)
    interval = require_interval(trajectories[0], "van Hove function")
    longest = interval * (min(map(len, trajectories)) - 1)
    lags = [lag for lag in _LAGS_PS if interval <= lag <= 0.3 * longest] or [interval]
    each = [analysis.van_hove_self(trajectory, ion, lags) for trajectory in trajectories]
    shown = _chosen(lags)
    result = Result(Section("van_hove", sample.at("Van Hove function", state)))
    for other in sample.states:
        found = each if other is state else _at(other, ion, shown)
        if found:
            result.curves.append(_curve(found, ion, shown, other))
    first, curves = each[0], np.mean([found.values for found in each], axis=0)

    def draw(axes: Any) -> None:
        for index, (lag, values) in enumerate(zip(first.lags_ps, curves, strict=True)):
            axes.plot(first.r_angstrom, values, color=heat(index, len(lags)), label=f"{lag:g} ps")
        axes.set(xlim=(0, 8), ylim=(0, None), xlabel="r (Å)", ylabel="4πr² $G_s$(r, t) (1/Å)")
        axes.legend(title="lag")

    columns = ("r_angstrom", *(f"self_{lag:g}ps" for lag in first.lags_ps))
    caption = f"Self part of the van Hove function of {ion}{f', {state.label}' if state.label else ''}: a second maximum is a hop."
    figure = Figure(f"{sample.name}-van-hove", caption, picture(draw), columns, rows_of(first.r_angstrom, *curves))
    assert result.section is not None
    result.section.add(figure, _temperature_figure(sample, result.curves))
    return result


def _chosen(lags: Sequence[float]) -> float:
    """The lag that is compared: the longest up to 10 ps."""
    return max((lag for lag in lags if lag <= _COMPARED_PS), default=lags[0])


def _at(state: State, ion: str, lag: float) -> list[VanHove]:
    """Of all replicas at a lag; none where it is too long for them."""
    trajectories = state.met(NEEDS)
    if any(require_interval(item, "van Hove function") * (len(item) - 1) < lag for item in trajectories):
        return []
    return [analysis.van_hove_self(trajectory, ion, [lag]) for trajectory in trajectories]


def _curve(each: Sequence[VanHove], ion: str, lag: float, state: State) -> Curve:
    values = [one.values[int(np.argmin(np.abs(one.lags_ps - lag)))] for one in each]
    several = len(values) >= _LEAST_FOR_BAND
    reach = student_reach(len(values) - 1) * standard_error(values) if several else None
    mean = np.mean(values, axis=0)
    return Curve("van_hove", f"{ion} in {lag:g} ps", each[0].r_angstrom, mean, reach, state.target_K)


def _temperature_figure(sample: Sample, curves: Sequence[Curve]) -> Figure | None:
    """One lag at all temperatures; None with one temperature."""
    if len(curves) < 2:
        return None

    def draw(axes: Any) -> None:
        for index, curve in enumerate(curves):
            color = heat(index, len(curves))
            axes.plot(curve.x, curve.y, color=color, label=f"{curve.temperature_K:g} K")
            if curve.reach is not None:
                axes.fill_between(
                    curve.x, curve.y - curve.reach, curve.y + curve.reach, color=color, alpha=0.15, linewidth=0
                )
        axes.set(xlim=(0, 8), ylim=(0, None), xlabel="r (Å)", ylabel="4πr² $G_s$(r, t) (1/Å)")
        axes.legend()

    columns, data = ["r_angstrom"], [curves[0].x]
    for curve in curves:
        columns.append(f"self_{curve.temperature_K:g}K")
        data.append(curve.y)
    caption = f"Self part of the van Hove function of {curves[0].of} at all temperatures."
    return Figure(f"{sample.name}-van-hove-temperatures", caption, picture(draw), tuple(columns), rows_of(*data))


NEEDS = Needs(frames=3000)
van_hove = Observable("van_hove", _compute, "van-hove", NEEDS, (TRANSPORT,), mobile=True)
