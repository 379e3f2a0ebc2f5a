# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The [executor] table of a study as a configuration of Parsl."""

from __future__ import annotations

import os
import runpy
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .study_folder import StudyFolder
from .study_settings import ExecutorSettings

_FAILED_BLOCKS = 20  # in a row, before the executor counts as broken
_LONGEST = 400  # characters of what a job left


def make_config(
    folder: StudyFolder, executor: ExecutorSettings, token: str, cost_of_retry: Callable[..., float]
) -> Any:
    """Make a parsl.Config.

    Parameters
    ----------
    folder : StudyFolder
        in which Parsl keeps its own files
    executor : ExecutorSettings
        where tasks run
    token : str
        of the driver
    cost_of_retry : callable
        (exception, record of the task) -> part of the retries that it uses up

    Raises
    ------
    ValueError
        for a file of the user that defines no executor, or programs of a cluster that are not there
    """
    from parsl.config import Config

    return Config(
        executors=[_own_executor(folder) if executor.kind == "file" else _executor(folder, executor, token)],
        retries=executor.retries,
        retry_handler=cost_of_retry,
        run_dir=str(folder.path / "parsl"),
        strategy="simple",
        strategy_period=2,
        exit_mode="cleanup",
        initialize_logging=False,
    )


def failure_of(error: BaseException) -> str:
    """What a person wants to know of a task that failed for good."""
    from parsl.dataflow.errors import DependencyError
    from parsl.executors.errors import BadStateException

    if isinstance(error, DependencyError):
        return "needs a task that failed"
    if isinstance(error, BadStateException):
        return str(error.reason)
    return str(error) or type(error).__name__


def trouble_of(kernel: Any) -> str:
    """Why no worker starts: what the newest job of an executor left when it failed, in one line, or an empty string."""
    return next(filter(None, (_trouble(getattr(item, "status_facade", {})) for item in kernel.executors.values())), "")


def _trouble(status: Mapping[str, Any], jobs: int = 1) -> str:
    """The same of a map block -> status, if the newest jobs failed all."""
    newest = [status[block] for block in sorted(status, key=int)[-jobs:]]
    if len(newest) < jobs or any(job.state.name not in ("FAILED", "MISSING") for job in newest):
        return ""
    text = newest[-1].message or newest[-1].stderr_summary or newest[-1].stdout_summary or "its job failed"
    return f"no worker starts ({' '.join(text.split())[-_LONGEST:]}); correct [executor], then --resume FILE"


def _give_up(executor: Any, status: Mapping[str, Any]) -> None:
    """Fail all tasks when jobs have failed for too often."""
    if problem := _trouble(status, _FAILED_BLOCKS):
        executor.set_bad_state_and_fail_all(RuntimeError(problem))


def _own_executor(folder: StudyFolder) -> Any:
    file = folder.inputs / "executor.py"
    found = runpy.run_path(str(file)).get("executor")
    if found is None:
        raise ValueError(f"study: '{file}' defines no 'executor'; name the executor of Parsl in it so")
    return found


def _executor(folder: StudyFolder, settings: ExecutorSettings, token: str) -> Any:
    from parsl.executors import HighThroughputExecutor
    from parsl.executors.high_throughput import executor as htex

    workers = settings.workers or settings.gpus or max(1, len(os.sched_getaffinity(0)) // settings.threads)
    local = settings.kind == "local"
    missing = [] if local else [name for name in ("sbatch", "squeue", "scancel") if shutil.which(name) is None]
    if missing:
        raise ValueError(
            f"study: kind is 'slurm' in [executor], but {' and '.join(missing)} cannot be found; start the study where "
            "Slurm's commands are, or give kind = 'local'"
        )
    pool = [
        sys.executable,
        str(Path(__file__).with_name("pool.py")),
        str(folder.driver),
        token,
        str(settings.heartbeat_s),
    ]
    return HighThroughputExecutor(
        label="tasks",
        provider=_local(settings) if local else _slurm(settings, workers),
        address="127.0.0.1" if local else settings.address or None,
        max_workers_per_node=workers,
        cores_per_worker=settings.threads if not local else 1e-3,
        available_accelerators=settings.gpus,
        heartbeat_period=max(1, settings.heartbeat_s // 4),
        heartbeat_threshold=settings.heartbeat_s,
        launch_cmd=htex.DEFAULT_LAUNCH_CMD.replace("process_worker_pool.py", _braces(shlex.join(pool))),
        interchange_launch_cmd=[sys.executable, str(Path(__file__).with_name("interchange.py"))],
        block_error_handler=_give_up,
    )


def _braces(text: str) -> str:
    """Keep braces of a path from being filled in by Parsl, which formats the command twice."""
    return text.replace("{", "{{{{").replace("}", "}}}}")


def _local(settings: ExecutorSettings) -> Any:
    from parsl.providers import LocalProvider

    return LocalProvider(init_blocks=1, max_blocks=1)


def _slurm(settings: ExecutorSettings, workers: int) -> Any:
    from parsl.launchers import SimpleLauncher, SrunLauncher
    from parsl.providers import SlurmProvider

    return SlurmProvider(
        partition=settings.partition or None,
        account=settings.account or None,
        nodes_per_block=settings.nodes,
        cores_per_node=settings.cores or workers * settings.threads,
        gpus_per_node=settings.gpus or None,
        walltime=settings.walltime,
        init_blocks=1,
        max_blocks=settings.jobs,
        scheduler_options=settings.options,
        worker_init=f"export PYTHONPATH={shlex.quote(os.environ['PYTHONPATH'])}\n{settings.setup}",
        exclusive=settings.exclusive,
        launcher=SrunLauncher() if settings.nodes > 1 else SimpleLauncher(),
    )
