# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Do simulations hold? Every crystal and glass at 1,500 K and constant volume, and at 300 K and 1 bar.

    python training/validate/stability.py --model .training/runs/lps/graph.pb --work .training

Cells of about 256 atoms: the packaged crystals and the first held-out DFT frame of each glass. A run is watched in pieces of
--piece-ps: it ends at the first frame with two atoms closer than 0.8 of the shortest distance of the pair in the DFT data, or
with a jump of the potential energy, and the time of that is reported. Then energy conservation (NVE) from the end of the run
at 300 K. The full time is --time-ps 100. Runs that were interrupted, or are given more time, go on from their checkpoints.
Writes stability.json and stability.png.
"""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from common import (
    COLORS,
    ELECTRONVOLT,
    GLASSES,
    Session,
    closest_approach,
    data_folders,
    frame_atoms,
    make_parser,
    new_figure,
    open_session,
    plain,
    read_json,
    save_figure,
    supercell,
    write_json,
)

from frames import read_frames

CONTACT = 0.8  # of the shortest distance in the DFT data
JUMP = 8.0  # standard deviations of the potential energy per atom of N classical oscillators, sqrt(1.5 / N) k T
BOLTZMANN = 8.617333262e-5  # eV/K
KINDS = ("hot", "room")
DRIFT_PS = 10.0
ATOMS = 256
CRYSTALS = ("beta-Li3PS4", "gamma-Li3PS4", "Li7P3S11", "Li4P2S6", "Li2P2S6", "Li7PS6", "Li2S", "Li48P16S61", "P2S5")
FLEXIBLE = ("Li7P3S11", "Li2P2S6", "P2S5")


@dataclass(frozen=True)
class Outcome:
    """How far a simulation came."""

    atoms: int
    stable: bool
    time_ps: float  #: simulated; up to the violation if there is one
    violation: str | None
    closest_over_dft: dict  #: pair -> shortest distance over the shortest of the DFT data
    largest_jump_sigma: float  #: of the potential energy between reports, in standard deviations
    density_g_per_cm3: float | None = None


def shortest_dft() -> dict[str, float]:
    """Shortest distance of each pair in the DFT data, angstrom: what addRepulsion leaves alone."""
    from openmmlps.app.repulsion import SHORTEST_DISTANCES

    return {"-".join(pair): 10 * distance for pair, distance in SHORTEST_DISTANCES.items()}


def starts(session: Session) -> dict[str, Path]:
    """Write the structures to start from, of about ATOMS atoms, and return {name: file}."""
    import ase.io

    from openmmlps.app.structure_files import structure_path

    folder = session.folder / "stability" / "starts"
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in CRYSTALS:
        found[name] = folder / f"{name}.extxyz"
        if not found[name].exists():
            atoms = ase.io.read(structure_path(name))
            ase.io.write(found[name], atoms.repeat(supercell(atoms, ATOMS - 6)))
    for name, source in data_folders(session, "test").items():
        if name in GLASSES:
            found[name] = folder / f"{name}.extxyz"
            if not found[name].exists():
                ase.io.write(found[name], frame_atoms(read_frames(source), 0))
    return found


def settings_of(name: str, start: Path, kind: str) -> dict:
    """What one simulation has of its own: 2 fs at 300 K, 1 fs at 1,500 K; frames and energies every 0.05 ps."""
    hot = kind == "hot"
    return {
        "structure": str(start.resolve()),
        "ensemble": "nvt" if hot else "npt",
        "barostat": "isotropic" if name in GLASSES else "flexible" if name in FLEXIBLE else "anisotropic",
        "temperature": 1500.0 if hot else 300.0,
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
    reference, count = shortest_dft(), len(symbols)
    sigma = np.sqrt(1.5 / count) * BOLTZMANN * kelvin
    nearness, jump, violation, end = {}, 0.0, None, float(times[-1])
    for index, moment in enumerate(times):
        found = closest_approach([(positions[index], cells[index])], symbols)
        for pair, distance in found.items():
            nearness[pair] = min(nearness.get(pair, np.inf), distance / reference[pair])
        worst = min(found, key=lambda pair: found[pair] / reference[pair], default=None)
        if index:
            jump = max(jump, abs(energies[index] - energies[index - 1]) / count / sigma)
        if worst and found[worst] < CONTACT * reference[worst]:
            violation = f"{worst} at {found[worst]:.2f} Å, {found[worst] / reference[worst]:.2f} of the shortest in DFT"
        elif jump > JUMP and index > 1:  # the first step away from a minimum is large
            violation = f"the potential energy jumped by {jump:.0f} standard deviations"
        if violation:
            end = float(moment)
            break
        if index <= 1:
            jump = 0.0
    return Outcome(count, violation is None, end, violation, nearness, jump)


def read_run(folder: Path, after_ps: float):
    """Return (times, positions, cells, symbols, energies) of the frames of a run from `after_ps` on; angstrom, eV, ps."""
    import h5py
    from ase.data import chemical_symbols

    with h5py.File(folder / "trajectory.h5", "r") as file:
        particles = file["particles/all"]
        times = particles["position/time"][:]
        chosen = np.flatnonzero(times > after_ps - 1e-9)
        chosen = slice(int(chosen[0]) if len(chosen) else len(times) - 1, None)
        return (
            times[chosen],
            10 * particles["position/value"][chosen],
            10 * particles["box/edges/value"][chosen],
            [chemical_symbols[number] for number in particles["species"][:]],
            file["observables/potential_energy/value"][chosen] / ELECTRONVOLT,
        )


def merge(first: dict | None, second: Outcome) -> dict:
    """The outcome of a run and of its next piece as one."""
    second = asdict(second)
    if first is None:
        return second
    pairs = set(first["closest_over_dft"]) | set(second["closest_over_dft"])
    nearness = {
        pair: min(part["closest_over_dft"].get(pair, np.inf) for part in (first, second)) for pair in sorted(pairs)
    }
    jump = max(first["largest_jump_sigma"], second["largest_jump_sigma"])
    return second | {"closest_over_dft": nearness, "largest_jump_sigma": jump}


def simulate(
    session: Session, name: str, start: Path, kind: str, time_ps: float, piece_ps: float, until: float
) -> dict:
    """Run one simulation to `time_ps` or to its first violation, and return its outcome; stop at `until` (clock time)."""
    from openmmlps.app.stability import RunFailed
    from openmmlps.protocols.states import mean_thermo

    folder = session.folder / "stability" / f"{name}-{kind}"
    file = folder.with_suffix(".json")
    outcome = read_json(file)
    kelvin = 1500.0 if kind == "hot" else 300.0
    while time.monotonic() < until and (outcome is None or (outcome["stable"] and outcome["time_ps"] < time_ps - 1e-9)):
        done = outcome["time_ps"] if outcome else 0.0
        target = min(time_ps, done + piece_ps)
        failure = None
        try:
            session.advance(folder, target, lambda: settings_of(name, start, kind))
        except RunFailed as error:
            failure = str(error)
        outcome = merge(outcome, judge(*read_run(folder, done), kelvin))
        if failure and outcome["stable"]:
            outcome |= {"stable": False, "violation": failure}
        outcome["density_g_per_cm3"] = mean_thermo(folder)["density_g_per_cm3"][0]
        write_json(file, outcome)
        outcome = read_json(file)
    return outcome


def drift(session: Session, name: str, time_ps: float) -> dict | None:
    """Energy conservation in NVE from the end of the run at 300 K, 1 fs: slope of the total energy, meV/atom/ps."""
    from openmmlps.app.run_folder import is_run
    from openmmlps.app.stability import RunFailed
    from openmmlps.app.thermo_file import read_thermo
    from openmmlps.protocols.states import write_final

    source = session.folder / "stability" / f"{name}-room"
    folder = session.folder / "stability" / f"{name}-nve"
    file = folder.with_suffix(".json")
    kept = read_json(file)
    if kept and kept["time_ps"] >= time_ps:
        return kept
    if not is_run(source):
        return None
    start = folder.with_suffix(".extxyz")

    def settings() -> dict:
        write_final(source, start)
        return {
            "structure": str(start.resolve()),
            "ensemble": "nve",
            "temperature": 300.0,
            "timestep": 0.001,
            "report_interval": 10,
            "trajectory_interval": 1000,
        }

    try:
        session.advance(folder, time_ps, settings)
    except RunFailed as error:
        return {"time_ps": time_ps, "failed": str(error)}
    data = read_thermo(folder / "thermo.csv")
    count = len(read_run(folder, np.inf)[3])
    energy = data["total_kJ_per_mol"] / ELECTRONVOLT / count * 1e3
    slope = np.polyfit(data["time_ps"], energy, 1)[0]
    result = {
        "time_ps": time_ps,
        "drift_meV_per_atom_per_ps": slope,
        "fluctuation_meV_per_atom": float(np.std(energy - slope * data["time_ps"])),
    }
    write_json(file, result)
    return read_json(file)


def plot(outcomes: dict, path: Path) -> None:
    """Shortest distance of each pair over that of the DFT data, for each simulation."""
    pairs = sorted(shortest_dft())
    figure, axes = new_figure(7.2, 2.6, columns=2)
    for axis, kind, title in zip(axes[0], KINDS, ("1,500 K, constant volume", "300 K, 1 bar"), strict=True):
        names = [name for name in outcomes if kind in outcomes[name]]
        for place, name in enumerate(names):
            outcome = outcomes[name][kind]
            for pair in pairs:
                value = outcome["closest_over_dft"].get(pair)
                if value is not None:
                    color = COLORS["all"] if outcome["stable"] else "#c0392b"
                    axis.plot(value, place, "o", color=color, markersize=3)
        axis.axvline(CONTACT, color="#c0392b", linewidth=0.9)
        axis.axvline(1, color=COLORS["grey"], linewidth=0.7, linestyle="--")
        axis.set_yticks(range(len(names)), names)
        axis.set(title=title, xlabel="shortest distance / shortest in DFT, every pair")
    save_figure(figure, path)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--time-ps", type=float, default=100.0, help="length of each simulation")
    parser.add_argument("--piece-ps", type=float, default=5.0, help="length after which a run is looked at")
    parser.add_argument("--drift-ps", type=float, default=DRIFT_PS, help="length of the NVE runs; 0: none")
    parser.add_argument("--only", nargs="+", choices=[*CRYSTALS, *GLASSES], help="these structures only")
    parser.add_argument(
        "--budget", type=float, default=float("inf"), help="seconds of clock time; then stop, to be resumed"
    )
    arguments = parser.parse_args()
    if arguments.time_ps <= 0 or arguments.piece_ps <= 0 or arguments.drift_ps < 0:
        parser.error("--time-ps and --piece-ps must be positive, --drift-ps must not be negative")
    session = open_session(parser, arguments)
    until = time.monotonic() + arguments.budget
    outcomes = {}
    for name, start in starts(session).items():
        if arguments.only and name not in arguments.only:
            continue
        for kind in KINDS:
            outcome = simulate(session, name, start, kind, arguments.time_ps, arguments.piece_ps, until)
            if outcome is not None:
                outcomes.setdefault(name, {})[kind] = outcome
                state = "stable" if outcome["stable"] else outcome["violation"]
                print(f"{name} {kind}: {outcome['time_ps']:.1f} ps, {state}", file=sys.stderr, flush=True)
        room = outcomes.get(name, {}).get("room")
        if arguments.drift_ps and room and room["stable"] and time.monotonic() < until:
            outcomes[name]["nve"] = drift(session, name, arguments.drift_ps)
    structures = [*CRYSTALS, *GLASSES]
    settings = {"time_ps": arguments.time_ps, "drift_ps": arguments.drift_ps, "structures": structures}
    write_json(session.folder / "stability.json", {"outcomes": plain(outcomes), "settings": settings})
    plot(outcomes, session.folder / "stability.png")


if __name__ == "__main__":
    main()
