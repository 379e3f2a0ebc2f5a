# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Replica exchange in temperature of crystalline Li7P3S11.

python examples/replica_exchange.py [EXCHANGES [STEPS_BETWEEN]]
"""

import sys

import numpy as np
import openmm
from openmm import unit

import openmmlps

exchanges = int(sys.argv[1]) if len(sys.argv) > 1 else 10
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 50
temperatures = np.array([500.0, 540.0, 583.0])  # K, in a geometric row
gasConstant = 8.31446261815324e-3  # kJ/mol/K
random = np.random.default_rng(1)

structure = openmmlps.load("Li7P3S11")
system = openmmlps.createSystem(structure)
contexts = []
for temperature in temperatures:
    integrator = openmm.LangevinMiddleIntegrator(temperature, 1 / unit.picosecond, 1 * unit.femtosecond)
    context = openmm.Context(system, integrator)
    context.setPositions(structure.positions)
    context.setVelocitiesToTemperature(temperature)
    contexts.append(context)

accepted = tried = 0
for round_ in range(exchanges):
    for context in contexts:
        context.getIntegrator().step(steps)
    for low in range(round_ % 2, len(temperatures) - 1, 2):
        states = [contexts[i].getState(positions=True, velocities=True, energy=True) for i in (low, low + 1)]
        energies = [state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole) for state in states]
        beta = 1 / (gasConstant * temperatures[low : low + 2])
        tried += 1
        if np.log(random.random()) < (beta[0] - beta[1]) * (energies[0] - energies[1]):
            accepted += 1
            scale = np.sqrt(temperatures[low] / temperatures[low + 1])
            for target, state, factor in ((low, states[1], scale), (low + 1, states[0], 1 / scale)):
                contexts[target].setPositions(state.getPositions(asNumpy=True))
                contexts[target].setVelocities(state.getVelocities(asNumpy=True) * factor)
print(f"{accepted} of {tried} exchanges accepted between {', '.join(f'{t:g}' for t in temperatures)} K")
