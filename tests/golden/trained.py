# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Golden models that DeePMD-kit's own training, freezing and compression made, from a few steps on invented data.

Unlike the models of recipes.py they carry a training script, statistics from data, checkpoints, and tables.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TYPES = ("Li", "P", "S")
DP = [sys.executable, "-m", "deepmd"]


def write_data(folder: Path) -> None:
    """Ten frames of random atoms with energies of a made-up pair potential."""
    from structures import scatter

    rng = np.random.default_rng(7)
    box = np.diag([7.0, 7.5, 8.0])
    types = np.array([0] * 8 + [1] * 3 + [2] * 9)
    frames = folder / "invented" / "set.000"
    frames.mkdir(parents=True)
    coordinates, energies, forces = [], [], []
    for _ in range(10):
        x = scatter(rng, len(types), box, np.array([[0.0, 1.0]] * 3), 1.5, True)
        d = x[None] - x[:, None]
        d -= np.round(d @ np.linalg.inv(box)) @ box
        r = np.linalg.norm(d, axis=-1) + 1e9 * np.eye(len(types))
        coordinates.append(x.ravel())
        energies.append(2.0 * np.exp(-r).sum())
        forces.append((-4.0 * np.exp(-r) / r)[..., None].__mul__(d).sum(axis=1).ravel())
    np.save(frames / "coord.npy", np.array(coordinates))
    np.save(frames / "energy.npy", np.array(energies))
    np.save(frames / "force.npy", np.array(forces))
    np.save(frames / "box.npy", np.tile(box.ravel(), (10, 1)))
    np.savetxt(folder / "invented" / "type.raw", types, fmt="%d")
    (folder / "invented" / "type_map.raw").write_text("\n".join(TYPES) + "\n")


def settings(one_side: bool) -> dict:
    """Training input: four steps of a small model with the statistics of the data."""
    return {
        "model": {
            "type_map": list(TYPES),
            "descriptor": {
                "type": "se_e2_a",
                "sel": [32, 12, 40],
                "rcut": 5.0,
                "rcut_smth": 0.5,
                "neuron": [3, 6],
                "axis_neuron": 3,
                "type_one_side": one_side,
                "precision": "float64",
                "seed": 1,
            },
            "fitting_net": {"neuron": [6, 6], "resnet_dt": True, "precision": "float64", "seed": 1},
        },
        "learning_rate": {"type": "exp", "start_lr": 1e-3, "stop_lr": 1e-5, "decay_steps": 2},
        "loss": {"type": "ener"},
        "training": {
            "training_data": {"systems": ["invented"], "batch_size": 1},
            "numb_steps": 4,
            "seed": 1,
            "disp_freq": 2,
            "save_freq": 4,
        },
    }


def run(folder: Path, *arguments: str) -> None:
    """One command of DeePMD-kit."""
    done = subprocess.run([*DP, *arguments], check=False, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stderr[-1500:]}")


def make_trained(golden: Path) -> None:
    """Train, freeze and compress with TensorFlow and PyTorch, and store the reference numbers of each."""
    from make_golden import STRUCTURES, deviation, evaluate_file, strip_archive, write_reference

    # Atoms closer than any table reaches.
    close = {
        "types": np.array([0, 2, 1, 2]),
        "positions": np.array([[0.0, 0, 0], [0.4, 0, 0], [0.1, 0.5, 0.2], [2.0, 1.0, 0.3]]),
        "box": None,
    }

    def keep(name: str, about: str, backend: str, files: dict[str, Path], reference: Path, check: Path | None = None):
        target = golden / name
        target.mkdir(parents=True, exist_ok=True)
        for suffix, path in files.items():
            shutil.copy(path, target / f"model.{suffix}")
            if suffix == "pth":
                strip_archive(target / "model.pth")
        structures = {**STRUCTURES, "close": close} if "tf-compressed" in name else STRUCTURES
        results = evaluate_file(reference, TYPES, structures)
        extra = (
            {"other_backends_max_deviation": {"compressed": deviation(results, evaluate_file(check, TYPES))}}
            if check
            else {}
        )
        print(name, extra)
        write_reference(target, about, backend, results, **extra)

    with tempfile.TemporaryDirectory() as scratch:
        for backend, one_side in (("tf", False), ("tf", True), ("pt", True)):
            folder = Path(scratch) / f"{backend}{one_side:d}"
            folder.mkdir()
            write_data(folder)
            (folder / "input.json").write_text(json.dumps(settings(one_side)))
            suffix = "pb" if backend == "tf" else "pth"
            frozen, small = folder / f"frozen.{suffix}", folder / f"compressed.{suffix}"
            run(folder, f"--{backend}", "train", "input.json")
            run(folder, f"--{backend}", "freeze", "-o", frozen.name)
            run(folder, f"--{backend}", "compress", "-i", frozen.name, "-o", small.name, "-s", "0.2", "-e", "3")
            if backend == "pt":
                files = {"pt": folder / "model.ckpt-4.pt", "pth": frozen}
                keep("trained-pt", "trained by PyTorch: checkpoint, frozen", "PyTorch", files, frozen)
                keep(
                    "trained-pt-compressed",
                    "compressed by PyTorch; the file still has the networks, which are the reference",
                    "PyTorch",
                    {"pth": small},
                    frozen,
                    small,
                )
                continue
            side = "one" if one_side else "two"
            if not one_side:
                keep("trained-tf", "trained and frozen by TensorFlow", "TensorFlow", {"pb": frozen}, frozen)
            keep(
                f"trained-tf-compressed-{side}",
                f"compressed by TensorFlow, {side}-sided embedding: tables only",
                "TensorFlow",
                {"pb": small},
                small,
            )
