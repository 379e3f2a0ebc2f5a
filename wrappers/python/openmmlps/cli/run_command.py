# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps run``."""

from __future__ import annotations

import ast
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import ConsoleMonitor, console, report_errors, table

if TYPE_CHECKING:
    from openmmlps.app.runner import RunResult

_MODEL, _LENGTH, _MACHINE = "What is simulated", "How long and how often", "Where it runs"


@report_errors
def run(
    structure: Annotated[
        str | None,
        typer.Argument(
            help="Name of a packaged structure ([bold]openmm-lps structures[/]) or any file that ASE reads."
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="Format of the structure file by ASE's name, as lammps-data. Default: from its name and content.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    elements: Annotated[
        str | None,
        typer.Option(
            help="Element of each type, as Li,P,S, for files that number types: LAMMPS, POSCAR of VASP 4.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    no_checks: Annotated[
        bool,
        typer.Option("--no-checks", help="Take atoms nearer than 0.5 Å in the structure file.", rich_help_panel=_MODEL),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model file, of DeePMD-kit or native, or [bold]lps-fast[/]; or another potential: ase:module.Class?key=value, sevenn:NAME, openmmml:NAME\\[:FILE]. Default: the packaged Li-P-S model, [bold]lps[/].",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    supercell: Annotated[
        str | None,
        typer.Option(
            help="Repeats, as 2x2x2 or 2,2,2; or a matrix, as [[1,1,0],[-1,1,0],[0,0,1]].", rich_help_panel=_MODEL
        ),
    ] = None,
    ensemble: Annotated[str | None, typer.Option(help="nve, nvt or npt. Default: nvt.", rich_help_panel=_MODEL)] = None,
    temperature: Annotated[
        str | None, typer.Option(help="Bare numbers in K. Default: 300 K.", rich_help_panel=_MODEL)
    ] = None,
    pressure: Annotated[
        str | None, typer.Option(help="For npt; bare numbers in bar. Default: 1 bar.", rich_help_panel=_MODEL)
    ] = None,
    barostat: Annotated[
        str | None,
        typer.Option(help="For npt: isotropic, anisotropic or flexible. Default: isotropic.", rich_help_panel=_MODEL),
    ] = None,
    friction: Annotated[
        str | None,
        typer.Option(
            help="Of the Langevin thermostat; bare numbers in 1/ps. Default: 1 /ps. "
            "Diffusion wants 0.1 or less, or nve.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Of velocities, thermostat and barostat. Default: random, and recorded.", rich_help_panel=_MODEL
        ),
    ] = None,
    velocities: Annotated[
        str | None,
        typer.Option(
            help="At the start: random, or file, those of the structure. Default: random.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    minimize: Annotated[
        bool | None, typer.Option("--minimize", help="Minimize the energy first.", rich_help_panel=_MODEL)
    ] = None,
    stop_on_extrapolation: Annotated[
        float | None,
        typer.Option(
            metavar="GRADE",
            help="End the run at a grade above this, as 2, and store frames above 1. For a model that was calibrated.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    repulsion: Annotated[
        bool | None,
        typer.Option(
            "--repulsion",
            help="Add a repulsion of nuclei at distances that no reference data have, for starts with atoms too close.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(help="Bare numbers in ps. Default: 5 ps. With --resume: the new length.", rich_help_panel=_LENGTH),
    ] = None,
    timestep: Annotated[
        str | None, typer.Option(help="Bare numbers in fs. Default: 1 fs.", rich_help_panel=_LENGTH)
    ] = None,
    equilibrate: Annotated[
        str | None,
        typer.Option(
            help="Thermostatted time at constant volume before the run, not written. Default: none.",
            rich_help_panel=_LENGTH,
        ),
    ] = None,
    report_interval: Annotated[
        str | None,
        typer.Option(
            help="Between lines of thermo.csv; bare numbers in ps. Default: 50 steps.", rich_help_panel=_LENGTH
        ),
    ] = None,
    trajectory_interval: Annotated[
        str | None,
        typer.Option(
            help="Between frames of trajectory.h5; bare numbers in ps. Default: the report interval.",
            rich_help_panel=_LENGTH,
        ),
    ] = None,
    checkpoint_interval: Annotated[
        str | None,
        typer.Option(help="Clock time between checkpoints; bare numbers in s. Default: 60 s.", rich_help_panel=_LENGTH),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(
            help="Reference, CPU, OpenCL, CUDA, HIP or auto. Default: auto, the fastest.", rich_help_panel=_MACHINE
        ),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="single, mixed, double or auto. Default: auto.", rich_help_panel=_MACHINE)
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Of the CPU platform. Default: all cores.", rich_help_panel=_MACHINE)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder of the run. Default: STRUCTURE-ENSEMBLE-TEMPERATURE.",
            rich_help_panel=_MACHINE,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the run in --output from its checkpoint.", rich_help_panel=_MACHINE),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a run that exists in --output.", rich_help_panel=_MACHINE)
    ] = False,
) -> None:
    """Run molecular dynamics of a structure under a Deep Potential.

    Writes thermo.csv, trajectory.h5 (H5MD, unwrapped positions), checkpoint.zip,
    status.json, run.png and a copy of its inputs.
    Quantities take a unit, as in "2 ps", "1 atm", "0.1 /ps".

    \b
    openmm-lps run beta-Li3PS4 --temperature 600 --time "5 ps"
    openmm-lps run POSCAR --model graph.pb --ensemble npt --barostat flexible -o npt
    openmm-lps run --resume -o npt                   # after Ctrl-C, a kill, a reboot
    openmm-lps run --resume -o npt --time "50 ps"    # to make it longer
    """
    from openmmlps.app import runner
    from openmmlps.app.run_settings import RunSettings

    texts = {
        "temperature": temperature,
        "pressure": pressure,
        "friction": friction,
        "timestep": timestep,
        "time": time,
        "equilibrate": equilibrate,
        "checkpoint_interval": checkpoint_interval,
        "report_interval": report_interval,
        "trajectory_interval": trajectory_interval,
    }
    given = {
        "structure": structure,
        "format": format,
        "elements": elements,
        "checks": False if no_checks else None,
        "velocities": velocities and velocities.lower(),
        "model": model or None,
        "supercell": parse_supercell(supercell) if supercell else None,
        "ensemble": ensemble and ensemble.lower(),
        "barostat": barostat and barostat.lower(),
        "seed": seed,
        "minimize": minimize,
        "stop_grade": stop_on_extrapolation,
        "repulsion": repulsion,
        "platform": platform,
        "precision": precision and precision.lower(),
        "threads": threads,
        **_quantities({name: text for name, text in texts.items() if text}),
    }
    given = {name: value for name, value in given.items() if value is not None}
    if resume:
        _conclude(_resume(output, overwrite, given))
        return
    if structure is None:
        raise ValueError("run: no STRUCTURE given; name a packaged structure or a file (see 'openmm-lps structures')")
    given.setdefault("seed", secrets.randbelow(2**31 - 4097) + 1)
    settings = RunSettings(**given)
    folder = output or Path(f"{Path(structure).stem}-{settings.ensemble}-{settings.temperature:g}K")
    with ConsoleMonitor() as monitor:
        result = runner.start(folder, settings, overwrite=overwrite, monitor=monitor)
    _conclude(result)


_DIMENSIONS = {
    "temperature": ("temperature", None),
    "pressure": ("pressure", None),
    "friction": ("rate", None),
    "timestep": ("time", "fs"),
    "checkpoint_interval": ("clock time", None),
}


def _quantities(texts: dict[str, str]) -> dict[str, Any]:
    """Settings of RunSettings from quantities with units; intervals become steps."""
    from openmmlps.app.quantities import parse
    from openmmlps.app.run_settings import RunSettings

    values: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            values[name] = parse(text, *_DIMENSIONS.get(name, ("time", None)))
        except ValueError as error:
            raise ValueError(f"--{name.replace('_', '-')}: {error}") from None
    if "checkpoint_interval" in values:
        values["checkpoint_seconds"] = values.pop("checkpoint_interval")
    step = values.get("timestep", RunSettings.timestep)
    for name in ("report_interval", "trajectory_interval"):
        if name in values:
            values[name] = round(values[name] / step) if step else 0
    if "report_interval" in values:
        values.setdefault("trajectory_interval", values["report_interval"])
    return values


def parse_supercell(text: str) -> tuple[Any, ...]:
    """Read '2x2x2', '2,2,2', '2 2 2' or a matrix in brackets as tuples.

    Raises
    ------
    ValueError
        for anything else; the numbers themselves are checked where the supercell is made
    """
    try:
        if text.strip().startswith(("[", "(")):
            value = ast.literal_eval(text)
            return tuple(tuple(row) if isinstance(row, (list, tuple)) else row for row in value)
        return tuple(int(part) for part in text.replace("x", " ").replace(",", " ").split())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"--supercell: '{text}' is not a supercell; give for example 2x2x2") from None


def _resume(output: Path | None, overwrite: bool, given: dict[str, Any]) -> RunResult:
    from openmmlps.app import runner
    from openmmlps.app.run_folder import RunFolder

    if output is None:
        raise ValueError("resume: which run? name its folder with --output")
    if overwrite:
        raise ValueError("resume: --resume continues a run and --overwrite replaces it; give one of them")
    with RunFolder.open(output) as folder:
        frozen = folder.read_settings()
    changeable = ("time", "platform", "threads", "checkpoint_seconds")
    different = {
        name: value for name, value in given.items() if name not in changeable and value != getattr(frozen, name)
    }
    if different:
        listed = ", ".join(f"{name} {getattr(frozen, name)} (not {value})" for name, value in different.items())
        raise ValueError(
            f"resume: the run in '{output}' has {listed}; only --time, --platform, --threads and "
            "--checkpoint-interval may change, start a new run for the rest"
        )
    with ConsoleMonitor() as monitor:
        return runner.resume(output, {k: v for k, v in given.items() if k in changeable}, monitor=monitor)


def _conclude(result: RunResult) -> None:
    from openmmlps.app.quantities import format_clock, format_time
    from openmmlps.app.thermo_file import read_thermo
    from openmmlps.report.thermo_section import run_summary

    out = console()
    where = f"{format_time(result.step * result.timestep)} of {format_time(result.total_steps * result.timestep)}"
    if result.state == "interrupted":
        text = f"Interrupted at {where}; continue with: openmm-lps run --resume --output {result.folder}"
        out.print(text, soft_wrap=True)
        raise typer.Exit(128 + (result.signal or 0))
    rows = [("simulated", f"{where} on {result.platform}")]
    if result.ns_per_day == result.ns_per_day:
        rows[0] = (
            "simulated",
            f"{where} on {result.platform}, {result.ns_per_day:.3g} ns/day, {format_clock(result.seconds)}",
        )
    rows += run_summary(read_thermo(result.folder / "thermo.csv"), result.ensemble, result.atoms)
    files = [name for name in ("thermo.csv", "trajectory.h5", "run.png") if (result.folder / name).is_file()]
    rows.append(("written", f"{result.folder}/ ({', '.join(files)})"))
    out.print(table(rows))
