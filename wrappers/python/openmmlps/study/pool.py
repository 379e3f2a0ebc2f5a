# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Parsl's worker pool, which ends with the driver: `python pool.py driver.json TOKEN HEARTBEAT_S ARGUMENTS`.

A pool that begins after its driver was killed would wait for an answer until the walltime of its job. Run as a file, so
that it does not import OpenMM.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time
from pathlib import Path
from typing import Any

POLL_S = 0.5
_CHECKPOINT_S = 90.0  # as long as tasks may take to end


def _end_with(watch: Any) -> None:
    """Wait until the driver is gone, then for the tasks, which see it too, then end with all workers."""
    import psutil  # type: ignore[import-untyped]

    while not watch.gone():
        time.sleep(POLL_S)
    here = psutil.Process()
    workers = here.children()
    deadline = time.monotonic() + _CHECKPOINT_S
    while any(_tasks(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    for worker in workers:
        try:
            worker.kill()
        except psutil.NoSuchProcess:
            continue
    os._exit(0)


def _tasks(worker: Any) -> list[Any]:
    """What a worker has started."""
    import psutil

    try:
        found: list[Any] = worker.children()
    except psutil.NoSuchProcess:
        return []
    return found


if __name__ == "__main__":
    from driver_watch import DriverWatch  # type: ignore[import-not-found]  # beside this file

    sys.path.pop(0)  # the modules beside this file are no top-level modules
    file, token, heartbeat = sys.argv[1:4]
    del sys.argv[1:4]
    threading.Thread(target=_end_with, args=(DriverWatch(Path(file), token, float(heartbeat)),), daemon=True).start()
    # As the main module, since workers look their function up there.
    runpy.run_module("parsl.executors.high_throughput.process_worker_pool", run_name="__main__", alter_sys=True)
