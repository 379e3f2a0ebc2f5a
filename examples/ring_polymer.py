# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Ring-polymer molecular dynamics: nuclear quantum effects of 7Li in Li2S at 100 K.

python examples/ring_polymer.py [STEPS]
"""

import sys

import numpy as np
import openmm
from openmm import unit

import openmmlps

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
copies = 8

structure = openmmlps.load("Li2S")
system = openmmlps.createSystem(structure, removeCMMotion=False)
integrator = openmm.RPMDIntegrator(copies, 100 * unit.kelvin, 5 / unit.picosecond, 0.5 * unit.femtosecond)
context = openmm.Context(system, integrator)
context.setPositions(structure.positions)
for copy in range(copies):
    integrator.setPositions(copy, structure.positions)
integrator.step(steps)

beads = np.array(
    [integrator.getState(copy, getPositions=True).getPositions(asNumpy=True)._value for copy in range(copies)]
)
spread = np.sqrt(((beads - beads.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))  # radius of gyration per atom, nm
for element in ("Li", "S"):
    chosen = [index for index, symbol in enumerate(structure.symbols) if symbol == element]
    print(f"{element}: radius of the ring polymer {10 * spread[chosen].mean():.4f} angstrom")
