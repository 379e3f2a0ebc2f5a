# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""How the vibrations change from the coldest to the hottest temperature, with error bars."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.report.content import Figure, Measured, Section, Table, rows_of
from openmmlps.report.style import INK, element_color, picture

from .observable import TRANSPORT, Observable, Result, Sample
from .vibrations import NEEDS


def _compute(sample: Sample) -> Result | None:
    states = [state for state in sample.states if state.met(NEEDS)]
    if len(states) < 2:
        return None
    cold, hot = states[0], states[-1]
    found = analysis.vibrational_difference(cold.met(NEEDS), hot.met(NEEDS))
    wave = found.wave_number_per_cm

    def draw(axes: Any) -> None:
        axes.axhline(0, color=INK, linewidth=0.8, alpha=0.5)
        for element, curve in found.difference.items():
            color, reach = element_color(element), np.nan_to_num(found.reach[element])
            axes.plot(wave, curve, color=color, label=element)
            axes.fill_between(wave, curve - reach, curve + reach, color=color, alpha=0.15, linewidth=0)
        axes.set(xlim=(0, 700), xlabel="wave number (cm⁻¹)", ylabel="difference (cm)")
        axes.legend()

    columns, data = ["wave_number_per_cm"], [wave]
    for element, curve in found.difference.items():
        columns += [f"difference_{element}_cm", f"half width of the 95 % interval of difference_{element}_cm"]
        data += [curve, found.reach[element]]
    section = Section("vibrational_difference", f"Vibrations: {hot.label} less {cold.label}")
    caption = (
        f"Difference of the vibrational densities of states, {hot.label} less {cold.label}; bands: 95 % intervals."
    )
    section.add(Figure(f"{sample.name}-vdos-difference", caption, picture(draw), tuple(columns), rows_of(*data)))
    rows = tuple((element, Measured.of(shift)) for element, shift in found.shift_per_cm.items())
    section.add(Table(f"{sample.name}-band-shifts", "Shift of the band centers.", ("element", "shift (1/cm)"), rows))
    return Result(section)


vibrational_difference = Observable(
    "vibrational_difference", _compute, "vibrations", NEEDS, (TRANSPORT,), periodic=False
)
