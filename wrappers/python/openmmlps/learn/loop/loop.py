# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The closed loop: rounds until the model is good enough or the budget is spent, then a second teacher, then a model with its card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from openmmlps.app.replace import replace_file
from openmmlps.learn._folder import differences, locked, read_record, write_record
from openmmlps.learn.labels import identity_of
from openmmlps.learn.validation import BOUNDS

from .correction import correct
from .folder import LoopFolder
from .loop_file import Plan, read_plan
from .page import write_page
from .product import write_product
from .rounds import Interrupted, Work, carry_out
from .settings import StopSettings


@dataclass(frozen=True)
class Learned:
    """What a call of `learn` left."""

    finished: bool  #: False if it was stopped
    reason: str  #: why it ended
    rounds: list[dict[str, Any]]  #: results by round
    correction: dict[str, Any] | None  #: of the second teacher
    model: Path | None  #: native file


def learn(
    file: Path | str,
    output: Path | str,
    *,
    tell: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Learned:
    """Make a model by a closed loop; the same call goes on where an earlier one was stopped or killed.

    Parameters
    ----------
    file : Path or str
        a LEARN.toml
    output : Path or str
        folder of the loop; `result` in it is what it leaves, `learn.html` shows where it is
    tell : callable, optional
        gets sentences about what happens
    stop : callable, optional
        asked now and then whether to stop

    Returns
    -------
    Learned
        results and the model

    Raises
    ------
    ValueError
        for a mistake in the file, a folder of another loop, or a teacher that labels nothing
    ImportError
        for a teacher that is not installed
    OSError
        for a missing file or a full disk
    """
    plan = read_plan(file)
    work = Work(plan, LoopFolder(Path(output)), tell or (lambda text: None), stop or (lambda: False))
    rounds: list[dict[str, Any]] = []
    with locked(work.folder.path, "learn"):
        _check_folder(work)
        try:
            reason = _rounds(work, rounds)
            found = None
            if plan.correction is not None:
                write_page(work, rounds, None, "second teacher")
                work.say(f"second teacher: {plan.correction.potential}")
                found = correct(work, plan.correction, len(rounds) - 1)
            here = work.folder.correction(len(rounds) - 1) if found else work.folder.round(len(rounds) - 1)
            model = write_product(work, here, [*rounds, found] if found else rounds, reason)
        except Interrupted:
            write_page(work, rounds, None, "stopped; the same command goes on")
            return Learned(False, "it was stopped", rounds, None, None)
        write_page(work, rounds, found, "")
        return Learned(True, reason, rounds, found, model)


def _rounds(work: Work, rounds: list[dict[str, Any]]) -> str:
    """Carry out rounds until there is a reason to end, which is returned."""
    reason = ""
    while not reason:
        work.check()
        number = len(rounds)
        write_page(work, rounds, None, f"round {number}")
        rounds.append(carry_out(work, number))
        errors = rounds[-1]["errors"]
        work.say(
            f"round {number}: force {errors['force']:.3f} eV/Å on held-out trajectories, "
            f"{rounds[-1]['training'] + rounds[-1]['held_out']} labels"
        )
        reason = reason_to_end(work.plan.stop, rounds)
    work.say(f"the loop ends: {reason}")
    return reason


def reason_to_end(stop: StopSettings, rounds: Sequence[Mapping[str, Any]]) -> str:
    """Why the loop ends after its last round; empty if it goes on.

    Parameters
    ----------
    stop : StopSettings
        bounds and budgets
    rounds : sequence of mapping
        results, the first one without dynamics
    """
    last = rounds[-1]
    if last["round"] == 0:
        return ""
    errors = last["errors"]
    bounds = {"force": stop.force, "energy shifted": stop.energy, "virial": stop.virial, "slope": stop.slope}
    measured = {name: abs(value - 1) if name == "slope" else value for name, value in errors.items() if name in BOUNDS}
    missed = [name for name, bound in bounds.items() if bound and not measured.get(name, float("inf")) <= bound]
    spent = sum(item["seconds"] for item in rounds)
    reasons = {
        "errors and uncertain frames are within their bounds": not missed and last["uncertain"] <= stop.uncertain,
        "no frame was uncertain and new": not last["asked"],
        f"{stop.rounds} rounds were made": last["round"] >= stop.rounds,
        f"{stop.labels} labels were made": 0 < stop.labels <= last["training"] + last["held_out"],
        f"{stop.hours:g} hours were spent": 0 < 3600 * stop.hours <= spent,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _check_folder(work: Work) -> None:
    """Refuse a folder of another loop. What stands in [stop] may change: it says how far to go."""
    record = _record(work.plan)
    old = read_record(work.folder.record)
    if old is not None and old != record:
        found = "; ".join(
            f"[{name}] " + (differences(old[name], record[name]) if isinstance(record[name], dict) else "differs")
            for name in record
            if old.get(name) != record[name]
        )
        raise ValueError(
            f"learn: '{work.folder.path}' holds a loop with other settings: {found}; choose another folder"
        )
    ours = {".lock", "learn.json.new", work.folder.plan.name}
    if old is None and any(path.name not in ours for path in work.folder.path.iterdir()):
        raise FileExistsError(f"learn: '{work.folder.path}' holds files and no loop; choose another folder")
    write_record(work.folder.record, record)
    if work.plan.path.absolute() != work.folder.plan.absolute():
        replace_file(work.folder.plan, work.plan.text.encode())


def _record(plan: Plan) -> dict[str, Any]:
    """What must be the same when a loop goes on, in terms of JSON."""
    tables: dict[str, Any] = {
        "top": {"seed": plan.top.seed},
        "student": asdict(plan.student),
        "explore": asdict(plan.explore),
        "select": asdict(plan.select),
        "teacher": asdict(plan.teacher),
        "correction": asdict(plan.correction) if plan.correction else {},
    }
    starts = [[start.name, identity_of(start.atoms), list(start.temperatures_K)] for start in plan.starts]
    tables["structures"] = hashlib.sha256(repr(starts).encode()).hexdigest()[:16]
    for table in tables.values():
        for key, value in table.items() if isinstance(table, dict) else ():
            table[key] = list(value) if isinstance(value, tuple) else value
    return tables
