# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Does the spread of a committee flag what is wrong?

    python training/validate/committee.py --models .training/runs/lps*/model.dp --work .training

The deviation of an atom is the root mean square distance of its forces under the models from their mean, that of a frame the
largest or the root mean square over atoms (as DP-GEN defines it). It is measured on held-out frames and on structures outside of
the data: strained crystals, a contact with lithium metal, P4S10 molecules, random packings. On the held-out glass frames it is
compared with the true error of the first model (Spearman). Writes committee.json for the first model.
"""

import sys
from pathlib import Path

import numpy as np
from common import HELD_OUT, Engine, cached, data_folders, frame_atoms, make_parser, open_session

from frames import read_frames
from openmmlps.learn.errors import deviation, spearman

FRAMES = 60  # of each held-out group and of glasses for the correlation


def packaged(name: str):
    """A packaged crystal as ``ase.Atoms``."""
    import ase.io

    from openmmlps.app.structure_files import structure_path

    return ase.io.read(structure_path(name))


def strained_crystals() -> list:
    """Packaged crystals compressed and stretched by 5 and 10 % along every direction, and sheared by 10 %."""
    shear = np.eye(3)
    shear[0, 1] = 0.1
    deformations = [(1 + strain) * np.eye(3) for strain in (-0.10, -0.05, 0.05, 0.10)] + [shear]
    found = []
    for name in ("beta-Li3PS4", "gamma-Li3PS4", "Li7P3S11", "Li2S"):
        for deformation in deformations:
            atoms = packaged(name)
            atoms.set_cell(np.array(atoms.cell) @ deformation, scale_atoms=True)
            found.append(atoms)
    return found


def lithium_contact() -> list:
    """Beta-Li3PS4 against a slab of body-centered lithium, with gaps of 2.0, 2.5 and 3.0 angstrom; periodic, strained to fit."""
    from ase.build import bcc100

    found = []
    for gap in (2.0, 2.5, 3.0):
        electrolyte = packaged("beta-Li3PS4").repeat((1, 1, 2))
        lengths = electrolyte.cell.lengths()
        repeats = [max(1, round(lengths[axis] / 3.44)) for axis in (0, 1)]
        metal = bcc100("Li", size=(*repeats, 6), a=3.44, vacuum=0)
        scale = np.diag([lengths[0] / metal.cell.lengths()[0], lengths[1] / metal.cell.lengths()[1], 1.0])
        positions = metal.positions @ scale
        positions[:, 2] += electrolyte.positions[:, 2].max() - positions[:, 2].min() + gap
        metal.positions = positions
        both = electrolyte + metal
        both.set_cell([*lengths[:2], positions[:, 2].max() + gap - electrolyte.positions[:, 2].min()])
        both.pbc = True
        found.append(both)
    return found


def phosphorus_sulfide_molecules() -> list:
    """P4S10 molecules alone in a box of 20 angstrom, cut out of the crystal P2S5, also with bonds stretched by 5 and 10 %."""
    from ase.neighborlist import neighbor_list

    atoms = packaged("P2S5")
    first, second, vectors = neighbor_list("ijD", atoms, 2.4)
    positions, todo = {0: np.zeros(3)}, [0]
    while todo:  # along bonds, so that the molecule is whole
        atom = todo.pop()
        for neighbor, vector in zip(second[first == atom], vectors[first == atom], strict=True):
            if neighbor not in positions:
                positions[neighbor] = positions[atom] + vector
                todo.append(neighbor)
    molecule = atoms[list(positions)]
    molecule.positions = list(positions.values())
    molecule.positions -= molecule.positions.mean(axis=0)
    found = []
    for stretch in (1.0, 1.05, 1.1):
        found.append(molecule.copy())
        found[-1].positions = molecule.positions * stretch + 10.0
        found[-1].set_cell([20.0] * 3)
    return found


def random_packings() -> list:
    """Random packings of 67, 70 and 75 mol% Li2S at 1.85 g/cm3, not relaxed."""
    from openmmlps.protocols.packing import Composition, pack

    return [
        pack(Composition.parse(percent).counts(120), 1.85, seed) for percent in ("67", "70", "75") for seed in (1, 2)
    ]


def held_out(session, prefix: str) -> list[tuple]:
    """(atoms, DFT forces [n, 3]) of about FRAMES held-out frames of the systems whose names begin with `prefix`."""
    found = []
    for part in HELD_OUT:
        for name, folder in data_folders(session, part).items():
            if name.startswith(prefix):
                frames = read_frames(folder)
                found += [(frame_atoms(frames, i), frames.force[i].reshape(-1, 3)) for i in range(len(frames))]
    chosen = np.unique(np.linspace(0, len(found) - 1, FRAMES).astype(int))
    return [found[index] for index in chosen]


def measure(engines: list[Engine], atoms, reference=None) -> dict:
    """Deviations of one configuration, and the error of the first model where DFT forces [n, 3] are given; eV/angstrom."""
    forces = np.array([engine.atoms(atoms)[1] for engine in engines])
    spread = deviation(forces)
    found = {"largest": float(spread.max()), "rms": float(np.sqrt((spread**2).mean())), "spread": spread}
    if reference is not None:
        error = np.linalg.norm(forces[0] - reference, axis=1)
        found |= {"error": error, "error_rms": float(np.sqrt((error**2).mean())), "error_largest": float(error.max())}
    return found


def summarise(groups: dict[str, list[dict]]) -> dict:
    """Deviations of each group, and how much of it exceeds the 95th percentile of the held-out glasses."""
    limit = float(np.percentile([found["largest"] for found in groups["held-out glasses"]], 95))
    result = {"limit": limit, "groups": {}}
    for name, members in groups.items():
        largest = np.array([found["largest"] for found in members])
        result["groups"][name] = {
            "frames": len(members),
            "median_largest": float(np.median(largest)),
            "highest_largest": float(largest.max()),
            "median_rms": float(np.median([found["rms"] for found in members])),
            "fraction_flagged": float((largest > limit).mean()),
        }
        if "error_rms" in members[0]:
            result["groups"][name]["median_error_rms"] = float(np.median([found["error_rms"] for found in members]))
    return result


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--models", nargs="+", type=Path, required=True, help="two models or more; the first is judged")
    parser.add_argument("--note", default="", help="a sentence about these models, for the card")
    arguments = parser.parse_args()
    if len(arguments.models) < 2:
        parser.error("--models names one model; a committee has at least two")
    missing = [str(path) for path in arguments.models if not path.is_file()]
    if missing:
        parser.error(f"--models: there is no file {', '.join(missing)}")
    arguments.model = str(arguments.models[0])
    session = open_session(parser, arguments)
    hashes = []
    for path in arguments.models:
        arguments.model = str(path)
        hashes.append(open_session(parser, arguments).sha256)
    if len(set(hashes)) < len(hashes):
        parser.error("--models: two of the models have the same weights; a committee needs different ones")

    def compute() -> dict:
        engines = [Engine(path, session.threads) for path in arguments.models]
        labelled = {
            "held-out glasses": held_out(session, "glass"),
            "held-out crystals": held_out(session, "crystal"),
        }
        unlabelled = {
            "strained crystals": strained_crystals(),
            "lithium contact": lithium_contact(),
            "P4S10 molecules": phosphorus_sulfide_molecules(),
            "random packings": random_packings(),
        }
        groups = {name: [measure(engines, *pair) for pair in pairs] for name, pairs in labelled.items()}
        groups |= {name: [measure(engines, atoms) for atoms in members] for name, members in unlabelled.items()}
        glasses = groups["held-out glasses"]
        spread, error = (np.concatenate([found[key] for found in glasses]) for key in ("spread", "error"))
        return summarise(groups) | {
            "models": len(engines),
            "note": arguments.note,
            "spearman_frames_rms": spearman([f["rms"] for f in glasses], [f["error_rms"] for f in glasses]),
            "spearman_frames_largest": spearman([f["largest"] for f in glasses], [f["error_largest"] for f in glasses]),
            "spearman_atoms": spearman(spread, error),
        }

    result = cached(
        session.folder / "committee.json", {"sha256": hashes, "frames": FRAMES, "note": arguments.note}, compute
    )
    print(
        f"Spearman over frames {result['spearman_frames_rms']:.2f}, over atoms {result['spearman_atoms']:.2f}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
