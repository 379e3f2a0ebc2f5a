#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What the time step changes: drift of the energy, diffusion of the mobile ion and g(r) in NVE from 1 to 5 fs.

    python benchmarks/time_step.py STRUCTURE --temperature 700 -o time-step.json

Each replica is equilibrated once with 1 fs and a thermostat; all time steps start from its positions and velocities. Goes on where it
stopped. Intervals are 95 % over replicas, by Student's t.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import openmm
from openmm import unit
from scipy.stats import t as student

import openmmlps
from energy_drift import fit_slope

FRAME_PS = 0.1
LAGS_PS = (2.0, 10.0)  # of the line through the mean square displacement
BINS, REACH = 120, 0.6  # of g(r), nm


def histogram(positions: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Counts of the distances of all pairs, up to REACH."""
    inverse = np.linalg.inv(box)
    counts = np.zeros(BINS)
    for index in range(len(positions) - 1):
        fractions = (positions[index + 1 :] - positions[index]) @ inverse
        distances = np.linalg.norm((fractions - np.round(fractions)) @ box, axis=1)
        counts += np.histogram(distances, BINS, (0.0, REACH))[0]
    return counts


def diffusion(frames: np.ndarray) -> float:
    """Coefficient in cm2/s from unwrapped positions (frames, ions, 3) in nm, over all origins."""
    lags = np.arange(*(round(lag / FRAME_PS) for lag in LAGS_PS), 4)
    squares = [((frames[lag:] - frames[:-lag]) ** 2).sum(-1).mean() for lag in lags]
    return float(np.polyfit(lags * FRAME_PS, squares, 1)[0] / 6 * 1e-2)


def simulate(system: Any, start: Any, seed: int, options: argparse.Namespace, mobile: np.ndarray) -> list[dict]:
    """Every time step from one start."""
    thermostat = openmm.LangevinMiddleIntegrator(options.temperature, 2.0, 0.001)
    thermostat.setRandomNumberSeed(seed)
    platform, properties = openmm.Platform.getPlatformByName("CPU"), {"Threads": str(options.threads)}
    context = openmm.Context(system, thermostat, platform, properties)
    context.setPositions(0.1 * start.positions)
    context.setVelocitiesToTemperature(options.temperature, seed)
    thermostat.step(5000)
    begin = context.getState(positions=True, velocities=True)
    box = np.array(begin.getPeriodicBoxVectors(asNumpy=True)._value)
    found = []
    for femtoseconds in options.steps:
        context = openmm.Context(system, openmm.VerletIntegrator(1e-3 * femtoseconds), platform, properties)
        context.setState(begin)
        rows, places, counts = [], [], np.zeros(BINS)
        for frame in range(round(options.picoseconds / FRAME_PS)):
            context.getIntegrator().step(round(1e3 * FRAME_PS / femtoseconds))
            state = context.getState(energy=True, positions=True)
            positions = state.getPositions(asNumpy=True)._value
            energy = (state.getPotentialEnergy() + state.getKineticEnergy()).value_in_unit(unit.kilojoule_per_mole)
            rows.append((energy, state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole)))
            places.append(positions[mobile])
            if frame % 10 == 0:
                counts += histogram(positions, box)
        atoms, (energies, kinetic) = len(start), np.array(rows).T
        times = FRAME_PS * np.arange(1, len(energies) + 1)
        milli = 1e3 / 96.48533212 / atoms
        found.append(
            {
                "timestep_fs": femtoseconds,
                "replica": seed,
                "drift_meV_per_atom_per_ns": float(1e3 * milli * fit_slope(times, energies)[0]),
                "fluctuation_meV_per_atom": float(milli * np.std(energies)),
                "temperature_K": float(np.mean(kinetic) / (1.5 * (atoms - 1) * 8.31446261815324e-3)),
                "D_cm2_per_s": diffusion(np.array(places)),
                "pairs": (counts / counts.sum()).tolist(),
            }
        )
        print({key: value for key, value in found[-1].items() if key != "pairs"}, flush=True)
    return found


def table(rows: list[dict]) -> str:
    """Means with 95 % intervals for each time step."""

    def mean(values: list[float], form: str) -> str:
        reach = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
        return f"{np.mean(values):{form}} ± {reach:{form}}"

    steps = sorted({row["timestep_fs"] for row in rows})
    first = {row["replica"]: np.array(row["pairs"]) for row in rows if row["timestep_fs"] == steps[0]}
    lines = [
        "| time step (fs) | drift (meV/atom/ns) | fluctuation (meV/atom) | temperature (K) | D (1e-6 cm2/s) | g(r) moved (%) |",
        "|---|---|---|---|---|---|",
    ]
    for step in steps:
        some = [row for row in rows if row["timestep_fs"] == step]
        # Half of what two histograms of distances do not share: the part of the pairs that moved.
        moved = [50 * np.abs(np.array(row["pairs"]) - first[row["replica"]]).sum() for row in some]
        lines.append(
            f"| {step:g} | {mean([row['drift_meV_per_atom_per_ns'] for row in some], '.2f')} | "
            f"{mean([row['fluctuation_meV_per_atom'] for row in some], '.3f')} | {mean([row['temperature_K'] for row in some], '.0f')} | "
            f"{mean([1e6 * row['D_cm2_per_s'] for row in some], '.2f')} | {mean(moved, '.2f')} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structure", type=Path)
    parser.add_argument("--model", default="lps-fast")
    parser.add_argument("--mobile", default="Li")
    parser.add_argument("--temperature", type=float, default=700.0)
    parser.add_argument("--picoseconds", type=float, default=60.0)
    parser.add_argument("--steps", type=lambda text: [float(part) for part in text.split(",")], default=[1, 2, 3, 4, 5])
    parser.add_argument("--replicas", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path("time-step.json"))
    options = parser.parse_args()
    start = ase.io.read(options.structure)
    mobile = np.flatnonzero(start.symbols == options.mobile)
    structure = openmmlps.load(str(options.structure))
    system = openmmlps.createSystem(structure, options.model, removeCMMotion=False)
    rows = json.loads(options.output.read_text()) if options.output.exists() else []
    for seed in range(1, options.replicas + 1):
        if not any(row["replica"] == seed for row in rows):
            rows += simulate(system, start, seed, options, mobile)
            options.output.write_text(json.dumps(rows) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
