#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Long soak: constant-energy molecular dynamics of a small glass on the CPU platform, over as many runs as it takes.

    python tests/soak/soak.py                   # begins or continues .soak; Ctrl-C or SIGTERM ends it after the current block
    python tests/soak/soak.py --hours 1         # the same, for an hour of wall time
    python tests/soak/soak.py --report          # only the table

Preparation: the crystal is melted, cooled evenly, and kept at the final temperature, so that little relaxation is left; velocities are
drawn anew every half picosecond (Andersen's thermostat, all atoms at once), their random numbers given by seed and step. The soak proper
then starts with the mean total energy of the second half of the last stage, so that its mean temperature is the wanted one.

The folder holds two tables with one row per block of steps, and the State at the last row of each: ``preparation.csv`` and
``preparation.xml``, ``soak.csv`` and ``state.xml``. All are replaced as a whole, and rows beyond the State are dropped on continuation, so
a kill at any moment costs one block, and what follows is the same as without it. Only one process at a time has the folder. The goal is
24 hours of processor time. The project's own soak, two glasses of twelve hours each, is kept in tests/soak/record, so that any machine can
go on with it:

    python tests/soak/soak.py --folder tests/soak/record/1 --goal 12 &
    python tests/soak/soak.py --folder tests/soak/record/2 --goal 12 --seed 1
    python tests/soak/soak.py --folder tests/soak/record/1 tests/soak/record/2 --report

Columns: step; time (ps); run (how often it was started); wall (s) and processor (s) of the block; memory (MiB, resident, at its end);
energy (kJ/mol, mean of the total energy; in the preparation mean potential energy) and spread (kJ/mol, standard deviation);
temperature (K, mean; in the preparation the one drawn). Steps and time are counted from the start of each table.
"""

import argparse
import contextlib
import csv
import fcntl
import os
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np
import openmm

import openmmlps

GOAL = 24.0  # h of processor time
SEEDS = 10_000_000  # apart, so that no step of one preparation has the random numbers of another
TIME_STEP = 0.001  # ps
ATOMS = 128
HOTTEST = 2000.0  # K
COLUMNS = ["step", "time", "run", "wall", "processor", "memory", "energy", "spread", "temperature"]
GAS_CONSTANT = 0.00831446261815324  # kJ/mol/K
MILLIELECTRONVOLT = 0.09648533212331002  # kJ/mol


def make_context(threads):
    """Context of 128 atoms of Li3PS4 with Verlet's integrator, at the positions of the crystal."""
    structure = openmmlps.load("beta-Li3PS4", (2, 2, 1))
    system = openmmlps.createSystem(structure.topology)
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(system, openmm.VerletIntegrator(TIME_STEP), platform, {"Threads": str(threads)})
    context.setPositions(structure.positions)
    return context


def preparation_temperature(step, stages, final):
    """Temperature (K) at a step of the preparation; stages: steps of melting, cooling and keeping."""
    melting, cooling, _ = stages
    return float(np.interp(step, [melting, melting + cooling], [HOTTEST, final]))


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


def read_rows(path, last_step=None):
    """Rows of a table as dictionaries of numbers, up to a step."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return [row for row in rows if last_step is None or row["step"] <= last_step]


def write_rows(path, rows):
    lines = [",".join(COLUMNS)] + [",".join(f"{row[name]:.12g}" for name in COLUMNS) for row in rows]
    replace(path, "\n".join(lines) + "\n")


class Record:
    """A table and the State at its last row, continued where the last run stopped if there is one."""

    def __init__(self, table, state, context):
        self.table, self.state, self.context = table, state, context
        self.rows = []
        if state.exists():
            context.setState(openmm.XmlSerializer.deserialize(state.read_text()))
            self.rows = read_rows(table, context.getStepCount())
        self.run = 1 + max((int(row["run"]) for row in self.rows), default=0)

    def add(self, block):
        """Run a block, a function that returns energies and temperatures, and keep its row and the State."""
        wall, processor = time.monotonic(), time.process_time()
        energies, temperatures = block()
        wall, processor = time.monotonic() - wall, time.process_time() - processor
        step = self.context.getStepCount()
        values = [step, step * TIME_STEP, self.run, wall, processor, resident_mebibytes()]
        values += [np.mean(energies), np.std(energies), np.mean(temperatures)]
        # Rounded as in the table, so that what follows does not depend on whether it was read again.
        self.rows.append({name: float(f"{value:.12g}") for name, value in zip(COLUMNS, values, strict=True)})
        write_rows(self.table, self.rows)
        self.save()

    def save(self):
        state = self.context.getState(positions=True, velocities=True, parameters=True, integratorParameters=True)
        replace(self.state, openmm.XmlSerializer.serialize(state))


def freedom(context):
    """Degrees of freedom: the center of mass rests."""
    return 3 * context.getSystem().getNumParticles() - 3


def set_kinetic_energy(context, wanted):
    """Scale the velocities to a kinetic energy (kJ/mol)."""
    state = context.getState(velocities=True, energy=True)
    velocities = state.getVelocities(asNumpy=True)
    context.setVelocities(velocities * np.sqrt(wanted / state.getKineticEnergy()._value))


def draw_velocities(context, temperature, seed):
    """Velocities of a temperature (K), without a motion of the center of mass; every step has its own."""
    context.setVelocitiesToTemperature(temperature, 1 + context.getStepCount() + SEEDS * seed)
    masses = np.array(
        [context.getSystem().getParticleMass(i)._value for i in range(context.getSystem().getNumParticles())]
    )
    velocities = context.getState(velocities=True).getVelocities(asNumpy=True)._value
    context.setVelocities(velocities - masses @ velocities / masses.sum())


def prepare_block(context, arguments):
    """Ten draws of velocities and the steps after them: potential energies (kJ/mol) and temperatures (K)."""
    energies, temperatures = [], []
    for _ in range(10):
        steps = min(arguments.collisions, sum(arguments.prepare) - context.getStepCount())
        if steps <= 0:
            break
        temperature = preparation_temperature(context.getStepCount(), arguments.prepare, arguments.temperature)
        draw_velocities(context, temperature, arguments.seed)
        context.getIntegrator().step(steps)
        energies.append(context.getState(energy=True).getPotentialEnergy()._value)
        temperatures.append(temperature)
    return np.array(energies), np.array(temperatures)


def prepare(context, folder, arguments, ended):
    """Go on with the preparation until its end, or until told to end.

    :return: whether the Context now is at step 0 of the soak
    """
    record = Record(folder / "preparation.csv", folder / "preparation.xml", context)
    total, kept = sum(arguments.prepare), arguments.prepare[2]
    while context.getStepCount() < total:
        if ended:
            return False
        record.add(lambda: prepare_block(context, arguments))
    potential = np.mean([row["energy"] for row in record.rows if row["step"] > total - kept / 2])
    draw_velocities(context, arguments.temperature, arguments.seed)
    kinetic = freedom(context) * GAS_CONSTANT * arguments.temperature / 2
    set_kinetic_energy(context, kinetic + potential - context.getState(energy=True).getPotentialEnergy()._value)
    context.setTime(0.0)
    context.setStepCount(0)
    return True


def soak_block(context, steps, samples):
    """:return: total energies (kJ/mol) and temperatures (K) [samples], evenly over the steps"""
    energies, temperatures = [], []
    for _ in range(samples):
        context.getIntegrator().step(steps // samples)
        state = context.getState(energy=True)
        kinetic = state.getKineticEnergy()._value
        energies.append(state.getPotentialEnergy()._value + kinetic)
        temperatures.append(2 * kinetic / (freedom(context) * GAS_CONSTANT))
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


def processor_hours(rows):
    return sum(row["processor"] for row in rows) / 3600


def report(rows):
    """:return: the table, as lines"""
    per_atom = ATOMS * MILLIELECTRONVOLT
    column = {name: np.array([row[name] for row in rows]) for name in COLUMNS}
    steps = np.diff(column["step"], prepend=0.0)
    drift, drift_error = slope(column["time"] / 1000, column["energy"] / per_atom)
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
        f"{processor_hours(rows):.2f} h of processor time, {column['wall'].sum() / 3600:.2f} h of wall time",
        f"energy drift       {drift:+.4f} +- {drift_error:.4f} meV/atom/ns, spread in a block {column['spread'].mean() / per_atom:.4f} meV/atom",
        f"temperature        {column['temperature'].mean():.1f} K, {warming:+.2f} +- {warming_error:.2f} K/ns",
        f"memory             {column['memory'].max():.1f} MiB at most, {grown:+.2f} MiB within a run after its first block",
        f"processor time     {early:.0f} us/step in the first tenth, {late:.0f} in the last ({100 * (late / early - 1):+.1f} %)",
    ]


def report_folders(folders):
    """Print the table of each folder, and the sum of their steps and times.

    :return: exit status
    """
    found = [read_rows(folder / "soak.csv") for folder in folders]
    for folder, rows in zip(folders, found, strict=True):
        print("\n".join(report(rows)) + "\n" if rows else f"soak: {folder} holds no block yet\n")
    steps = sum(rows[-1]["step"] for rows in found if rows)
    hours = sum(processor_hours(rows) for rows in found)
    print(f"together {steps:,.0f} steps, {hours:.2f} h of processor time ({100 * hours / GOAL:.1f} % of {GOAL:.0f} h)")
    return 0 if any(found) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder",
        type=Path,
        nargs="+",
        default=[Path(__file__).parents[2] / ".soak"],
        help="several for --report only",
    )
    parser.add_argument("--hours", type=float, default=np.inf, help="of wall time, at most")
    parser.add_argument("--goal", type=float, default=GOAL, help="hours of processor time, over all runs in the folder")
    parser.add_argument("--blocks", type=float, default=np.inf, help="of the soak proper, at most")
    parser.add_argument("--block", type=int, default=20000, help="steps")
    parser.add_argument(
        "--prepare", type=int, nargs=3, default=[20000, 400000, 200000], help="steps of melting, cooling and keeping"
    )
    parser.add_argument("--collisions", type=int, default=500, help="steps between two draws of velocities")
    parser.add_argument("--temperature", type=float, default=600.0, help="K")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--seed", type=int, default=0, help="of the velocities in the preparation, 0 to 99; each gives another glass"
    )
    parser.add_argument("--report", action="store_true", help="only print the tables")
    arguments = parser.parse_args()
    if arguments.report:
        return report_folders(arguments.folder)
    if len(arguments.folder) > 1:
        parser.error("give one folder to run in; several are for --report only")
    if not 0 <= arguments.seed < 100:
        parser.error(f"--seed is {arguments.seed}; it must be 0 to 99")
    folder = arguments.folder[0]
    table, state = folder / "soak.csv", folder / "state.xml"

    folder.mkdir(parents=True, exist_ok=True)
    ended = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.append(True))
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"soak: another process works in {folder}; end it, or give another --folder", file=sys.stderr)
            return 1
        context = make_context(arguments.threads)
        begin, blocks = time.monotonic(), 0
        if not state.exists() and not prepare(context, folder, arguments, ended):
            return 0
        record = Record(table, state, context)
        if not state.exists():
            record.save()
        while not ended and blocks < arguments.blocks and time.monotonic() - begin < 3600 * arguments.hours:
            if processor_hours(record.rows) >= arguments.goal:
                break
            record.add(lambda: soak_block(context, arguments.block, 50))
            blocks += 1
    with contextlib.suppress(BrokenPipeError):
        print("\n".join(report(record.rows)) if record.rows else "soak: ended before the first block")
    return 0


if __name__ == "__main__":
    sys.exit(main())
