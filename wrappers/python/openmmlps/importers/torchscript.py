# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of frozen PyTorch models (.pth, TorchScript): the objects of the archive become the dictionary of schema.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .archive import Archive
from .fields import given
from .native import NativeModel
from .parts import MOST_LAYERS, MOST_TYPES
from .refusals import Refusals
from .schema import LAYER_MEMORY, import_dictionary
from .source import ModelImportError, Source, quote
from .unpickle import Record, Unpickler

BLOCKS = {"sea": "se_e2_a", "ser": "se_e2_r", "seat": "se_e3", "se_ttebd": "se_e3_tebd", "se_atten": "se_atten"}


def unpickle_archive(source: Source, archive: Archive) -> object:
    """The objects in data.pkl of a PyTorch archive."""
    name = archive.find("data.pkl")
    if name is None:
        raise source.fault("the archive has no data.pkl")
    root = name[: -len("data.pkl")]
    if root + "byteorder" in archive.names() and archive.read(root + "byteorder").strip() != b"little":
        raise source.fault("its numbers are not little-endian", "freeze the model on a little-endian machine")
    return Unpickler(source, archive.read(name), lambda key: archive.read(f"{root}data/{key}")).run()


def import_torchscript(source: Source, archive: Archive, root: object) -> NativeModel:
    """Read a TorchScript archive.

    Parameters
    ----------
    source : Source
        the file
    archive : Archive
        its entries
    root : object
        what unpickle_archive() found

    Returns
    -------
    NativeModel
        the model

    Raises
    ------
    ModelImportError
        for a damaged file, or a model that openmm-lps does not evaluate
    """
    source.format = "DeePMD-kit PyTorch model (.pth)"
    refusals = Refusals(source)
    for name in archive.names():
        if name.endswith("extra/data_modifier.pth") and archive.read(name):
            refusals.add("data modifier (long-range or other correction outside the model)")
    tree = Tree(source, root, "model")
    with refusals.before_faults():
        _refuse(tree, refusals)
    return import_dictionary(source, Reader(source, tree).document())


class Tree:
    """Attributes of a Record with the path that messages call it by."""

    def __init__(self, source: Source, record: object, path: str) -> None:
        if not isinstance(record, Record):
            raise source.fault(f"{path} is {quote(record)} instead of a module")
        self.source, self.record, self.path = source, record, path

    @property
    def kind(self) -> str:
        """Name of the class, without its module."""
        return self.record.name.rpartition(" ")[2]

    def get(self, key: str, default: object = None) -> object:
        """An attribute, or the default where there is none."""
        return self.record.attributes.get(key, default)

    def child(self, key: str) -> Tree:
        """A submodule."""
        return Tree(self.source, self.get(key), f"{self.path}.{key}")

    def has(self, key: str) -> bool:
        """Whether there is a submodule of that name."""
        return isinstance(self.get(key), Record)


def _refuse(tree: Tree, refusals: Refusals) -> None:
    """Note models, descriptors and fittings of other kinds, by the names of their classes and blocks."""
    if tree.kind not in ("EnergyModel", "EnergyModel_"):
        refusals.model_type(tree.kind)
    if not tree.has("atomic_model"):
        if tree.has("backbone_model"):
            _refuse(tree.child("backbone_model"), refusals)
        return
    atomic = tree.child("atomic_model")
    models = atomic.get("models")
    if isinstance(models, Record):
        refusals.model_type(atomic.kind)
        for key, part in models.attributes.items():
            if isinstance(part, Record):
                _refuse_parts(Tree(atomic.source, part, f"{atomic.path}.models.{key}"), refusals)
        return
    _refuse_parts(atomic, refusals)


def _refuse_parts(atomic: Tree, refusals: Refusals) -> None:
    if not atomic.has("descriptor") or not atomic.has("fitting_net"):
        refusals.model_type(atomic.kind)
        return
    descriptor, fitting = atomic.child("descriptor"), atomic.child("fitting_net")
    if not descriptor.has("sea"):
        block = next((name for key, name in BLOCKS.items() if descriptor.has(key)), None)
        block = block or descriptor.kind.removeprefix("Descrpt").lower()
        refusals.descriptor_type(block)
    if fitting.kind != "EnergyFittingNet":
        refusals.fitting_type(fitting.kind)
    for key, name in (("numb_fparam", "fparam"), ("numb_aparam", "aparam"), ("dim_case_embd", "case embedding")):
        if given(fitting.get(key)):
            refusals.add(f"{name} ({key} = {quote(fitting.get(key))})")


class Reader:
    """Walks the modules of an energy model."""

    def __init__(self, source: Source, tree: Tree) -> None:
        self.source, self.tree = source, tree

    def document(self) -> dict[str, Any]:
        """The dictionary that schema.py reads."""
        atomic = self.tree.child("atomic_model")
        descriptor, fitting = atomic.child("descriptor").child("sea"), atomic.child("fitting_net")
        try:
            text = self.tree.get("model_def_script") or "{}"
            script = self.source.load_json(text) if isinstance(text, str) else {}
        except ModelImportError:
            raise
        except (ValueError, RecursionError):
            script = {}
        types = atomic.get("type_map")
        count = len(types) if isinstance(types, list) else 0
        return {
            "software": "deepmd-kit",
            "backend": "PyTorch",
            "model_def_script": script,
            "model": {
                "type": "standard",
                "@version": 2,
                "type_map": types,
                "atom_exclude_types": self._atoms(atomic, "atom_excl", count),
                "pair_exclude_types": self._pairs(atomic, "pair_excl", count),
                "@variables": {"out_bias": atomic.get("out_bias")},
                "descriptor": self._descriptor(descriptor, count),
                "fitting": self._fitting(fitting, count),
            },
        }

    def _descriptor(self, block: Tree, types: int) -> dict[str, Any]:
        keys = ("rcut", "rcut_smth", "sel", "axis_neuron", "type_one_side", "precision")
        return {
            "type": "se_e2_a",
            "@version": 2,
            **{key: block.get(key) for key in keys if block.get(key) is not None},
            "env_protection": block.get("env_protection", 0.0),
            "exclude_types": self._pairs(block, "emask", types),
            "embeddings": self._networks(block.child("filter_layers")),
            "@variables": {"davg": block.get("mean"), "dstd": block.get("stddev")},
            "compress": {
                "@variables": {key: self._parameters(block.get(key)) for key in ("compress_data", "compress_info")}
            },
        }

    def _fitting(self, fitting: Tree, types: int) -> dict[str, Any]:
        keys = ("numb_fparam", "numb_aparam", "dim_case_embd", "mixed_types", "use_aparam_as_mask", "precision")
        vacuum = fitting.get("remove_vaccum_contribution")
        if vacuum is not None and not (isinstance(vacuum, list) and all(isinstance(v, bool) for v in vacuum)):
            raise self.source.fault(f"{fitting.path}.remove_vaccum_contribution is {quote(vacuum)}")
        return {
            "type": "ener",
            "@version": 4,
            **{key: fitting.get(key) for key in keys if fitting.get(key) is not None},
            "exclude_types": fitting.get("exclude_types", []),
            # The values are part of bias_atom_e; only which types have one matters.
            "atom_ener": None if vacuum is None else [0.0 if v else None for v in vacuum],
            "nets": self._networks(fitting.child("filter_layers")),
            "@variables": {"bias_atom_e": fitting.get("bias_atom_e")},
        }

    def _networks(self, collection: Tree) -> dict[str, Any]:
        networks, k = [], 0
        modules = collection.child("networks")
        while k < MOST_TYPES**2 and modules.get(str(k)) is not None:
            layers, n = [], 0  # the same object may serve as every network, so each of them is paid for
            stack = modules.child(str(k)).child("layers")
            while n <= MOST_LAYERS and stack.get(str(n)) is not None:
                layer = stack.child(str(n))
                self.source.claim(LAYER_MEMORY)
                layers.append(
                    {
                        "@version": 1,
                        "activation_function": layer.get("activate_name"),
                        "precision": layer.get("precision", "default"),
                        "resnet": layer.get("resnet", False),
                        "@variables": {"w": layer.get("matrix"), "b": layer.get("bias"), "idt": layer.get("idt")},
                    }
                )
                n += 1
            networks.append({"@version": 1, "layers": layers} if layers else None)
            k += 1
        return {"@version": 1, "ndim": collection.get("ndim"), "networks": networks}

    @staticmethod
    def _parameters(module: object) -> list[np.ndarray]:
        """Arrays of a ParameterList; empty unless all of them hold numbers."""
        found: list[np.ndarray] = []
        if isinstance(module, Record):
            while isinstance(module.attributes.get(str(len(found))), np.ndarray):
                found.append(module.attributes[str(len(found))])
        return found if all(array.size for array in found) else []

    def _pairs(self, owner: Tree, key: str, types: int) -> list[list[int]]:
        """Excluded pairs, from the mask that the model itself applies."""
        if not owner.has(key):
            return []
        mask = self._mask(owner.child(key), (types + 1) ** 2)
        return [[a, b] for a in range(types) for b in range(a, types) if mask[a * (types + 1) + b] == 0]

    def _atoms(self, owner: Tree, key: str, types: int) -> list[int]:
        if not owner.has(key):
            return []
        mask = self._mask(owner.child(key), types)
        return [a for a in range(types) if mask[a] == 0]

    def _mask(self, excluder: Tree, size: int) -> np.ndarray:
        mask = excluder.get("type_mask")
        if excluder.get("no_exclusion") is True:
            return np.ones(size)
        if not isinstance(mask, np.ndarray) or mask.size != size:
            raise self.source.fault(f"{excluder.path}.type_mask does not have {size} entries")
        return mask.reshape(-1)
