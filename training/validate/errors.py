# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Errors of a model on the parts of the split, by the CPU evaluator of openmm-lps in double precision.

    python training/validate/errors.py --model .training/runs/lps/graph.pb --work .training

The part `labelled` are the crystals and glasses of training/label/frames, at 300 K.

Writes errors.json (root mean square and mean absolute errors of energy, force and virial for each system and group, as
training/evaluate.py defines them, errors against force magnitude and temperature) and errors-*.png. Where
training/evaluate.py has left an errors.json of DeePMD-kit beside the model, or --reference names one, the two are compared.
"""

import sys
from pathlib import Path

import numpy as np
from common import (
    COLORS,
    cached,
    data_folders,
    labelled_folders,
    labelled_hashes,
    make_parser,
    new_figure,
    open_session,
    read_json,
    save_figure,
)

import evaluate
from frames import read_frames

PARTS = ("train", "interior", "validation", "test", "labelled")
FORCE_EDGES = np.array([0, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 10])  # eV/angstrom
KELVIN_EDGES = np.array([1000, 1250, 1500, 1750, 2000, 2500, 3000, 3600])
PARITY_POINTS = 6000  # of each species and part, so that a figure stays small


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


def by_force(group: list[dict]) -> dict[str, list]:
    """Root mean square error of force components by the magnitude of the reference force on the atom, eV/angstrom."""
    error = np.concatenate([errors["force"].reshape(-1, 3) for errors in group])
    size = np.linalg.norm(np.concatenate([errors["force_reference"].reshape(-1, 3) for errors in group]), axis=1)
    return binned(size, (error**2).mean(axis=1), FORCE_EDGES)


def by_temperature(group: list[dict]) -> dict[str, list]:
    """Root mean square error of force components by the temperature of the frame, K; trajectories only."""
    group = [errors for errors in group if "kelvin" in errors]
    kelvin = np.concatenate([errors["kelvin"] for errors in group]) if group else np.zeros(0)
    square = np.concatenate([(errors["force"] ** 2).mean(axis=1) for errors in group]) if group else np.zeros(0)
    return binned(kelvin, square, KELVIN_EDGES)


def binned(x: np.ndarray, squares: np.ndarray, edges: np.ndarray) -> dict[str, list]:
    """Root of the mean of `squares` in each interval of `x`: lists `low`, `high`, `rmse`, `count`; empty ones left out."""
    place = np.digitize(x, edges) - 1
    rows = [
        (edges[i], edges[i + 1], np.sqrt(squares[place == i].mean()), int((place == i).sum()))
        for i in range(len(edges) - 1)
        if (place == i).any()
    ]
    return {name: [row[index] for row in rows] for index, name in enumerate(("low", "high", "rmse", "count"))}


def summaries_of(systems: dict[str, dict]) -> dict[str, dict]:
    """Summaries of all groups and systems of one part, as training/evaluate.py forms them, and of all systems together."""
    groups = evaluate.groups_of(systems)
    groups["all"] = groups["all glasses"] + groups["all crystals"]
    return evaluate.summarise_all(groups, systems)


def virial_parts(errors: dict) -> dict[str, float]:
    """What the error of the virial of one system (evaluate.system_errors) is made of.

    `constant`, meV/atom: root mean square over components of their mean error, which each frame has alike, as it is with labels
    not converged in k-points. `scatter`, meV/atom: root mean square of the rest. `length`, angstrom: scatter times the root of
    the number of atoms over the root mean square error of the forces. Where each pair of neighbours at a distance d adds an error
    of its own along the line between them, it is d / sqrt(6) in cells of any size.
    """
    constant = errors["virial"].mean(axis=0)
    scatter = float(np.sqrt(np.mean((errors["virial"] - constant) ** 2)))
    force = float(np.sqrt(np.mean(errors["force"] ** 2)))
    length = 1e-3 * scatter * np.sqrt(len(errors["species"])) / force
    return {"constant": float(np.sqrt(np.mean(constant**2))), "scatter": scatter, "length": float(length)}


def compare(summaries: dict, reference: dict) -> dict:
    """Largest difference of root mean square errors to those of DeePMD-kit: energy, virial (meV/atom), force (eV/angstrom)."""
    largest, groups = {"energy": 0.0, "force": 0.0, "virial": 0.0}, 0
    for part, found in reference.items():
        for group, summary in found.items():
            own = summaries.get(part, {}).get(group)
            if own is None or own["frames"] != summary["frames"]:
                continue
            groups += 1
            for quantity in largest:
                change = abs(own[quantity]["rmse"] - summary[quantity]["rmse"])
                largest[quantity] = max(largest[quantity], change)
    return {"groups": groups, "largest_difference": largest}


def plot_parity(systems: dict[str, dict], path: Path) -> None:
    """Force components by species, and energies less the mean of their system, of held-out frames."""
    figure, axes = new_figure(8.0, 2.4, columns=4)
    random = np.random.default_rng(1)
    for axis, symbol in zip(axes[0], ("Li", "P", "S"), strict=False):
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
    axes[0, 0].set_ylabel("model (eV/Å)")
    for name, errors in systems.items():
        mean = errors["energy_reference"].mean()
        color = COLORS["all"] if name.startswith("glass") else COLORS["grey"]
        predicted = errors["energy_reference"] + errors["energy"]
        axes[0, 3].plot(errors["energy_reference"] - mean, predicted - mean, ".", markersize=1.5, color=color)
    axes[0, 3].axline((0, 0), slope=1, color="black", linewidth=0.6)
    axes[0, 3].set(xlabel="DFT − mean (meV/atom)", ylabel="model − DFT mean", title="energies")
    axes[0, 3].set_aspect("equal", adjustable="datalim")
    save_figure(figure, path)


def plot_trends(trends: dict, path: Path) -> None:
    """Force errors against force magnitude and temperature."""
    figure, axes = new_figure(7.2, 2.2, columns=2)
    for axis, key, label in (
        (axes[0, 0], "by_force", "force on the atom in DFT (eV/Å)"),
        (axes[0, 1], "by_temperature", "temperature of the frame (K)"),
    ):
        for (group, values), color in zip(
            trends[key].items(), (COLORS["all"], COLORS["P"], COLORS["grey"]), strict=False
        ):
            middle = (np.array(values["low"]) + np.array(values["high"])) / 2
            axis.plot(middle, values["rmse"], "o-", markersize=3, color=color, label=group)
        axis.set(xlabel=label, ylabel="force RMSE (eV/Å)", ylim=(0, None))
        if trends[key]:
            axis.legend()
    save_figure(figure, path)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--stride", type=int, default=1, help="use every n-th frame only")
    parser.add_argument("--reference", type=Path, help="errors.json of training/evaluate.py for this model")
    arguments = parser.parse_args()
    if arguments.stride < 1:
        parser.error(f"--stride is {arguments.stride}; give at least 1")
    session = open_session(parser, arguments)
    reference = arguments.reference or session.model.with_name("errors.json")
    if arguments.reference and not arguments.reference.is_file():
        parser.error(f"--reference: there is no file '{arguments.reference}'")
    settings = {"parts": arguments.parts, "stride": arguments.stride, "reference": str(reference.exists())}
    settings["contents"] = 2  # raised when errors.json gets more, so that earlier ones are made anew
    settings["labelled"] = labelled_hashes() if "labelled" in arguments.parts else {}

    def compute() -> dict:
        engine = session.engine()
        summaries, held_out = {}, {}
        trends = {"by_force": {}, "by_temperature": {}}
        for part in arguments.parts:
            folders = labelled_folders(session) if part == "labelled" else data_folders(session, part)
            systems = part_errors(engine, folders, arguments.stride)
            summaries[part] = summaries_of(systems)
            print(f"errors: {part} done", file=sys.stderr, flush=True)
            if part in ("validation", "test"):
                for name, errors in systems.items():
                    held_out.setdefault(name, []).append(errors)
            if part in ("interior", "train"):
                trends["by_temperature"][part] = by_temperature(list(systems.values()))
        if held_out:
            glasses = [errors for name, parts in held_out.items() if name.startswith("glass") for errors in parts]
            crystals = [errors for name, parts in held_out.items() if name.startswith("crystal") for errors in parts]
            trends["by_force"] = {"held-out glasses": by_force(glasses), "held-out crystals": by_force(crystals)}
            trends["by_temperature"]["held out"] = by_temperature(crystals)
            held_out = {name: joined(parts) for name, parts in held_out.items()}
            plot_parity(held_out, session.folder / "errors-parity.png")
        plot_trends(trends, session.folder / "errors-trends.png")
        found = read_json(reference)
        return {
            "summaries": summaries,
            "held_out": summaries_of(held_out),
            "virial_parts": {name: virial_parts(errors) for name, errors in held_out.items()},
            "trends": trends,
            "against_deepmd": compare(summaries, found) if found else None,
        }

    result = cached(session.folder / "errors.json", settings, compute)
    print(evaluate.table(result["summaries"]))
    if result["against_deepmd"]:
        print(f"against DeePMD-kit: {result['against_deepmd']}")


def joined(parts: list[dict]) -> dict:
    """Errors of several parts of one system as those of one."""
    names = set.intersection(*(set(part) for part in parts)) - {"species"}
    return {name: np.concatenate([part[name] for part in parts]) for name in names} | {"species": parts[0]["species"]}


if __name__ == "__main__":
    main()
