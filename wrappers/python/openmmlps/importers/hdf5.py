# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of DeePMD-kit's HDF5 model files: .dp, and .hlo, which holds the same dictionary besides compiled code."""

from __future__ import annotations

import io
import json

import numpy as np

from .errors import Source, quote
from .native import NativeModel
from .schema import import_dictionary

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def import_hdf5(source: Source) -> NativeModel:
    """Native model of an HDF5 model file. Raises ModelImportError."""
    import h5py

    source.format = "DeePMD-kit HDF5 (.dp)"
    try:
        with h5py.File(io.BytesIO(source.data), "r") as file:
            text = file.attrs["json"]
            if not isinstance(text, (str, bytes)):
                raise source.fault("the attribute 'json' is not text")
            top = json.loads(text)
            # Compiled code of .hlo files lies at the top level and stays unread.
            if isinstance(top, dict):
                top.pop("@variables", None)
                top.pop("constants", None)
            top = _resolve(source, file, top, False, 0)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, RecursionError, OverflowError) as error:
        if type(error).__name__ == "ModelImportError":
            raise
        raise source.fault(f"it cannot be read as HDF5 with a model ({type(error).__name__})") from error
    return import_dictionary(source, top)


def _resolve(source: Source, file, value, variables: bool, depth: int):
    """The dictionary with the names of data sets below "@variables" replaced by arrays."""
    if depth > 40:
        raise source.fault("the model description is nested deeper than any model")
    if isinstance(value, dict):
        return {k: _resolve(source, file, v, variables or k == "@variables", depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(source, file, v, variables, depth + 1) for v in value]
    return _array(source, file, value) if variables and isinstance(value, str) else value


def _array(source: Source, file, name: str) -> np.ndarray:
    """One data set, provided that the file really stores all of its bytes."""
    import h5py

    link = file.get(name.lstrip("/"), getlink=True)
    dataset = file[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(dataset, h5py.Dataset):
        raise source.fault(f"the data set {quote(name)} is missing")
    if dataset.is_virtual or dataset.external or dataset.dtype.kind not in "fiu":
        raise source.fault(f"the data set {quote(name)} does not hold plain numbers in this file")
    stored = dataset.id.get_storage_size()
    if dataset.size * dataset.dtype.itemsize > min(stored, source.size):
        raise source.fault(
            f"the data set {quote(name)} claims {dataset.size} numbers, but stores {stored} bytes",
            "write it without HDF5 filters and fill values, as DeePMD-kit does",
        )
    return dataset[()] if dataset.shape == () else dataset[...]
