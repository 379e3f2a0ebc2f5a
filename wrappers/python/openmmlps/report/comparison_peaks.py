# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""All peaks of every g(r) with their areas, material by material, beside published positions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from openmmlps.observables import Value

from .content import Table, plain
from .subjects import Key, Subject, same

PEAKS = ("radial_peak", "peak_area")  #: quantities that stand in this table only
_COLUMNS = ("pair", "peak", "material", "T (K)", "position (Å)", "neighbors in it", "which", "published (Å)")


def peak_table(subjects: Sequence[Subject]) -> Table | None:
    """Peaks of all pairs by pair, number, and material.

    Parameters
    ----------
    subjects : sequence of Subject
        materials

    Returns
    -------
    Table or None
        None without any peak
    """
    rows = sorted(
        (row for subject in enumerate(subjects) for row in _rows(*subject)), key=lambda row: (row[0], row[1], row[2])
    )
    if not rows:
        return None
    caption = (
        "All peaks of each g(r), with the number of neighbors between the minima beside them, and published positions."
    )
    note = "A published position stands at the nearest of our peaks."
    return Table("comparison-peaks", caption, _COLUMNS, tuple((*row[:2], *row[3:]) for row in rows), note)


def _rows(place: int, subject: Subject) -> Iterator[tuple[Any, ...]]:
    areas = {
        (*_area_key(value.of), value.temperature_K): value for value in subject.values if value.quantity == PEAKS[1]
    }
    peaks = [value for value in subject.values if value.quantity == PEAKS[0]]
    for value in peaks:
        pair, number = _peak_key(value.of)
        area = areas.get((pair, number, value.temperature_K))
        rivals = [p for p in peaks if _peak_key(p.of)[0] == pair and same(p.temperature_K, value.temperature_K)]
        known = ", ".join(_published(subject, (PEAKS[0], pair), value, rivals))
        shown = f"{value.temperature_K:g}" if value.temperature_K == value.temperature_K else "–"  # noqa: PLR0124
        which = area.of.partition(" (")[0] if area else ""
        yield pair, number, place, subject.label, shown, value.measured, area.measured if area else "", which, known


def is_later_peak(key: Key) -> bool:
    """Whether a number belongs to the second peak of a pair or one after it."""
    return key[0] in PEAKS and _peak_key(key[1])[1] > 1


def _peak_key(of: str) -> tuple[str, int]:
    """('P-S', 2) of 'P-S (2)'."""
    pair, _, number = of.partition(" (")
    return pair, int(number.rstrip(")") or 1)


def _area_key(of: str) -> tuple[str, int]:
    """('P-S', 2) of 'S around P (2)'."""
    around, number = _peak_key(of)
    return "-".join(sorted(re.split(" around ", around))), number


def _published(subject: Subject, key: Key, value: Value, rivals: Sequence[Value]) -> Iterator[str]:
    """Published positions that are nearer to this peak than to the others of its pair."""
    for source, low, high in subject.published(key, value.temperature_K):
        middle = (low + high) / 2
        if min(rivals, key=lambda peak: abs(peak.measured.value - middle)) is value:
            yield f"{plain(low)}{f'–{plain(high)}' if high > low else ''} ({source})"
