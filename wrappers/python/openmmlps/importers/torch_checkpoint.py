# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of PyTorch training checkpoints (.pt) that carry the model definition beside the weights."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .fields import Fields
from .foreign import FREEZE_PYTORCH
from .native import NativeModel
from .parts import MOST_LAYERS, MOST_TYPES
from .refusals import Refusals
from .schema import LAYER_MEMORY, import_dictionary
from .source import Source, quote


def import_checkpoint(source: Source, root: dict[str, Any]) -> NativeModel:
    """Read an unpickled checkpoint.

    Parameters
    ----------
    source : Source
        the file
    root : dict
        what unpickle_archive() found

    Returns
    -------
    NativeModel
        the model

    Raises
    ------
    ModelImportError
        for a checkpoint without the definition of its model, or a model that openmm-lps does not evaluate
    """
    source.format = "DeePMD-kit PyTorch checkpoint (.pt)"
    state = root.get("model", root)
    extra = state.get("_extra_state") if isinstance(state, dict) else None
    script = extra.get("model_params") if isinstance(extra, dict) else None
    if not isinstance(script, dict):
        raise source.fault("the checkpoint does not carry the definition of its model", FREEZE_PYTORCH)
    refusals = Refusals(source)
    if isinstance(script.get("model_dict"), dict):
        names = [name for name in script["model_dict"] if isinstance(name, str)]
        refusals.add(
            f"a multi-task checkpoint with the branches {', '.join(quote(n) for n in names[:20])}",
            "Freeze one branch with 'dp --pt freeze --head BRANCH' and import the .pth file.",
        )
    definition = Fields(source, script, "model_params")
    with refusals.before_faults():
        _refuse(definition, refusals)
    prefix = "model.Default.atomic_model."
    arrays = {k[len(prefix) :]: v for k, v in state.items() if isinstance(k, str) and k.startswith(prefix)}
    return import_dictionary(source, _document(source, definition, arrays))


def _refuse(script: Fields, refusals: Refusals) -> None:
    """Note what the definition of a model asks for: its arrays have other names in other models."""
    refusals.model_type(script.value.get("type"))
    for key in ("spin", "use_srtab", "modifier", "data_modifier", "type_embedding"):
        if script.given(key):
            refusals.add(key)
    if not refusals.features:
        refusals.descriptor_type(script.child("descriptor").value.get("type"))
        refusals.fitting_type(script.optional("fitting_net").value.get("type", "ener"))


def _document(source: Source, script: Fields, arrays: dict[str, Any]) -> dict[str, Any]:
    descriptor, fitting = script.child("descriptor"), script.optional("fitting_net")
    embeddings = _networks(
        source, arrays, "descriptor.sea.filter_layers", descriptor.value.get("activation_function", "tanh"), False
    )
    nets = _networks(
        source, arrays, "fitting_net.filter_layers", fitting.value.get("activation_function", "tanh"), True
    )
    one_side = descriptor.boolean("type_one_side", False)
    ener = {
        k: v
        for k, v in fitting.value.items()
        if k in ("numb_fparam", "numb_aparam", "dim_case_embd", "precision", "layer_name", "atom_ener")
    }
    return {
        "software": "deepmd-kit",
        "backend": "PyTorch",
        "model_def_script": script.value,
        "model": {
            "type": script.value.get("type", "standard"),
            "@version": 2,
            "type_map": script.raw("type_map"),
            "spin": script.value.get("spin"),
            "atom_exclude_types": script.value.get("atom_exclude_types"),
            "pair_exclude_types": script.value.get("pair_exclude_types"),
            "@variables": {"out_bias": arrays.get("out_bias")},
            "descriptor": {
                **{
                    k: v
                    for k, v in descriptor.value.items()
                    if k
                    in (
                        "rcut",
                        "rcut_smth",
                        "sel",
                        "axis_neuron",
                        "precision",
                        "exclude_types",
                        "env_protection",
                        "spin",
                    )
                },
                "rcut": descriptor.value.get("rcut", 6.0),
                "rcut_smth": descriptor.value.get("rcut_smth", 0.5),
                "axis_neuron": descriptor.value.get("axis_neuron", 4),
                "type": descriptor.value.get("type"),
                "type_one_side": one_side,
                "embeddings": {"@version": 1, "ndim": 1 if one_side else 2, "networks": embeddings},
                "@variables": {"davg": arrays.get("descriptor.sea.mean"), "dstd": arrays.get("descriptor.sea.stddev")},
            },
            "fitting": {
                **ener,
                "type": fitting.value.get("type", "ener"),
                "nets": {"@version": 1, "ndim": 1, "networks": nets},
                "@variables": {"bias_atom_e": arrays.get("fitting_net.bias_atom_e")},
            },
        },
    }


def _networks(source: Source, arrays: dict[str, Any], prefix: str, activation: object, fitting: bool) -> list[Any]:
    """Networks in the order of their flat index, with the rules by which DeePMD-kit builds them from the definition."""
    pattern = re.compile(re.escape(prefix) + r"\.(?:_?networks)\.(\d{1,5})\.layers\.(\d{1,3})\.(matrix|bias|idt)")
    found: dict[int, dict[int, dict[str, np.ndarray]]] = {}
    for name, value in arrays.items():
        match = pattern.fullmatch(name)
        if match and int(match[1]) < MOST_TYPES**2 and int(match[2]) <= MOST_LAYERS:
            found.setdefault(int(match[1]), {}).setdefault(int(match[2]), {})[match[3]] = value
    networks = []
    for k in range(max(found, default=-1) + 1):
        stack = found.get(k, {})
        layers = []
        if sorted(stack) != list(range(len(stack))):
            raise source.fault(f"{quote(prefix)} lacks a layer of network {k}")
        for n, entry in sorted(stack.items()):
            last = fitting and n == len(stack) - 1
            source.claim(LAYER_MEMORY)
            layers.append(
                {
                    "activation_function": "none" if last else activation,
                    "resnet": not last,
                    "@variables": {"w": entry.get("matrix"), "b": entry.get("bias"), "idt": entry.get("idt")},
                }
            )
        networks.append({"layers": layers} if layers else None)
    return networks
