# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Glasses of 67, 70 and 75 mol% Li2S: density at 300 K, structure against the DFT frames, conductivity.

    python training/validate/glasses.py --model .training/runs/lps/model.dp --work .training --preset quick

Melts and quenches (openmm-lps quench) and then measures transport (openmm-lps transport) with the lengths of --preset; `standard`
takes those of the published study, days on a GPU. Goes on where it was stopped. Writes glasses.json and glasses.webp.
"""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from common import (
    COLORS,
    GLASSES,
    HELD_OUT,
    Session,
    cached,
    data_folders,
    frame_atoms,
    make_parser,
    new_figure,
    open_session,
    save_figure,
    write_json,
)

from frames import read_frames

PAIRS = {"P-S": COLORS["P"], "Li-S": COLORS["all"], "Li-Li": COLORS["Li"], "S-S": COLORS["S"], "P-P": COLORS["grey"]}
DFT_FRAMES = 40  # of each composition, so that the analysis takes seconds
R_MAX, BIN = 7.0, 0.05
PRIVATE = ("model", "composition", "structure", "platform", "threads", "checkpoint_s")  # settings that are no choice


def structure(trajectory) -> dict:
    """g(r), coordination and speciation of a trajectory."""
    from openmmlps import analysis

    found = analysis.radial_distribution(trajectory, r_max=R_MAX, bin_width=BIN)
    anions = analysis.classify_anions(trajectory).fraction_of_formers()
    return {
        "r_angstrom": found.r_angstrom,
        "g": {pair: found.pair(*pair.split("-")) for pair in PAIRS},
        "sulfur_around_phosphorus": found.coordination_within("P", "S", 2.6),
        "percent_of_phosphorus": {name: 100 * value for name, value in anions.items()},
    }


def dft_structure(session: Session, name: str) -> dict:
    """The structure of the held-out DFT frames of one composition (400 to 1,600 K)."""
    from openmmlps import analysis

    atoms = []
    for part in HELD_OUT:
        frames = read_frames(data_folders(session, part)[name])
        atoms += [frame_atoms(frames, index) for index in range(len(frames))]
    chosen = np.unique(np.linspace(0, len(atoms) - 1, DFT_FRAMES).astype(int))
    return structure(analysis.from_atoms([atoms[index] for index in chosen]))


def advance(session: Session, protocol: str, folder: Path, options: list[str]) -> None:
    """Start or continue a protocol by its command. Raises SystemExit with the command's own message if it fails."""
    from openmmlps.protocols import is_protocol

    command = [sys.executable, "-m", "openmmlps", protocol, "-o", str(folder)]
    if is_protocol(folder):
        command += ["--resume"]
    else:
        command += [*options, "--model", str(session.model), "--platform", "CPU", "--threads", str(session.threads)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"glasses: '{' '.join(command)}' failed: {done.stderr.strip()[-500:]}")


def assignments(values: list[str]) -> list[str]:
    """['a=1', 'b=2'] as options of a protocol: ['--set', 'a=1', '--set', 'b=2']."""
    return [part for value in values for part in ("--set", value)]


def changed_settings(folder: Path, settings: type, preset: str) -> list[str]:
    """What a protocol was really done with, where that is not its preset, as ['atoms=60', ...]."""
    from openmmlps.protocols.protocol_folder import ProtocolFolder

    used, usual = ProtocolFolder(folder).read_settings(settings), settings.make(preset)
    names = [name for name in usual.__dataclass_fields__ if name not in PRIVATE]
    return [f"{name}={getattr(used, name)}" for name in names if getattr(used, name) != getattr(usual, name)]


def quenched(session: Session, name: str, preset: str, quench_set: list[str], transport_set: list[str]) -> dict:
    """Density, structure and transport of quenched glasses."""
    from openmmlps import analysis
    from openmmlps.protocols import QuenchSettings, TransportSettings
    from openmmlps.protocols.sequence import stage_result
    from openmmlps.report import analyze

    folder = session.folder / "glasses" / f"{name}-quench-{preset}"
    composition = ["--composition", str(GLASSES[name])]
    advance(session, "quench", folder, [*composition, "--preset", preset, *assignments(quench_set)])
    transport = session.folder / "glasses" / f"{name}-transport-{preset}"
    advance(session, "transport", transport, [str(folder), "--preset", preset, *assignments(transport_set)])
    replicas = sorted(folder.glob("replica-*/equilibrate"))
    densities = [stage_result(replica)["thermo"]["density_g_per_cm3"][0] for replica in replicas]
    trajectory = analysis.read(replicas[0] / "trajectory.h5")
    result = {
        "changed": [
            *changed_settings(folder, QuenchSettings, preset),
            *changed_settings(transport, TransportSettings, preset),
        ],
        "replicas": len(replicas),
        "density_g_per_cm3": float(np.mean(densities)),
        "structure": structure(trajectory[len(trajectory) // 2 :]),
        "transport": [],
    }
    try:
        found = analyze(transport)[0]
    except ValueError as error:  # such as runs too short for a coefficient; density and structure still count
        return result | {"transport_warnings": [str(error)]}
    return result | {
        "transport": [asdict(item) for item in found.results],
        "transport_warnings": list(found.warnings),
    }


def plot(results: dict, path: Path) -> None:
    """g(r) of the model (300 K) and of the DFT frames (400 to 1,600 K), one column for each composition."""
    figure, axes = new_figure(7.2, 2.6, len(results))
    for axis, (name, found) in zip(axes, results.items(), strict=True):
        for offset, (pair, color) in enumerate(PAIRS.items()):
            for source, style in (
                (found["dft"], {"linestyle": ":", "linewidth": 1.2}),
                (found["model"]["structure"], {"linewidth": 0.9}),
            ):
                g = np.array(source["g"][pair])
                axis.plot(source["r_angstrom"], g / max(g.max(), 1e-9) + 1.1 * offset, color=color, **style)
            axis.text(0.1, 1.1 * offset + 0.12, pair, color=color, fontsize=7)
        axis.set(title=f"{GLASSES[name]} mol% Li₂S", xlabel="r (Å)", yticks=[])
    axes[0].set_ylabel("g(r), each scaled to 1")
    save_figure(figure, path)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--preset", choices=("quick", "standard"), default="standard", help="lengths of a quench")
    parser.add_argument("--quench-set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of a new quench")
    parser.add_argument(
        "--transport-set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of a new transport"
    )
    parser.add_argument("--only", nargs="+", choices=list(GLASSES), help="these compositions only")
    arguments = parser.parse_args()
    session = open_session(parser, arguments)
    results = {}
    for name in arguments.only or GLASSES:
        dft = cached(
            session.folder / "glasses" / f"{name}-dft.json",
            {"frames": DFT_FRAMES},
            lambda n=name: dft_structure(session, n),
        )
        found = quenched(session, name, arguments.preset, arguments.quench_set, arguments.transport_set)
        results[name] = {"dft": dft, "model": found}
        print(f"{name}: {found['density_g_per_cm3']:.3f} g/cm3", file=sys.stderr, flush=True)
    write_json(session.folder / "glasses.json", {"glasses": results, "settings": {"preset": arguments.preset}})
    plot(results, session.folder / "glasses.webp")


if __name__ == "__main__":
    main()
