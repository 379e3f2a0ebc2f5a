# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a report consists of: sections with paragraphs, figures and tables, each figure and table also a file of its own."""

import csv
import io
import math
from dataclasses import dataclass, field
from pathlib import Path

from openmmlps.app.replace import replace_file


@dataclass(frozen=True)
class Measured:
    """A number with its standard error: one cell of a table, two columns of its CSV file."""

    value: float
    error: float = math.nan

    def __str__(self):
        return rounded(self.value, self.error)


@dataclass(frozen=True)
class Table:
    """Rows of strings, numbers and :class:`Measured`; numbers are rounded for the eye and written to CSV in full."""

    name: str  #: file name without ending
    caption: str
    columns: tuple
    rows: tuple  #: of tuples
    note: str = ""

    def to_csv(self):
        """The table as CSV text; plain numbers, errors in columns of their own."""
        measured = [any(isinstance(row[i], Measured) for row in self.rows) for i in range(len(self.columns))]
        columns, rows = [], [[] for _ in self.rows]
        for index, (name, pair) in enumerate(zip(self.columns, measured, strict=True)):
            columns += [name, f"standard error of {name}"] if pair else [name]
            for row, found in zip(rows, self.rows, strict=True):
                cell = found[index]
                row += [cell.value, cell.error] if isinstance(cell, Measured) else [cell, ""] if pair else [cell]
        return to_csv(columns, rows)


@dataclass(frozen=True)
class Figure:
    """A picture with its caption and the numbers behind it."""

    name: str  #: file name without ending
    caption: str
    png: bytes
    columns: tuple  #: of the data
    rows: tuple

    def to_csv(self):
        """The plotted numbers as CSV text."""
        return to_csv(self.columns, self.rows)


@dataclass
class Section:
    """A part of the report with a heading."""

    key: str  #: short, unique; orders sections of several folders (see SECTION_ORDER)
    title: str
    paragraphs: list = field(default_factory=list)
    items: list = field(default_factory=list)  #: figures and tables in order

    def add(self, *items):
        """Append figures and tables; None is passed over."""
        self.items += [item for item in items if item is not None]


@dataclass(frozen=True)
class Result:
    """A line of the results at a glance."""

    quantity: str
    value: str
    literature: str = ""  #: values with their source; empty: none known
    detail: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A structure for the three-dimensional view; angstrom."""

    title: str
    symbols: tuple
    positions: object  #: [n, 3]
    cell: object  #: [3, 3]
    bonds: tuple  #: pairs of atoms


@dataclass
class Findings:
    """Everything found in one folder."""

    folder: str
    kind: str  #: 'run', 'quench', 'transport', 'elastic', 'relax'
    title: str
    subtitle: str
    results: list = field(default_factory=list)
    methods: list = field(default_factory=list)  #: (name, value) of what was run
    warnings: list = field(default_factory=list)
    sections: list = field(default_factory=list)
    snapshots: list = field(default_factory=list)

    def write(self, folder):
        """Write every picture as PNG and every table and curve as CSV into a folder, in place of older ones.

        :return: names of the files
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for old in [*folder.glob("*.png"), *folder.glob("*.csv")]:
            old.unlink()
        names = []
        for section in self.sections:
            for item in section.items:
                if isinstance(item, Figure):
                    replace_file(folder / f"{item.name}.png", item.png, synchronise=False)
                    names.append(f"{item.name}.png")
                replace_file(folder / f"{item.name}.csv", item.to_csv().encode(), synchronise=False)
                names.append(f"{item.name}.csv")
        return names


def to_csv(columns, rows):
    """CSV text with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"{value:.8g}" if isinstance(value, float) else value for value in row])
    return text.getvalue()


def rounded(value, error=None):
    """A number as text; with an error in parentheses that refers to the last digits, as in 1.23(4)."""
    if value is None or not math.isfinite(value):
        return "–"
    if error is None or not math.isfinite(error) or error <= 0:
        return scientific(value, 3)
    if error >= abs(value) and value != 0 or not 1e-3 <= abs(value) < 1e5:
        return with_error(value, error)
    digits = max(0, 1 - math.floor(math.log10(error)))
    if digits == 0:
        return f"{value:.0f} ± {error:.0f}"
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def with_error(value, error):
    """value ± error with a common power of ten where that is shorter."""
    exponent = math.floor(math.log10(max(abs(value), abs(error))))
    if -3 <= exponent < 5:
        digits = max(0, 1 - math.floor(math.log10(error)))
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    scale = 10.0**exponent
    digits = max(0, 1 - math.floor(math.log10(error / scale)))
    return f"({value / scale:.{digits}f} ± {error / scale:.{digits}f})×10{_superscript(exponent)}"


def scientific(value, digits=3):
    """A number with so many significant digits; powers of ten where the number is very small or large."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -3 <= exponent < 5:
        return f"{value:.{max(0, digits - 1 - exponent)}f}"
    return f"{value / 10.0**exponent:.{digits - 1}f}×10{_superscript(exponent)}"


def _superscript(number):
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def pretty(name):
    """A name such as 'beta-Li3PS4' as people write it: 'β-Li₃PS₄'."""
    greek = {"alpha": "α", "beta": "β", "gamma": "γ"}
    parts = [greek.get(part, part) for part in str(name).split("-")]
    return "-".join(_subscripted(part) for part in parts)


def _subscripted(part):
    import re

    if not re.fullmatch(r"(?:[A-Z][a-z]?\d*)+", part):
        return part
    return part.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
