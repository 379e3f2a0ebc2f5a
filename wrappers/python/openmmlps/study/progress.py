# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where the tasks of a study stand, read from their folders."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from openmmlps.app import status

from .grid import Task
from .study_folder import StudyFolder

_SILENT_S = 60.0
STATES = ("done", "running", "waiting", "failed", "skipped")


@dataclass(frozen=True)
class TaskProgress:
    """Where a task stands."""

    name: str
    state: str  #: one of STATES
    fraction: float  #: that is done
    stage: str
    ns_per_day: float | None
    seconds_left: float | None
    message: str
    tries: int


@dataclass(frozen=True)
class StudyProgress:
    """Where a study stands."""

    title: str
    state: str  #: 'running', 'finished', 'failed', 'interrupted', or 'silent': the driver was killed
    updated: str
    seconds_left: float | None
    fraction: float  #: of all atoms times steps
    tasks: tuple[TaskProgress, ...]

    def counts(self) -> str:
        """Number of tasks in each state, as '3 done, 2 running'."""
        found = [(sum(task.state == state for task in self.tasks), state) for state in STATES]
        return ", ".join(f"{number} {state}" for number, state in found if number)


def is_done(folder: StudyFolder, task: Task) -> bool:
    """Whether the protocol of a task is finished."""
    return bool(_status(folder.task(task)).get("state") == "finished")


def how_far(folder: StudyFolder, task: Task) -> tuple[int, int]:
    """Stages of a task that are done, and the last checkpoint of the run in progress."""
    record = _status(folder.task(task))
    run = _status(folder.task(task) / str(record.get("stage") or ""))
    return sum(bool(stage["done"]) for stage in record.get("stages", [])), int(run.get("checkpoint_step") or 0)


def look_at_task(folder: StudyFolder, task: Task, failed: Mapping[str, str], tries: Mapping[str, int]) -> TaskProgress:
    """Where a task stands.

    Parameters
    ----------
    folder : StudyFolder
        of the study
    task : Task
        of it
    failed : mapping
        task -> what the driver knows of its failure
    tries : mapping
        task -> number of attempts that ended early
    """
    record = _status(folder.task(task))
    state, message, stage = "waiting", failed.get(task.name, ""), str(record.get("stage") or "")
    if record.get("state") == "finished":
        state = "done"
    elif task.name in failed:
        state = "skipped" if message.startswith("needs ") else "failed"
    elif record.get("state") == "running" and _age(record) < _SILENT_S:
        state = "running"
    run = _status(folder.task(task) / stage) if state == "running" and stage else {}
    return TaskProgress(
        task.name,
        state,
        1.0 if state == "done" else float(record.get("fraction_done") or 0.0),
        stage,
        run.get("ns_per_day"),
        record.get("seconds_left") if state == "running" else None,
        message,
        tries.get(task.name, 0),
    )


def write_progress(folder: StudyFolder, found: StudyProgress) -> None:
    """Write status.json of a study, which `openmm-lps status` understands too."""
    shared = {"protocol": "study", "fraction_done": found.fraction, "stage": found.counts()}
    status.write_status(folder.status, **asdict(found), **shared)


def read_progress(folder: StudyFolder) -> StudyProgress:
    """Where a study stands: what its driver last wrote, and the folders of the tasks as they are now."""
    record = _status(folder.path)
    tasks, said = folder.tasks(), {item["name"]: item for item in record.get("tasks", [])}
    failed = {name: item["message"] for name, item in said.items() if item["state"] in ("failed", "skipped")}
    tries = {name: item["tries"] for name, item in said.items()}
    state = record.get("state", "silent")
    if state == "running" and _age(record) > _SILENT_S:
        state = "silent"
    now = [look_at_task(folder, task, failed, tries) for task in tasks]
    if state == "running":  # why it waits, only the driver knows
        now = [replace(item, message=said[item.name]["message"]) if _waits(item, said) else item for item in now]
    title = record.get("title") or folder.read_record()["title"]
    left = record.get("seconds_left") if state == "running" else None
    return StudyProgress(title, state, record.get("updated", ""), left, overall(tasks, now), tuple(now))


def overall(tasks: Sequence[Task], progress: Iterable[TaskProgress]) -> float:
    """Fraction of the work of all tasks that is done."""
    total = sum(task.work for task in tasks)
    return sum(task.work * item.fraction for task, item in zip(tasks, progress, strict=True)) / total if total else 1.0


def _waits(item: TaskProgress, said: Mapping[str, Any]) -> bool:
    return item.state == "waiting" and item.name in said


def _status(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((path / "status.json").read_text()))
    except (OSError, ValueError):
        return {}


def _age(record: Mapping[str, Any]) -> float:
    try:
        updated = datetime.datetime.fromisoformat(record["updated"])
    except (KeyError, ValueError):
        return float("inf")
    return (datetime.datetime.now(datetime.timezone.utc) - updated).total_seconds()
