# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The page of a loop: what each round brought, in the form of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openmmlps.app.quantities import format_clock
from openmmlps.app.replace import replace_file
from openmmlps.report.content import Figure, Findings, Headline, Section, Table, rows_of
from openmmlps.report.html import render
from openmmlps.report.style import SERIES, picture

from .product import licence_of
from .rounds import Work

_REFRESH = 30  # s, while it runs


def write_page(
    work: Work, rounds: Sequence[Mapping[str, Any]], correction: Mapping[str, Any] | None, state: str
) -> None:
    """Replace learn.html.

    Parameters
    ----------
    work : Work
        what is done
    rounds : sequence of mapping
        results of the rounds so far
    correction : mapping, optional
        result of the second teacher
    state : str
        what is going on; empty once all is done
    """
    plan = work.plan
    found = Findings("", "learn", plan.top.title or plan.top.name, state or "complete")
    found.results = _results(work, rounds, correction)
    found.methods = [
        ("state", state or "complete"),
        ("elements", ", ".join(plan.elements)),
        ("teacher", f"{plan.teacher.potential} ({licence_of(plan.teacher)})"),
        ("second teacher", plan.correction.potential if plan.correction else "none"),
        ("students", f"{plan.student.members} of the size {plan.student.start or plan.student.size}"),
        ("starts", ", ".join(f"{start.name} ({len(start.atoms)} atoms)" for start in plan.starts)),
        (
            "temperatures",
            ", ".join(f"{kelvin:g} K" for kelvin in sorted({t for s in plan.starts for t in s.temperatures_K})),
        ),
    ]
    found.warnings = _warnings(rounds)
    found.add(_rounds(rounds), _figures(rounds), _correction(correction))
    text = render([found], kind="Learning", heads=("Now", "Wanted"), made="What is done")
    if state:
        text = text.replace("<head>", f'<head>\n<meta http-equiv="refresh" content="{_REFRESH}">', 1)
    replace_file(work.folder.page, text.encode(), synchronise=False)


def _results(work: Work, rounds: Sequence[Mapping[str, Any]], correction: Mapping[str, Any] | None) -> list[Headline]:
    if not rounds:
        return []
    last, stop = rounds[-1], work.plan.stop
    errors = correction["steps"]["second teacher"] if correction else last["errors"]

    def bound(value: float, unit: str) -> str:
        return f"at most {value:g} {unit}".strip() if value else ""

    lines = [Headline("force, held-out trajectories", f"{errors['force']:.3g} eV/Å", bound(stop.force, "eV/Å"))]
    if "energy shifted" in errors:
        value = f"{errors['energy shifted']:.3g} meV/atom"
        lines.append(Headline("energy, constants per element fitted", value, bound(stop.energy, "meV/atom")))
    if "virial" in errors:
        lines.append(Headline("virial", f"{errors['virial']:.3g} meV/atom", bound(stop.virial, "meV/atom")))
    lines.append(Headline("slope of forces", f"{errors['slope']:.3f}", bound(stop.slope, "from 1")))
    if "uncertain" in last:
        share = f"{100 * last['uncertain']:.1f} %"
        detail = f"deviation above {stop.deviation:g} eV/Å, or discarded"
        lines.append(Headline("uncertain frames", share, f"at most {100 * stop.uncertain:g} %", detail))
    labels = last["training"] + last["held_out"]
    lines.append(Headline("labels", str(labels), bound(stop.labels, ""), f"{last['held_out']} of them held out"))
    hours = sum(item["seconds"] for item in rounds) / 3600
    lines.append(Headline("time of all rounds", format_clock(3600 * hours), bound(stop.hours, "h")))
    return lines


def _warnings(rounds: Sequence[Mapping[str, Any]]) -> list[str]:
    said = []
    discarded = sum(item["discarded"] for item in rounds)
    if discarded:
        said.append(f"The teacher gave no label for {discarded} frames; the reasons are in labels/discarded.extxyz.")
    resets = rounds[-1].get("resets", 0) if rounds else 0
    if resets:
        said.append(f"In the last round walkers began anew {resets} times: the model does not hold everywhere yet.")
    return said


def _rounds(rounds: Sequence[Mapping[str, Any]]) -> Section | None:
    if not rounds:
        return None
    rows = []
    for item in rounds:
        errors = item["errors"]
        share = f"{100 * item['uncertain']:.1f}" if "uncertain" in item else "–"
        rows.append(
            (
                item["round"],
                item.get("frames", "–"),
                item.get("resets", "–"),
                share,
                item.get("deviation", "–"),
                f"{item['asked']}" + (f" ({item['discarded']} discarded)" if item["discarded"] else ""),
                item["training"],
                item["held_out"],
                errors["force"],
                errors.get("energy shifted", "–"),
                errors["slope"],
                format_clock(item["seconds"]),
            )
        )
    columns = (
        "round", "frames", "anew", "uncertain (%)", "mean deviation (eV/Å)", "asked", "training", "held out",
        "force (eV/Å)", "energy (meV/atom)", "slope", "time",
    )  # fmt: skip
    section = Section("rounds", "Round by round")
    section.paragraphs.append("Round 0 has displaced frames of the starts, and no dynamics of a student.")
    section.add(
        Table(
            "rounds",
            "Frames of the walks, how often walkers began anew, labels, and errors on held-out trajectories.",
            columns,
            tuple(rows),
        )
    )
    return section


def _figures(rounds: Sequence[Mapping[str, Any]]) -> Section | None:
    if len(rounds) < 2:
        return None
    numbers = [float(item["round"]) for item in rounds]
    force = [item["errors"]["force"] for item in rounds]
    walked = [item for item in rounds if "uncertain" in item]

    def errors(axes: Any) -> None:
        axes.plot(numbers, force, "o-", color=SERIES[0])
        axes.set(xlabel="round", ylabel="force error (eV/Å)", ylim=(0, None), xticks=numbers)

    def uncertain(axes: Any) -> None:
        rounds_ = [item["round"] for item in walked]
        axes.plot(rounds_, [100 * item["uncertain"] for item in walked], "o-", color=SERIES[1])
        axes.set(xlabel="round", ylabel="uncertain frames (%)", ylim=(0, None), xticks=rounds_)

    section = Section("progress", "What the rounds brought")
    section.add(
        Figure(
            "force",
            "Error of the forces on held-out trajectories, which grow from round to round.",
            picture(errors),
            ("round", "force (eV/Å)"),
            rows_of(numbers, force),
        )
    )
    if walked:
        columns = ([item["round"] for item in walked], [item["uncertain"] for item in walked])
        section.add(
            Figure("uncertain", "Share of uncertain frames.", picture(uncertain), ("round", "share"), rows_of(*columns))
        )
    return section


def _correction(found: Mapping[str, Any] | None) -> Section | None:
    if found is None:
        return None
    rows = tuple(
        (name, values["force"], values["slope"], values.get("energy shifted", "–"), values.get("virial", "–"))
        for name, values in found["steps"].items()
    )
    section = Section("correction", "What each teacher gave")
    section.paragraphs.append(
        f"{found['training']} frames were labelled by the second teacher to train on, and {found['held_out']} of walkers that "
        f"were never trained on to measure. The factor that fits the forces of the first best is {found['factor']:.3f}."
    )
    columns = ("step", "force (eV/Å)", "slope", "energy (meV/atom)", "virial (meV/atom)")
    section.add(Table("correction", "Errors against labels of the second teacher.", columns, rows))
    return section
