# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Glasses of 67, 70 and 75 mol% Li2S: density at 300 K, structure against the DFT frames, conductivity.

    python training/validate/glasses.py --model .training/runs/lps/graph.pb --work .training --source quench --preset quick

--source frames starts from the first held-out DFT frame of each composition (about 256 atoms) and runs --time-ps at 300 K and
1 bar: density and structure of that glass, no conductivity. --source quench melts and quenches (openmm-lps quench) and then
measures transport (openmm-lps transport) with the lengths of --preset; `standard` takes those of the published study, days on a
GPU. Everything goes on where it was stopped; --budget ends it after so many seconds. Writes glasses.json and glasses.png.
"""

import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from common import (
    COLORS,
    GLASSES,
    HELD_OUT,
    Session,
    data_folders,
    frame_atoms,
    make_parser,
    new_figure,
    open_session,
    read_json,
    save_figure,
    write_json,
)

from frames import read_frames

PAIRS = (("P", "S"), ("Li", "S"), ("Li", "Li"), ("S", "S"), ("P", "P"))
PEAKS = {"P-S": (1.7, 2.6), "Li-S": (2.0, 3.2), "S-S": (2.8, 4.2), "Li-Li": (2.2, 5.0)}  # angstrom, where to look
DFT_FRAMES = 40  # of each composition, so that the analysis takes seconds
R_MAX, BIN = 7.0, 0.05
PRIVATE = ("model", "composition", "structure", "platform", "threads", "checkpoint_s")  # settings that are no choice


def structure(trajectory) -> dict:
    """g(r), its first peaks and coordination, and the speciation of a trajectory."""
    from openmmlps import analysis

    found = analysis.radial_distribution(trajectory, r_max=R_MAX, bin_width=BIN)
    kinds = analysis.classify_anions(trajectory)
    peaks = {}
    for pair, (low, high) in PEAKS.items():
        position, height = found.peak(*pair.split("-"), low, high)
        peaks[pair] = {"angstrom": position, "height": height}
    return {
        "frames": len(trajectory),
        "r_angstrom": found.r_angstrom.tolist(),
        "g": {"-".join(sorted(pair)): found.pair(*pair).tolist() for pair in PAIRS},
        "peaks": peaks,
        "sulfur_around_phosphorus": found.coordination_within("P", "S", 2.6),
        "sulfur_around_lithium": found.coordination_within("Li", "S", 3.2),
        "percent_of_phosphorus": {name: 100 * value for name, value in kinds.fraction_of_formers().items()},
        "q_n_percent": [100 * float(value) for value in kinds.q_n_fractions("P")[:4]],
        "sulfur_sulfur_bonds": float(np.mean(kinds.sulfur_sulfur_bonds)),
    }


def dft_structure(session: Session, name: str) -> dict:
    """The structure of the held-out DFT frames of one composition (400 to 1,600 K)."""
    from openmmlps import analysis

    file = session.folder / "glasses" / f"{name}-dft.json"
    kept = read_json(file)
    if kept is None:
        atoms = []
        for part in HELD_OUT:
            frames = read_frames(data_folders(session, part)[name])
            atoms += [frame_atoms(frames, index) for index in range(len(frames))]
        chosen = np.unique(np.linspace(0, len(atoms) - 1, DFT_FRAMES).astype(int))
        write_json(file, structure(analysis.from_atoms([atoms[index] for index in chosen])))
        kept = read_json(file)
    return kept


def from_frames(session: Session, name: str, time_ps: float, until: float) -> dict | None:
    """Density and structure at 300 K of the glass in the first held-out DFT frame; None if the budget ended before."""
    import ase.io

    from openmmlps import analysis
    from openmmlps.protocols.states import mean_thermo

    folder = session.folder / "glasses" / f"{name}-npt"
    start = session.folder / "glasses" / f"{name}.extxyz"
    if time.monotonic() > until:
        return None

    def settings() -> dict:
        start.parent.mkdir(parents=True, exist_ok=True)
        ase.io.write(start, frame_atoms(read_frames(data_folders(session, "test")[name]), 0))
        return {
            "structure": str(start.resolve()),
            "ensemble": "npt",
            "temperature": 300.0,
            "timestep": 0.002,
            "minimize": True,
            "report_interval": 25,
            "trajectory_interval": 50,
            "checkpoint_seconds": 30.0,
        }

    session.advance(folder, time_ps, settings)
    trajectory = analysis.read(folder / "trajectory.h5")
    thermo = mean_thermo(folder)
    return {
        "time_ps": time_ps,
        "atoms": len(trajectory.symbols),
        "density_g_per_cm3": thermo["density_g_per_cm3"][0],
        "density_error": thermo["density_g_per_cm3"][1],
        "structure": structure(trajectory[len(trajectory) // 2 :]),
    }


def advance(session: Session, protocol: str, folder: Path, options: list[str], until: float) -> bool:
    """Start or continue a protocol by its command until it is finished or the budget ends; return whether it is finished.

    Raises SystemExit with the command's own message if it fails.
    """
    from openmmlps.protocols import is_protocol

    if time.monotonic() > until:
        return False
    command = [sys.executable, "-m", "openmmlps", protocol]
    if is_protocol(folder):
        command += ["--resume", "-o", str(folder)]
    else:
        command += [*options, "--model", str(session.model), "--platform", "CPU", "--threads", str(session.threads)]
        command += ["-o", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, message = process.communicate(timeout=None if until == float("inf") else max(1.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.terminate()  # writes a checkpoint first
        process.communicate()
        return False
    if process.returncode not in (0, 130, 143):
        raise SystemExit(f"glasses: '{' '.join(command)}' failed: {message.strip()[-500:]}")
    return process.returncode == 0


def assignments(values: list[str]) -> list[str]:
    """['a=1', 'b=2'] as options of a protocol: ['--set', 'a=1', '--set', 'b=2']."""
    return [part for value in values for part in ("--set", value)]


def changed_settings(folder: Path, settings: type, preset: str) -> list[str]:
    """What a protocol was really done with, where that is not its preset, as ['atoms=60', ...]."""
    from openmmlps.protocols.protocol_folder import ProtocolFolder

    used, usual = ProtocolFolder(folder).read_settings(settings), settings.make(preset)
    names = [name for name in usual.__dataclass_fields__ if name not in PRIVATE]
    return [f"{name}={getattr(used, name)}" for name in names if getattr(used, name) != getattr(usual, name)]


def from_quench(session: Session, name: str, arguments, until: float) -> dict | None:
    """Density, structure and transport of quenched glasses; None if the quench is not finished yet.

    `arguments` has `preset`, `quench_set` and `transport_set` of the command line.
    """
    from openmmlps import analysis
    from openmmlps.protocols import QuenchSettings, TransportSettings
    from openmmlps.protocols.sequence import stage_result
    from openmmlps.report import analyze

    preset = arguments.preset
    folder = session.folder / "glasses" / f"{name}-quench-{preset}"
    options = ["--composition", str(GLASSES[name]), "--preset", preset, *assignments(arguments.quench_set)]
    if not advance(session, "quench", folder, options, until):
        return None
    replicas = sorted(folder.glob("replica-*/equilibrate"))
    densities = [stage_result(replica)["thermo"]["density_g_per_cm3"][0] for replica in replicas]
    trajectory = analysis.read(replicas[0] / "trajectory.h5")
    result = {
        "changed": changed_settings(folder, QuenchSettings, preset),
        "replicas": len(replicas),
        "atoms": len(trajectory.symbols),
        "density_g_per_cm3": float(np.mean(densities)),
        "density_error": float(np.std(densities, ddof=1) / np.sqrt(len(densities))) if len(densities) > 1 else None,
        "structure": structure(trajectory[len(trajectory) // 2 :]),
    }
    transport = session.folder / "glasses" / f"{name}-transport-{preset}"
    options = [str(folder), "--preset", preset, *assignments(arguments.transport_set)]
    if advance(session, "transport", transport, options, until):
        result["changed"] += changed_settings(transport, TransportSettings, preset)
        try:
            found = analyze(transport)[0]
        except ValueError as error:  # such as runs too short for a coefficient; density and structure still count
            return result | {"transport": [], "transport_warnings": [str(error)]}
        result["transport"] = [asdict(item) for item in found.results]
        result["transport_warnings"] = list(found.warnings)
    return result


def plot(results: dict, path: Path) -> None:
    """g(r) of the model (300 K) and of the DFT frames (400 to 1,600 K), one column for each composition."""
    names = [name for name in results if results[name].get("model")]
    if not names:
        return
    figure, axes = new_figure(7.2, 2.6, columns=len(names))
    colors = (COLORS["P"], COLORS["all"], COLORS["Li"], COLORS["S"], COLORS["grey"])
    for axis, name in zip(axes[0], names, strict=True):
        for offset, (pair, color) in enumerate(zip(PAIRS, colors, strict=True)):
            key = "-".join(sorted(pair))
            for source, style in (("dft", {"linestyle": ":", "linewidth": 1.2}), ("model", {"linewidth": 0.9})):
                found = results[name][source] if source == "dft" else results[name][source]["structure"]
                g = np.array(found["g"][key])
                axis.plot(found["r_angstrom"], g / max(g.max(), 1e-9) + 1.1 * offset, color=color, **style)
            axis.text(0.1, 1.1 * offset + 0.12, key, color=color, fontsize=7)
        axis.set(title=f"{GLASSES[name]} mol% Li₂S", xlabel="r (Å)", yticks=[])
    axes[0, 0].set_ylabel("g(r), each scaled to 1")
    save_figure(figure, path)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--source", choices=("frames", "quench"), default="frames", help="where glasses come from")
    parser.add_argument("--preset", choices=("quick", "standard"), default="standard", help="lengths of a quench")
    parser.add_argument("--quench-set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of a new quench")
    parser.add_argument(
        "--transport-set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of a new transport"
    )
    parser.add_argument("--time-ps", type=float, default=100.0, help="of --source frames, ps")
    parser.add_argument("--only", nargs="+", choices=list(GLASSES), help="these compositions only")
    parser.add_argument(
        "--budget", type=float, default=float("inf"), help="seconds of clock time; then stop, to be resumed"
    )
    arguments = parser.parse_args()
    if arguments.time_ps <= 0:
        parser.error(f"--time-ps is {arguments.time_ps:g}; it must be positive")
    session = open_session(parser, arguments)
    until = time.monotonic() + arguments.budget
    results = {}
    for name in arguments.only or GLASSES:
        results[name] = {"dft": dft_structure(session, name)}
        if arguments.source == "frames":
            results[name]["model"] = from_frames(session, name, arguments.time_ps, until)
        else:
            results[name]["model"] = from_quench(session, name, arguments, until)
        found = results[name]["model"]
        print(f"{name}: {found['density_g_per_cm3']:.3f} g/cm3" if found else f"{name}: not finished", file=sys.stderr)
    settings = {"source": arguments.source, "preset": arguments.preset, "time_ps": arguments.time_ps}
    write_json(session.folder / "glasses.json", {"glasses": results, "settings": settings})
    plot(results, session.folder / "glasses.png")


if __name__ == "__main__":
    main()
