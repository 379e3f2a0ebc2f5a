# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings as one HTML file that needs no network: pictures, tables, data and the three-dimensional view are inside it."""

import base64
import datetime
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from openmmlps.app.h5md_reporter import package_version
from openmmlps.app.replace import replace_file
from openmmlps.observables import OBSERVABLES

from .content import Figure, Findings, Snapshot, Table

_HERE = Path(__file__).parent
#: sections of several folders are put in this order
SECTION_ORDER = ("elastic", "relax", "thermal", *(observable.name for observable in OBSERVABLES), "thermodynamics")
_NARROW = 58  # characters that fit into half the width of the page


def write_report(path: Path | str, findings: Sequence[Findings], title: str | None = None) -> None:
    """Write the report of one or several folders.

    Parameters
    ----------
    path : Path or str
        of the HTML file; replaced as a whole, once all of it is there
    findings : sequence of Findings
        one for each folder
    title : str, optional
        heading; None: made from what was run

    Raises
    ------
    OSError
        such as a full disk; an older file is kept
    """
    replace_file(path, render(findings, title).encode())


def render(
    findings: Sequence[Findings],
    title: str | None = None,
    *,
    kind: str = "Simulation report",
    heads: tuple[str, str] = ("This work (± 95 %)", "Published"),
    made: str = "What was run",
) -> str:
    """The report as HTML text.

    Parameters
    ----------
    findings : sequence of Findings
        one for each part
    title : str, optional
        heading; None: made from what was run
    kind : str
        what stands above the heading
    heads : tuple of str
        columns of the results at a glance: values, and what they are compared with
    made : str
        heading of the methods

    Returns
    -------
    str
        a whole page
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"formula": _formula, "cell": _cell}
    parts = [_part(number, found) for number, found in enumerate(findings, 1)]
    said: set[str] = set()
    for part in parts:  # a warning that several folders share is shown once
        part["warnings"] = [text for text in dict.fromkeys(part["found"].warnings) if text not in said]
        said.update(part["warnings"])
    snapshots = [snapshot for found in findings for snapshot in found.snapshots]
    numbers = {"figure": 0, "table": 0}
    for part in parts:
        for section in part["sections"]:
            # Wide tables come last, so that they leave no gap in the two columns.
            items = sorted(section["items"], key=lambda item: isinstance(item, Table) and _wide(item))
            section["items"] = [_item(item, numbers) for item in items]
    sources = _cited(findings)
    return environment.get_template("template.html").render(
        title=title or _title(findings),
        kind=kind,
        heads=heads,
        made=made,
        parts=parts,
        findings=findings,
        sources=sources,
        snapshots=[_view(snapshot) for snapshot in snapshots],
        created=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        version=package_version(),
        style=(_HERE / "style.css").read_text(),
        viewer=(_HERE / "viewer.js").read_text(),
    )


def _title(findings: Sequence[Findings]) -> str:
    return (
        findings[0].title
        if len(findings) == 1 or findings[0].kind == "comparison"
        else " · ".join(found.title for found in findings)
    )


def _part(number: int, found: Findings) -> dict[str, Any]:
    order = {key: index for index, key in enumerate(SECTION_ORDER)}
    sections = list(found.sections)
    if found.kind != "comparison":  # which has an order of its own
        sections.sort(key=lambda section: order.get(section.key, len(order)))
    return {
        "number": number,
        "found": found,
        "sections": [
            {
                "title": s.title,
                "id": f"s{number}-{s.key}",
                "paragraphs": s.paragraphs,
                "items": s.items,
                "half": len(s.items) == 1 and not s.paragraphs,  # two such sections share a row
            }
            for s in sections
            if s.items or s.paragraphs
        ],
    }


def _item(item: Figure | Table, numbers: dict[str, int]) -> dict[str, Any]:
    kind = "figure" if isinstance(item, Figure) else "table"
    numbers[kind] += 1
    shared = {
        "kind": kind,
        "number": numbers[kind],
        "name": item.name,
        "caption": item.caption,
        "csv": _data_uri("text/csv;charset=utf-8", item.to_csv().encode()),
    }
    if isinstance(item, Figure):
        png = item.picture.png
        width, height = _png_size(png)
        return {**shared, "png": png and _data_uri("image/png", png), "width": width, "height": height}
    return {**shared, "columns": item.heads, "rows": item.rows, "note": item.note, "wide": _wide(item)}


def _wide(table: Table) -> bool:
    """Whether a table needs the whole width of the page; headings may break into lines, values may not."""
    widths = [max(map(len, heading.split() or [""])) for heading in table.heads]
    for row in table.rows:
        widths = [max(width, len(str(value))) for width, value in zip(widths, row, strict=True)]
    return sum(widths) + 2 * len(widths) > _NARROW


def _cited(findings: Sequence[Findings]) -> list[tuple[str, str]]:
    """Sources named in results, captions and columns, short and in full."""
    joined = " ".join([result.literature for found in findings for result in found.results] + _texts(findings))
    known = {
        short: full
        for found in findings
        for sample in found.samples
        if sample.references
        for short, full in sample.references.sources.items()
    }
    return [(short, full) for short, full in known.items() if f"({short})" in joined]


def _texts(findings: Iterable[Findings]) -> list[str]:
    """Captions, column names and paragraphs, where sources are named too."""
    texts = []
    for found in findings:
        for section in found.sections:
            texts += section.paragraphs
            for item in section.items:
                texts.append(item.caption)
                if isinstance(item, Table):
                    texts += [f"({column.split(' (')[0]})" for column in item.columns]
    return texts


def _png_size(png: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the header."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _view(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as JSON that may stand in a script element."""
    record = {
        "title": snapshot.title,
        "symbols": list(snapshot.symbols),
        "positions": [[round(float(x), 3) for x in row] for row in snapshot.positions],
        "cell": [[float(x) for x in row] for row in snapshot.cell],
        "bonds": [list(pair) for pair in snapshot.bonds],
        "formers": list(snapshot.formers),
        "ligands": list(snapshot.ligands),
        "grades": [round(grade, 2) for grade in snapshot.grades],
    }
    return {"title": snapshot.title, "json": Markup(json.dumps(record, separators=(",", ":")).replace("<", "\\u003c"))}


def _formula(text: str) -> Markup:
    """Anions such as PS4(3-) and symbols such as D_σ with subscripts, as HTML; other text is only escaped."""

    def replace(match: re.Match[str]) -> str:
        formula, charge, star = match.groups()
        formula = re.sub(r"(\d+)", r"<sub>\1</sub>", formula)
        size = charge[:-1] if charge[:-1] != "1" else ""
        return f"{formula}<sup>{size}{'−' if charge[-1] == '-' else '+'}</sup>{star}"

    pattern = r"\b((?:[A-Z][a-z]?\d*)+)\((\d*[+-])\)(\*?)"
    marked = re.sub(pattern, replace, str(escape(text)))
    return Markup(re.sub(r"([σDGC])_(NE|σ|s|d|\d\d)(?![a-zA-Z])", r"\1<sub>\2</sub>", marked))


def _cell(value: Any) -> str:
    """Content of a table cell; numbers with at most four significant digits, whole ones as they are."""
    return f"{value:.4g}" if isinstance(value, float) else _formula(str(value))
