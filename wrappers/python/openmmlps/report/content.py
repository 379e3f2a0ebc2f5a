# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a report consists of: sections with paragraphs, figures and tables, each figure and table also a file of its own."""

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openmmlps.analysis.estimates import Estimate, student_reach
from openmmlps.app.replace import replace_file

from .style import Picture

if TYPE_CHECKING:
    from openmmlps.observables import Curve, Sample, Value

_WITH_POWER = (-3, 5)  # exponents outside are written as a power of ten


@dataclass(frozen=True)
class Measured:
    """A number with half the width of its 95 % interval: one cell of a table, two columns of its CSV file."""

    value: float
    reach: float = math.nan  #: nan if unknown

    @classmethod
    def of(cls, estimate: Estimate, factor: float = 1.0) -> "Measured":
        """From an estimate of :mod:`openmmlps.analysis`, in another unit."""
        return cls(estimate.value * factor, (estimate.high - estimate.low) / 2 * factor)

    @classmethod
    def of_samples(cls, samples: Iterable[float]) -> "Measured":
        """Mean of independent samples; their scatter gives the interval (Student's t)."""
        return cls.of(Estimate.from_samples(list(samples)))

    @classmethod
    def of_blocks(cls, mean: float, error: float | None, blocks: int = 5) -> "Measured":
        """Mean and standard error from so many blocks, as result.json has them (those before version 1 had five)."""
        return cls(mean, math.nan if error is None or blocks < 2 else error * student_reach(blocks - 1))

    def scaled(self, factor: float) -> "Measured":
        """The same in another unit."""
        return Measured(self.value * factor, self.reach * factor)

    def __str__(self) -> str:
        return rounded(self.value, self.reach)


@dataclass(frozen=True)
class Table:
    """Rows of strings, numbers and :class:`Measured`; numbers are rounded for the eye and written to CSV in full."""

    name: str  #: file name without ending
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    @property
    def heads(self) -> tuple[str, ...]:
        """Column heads for the eye: those of measured columns name the interval."""
        return tuple(
            f"{name}, ± 95 %" if with_error else name
            for name, with_error in zip(self.columns, self._measured, strict=True)
        )

    @property
    def _measured(self) -> list[bool]:
        return [any(isinstance(row[i], Measured) for row in self.rows) for i in range(len(self.columns))]

    def to_csv(self) -> str:
        """The table as CSV text; plain numbers, half widths of the 95 % intervals in columns of their own."""
        columns: list[str] = []
        rows: list[list[Any]] = [[] for _ in self.rows]
        for index, (name, with_error) in enumerate(zip(self.columns, self._measured, strict=True)):
            columns += [name, f"half width of the 95 % interval of {name}"] if with_error else [name]
            for row, found in zip(rows, self.rows, strict=True):
                cell = found[index]
                row.extend(
                    [cell.value, cell.reach] if isinstance(cell, Measured) else [cell, ""] if with_error else [cell]
                )
        return to_csv(columns, rows)


@dataclass(frozen=True)
class Figure:
    """A picture with its caption and the numbers behind it."""

    name: str  #: file name without ending
    caption: str
    picture: Picture
    columns: tuple[str, ...]  #: of the data
    rows: tuple[tuple[Any, ...], ...]

    def to_csv(self) -> str:
        """The plotted numbers as CSV text."""
        return to_csv(self.columns, self.rows)


@dataclass
class Section:
    """A part of the report with a heading."""

    key: str  #: short, unique; orders sections of several folders (see SECTION_ORDER)
    title: str
    paragraphs: list[str] = field(default_factory=list)
    items: list[Figure | Table] = field(default_factory=list)  #: figures and tables in order

    def add(self, *items: Figure | Table | None) -> None:
        """Append figures and tables; None is passed over."""
        self.items += [item for item in items if item is not None]


@dataclass(frozen=True)
class Headline:
    """A line of the results at a glance; errors after ± are 95 % intervals."""

    quantity: str
    value: str
    literature: str = ""  #: values with their source; empty: none known
    detail: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A structure for the three-dimensional view; angstrom."""

    title: str
    symbols: tuple[str, ...]
    positions: np.ndarray  #: [n, 3]
    cell: np.ndarray  #: [3, 3]
    bonds: tuple[tuple[int, int], ...]  #: pairs of atoms
    formers: tuple[str, ...] = ()  #: elements in the middle of tetrahedra
    ligands: tuple[str, ...] = ()  #: elements at their corners
    grades: tuple[float, ...] = ()  #: [n] extrapolation grades; empty: not known


@dataclass
class Findings:
    """Everything found in one folder."""

    folder: str
    kind: str  #: 'run', 'quench', 'transport', 'thermal', 'elastic', 'relax'
    title: str
    subtitle: str
    results: list[Headline] = field(default_factory=list)
    methods: list[tuple[str, str]] = field(default_factory=list)  #: (name, value) of what was run
    warnings: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    samples: list["Sample"] = field(default_factory=list)  #: what observables were computed from
    values: list["Value"] = field(default_factory=list)  #: numbers that comparisons gather
    curves: list["Curve"] = field(default_factory=list)  #: functions that comparisons draw over each other

    def add(self, *sections: Section | None) -> None:
        """Append sections; None is passed over."""
        self.sections += [section for section in sections if section is not None]

    @property
    def items(self) -> list[Figure | Table]:
        """Figures and tables of all sections."""
        return [item for section in self.sections for item in section.items]

    def write(self, folder: Path | str) -> list[str]:
        """Write every picture as PNG and SVG, and every table and curve as CSV into a folder.

        Files of an earlier analysis there, which `.files` lists, are removed once the new ones are written.

        Returns
        -------
        list of str
            names of the files
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        files: dict[str, bytes] = {}
        for item in self.items:
            if isinstance(item, Figure) and item.picture.png:
                files[f"{item.name}.png"] = item.picture.png
                files[f"{item.name}.svg"] = item.picture.svg
            files[f"{item.name}.csv"] = item.to_csv().encode()
        for name, data in files.items():
            replace_file(folder / name, data, synchronise=False)
        record = folder / ".files"
        earlier = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
        for name in set(earlier) - set(files):
            if Path(name).name == name and name.endswith((".png", ".svg", ".csv")):
                (folder / name).unlink(missing_ok=True)
        replace_file(record, "".join(f"{name}\n" for name in files).encode(), synchronise=False)
        return list(files)


def rows_of(*columns: Iterable[float]) -> tuple[tuple[float, ...], ...]:
    """Rows of numbers from columns of equal length."""
    return tuple(tuple(float(value) for value in row) for row in zip(*columns, strict=True))


def to_csv(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """CSV text with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"{value:.8g}" if isinstance(value, float) else value for value in row])
    return text.getvalue()


def plain(value: float) -> str:
    """A number as it is written in tables of references, such as 1.85 or 2.51×10⁻⁸."""
    return f"{value:g}" if value == 0 or 1e-3 <= abs(value) < 1e5 else scientific(value, 3)


def rounded(value: float | None, error: float | None = None) -> str:
    """A number as text, with an error as in 1.23 ± 0.04 that keeps two digits; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    if error is None or not math.isfinite(error) or error <= 0:
        return scientific(value, 3)
    scale, power = 1.0, ""
    exponent = math.floor(math.log10(max(abs(value), error)))
    if not _WITH_POWER[0] <= exponent < _WITH_POWER[1]:
        scale, power = 10.0**exponent, f"×10{_superscript(exponent)}"
    digits = max(0, 1 - math.floor(math.log10(error / scale)))
    text = f"{value / scale:.{digits}f} ± {error / scale:.{digits}f}"
    return f"({text}){power}" if power else text


def scientific(value: float, digits: int = 3) -> str:
    """A number with so many significant digits; powers of ten where the number is very small or large."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if _WITH_POWER[0] <= exponent < _WITH_POWER[1]:
        return f"{value:.{max(0, digits - 1 - exponent)}f}"
    return f"{value / 10.0**exponent:.{digits - 1}f}×10{_superscript(exponent)}"


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def counted(count: int, noun: str) -> str:
    """'1 replica', '2 replicas'."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def formula(symbols: Sequence[str]) -> str:
    """Number of atoms by element, as in Li72P24S96."""
    symbols = list(symbols)
    counts = {symbol: symbols.count(symbol) for symbol in dict.fromkeys(symbols)}
    return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in counts.items())


def pretty(name: str) -> str:
    """A name such as 'beta-Li3PS4' as people write it: 'β-Li₃PS₄', '75 Li₂S – 25 P₂S₅'."""
    greek = {"alpha": "α", "beta": "β", "gamma": "γ"}
    parts = [greek.get(part, part) for part in str(name).split("-")]
    amounts = [re.fullmatch(r"(\d+\.?\d*)([A-Z].*)", part) for part in parts]
    if len(parts) > 1 and all(amounts):  # a mixture
        return " – ".join(f"{match[1]} {_subscripted(match[2])}" for match in amounts if match)
    return "-".join(_subscripted(part) for part in parts)


def _subscripted(part: str) -> str:
    if not re.fullmatch(r"(?:[A-Z][a-z]?(?:\d+\.?\d*)?)+", part):
        return part
    return part.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
