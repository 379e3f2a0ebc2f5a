# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Recognise the format of a model file by its content."""

from __future__ import annotations

from . import archive, checkpoint, hdf5, native, pb, pt2, torchscript, yaml
from .errors import Source
from .native import NativeModel

KNOWN = "give a DeePMD-kit model (.pb, .pth, .pt, .dp, .hlo, .yaml, .pt2, .pte) or an openmm-lps file"


def detect(source: Source) -> NativeModel:
    """Read the file with the filter that its content calls for."""
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
    if data[:2] == b"\x80\x02" and b"\x8a" in data[:8]:
        raise source.fault("it is a PyTorch file of a version before 1.6", checkpoint.FREEZE)
    if data[:1] == b"\x0a" and (b"\x00" in data[:65536] or b"Const" in data[:65536] or not yaml.looks_yaml(data)):
        return pb.import_graph(source)
    if yaml.looks_yaml(data):
        return yaml.import_yaml(source)
    raise source.fault("its content is of no known format", KNOWN)


def _zip(source: Source) -> NativeModel:
    """A ZIP archive: exported package, frozen PyTorch model, or checkpoint."""
    entries = archive.Archive(source)
    package = pt2.find_model(entries)
    if package is not None:
        return pt2.import_package(source, entries, package)
    if entries.find("data.pkl") is None:
        raise source.fault("the archive holds neither data.pkl nor model.json", KNOWN)
    root = torchscript.unpickle_archive(source, entries)
    if isinstance(root, dict):
        return checkpoint.import_checkpoint(source, root)
    return torchscript.import_torchscript(source, entries, root)
