# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps study``: ``study FILE -o DIR``, ``study status DIR``, ``study report DIR``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from .output import LINE_SECONDS, console, report_errors, table
from .references import INTERVAL, REFERENCE, SET, beside_of, quantity

if TYPE_CHECKING:
    from rich.console import Console

    from openmmlps.study import Grid, Study, StudyProgress


class _Group(TyperGroup):
    """`study FILE` is `study run FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""A whole grid of materials, temperatures and tasks from one file, on all cores or a cluster.

    \b
    openmm-lps study zhou2023 --size toy -o zhou
    openmm-lps study status zhou
    openmm-lps study report zhou
    """,
)


@app.command("run")
@report_errors
def run(
    file: Annotated[str | None, typer.Argument(help="Study file, or the name of a shipped one.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the study.")] = None,
    size: Annotated[str, typer.Option(help="A size that the file offers, such as toy.")] = "",
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]MODEL",
            help="Model file, packaged name, ase:, sevenn: or openmmml:, instead of those of the file; repeatable.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue what is in --output; of a FILE only the executor is taken."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --output.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print tasks, core hours and disk, and do nothing.")
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(help="Atoms times steps per second of a task, for --dry-run. Default: measured.", min=1.0),
    ] = None,
) -> None:
    """Carry out a study; 'run' may be left out.

    \b
    openmm-lps study zhou2023 --size toy -o zhou
    openmm-lps study my.toml --dry-run
    openmm-lps study --resume -o zhou
    """
    from openmmlps.study import StudyFolder, expand, read_executor, read_study

    if resume:
        if output is None:
            raise ValueError("study: which one to continue? name its folder with --output")
        if overwrite or size or model or dry_run:
            raise ValueError(
                "study: --resume continues what is there; leave --overwrite, --size, --model and --dry-run out"
            )
        with StudyFolder.open(output) as folder:
            if file:
                folder.change_executor(read_executor(file))
            _execute(folder)
        return
    if file is None:
        raise ValueError("study: which one? give a study file, or --resume with --output")
    study = read_study(file, size, _models(model))
    grid = expand(study)
    if dry_run:
        _print_costs(study, grid, speed)
        return
    output = output or Path(f"{study.path.stem}{'-' + size if size else ''}")
    _check_parsl()
    with StudyFolder.create(output, study, grid, overwrite) as folder:
        _execute(folder)


@app.command("status")
@report_errors
def status(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the study.")],
    watch: Annotated[bool, typer.Option("--watch", help="Refresh until it ends, or Ctrl-C.")] = False,
) -> None:
    """Show where every task of a study stands."""
    from openmmlps.study import StudyFolder, read_progress

    folder = StudyFolder.look(path)
    found = read_progress(folder)
    out = _wide_console()
    if not watch:
        out.print(_progress_table(found))
        return
    from rich.live import Live

    with Live(_progress_table(found), console=out, auto_refresh=False) as live:
        while found.state == "running":
            time.sleep(2)
            found = read_progress(folder)
            live.update(_progress_table(found), refresh=True)


@app.command("report")
@report_errors
def report(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the study.")],
    title: Annotated[str, typer.Option(help="Heading. Default: the title of the study.")] = "",
    frame_interval: Annotated[str | None, typer.Option(help=INTERVAL)] = None,
    reference: Annotated[list[Path] | None, typer.Option(help=REFERENCE)] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help=SET)] = None,
) -> None:
    """Write DIR/report.html on what is finished: materials compared, replicas and temperatures of a task together.

    Pictures and tables go into DIR/report.
    """
    from openmmlps.report import Reading
    from openmmlps.study import StudyFolder
    from openmmlps.study.joined import write_study_report

    reading = Reading(frame_interval_ps=quantity("frame-interval", frame_interval, "time"))
    beside = beside_of(reference, settings)
    page, problems = write_study_report(StudyFolder.look(path), title, beside, reading)
    for problem in problems:
        console().print(f"note: {problem}", soft_wrap=True)
    console().print(f"{page} ({page.stat().st_size / 1e6:.1f} MB)", soft_wrap=True)


def _wide_console() -> Console:
    """A console that shortens no name where there is no terminal."""
    out = console()
    if not out.is_terminal:
        out.width = 200
    return out


def _models(given: list[str] | None) -> dict[str, str]:
    """Models by name, of options NAME=FILE or FILE; other potentials too, which may hold a '=' of their own."""
    from openmmlps.potentials import parse_name

    found: dict[str, str] = {}
    for text in given or []:
        name, separator, source = text.partition("=")
        potential = parse_name(text)
        if potential is not None:
            name, source = potential.short, text
        elif not separator:
            name, source = Path(text).name.split(".")[0], text
        if name in found:
            raise ValueError(f"--model: '{name}' is given twice; tell them apart with NAME=FILE")
        found[name] = source
    return found


def _check_parsl() -> None:
    from importlib.util import find_spec

    if find_spec("parsl") is None:
        raise ImportError("study: tasks are carried out by Parsl, which is not installed; pip install parsl")


def _execute(folder: Any) -> None:
    from openmmlps.study import execute

    out, said = console(), 0.0

    def tell(found: StudyProgress) -> None:
        nonlocal said
        if time.monotonic() - said > (2.0 if out.is_terminal else LINE_SECONDS):
            said = time.monotonic()
            out.print(_line(found), soft_wrap=True)

    out.print(
        f"watch it: openmm-lps study status {folder.shown} --watch, or open {folder.shown}/index.html", soft_wrap=True
    )
    found = execute(folder, tell)
    for task in found.tasks:
        if task.state == "failed":
            out.print(f"{task.name}: {task.message}", soft_wrap=True)
    out.print(f"{found.state}: {found.counts()}", soft_wrap=True)
    if found.state == "finished":
        out.print(f"openmm-lps study report {folder.shown}", soft_wrap=True)
        return
    out.print(f"continue with: openmm-lps study --resume -o {folder.shown}", soft_wrap=True)
    raise typer.Exit(1 if found.state == "failed" else 130)


def _line(found: StudyProgress) -> str:
    from openmmlps.app.quantities import format_clock

    left = f", {format_clock(found.seconds_left)} left" if found.seconds_left is not None else ""
    waits = next((item.message for item in found.tasks if item.state == "waiting" and item.message), "")
    return f"{100 * found.fraction:.0f} %: {found.counts()}{left}{'; ' + waits if waits else ''}"


def _progress_table(found: StudyProgress) -> Table:
    from openmmlps.app.quantities import format_clock

    rows = [
        (
            item.name,
            item.state,
            f"{100 * item.fraction:.0f} %",
            f"{item.ns_per_day:.3g} ns/day" if item.ns_per_day else "-",
            format_clock(item.seconds_left) if item.seconds_left is not None else "-",
            item.message or item.stage,
        )
        for item in found.tasks
    ]
    return table(
        rows, "task", "state", "done", "speed", "left", "now", title=f"{found.title}, {found.state}: {_line(found)}"
    )


def _print_costs(study: Study, grid: Grid, speed: float | None) -> None:
    from openmmlps.app.quantities import format_clock
    from openmmlps.study.estimate import costs, measure_speed

    executor, out = study.executor, _wide_console()
    if speed is None:
        speeds = {
            name: measure_speed(content, known["elements"], executor.platform, executor.threads)
            for name, (content, known) in grid.models.items()
        }
        out.print("\n".join(f"{name}: {value:,.0f} atoms x steps a second, measured" for name, value in speeds.items()))
    else:
        speeds = dict.fromkeys(grid.models, speed)
    found = costs(grid, speeds, executor.threads)
    rows = [
        (*key, str(cost.tasks), f"{cost.atoms:,}", f"{cost.core_hours:,.2f}", f"{cost.disk_bytes / 1e9:.2f}")
        for key, cost in found.items()
    ]
    total = sum(cost.core_hours for cost in found.values())
    rows.append(
        (
            "all",
            "",
            "",
            str(len(grid.tasks)),
            "",
            f"{total:,.2f}",
            f"{sum(c.disk_bytes for c in found.values()) / 1e9:.2f}",
        )
    )
    out.print(table(rows, "model", "material", "task", "folders", "atoms", "core hours", "disk (GB)"))
    longest = max(task.work / speeds[task.model] for task in grid.tasks)
    out.print(f"the longest task takes {format_clock(longest)} with {executor.threads} thread(s)", soft_wrap=True)
