# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Published and measured values and curves, as tables; a user's own table is read the same way (docs/references.md)."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

#: columns of a table; all but the first and `value` (or `low` and `high`) may be left out
COLUMNS = ("quantity", "of", "composition", "phase", "temperature_K", "x", "value", "low", "high", "source", "doi")
_HERE = Path(__file__).parent
_SAME_COMPOSITION = 0.0075  # of any share of the atoms: about 1 percent of Li2S
_SAME_TEMPERATURE = 3.0  # K: room temperature is 298 or 300


@dataclass(frozen=True)
class Reference:
    """A published number, or a point of a curve."""

    quantity: str  #: key of QUANTITIES
    of: str  #: which one: element, pair, anion; empty: there is one only
    shares: Mapping[str, float]  #: element -> share of the atoms; empty: any material
    phase: str  #: 'glass', 'crystal', name of a crystal; empty: any
    temperature_K: float  #: nan: not stated
    x: float  #: of a point of a curve; nan: a number
    low: float
    high: float  #: equal to `low` unless it is a range
    source: str  #: short
    doi: str

    @property
    def value(self) -> float:
        """The number, or the middle of its range."""
        return (self.low + self.high) / 2

    def __str__(self) -> str:
        from openmmlps.report.content import plain

        return plain(self.low) if self.low == self.high else f"{plain(self.low)}–{plain(self.high)}"


class References:
    """What is known of one material.

    Parameters
    ----------
    rows : iterable of Reference
        of this material
    sources : mapping
        short name -> in full
    """

    def __init__(self, rows: Iterable[Reference] = (), sources: Mapping[str, str] | None = None) -> None:
        self.rows, self.sources = tuple(rows), dict(sources or {})

    def find(self, quantity: str, of: str = "", temperature_K: float = math.nan) -> list[Reference]:
        """Numbers (no curves) of a quantity; those at another temperature are left out.

        Parameters
        ----------
        quantity, of : str
            which one
        temperature_K : float
            nan: at any
        """
        return [
            row
            for row in self.rows
            if row.quantity == quantity
            and row.of in ("", of)
            and math.isnan(row.x)
            and not abs(row.temperature_K - temperature_K) > _SAME_TEMPERATURE
        ]

    def quote(self, quantity: str, of: str = "", temperature_K: float = math.nan) -> str:
        """Numbers with their sources, as in '1.85 (Zhou), 1.88 (Zhou, experiment)'."""
        return ", ".join(f"{row} ({row.source})" for row in self.find(quantity, of, temperature_K))

    def tuples(self, quantity: str, parts: Sequence[str], separator: str = " / ") -> str:
        """Several numbers of each source in a row, as in '50.1 / 26.3 / 21.5 / 2.1 (Zhou)'; absent ones are dashes."""
        found: dict[str, dict[str, str]] = {}
        for of in parts:
            for row in self.find(quantity, of):
                found.setdefault(row.source, {})[of] = str(row)
        return ", ".join(
            f"{separator.join(numbers.get(of, '–') for of in parts)} ({source})" for source, numbers in found.items()
        )

    def curves(self, quantity: str, of: str = "") -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Curves by source: x and y."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in self.rows:
            if row.quantity == quantity and row.of == of and math.isfinite(row.x):
                found.setdefault(row.source, []).append((row.x, row.value))
        return {source: (np.array(points)[:, 0], np.array(points)[:, 1]) for source, points in found.items()}

    @classmethod
    def of(cls, counts: Mapping[str, int], phase: str, files: Iterable[Path | str] = ()) -> References:
        """What is known of a material.

        Parameters
        ----------
        counts : mapping
            element -> number of atoms
        phase : str
            'glass', or name of a crystal
        files : iterable of Path or str
            the user's tables, beside those of the package

        Raises
        ------
        FileNotFoundError, ValueError
            a file that is not there, or no such table
        """
        total = sum(counts.values()) or 1
        shares = {element: count / total for element, count in counts.items()}
        rows = [*_packaged(), *(row for file in files for row in read_table(file))]
        own = [row for row in rows if _same(row, shares, phase)]
        known = _sources()
        return cls(own, {row.source: known.get(row.source, _full(row)) for row in own})


def read_table(path: Path | str) -> Iterator[Reference]:
    """Read a table of references.

    Parameters
    ----------
    path : Path or str
        CSV with a header of names from COLUMNS

    Raises
    ------
    FileNotFoundError, ValueError
        it is not there, or a line cannot be read
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"references: '{path}' is not a file; give a CSV table (docs/references.md)")
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(row for row in file if not row.startswith("#"))
        names = [name.strip() for name in table.fieldnames or ()]
        unknown = [name for name in names if name not in COLUMNS]
        if unknown or "quantity" not in names:
            what = f"has a column '{unknown[0]}'" if unknown else "has no column 'quantity'"
            raise ValueError(f"references: '{path}' {what}; columns are {', '.join(COLUMNS)}")
        table.fieldnames = names
        for line in table:
            try:
                yield _reference(line, path.stem)
            except ValueError as error:
                raise ValueError(f"references: '{path}', line {table.line_num}: {error}") from None


def _reference(line: Mapping[str, str | None], origin: str) -> Reference:
    cell = {name: (line.get(name) or "").strip() for name in COLUMNS}

    def number(name: str) -> float:
        try:
            return float(cell[name]) if cell[name] else math.nan
        except ValueError:
            raise ValueError(f"{name} is '{cell[name]}', which is no number") from None

    low, high = (number(name) if cell[name] else number("value") for name in ("low", "high"))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("neither a value nor a range; fill in the column value, or low and high")
    return Reference(
        cell["quantity"],
        cell["of"],
        shares_of(cell["composition"]) if cell["composition"] else {},
        cell["phase"],
        number("temperature_K"),
        number("x"),
        low,
        high,
        cell["source"] or origin,
        cell["doi"],
    )


def shares_of(composition: str) -> dict[str, float]:
    """Element -> share of the atoms, of a formula or a mixture such as '67Li2S-33P2S5'.

    Parameters
    ----------
    composition : str
        with whole or decimal numbers

    Raises
    ------
    ValueError
        not a composition
    """
    from openmmlps.protocols.compositions import parse_composition
    from openmmlps.protocols.packing import Composition

    try:
        return Composition.parse(parse_composition(composition)).shares()
    except ValueError:
        raise ValueError(
            f"composition is '{composition}'; write a formula or a mixture such as '67Li2S-33P2S5'"
        ) from None


def _same(row: Reference, shares: Mapping[str, float], phase: str) -> bool:
    if row.shares:
        elements = set(row.shares) | set(shares)
        if max(abs(row.shares.get(item, 0.0) - shares.get(item, 0.0)) for item in elements) > _SAME_COMPOSITION:
            return False
    return not row.phase or row.phase == phase or (row.phase == "crystal" and phase != "glass")


@cache
def _packaged() -> tuple[Reference, ...]:
    return tuple(row for path in sorted(_HERE.glob("*.csv")) if path.stem != "sources" for row in read_table(path))


@cache
def _sources() -> dict[str, str]:
    with (_HERE / "sources.csv").open(encoding="utf-8", newline="") as file:
        return {row["source"]: row["reference"] for row in csv.DictReader(file)}


def _full(row: Reference) -> str:
    return row.doi or "given with --reference"
