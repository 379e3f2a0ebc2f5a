#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""How much faster a study of independent tasks is with two workers: needs two idle cores.

    python benchmarks/study_throughput.py [--tasks 24] [--steps 1500]

The same study, transport of beta-Li3PS4 at one temperature in many replicas, with one worker and one thread, with one
worker and two threads, and with two workers of one thread each. Prints tasks an hour, and fails if two workers have
less than 1.9 times the throughput of one, or less than one worker with two threads.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from openmmlps.study import StudyFolder, execute, expand, read_study

STUDY = """
title = "throughput"
replicas = {tasks}
temperatures_K = [600]
[[material]]
name = "beta-Li3PS4"
structure = "beta-Li3PS4"
supercell = [1, 1, 2]
[task.transport]
timestep_fs = 1
cell_time_ps = {cell}
equilibration_time_ps = {cell}
production_time_ps = {production}
[executor]
workers = {workers}
threads = {threads}
platform = "CPU"
"""
WAYS = {"one worker, one thread": (1, 1), "one worker, two threads": (1, 2), "two workers, one thread each": (2, 1)}


def seconds(folder: Path, tasks: int, steps: int, workers: int, threads: int) -> float:
    """Clock time of a study from the start of its driver to its end."""
    times = {"cell": steps / 5000, "production": steps * 3 / 5000}
    file = folder / "study.toml"
    file.write_text(STUDY.format(tasks=tasks, workers=workers, threads=threads, **times))
    study = read_study(file)
    with StudyFolder.create(folder / f"{workers}-{threads}", study, expand(study)) as made:
        begun = time.monotonic()
        found = execute(made)
        if found.state != "finished":
            sys.exit(f"study_throughput: {found.counts()}; look into {made.logs}")
        return time.monotonic() - begun


def main() -> None:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=24)
    parser.add_argument("--steps", type=int, default=15000, help="of each task, about")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {name: seconds(Path(folder), given.tasks, given.steps, *way) for name, way in WAYS.items()}
    for name, time_s in found.items():
        print(f"{name:30s} {time_s:8.1f} s {3600 * given.tasks / time_s:8.0f} tasks/h")
    alone, threads, workers = found.values()
    print(
        f"two workers against one: {alone / workers:.2f} (at least 1.9); against two threads: {threads / workers:.2f} (at least 1)"
    )
    sys.exit(not (alone / workers >= 1.9 and threads / workers >= 1))


if __name__ == "__main__":
    main()
