# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Errors of a model on the parts of the split, by the CPU evaluator of openmm-lps in double precision.

    python training/validate/errors.py --model .training/runs/lps/model.dp --work .training

The part `labelled` are the crystals and glasses of training/label/frames, at 300 K. Writes errors.json (root mean square and
mean absolute errors of energy, force and virial for each system and group, as training/evaluate.py defines them) and
errors-parity.webp.
"""

import sys
from pathlib import Path

import numpy as np
from common import (
    COLORS,
    HELD_OUT,
    cached,
    data_folders,
    labelled_folders,
    labelled_hashes,
    make_parser,
    new_figure,
    open_session,
    save_figure,
)

import evaluate
from frames import read_frames

PARTS = ("train", "interior", "validation", "test", "labelled")
PARITY_POINTS = 6000  # of each species, so that a figure stays small


def part_errors(engine, folders: dict[str, Path], stride: int) -> dict[str, dict]:
    """Return {system: errors of evaluate.system_errors} with `force_reference` (F, 3N) and `energy_reference` (F,)."""
    found = {}
    for system, folder in folders.items():
        chosen = slice(None, None, stride)
        errors = evaluate.system_errors(engine, folder, chosen)
        frames = read_frames(folder)
        errors["force_reference"] = frames.force[chosen]
        errors["energy_reference"] = 1e3 * frames.energy[chosen] / len(frames.types)
        found[system] = errors
    return found


def joined(parts: list[dict]) -> dict:
    """Errors of several parts of one system as those of one."""
    names = set.intersection(*(set(part) for part in parts)) - {"species"}
    return {name: np.concatenate([part[name] for part in parts]) for name in names} | {"species": parts[0]["species"]}


def plot_parity(systems: dict[str, dict], path: Path) -> None:
    """Force components by species, and energies less the mean of their system, of held-out frames."""
    figure, axes = new_figure(8.0, 2.4, 4)
    random = np.random.default_rng(1)
    for axis, symbol in zip(axes, ("Li", "P", "S"), strict=False):
        pairs = []
        for errors in systems.values():
            chosen = np.repeat(errors["species"] == symbol, 3)
            reference = errors["force_reference"][:, chosen].ravel()
            pairs.append(np.stack([reference, reference + errors["force"][:, chosen].ravel()]))
        points = np.concatenate(pairs, axis=1)
        if not points.size:
            continue
        points = points[:, random.permutation(points.shape[1])[:PARITY_POINTS]]
        limit = np.percentile(np.abs(points), 99.9)
        axis.plot(*points, ".", markersize=1, color=COLORS[symbol], alpha=0.4, rasterized=True)
        axis.plot([-limit, limit], [-limit, limit], color="black", linewidth=0.6)
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="DFT (eV/Å)", title=f"forces on {symbol}")
        axis.set_aspect("equal")
    axes[0].set_ylabel("model (eV/Å)")
    for name, errors in systems.items():
        mean = errors["energy_reference"].mean()
        color = COLORS["all"] if name.startswith("glass") else COLORS["grey"]
        predicted = errors["energy_reference"] + errors["energy"]
        axes[3].plot(errors["energy_reference"] - mean, predicted - mean, ".", markersize=1.5, color=color)
    axes[3].axline((0, 0), slope=1, color="black", linewidth=0.6)
    axes[3].set(xlabel="DFT − mean (meV/atom)", ylabel="model − DFT mean", title="energies")
    axes[3].set_aspect("equal", adjustable="datalim")
    save_figure(figure, path)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--stride", type=int, default=1, help="use every n-th frame only")
    arguments = parser.parse_args()
    if arguments.stride < 1:
        parser.error(f"--stride is {arguments.stride}; give at least 1")
    session = open_session(parser, arguments)
    settings = {"parts": arguments.parts, "stride": arguments.stride}
    settings["labelled"] = labelled_hashes() if "labelled" in arguments.parts else {}

    def compute() -> dict:
        engine = session.engine()
        summaries, held_out = {}, {}
        for part in arguments.parts:
            folders = labelled_folders(session) if part == "labelled" else data_folders(session, part)
            systems = part_errors(engine, folders, arguments.stride)
            summaries[part] = evaluate.summarise_all(systems)
            print(f"errors: {part} done", file=sys.stderr, flush=True)
            if part in HELD_OUT:
                for name, errors in systems.items():
                    held_out.setdefault(name, []).append(errors)
        held_out = {name: joined(parts) for name, parts in held_out.items()}
        if held_out:
            plot_parity(held_out, session.folder / "errors-parity.webp")
        return {"summaries": summaries, "held_out": evaluate.summarise_all(held_out)}

    result = cached(session.folder / "errors.json", settings, compute)
    print(evaluate.table(result["summaries"]))


if __name__ == "__main__":
    main()
