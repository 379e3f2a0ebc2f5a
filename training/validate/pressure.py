# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Densities that PBE itself would have, by its pressure on frames that no model was trained on.

    python training/validate/pressure.py --model .training/runs/lps/model.dp --work .training

Frames are those of training/label/frames: crystals and quenched glasses at 300 K, labelled by CP2K. PBE's pressure less the model's
on the same frames, over the model's bulk modulus at rest, is to first order the fraction by which PBE's crystal or glass is less
dense than the model's. The frames may come from another model, as long as they are near both equilibria. Writes pressure.json.
"""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from common import (
    GLASSES,
    Engine,
    Session,
    cached,
    frame_atoms,
    labelled_folders,
    labelled_hashes,
    make_parser,
    open_session,
)

import evaluate
from frames import read_frames
from units import GPA

STRAIN = 0.01  # of the volume, both ways


@dataclass(frozen=True)
class Pressure:
    """PBE against a model on the labelled frames of one material."""

    frames: int
    atoms: int
    difference_GPa: float  #: mean of PBE's pressure less the model's
    difference_error_GPa: float | None  #: standard error of the mean; None for a single frame
    bulk_GPa: float  #: of the model, ions relaxed, 0 K
    density_change_percent: float  #: from the model's density to PBE's
    density_change_error_percent: float | None


def at_rest(system: str, folder: Path):
    """What to take the bulk modulus of, ``ase.Atoms``: the packaged crystal, or the first glass."""
    import ase.io

    from openmmlps.app.structure_files import structure_path

    if system in GLASSES:
        return frame_atoms(read_frames(folder), 0)
    return ase.io.read(structure_path(system.removeprefix("crystal-")))


def compare(engine: Engine, folder: Path, bulk_GPa: float) -> Pressure:
    """PBE's pressure against the model's on the frames of a folder."""
    frames = read_frames(folder)
    volumes = np.abs(np.linalg.det(frames.box.reshape(-1, 3, 3))) / len(frames.types)
    virial = evaluate.system_errors(engine, folder, slice(None))["virial"] / 1e3  # model less PBE, eV/atom
    differences = -virial[:, ::4].mean(axis=1) / volumes * GPA
    mean, count = float(differences.mean()), len(differences)
    error = float(differences.std(ddof=1) / np.sqrt(count)) if count > 1 else None
    return Pressure(
        frames=count,
        atoms=len(frames.types),
        difference_GPa=mean,
        difference_error_GPa=error,
        bulk_GPa=bulk_GPa,
        density_change_percent=-100 * mean / bulk_GPa,
        density_change_error_percent=None if error is None else 100 * error / bulk_GPa,
    )


def bulk_modulus(session: Session, start) -> float:
    """Bulk modulus in GPa of ``ase.Atoms`` at rest: pressures of two volumes about it, ions relaxed in each."""
    from openmmlps.ase import LPSCalculator
    from openmmlps.protocols.relaxation import relax_atoms

    atoms = start.copy()
    atoms.calc = LPSCalculator(str(session.model), threads=session.threads)
    relax_atoms(atoms, 0.005, 1000, lambda: False, lambda step: None, cell=True, stress_tolerance_GPa=0.01)
    cell, positions, pressures = np.array(atoms.cell), atoms.get_scaled_positions(), []
    for sign in (1, -1):
        atoms.set_cell(cell * (1 + sign * STRAIN) ** (1 / 3))
        atoms.set_scaled_positions(positions)
        relax_atoms(atoms, 0.005, 1000, lambda: False, lambda step: None)
        pressures.append(-np.trace(atoms.get_stress(voigt=False)) / 3 * GPA)
    return float(pressures[1] - pressures[0]) / (2 * STRAIN)


def main() -> None:
    parser = make_parser(__doc__)
    session = open_session(parser, parser.parse_args())

    def compute() -> dict:
        engine, found = session.engine(), {}
        for system, folder in labelled_folders(session).items():
            bulk = bulk_modulus(session, at_rest(system, folder))
            found[system.removeprefix("crystal-")] = asdict(compare(engine, folder, bulk))
        return {"materials": found}

    result = cached(session.folder / "pressure.json", {"labelled": labelled_hashes(), "strain": STRAIN}, compute)
    for name, found in result["materials"].items():
        print(
            f"{name}: PBE's pressure is {found['difference_GPa']:+.2f} GPa off the model's, bulk modulus "
            f"{found['bulk_GPa']:.1f} GPa: density {found['density_change_percent']:+.1f} %",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
