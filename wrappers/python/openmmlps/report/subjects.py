# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Materials that are compared, and the panels of the figures that show them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from openmmlps.observables import Curve, Sample, Value
from openmmlps.observables.quantities import QUANTITIES

from .style import SERIES, chemical, picture

_SAME_K = 3.0  #: temperatures closer than this are the same
MOST_PANELS = 10  #: of a figure
Key = tuple[str, str]  #: quantity, and which one


@dataclass
class Subject:
    """A material with one model: a line of the tables, a color of the figures."""

    label: str
    samples: list[Sample] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    percent: float = math.nan  #: of the first compound, where all subjects are mixtures of the same
    reference: bool = False  #: whether it is a trajectory of another program
    color: str = SERIES[0]  #: in all figures

    def at(self, key: Key, temperature_K: float) -> Value | None:
        """The value at a temperature; nan: the one without."""
        return next(
            (
                value
                for value in self.values
                if (value.quantity, value.of) == key and same(value.temperature_K, temperature_K)
            ),
            None,
        )

    def published(self, key: Key, temperature_K: float) -> list[tuple[str, float, float]]:
        """Published values at a temperature: source, lower and upper end; those without a temperature too."""
        for sample in self.samples:
            if sample.references:
                rows = sample.references.find(*key, temperature_K)
                return [(row.source, row.low, row.high) for row in rows]
        return []

    def published_curves(self, key: Key) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Published curves by source."""
        return next((s.references.curves(*key) for s in self.samples if s.references), {})


def same(first: float, second: float) -> bool:
    """Whether two temperatures are the same, K; nan is the same as nan only."""
    if math.isnan(first) or math.isnan(second):
        return math.isnan(first) and math.isnan(second)
    return abs(first - second) <= _SAME_K


def axis_label(quantity: str, of: str) -> str:
    """Label of an axis of a figure."""
    known = QUANTITIES[quantity]
    return known.head(of if known.levels else chemical(of)).replace("σ_NE", "$σ_{NE}$")


def draw_panels(draw: Callable[[Any, int], None], count: int) -> Any:
    """Panels in two columns with one legend below them."""
    columns = min(2, count)
    rows = -(-count // columns)

    def fill(axes: Any) -> None:
        flat = np.atleast_1d(axes).ravel()
        handles: dict[str, Any] = {}
        for index, panel in enumerate(flat):
            if index >= count:
                panel.set_visible(False)
                continue
            draw(panel, index)
            panel.yaxis.label.set_size(9)
            for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        flat[0].figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            ncols=min(3, max(1, len(handles))),
            fontsize=8.5,
        )

    return picture(fill, height=max(2.9, 2.2 * rows + 0.5) if columns == 2 else 3.6, rows=rows, columns=columns)
