# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The [executor] table of a study as a configuration of Parsl."""

from __future__ import annotations

import os
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .study_folder import StudyFolder
from .study_settings import ExecutorSettings

_FAILED_BLOCKS = 20  # in a row, before the executor counts as broken
_POOL = "parsl.executors.high_throughput.process_worker_pool"


def make_config(folder: StudyFolder, executor: ExecutorSettings, cost_of_retry: Callable[..., float]) -> Any:
    """Make a parsl.Config.

    Parameters
    ----------
    folder : StudyFolder
        in which Parsl keeps its own files
    executor : ExecutorSettings
        where tasks run
    cost_of_retry : callable
        (exception, record of the task) -> part of the retries that it uses up

    Raises
    ------
    ValueError
        for a file of the user that defines no executor
    """
    from parsl.config import Config

    return Config(
        executors=[_own_executor(folder) if executor.kind == "file" else _executor(executor)],
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

    if isinstance(error, DependencyError):
        return "needs a task that failed"
    return str(error) or type(error).__name__


def _own_executor(folder: StudyFolder) -> Any:
    file = folder.inputs / "executor.py"
    found = runpy.run_path(str(file)).get("executor")
    if found is None:
        raise ValueError(f"study: '{file}' defines no 'executor'; name the executor of Parsl in it so")
    return found


def _executor(settings: ExecutorSettings) -> Any:
    from parsl.executors import HighThroughputExecutor
    from parsl.executors.high_throughput import executor as htex
    from parsl.jobs.error_handlers import windowed_error_handler

    workers = settings.workers or settings.gpus or max(1, len(os.sched_getaffinity(0)) // settings.threads)
    local = settings.kind == "local"
    python = shlex.quote(sys.executable)
    return HighThroughputExecutor(
        label="tasks",
        provider=_local(settings) if local else _slurm(settings, workers),
        address="127.0.0.1" if local else settings.address or None,
        max_workers_per_node=workers,
        cores_per_worker=settings.threads if not local else 1e-3,
        available_accelerators=settings.gpus,
        heartbeat_period=max(1, settings.heartbeat_s // 4),
        heartbeat_threshold=settings.heartbeat_s,
        launch_cmd=htex.DEFAULT_LAUNCH_CMD.replace("process_worker_pool.py", f"{python} -m {_POOL}"),
        interchange_launch_cmd=[sys.executable, str(Path(__file__).with_name("interchange.py"))],
        block_error_handler=lambda executor, status: windowed_error_handler(executor, status, _FAILED_BLOCKS),
    )


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
