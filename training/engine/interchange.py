# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From and to DeePMD-kit's model files, by DeePMD-kit itself: its `.dp` file is what the engine reads and writes.

The only module that needs DeePMD-kit.
"""

import copy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .architecture import Architecture


def convert(source: Path, target: Path) -> None:
    """Convert between DeePMD-kit's model files, which their suffixes tell apart. Raises CalledProcessError."""
    program = Path(sys.executable).with_name("dp")
    subprocess.run([str(program), "convert-backend", str(source), str(target)], check=True)


def read_model(path: Path, architecture: Architecture) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return weights (see parameters.py) and constants (see statistics.py) of any model file that DeePMD-kit converts.

    Raises ValueError if the model is not of the architecture in a way that shapes alone do not show.
    """
    from deepmd.dpmodel.utils.serialization import load_dp_model

    with tempfile.TemporaryDirectory() as folder:
        native = path
        if path.suffix not in (".dp", ".yaml", ".yml"):
            native = Path(folder) / "model.dp"
            convert(path.resolve(), native)
        content = load_dp_model(str(native))["model"]
    return unpack(content, architecture, str(path))


def embedding_places(architecture: Architecture) -> list[int]:
    """Return, for the engine's order of embedding nets, the places in DeePMD-kit's, where the center species runs fastest."""
    kinds = architecture.species
    if architecture.one_side:
        return list(range(kinds))
    return [center + kinds * neighbor for center in range(kinds) for neighbor in range(kinds)]


def unpack(content: dict, architecture: Architecture, name: str) -> tuple[dict, dict]:
    """Return weights and constants from the section `model` of a native file; `name` is for messages."""
    descriptor, fitting = content["descriptor"], content["fitting"]
    expected = {
        "type_map": list(architecture.type_map),
        "rcut": architecture.rcut,
        "rcut_smth": architecture.rcut_smth,
        "sel": list(architecture.sel),
        "axis_neuron": architecture.axis,
        "type_one_side": architecture.one_side,
    }
    found = {"type_map": content["type_map"]} | {key: descriptor[key] for key in expected if key != "type_map"}
    for key, value in expected.items():
        if found[key] != value:
            raise ValueError(
                f"engine: '{name}' has {key} {found[key]!r} where the config has {value!r}; start from a model of the same "
                "architecture"
            )
    weights = {}
    networks = descriptor["embeddings"]["networks"]
    for index in range(len(architecture.embedding)):
        layers = [networks[place]["layers"][index]["@variables"] for place in embedding_places(architecture)]
        weights[f"embedding.{index}.w"] = np.stack([layer["w"] for layer in layers])
        weights[f"embedding.{index}.b"] = np.stack([layer["b"].reshape(1, -1) for layer in layers])
        if layers[0].get("idt") is not None:
            weights[f"embedding.{index}.idt"] = np.stack([layer["idt"].reshape(1, -1) for layer in layers])
    for kind, network in enumerate(fitting["nets"]["networks"]):
        for index, layer in enumerate(network["layers"]):
            variables = layer["@variables"]
            weights[f"fitting.{kind}.{index}.w"] = variables["w"]
            weights[f"fitting.{kind}.{index}.b"] = variables["b"].reshape(-1)
            if variables.get("idt") is not None:
                weights[f"fitting.{kind}.{index}.idt"] = variables["idt"].reshape(-1)
    deviation = descriptor["@variables"]["dstd"][:, 0]
    constants = {
        "mean": descriptor["@variables"]["davg"][:, 0, 0],
        "radial": deviation[:, 0],
        "angular": deviation[:, 1],
        "constants": fitting["@variables"]["bias_atom_e"].reshape(-1) + content["@variables"]["out_bias"].reshape(-1),
    }
    return weights, constants


def define(model: dict, architecture: Architecture) -> dict:
    """Return the config's section `model` with everything spelled out that DeePMD-kit would fill in."""
    return {
        "type": "standard",
        "type_map": list(architecture.type_map),
        "descriptor": {
            "type": "se_e2_a",
            "rcut": architecture.rcut,
            "rcut_smth": architecture.rcut_smth,
            "sel": list(architecture.sel),
            "neuron": list(architecture.embedding),
            "axis_neuron": architecture.axis,
            "resnet_dt": architecture.embedding_step,
            "type_one_side": architecture.one_side,
            "precision": model["descriptor"].get("precision", "default"),
        },
        "fitting_net": {
            "type": "ener",
            "neuron": list(architecture.fitting),
            "resnet_dt": architecture.fitting_step,
            "precision": model["fitting_net"].get("precision", "default"),
        },
    }


def pack(model: dict, architecture: Architecture, weights: dict, constants: dict) -> dict:
    """Return the content of a native file: DeePMD-kit's own model of the config's section `model`, with our numbers in it."""
    from deepmd.dpmodel.model.model import get_model

    definition = define(model, architecture)
    content = get_model(copy.deepcopy(definition)).serialize()
    descriptor, fitting = content["descriptor"], content["fitting"]
    for net, place in enumerate(embedding_places(architecture)):
        for index, layer in enumerate(descriptor["embeddings"]["networks"][place]["layers"]):
            fill(
                layer["@variables"],
                f"embedding.{index}",
                {key: value[net] for key, value in part(weights, "embedding")},
            )
    for kind, network in enumerate(fitting["nets"]["networks"]):
        for index, layer in enumerate(network["layers"]):
            fill(layer["@variables"], f"fitting.{kind}.{index}", weights)
    variables = descriptor["@variables"]
    variables["davg"] = np.zeros_like(variables["davg"])
    variables["davg"][:, :, 0] = constants["mean"][:, None]
    variables["dstd"] = np.empty_like(variables["dstd"])
    variables["dstd"][:, :, 0] = constants["radial"][:, None]
    variables["dstd"][:, :, 1:] = constants["angular"][:, None, None]
    fitting["@variables"]["bias_atom_e"] = constants["constants"].reshape(-1, 1)
    content["@variables"]["out_bias"] = np.zeros_like(content["@variables"]["out_bias"])
    return {"backend": "DPModel", "model": content, "model_def_script": definition}


def part(weights: dict, start: str):
    """Return the items whose names start with `start`."""
    return [(name, value) for name, value in weights.items() if name.startswith(start)]


def fill(variables: dict, name: str, weights: dict) -> None:
    """Put one layer's w, b and idt in place, in the shape and precision that the native file has."""
    for key, value in variables.items():
        if value is not None:
            variables[key] = weights[f"{name}.{key}"].reshape(value.shape).astype(value.dtype)


def write_model(path: Path, model: dict, architecture: Architecture, weights: dict, constants: dict) -> None:
    """Write a native file (.dp or .yaml) that DeePMD-kit reads; see `pack`."""
    from deepmd.dpmodel.utils.serialization import save_dp_model

    save_dp_model(str(path), pack(model, architecture, weights, constants))
