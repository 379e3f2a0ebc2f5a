# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Angles of the tetrahedra of each former, and how they turn."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.trajectory import Trajectory
from openmmlps.report.content import Figure, Section
from openmmlps.report.style import DASHED, SERIES, picture

from .observable import FILE, QUENCH, RUN, TRANSPORT, Curve, Needs, Observable, Result, Sample

_LEAST_FRAMES = 20


def _compute(sample: Sample) -> Result | None:
    state = sample.hottest
    trajectory = state.require(NEEDS, "tetrahedra")[0]
    if trajectory.times_ps is None or len(trajectory) < _LEAST_FRAMES:
        return None
    result = Result(Section("tetrahedra", sample.at("Tetrahedra", state)))
    for former in sample.material.formers:
        _add_former(sample, trajectory, former, result)
    return result if result.section and result.section.items else None


def _add_former(sample: Sample, trajectory: Trajectory, former: str, result: Result) -> None:
    material = sample.material
    ligands = tuple(material.ligands)
    cutoff = max(material.cutoff(former, ligand) for ligand in ligands)
    try:
        tetrahedra = analysis.find_tetrahedra(trajectory, former, ligands, cutoff)
    except ValueError:  # a former that forms none
        return
    angles, density = analysis.tetrahedral_angles(tetrahedra)
    mean = float((angles * density).sum() / density.sum())
    spread = float(np.sqrt(((angles - mean) ** 2 * density).sum() / density.sum()))
    try:
        lags, correlation = analysis.orientational_correlation(tetrahedra, 2)
        flips = analysis.detect_flips(tetrahedra)
    except ValueError:  # segments too short
        return
    known = np.isfinite(correlation)
    lags, correlation = lags[known], correlation[known]
    around = "/".join(ligands)

    def draw(axes: Any) -> None:
        axes[0].plot(angles, density, color=SERIES[0])
        axes[0].axvline(109.47, color="#9aa5af", linewidth=0.9, linestyle=DASHED)
        axes[0].set(xlim=(80, 140), xlabel=f"{around}–{former}–{around} angle (degrees)", ylim=(0, None))
        axes[0].set(ylabel="density (1/degree)")
        axes[1].plot(lags, correlation, color=SERIES[1])
        axes[1].set(xlabel="lag (ps)", ylabel=f"C₂(t) of {former}–{around} bonds")
        axes[1].set(ylim=(min(0.0, float(correlation.min())), 1.02))

    caption = (
        f"Left: {around}–{former}–{around} angles, mean {mean:.1f}°, standard deviation of the distribution {spread:.1f}° (dashed: "
        f"109.47°). Right: orientational correlation (l = 2) of the {former}–{around} bonds. Flips between the twelve equivalent "
        f"orientations: {len(flips.frames)} in {flips.observed_ps:.0f} ps of all tetrahedra together."
    )
    rows = [("angle_degrees", float(a), float(d)) for a, d in zip(angles, density, strict=True)]
    rows += [("lag_ps", float(a), float(c)) for a, c in zip(lags, correlation, strict=True)]
    name = f"{sample.name}-tetrahedra" + (f"-{former}" if len(material.formers) > 1 else "")
    columns = ("abscissa", "value", "density_or_C2")
    drawn = picture(draw, columns=2, height=2.9)
    assert result.section is not None
    result.section.add(Figure(name, caption, drawn, columns, tuple(rows)))
    result.curves.append(Curve("angle", f"{around}-{former}-{around}", angles, density, None, sample.hottest.target_K))


NEEDS = Needs(frames=600, average=True)
tetrahedra = Observable("tetrahedra", _compute, "tetrahedra", NEEDS, (QUENCH, TRANSPORT, RUN, FILE), network=True)
