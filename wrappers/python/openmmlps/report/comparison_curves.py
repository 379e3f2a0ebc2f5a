# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Curves of a comparison: those of all materials, or all temperatures, over each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openmmlps.observables import Curve
from openmmlps.observables.quantities import QUANTITIES, Quantity

from .content import Figure
from .style import DASHED, heat
from .subjects import MOST_PANELS, Subject, draw_panels, same


def curve_figures(subjects: Sequence[Subject], quantities: Sequence[str]) -> Iterator[Figure]:
    """Curves of all materials over each other, a panel for each pair or element; of some quantities at each temperature.

    Parameters
    ----------
    subjects : sequence of Subject
        materials
    quantities : sequence of str
        of a part of the comparison

    Yields
    ------
    Figure
        one for each quantity that two materials share; where temperatures are compared, one for each material in panels
    """
    for quantity in quantities:
        own = [(subject, curve) for subject in subjects for curve in subject.curves if curve.quantity == quantity]
        if not own:
            continue
        name = f"comparison-{quantity.replace('_', '-')}"
        if QUANTITIES[quantity].all_temperatures:
            found = _at_each_temperature(own)
            if found:
                yield _curve_figure(name, quantity, found, "all materials at each temperature they share")
            found = _over_temperatures(own)
            if found:
                yield _curve_figure(f"{name}-temperature", quantity, found, "each material at all its temperatures")
        else:
            found = _at_the_lowest(own)
            if found:
                yield _curve_figure(name, quantity, found, "all materials at their lowest temperature")


@dataclass(frozen=True)
class _Line:
    """A curve in a panel."""

    subject: Subject
    curve: Curve
    label: str
    color: Any  #: what Matplotlib takes as one


@dataclass(frozen=True)
class _Panel:
    of: str
    title: str
    lines: tuple[_Line, ...]


def _at_the_lowest(own: Sequence[tuple[Subject, Curve]]) -> list[_Panel]:
    panels = []
    for of in sorted({curve.of for _, curve in own}):
        coldest: dict[int, tuple[Subject, Curve]] = {}
        for subject, curve in own:
            if curve.of == of and (id(subject) not in coldest or _hotness(curve) < _hotness(coldest[id(subject)][1])):
                coldest[id(subject)] = subject, curve
        panels.append(_Panel(of, "", tuple(_Line(s, c, s.label, s.color) for s, c in coldest.values())))
    return [panel for panel in panels if len(panel.lines) > 1][:MOST_PANELS]


def _at_each_temperature(own: Sequence[tuple[Subject, Curve]]) -> list[_Panel]:
    found: dict[tuple[str, float], dict[int, _Line]] = {}
    for subject, curve in sorted(own, key=lambda item: _hotness(item[1])):
        key = next((k for k in found if k[0] == curve.of and same(k[1], curve.temperature_K)), None)
        lines = found.setdefault(key or (curve.of, curve.temperature_K), {})
        lines.setdefault(id(subject), _Line(subject, curve, subject.label, subject.color))
    return [
        _Panel(of, f"{temperature:g} K" if math.isfinite(temperature) else "", tuple(lines.values()))
        for (of, temperature), lines in found.items()
        if len(lines) > 1
    ][:MOST_PANELS]


def _over_temperatures(own: Sequence[tuple[Subject, Curve]]) -> list[_Panel]:
    temperatures = sorted({round(c.temperature_K, 3) for _, c in own if math.isfinite(c.temperature_K)})
    found: dict[tuple[str, int], list[_Line]] = {}
    for subject, curve in sorted(own, key=lambda item: _hotness(item[1])):
        if math.isfinite(curve.temperature_K):
            color = heat(temperatures.index(round(curve.temperature_K, 3)), len(temperatures))
            line = _Line(subject, curve, f"{curve.temperature_K:g} K", color)
            found.setdefault((curve.of, id(subject)), []).append(line)
    panels = [_Panel(of, lines[0].subject.label, tuple(lines)) for (of, _), lines in found.items() if len(lines) > 1]
    return panels[:MOST_PANELS]


def _hotness(curve: Curve) -> float:
    """Cold curves first; those without a temperature before them."""
    return curve.temperature_K if math.isfinite(curve.temperature_K) else -1.0


def _curve_figure(name: str, quantity: str, shown: Sequence[_Panel], which: str) -> Figure:
    known = QUANTITIES[quantity]
    rows: list[tuple[Any, ...]] = []
    for panel in shown:
        for line in panel.lines:
            curve = line.curve
            reach = curve.reach if curve.reach is not None else np.full(len(curve.x), np.nan)
            rows += [
                (panel.of, line.subject.label, curve.temperature_K, float(x), float(y), float(r))
                for x, y, r in zip(curve.x, curve.y, reach, strict=True)
            ]

    columns = ("of", "material", "temperature_K", "x", "y", "half width of the 95 % interval")
    title = re.sub(r" of$", "", known.head("").partition(" (")[0].strip(" ,")).replace("  ", " ").strip()
    caption = f"{title}: {which}. Bands: 95 % intervals from replicas; dashed: reference trajectory; dots: published."
    drawn = draw_panels(lambda axes, index: _draw(axes, known, quantity, shown[index]), len(shown))
    return Figure(name, caption, drawn, columns, tuple(rows))


def _draw(axes: Any, known: Quantity, quantity: str, panel: _Panel) -> None:
    published: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for line in panel.lines:
        curve, color = line.curve, line.color
        style = {"linestyle": DASHED, "color": "#22303c"} if line.subject.reference else {"color": color}
        axes.plot(curve.x, curve.y, label=line.label, linewidth=1.2, **style)
        if curve.reach is not None:
            low = curve.y - curve.reach
            if known.logarithmic:  # a band that reaches zero has no lower end there
                low = np.maximum(low, 0.1 * curve.y)
            axes.fill_between(curve.x, low, curve.y + curve.reach, color=color, alpha=0.15, linewidth=0)
        published.update(line.subject.published_curves((quantity, panel.of)))
    for source, (x, y) in published.items():
        axes.plot(x, y, linestyle="", marker=".", markersize=3, color="#5f6c78", label=source)
    if known.logarithmic:
        axes.set(xscale="log", yscale="log")
    else:
        low, high = min(line.curve.y.min() for line in panel.lines), max(line.curve.y.max() for line in panel.lines)
        if high > low:
            axes.set_ylim(low - 0.05 * (high - low), high + 0.15 * (high - low))
    axes.set(xlabel=known.x_label, ylabel=known.head(panel.of))
    if panel.title:
        axes.set_title(panel.title, fontsize=8.5, loc="right")
    if known.x_range:
        axes.set_xlim(*known.x_range)
