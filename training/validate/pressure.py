# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Densities that PBE itself would have, by its pressure on frames that no model was trained on.

    python training/validate/pressure.py --model .training/runs/lps/graph.pb --work .training

Frames are those of training/label/frames (crystals at 300 K, labelled by CP2K) and, of each glass whose density glasses.py has
measured, the held-out frames with at least 0.95 of that density. PBE's pressure less the model's on the same frames, over the
model's bulk modulus at rest, is to first order the fraction by which PBE's crystal or glass is less dense than the model's.
The frames may come from another model, as long as they are near both equilibria. Writes pressure.json.
"""

import sys
from dataclasses import asdict, dataclass

import numpy as np
from common import (
    GLASSES,
    HELD_OUT,
    Engine,
    Session,
    cached,
    data_folders,
    density,
    frame_atoms,
    labelled_structures,
    make_parser,
    open_session,
    read_json,
)

from frames import read_frames
from units import GPA

STRAIN = 0.01  # of the volume, both ways
NEAR = 0.95  # of the density at 300 K and 1 bar


@dataclass(frozen=True)
class Pressure:
    """PBE against a model on frames of one crystal or glass."""

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


def bulk_modulus(session: Session, atoms) -> float:
    """Bulk modulus in GPa of ``ase.Atoms`` at rest: pressures of two volumes about it, ions relaxed in each."""
    from openmmlps.ase import LPSCalculator
    from openmmlps.protocols.statics import relax_atoms

    atoms = atoms.copy()
    atoms.calc = LPSCalculator(str(session.model), threads=session.threads)
    relax_atoms(atoms, 0.005, 1000, lambda: False, cell=True, stress_tolerance_GPa=0.01)
    cell, positions, pressures = np.array(atoms.cell), atoms.get_scaled_positions(), []
    for sign in (1, -1):
        atoms.set_cell(cell * (1 + sign * STRAIN) ** (1 / 3))
        atoms.set_scaled_positions(positions)
        relax_atoms(atoms, 0.005, 1000, lambda: False)
        pressures.append(pressure_of(atoms.get_stress(voigt=False)))
    return (pressures[1] - pressures[0]) / (2 * STRAIN)


def packaged(name: str):
    """A packaged crystal as ``ase.Atoms``."""
    import ase.io

    from openmmlps.app.structures import structure_path

    return ase.io.read(structure_path(name))


def dense_glasses(session: Session) -> dict[str, list]:
    """Return {glass: held-out frames near its density at 300 K}, labelled ``ase.Atoms``, the densest first."""
    from ase.calculators.singlepoint import SinglePointCalculator

    measured = (read_json(session.folder / "glasses.json") or {}).get("glasses", {})
    least = {name: NEAR * found["model"]["density_g_per_cm3"] for name, found in measured.items() if found["model"]}
    found = {}
    for part in HELD_OUT if least else ():
        for name, folder in data_folders(session, part).items():
            if name not in least or name not in GLASSES:
                continue
            frames = read_frames(folder)
            for index in range(len(frames)):
                atoms = frame_atoms(frames, index)
                if density(atoms) >= least[name]:
                    stress = -frames.virial[index].reshape(3, 3) / atoms.get_volume()
                    atoms.calc = SinglePointCalculator(atoms, stress=stress)
                    found.setdefault(name, []).append(atoms)
    return {name: sorted(frames, key=density, reverse=True) for name, frames in found.items()}


def main() -> None:
    parser = make_parser(__doc__)
    arguments = parser.parse_args()
    session = open_session(parser, arguments)
    crystals, glasses = labelled_structures(), dense_glasses(session)
    counts = {name: len(frames) for name, frames in (crystals | glasses).items()}

    def compute() -> dict:
        engine = session.engine()
        starts = {name: packaged(name) for name in crystals} | {name: frames[0] for name, frames in glasses.items()}
        return {
            "materials": {
                name: asdict(compare(engine, frames, bulk_modulus(session, starts[name])))
                for name, frames in (crystals | glasses).items()
            }
        }

    result = cached(session.folder / "pressure.json", {"frames": counts, "strain": STRAIN, "near": NEAR}, compute)
    for name, found in result["materials"].items():
        print(
            f"{name}: PBE's pressure is {found['difference_GPa']:+.2f} GPa off the model's, bulk modulus "
            f"{found['bulk_GPa']:.1f} GPa: density {found['density_change_percent']:+.1f} %",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
