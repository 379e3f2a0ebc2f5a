# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The dispersion correction DFT-D3 in the labels of reference frames, so that it can be taken off.

The glasses of the Li-P-S data were labelled with PBE-D3, the crystals with PBE alone (docs/notes/reference-data.md). `prepare.py` takes
the correction off the glasses: Grimme et al., J. Chem. Phys. 132, 154104 (2010), zero damping with the parameters of PBE,
without the three-body term, pairs up to 40 bohr, which is what CP2K does when it is told nothing else. Computed by the
package dftd3 (simple-dftd3).
"""

import dataclasses

import numpy as np

from frames import Frames
from units import BOHR, HARTREE

NUMBERS = {"Li": 3, "P": 15, "S": 16}
PBE = {"s6": 1.0, "s8": 0.722, "rs6": 1.217, "rs8": 1.0, "alp": 14.0, "s9": 0.0}
CUTOFF = 40.0  # bohr, of the pairs
COORDINATION_CUTOFF = 40.0  # bohr, of the coordination numbers


def dispersion(symbols: list[str], coord: np.ndarray, box: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return energy (eV), forces (3N,) in eV/angstrom and virial (9,) in eV, -dE/dstrain, of one periodic frame.

    coord (3N,) and box (9,) in angstrom, lattice vectors as rows. Raises ImportError without the package dftd3.
    """
    from dftd3.interface import DispersionModel, ZeroDampingParam  # here, so that the rest of training goes without it

    positions = coord.reshape(-1, 3).astype(float) / BOHR
    lattice = box.reshape(3, 3).astype(float) / BOHR
    model = DispersionModel(np.array([NUMBERS[name] for name in symbols]), positions, lattice, np.ones(3, dtype=bool))
    model.set_realspace_cutoff(CUTOFF, CUTOFF, COORDINATION_CUTOFF)
    found = model.get_dispersion(ZeroDampingParam(**PBE), grad=True)
    force = -HARTREE / BOHR * found["gradient"].ravel()
    return HARTREE * float(found["energy"]), force, -HARTREE * found["virial"].ravel()


def without_dispersion(frames: Frames) -> Frames:
    """Return the frames with DFT-D3 taken off their energies, forces and virials."""
    symbols = [frames.type_map[kind] for kind in frames.types]
    found = [dispersion(symbols, coord, box) for coord, box in zip(frames.coord, frames.box, strict=True)]
    energy, force, virial = (np.array(values) for values in zip(*found, strict=True))
    return dataclasses.replace(
        frames, energy=frames.energy - energy, force=frames.force - force, virial=frames.virial - virial
    )
