# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A Deep Potential on the electrolyte and a classical force on the rest: Li2S in a bath of argon.

python examples/hybrid_system.py [STEPS]
"""

import sys

import numpy as np
import openmm
from openmm import app, unit

import openmmlps

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
model = openmmlps.LPSModel.default()

# A Li2S molecule in the middle of 26 argon atoms on a grid.
grid = np.array([(x, y, z) for x in range(3) for y in range(3) for z in range(3)], dtype=float) * 0.8
argon = np.delete(grid, 13, axis=0)
molecule = grid[13] + np.array([(-0.2, 0.05, 0.0), (0.0, 0.0, 0.0), (0.2, 0.05, 0.0)])
symbols = ["Li", "S", "Li"] + ["Ar"] * len(argon)
positions = np.vstack([molecule, argon])

system = openmm.System()
system.setDefaultPeriodicBoxVectors(*(2.4 * np.eye(3)))
potential = openmmlps.LPSForce(model)
lennardJones = openmm.CustomNonbondedForce("4*epsilon*((sigma/r)^12-(sigma/r)^6); epsilon=0.996; sigma=0.34")
lennardJones.setNonbondedMethod(lennardJones.CutoffPeriodic)
lennardJones.setCutoffDistance(1.0)
for index, symbol in enumerate(symbols):
    system.addParticle(app.Element.getBySymbol(symbol).mass)
    lennardJones.addParticle()
    if symbol != "Ar":
        potential.addParticle(index, model.getTypeIndex(symbol))
inside = {index for index, symbol in enumerate(symbols) if symbol != "Ar"}
outside = set(range(len(symbols))) - inside
lennardJones.addInteractionGroup(outside, outside)  # argon with argon
lennardJones.addInteractionGroup(inside, outside)  # and with the molecule, whose own atoms the Deep Potential covers
potential.setForceGroup(1)
system.addForce(potential)
system.addForce(lennardJones)

integrator = openmm.LangevinMiddleIntegrator(100 * unit.kelvin, 1 / unit.picosecond, 1 * unit.femtosecond)
context = openmm.Context(system, integrator)
context.setPositions(positions)
openmm.LocalEnergyMinimizer.minimize(context, maxIterations=50)
context.setVelocitiesToTemperature(100 * unit.kelvin)
integrator.step(steps)

deep = context.getState(energy=True, groups={1}).getPotentialEnergy()
classical = context.getState(energy=True, groups={0}).getPotentialEnergy()
print(f"Deep Potential {deep}, classical {classical}")
