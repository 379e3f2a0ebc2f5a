# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Errors of a model on labelled frames, and their summaries; `validate/errors.py` measures them.

Root mean square and mean absolute errors of the energy (meV/atom, no offset removed), the forces (eV/angstrom per component, also
per species) and the virial (meV/atom per component, -dE/dstrain).
"""

from pathlib import Path

import numpy as np

from frames import read_frames

COOL = 1500.0  # K


def system_errors(model, folder: Path, chosen: slice | list[int]) -> dict[str, np.ndarray]:
    """Return prediction minus reference of the chosen frames: energy (F,), force (F, 3N), virial (F, 9).

    Energy and virial are per atom in meV, forces in eV/angstrom. `species` (N,) names the elements of the atoms;
    `kelvin` (F,), the temperature, is there for trajectories only. `model` evaluates as deepmd.infer.DeepPot does.
    """
    frames = read_frames(folder).take(chosen)
    atoms = len(frames.types)
    order = {name: index for index, name in enumerate(model.get_type_map())}
    types = np.array([order[frames.type_map[kind]] for kind in frames.types])
    energy, force, virial = model.eval(frames.coord, frames.box, types)
    errors = {
        "energy": 1e3 * (energy.ravel() - frames.energy) / atoms,
        "force": force.reshape(-1, 3 * atoms) - frames.force,
        "virial": 1e3 * (virial.reshape(-1, 9) - frames.virial) / atoms,
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


def summarise_all(systems: dict[str, dict]) -> dict[str, dict]:
    """Return the summaries of all glasses, all crystals and crystals below and from 1,500 K, then of each system; none without a frame."""
    crystals = [errors for errors in systems.values() if "kelvin" in errors]
    groups = {
        "all glasses": [errors for errors in systems.values() if "kelvin" not in errors],
        "all crystals": crystals,
        "crystals below 1,500 K": [below(errors, COOL, True) for errors in crystals],
        "crystals from 1,500 K": [below(errors, COOL, False) for errors in crystals],
    }
    groups |= {name: [errors] for name, errors in systems.items()}
    return {name: summary for name, group in groups.items() if (summary := summarise(group)) is not None}


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
