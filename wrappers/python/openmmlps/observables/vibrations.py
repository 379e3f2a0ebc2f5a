# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Vibrational density of states by element, from velocities saved close in time."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.report.content import Figure, Headline, Measured, Section, Table, rows_of
from openmmlps.report.style import element_color, picture

from .observable import FILE, RUN, TRANSPORT, Curve, Needs, Observable, Result, Sample, Value


def _compute(sample: Sample) -> Result | None:
    section, result = Section("vibrations", "Vibrations"), Result()
    state = next((state for state in sample.states if state.met(NEEDS)), None)
    if state is None:
        return None
    trajectories = [item for item in state.met(NEEDS) if len(item) >= _LEAST_FRAMES]
    if not trajectories:
        return None
    each = [analysis.vibrational_density_of_states(trajectory) for trajectory in trajectories]
    shortest = min(each, key=lambda found: len(found.wave_number_per_cm))
    wave = shortest.wave_number_per_cm
    elements = list(shortest.density)
    curves = {
        element: np.mean([np.interp(wave, one.wave_number_per_cm, one.density[element]) for one in each], axis=0)
        for element in elements
    }
    centers = {element: Measured.of_samples([one.band_center_per_cm[element] for one in each]) for element in elements}

    def draw(axes: Any) -> None:
        for element in elements:
            label = f"{element}, center {centers[element].value:.0f} cm⁻¹"
            axes.plot(wave, curves[element], color=element_color(element), label=label)
        axes.set(xlim=(0, 700), ylim=(0, None), xlabel="wave number (cm⁻¹)", ylabel="density of states (cm)")
        axes.legend()

    columns = ("wave_number_per_cm", *(f"density_{element}_cm" for element in elements))
    section.title = sample.at("Vibrations", state)
    rows = rows_of(wave, *curves.values())
    section.add(
        Figure(f"{sample.name}-vdos", "Vibrational density of states by element.", picture(draw), columns, rows)
    )
    known = {
        element: sample.references.quote("band_center", element) if sample.references else "" for element in elements
    }
    if len(each) > 1:
        table = tuple((element, centers[element]) for element in elements)
        section.add(Table(f"{sample.name}-band-centers", "Band centers.", ("element", "band center (1/cm)"), table))
    result.section = section
    result.values = [Value("band_center", centers[element], element, state.target_K) for element in elements]
    result.curves = [Curve("vibrations", element, wave, curves[element], None, state.target_K) for element in elements]
    ion = sample.material.mobile
    if ion in centers:
        result.headlines = [Headline(f"band center of {ion} (1/cm)", str(centers[ion]), known[ion])]
    return result


_LEAST_FRAMES = 400
_SEES_STRETCHING_PS = 0.02  # frames this close in time see the stretching of P-S (18 THz)
NEEDS = Needs(frames=10000, interval_ps=_SEES_STRETCHING_PS, velocities=True)
vibrations = Observable("vibrations", _compute, "vibrations", NEEDS, (RUN, FILE, TRANSPORT), periodic=False)
