# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Angles between the ligands of each former, or of the mobile ions where there is no network, and their velocities."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.report.content import Figure, Measured, Section
from openmmlps.report.style import SERIES, picture

from .observable import FILE, QUENCH, RUN, TRANSPORT, Curve, Needs, Observable, Result, Sample, Value

_FILTER_PER_CM = 5.0  # as published
_LEAST_FRAMES, _LEAST_SHARE = 20, 0.02  # of frames; of the centers that must have four ligands


def _compute(sample: Sample) -> Result | None:
    material = sample.material
    if not material.ligands:
        return None
    state = sample.hottest
    fine, coarse = state.met(FINE_NEEDS), state.met(NEEDS)
    result = Result(Section("ligand_angles", sample.at("Angles between ligands", state)))
    assert result.section is not None
    trajectories = fine or coarse
    if not trajectories or len(trajectories[0]) < _LEAST_FRAMES:
        return None
    ligands = tuple(material.ligands)
    around = "/".join(ligands)
    for center in material.formers or [material.mobile]:
        if not center:
            continue
        cutoff = max(
            material.cutoff(center, ligand) if material.formers else material.shell(center, ligand)
            for ligand in ligands
        )
        try:
            found = analysis.ligand_angles(trajectories[0], center, ligands, cutoff)
        except ValueError:
            continue
        if (found.ligands[..., 0] >= 0).mean() < _LEAST_SHARE:
            continue
        name = f"{sample.name}-ligand-angles" + (f"-{center}" if len(material.formers) > 1 else "")
        result.section.add(_figure(name, found, f"{around}–{around}–{around}", center, bool(fine)))
        angles, density = found.distribution()
        triple = f"{around}-{around}-{around} at {center}"
        result.curves.append(Curve("angle", triple, angles, density, None, state.target_K))
        result.values.append(Value("ligand_angle", Measured.of(found.mean()), triple, state.target_K))
    return result if result.section.items else None


def _figure(name: str, found: analysis.LigandAngles, triple: str, center: str, fine: bool) -> Figure:
    angles, density = found.distribution()
    rows = [("angle_degrees", float(x), float(y)) for x, y in zip(angles, density, strict=True)]
    speeds, rates = found.velocity_distribution() if fine else (np.zeros(0), np.zeros(0))
    rows += [("velocity_degrees_per_ps", float(x), float(y)) for x, y in zip(speeds, rates, strict=True)]
    times, trace = _trace(found)
    rows += [("time_ps", float(x), float(y)) for x, y in zip(times, trace, strict=True)]
    panels = [True, len(speeds) > 0, len(times) > 0]

    def draw(axes: Any) -> None:
        several = list(np.atleast_1d(axes))
        first = several.pop(0)
        first.plot(angles, density, color=SERIES[0])
        first.set(xlim=(30, 120), ylim=(0, None), xlabel=f"{triple} (degrees)", ylabel="density (1/degree)")
        if panels[1]:
            middle = several.pop(0)
            middle.plot(speeds / 1000, rates * 1000, color=SERIES[1])
            middle.set(ylim=(0, None), xlabel="velocity (10³ degrees/ps)", ylabel="density (ps/10³ degrees)")
        if panels[2]:
            last = several.pop(0)
            last.plot(times, trace, color=SERIES[2])
            last.set(xlabel="time (ps)", ylabel="θ, slow part (degrees)")

    mean = found.mean()
    caption = f"{triple} angles around {center}, mean {mean.value:.1f}°"
    caption += "; their velocities" if panels[1] else ""
    caption += f"; one angle in time, slower than {_FILTER_PER_CM:g} 1/cm" if panels[2] else ""
    drawn = picture(draw, columns=sum(panels), height=2.7)
    return Figure(name, f"{caption}.", drawn, ("abscissa", "value", "density_or_angle"), tuple(rows))


def _trace(found: analysis.LigandAngles) -> tuple[np.ndarray, np.ndarray]:
    """Times and the slow part of the first angle of the center that keeps its ligands longest; empty if it is too short."""
    whole = (found.ligands[..., 0] >= 0).mean(0)
    trace = found.traces(int(whole.argmax()), _FILTER_PER_CM)[:, 0]
    period = 33.36 / _FILTER_PER_CM
    known = np.isfinite(trace)
    times = np.arange(len(trace)) * found.interval_ps
    return (times[known], trace[known]) if known.sum() * found.interval_ps > 2 * period else (np.zeros(0), np.zeros(0))


NEEDS = Needs(frames=300, interval_ps=0.5)
FINE_NEEDS = Needs(frames=2000, interval_ps=0.02)
ligand_angles = Observable("ligand_angles", _compute, "ligand-angles", NEEDS, (QUENCH, TRANSPORT, RUN, FILE))
