# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Variants of one DeePMD-kit model for the benchmark, made with DeePMD-kit itself. Runs in the environment of the peers.

    python peer_models.py MODEL.pb FOLDER

writes for every variant NAME in 120-float32, 120-float64, 240-float32, 240-float64 the files FOLDER/NAME.pb (uncompressed) and
FOLDER/NAME-compressed.pb. The model must have hidden fitting layers of one width; that width is called 120 here. A network of
twice the width with the same energies is made by doubling every hidden neuron and halving the weights that leave it, so that
all variants move atoms alike and none of them explodes.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np


def widen(model: dict) -> None:
    """Double the width of all hidden fitting layers without changing any energy."""
    fitting = model["fitting"]
    fitting["neuron"] = [2 * width for width in fitting["neuron"]]
    for network in fitting["nets"]["networks"]:
        network["neuron"] = [2 * width for width in network["neuron"]]
        last = len(network["layers"]) - 1
        for index, layer in enumerate(network["layers"]):
            variables = layer["@variables"]
            weight = variables["w"]
            if index > 0:
                weight = np.concatenate([weight, weight], axis=0) / 2
            if index < last:
                weight = np.concatenate([weight, weight], axis=1)
                for name in ("b", "idt"):
                    if variables.get(name) is not None:
                        variables[name] = np.concatenate([np.ravel(variables[name])] * 2)
            variables["w"] = weight


def set_precision(node: object, precision: str) -> None:
    """Declare a precision everywhere and give all weights that type."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "precision":
                node[key] = precision
            elif key == "@variables":
                for name, array in value.items():
                    if name in ("w", "b", "idt") and array is not None:
                        value[name] = np.asarray(array, dtype=precision)
            else:
                set_precision(value, precision)
    elif isinstance(node, list):
        for value in node:
            set_precision(value, precision)


def complete_script(path: Path) -> None:
    """Give the training script inside a converted graph the section that 'dp compress' insists on and never uses."""
    from deepmd.tf.env import tf

    graph = tf.GraphDef()
    graph.ParseFromString(path.read_bytes())
    for node in graph.node:
        if node.name == "train_attr/training_script":
            strings = node.attr["value"].tensor.string_val
            script = json.loads(strings[0])
            script["learning_rate"] = {"type": "exp", "start_lr": 1e-3, "stop_lr": 1e-8, "decay_steps": 5000}
            strings[0] = json.dumps(script).encode()
    path.write_bytes(graph.SerializeToString())


def main() -> None:
    from deepmd.backend.backend import Backend

    source, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    backend = Backend.detect_backend_by_model(str(source))()
    original = backend.serialize_hook(str(source))
    for width in ("120", "240"):
        for precision in ("float32", "float64"):
            data = copy.deepcopy(original)
            if width == "240":
                widen(data["model"])
                definition = data["model_def_script"]
                definition["fitting_net"]["neuron"] = [2 * n for n in definition["fitting_net"]["neuron"]]
            set_precision(data["model"], precision)
            for part in ("descriptor", "fitting_net"):
                data["model_def_script"][part]["precision"] = precision
            target = folder / f"{width}-{precision}.pb"
            Backend.detect_backend_by_model(str(target))().deserialize_hook(str(target), data)
            complete_script(target)
            compressed = folder / f"{width}-{precision}-compressed.pb"
            command = [sys.executable, "-m", "deepmd", "--tf", "compress", "-i", str(target), "-o", str(compressed)]
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
            if not compressed.exists():
                raise SystemExit(f"peer_models: 'dp compress' failed for {target}:\n{done.stderr[-3000:]}")
            print(f"{width}-{precision}", flush=True)


if __name__ == "__main__":
    main()
