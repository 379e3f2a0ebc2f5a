# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""One task of a study as a process: `python -m openmmlps.study.task DIR TASK TOKEN`.

Exit codes: 0 done, 1 the dynamics failed, 2 wrong input, 3 stopped by a signal or because nobody waits for it any more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from openmmlps import protocols
from openmmlps.app.monitor import Monitor
from openmmlps.app.output_folder import FolderInUse, lock_folder
from openmmlps.app.stability import RunFailed
from openmmlps.protocols import is_protocol
from openmmlps.protocols.states import write_atoms

from .driver_watch import DriverWatch
from .grid import Task
from .kinds import KINDS
from .slabs import heights, stack_result
from .study_folder import StudyFolder

STOPPED = 3
_POLL_S, _AGAIN_S = 0.5, 5.0
_GRACE_S = 90.0  # between the wish to stop and the end, for a checkpoint


class _Log(Monitor):
    """Writes what a protocol says into the log of the task."""

    def message(self, text: str) -> None:
        """Write a sentence; from a signal handler too, so it must not fail."""
        with contextlib.suppress(OSError, RuntimeError):
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {os.getpid()} {text}", flush=True)

    def stage(self, name: str, number: int, total: int) -> None:
        """Write which stage begins."""
        self.message(f"stage {number} of {total}: {name}")


def main(arguments: list[str]) -> int:
    """Carry out a task from wherever it is; the exit code."""
    path, name, token = arguments
    folder = StudyFolder.look(path)
    task = next(task for task in folder.tasks() if task.name == name)
    executor = folder.executor()
    watch = DriverWatch(folder.driver, token, executor.heartbeat_s)
    if reason := watch.gone():
        print(f"stopped: {reason}")
        return STOPPED
    threading.Thread(target=_stop_when_alone, args=(watch, os.getppid()), daemon=True).start()
    while True:
        _wait_for(folder.task(task))
        try:
            result = carry_out(folder, task)
        except FolderInUse:
            continue  # another one has waited too, and was first
        except RunFailed as error:
            print(error)
            return 1
        except (ValueError, OSError) as error:
            print(error)
            return 2
        return 0 if result.state == "finished" else STOPPED


def carry_out(folder: StudyFolder, task: Task, engine: Any = None) -> protocols.ProtocolResult:
    """Start or continue the protocol of a task.

    Parameters
    ----------
    folder : StudyFolder
        of the study
    task : Task
        whose needs are done
    engine : object, optional
        what drives the runs

    Raises
    ------
    RunFailed, ValueError, OSError
        as of the protocol
    """
    kind, executor = KINDS[task.kind], folder.executor()
    machine = {"platform": executor.platform, "threads": executor.threads, "checkpoint_s": executor.checkpoint_s}
    target = folder.task(task)
    if is_protocol(target):
        return kind.protocol.resume(target, machine, engine, _Log())
    values = task.settings | machine | {"model": str(folder.model(task.model))}
    if task.needs:
        values["structure"] = str(folder.tasks_folder / task.needs)
    if task.stack:
        atoms, path = stack_result(task.stack, folder.tasks_folder / task.needs), folder.stacked(task)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atoms(path, atoms)
        values["structure"] = str(path)
        values.setdefault("interfaces", heights(atoms))
    for key in ("structure", "start"):
        if str(values.get(key, "")).startswith("inputs/"):
            values[key] = str(folder.path / values[key])
    settings = kind.protocol.settings.from_values(values, "study.json")
    return kind.protocol.start(target, settings, overwrite=True, engine=engine, monitor=_Log())


def _wait_for(target: Path) -> None:
    """Wait until a process of an earlier driver has left the folder; it was told to."""
    target.mkdir(parents=True, exist_ok=True)
    while True:
        with contextlib.suppress(FolderInUse):
            os.close(lock_folder(target))
            return
        time.sleep(_POLL_S)


def _stop_when_alone(watch: DriverWatch, parent: int) -> None:
    """End this process when the worker that started it, or the driver, is gone: with a checkpoint if there is a run."""
    while not (reason := "the worker is gone" if os.getppid() != parent else watch.gone()):
        time.sleep(_POLL_S)
    print(f"stopped: {reason}", flush=True)
    deadline = time.monotonic() + _GRACE_S
    while (
        time.monotonic() < deadline
    ):  # once is not enough: one stage may have ended with the signal, and the next begun
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_AGAIN_S)
    os._exit(STOPPED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
