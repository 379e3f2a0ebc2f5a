# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Densities that PBE itself would have, by CP2K labels of crystals at 300 K.

    python training/validate/pressure.py --model .training/runs/lps/graph.pb --work .training

For each file of training/label/frames: PBE's pressure less the model's on the same frames, and the model's bulk modulus at 0 K.
To first order PBE's density is that of the model times 1 - difference / modulus: a positive difference means that PBE pushes
the crystal apart further. The frames may come from another model, as long as they are near both equilibria. Writes
pressure.json.
"""

import sys
from dataclasses import asdict, dataclass

import numpy as np
from common import Engine, Session, cached, labelled_structures, make_parser, open_session

from units import GPA

STRAIN = 0.01  # of the volume, both ways


@dataclass(frozen=True)
class Pressure:
    """PBE against a model on the frames of one crystal."""

    frames: int
    atoms: int
    difference_GPa: float  #: mean of PBE's pressure less the model's
    difference_error_GPa: float | None  #: standard error of the mean; None for a single frame
    bulk_GPa: float  #: of the model, ions relaxed, 0 K
    density_change_percent: float  #: from the model's density to PBE's
    density_change_error_percent: float | None


def pressure_of(stress: np.ndarray) -> float:
    """Static pressure in GPa of a stress [3, 3] in eV/angstrom^3, positive under tension."""
    return float(-np.trace(stress) / 3 * GPA)


def compare(engine: Engine, frames: list, bulk_GPa: float) -> Pressure:
    """PBE's labels of ``ase.Atoms`` against the model."""
    differences = []
    for atoms in frames:
        own = -engine.atoms(atoms)[2] / atoms.get_volume()
        differences.append(pressure_of(atoms.get_stress(voigt=False)) - pressure_of(own))
    mean = float(np.mean(differences))
    error = float(np.std(differences, ddof=1) / np.sqrt(len(frames))) if len(frames) > 1 else None
    return Pressure(
        frames=len(frames),
        atoms=len(frames[0]),
        difference_GPa=mean,
        difference_error_GPa=error,
        bulk_GPa=bulk_GPa,
        density_change_percent=-100 * mean / bulk_GPa,
        density_change_error_percent=None if error is None else 100 * error / bulk_GPa,
    )


def bulk_modulus(session: Session, name: str) -> float:
    """Bulk modulus in GPa of a packaged crystal at rest: pressures of two volumes about it, ions relaxed in each."""
    import ase.io

    from openmmlps.app.structures import structure_path
    from openmmlps.ase import LPSCalculator
    from openmmlps.protocols.statics import relax_atoms

    atoms = ase.io.read(structure_path(name))
    atoms.calc = LPSCalculator(str(session.model), threads=session.threads)
    relax_atoms(atoms, 0.002, 1000, lambda: False, cell=True, stress_tolerance_GPa=0.005)
    cell, positions, pressures = np.array(atoms.cell), atoms.get_scaled_positions(), []
    for sign in (1, -1):
        atoms.set_cell(cell * (1 + sign * STRAIN) ** (1 / 3))
        atoms.set_scaled_positions(positions)
        relax_atoms(atoms, 0.002, 1000, lambda: False)
        pressures.append(pressure_of(atoms.get_stress(voigt=False)))
    return (pressures[1] - pressures[0]) / (2 * STRAIN)


def main() -> None:
    parser = make_parser(__doc__)
    arguments = parser.parse_args()
    session = open_session(parser, arguments)
    labelled = labelled_structures()
    settings = {"frames": {name: len(frames) for name, frames in labelled.items()}, "strain": STRAIN}

    def compute() -> dict:
        engine = session.engine()
        return {
            "crystals": {
                name: asdict(compare(engine, frames, bulk_modulus(session, name))) for name, frames in labelled.items()
            }
        }

    result = cached(session.folder / "pressure.json", settings, compute)
    for name, found in result["crystals"].items():
        print(
            f"{name}: PBE's pressure is {found['difference_GPa']:+.2f} GPa off the model's, bulk modulus {found['bulk_GPa']:.1f} GPa: "
            f"density {found['density_change_percent']:+.1f} %",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
