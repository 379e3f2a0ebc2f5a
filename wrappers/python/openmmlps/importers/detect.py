# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Recognise the format of a model file by its content."""

from __future__ import annotations

import re

from . import archive, hdf5, native, pb, pt2, torch_checkpoint, torchscript, yaml_file
from .foreign import KNOWN, UNPACK, recognise
from .native import NativeModel
from .source import Source, quote

MODEL_NAME = re.compile(r"\.(pb|pth?|dp|hlo|yaml|pt2|pte|safetensors)$")
HEAD = 65536  # bytes in which a graph has a zero or a constant


def detect(source: Source) -> NativeModel:
    """Read the file with the filter that its content calls for.

    Parameters
    ----------
    source : Source
        the file

    Returns
    -------
    NativeModel
        the model

    Raises
    ------
    ModelImportError
        for a file that is damaged, unknown, or holds a model that openmm-lps does not evaluate
    """
    data = source.data
    if not data:
        raise source.fault("the file is empty", KNOWN)
    if data.startswith(hdf5.SIGNATURE):
        return hdf5.import_hdf5(source)
    if data.startswith(archive.SIGNATURE):
        return _zip(source)
    if native.looks_native(data):
        source.format = "openmm-lps"
        return native.decode(source)
    foreign = recognise(data, source.name)
    if foreign:
        raise source.fault(*foreign)
    yaml = yaml_file.looks_yaml(data)
    if data[:1] == b"\x0a" and (not yaml or any(mark in data[:HEAD] for mark in (b"\x00", b"Const"))):
        return pb.import_graph(source)
    if yaml:
        return yaml_file.import_yaml(source)
    raise source.fault("its content is of no known format", KNOWN)


def _zip(source: Source) -> NativeModel:
    """A ZIP archive: exported package, frozen PyTorch model, or checkpoint."""
    entries = archive.Archive(source)
    package = pt2.find_model(entries)
    if package is not None:
        return pt2.import_package(source, entries, package)
    if entries.find("data.pkl") is None:
        names = entries.names()
        models = [name for name in names if MODEL_NAME.search(name)]
        if models:
            raise source.fault(f"it is an archive with the file {quote(models[0])}", UNPACK)
        if names and all(name.endswith(".npy") for name in names):
            raise source.fault("it is an archive of NumPy arrays (.npz)", KNOWN)
        raise source.fault("the archive holds neither data.pkl nor model.json", KNOWN)
    root = torchscript.unpickle_archive(source, entries)
    if isinstance(root, dict):
        return torch_checkpoint.import_checkpoint(source, root)
    return torchscript.import_torchscript(source, entries, root)
