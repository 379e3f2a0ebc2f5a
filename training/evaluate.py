# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Errors of a frozen model on the parts of the split, computed by DeePMD-kit itself.

    python training/evaluate.py --model graph.pb --work .training --output DIR [--parts interior validation test]

DIR/errors.json and DIR/errors.md hold root mean square and mean absolute errors of the energy (meV/atom, no offset
removed), the forces (eV/angstrom per component, also per species) and the virial (meV/atom per component, -dE/dstrain)
for each system, for all glasses, for all crystals, and for the crystal frames below and above 1,500 K.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from frames import read_frames

PARTS = ("train", "interior", "validation", "test")
COOL = 1500.0  # K
CHUNK = 10  # frames in one call of the model


def system_errors(model, folder: Path, chosen: slice | list[int]) -> dict[str, np.ndarray]:
    """Return prediction minus reference of the chosen frames: energy (F,), force (F, 3N), virial (F, 9).

    Energy and virial are per atom in meV, forces in eV/angstrom. `species` (N,) names the elements of the atoms;
    `kelvin` (F,), the temperature, is there for trajectories only. `model` evaluates as deepmd.infer.DeepPot does.
    """
    frames = read_frames(folder).take(chosen)
    atoms = len(frames.types)
    order = {name: index for index, name in enumerate(model.get_type_map())}
    types = np.array([order[frames.type_map[kind]] for kind in frames.types])
    energy, force, virial = [], [], []
    for start in range(0, len(frames), CHUNK):
        part = slice(start, start + CHUNK)
        predicted = model.eval(frames.coord[part], frames.box[part], types)
        energy.append(predicted[0].ravel() - frames.energy[part])
        force.append(predicted[1].reshape(-1, 3 * atoms) - frames.force[part])
        virial.append(predicted[2].reshape(-1, 9) - frames.virial[part])
    errors = {
        "energy": 1e3 * np.concatenate(energy) / atoms,
        "force": np.concatenate(force),
        "virial": 1e3 * np.concatenate(virial) / atoms,
        "species": np.array(frames.type_map)[frames.types],
    }
    temperature = folder / "temperature.npy"
    if temperature.exists():
        errors["kelvin"] = np.load(temperature)[chosen]
    return errors


def summarise(group: list[dict[str, np.ndarray]]) -> dict | None:
    """Return number of frames, RMSE and MAE of a list of systems, or None if they have no frame.

    Every frame counts once in the energy, every component of every frame once in the forces and the virial.
    """
    group = [errors for errors in group if len(errors["energy"]) > 0]
    if not group:
        return None
    names = ("energy", "force", "virial")
    values = {name: np.concatenate([errors[name].ravel() for errors in group]) for name in names}
    for kind in sorted({kind for errors in group for kind in errors["species"]}):
        chosen = [errors["force"][:, np.repeat(errors["species"] == kind, 3)].ravel() for errors in group]
        values[f"force {kind}"] = np.concatenate(chosen)
    summary = {"frames": len(values["energy"])}
    for name, value in values.items():
        summary[name] = {"rmse": float(np.sqrt(np.mean(value**2))), "mae": float(np.mean(np.abs(value)))}
    return summary


def below(errors: dict[str, np.ndarray], limit: float, wanted: bool) -> dict[str, np.ndarray]:
    """Return the frames whose temperature in kelvin is below `limit` (wanted) or not below it (not wanted)."""
    chosen = (errors["kelvin"] < limit) == wanted
    return errors | {name: errors[name][chosen] for name in ("energy", "force", "virial", "kelvin")}


def groups_of(systems: dict[str, dict]) -> dict[str, list[dict]]:
    """Return {group: errors of its systems}: all glasses, all crystals, and crystals below and from 1,500 K."""
    glasses = [errors for errors in systems.values() if "kelvin" not in errors]
    crystals = [errors for errors in systems.values() if "kelvin" in errors]
    return {
        "all glasses": glasses,
        "all crystals": crystals,
        "crystals below 1,500 K": [below(errors, COOL, True) for errors in crystals],
        "crystals from 1,500 K": [below(errors, COOL, False) for errors in crystals],
    }


def summarise_all(groups: dict[str, list[dict]], systems: dict[str, dict]) -> dict[str, dict]:
    """Return the summaries of all groups, then of each system; those without a frame are left out."""
    groups = groups | {name: [errors] for name, errors in systems.items()}
    return {name: summary for name, group in groups.items() if (summary := summarise(group)) is not None}


def evaluate(model, data: Path, parts: list[str], stride: int) -> dict:
    """Return ``{part: {group: summary}}`` for the systems below `data`; see `summarise`."""
    result = {}
    for part in parts:
        folders = sorted(path / part for path in data.glob("*") if (path / part).is_dir())
        systems = {folder.parent.name: system_errors(model, folder, slice(None, None, stride)) for folder in folders}
        result[part] = summarise_all(groups_of(systems), systems)
    return result


def table(result: dict) -> str:
    """Return the root mean square errors as Markdown tables, one for each part."""
    columns = ("energy", "force", "force Li", "force P", "force S", "virial")
    lines = []
    for part, groups in result.items():
        lines += [f"## {part}", "", "| RMSE | frames | E meV/atom | F eV/Å | F Li | F P | F S | virial meV/atom |"]
        lines.append("|---|---|---|---|---|---|---|---|")
        for name, summary in groups.items():
            digits = {"energy": 1, "virial": 1}
            cells = [f"{summary[key]['rmse']:.{digits.get(key, 3)}f}" if key in summary else "-" for key in columns]
            lines.append(f"| {name} | {summary['frames']} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    from deepmd.infer import DeepPot  # here, so that the arithmetic above can be tested without DeePMD-kit

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="frozen model")
    parser.add_argument("--work", type=Path, default=Path(".training"), help="working folder of prepare.py")
    parser.add_argument("--output", type=Path, required=True, help="folder for errors.json and errors.md")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["interior", "validation", "test"])
    parser.add_argument("--stride", type=int, default=1, help="use every n-th frame only")
    arguments = parser.parse_args()
    data = arguments.work / "data"
    if not data.is_dir():
        parser.error(f"evaluate: '{data}' does not exist; run training/prepare.py with the same --work first")
    result = evaluate(DeepPot(str(arguments.model)), data, arguments.parts, arguments.stride)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "errors.json").write_text(json.dumps(result, indent=1) + "\n")
    (arguments.output / "errors.md").write_text(table(result))
    print(table(result))


if __name__ == "__main__":
    main()
