# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Carrying out a study with Parsl: its futures are the graph, its executors the machines, its retries the second tries."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from openmmlps.app.output_folder import lock_folder
from openmmlps.app.signals import StopSignals
from openmmlps.protocols import is_protocol

from .driver_token import DriverToken
from .grid import Task
from .page import write_page
from .parsl_config import failure_of, make_config, trouble_of
from .progress import StudyProgress, how_far, is_done, look_at_task, overall, write_progress
from .study_folder import StudyFolder
from .worker import TaskFailedError, run_task

_POLL_S, _SAY_S = 0.2, 2.0
_STOP_S = 120.0  # for the checkpoints of all tasks
_QUIET_S = 10.0  # without any task at work, after a signal
TASK_COMMAND = ("-m", "openmmlps.study.task")


@dataclass
class _Record:
    """What a driver knows of its tasks beyond their folders."""

    failed: dict[str, str] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    furthest: dict[str, tuple[int, int]] = field(default_factory=dict)
    stopping: bool = False
    trouble: str = ""  # why no worker starts


def execute(
    folder: StudyFolder,
    told: Callable[[StudyProgress], None] = lambda progress: None,
    command: tuple[str, ...] = TASK_COMMAND,
) -> StudyProgress:
    """Carry out what is left of a study.

    Parameters
    ----------
    folder : StudyFolder
        locked
    told : callable
        called with the progress every few seconds
    command : tuple of str
        of Python, that carries out a task

    Returns
    -------
    StudyProgress
        at the end: finished, failed or interrupted

    Raises
    ------
    ImportError
        without Parsl
    ValueError
        for an executor that cannot be made
    """
    try:
        import parsl
    except ImportError:
        raise ImportError("study: tasks are carried out by Parsl, which is not installed; pip install parsl") from None
    tasks, executor, record = folder.tasks(), folder.executor(), _Record()
    if all(is_done(folder, task) for task in tasks):
        return _say(folder, tasks, record, "finished", None)
    token = DriverToken(folder.driver)
    by_name = {task.name: task for task in tasks}

    def cost_of_retry(error: Exception, parsl_task: Mapping[str, Any]) -> float:
        """Nothing for a task that came further since the last time; too much for one that cannot succeed."""
        name = parsl_task["args"][1]
        if record.stopping or isinstance(error, TaskFailedError):
            return float("inf")
        record.tries[name] = record.tries.get(name, 0) + 1
        now, before = how_far(folder, by_name[name]), record.furthest.get(name, (0, 0))
        record.furthest[name] = max(now, before)
        return 0.0 if now > before else 1.0

    with (
        _python_path(),
        StopSignals(lambda number: None) as stop,
        parsl.load(make_config(folder, executor, token.value, cost_of_retry)) as kernel,
    ):
        app = parsl.python_app(run_task, data_flow_kernel=kernel)
        futures: dict[str, Any] = {}
        for task in tasks:
            if not is_done(folder, task):
                inputs = [futures[task.needs]] if task.needs in futures else []
                arguments = (str(folder.path), task.name, token.value, executor.threads, list(command))
                futures[task.name] = app(*arguments, inputs=inputs)
        _watch(folder, tasks, futures, record, token, stop, told, lambda: trouble_of(kernel))
        token.withdraw()
        found = _say(folder, tasks, record, _end(record, folder, tasks), None)
    told(found)
    return found


def _watch(
    folder: StudyFolder,
    tasks: list[Task],
    futures: Mapping[str, Any],
    record: _Record,
    token: DriverToken,
    stop: StopSignals,
    told: Callable[[StudyProgress], None],
    trouble: Callable[[], str],
) -> None:
    """Keep status and page true until every task has ended, or a signal came and all have stopped."""
    begun, said, deadline, busy = time.monotonic(), 0.0, float("inf"), float("inf")
    at_first = overall(tasks, [look_at_task(folder, task, {}, {}) for task in tasks])
    while any(not future.done() for future in futures.values()) and time.monotonic() < deadline:
        if stop.received and not record.stopping:
            record.stopping, deadline = True, time.monotonic() + _STOP_S
            token.withdraw()
        if not record.stopping:
            token.touch()
        elif any(map(_locked, map(folder.task, tasks))) or busy == float("inf"):
            busy = time.monotonic()
        elif time.monotonic() - busy > _QUIET_S:
            break  # the rest waits for machines
        _note_failures(futures, record)
        if time.monotonic() - said > _SAY_S:
            said, record.trouble = time.monotonic(), trouble()
            told(_say(folder, tasks, record, "running", (at_first, said - begun)))
        time.sleep(_POLL_S)
    _note_failures(futures, record)


def _locked(path: Path) -> bool:
    """Whether a process works in a protocol folder."""
    if is_protocol(path):
        try:
            os.close(lock_folder(path))
        except ValueError:
            return True
    return False


def _note_failures(futures: Mapping[str, Any], record: _Record) -> None:
    for name, future in futures.items():
        if name not in record.failed and future.done() and not record.stopping and (error := future.exception()):
            record.failed[name] = failure_of(error)


def _end(record: _Record, folder: StudyFolder, tasks: list[Task]) -> str:
    if all(is_done(folder, task) for task in tasks):
        return "finished"
    return "interrupted" if record.stopping else "failed"


def _say(
    folder: StudyFolder, tasks: list[Task], record: _Record, state: str, pace: tuple[float, float] | None
) -> StudyProgress:
    """Write status.json and index.html; `pace`: (fraction done at the start of this driver, seconds since)."""
    now = [look_at_task(folder, task, record.failed, record.tries) for task in tasks]
    if state == "running":
        now = [replace(item, message=record.trouble) if item.state == "waiting" else item for item in now]
    fraction = overall(tasks, now)
    left = None
    if pace and fraction > pace[0]:
        left = (1 - fraction) / (fraction - pace[0]) * pace[1]
    updated = time.strftime("%Y-%m-%d %H:%M:%S")
    found = StudyProgress(folder.read_record()["title"], state, updated, left, fraction, tuple(now))
    write_progress(folder, found)
    write_page(folder, found)
    return found


@contextlib.contextmanager
def _python_path() -> Iterator[None]:
    """Let workers find this package where this process found it."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
