# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Densities that PBE itself would have, by its pressure on frames that no model was trained on.

    python training/validate/pressure.py --model .training/runs/lps/graph.pb --work .training

Frames are those of training/label/frames (crystals and quenched glasses at 300 K, labelled by CP2K) and, of every other glass
whose density glasses.py has measured, the held-out frames with at least 0.95 of that density. PBE's pressure less the model's
on the same frames, over the model's bulk modulus at rest, is to first order the fraction by which PBE's crystal or glass is less
dense than the model's.
The frames may come from another model, as long as they are near both equilibria. The pressure of DFT-D3, which neither PBE nor
the model has, is computed of the same frames where the package dftd3 is installed. Writes pressure.json.
"""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

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
    labelled_folders,
    labelled_hashes,
    make_parser,
    open_session,
    read_json,
)

import evaluate
from dispersion import dispersion
from frames import read_frames
from units import GPA

STRAIN = 0.01  # of the volume, both ways
NEAR = 0.95  # of the density at 300 K and 1 bar


@dataclass(frozen=True)
class Material:
    """A crystal or glass with PBE's labels: indices of frames in DeePMD folders, and what to take the bulk modulus of."""

    parts: list[tuple[Path, list[int]]]
    start: object  #: ``ase.Atoms``
    labelled: bool  #: by us, at 300 K and the density of a model; otherwise held-out frames of the data


@dataclass(frozen=True)
class Pressure:
    """PBE against a model on frames of one material."""

    frames: int
    atoms: int
    labelled: bool  #: as of Material
    difference_GPa: float  #: mean of PBE's pressure less the model's
    difference_error_GPa: float | None  #: standard error of the mean; None for a single frame
    bulk_GPa: float  #: of the model, ions relaxed, 0 K
    density_change_percent: float  #: from the model's density to PBE's
    density_change_error_percent: float | None
    dispersion_GPa: float | None  #: mean pressure of DFT-D3, zero damping; None without the package dftd3


def labelled(session: Session) -> dict[str, Material]:
    """The labelled structures. The modulus is that of the packaged crystal, or of the first glass."""
    import ase.io

    from openmmlps.app.structure_files import structure_path

    found = {}
    for system, folder in labelled_folders(session).items():
        frames, name = read_frames(folder), system.removeprefix("crystal-")
        start = frame_atoms(frames, 0) if system in GLASSES else ase.io.read(structure_path(name))
        found[name] = Material([(folder, list(range(len(frames))))], start, labelled=True)
    return found


def glasses(session: Session) -> dict[str, Material]:
    """The glasses of glasses.json, with their held-out frames near the density at 300 K; those without one are left out."""
    measured = (read_json(session.folder / "glasses.json") or {}).get("glasses", {})
    found = {}
    for name in GLASSES:
        model = measured.get(name, {}).get("model")
        folders = [data_folders(session, part)[name] for part in HELD_OUT] if model else []
        parts, dense = [], []
        for folder in folders:
            frames = read_frames(folder)
            structures = {index: frame_atoms(frames, index) for index in range(len(frames))}
            near = {i: atoms for i, atoms in structures.items() if density(atoms) >= NEAR * model["density_g_per_cm3"]}
            if near:
                parts.append((folder, list(near)))
                dense += near.values()
        if dense:
            found[name] = Material(parts, max(dense, key=density), labelled=False)
    return found


def compare(engine: Engine, material: Material, bulk_GPa: float) -> Pressure:
    """PBE's pressure against the model's."""
    differences, dispersions = [], []
    for folder, chosen in material.parts:
        frames = read_frames(folder)
        structures = [frame_atoms(frames, index) for index in chosen]
        volumes = np.array([atoms.get_volume() / len(atoms) for atoms in structures])
        virial = evaluate.system_errors(engine, folder, chosen)["virial"] / 1e3  # model less PBE, eV/atom
        differences.extend(-virial[:, ::4].mean(axis=1) / volumes * GPA)
        dispersions += [dispersion_pressure(atoms) for atoms in structures]
    mean, count = float(np.mean(differences)), len(differences)
    error = float(np.std(differences, ddof=1) / np.sqrt(count)) if count > 1 else None
    return Pressure(
        frames=count,
        atoms=len(frames.types),
        labelled=material.labelled,
        difference_GPa=mean,
        difference_error_GPa=error,
        bulk_GPa=bulk_GPa,
        density_change_percent=-100 * mean / bulk_GPa,
        density_change_error_percent=None if error is None else 100 * error / bulk_GPa,
        dispersion_GPa=None if None in dispersions else float(np.mean(dispersions)),
    )


def dispersion_pressure(atoms) -> float | None:
    """Pressure in GPa that DFT-D3 adds to ``ase.Atoms``; None without the package dftd3."""
    try:
        _, _, virial = dispersion(atoms.get_chemical_symbols(), atoms.positions.ravel(), np.array(atoms.cell).ravel())
    except ImportError:
        return None
    return float(virial[::4].mean()) / atoms.get_volume() * GPA


def bulk_modulus(session: Session, start) -> float:
    """Bulk modulus in GPa of ``ase.Atoms`` at rest: pressures of two volumes about it, ions relaxed in each."""
    from openmmlps.ase import LPSCalculator
    from openmmlps.protocols.relaxation import relax_atoms

    atoms = start.copy()
    atoms.calc = LPSCalculator(str(session.model), threads=session.threads)
    relax_atoms(atoms, 0.005, 1000, lambda: False, cell=True, stress_tolerance_GPa=0.01)
    cell, positions, pressures = np.array(atoms.cell), atoms.get_scaled_positions(), []
    for sign in (1, -1):
        atoms.set_cell(cell * (1 + sign * STRAIN) ** (1 / 3))
        atoms.set_scaled_positions(positions)
        relax_atoms(atoms, 0.005, 1000, lambda: False)
        pressures.append(-np.trace(atoms.get_stress(voigt=False)) / 3 * GPA)
    return float(pressures[1] - pressures[0]) / (2 * STRAIN)


def main() -> None:
    parser = make_parser(__doc__)
    arguments = parser.parse_args()
    session = open_session(parser, arguments)
    materials = glasses(session) | labelled(session)
    counts = {name: sum(len(chosen) for _, chosen in material.parts) for name, material in materials.items()}

    def compute() -> dict:
        engine = session.engine()
        return {
            "materials": {
                name: asdict(compare(engine, material, bulk_modulus(session, material.start)))
                for name, material in materials.items()
            }
        }

    settings = {"frames": counts, "labelled": labelled_hashes(), "strain": STRAIN, "near": NEAR}
    result = cached(session.folder / "pressure.json", settings, compute)
    for name, found in result["materials"].items():
        print(
            f"{name}: PBE's pressure is {found['difference_GPa']:+.2f} GPa off the model's, bulk modulus "
            f"{found['bulk_GPa']:.1f} GPa: density {found['density_change_percent']:+.1f} %",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
