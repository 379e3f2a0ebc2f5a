# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What several folders tell together: tables and figures over composition and temperature, beside published values and curves."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from openmmlps.observables import FILE, Value
from openmmlps.observables.quantities import GROUPS, QUANTITIES

from .comparison_curves import curve_figures
from .comparison_peaks import PEAKS, is_later_peak, peak_table
from .content import Figure, Findings, Measured, Section, Table, counted, plain, pretty
from .style import SERIES
from .subjects import MOST_PANELS, Key, Subject, axis_label, draw_panels, same

_ROOM_K = 300.0
_MOST_COLUMNS = 8


def compare(findings: Sequence[Findings]) -> Findings | None:
    """Compare the materials, temperatures and models of several folders.

    Parameters
    ----------
    findings : sequence of Findings
        of folders and trajectories

    Returns
    -------
    Findings or None
        None where there is nothing to compare: one material, or no numbers
    """
    subjects = _subjects(findings)
    if len(subjects) < 2:
        return None
    axis = _axis(subjects)
    found = Findings("", "comparison", "Comparison", counted(len(subjects), "material"))
    for name, title, quantities in GROUPS:
        section = Section(name, title)
        keys = _keys(subjects, quantities)
        section.add(*_tables(name, title, subjects, [key for key in keys if key[0] not in PEAKS]))
        keys = [key for key in keys if key[0] != "peak_area" and not is_later_peak(key)]
        if set(PEAKS) & set(quantities):
            section.add(peak_table(subjects))
        section.add(_composition_figure(name, title, subjects, keys, axis), _temperature_figure(name, subjects, keys))
        section.add(*curve_figures(subjects, quantities))
        if section.items:
            found.add(section)
    if not found.sections:
        return None
    found.samples = [sample for subject in subjects for sample in subject.samples]
    found.title = f"Comparison of {_listed([subject.label for subject in subjects])}"
    found.methods = [("compared", ", ".join(subject.label for subject in subjects))]
    return found


def _listed(labels: Sequence[str], most: int = 4) -> str:
    """'A, B and C'; 'A, B and 7 others' if there are many."""
    if len(labels) > most:
        labels = [*labels[: most - 1], f"{len(labels) - most + 1} others"]
    return f"{', '.join(labels[:-1])} and {labels[-1]}"


def _subjects(findings: Sequence[Findings]) -> list[Subject]:
    """Folders of the same material and model together, in the order of the composition."""
    models = {dict(found.methods).get("model sha256", "") for found in findings} - {""}
    subjects: dict[tuple[str, str], Subject] = {}
    for found in findings:
        for sample in found.samples:
            methods = dict(found.methods)
            model = methods.get("model sha256", "") if len(models) > 1 else ""
            key = (sample.label.casefold().removeprefix("glass "), model)
            if key not in subjects:
                label = re.sub("^[Gg]lass ", "", sample.label)
                label += f", {methods['model'].split(' (')[0]}" if model else ""
                subjects[key] = Subject(label, reference=sample.kind == FILE)
            subjects[key].samples.append(sample)
            if sample is found.samples[0]:
                subjects[key].values += found.values
                subjects[key].curves += found.curves
    found_subjects = [subject for subject in subjects.values() if subject.values or subject.curves]
    _place(found_subjects)
    found_subjects.sort(key=lambda item: (item.reference, item.percent if math.isfinite(item.percent) else math.inf))
    for color, subject in zip(cycle(SERIES), found_subjects, strict=False):
        subject.color = color
    return found_subjects


def _place(subjects: Sequence[Subject]) -> None:
    """Fill in percents where all materials are mixtures of the same compounds."""
    mixtures = {}
    for subject in subjects:
        if subject.reference:
            continue
        mixtures[id(subject)] = _mixture(subject.samples[0].composition)
    compounds = {tuple(sorted(mixture)) for mixture in mixtures.values()}
    names = {name for mixture in mixtures.values() for name in mixture}
    if len(names) != 2 or () in compounds:
        return
    first = next(name for mixture in mixtures.values() for name in mixture)
    for subject in subjects:
        if id(subject) in mixtures:
            subject.percent = mixtures[id(subject)].get(first, 0.0)


def _mixture(name: str) -> dict[str, float]:
    """Compound -> percent of '75Li2S-25P2S5'; empty for other names."""
    parts = [re.fullmatch(r"(\d+\.?\d*)([A-Z]\w*)", part) for part in name.split("-")]
    if len(parts) < 2 or not all(parts):
        return {}
    amounts = {match[2]: float(match[1]) for match in parts if match}
    total = sum(amounts.values())
    return {compound: 100 * amount / total for compound, amount in amounts.items()}


@dataclass(frozen=True)
class _Axis:
    """Where materials stand on the horizontal axis."""

    label: str
    places: Mapping[int, float]  #: id of a subject -> place
    ticks: tuple[tuple[float, str], ...] = ()


def _axis(subjects: Sequence[Subject]) -> _Axis:
    own = [subject for subject in subjects if not subject.reference]
    if all(math.isfinite(subject.percent) for subject in own):
        mixture = next(iter(_mixture(own[0].samples[0].composition)))
        return _Axis(f"% {pretty(mixture)}", {id(subject): subject.percent for subject in own})
    places = {id(subject): float(index) for index, subject in enumerate(own)}
    return _Axis("", places, tuple((float(index), subject.label) for index, subject in enumerate(own)))


def _keys(subjects: Sequence[Subject], quantities: Sequence[str]) -> list[Key]:
    """Numbers that there are, in the order of the quantities."""
    found: dict[Key, None] = {}
    for quantity in quantities:
        for subject in subjects:
            names = {value.of for value in subject.values if value.quantity == quantity}
            found.update(dict.fromkeys((quantity, of) for of in sorted(names)))
    return sorted(found, key=lambda key: (quantities.index(key[0]), key[1]))


def _temperatures(subject: Subject, keys: Sequence[Key]) -> list[float]:
    """Those at which there are numbers, from low to high; nan first."""
    found = {value.temperature_K for value in subject.values if (value.quantity, value.of) in keys}
    known = sorted({temperature for temperature in found if math.isfinite(temperature)})
    return ([math.nan] if len(known) < len(found) else []) + known


def _tables(name: str, title: str, subjects: Sequence[Subject], keys: Sequence[Key]) -> Iterator[Table]:
    """Tables of a group: a line for each material and temperature, published values below it."""
    if len(keys) > _MOST_COLUMNS:
        groups = [[key for key in keys if key[0] == quantity] for quantity in dict.fromkeys(key[0] for key in keys)]
    else:
        groups = [list(keys)] if keys else []
    for group in groups:
        own = "" if len(groups) == 1 else f"-{group[0][0].replace('_', '-')}"
        for part in range(0, len(group), _MOST_COLUMNS):
            chosen = group[part : part + _MOST_COLUMNS]
            number = f"-{part // _MOST_COLUMNS + 1}" if len(group) > _MOST_COLUMNS else ""
            rows = [row for subject in subjects for row in _rows(subject, chosen)]
            heads = tuple(QUANTITIES[quantity].head(of) for quantity, of in chosen)
            caption = f"{title}: this work and published values."
            yield Table(
                f"comparison-{name}{own}{number}", caption, ("material", "T (K)", "source", *heads), tuple(rows)
            )


def _rows(subject: Subject, keys: Sequence[Key]) -> Iterator[tuple[Any, ...]]:
    for temperature in _temperatures(subject, keys):
        shown = f"{temperature:g}" if math.isfinite(temperature) else "–"
        values = [subject.at(key, temperature) for key in keys]
        yield (subject.label, shown, "this work", *(_cell(value) for value in values))
        # Published numbers belong to a temperature at which there is one of ours of the same quantity.
        own = {key[0] for key, value in zip(keys, values, strict=True) if value}
        published = {key: subject.published(key, temperature) if key[0] in own else [] for key in keys}
        for source in dict.fromkeys(source for rows in published.values() for source, *_ in rows):
            cells = []
            for key in keys:
                rows = [row for row in published[key] if row[0] == source]
                cells.append(", ".join(_range(low, high) for _, low, high in rows) or "")
            if any(cells):
                yield (subject.label, shown, source, *cells)


def _cell(value: Value | None) -> Measured | str:
    if value is None:
        return ""
    return value.measured if math.isfinite(value.measured.value) else "not determined"


def _range(low: float, high: float) -> str:
    return plain(low) if low == high else f"{plain(low)}–{plain(high)}"


def _common_temperature(subjects: Sequence[Subject], key: Key) -> float:
    """Temperature that most materials share, 300 K first."""
    counts: dict[float, int] = {}
    for subject in subjects:
        for value in subject.values:
            if (value.quantity, value.of) == key and math.isfinite(value.measured.value):
                counts[value.temperature_K] = counts.get(value.temperature_K, 0) + 1
    if not counts:
        return math.nan
    return max(counts, key=lambda item: (counts[item], same(item, _ROOM_K), -item if math.isfinite(item) else 0.0))


def _composition_figure(
    name: str, title: str, subjects: Sequence[Subject], keys: Sequence[Key], axis: _Axis
) -> Figure | None:
    """Numbers against composition; None where fewer than two materials share one."""
    own = [subject for subject in subjects if not subject.reference]
    panels = []
    for key in keys:
        temperature = _common_temperature(own, key)
        points = [(subject, value) for subject in own if (value := subject.at(key, temperature))]
        points = [(subject, value) for subject, value in points if math.isfinite(value.measured.value)]
        if len(points) > 1:
            panels.append((key, temperature, points))
    panels = panels[:MOST_PANELS]
    if not panels:
        return None
    rows: list[tuple[Any, ...]] = []
    for (quantity, of), temperature, points in panels:
        for subject, value in points:
            place = axis.places[id(subject)]
            row = (quantity, of, temperature, subject.label, place, "this work", value.measured.value, *value.ends)
            rows.append(row)
            rows += [
                (quantity, of, temperature, subject.label, place, source, (low + high) / 2, low, high)
                for source, low, high in subject.published((quantity, of), temperature)
            ]

    def draw(panel: Any, index: int) -> None:
        (quantity, of), temperature, points = panels[index]
        x = [axis.places[id(subject)] for subject, _ in points]
        middle = np.array([value.measured.value for _, value in points])
        ends = np.array([value.ends for _, value in points])
        reach = np.nan_to_num(np.abs(ends - middle[:, None]).T)
        style = {"fmt": "o", "markersize": 5, "capsize": 2.5, "linewidth": 1, "color": SERIES[0]}
        panel.errorbar(x, middle, yerr=reach, label="this work", **style)
        if not axis.ticks:
            panel.plot(x, middle, color=SERIES[0], linewidth=0.8, alpha=0.6)
        sources = _by_source(points, axis, (quantity, of), temperature)
        shown = [row for _, known in sources for row in known]
        for (color, marker), (source, known) in zip(_MARKS, sources, strict=False):
            places, low, high = np.array(known).T
            bars = np.array([(high - low) / 2, (high - low) / 2])
            panel.errorbar(places, (low + high) / 2, yerr=bars, fmt=marker, color=color, label=source, markersize=5,
                           capsize=2.5, linewidth=1, markerfacecolor="white")  # fmt: skip
        seen = [*middle, *(row[2] for row in shown), *(row[1] for row in shown)]
        if QUANTITIES[quantity].logarithmic and (middle > 0).all():
            panel.set_yscale("log")
        else:  # two replicas have intervals that say nothing; they must not squeeze what is known
            room = 1.2 * (max(seen) - min(seen)) or 0.1 * abs(middle[0]) or 1.0
            low, high = (ends[:, 0].min(), ends[:, 1].max()) if np.isfinite(ends).all() else (min(seen), max(seen))
            panel.set_ylim(max(low, min(seen) - room) - 0.1 * room, min(high, max(seen) + room) + 0.1 * room)
        at = f", {temperature:g} K" if math.isfinite(temperature) else ""
        panel.set(xlabel=axis.label, ylabel=axis_label(quantity, of))
        panel.set_title(at.removeprefix(", "), fontsize=8.5, loc="right")
        if axis.ticks:
            last = index + min(2, len(panels)) >= len(panels)  # names once, below each column
            names = [label if last else "" for _, label in axis.ticks]
            panel.set_xticks([place for place, _ in axis.ticks], names, rotation=30, ha="right", fontsize=8.5)
            panel.margins(x=0.15)

    columns = ("quantity", "of", "temperature_K", "material", "place", "source", "value", "low_95", "high_95")
    caption = f"{title} against composition. Bars: 95 % intervals; open symbols: published, bars of ranges."
    return Figure(f"comparison-{name}-composition", caption, draw_panels(draw, len(panels)), columns, tuple(rows))


_MARKS = tuple((SERIES[1 + index % 7], marker) for index, marker in enumerate("sd^vP*X"))


def _by_source(
    points: Sequence[tuple[Subject, Value]], axis: _Axis, key: Key, temperature: float
) -> list[tuple[str, list[tuple[float, float, float]]]]:
    found: dict[str, list[tuple[float, float, float]]] = {}
    for subject, _ in points:
        for source, low, high in subject.published(key, temperature):
            found.setdefault(source, []).append((axis.places[id(subject)], low, high))
    return list(found.items())


def _temperature_figure(name: str, subjects: Sequence[Subject], keys: Sequence[Key]) -> Figure | None:
    """Logarithmic quantities against 1/T for each material; None without two temperatures."""
    panels = []
    for key in keys:
        if not QUANTITIES[key[0]].logarithmic:
            continue
        lines = []
        for subject in subjects:
            values = [value for value in subject.values if (value.quantity, value.of) == key]
            values = [value for value in values if value.temperature_K > 0 and value.measured.value > 0]
            if values:
                lines.append((subject, sorted(values, key=lambda value: value.temperature_K)))
        if any(len(values) > 1 for _, values in lines):
            panels.append((key, lines))
    panels = panels[:MOST_PANELS]
    if not panels:
        return None

    def draw(panel: Any, index: int) -> None:
        (quantity, of), lines = panels[index]
        for subject, values in lines:
            color = subject.color
            inverse = [1000 / value.temperature_K for value in values]
            middle = np.array([value.measured.value for value in values])
            low, high = np.array([value.ends for value in values]).T
            reach = np.nan_to_num([np.minimum(middle - low, 0.9 * middle), high - middle])
            panel.errorbar(inverse, middle, yerr=np.maximum(reach, 0), fmt="o-", markersize=4, linewidth=1, capsize=2,
                           color=color, label=subject.label)  # fmt: skip
            for row in subject.samples[0].references.find(quantity, of) if subject.samples[0].references else ():
                if row.temperature_K > 0 and row.value > 0:
                    panel.plot(
                        [1000 / row.temperature_K], [row.value], marker="*", markersize=8, color=color, linestyle=""
                    )
        panel.set(yscale="log", xlabel="1000 K / T", ylabel=axis_label(quantity, of))

    rows = tuple(
        (quantity, of, subject.label, value.temperature_K, value.measured.value, *value.ends)
        for (quantity, of), lines in panels
        for subject, values in lines
        for value in values
    )
    columns = ("quantity", "of", "material", "temperature_K", "value", "low_95", "high_95")
    caption = "Against temperature. Bars: 95 % intervals; stars: published, in the color of the material."
    return Figure(f"comparison-{name}-temperature", caption, draw_panels(draw, len(panels)), columns, rows)
