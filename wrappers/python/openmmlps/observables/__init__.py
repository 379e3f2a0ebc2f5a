# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Observables: one module each, which says what it needs saved, computes it over all replicas and temperatures, and shows it.

How to add one: docs/observables.md.
"""

from .observable import (
    ELASTIC,
    FILE,
    QUENCH,
    RELAX,
    RUN,
    TRANSPORT,
    Curve,
    Needs,
    Observable,
    Result,
    Sample,
    State,
    Value,
    closest_interval,
    observe,
)
from .registry import OBSERVABLES

__all__ = [
    "ELASTIC",
    "FILE",
    "OBSERVABLES",
    "QUENCH",
    "RELAX",
    "RUN",
    "TRANSPORT",
    "Curve",
    "Needs",
    "Observable",
    "Result",
    "Sample",
    "State",
    "Value",
    "closest_interval",
    "observe",
]
