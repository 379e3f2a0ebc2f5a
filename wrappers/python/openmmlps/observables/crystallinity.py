# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Which part of the formers has the surroundings of a packaged crystal of the same elements."""

from __future__ import annotations

from openmmlps import analysis
from openmmlps.report.content import Measured, Section, Table, pretty

from .observable import FILE, QUENCH, RUN, TRANSPORT, Needs, Observable, Result, Sample, Value

_LEAST_FORMERS = 16


def _compute(sample: Sample) -> Result | None:
    material = sample.material
    formers = [former for former in material.formers if material.counts[former] >= _LEAST_FORMERS]
    if not formers:
        return None
    from openmmlps.app import load, structure_names

    state, rows, values = sample.coldest, [], []
    trajectories = state.require(NEEDS, "crystalline fraction")
    for name in structure_names():
        crystal = load(name).to_atoms()
        shared = [former for former in formers if former in crystal.symbols]
        if not shared or not set(crystal.symbols) <= set(material.counts):
            continue
        reference = analysis.from_atoms(crystal, name=name)
        each = [analysis.crystalline_fraction(one, reference, shared) for one in trajectories]
        mean = Measured.of_samples([one.fraction.value for one in each])
        fraction = mean if len(each) > 1 else Measured.of(each[0].fraction)
        rows.append((pretty(name), fraction.scaled(100), round(100 * each[0].recognized, 1)))
        values.append(Value("crystalline", fraction.scaled(100), name, state.target_K))
    if not rows:
        return None
    note = (
        "A former counts when its surroundings up to 8 Å are those in the crystal, displaced at random by 0.15 Å, and so are those of "
        "half of its neighbors. Crystals of the same framework are not told apart; nuclei below 2 nm are not seen."
    )
    columns = ("crystal", f"{'/'.join(formers)} like it (%)", "of the crystal itself (%)")
    table = Table(f"{sample.name}-crystallinity", "Crystalline fraction.", columns, tuple(rows), note)
    section = Section("crystallinity", sample.at("Crystalline fraction", state), items=[table])
    return Result(section, values=values)


NEEDS = Needs(frames=5, average=True)
crystallinity = Observable(
    "crystallinity", _compute, "crystallinity", NEEDS, (QUENCH, TRANSPORT, RUN, FILE), network=True
)
