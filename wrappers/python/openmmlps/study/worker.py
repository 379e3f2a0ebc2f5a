# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What Parsl calls on a worker: a task as a process of its own, so that neither its end nor its memory is the worker's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class TaskFailedError(Exception):
    """A task found wrong input, or its dynamics blew up: another try would end the same way."""


class TaskStoppedError(Exception):
    """A task was stopped or killed: another try goes on from its checkpoint."""


def run_task(folder: str, name: str, token: str, threads: int, command: list[str], inputs: Any = ()) -> str:
    """Carry out a task of a study.

    Parameters
    ----------
    folder : str
        of the study
    name : str
        of the task
    token : str
        of the driver
    threads : int
        of libraries of linear algebra
    command : list of str
        that is given folder, name and token
    inputs : list
        what was waited for; for Parsl

    Returns
    -------
    str
        the name

    Raises
    ------
    TaskFailedError, TaskStoppedError
        with the last line that it printed
    """
    log = Path(folder) / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {key: str(threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    with open(log, "ab") as file:
        process = subprocess.run(
            [sys.executable, *command, folder, name, token],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            check=False,
        )
    if process.returncode == 0:
        return name
    lines = log.read_text(errors="replace").strip().splitlines()
    message = lines[-1] if lines else "it printed nothing"
    if process.returncode in (1, 2):
        raise TaskFailedError(message)
    raise TaskStoppedError(f"ended with code {process.returncode}: {message}")
