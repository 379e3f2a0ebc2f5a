#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Long soak: constant-energy molecular dynamics of a small glass on the CPU platform, over as many runs as it takes.

    python tests/soak/soak.py                   # begins or continues build/soak; Ctrl-C or SIGTERM ends it after the current block
    python tests/soak/soak.py --hours 1         # the same, for an hour of wall time
    python tests/soak/soak.py --report          # only the table

The folder holds ``soak.csv``, one row per block of steps, and ``state.xml``, the State at its last row; both are replaced as a whole, and
rows beyond the State are dropped on continuation, so a kill at any moment costs one block. Time 0 of the drift is the first block. The goal is 24 hours of processor time.

Columns: step; time (ps); run (how often it was started); wall (s) and processor (s) of the block; memory (MiB, resident, at its end);
energy and spread (meV/atom: mean of the total energy less that of the first block, and standard deviation); temperature (K, mean).
"""

import argparse
import contextlib
import csv
import os
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np
import openmm

import openmmlps

GOAL_HOURS = 24.0
TIME_STEP = 0.001  # ps
COLUMNS = ["step", "time", "run", "wall", "processor", "memory", "energy", "spread", "temperature"]
GAS_CONSTANT = 0.00831446261815324  # kJ/mol/K
MILLIELECTRONVOLT = 0.09648533212331002  # kJ/mol


def make_context(threads):
    """Context of 128 atoms of Li3PS4 with Verlet's integrator, and the positions of the crystal (nm)."""
    structure = openmmlps.load("beta-Li3PS4", (2, 2, 1))
    system = openmmlps.createSystem(structure.topology)
    integrator = openmm.CompoundIntegrator()
    integrator.addIntegrator(openmm.VerletIntegrator(TIME_STEP))
    integrator.addIntegrator(openmm.LangevinMiddleIntegrator(2000.0, 5.0, TIME_STEP))
    integrator.getIntegrator(1).setRandomNumberSeed(1)
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(system, integrator, platform, {"Threads": str(threads)})
    return context, structure.positions


def make_glass(context, positions, temperature, steps):
    """Melt at 2000 K for `steps` steps, cool to `temperature` in as many, and keep it there for as many; then step and time 0."""
    integrator = context.getIntegrator()
    thermostat = integrator.getIntegrator(1)
    integrator.setCurrentIntegrator(1)
    context.setPositions(positions)
    context.setVelocitiesToTemperature(2000.0, 1)
    integrator.step(steps)
    for target in np.linspace(2000.0, temperature, 20):
        thermostat.setTemperature(target)
        integrator.step(max(1, steps // 20))
    integrator.step(steps)
    integrator.setCurrentIntegrator(0)
    context.setTime(0.0)
    context.setStepCount(0)


def resident_mebibytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def replace(path, text):
    """Write a file so that it holds the old or the new text at any moment."""
    new = path.with_suffix(".new")
    with open(new, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_rows(folder, last_step=None):
    """Rows of ``soak.csv`` as dictionaries of numbers, up to a step."""
    path = folder / "soak.csv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return [row for row in rows if last_step is None or row["step"] <= last_step]


def write_rows(folder, rows):
    lines = [",".join(COLUMNS)] + [",".join(f"{row[name]:.10g}" for name in COLUMNS) for row in rows]
    replace(folder / "soak.csv", "\n".join(lines) + "\n")


def run_block(context, steps, samples):
    """:return: total energies (kJ/mol) and temperatures (K) [samples], evenly over the steps"""
    system = context.getSystem()
    freedom = 3 * system.getNumParticles() - 3
    energies, temperatures = [], []
    for _ in range(samples):
        context.getIntegrator().step(steps // samples)
        state = context.getState(energy=True)
        kinetic = state.getKineticEnergy()._value
        energies.append(state.getPotentialEnergy()._value + kinetic)
        temperatures.append(2 * kinetic / (freedom * GAS_CONSTANT))
    return np.array(energies), np.array(temperatures)


def slope(times, values):
    """Slope of the least-squares line and its standard error from the residual means of ten blocks; (nan, nan) with fewer than 12 values."""
    if len(values) < 12:
        return np.nan, np.nan
    gradient, offset = np.polyfit(times, values, 1)
    residuals = values - (gradient * times + offset)
    means = [part.mean() for part in np.array_split(residuals, 10)]
    centers = [part.mean() for part in np.array_split(times, 10)]
    return gradient, np.std(means, ddof=2) / np.sqrt(np.sum((np.array(centers) - times.mean()) ** 2))


def report(rows):
    """:return: the table, as lines"""
    column = {name: np.array([row[name] for row in rows]) for name in COLUMNS}
    steps = np.diff(column["step"], prepend=0.0)
    hours = column["processor"].sum() / 3600
    drift, drift_error = slope(column["time"] / 1000, column["energy"])
    warming, warming_error = slope(column["time"] / 1000, column["temperature"])
    tenth = max(1, len(rows) // 10)
    per_step = 1e6 * column["processor"] / steps
    early, late = np.median(per_step[:tenth]), np.median(per_step[-tenth:])
    grown = 0.0  # within one process, after its first block
    for run in np.unique(column["run"]):
        memory = column["memory"][column["run"] == run]
        grown = max(grown, memory[-1] - memory[0])
    return [
        f"{column['step'][-1]:,.0f} steps, {column['time'][-1] / 1000:.3f} ns, in {column['run'].max():.0f} run(s): "
        f"{hours:.2f} h of processor time ({100 * hours / GOAL_HOURS:.1f} % of {GOAL_HOURS:.0f} h), "
        f"{column['wall'].sum() / 3600:.2f} h of wall time",
        f"energy drift       {drift:+.4f} +- {drift_error:.4f} meV/atom/ns, spread in a block {column['spread'].mean():.4f} meV/atom",
        f"temperature        {column['temperature'].mean():.1f} K, {warming:+.2f} +- {warming_error:.2f} K/ns",
        f"memory             {column['memory'].max():.1f} MiB at most, {grown:+.2f} MiB within a run after its first block",
        f"processor time     {early:.0f} us/step in the first tenth, {late:.0f} in the last ({100 * (late / early - 1):+.1f} %)",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[2] / "build" / "soak")
    parser.add_argument("--hours", type=float, default=np.inf, help="of wall time, at most")
    parser.add_argument("--blocks", type=float, default=np.inf, help="at most")
    parser.add_argument("--block", type=int, default=20000, help="steps")
    parser.add_argument("--prepare", type=int, default=5000, help="steps of each of melting, cooling and equilibration")
    parser.add_argument("--temperature", type=float, default=600.0, help="K")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="only print the table")
    arguments = parser.parse_args()
    folder = arguments.folder
    rows = read_rows(folder)
    if arguments.report:
        print("\n".join(report(rows)) if rows else f"soak: {folder} holds no block yet")
        return 0 if rows else 1

    folder.mkdir(parents=True, exist_ok=True)
    ended = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.append(True))
    context, positions = make_context(arguments.threads)
    state_file, reference_file = folder / "state.xml", folder / "energy.txt"
    if state_file.exists():
        context.setState(openmm.XmlSerializer.deserialize(state_file.read_text()))
        rows = read_rows(folder, context.getStepCount())
    else:
        make_glass(context, positions, arguments.temperature, arguments.prepare)
        rows = []
        reference_file.unlink(missing_ok=True)
    run = 1 + max((int(row["run"]) for row in rows), default=0)
    atoms = context.getSystem().getNumParticles()
    begin, blocks = time.monotonic(), 0
    while not ended and blocks < arguments.blocks and time.monotonic() - begin < 3600 * arguments.hours:
        wall, processor = time.monotonic(), time.process_time()
        energies, temperatures = run_block(context, arguments.block, 50)
        wall, processor = time.monotonic() - wall, time.process_time() - processor
        if not reference_file.exists():
            replace(reference_file, repr(float(energies.mean())))
        reference = float(reference_file.read_text())
        rows.append(
            {
                "step": context.getStepCount(),
                "time": context.getStepCount() * TIME_STEP,
                "run": run,
                "wall": wall,
                "processor": processor,
                "memory": resident_mebibytes(),
                "energy": (energies.mean() - reference) / (atoms * MILLIELECTRONVOLT),
                "spread": energies.std() / (atoms * MILLIELECTRONVOLT),
                "temperature": temperatures.mean(),
            }
        )
        state = context.getState(positions=True, velocities=True, parameters=True, integratorParameters=True)
        write_rows(folder, rows)
        replace(state_file, openmm.XmlSerializer.serialize(state))
        blocks += 1
        if sum(row["processor"] for row in rows) > 3600 * GOAL_HOURS:
            break
    with contextlib.suppress(BrokenPipeError):
        print("\n".join(report(rows)) if rows else "soak: ended before the first block")
    return 0


if __name__ == "__main__":
    sys.exit(main())
