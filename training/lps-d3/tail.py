# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a model with a cutoff misses of D3(0), whose pairs reach to 40 bohr, and how well it takes that up as a mean field.

    python training/lps-d3/tail.py .training/lps-d3/held/glass-g75-test --model .training/lps-d3/model/model.safetensors

For three frames of each system: energy, forces and pressure of all pairs and of those beyond 6 angstrom. Then, at other volumes, the
model less the sum of `lps` and the explicit correction.
"""

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms

from openmmlps.ase import LPSCalculator
from openmmlps.learn import dispersion
from openmmlps.learn.frames import read_frames
from openmmlps.units import GPA_PER_EV_PER_ANGSTROM3 as GPA

CUTOFF = 6.0  # angstrom, of the model
VOLUMES = (0.9, 0.95, 1.0, 1.05, 1.1)


def correction(atoms: Atoms, cutoff: float | None = None) -> tuple[float, np.ndarray, float]:
    """D3(0) of the pairs within a cutoff in angstrom (None: all): meV/atom, forces (N, 3) in eV/angstrom, pressure in GPa."""
    from ase.data import atomic_numbers
    from dftd3.interface import DispersionModel, ZeroDampingParam

    symbols = atoms.get_chemical_symbols()
    numbers = np.array([atomic_numbers[symbol] for symbol in symbols])
    cell = atoms.cell.array / dispersion.BOHR
    model = DispersionModel(numbers, atoms.positions / dispersion.BOHR, cell, np.ones(3, dtype=bool))
    reach = dispersion.CUTOFF if cutoff is None else cutoff / dispersion.BOHR
    model.set_realspace_cutoff(reach, reach, dispersion.CUTOFF)  # coordination numbers reach as far as ever
    found = model.get_dispersion(ZeroDampingParam(**dispersion._PARAMETERS["d3"]), grad=True)
    force = -dispersion.HARTREE / dispersion.BOHR * found["gradient"]
    pressure = -dispersion.HARTREE * float(np.trace(found["virial"])) / 3 / atoms.get_volume() * GPA
    return 1e3 * dispersion.HARTREE * float(found["energy"]) / len(atoms), force, pressure


def predicted(atoms: Atoms, calculator: LPSCalculator) -> tuple[float, np.ndarray, float]:
    """The same of a model."""
    copied = atoms.copy()
    copied.calc = calculator
    pressure = -float(np.trace(copied.get_stress(voigt=False))) / 3 * GPA
    return 1e3 * copied.get_potential_energy() / len(atoms), copied.get_forces(), pressure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("systems", type=Path, nargs="+", help="DeePMD systems")
    parser.add_argument("--model", help="with dispersion; none: only what it would miss")
    arguments = parser.parse_args()
    models = [LPSCalculator(name, threads=1) for name in ("lps", arguments.model)] if arguments.model else []
    for system in arguments.systems:
        frames = read_frames(system)
        for index in np.linspace(0, len(frames) - 1, 3).astype(int):
            atoms = frames.atoms(int(index))
            whole, near = correction(atoms), correction(atoms, CUTOFF)
            tail = whole[0] - near[0], (whole[1] - near[1]).std(), whole[2] - near[2]
            print(
                f"{system.name} {index}: {whole[0]:.1f} meV/atom, forces {whole[1].std():.4f} eV/A, {whole[2]:.3f} GPa; "
                f"beyond {CUTOFF:g} A {tail[0]:.1f}, {tail[1]:.4f}, {tail[2]:.3f}",
                flush=True,
            )
            for share in VOLUMES if models else ():
                scaled = atoms.copy()
                scaled.set_cell(atoms.cell.array * share ** (1 / 3), scale_atoms=True)
                bare, full = (predicted(scaled, model) for model in models)
                energy, force, pressure = (a - b - c for a, b, c in zip(full, bare, correction(scaled), strict=True))
                print(
                    f"  volume {share:g}: {energy:+.2f} meV/atom, {force.std():.4f} eV/A, {pressure:+.3f} GPa",
                    flush=True,
                )


if __name__ == "__main__":
    main()
