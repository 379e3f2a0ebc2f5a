# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a study costs, before it begins: processor hours from a short timing or a stated speed, and disk."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openmmlps.app.engine import engine_for
from openmmlps.app.platforms import make_simulation
from openmmlps.app.run_settings import RunSettings
from openmmlps.app.structure_files import load

from .grid import Grid, Task

_TIMED_S = 1.0
_TIMED_ATOMS = 200


@dataclass(frozen=True)
class Cost:
    """Of some tasks."""

    tasks: int
    atoms: int  #: of the largest
    work: float  #: atoms times steps
    core_hours: float
    disk_bytes: float


def costs(grid: Grid, speeds: dict[str, float], threads: int) -> dict[tuple[str, str, str], Cost]:
    """Costs by model, material and task.

    Parameters
    ----------
    grid : Grid
        of the study
    speeds : dict
        model -> atoms times steps per second, of a task with its threads
    threads : int
        of each task
    """
    groups: dict[tuple[str, str, str], list[Task]] = {}
    for task in grid.tasks:
        groups.setdefault((task.model, task.material, task.task), []).append(task)
    return {key: _cost(group, speeds[key[0]], threads) for key, group in groups.items()}


def _cost(tasks: Iterable[Task], speed: float, threads: int) -> Cost:
    tasks = list(tasks)
    work = sum(task.work for task in tasks)
    hours = work / speed * threads / 3600
    return Cost(len(tasks), max(task.atoms for task in tasks), work, hours, sum(task.disk_bytes for task in tasks))


def measure_speed(model: bytes, elements: Iterable[str], platform: str, threads: int) -> float:
    """Time a short run of atoms of a model at random places.

    Parameters
    ----------
    model : bytes
        frozen file of a model
    elements : iterable of str
        that the model knows
    platform : str
        name, or 'auto'
    threads : int
        of the CPU platform

    Returns
    -------
    float
        atoms times steps per second
    """
    import openmm
    from ase import Atoms

    elements = list(elements)
    side = round(_TIMED_ATOMS ** (1 / 3))
    places = 2.7 * np.array([(i, j, k) for i in range(side) for j in range(side) for k in range(side)], float)
    symbols = [elements[number % len(elements)] for number in range(len(places))]
    structure = load(Atoms(symbols, places, cell=[2.7 * side] * 3, pbc=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(model)
        settings = RunSettings(structure="timing", platform=platform, threads=threads, timestep=1e-5, temperature=1.0)
        engine = engine_for(path)
        system = engine.make_system(structure.topology, path, settings)
    simulation, _ = make_simulation(
        structure.topology, system, lambda: openmm.VerletIntegrator(1e-5), settings, engine.kernel
    )
    simulation.context.setPositions(structure.positions)
    simulation.step(2)
    steps, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < _TIMED_S:
        simulation.step(5)
        simulation.context.getState(energy=True)  # GPU platforms work ahead; this waits for them
        steps += 5
    return len(places) * steps / (time.perf_counter() - begun)
