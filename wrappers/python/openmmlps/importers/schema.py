# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""The dictionary in which DeePMD-kit serialises a model (.dp, .hlo, .yaml, .pt2), read into ModelParts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fields import Fields
from .native import NativeModel
from .parts import MOST_LAYERS, MOST_TYPES, Key, Layer, ModelParts, Table, activation_name, residual_rule
from .refusals import Refusals
from .source import Source, quote

MOST_SLOTS = 2**31 - 1
LAYER_MEMORY = 2000  # bytes of Python objects that describe a layer on its way to the native model


def import_dictionary(source: Source, top: object) -> NativeModel:
    """Read the top-level dictionary of a .dp, .yaml or model.json.

    Parameters
    ----------
    source : Source
        the file
    top : object
        what it holds, arrays as NumPy arrays

    Returns
    -------
    NativeModel
        the model

    Raises
    ------
    ModelImportError
        for a damaged file, or a model that openmm-lps does not evaluate
    """
    document = Fields(source, top, "file")
    model = document.child("model")
    refusals = Refusals(source)
    with refusals.before_faults():
        if not _refuse(model, document, refusals):
            refusals.check()
        parts = _read(source, model, refusals)
        parts.provenance = provenance(document)
    return parts.build(source)


def provenance(document: Fields) -> dict[str, Any]:
    """What a file tells of its origin: software, backend, versions, time and training systems."""
    found: dict[str, Any] = {}
    for key in ("software", "version", "backend", "time"):
        value = document.value.get(key)
        if isinstance(value, (str, int, float)):
            found["deepmd_version" if key == "version" else key] = str(value)[:200]
    systems = training_systems(document.value.get("model_def_script"))
    if systems:
        found["systems"] = systems
    return found


def training_systems(script: object) -> list[str]:
    """Names of the data systems in a training script, if there are any; only the last part of each path is kept."""
    found: list[str] = []
    for keys in (("training", "training_data", "systems"), ("training", "systems")):
        value = script
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, (str, list)):
            names = [value] if isinstance(value, str) else value
            found += [
                n.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1][:200] for n in names[:1000] if isinstance(n, str)
            ]
    return found


def _refuse(model: Fields, document: Fields, refusals: Refusals) -> bool:
    """Note every unsupported feature that can be seen without arrays. Returns whether the arrays can be read at all."""
    kind = model.raw("type", "standard")
    if not refusals.model_type(kind):
        for k, part in enumerate(model.items("models", 1000, [])):
            if isinstance(part, dict):
                inner = Fields(refusals.source, part, f"{model.path}/models[{k}]")
                _refuse(inner, document, refusals)
        if isinstance(model.value.get("backbone_model"), dict):
            _refuse(model.child("backbone_model"), document, refusals)
        return False
    refusals.version("Model", model.raw("@version", 2), 1, 2)
    if model.given("spin") or document.given("spin"):
        refusals.add("spin")
    if model.given("data_modifier") or model.given("modifier"):
        refusals.add("data modifier (long-range or other correction outside the model)")
    readable = _refuse_descriptor(model.optional("descriptor"), refusals)
    return _refuse_fitting(model.optional("fitting"), refusals) and readable


def _refuse_descriptor(descriptor: Fields, refusals: Refusals) -> bool:
    if not refusals.descriptor_type(descriptor.raw("type", None)):
        return False
    refusals.version("Descriptor", descriptor.raw("@version", 1), 1, 3)
    refusals.precision("descriptor", descriptor.raw("precision", "default"))
    if descriptor.given("spin"):
        refusals.add("spin")
    if descriptor.optional("env_mat").given("use_exp_switch"):
        refusals.add("use_exp_switch (only the quintic switch)")
    return True


def _refuse_fitting(fitting: Fields, refusals: Refusals) -> bool:
    if not refusals.fitting_type(fitting.raw("type", None)):
        return False
    refusals.version("Fitting", fitting.raw("@version", 1), 1, 4)
    refusals.precision("fitting", fitting.raw("precision", "default"))
    for key, name in (("numb_fparam", "fparam"), ("numb_aparam", "aparam"), ("dim_case_embd", "case embedding")):
        if fitting.given(key):
            refusals.add(f"{name} ({key} = {quote(fitting.value[key])})")
    for key in ("tot_ener_zero", "use_aparam_as_mask", "mixed_types", "spin"):
        if fitting.given(key):
            refusals.add(key)
    if isinstance(fitting.value.get("layer_name"), list) and any(fitting.value["layer_name"]):
        refusals.add("layer_name (layers shared between networks)")
    return True


def _read(source: Source, model: Fields, refusals: Refusals) -> ModelParts:
    descriptor, fitting = model.child("descriptor"), model.child("fitting")
    type_map = model.items("type_map", MOST_TYPES)
    types = len(type_map)
    one_side = descriptor.boolean("type_one_side", False)
    sel = descriptor.integers("sel", 0, MOST_SLOTS, MOST_TYPES)
    statistics = descriptor.child("@variables")
    mean, stddev = statistics.array("davg"), statistics.array("dstd")
    if mean is None or stddev is None:
        raise source.fault("the model has no statistics (davg, dstd)")
    conversions: list[str] = []
    embedding, tables = _embedding(source, descriptor, types, one_side, refusals, conversions)
    networks = _networks(source, fitting.child("nets"), types, 1, refusals)
    networks = {index: layers for index, layers in networks.items() if layers}
    excluded = (
        model.integers("atom_exclude_types", 0, types - 1, MOST_TYPES, []) if model.given("atom_exclude_types") else []
    )
    if set(
        fitting.integers("exclude_types", 0, types - 1, MOST_TYPES, None) if fitting.given("exclude_types") else []
    ) - set(excluded):
        # DeePMD-kit overrides the list of the fitting by that of the model, but did not in every version.
        refusals.add("exclude_types of the fitting that are not atom_exclude_types of the model")
    bias = energy_bias(
        source,
        types,
        fitting.child("@variables").array("bias_atom_e", None),
        model.optional("@variables").array("out_bias", None),
    )
    return ModelParts(
        type_map=type_map,
        rcut=descriptor.number("rcut"),
        rcut_smth=descriptor.number("rcut_smth"),
        sel=sel,
        normalizer=float(sum(sel)),
        axis_neuron=descriptor.integer("axis_neuron", 1, 65536),
        type_one_side=one_side,
        mean=mean,
        stddev=stddev,
        energy_bias=bias,
        fitting={index[0]: layers for index, layers in networks.items()},
        embedding=embedding,
        tables=tables,
        env_protection=_protection(descriptor),
        exclude_types=descriptor.pairs("exclude_types", types, []) if descriptor.given("exclude_types") else [],
        pair_exclude_types=model.pairs("pair_exclude_types", types, []) if model.given("pair_exclude_types") else [],
        atom_exclude_types=excluded,
        vacuum_types=vacuum_types(fitting.value.get("atom_ener"), types, Fields(source, {}, fitting.path)),
        conversions=conversions,
    )


def _protection(descriptor: Fields) -> float:
    if "env_protection" in descriptor.value:
        return descriptor.number("env_protection")
    return descriptor.optional("env_mat").number("protection", 0.0)


def energy_bias(source: Source, types: int, fitted: np.ndarray | None, model_level: np.ndarray | None) -> np.ndarray:
    """Constant energy per type: bias of the fitting plus bias of the model.

    The out_std beside them scales nothing: energy models of PyTorch and of the native backend do not use it.

    Parameters
    ----------
    source : Source
        the file
    types : int
        number of types, T
    fitted, model_level : array or None
        the two parts, T numbers in eV

    Returns
    -------
    array
        [T] in eV
    """
    bias = np.zeros(types)
    for name, array in (("bias_atom_e", fitted), ("out_bias", model_level)):
        if array is not None:
            if array.size != types:
                raise source.fault(f"{name} has {array.size} numbers for {types} types")
            bias = bias + np.asarray(array, dtype=np.float64).reshape(-1)
    return bias


def vacuum_types(atom_ener: object, types: int, where: Fields, tensorflow: bool = False) -> list[int]:
    """Types whose energy is measured from the network at a zero descriptor, from the list `atom_ener`.

    If any entry is set, those are the types with an entry; DeePMD-kit's PyTorch and native backends also take the types
    beyond the end of the list, TensorFlow does not.
    """
    if atom_ener is None:
        return []
    if isinstance(atom_ener, np.ndarray):
        atom_ener = atom_ener.reshape(-1).tolist()
    if not isinstance(atom_ener, (list, tuple)) or len(atom_ener) > MOST_TYPES:
        raise where.source.fault(f"{where.path}/atom_ener is {quote(atom_ener)} instead of a list of numbers or nulls")
    given = [a for a, value in enumerate(atom_ener[:types]) if value is not None]
    if all(value is None for value in atom_ener):
        return []
    return given if tensorflow else given + list(range(len(atom_ener), types))


def _embedding(
    source: Source, descriptor: Fields, types: int, one_side: bool, refusals: Refusals, conversions: list[str]
) -> tuple[dict[Key, list[Layer]], dict[Key, Table]]:
    """Embedding networks by (center or "all", neighbor), or the tables of a compressed model without networks."""
    found = _networks(source, descriptor.child("embeddings"), types, 1 if one_side else 2, refusals)

    def key(index: tuple[int, ...]) -> Key:
        return ("all", index[0]) if one_side else (index[0], index[1])

    networks = {key(index): layers for index, layers in found.items() if layers}
    compress = descriptor.optional("compress").optional("@variables")
    data = compress.items("compress_data", MOST_TYPES**2, [])
    if networks:
        if data:
            conversions.append("compression tables ignored: the original embedding networks are in the file")
        return networks, {}
    info = compress.items("compress_info", MOST_TYPES**2, [])
    tables: dict[Key, Table] = {}
    if len(data) == len(info) == len(found):
        for index, coefficients, grid in zip(found, data, info, strict=True):
            table = make_table(coefficients, grid)
            if table is not None:
                tables[key(index)] = table
    if not tables:
        refusals.add(
            "embedding networks that are all null (a compressed model after 'dp convert-backend', which DeePMD-kit cannot evaluate either)",
            "Convert the uncompressed model.",
        )
    return {}, tables


def make_table(coefficients: object, grid: object) -> Table | None:
    """Table of [rows, 6 M1] coefficients and DeePMD-kit's table_info[6]; None where either is absent or empty."""
    if not isinstance(coefficients, np.ndarray) or not isinstance(grid, np.ndarray):
        return None
    if coefficients.ndim != 2 or coefficients.size == 0 or coefficients.shape[1] % 6 or grid.size < 5:
        return None
    rows, columns = coefficients.shape
    return Table(coefficients.reshape(rows, columns // 6, 6), np.array(grid.reshape(-1)[:5]))


def _networks(
    source: Source, collection: Fields, types: int, ndim: int, refusals: Refusals
) -> dict[tuple[int, ...], list[Layer]]:
    """Layers by index tuple (center first) of a NetworkCollection; empty lists where the file has null."""
    refusals.version("NetworkCollection", collection.raw("@version", 1), 1, 1)
    found_ndim = collection.integer("ndim", 0, 2)
    if found_ndim != ndim:
        refusals.add(f"networks of {found_ndim} indices where {ndim} is expected (shared or type-embedded networks)")
        return {}
    networks = collection.items("networks", MOST_TYPES**2)
    if len(networks) != types**ndim:
        raise source.fault(f"{collection.path} has {len(networks)} networks for {types} types")
    found: dict[tuple[int, ...], list[Layer]] = {}
    for flat, network in enumerate(networks):
        # The first index (the center) runs fastest.
        index: tuple[int, ...] = (flat,) if ndim == 1 else (flat % types, flat // types)
        if network is None:
            found[index] = []
            continue
        net = Fields(source, network, f"{collection.path}/networks[{flat}]")
        refusals.version("network", net.raw("@version", 1), 1, 2)
        layers = net.items("layers", MOST_LAYERS)
        source.claim(LAYER_MEMORY * len(layers))  # text may name the same network many times
        found[index] = [_layer(Fields(source, v, f"{net.path}/layers[{k}]"), refusals) for k, v in enumerate(layers)]
    return found


def _layer(layer: Fields, refusals: Refusals) -> Layer:
    refusals.version("Layer", layer.raw("@version", 1), 1, 2)
    refusals.precision("layer", layer.raw("precision", "default"))
    activation = activation_name(layer.raw("activation_function", "tanh"))
    if activation is None:
        refusals.add(f"activation function {quote(layer.raw('activation_function'))}")
    variables = layer.child("@variables")
    weight = variables.array("w")
    if weight is None or weight.ndim != 2:
        raise layer.source.fault(f"{layer.path} has no weight matrix")
    bias, timestep = variables.array("b", None), variables.array("idt", None)
    residual = residual_rule(*weight.shape) if layer.boolean("resnet", False) else "none"
    bias = np.zeros(weight.shape[1], weight.dtype) if bias is None else bias
    return Layer(weight, bias, activation or "linear", residual, timestep)
