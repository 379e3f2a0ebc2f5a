# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From any model file to the engine's arrays, and from them to DeePMD-kit's `.dp` file and the native file.

The layout of the `.dp` file is written down from its published description; no code of DeePMD-kit takes part.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openmmlps.app.replace import replace_file
from openmmlps.importers import NativeModel, import_bytes, import_model

from .architecture import Architecture
from .parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

Arrays = dict[str, np.ndarray]


def read_model(path: Path) -> tuple[Architecture, Arrays, Arrays]:
    """Read a model to start from.

    Parameters
    ----------
    path : Path
        a file of any format that openmm-lps imports

    Returns
    -------
    architecture : Architecture
        its sizes
    weights : dict of str to array
        as parameters.py names them
    constants : dict of str to array
        as statistics.py names them

    Raises
    ------
    ValueError
        if the model has what cannot be trained here
    """
    return unpack(import_model(path), str(path))


def unpack(model: NativeModel, name: str) -> tuple[Architecture, Arrays, Arrays]:
    """As read_model(), of a model in memory; `name` is for messages."""
    found, tensors = model.hyperparameters, model.tensors
    unusual = [
        key for key in ("exclude_types", "pair_exclude_types", "atom_exclude_types", "vacuum_types") if found[key]
    ]
    unusual += ["env_protection"] if found["env_protection"] else []
    if found["embedding"] is None:
        raise ValueError(
            f"train: '{name}' is compressed and has no networks to train; start from the uncompressed model"
        )
    nets = {"embedding": found["embedding"]["layers"], "fitting": found["fitting"]["layers"]}
    unusual += [key for key, layers in nets.items() if any(layer["activation"] != "tanh" for layer in layers[:-1])]
    if unusual:
        raise ValueError(f"train: '{name}' has {', '.join(unusual)}, which cannot be trained here; use DeePMD-kit")
    steps = {key: any(layer["timestep"] for layer in layers) for key, layers in nets.items()}
    architecture = Architecture(
        type_map=tuple(found["type_map"]),
        rcut=found["rcut"],
        rcut_smth=found["rcut_smth"],
        sel=tuple(found["sel"]),
        embedding=tuple(layer["width"] for layer in nets["embedding"]),
        axis=found["axis_neuron"],
        embedding_step=steps["embedding"],
        one_side=found["type_one_side"],
        fitting=tuple(layer["width"] for layer in nets["fitting"][:-1]),
        fitting_step=steps["fitting"],
    )
    kinds = range(architecture.species)
    pairs = [("all", b) for b in kinds] if architecture.one_side else [(str(a), b) for a in kinds for b in kinds]
    weights: Arrays = {}
    try:
        for index, layer in enumerate(nets["embedding"]):
            for key, part in _parts(layer["timestep"]):
                stack = [tensors[f"embedding.{a}.{b}.layer.{index}.{part}"] for a, b in pairs]
                weights[f"embedding.{index}.{key}"] = np.stack([v if key == "w" else v[None] for v in stack])
        for kind in kinds:
            for index, layer in enumerate(nets["fitting"]):
                for key, part in _parts(layer["timestep"]):
                    weights[f"fitting.{kind}.{index}.{key}"] = tensors[f"fitting.{kind}.layer.{index}.{part}"]
    except KeyError as error:
        raise ValueError(f"train: '{name}' lacks the network {error}; start from a model with all of them") from None
    if set(weights) != {entry for entry in Parameters(architecture, np.float64).named}:
        raise ValueError(f"train: '{name}' has residuals of another backend; it cannot be trained here")
    _rescale(weights, architecture, sum(architecture.sel) / found["normalizer"])
    deviation = tensors["statistics.stddev"]
    constants = {
        "mean": tensors["statistics.mean"][:, 0].astype(float),
        "radial": deviation[:, 0].astype(float),
        "angular": deviation[:, 1].astype(float),
        "constants": tensors["energy.bias"].astype(float),
    }
    return architecture, weights, constants


def _parts(timestep: bool) -> list[tuple[str, str]]:
    return [("w", "weight"), ("b", "bias"), *([("idt", "timestep")] if timestep else [])]


def _rescale(weights: Arrays, architecture: Architecture, factor: float) -> None:
    """Make up for a sum of slots that is `factor` times larger: descriptors go with its inverse square."""
    if factor != 1:
        for kind in range(architecture.species):
            weights[f"fitting.{kind}.0.w"] = weights[f"fitting.{kind}.0.w"] * factor**2


def extend(
    old: Architecture, weights: Arrays, constants: Arrays, new: Architecture, statistics: Arrays, seed: int
) -> tuple[Arrays, Arrays]:
    """Weights and constants of a model with further species; what it says of the old species alone stays the same.

    The networks of the old species are kept. Those of the new ones are random, but an embedding whose neighbor is new
    vanishes where there is no neighbor, so that empty slots add nothing. (With nets that do not depend on the center it
    does so for the mean of the centers only.)

    Parameters
    ----------
    old, new : Architecture
        the species of `old` come first in `new`, with the same numbers of slots
    weights, constants : dict of str to array
        of the old model
    statistics : dict of str to array
        of the new data, for the new species
    seed : int
        of the random numbers

    Returns
    -------
    weights, constants : dict of str to array
        of the new model
    """
    kept, kinds = old.species, new.species
    constants = {name: np.concatenate([constants[name], statistics[name][kept:]]) for name in constants}
    parameters = Parameters(new, np.float64)
    parameters.randomise(seed)
    found = {name: values.copy() for name, values in parameters.named.items()}
    zero = -constants["mean"] / constants["radial"]  # what an embedding sees of an empty slot, by center
    nets = [(0, b) for b in range(kinds)] if new.one_side else [(a, b) for a in range(kinds) for b in range(kinds)]
    for place, (a, b) in enumerate(nets):
        known = b < kept and (new.one_side or a < kept)
        for index in range(len(new.embedding)):
            for key in ("w", "b", "idt"):
                name = f"embedding.{index}.{key}"
                if name not in found:
                    continue
                if known:
                    found[name][place] = weights[name][b if new.one_side else a * kept + b]
                elif key == "b":
                    center = zero.mean() if new.one_side else zero[a]
                    found[name][place] = -center * found["embedding.0.w"][place] if index == 0 else 0
    old_weights = dict(weights)
    _rescale(old_weights, old, sum(new.sel) / sum(old.sel))
    found |= {name: values for name, values in old_weights.items() if name.startswith("fitting.")}
    return found, constants


def _networks(architecture: Architecture) -> list[tuple[int, int]]:
    """(place in DeePMD-kit's list, net of the engine); in the list the center species runs fastest."""
    kinds = architecture.species
    if architecture.one_side:
        return [(net, net) for net in range(kinds)]
    return [(a + kinds * b, a * kinds + b) for a in range(kinds) for b in range(kinds)]


def _layer(arrays: Mapping[str, np.ndarray | None], activation: str, residual: bool, precision: str) -> dict[str, Any]:
    return {
        "@class": "Layer",
        "@version": 1,
        "bias": True,
        "use_timestep": arrays.get("idt") is not None,
        "activation_function": activation,
        "resnet": residual,
        "precision": precision,
        "@variables": {"w": arrays["w"], "b": arrays["b"], "idt": arrays.get("idt")},
    }


def pack(architecture: Architecture, weights: Arrays, constants: Arrays, precision: str = "float32") -> dict[str, Any]:
    """The content of a `.dp` file: the dictionary in which DeePMD-kit serialises a model, with arrays in it."""
    kinds, slots = architecture.species, sum(architecture.sel)
    weights = {name: np.asarray(values, dtype=precision) for name, values in weights.items()}
    shared = {"activation_function": "tanh", "precision": precision}

    def arrays(start: str, net: int | None = None) -> dict[str, np.ndarray | None]:
        found = {key: weights.get(f"{start}.{key}") for key in ("w", "b", "idt")}
        picked = {key: value if net is None or value is None else value[net] for key, value in found.items()}
        return {key: v if v is None or key == "w" else v.reshape(-1) for key, v in picked.items()}

    embeddings: list[Any] = [None] * len(_networks(architecture))
    for place, net in _networks(architecture):
        embeddings[place] = {
            "@class": "EmbeddingNetwork",
            "@version": 1,
            "in_dim": 1,
            "neuron": list(architecture.embedding),
            "resnet_dt": architecture.embedding_step,
            **shared,
            "layers": [
                _layer(arrays(f"embedding.{index}", net), "tanh", True, precision)
                for index in range(len(architecture.embedding))
            ],
        }
    last = len(architecture.fitting)
    fittings = [
        {
            "@class": "FittingNetwork",
            "@version": 1,
            "in_dim": architecture.descriptor_length,
            "out_dim": 1,
            "neuron": list(architecture.fitting),
            "resnet_dt": architecture.fitting_step,
            "bias_out": True,
            **shared,
            "layers": [
                _layer(arrays(f"fitting.{kind}.{i}"), "tanh" if i < last else "none", i < last, precision)
                for i in range(last + 1)
            ],
        }
        for kind in range(kinds)
    ]
    mean, deviation = np.zeros((kinds, slots, 4)), np.empty((kinds, slots, 4))
    mean[:, :, 0] = constants["mean"][:, None]
    deviation[:, :, 0] = constants["radial"][:, None]
    deviation[:, :, 1:] = constants["angular"][:, None, None]
    definition = _definition(architecture, precision)
    descriptor = {key: value for key, value in definition["descriptor"].items() if key != "type"}
    model = {
        "@class": "Model",
        "@version": 2,
        "type": "standard",
        "type_map": list(architecture.type_map),
        "atom_exclude_types": [],
        "pair_exclude_types": [],
        "rcond": None,
        "preset_out_bias": None,
        "@variables": {"out_bias": np.zeros((1, kinds, 1)), "out_std": np.ones((1, kinds, 1))},
        "descriptor": {
            "@class": "Descriptor",
            "@version": 2,
            "type": "se_e2_a",
            **descriptor,
            "trainable": True,
            "exclude_types": [],
            "env_protection": 0.0,
            "set_davg_zero": False,
            "spin": None,
            "type_map": list(architecture.type_map),
            "activation_function": "tanh",
            "env_mat": {
                "rcut": architecture.rcut,
                "rcut_smth": architecture.rcut_smth,
                "protection": 0.0,
                "use_exp_switch": False,
            },
            "embeddings": _collection("embedding_network", 1 if architecture.one_side else 2, kinds, embeddings),
            "@variables": {"davg": mean, "dstd": deviation},
        },
        "fitting": {
            "@class": "Fitting",
            "@version": 1,
            "type": "ener",
            "var_name": "energy",
            "ntypes": kinds,
            "dim_descrpt": architecture.descriptor_length,
            "neuron": list(architecture.fitting),
            "resnet_dt": architecture.fitting_step,
            "numb_fparam": 0,
            "numb_aparam": 0,
            "rcond": None,
            "mixed_types": False,
            "exclude_types": [],
            "atom_ener": [],
            "dim_out": 1,
            "tot_ener_zero": False,
            "trainable": [True] * (last + 1),
            "layer_name": None,
            "use_aparam_as_mask": False,
            "spin": None,
            "type_map": list(architecture.type_map),
            **shared,
            "nets": _collection("fitting_network", 1, kinds, fittings),
            "@variables": {
                "bias_atom_e": np.asarray(constants["constants"], dtype=float).reshape(-1, 1),
                "fparam_avg": None,
                "fparam_inv_std": None,
                "aparam_avg": None,
                "aparam_inv_std": None,
            },
        },
    }
    return {"software": "openmm-lps", "backend": "DPModel", "model": model, "model_def_script": definition}


def _collection(kind: str, ndim: int, kinds: int, networks: list[Any]) -> dict[str, Any]:
    about = {"@class": "NetworkCollection", "@version": 1, "ndim": ndim, "ntypes": kinds, "network_type": kind}
    return {**about, "networks": networks}


def _definition(architecture: Architecture, precision: str) -> dict[str, Any]:
    """The section `model` of a DeePMD-kit input."""
    return {
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
            "precision": precision,
        },
        "fitting_net": {
            "type": "ener",
            "neuron": list(architecture.fitting),
            "resnet_dt": architecture.fitting_step,
            "precision": precision,
        },
    }


def to_dp(content: dict[str, Any]) -> bytes:
    """Bytes of a `.dp` file: JSON in an attribute, with names of data sets in the place of arrays."""
    import h5py

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        count = 0

        def store(value: Any) -> Any:
            nonlocal count
            if isinstance(value, dict):
                return {key: store(item) for key, item in value.items()}
            if isinstance(value, (list, tuple)):
                return [store(item) for item in value]
            if not isinstance(value, np.ndarray):
                return value
            name = f"variable_{count:04d}"
            file.create_dataset(name, data=value)
            count += 1
            return f"/{name}"

        file.attrs["json"] = json.dumps(store(content), separators=(",", ":"))
    return memory.getvalue()


def write_model(
    stem: Path,
    architecture: Architecture,
    weights: Arrays,
    constants: Arrays,
    provenance: dict[str, Any] | None = None,
    precision: str = "float32",
) -> NativeModel:
    """Write a model for DeePMD-kit and for openmm-lps.

    Parameters
    ----------
    stem : Path
        path without its ending; `.dp` and `.safetensors` are written
    architecture : Architecture
        sizes
    weights, constants : dict of str to array
        as parameters.py and statistics.py name them
    provenance : dict, optional
        what the native file says of its origin
    precision : str
        of the networks, 'float32' or 'float64'

    Returns
    -------
    NativeModel
        as it was written
    """
    data = to_dp(pack(architecture, weights, constants, precision))
    replace_file(stem.with_name(f"{stem.name}.dp"), data)
    model = import_bytes(data, f"{stem.name}.dp")
    model.provenance = {**(provenance or {}), **model.provenance}
    replace_file(stem.with_name(f"{stem.name}.safetensors"), model.to_bytes())
    return model
