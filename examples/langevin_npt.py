# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""beta-Li3PS4 at constant temperature and pressure.

python examples/langevin_npt.py [STEPS]
"""

import sys

from openmm import LangevinMiddleIntegrator, MonteCarloAnisotropicBarostat, Vec3, app, unit

import openmmlps
from openmmlps.app.reporters import H5MDReporter, ThermoReporter

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
temperature = 600 * unit.kelvin

structure = openmmlps.load("beta-Li3PS4", supercell=(1, 1, 2))
system = openmmlps.createSystem(structure)
system.addForce(MonteCarloAnisotropicBarostat(Vec3(1, 1, 1) * unit.bar, temperature))
integrator = LangevinMiddleIntegrator(temperature, 1 / unit.picosecond, 1 * unit.femtosecond)
simulation = app.Simulation(structure.topology, system, integrator)
simulation.context.setPositions(structure.positions)
simulation.minimizeEnergy(maxIterations=20)
simulation.context.setVelocitiesToTemperature(temperature)
interval = max(1, steps // 20)
simulation.reporters += [H5MDReporter("npt.h5", interval), ThermoReporter("npt.csv", interval)]
simulation.step(steps)

state = simulation.context.getState(energy=True)
volume = state.getPeriodicBoxVolume().value_in_unit(unit.angstrom**3)
print(f"{len(structure.symbols)} atoms, {steps} steps, volume {volume:.1f} cubic angstrom")
