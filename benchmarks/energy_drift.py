#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Energy conservation of float32 networks: NVE of a 256-atom glass-like cell, 1 fs, on the CPU platform.

    python benchmarks/energy_drift.py MODEL.safetensors [--picoseconds 50] [--temperature 600]

A beta-Li3PS4 supercell is melted at 2000 K, cooled to the temperature and equilibrated with a thermostat, then run without one.
Prints, every 5 ps, the slope of the total energy by least squares with its standard error from ten blocks, in meV/atom/ns.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import ase.io
import numpy as np
import openmm
from openmm import unit

import openmmlps
from run import KJ_PER_MOL_PER_EV, MASSES


def fit_slope(times: np.ndarray, energies: np.ndarray) -> tuple[float, float]:
    """Slope of a line through all points, and its standard error from the residual block means."""
    slope, offset = np.polyfit(times, energies, 1)
    residuals = energies - (slope * times + offset)
    blocks = [block.mean() for block in np.array_split(residuals, 10)]
    centers = [block.mean() for block in np.array_split(times, 10)]
    spread = np.sqrt(np.sum((np.array(centers) - times.mean()) ** 2))
    return slope, float(np.std(blocks, ddof=2) / spread)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--picoseconds", type=float, default=50.0)
    parser.add_argument("--temperature", type=float, default=600.0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    cell = ase.io.read(Path(openmmlps.__file__).parent / "structures" / "beta-Li3PS4.extxyz")
    atoms = cell.repeat((2, 2, 2))
    model = openmmlps.LPSModel(arguments.model)
    force = openmmlps.LPSForce(model)
    system = openmm.System()
    for index, symbol in enumerate(atoms.symbols):
        system.addParticle(MASSES[symbol])
        force.addParticle(index, model.getTypeIndex(symbol))
    force.setPrecision(openmmlps.LPSForce.Single)
    system.setDefaultPeriodicBoxVectors(*[openmm.Vec3(*(0.1 * row)) for row in atoms.cell.array])
    system.addForce(force)
    integrator = openmm.CompoundIntegrator()
    thermostat = openmm.LangevinMiddleIntegrator(2000.0, 10.0, 0.001)
    thermostat.setRandomNumberSeed(1)
    integrator.addIntegrator(thermostat)
    integrator.addIntegrator(openmm.VerletIntegrator(0.001))
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(system, integrator, platform, {"Threads": str(arguments.threads)})
    context.setPositions(0.1 * atoms.positions)
    context.setVelocitiesToTemperature(2000.0, 1)
    integrator.step(1500)
    for temperature in np.linspace(2000.0, arguments.temperature, 15):
        thermostat.setTemperature(temperature)
        integrator.step(100)
    integrator.step(1000)

    integrator.setCurrentIntegrator(1)
    times, energies, kinetic = [], [], []
    milli = unit.kilojoules_per_mole * KJ_PER_MOL_PER_EV * 1e-3 * len(atoms)
    for sample in range(int(arguments.picoseconds * 100)):
        integrator.step(10)
        state = context.getState(energy=True)
        times.append(0.01 * (sample + 1))
        energies.append((state.getPotentialEnergy() + state.getKineticEnergy()) / milli)
        kinetic.append(state.getKineticEnergy().value_in_unit(unit.kilojoules_per_mole))
        if (sample + 1) % 500 == 0:
            slope, error = fit_slope(np.array(times), np.array(energies))
            heat = np.mean(kinetic) / (1.5 * len(atoms) * 0.00831446261815324)
            print(
                f"{times[-1]:.0f} ps, {heat:.0f} K: drift {1000 * slope:.3f} +- {1000 * error:.3f} meV/atom/ns, "
                f"standard deviation {np.std(energies):.4f} meV/atom",
                flush=True,
            )


if __name__ == "__main__":
    main()
