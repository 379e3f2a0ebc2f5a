# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Conductivity from the drift of the ions in small fields, beside that of Einstein's relation."""

from __future__ import annotations

from typing import Any

from openmmlps import analysis
from openmmlps.report.content import Measured, Section, Table

from .observable import TRANSPORT, Needs, Observable, Result, Sample, State, Value


def _compute(sample: Sample) -> Result | None:
    rows: list[tuple[Any, ...]] = []
    result = Result(Section("field", "Conductivity in a field"))
    for state in sample.states:
        if state.driven:
            rows += _rows(sample, state, result)
    if not rows or result.section is None:
        return result if result.warnings else None
    columns = ("T (K)", "field (V/Å)", "drift (Å/ps)", "σ (mS/cm)", "linear response")
    note = (
        "Drift of the ions relative to the framework, in NVT with a weak thermostat. It holds all correlations between ions. Linear: "
        "whether the difference between the weakest and the strongest field has zero in its 95 % interval."
    )
    result.section.add(Table(f"{sample.name}-field", "Conductivity in a field.", columns, tuple(rows), note))
    return result


def _rows(sample: Sample, state: State, result: Result) -> list[tuple[Any, ...]]:
    material, responses = sample.material, []
    rows: list[tuple[Any, ...]] = []
    for field, trajectories in sorted(state.driven.items()):
        try:
            found = analysis.field_response(
                [NEEDS.take(one) for one in trajectories],
                field,
                material.mobile,
                material.charge,
                sample.options.get("field_direction", "z"),
                sample.options.get("blocks", 5),
            )
        except ValueError as error:
            result.warnings.append(f"{state.label}: {error}")
            continue
        responses.append(found)
        row = (f"{state.target_K:g}", f"{field:g}", Measured.of(found.drift_angstrom_per_ps))
        rows.append((*row, Measured.of(found.conductivity_mS_per_cm), ""))
    if len(responses) >= 2:
        both = analysis.linear_response(responses)
        mean = Measured.of(both.conductivity_mS_per_cm)
        rows.append((f"{state.target_K:g}", "all", "–", mean, "yes" if both.linear else "no"))
        result.values.append(Value("field_conductivity", mean, "", state.target_K))
        if not both.linear:
            result.warnings.append(f"{state.label}: the conductivity changes with the field; use weaker ones")
    elif responses:
        mean = Measured.of(responses[0].conductivity_mS_per_cm)
        result.values.append(Value("field_conductivity", mean, "", state.target_K))
    return rows


NEEDS = Needs(frames=5000)
field = Observable("field", _compute, "conductivity", NEEDS, (TRANSPORT,), mobile=True)
