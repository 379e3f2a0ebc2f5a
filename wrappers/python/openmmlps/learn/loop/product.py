# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a loop leaves: models with their provenance, the training set, its statistics, and a card."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.app.replace import replace_file

from .folder import RoundFolder, read_frames, write_frames
from .rounds import Work
from .settings import TeacherSettings

#: what is known of the licences of teachers, by the beginning of their name
_LICENCES = {
    "sevenn": "SevenNet and its weights: MIT",
    "cp2k": "CP2K: GPL-2.0 or later; labels are the user's own",
}


def licence_of(teacher: TeacherSettings) -> str:
    """The licence of a teacher, as the file says or as it is known; 'not stated' otherwise."""
    return teacher.licence or _LICENCES.get(teacher.potential.split(":")[0], "not stated")


def write_product(work: Work, here: RoundFolder, results: Sequence[Mapping[str, Any]], reason: str) -> Path:
    """Make the result folder anew, as a whole.

    Parameters
    ----------
    work : Work
        what was done
    here : RoundFolder
        with the last models and frames
    results : sequence of mapping
        of all rounds, and of the correction if there was one
    reason : str
        why the loop ended

    Returns
    -------
    Path
        of the model file
    """
    from openmmlps.importers import import_model
    from openmmlps.importers.native import weights_sha256

    plan, final = work.plan, work.folder.result
    temporary = final.with_name("result.new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    training, held_out = read_frames(here.training), read_frames(here.held_out)
    errors = dict(results[-1].get("errors") or results[-1]["steps"]["second teacher"])
    level = str(training[0].info.get("level_of_theory", "not stated"))
    facts: dict[str, Any] = {
        "name": plan.top.name,
        "elements": plan.elements,
        "level_of_theory": level,
        "domain": plan.top.domain or "the structures and temperatures of its training set",
        "licence": plan.top.licence or "not stated",
        "teachers": [
            {"potential": teacher.potential, "licence": licence_of(teacher)}
            for teacher in (plan.teacher, plan.correction)
            if teacher is not None
        ],
        "held_out_errors": errors,
        "ended": reason,
        "training_set": statistics(training),
        "held_out_set": statistics(held_out),
        "weights_sha256": {},
    }
    if plan.correction is not None:
        facts["first_training_set"] = statistics(read_frames(work.folder.round(results[-2]["round"]).training))
    for member, path in enumerate(work.models(here), 1):
        name = plan.top.name if member == 1 else f"{plan.top.name}-{member}"
        model = import_model(path)
        digest = weights_sha256(model.tensors)
        facts["weights_sha256"][name] = digest
        model.provenance = _provenance(model.provenance, facts, name, len(held_out))
        model.original_bytes = None
        model.write(temporary / f"{name}.safetensors")
    shutil.copyfile(here.model(1) / "model.dp", temporary / f"{plan.top.name}.dp")
    write_frames(temporary / "training.extxyz", training)
    write_frames(temporary / "held-out.extxyz", held_out)
    replace_file(temporary / "model.json", (json.dumps(facts, indent=1) + "\n").encode())
    replace_file(temporary / "CARD.md", card(facts, results).encode())
    if final.exists():
        shutil.rmtree(final)
    os.replace(temporary, final)
    return final / f"{plan.top.name}.safetensors"


def _provenance(old: Mapping[str, Any], facts: Mapping[str, Any], name: str, frames: int) -> dict[str, Any]:
    """What the file of a model says of itself."""
    errors = facts["held_out_errors"]
    teachers = " then ".join(teacher["potential"] for teacher in facts["teachers"])
    units = {
        "energy": "energy_meV_per_atom",
        "force": "force_eV_per_angstrom",
        "virial": "virial_meV_per_atom",
    }
    return {
        "name": name,
        "licence": facts["licence"],
        "intended_domain": facts["domain"],
        "training": {
            **old.get("training", {}),
            "data": f"{facts['training_set']['frames']} frames of a closed loop, labelled by {teachers}",
            "reference_method": facts["level_of_theory"],
        },
        "held_out_errors": [
            {"data": "held-out trajectories", "frames": frames}
            | {unit: errors[key] for key, unit in units.items() if key in errors}
        ],
    }


def statistics(frames: Sequence[Any]) -> dict[str, Any]:
    """Of labelled frames: how many of each composition, volumes, forces and temperatures.

    Parameters
    ----------
    frames : sequence of ase.Atoms
        with labels

    Returns
    -------
    dict
        in terms of JSON; volumes in angstrom^3 per atom, forces in eV/angstrom
    """
    compositions: dict[str, int] = {}
    for atoms in frames:
        compositions[atoms.get_chemical_formula()] = compositions.get(atoms.get_chemical_formula(), 0) + 1
    volumes = [atoms.get_volume() / len(atoms) for atoms in frames]
    forces = np.concatenate([atoms.get_forces() for atoms in frames])
    kelvin = [float(atoms.info["temperature"]) for atoms in frames if "temperature" in atoms.info]
    return {
        "frames": len(frames),
        "atoms": int(sum(map(len, frames))),
        "compositions": compositions,
        "volume_per_atom": [round(min(volumes), 3), round(max(volumes), 3)],
        "force_rms": round(float(np.sqrt((forces**2).mean())), 4),
        "force_largest": round(float(np.linalg.norm(forces, axis=1).max()), 3),
        "temperatures_K": [min(kelvin), max(kelvin)] if kelvin else [],
    }


def card(facts: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> str:
    """The card of a model as Markdown."""
    errors, trained = facts["held_out_errors"], facts["training_set"]
    lines = [f"# Model card: {facts['name']}", ""]
    lines += [f"**What it is for.** {facts['domain'].rstrip('.')}.", ""]
    kelvin, first = trained["temperatures_K"], facts.get("first_training_set")
    lines += [
        f"- Elements: {', '.join(facts['elements'])}",
        f"- Level of theory: {facts['level_of_theory']}",
        *(f"- Teacher: {item['potential']} ({item['licence']})" for item in facts["teachers"]),
        f"- Licence of the weights: {facts['licence']}",
        *(
            [f"- Trained first on {first['frames']} frames ({first['atoms']} atoms) of the first teacher"]
            if first
            else []
        ),
        f"- Trained on {trained['frames']} frames ({trained['atoms']} atoms)"
        + (f", dynamics of {kelvin[0]:g} to {kelvin[1]:g} K" if kelvin else ""),
        f"- Volumes of {trained['volume_per_atom'][0]} to {trained['volume_per_atom'][1]} Å³ per atom",
        f"- The loop ended because {facts['ended']}",
        "",
        f"## Errors on {facts['held_out_set']['frames']} frames of trajectories that were never trained on",
        "",
        "| measure | value |",
        "|---|---|",
    ]
    units = {"energy": "meV/atom", "energy shifted": "meV/atom", "virial": "meV/atom"}
    for name, value in errors.items():
        if name != "frames" and not name.endswith(" mae"):
            unit = units.get(name, "" if name.startswith("slope") else "eV/Å")
            lines.append(f"| {name} | {value:.4g} {unit} |".replace("  |", " |"))
    steps = results[-1].get("steps")
    if steps:
        lines += [
            "",
            "## What each teacher gave, against labels of the second",
            "",
            "| step | force (eV/Å) | slope |",
            "|---|---|---|",
        ]
        lines += [f"| {name} | {values['force']:.3f} | {values['slope']:.3f} |" for name, values in steps.items()]
    lines += ["", "## Weights", ""]
    lines += [f"- `{name}`: {digest}" for name, digest in facts["weights_sha256"].items()]
    lines += [
        "",
        "Outside of its training set the model is wrong and does not say so. Watch the deviation of the committee, and compare "
        "some frames with the level of theory that counts.",
    ]
    return "\n".join(lines) + "\n"
