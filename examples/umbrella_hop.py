# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Umbrella sampling of a lithium hop: one ion is pulled from its site towards its nearest lithium neighbor's.

The coordinate is the projection of the ion's displacement from its site on the direction to the other site, a CustomCVForce
holds it in windows, and the mean force gives the free energy by integration.

    python examples/umbrella_hop.py [STEPS_PER_WINDOW]
"""

import sys

import numpy as np
import openmm
from openmm import app, unit

import openmmlps

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
stiffness = 20000.0  # kJ/mol/nm^2

structure = openmmlps.load("beta-Li3PS4", supercell=(1, 1, 2))
positions = structure.positions.value_in_unit(unit.nanometer)
lithium = [index for index, symbol in enumerate(structure.symbols) if symbol == "Li"]
ion = lithium[0]
others = np.array([positions[index] - positions[ion] for index in lithium[1:]])
direction = others[np.argmin(np.linalg.norm(others, axis=1))]
distance = np.linalg.norm(direction)
direction /= distance

system = openmmlps.createSystem(structure)
projection = openmm.CustomExternalForce("(x-x0)*nx + (y-y0)*ny + (z-z0)*nz")
for name, value in zip(("x0", "y0", "z0", "nx", "ny", "nz"), (*positions[ion], *direction), strict=True):
    projection.addGlobalParameter(name, value)
projection.addParticle(ion)
umbrella = openmm.CustomCVForce("0.5*stiffness*(hop-center)^2")
umbrella.addCollectiveVariable("hop", projection)
umbrella.addGlobalParameter("stiffness", stiffness)
umbrella.addGlobalParameter("center", 0.0)
system.addForce(umbrella)

integrator = openmm.LangevinMiddleIntegrator(600 * unit.kelvin, 5 / unit.picosecond, 1 * unit.femtosecond)
simulation = app.Simulation(structure.topology, system, integrator)
simulation.context.setPositions(structure.positions)
simulation.context.setVelocitiesToTemperature(600 * unit.kelvin)

centers = np.linspace(0.0, 0.5 * distance, 5)
means = []
for center in centers:
    simulation.context.setParameter("center", center)
    simulation.step(steps // 2)  # equilibrate
    samples = []
    for _ in range(10):
        simulation.step(max(1, steps // 20))
        samples.append(umbrella.getCollectiveVariableValues(simulation.context)[0])
    means.append(np.mean(samples))
    print(f"window at {center:.4f} nm: mean {means[-1]:.4f} nm")
forces = stiffness * (centers - means)  # the umbrella's mean force balances that of the crystal
freeEnergy = np.concatenate([[0.0], np.cumsum(0.5 * (forces[1:] + forces[:-1]) * np.diff(means))])
print("free energy (kJ/mol) along the hop:", *(f"{value:.1f}" for value in freeEnergy))
