# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps analyze``, ``report`` and ``status``."""

import contextlib
import datetime
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from .output import LINE_SECONDS, console, report_errors, table
from .references import INTERVAL, REFERENCE, SET, beside_of, quantity


@report_errors
def analyze(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder of a run or protocol, or a trajectory file.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write to. Default: PATH/analysis or PATH-analysis.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="Format of a file: h5md, or ASE's name of it.")] = None,
    elements: Annotated[
        str | None, typer.Option(help="Elements of the types in a file, such as Li,P,S or 1=Li,2=P.")
    ] = None,
    frame_interval: Annotated[
        str | None, typer.Option(help="Time between the frames of a file that has no times, such as '10 fs'.")
    ] = None,
    temperature: Annotated[str | None, typer.Option(help="Temperature of a file, for its conductivity.")] = None,
    mobile: Annotated[str | None, typer.Option(help="Mobile ions. Default: from the composition.")] = None,
    reference: Annotated[list[Path] | None, typer.Option(help=REFERENCE)] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help=SET)] = None,
    unwrap: Annotated[bool, typer.Option("--unwrap", help="Undo the folding of atoms into the box of a file.")] = False,
    no_checks: Annotated[
        bool, typer.Option("--no-checks", help="Do not refuse unlikely units, or positions that look wrapped.")
    ] = False,
) -> None:
    """Analyze a run, a protocol or a trajectory of any program: pictures as PNG and tables as CSV.

    \b
    openmm-lps analyze glass
    openmm-lps analyze dump.lammpstrj --elements Li,P,S --frame-interval "10 fs" -o lammps
    """
    from openmmlps.report import Reading
    from openmmlps.report import analyze as carry_out

    reading = Reading(
        format,
        elements,
        quantity("frame-interval", frame_interval, "time"),
        quantity("temperature", temperature, "temperature"),
        unwrap,
    )
    beside = beside_of(reference, [*(settings or []), *([f"mobile={mobile}"] if mobile else [])])
    with _checks(not no_checks), _progress(path):
        found, target, files = carry_out(path, output, reading, beside)
    out = console()
    out.print(f"{found.title} ({found.subtitle})", soft_wrap=True)
    rows = [(result.quantity, result.value, result.literature or "-") for result in found.results]
    out.print(table(rows, "quantity", "this work (± 95 %)", "published"))
    for warning in found.warnings:
        out.print(f"note: {warning}", soft_wrap=True)
    out.print(f"written: {target}/ ({len(files)} files)", soft_wrap=True)


@report_errors
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of runs and protocols.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="HTML file. Default: DIR/report.html.")] = None,
    title: Annotated[str | None, typer.Option(help="Heading. Default: made from what was run.")] = None,
    frame_interval: Annotated[str | None, typer.Option(help=INTERVAL)] = None,
    reference: Annotated[list[Path] | None, typer.Option(help=REFERENCE)] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help=SET)] = None,
    no_checks: Annotated[bool, typer.Option("--no-checks", help="Do not refuse positions that look wrapped.")] = False,
) -> None:
    """Write one HTML file on runs and protocols; it needs no network.

    Also writes the pictures and tables of each folder into DIR/analysis. Several materials are compared, and the pictures
    and tables of that go into a folder beside the file.

    \b
    openmm-lps report glass glass-transport -o report.html
    """
    from openmmlps.report import Reading, compare, find, reference_findings, write_report

    for path in folders:
        if path.is_file():
            raise ValueError(f"report: '{path}' is a file; give folders, and trajectories to openmm-lps analyze")
    output = output or folders[0] / "report.html"
    if output.suffix.lower() not in (".html", ".htm") or output.is_dir() or not output.resolve().parent.is_dir():
        raise ValueError(f"report: '{output}' cannot be written; give the path of an .html file in an existing folder")
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) != len(names):
        raise ValueError(f"report: two folders have the same name ({', '.join(names)}); rename one")
    found, beside = [], beside_of(reference, settings)
    for folder in folders:
        with _checks(not no_checks), _progress(folder):
            found.append(find(folder, beside=beside))
    reading = Reading(frame_interval_ps=quantity("frame-interval", frame_interval, "time"))
    others = reference_findings(beside, reading)
    for folder, findings in zip(folders, found, strict=True):  # nothing is replaced before all folders could be read
        findings.write(folder / "analysis")
    comparison = compare([*found, *others])
    if comparison:
        comparison.write(output.with_name(f"{output.stem}-comparison"))
    write_report(output, [comparison, *found] if comparison else found, title)
    size = output.stat().st_size / 1e6
    console().print(f"{output} ({size:.1f} MB)", soft_wrap=True)


@report_errors
def status(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of runs and protocols.")],
    watch: Annotated[bool, typer.Option("--watch", help="Refresh until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between refreshes.")] = 2.0,
) -> None:
    """Show where runs and protocols stand.

    \b
    openmm-lps status glass glass-transport --watch
    """
    if not watch:
        console().print(_status_table(folders))
        return
    from rich.live import Live

    with Live(_status_table(folders), console=console(), auto_refresh=False) as live:
        while True:
            time.sleep(max(0.2, interval))
            live.update(_status_table(folders), refresh=True)


def _checks(wanted: bool) -> contextlib.AbstractContextManager[None]:
    """Without checks of plausibility, if they are not wanted."""
    from openmmlps.analysis import no_checks

    return contextlib.nullcontext() if wanted else no_checks()


@contextlib.contextmanager
def _progress(folder: Path) -> Iterator[None]:
    """Show which trajectory is read and how far: in place in a terminal, a line now and then elsewhere."""
    from openmmlps.analysis.trajectory import watch

    out = console()
    line, interval = (None, LINE_SECONDS) if not out.is_terminal else (out.status(Text(str(folder))), 0.1)
    told = time.monotonic()

    def tell(name: str, done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told < interval:
            return
        told, text = time.monotonic(), f"{folder}: {name}, frame {done} of {total}"
        if line is None:
            out.print(text, soft_wrap=True)
        else:
            line.update(Text(text))

    with line or contextlib.nullcontext(), watch(tell):
        yield


def _status_table(folders: Iterable[Path]) -> Table:
    return table(
        [_status_row(folder) for folder in folders], "folder", "what", "state", "done", "left", "now", "updated"
    )


def _status_row(folder: Path) -> tuple[str, ...]:
    from openmmlps.app.quantities import format_clock, format_time

    file = folder / "status.json"
    if not file.is_file():
        raise FileNotFoundError(
            f"status: '{folder}' has no status.json; give the folder of a run or of a protocol that has begun"
        )
    try:
        record = json.loads(file.read_text())
        updated = datetime.datetime.fromisoformat(record["updated"])
        fraction, state = record["fraction_done"], record["state"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"status: '{file}' is damaged ({error}); wait for the next update, or resume the run"
        ) from None
    age = (datetime.datetime.now(datetime.timezone.utc) - updated).total_seconds()
    if state == "running" and age > 60:
        state = "silent"
    if "protocol" in record:
        what, now = record["protocol"], record.get("stage") or ""
    else:
        what, now = record.get("ensemble") or "run", f"{format_time(record['time_ps'])}"
        if record.get("temperature_K") is not None:
            now += f", {record['temperature_K']:.0f} K"
    if record.get("message"):
        now = record["message"]
    left = format_clock(record["seconds_left"]) if record.get("seconds_left") is not None else "-"
    return str(folder), what, state, f"{100 * fraction:.0f} %", left, now, f"{format_clock(age)} ago"
