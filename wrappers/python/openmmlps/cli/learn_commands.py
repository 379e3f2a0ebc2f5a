# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps train``, ``validate``, ``label``, ``calibrate``, ``dispersion`` and ``learn``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from .output import console, fail, report_errors, table

_KEYS = "Names of the labels in files, as energy=REF_energy,forces=REF_forces,virial=virial."
_DATA = "DeePMD systems, folders of them, extended XYZ, ASE databases."


@report_errors
def train(
    data: Annotated[list[Path], typer.Argument(metavar="DATA...", help=_DATA)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the training.")],
    start: Annotated[
        str | None, typer.Option("--from", help="Model to start from, of any format; it may lack elements.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="Clock time of the training. Default: 30 min.")] = None,
    steps: Annotated[int | None, typer.Option(help="Number of batches, instead of --time.")] = None,
    size: Annotated[str, typer.Option(help="lps or lps-fast: sizes of the packaged models.")] = "lps",
    cutoff: Annotated[float, typer.Option(help="Cutoff of the descriptor in Å.")] = 6.0,
    split: Annotated[
        str, typer.Option(help="What is held out: the end of every system (time), whole systems (trajectory), random.")
    ] = "time",
    hold_out: Annotated[float, typer.Option(help="Fraction of the frames that is held out.")] = 0.1,
    held_out: Annotated[
        list[Path] | None, typer.Option("--held-out", metavar="DATA", help="Frames for validation; repeatable.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="First learning rate. Default: 5e-3, or 1e-3 from a model.")
    ] = None,
    keys: Annotated[str | None, typer.Option(help=_KEYS)] = None,
    seed: Annotated[int, typer.Option(help="Of weights and order of frames.")] = 1,
    threads: Annotated[int, typer.Option(help="Threads to use; more help only on cores that are idle.")] = 1,
) -> None:
    """Train a Deep Potential of any elements; the same command goes on after a kill.

    \b
    openmm-lps train labelled.extxyz -o model --time "30 min"
    openmm-lps train new.extxyz -o finer --from lps --steps 5000
    """
    from openmmlps.app.quantities import parse
    from openmmlps.app.signals import StopSignals
    from openmmlps.learn import train as carry_out
    from openmmlps.learn.data import parse_keys
    from openmmlps.learn.training import TrainSettings

    if time is not None and steps is not None:
        raise ValueError("train: --time and --steps are given; give one of them")
    seconds = parse(time or "30 min", "clock time") if steps is None else None
    settings = TrainSettings(
        size=size, cutoff=cutoff, time=seconds, steps=steps, rate=rate, split=split, hold_out=hold_out, seed=seed
    )
    out = console()
    rows = _Rows()
    with StopSignals(lambda number: out.print("stopping; what was trained is kept")) as signals:
        found = carry_out(
            data,
            output,
            settings,
            start=start,
            held_out=held_out or (),
            keys=parse_keys(keys) if keys else None,
            threads=threads,
            report=rows.add,
            tell=lambda text: out.print(text, soft_wrap=True),
            stop=lambda: signals.received is not None,
        )
    if not found.finished:
        out.print(f"Interrupted after {found.steps} batches; give the same command to go on.", soft_wrap=True)
        raise typer.Exit(128 + (signals.received or 0))
    lines = [("trained", f"{found.steps} batches")]
    lines += [(name.split("_")[0] + " error", f"{value:g} {_unit(name)}") for name, value in found.errors.items()]
    lines += [("written", f"{found.model}, {found.deepmd}, learning-curve.png")]
    out.print(table(lines))


@report_errors
def validate(
    model: Annotated[
        str, typer.Argument(help="Model file, name of a packaged model, ase:module.Class?key=value or sevenn:NAME.")
    ],
    data: Annotated[list[Path], typer.Argument(metavar="DATA...", help=_DATA)],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file.")] = Path("validation.html"),
    committee: Annotated[
        list[str] | None, typer.Option(help="Further models, whose spread is compared with the error; repeatable.")
    ] = None,
    keys: Annotated[str | None, typer.Option(help=_KEYS)] = None,
    must: Annotated[
        list[str] | None,
        typer.Option(help="Bound, as force=0.1 (eV/Å), energy=5 (meV/atom), slope=0.03 or force.Li=0.08; repeatable."),
    ] = None,
    stability: Annotated[
        str | None, typer.Option(help="Length of short runs from the first frames, as '5 ps'.")
    ] = None,
    temperature: Annotated[
        str | None, typer.Option(help="Of these runs. Default: the highest of the frames, or 600 K.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads to use.")] = 1,
) -> None:
    """Measure a potential against labelled frames and write a page; exit code 1 if a bound of --must is not met.

    \b
    openmm-lps validate model/model.safetensors held-out.extxyz --must force=0.1
    """
    from openmmlps.app.quantities import parse
    from openmmlps.learn import validate as carry_out
    from openmmlps.learn.data import parse_keys
    from openmmlps.learn.validation import parse_bounds, write_page

    if output.suffix.lower() not in (".html", ".htm") or output.is_dir() or not output.resolve().parent.is_dir():
        raise ValueError(
            f"validate: '{output}' cannot be written; give the path of an .html file in an existing folder"
        )
    out = console()
    found = carry_out(
        model,
        data,
        committee=committee or (),
        keys=parse_keys(keys) if keys else None,
        bounds=parse_bounds(must or ()),
        stability_ps=parse(stability, "time") if stability else 0.0,
        kelvin=parse(temperature, "temperature") if temperature else None,
        threads=threads,
        tell=lambda text: out.print(text, soft_wrap=True),
    )
    write_page(found, output)
    names = ("energy", "energy shifted", "force", "virial", "slope")
    units = ("meV/atom", "meV/atom", "eV/Å", "meV/atom", "")
    rows = [
        (name, f"{found.errors[name]:.4g} {unit}".strip())
        for name, unit in zip(names, units, strict=True)
        if name in found.errors
    ]
    out.print(table([*rows, ("written", f"{output}, {output.with_suffix('.json')}")]))
    if found.failures:
        fail("; ".join(found.failures), 1)


@report_errors
def label(
    structures: Annotated[
        list[Path], typer.Argument(metavar="STRUCTURES...", help="Files that ASE reads; every frame.")
    ],
    teacher: Annotated[
        str,
        typer.Option(
            "--with",
            help="cp2k:TEMPLATE (pbe, pbe-d3, pbe-d3bj; -k with k-points), ase:module.Class?key=value, sevenn:NAME.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the labels.")],
    cp2k: Annotated[str, typer.Option(help="Program of CP2K, as 'mpirun -n 8 cp2k.psmp'.")] = "cp2k",
    cutoff: Annotated[int | None, typer.Option(help="Plane wave cutoff in Ry. Default: that of the elements.")] = None,
    walltime: Annotated[str | None, typer.Option(help="Longest time of one calculation of CP2K, as '2 h'.")] = None,
    threads: Annotated[int, typer.Option(help="OpenMP threads of CP2K.")] = 1,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what was discarded.")] = False,
    largest_force: Annotated[float, typer.Option(help="Of an atom, eV/Å; more is discarded.")] = 50.0,
    largest_net_force: Annotated[
        float, typer.Option(help="Of a component of the sum over atoms, eV/Å; more is discarded.")
    ] = 0.05,
) -> None:
    """Label structures with energies, forces and stress; the same command goes on after a kill.

    \b
    openmm-lps label frames.extxyz --with cp2k:pbe-k -o labels
    openmm-lps label frames.extxyz --with sevenn:7net-l3i5 -o distilled
    """
    from openmmlps.app.quantities import parse
    from openmmlps.app.signals import StopSignals
    from openmmlps.learn import label as carry_out
    from openmmlps.learn.labels import open_teacher

    limit = parse(walltime, "clock time") if walltime else None
    out = console()
    asked = open_teacher(teacher, command=cp2k, threads=threads, walltime=limit, cutoff=cutoff)
    with StopSignals(lambda number: out.print("stopping; every label is kept")) as signals:
        found = carry_out(
            structures,
            output,
            asked,
            retry=retry,
            largest_force=largest_force,
            largest_net_force=largest_net_force,
            tell=lambda text: out.print(text, soft_wrap=True),
            stop=lambda: signals.received is not None,
        )
    counts = f"{found.labelled} labels ({found.made} new), {len(found.discarded)} discarded"
    out.print(f"{found.file}: {counts}", soft_wrap=True)
    if not found.finished:
        out.print("Interrupted; give the same command to go on.")
        raise typer.Exit(128 + (signals.received or 0))
    if found.discarded:
        fail(f"label: {len(found.discarded)} structures were discarded; the reasons are in discarded.extxyz", 1)


@report_errors
def calibrate(
    model: Annotated[str, typer.Argument(help="Model file of any format, or a packaged name.")],
    frames: Annotated[list[Path], typer.Argument(metavar="DATA...", help=f"The domain, as of the training. {_DATA}")],
    held_out: Annotated[
        list[Path], typer.Option("--held-out", metavar="DATA", help="Frames that were not trained on; repeatable.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Native model file to write.")],
    keys: Annotated[str | None, typer.Option(help=_KEYS)] = None,
    threads: Annotated[int, typer.Option(help="Threads to use.")] = 1,
) -> None:
    """Give a model the uncertainty of its own forces, and the grade that says whether an atom is unlike its domain.

    \b
    openmm-lps calibrate model.safetensors train/ --held-out test/ -o calibrated.safetensors
    openmm-lps run glass.extxyz --model calibrated.safetensors --stop-on-extrapolation 2
    """
    from openmmlps._files import existing_model
    from openmmlps.importers import import_model
    from openmmlps.learn.calibration import calibrate as carry_out
    from openmmlps.learn.data import parse_keys, read_data

    if not output.resolve().parent.is_dir():
        raise ValueError(f"calibrate: '{output}' cannot be written; give a file in an existing folder")
    names = parse_keys(keys) if keys else None
    found = carry_out(
        import_model(existing_model(model)), read_data(frames, names), read_data(held_out, names), threads
    )
    found.model.write(output)
    rows = [
        (
            name,
            f"{found.atoms[name]} atoms; error of force {found.errors[name]:.3f} eV/Å; correlation {found.within[name]:.2f}",
        )
        for name in found.atoms
    ]
    rows += [
        ("all", f"correlation of uncertainty and error {found.correlation:.2f}"),
        ("held out", f"{100 * found.beyond:.1f} % of the frames have a grade above 1"),
        ("written", str(output)),
    ]
    console().print(table(rows))


@report_errors
def dispersion(
    data: Annotated[list[Path], typer.Argument(metavar="DATA...", help=_DATA)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Extended XYZ file to write.")],
    damping: Annotated[str, typer.Option(help="d3 (zero damping) or d3bj (Becke and Johnson).")] = "d3bj",
    remove: Annotated[bool, typer.Option("--remove", help="Take the correction off instead of adding it.")] = False,
    keys: Annotated[str | None, typer.Option(help=_KEYS)] = None,
) -> None:
    """Add DFT-D3 of PBE to the labels of frames, or take it off.

    \b
    openmm-lps dispersion labels/labelled.extxyz -o with-d3.extxyz
    """
    from openmmlps.learn.data import parse_keys
    from openmmlps.learn.dispersion import correct_files

    if not output.resolve().parent.is_dir():
        raise ValueError(f"dispersion: '{output}' cannot be written; give a file in an existing folder")
    count = correct_files(data, output, damping, -1 if remove else 1, keys=parse_keys(keys) if keys else None)
    console().print(f"written: {output}, {count} frames", soft_wrap=True)


@report_errors
def learn(
    plan: Annotated[
        Path, typer.Argument(metavar="LEARN.toml", help="What to do; or a structure, whose file is then written.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the loop.")],
    teacher: Annotated[
        str | None, typer.Option("--with", help="Teacher for a structure: sevenn:NAME, cp2k:TEMPLATE, ase:...")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check the file and say what would be done.")] = False,
) -> None:
    """Make a model by a closed loop of labels, training and dynamics; the same command goes on after a kill.

    \b
    openmm-lps learn cell.cif --with sevenn:7net-l3i5 -o loop
    openmm-lps learn LEARN.toml -o loop
    """
    from openmmlps.app.signals import StopSignals
    from openmmlps.learn.loop import describe_plan, plan_of_structure, read_plan
    from openmmlps.learn.loop import learn as carry_out

    out = console()
    if plan.suffix.lower() != ".toml":
        plan = plan_of_structure(plan, teacher, output)
        out.print(f"written: {plan}; change it to your needs", soft_wrap=True)
    elif teacher is not None:
        raise ValueError("learn: --with belongs to a structure; a LEARN.toml names its teacher itself")
    if check:
        out.print(table(describe_plan(read_plan(plan))))
        return
    with StopSignals(lambda number: out.print("stopping; what was made is kept")) as signals:
        found = carry_out(
            plan,
            output,
            tell=lambda text: out.print(text, soft_wrap=True),
            stop=lambda: signals.received is not None,
        )
    if not found.finished:
        out.print("Interrupted; give the same command to go on.")
        raise typer.Exit(128 + (signals.received or 0))
    errors = found.correction["steps"]["second teacher"] if found.correction else found.rounds[-1]["errors"]
    lines = [("ended", found.reason), ("force error", f"{errors['force']:.3g} eV/Å (held out)")]
    lines += [("slope of forces", f"{errors['slope']:.3f}"), ("written", f"{found.model}, CARD.md, learn.html")]
    out.print(table(lines))


def _unit(name: str) -> str:
    return name.split("_", 1)[1].replace("_per_", "/").replace("angstrom", "Å") + " (held out)"


class _Rows:
    """Lines of the learning curve as the rows of a table, one every few seconds."""

    def __init__(self) -> None:
        self._out, self._next = console(), 0.0

    def add(self, line: Mapping[str, float]) -> None:
        """Print a line, if the last one is old enough."""
        from openmmlps.app.quantities import format_clock

        if line["elapsed"] < self._next:
            return
        if not self._next:
            self._out.print("Root mean square errors in eV/Å and meV/atom; those held out in brackets.")
            self._out.print("   batch     time     rate   force            energy   virial")
        self._next = line["elapsed"] + 5.0
        energy, virial = (1e3 * line[f"{name}_trn"] for name in ("energy", "virial"))
        held = f"{line['force_trn']:.3f} ({line['force_val']:.3f})"
        start = f"{line['step']:8.0f} {format_clock(line['elapsed']):>8s} {line['rate']:8.1e}"
        self._out.print(f"{start}   {held:14s} {energy:8.1f} {virial:8.1f}", soft_wrap=True)
