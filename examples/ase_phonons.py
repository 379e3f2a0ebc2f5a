# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Relaxation of the antifluorite Li2S and its phonons at the zone center, with ASE.

python examples/ase_phonons.py
"""

import tempfile

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.phonons import Phonons

from openmmlps.ase import LPSCalculator

atoms = Atoms(
    "SLi2",
    scaled_positions=[(0, 0, 0), (0.25, 0.25, 0.25), (0.75, 0.75, 0.75)],
    cell=2.85 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
    pbc=True,
)
atoms.calc = LPSCalculator()
BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-3)
print(f"lattice parameter {np.linalg.norm(atoms.cell[0]) * 2**0.5:.3f} angstrom")
with tempfile.TemporaryDirectory() as folder:
    phonons = Phonons(atoms, LPSCalculator(), supercell=(3, 3, 3), delta=0.01, name=f"{folder}/phonons")
    phonons.run()
    phonons.read(acoustic=True)
    energies = phonons.band_structure([(0, 0, 0)])[0]
print("modes at the zone center (meV):", np.array2string(1000 * np.sort(energies), precision=1, suppress_small=True))
