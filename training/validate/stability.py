# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Do simulations hold? Every crystal and glass at 1,500 K and constant volume, and at 300 K and 1 bar.

    python training/validate/stability.py --model .training/runs/lps/model.dp --work .training

Cells of about 256 atoms: the packaged crystals and the first held-out DFT frame of each glass. A run has failed when it ends early,
at the first frame with two atoms closer than 0.8 of the shortest distance of the pair in the DFT data, or with a jump of the
potential energy; the time of that is reported. Then energy conservation (NVE) from the end of the run at 300 K. The full time is
--time-ps 100. Runs that were interrupted, or are given more time, go on from their checkpoints. Writes stability.json.
"""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from common import GLASSES, Session, cached, data_folders, frame_atoms, make_parser, open_session, supercell, write_json

from frames import BOLTZMANN, read_frames

CONTACT = 0.8  # of the shortest distance in the DFT data
JUMP = 8.0  # standard deviations of the potential energy per atom of N classical oscillators, sqrt(1.5 / N) k T
KINDS = {"hot": 1500.0, "room": 300.0}  # K
ATOMS = 256
CRYSTALS = ("beta-Li3PS4", "gamma-Li3PS4", "Li7P3S11", "Li4P2S6", "Li2P2S6", "Li7PS6", "Li2S", "Li48P16S61", "P2S5")
FLEXIBLE = ("Li7P3S11", "Li2P2S6", "P2S5")


@dataclass(frozen=True)
class Outcome:
    """How far a simulation came."""

    stable: bool
    time_ps: float  #: simulated; up to the violation if there is one
    violation: str | None
    closest_over_dft: dict  #: pair -> shortest distance over the shortest of the DFT data


def closest_approach(positions, cell, symbols, cutoff: float = 2.6) -> dict[str, float]:
    """Return {'Li-S': shortest distance, angstrom} of positions [n, 3] in a cell [3, 3]; without pairs never nearer than `cutoff`."""
    from vesin import NeighborList

    search = NeighborList(cutoff=cutoff, full_list=False)
    first, second, distance = search.compute(
        np.ascontiguousarray(positions, dtype=float), np.ascontiguousarray(cell, dtype=float), True, "ijd"
    )
    shortest = {}
    for i, j, value in zip(first.astype(int), second.astype(int), distance, strict=True):
        pair = "-".join(sorted((symbols[i], symbols[j])))
        shortest[pair] = min(shortest.get(pair, np.inf), float(value))
    return shortest


def starts(session: Session) -> dict[str, Path]:
    """Write the structures to start from, of about ATOMS atoms, and return {name: file}."""
    import ase.io

    from openmmlps.app.structure_files import structure_path

    folder = session.folder / "stability" / "starts"
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in CRYSTALS:
        found[name] = ase.io.read(structure_path(name))
        found[name] = found[name].repeat(supercell(found[name], ATOMS - 6))
    for name, source in data_folders(session, "test").items():
        if name in GLASSES:
            found[name] = frame_atoms(read_frames(source), 0)
    for name, atoms in found.items():
        ase.io.write(folder / f"{name}.extxyz", atoms)
    return {name: folder / f"{name}.extxyz" for name in found}


def settings_of(name: str, start: Path, kind: str) -> dict:
    """What one simulation has of its own: 2 fs at 300 K, 1 fs at 1,500 K; frames and energies every 0.05 ps."""
    hot = kind == "hot"
    return {
        "structure": str(start.resolve()),
        "ensemble": "nvt" if hot else "npt",
        "barostat": "isotropic" if name in GLASSES else "flexible" if name in FLEXIBLE else "anisotropic",
        "temperature": KINDS[kind],
        "timestep": 0.001 if hot else 0.002,
        "minimize": True,
        "report_interval": 50 if hot else 25,
        "trajectory_interval": 50 if hot else 25,
        "checkpoint_seconds": 30.0,
    }


def judge(times, positions, cells, symbols, energies, kelvin) -> Outcome:
    """Return the outcome of frames: positions [t, n, 3] and cells [t, 3, 3] angstrom, potential energies [t] eV, times [t] ps.

    Frames after the first violation are not looked at.
    """
    from openmmlps.app.repulsion import SHORTEST_DISTANCES

    reference = {"-".join(pair): 10 * distance for pair, distance in SHORTEST_DISTANCES.items()}
    jumps = np.abs(np.diff(energies, prepend=energies[0])) / (np.sqrt(1.5 * len(symbols)) * BOLTZMANN * kelvin)
    jumps[:2] = 0  # the first step away from a minimum is large
    nearness, violation, end = {}, None, 0.0
    for moment, frame, cell, jump in zip(times, positions, cells, jumps, strict=True):
        end = float(moment)
        found = {pair: value / reference[pair] for pair, value in closest_approach(frame, cell, symbols).items()}
        nearness = {pair: min(nearness.get(pair, np.inf), found.get(pair, np.inf)) for pair in nearness | found}
        worst = min(found, key=found.get, default=None)
        if worst and found[worst] < CONTACT:
            violation = f"{worst} at {found[worst] * reference[worst]:.2f} Å, {found[worst]:.2f} of the shortest in DFT"
        elif jump > JUMP:
            violation = f"the potential energy jumped by {jump:.0f} standard deviations"
        if violation:
            break
    return Outcome(violation is None, end, violation, nearness)


def read_run(folder: Path):
    """Return (times, positions, cells, symbols, energies) of the frames of a run; ps, angstrom, eV."""
    from openmmlps.h5md import H5MDFile
    from openmmlps.units import KJ_PER_MOL_PER_EV

    with H5MDFile(folder / "trajectory.h5") as file:
        times, positions, cells, energies = map(file.read, ("time", "position", "edges", "potential_energy"))
        return times, positions, cells, file.symbols(), energies / KJ_PER_MOL_PER_EV


def simulate(session: Session, name: str, start: Path, kind: str, time_ps: float) -> dict:
    """Run one simulation to `time_ps`, and return its outcome."""
    from openmmlps.app.stability import RunFailed

    folder, failure = session.folder / "stability" / f"{name}-{kind}", None
    try:
        session.advance(folder, time_ps, lambda: settings_of(name, start, kind))
    except RunFailed as error:
        failure = str(error)
    outcome = asdict(judge(*read_run(folder), KINDS[kind]))
    if failure and outcome["stable"]:
        outcome |= {"stable": False, "violation": failure}
    return outcome


def drift(session: Session, name: str, time_ps: float) -> dict:
    """Energy conservation in NVE from the end of the run at 300 K, 1 fs: slope of the total energy, meV/atom/ps."""
    from openmmlps.analysis import linear_fit
    from openmmlps.app.stability import RunFailed
    from openmmlps.app.thermo_file import read_thermo
    from openmmlps.protocols.states import write_final
    from openmmlps.units import KJ_PER_MOL_PER_EV

    folder = session.folder / "stability" / f"{name}-nve"

    def settings() -> dict:
        write_final(session.folder / "stability" / f"{name}-room", folder.with_suffix(".extxyz"))
        return {
            "structure": str(folder.with_suffix(".extxyz").resolve()),
            "ensemble": "nve",
            "temperature": KINDS["room"],
            "timestep": 0.001,
            "report_interval": 10,
            "trajectory_interval": 1000,
        }

    try:
        session.advance(folder, time_ps, settings)
    except RunFailed as error:
        return {"failed": str(error)}
    data = read_thermo(folder / "thermo.csv")
    energy = 1e3 * data["total_kJ_per_mol"] / KJ_PER_MOL_PER_EV / len(read_run(folder)[3])
    return {"drift_meV_per_atom_per_ps": float(linear_fit(data["time_ps"], energy)[0])}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--time-ps", type=float, default=100.0, help="length of each simulation")
    parser.add_argument("--drift-ps", type=float, default=10.0, help="length of the NVE runs; 0: none")
    parser.add_argument("--only", nargs="+", choices=[*CRYSTALS, *GLASSES], help="these structures only")
    arguments = parser.parse_args()
    if arguments.time_ps <= 0 or arguments.drift_ps < 0:
        parser.error("--time-ps must be positive, --drift-ps must not be negative")
    session = open_session(parser, arguments)
    pieces, outcomes = session.folder / "stability", {}
    for name, start in starts(session).items():
        if arguments.only and name not in arguments.only:
            continue
        outcomes[name] = {}
        for kind in KINDS:
            outcomes[name][kind] = found = cached(
                pieces / f"{name}-{kind}.json",
                {"time_ps": arguments.time_ps},
                lambda n=name, s=start, k=kind: simulate(session, n, s, k, arguments.time_ps),
            )
            state = "stable" if found["stable"] else found["violation"]
            print(f"{name} {kind}: {found['time_ps']:.1f} ps, {state}", file=sys.stderr, flush=True)
        if arguments.drift_ps and outcomes[name]["room"]["stable"]:
            outcomes[name]["nve"] = cached(
                pieces / f"{name}-nve.json",
                {"time_ps": arguments.drift_ps},
                lambda n=name: drift(session, n, arguments.drift_ps),
            )
    settings = {"time_ps": arguments.time_ps, "drift_ps": arguments.drift_ps, "structures": [*CRYSTALS, *GLASSES]}
    write_json(session.folder / "stability.json", {"outcomes": outcomes, "settings": settings})


if __name__ == "__main__":
    main()
