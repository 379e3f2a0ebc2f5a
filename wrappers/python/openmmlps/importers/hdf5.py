# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of DeePMD-kit's HDF5 model files: .dp, and .hlo, which holds the same dictionary besides compiled code."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from .hdf5_text import read_text_attribute
from .native import NativeModel
from .schema import import_dictionary
from .source import ModelImportError, Source, quote

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def import_hdf5(source: Source) -> NativeModel:
    """Read an HDF5 model file.

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
        for a damaged file, or a model that openmm-lps does not evaluate
    """
    import h5py

    source.format = "DeePMD-kit HDF5 (.dp)"
    try:
        # Not through h5py: the HDF5 library allocates and clears as much as the file says that a text is long.
        top = source.load_json(read_text_attribute(source, "json"))
        with h5py.File(io.BytesIO(source.data), "r") as file:
            # Compiled code of .hlo files lies at the top level and stays unread.
            if isinstance(top, dict):
                top.pop("@variables", None)
                top.pop("constants", None)
            top = _resolve(source, DataSets(source, file), top, False, 0)
    except ModelImportError:
        raise
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, RecursionError, OverflowError) as error:
        raise source.fault(f"it cannot be read as HDF5 with a model ({type(error).__name__})") from error
    return import_dictionary(source, top)


def _resolve(source: Source, arrays: DataSets, value: Any, variables: bool, depth: int) -> Any:
    """The dictionary with the names of data sets below "@variables" replaced by arrays."""
    if depth > 40:
        raise source.fault("the model description is nested deeper than any model")
    if isinstance(value, dict):
        return {k: _resolve(source, arrays, v, variables or k == "@variables", depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(source, arrays, v, variables, depth + 1) for v in value]
    return arrays.read(value) if variables and isinstance(value, str) else value


class DataSets:
    """The data sets of a file as arrays; each is read once, however often the description names it."""

    def __init__(self, source: Source, file: h5py.File) -> None:
        self.source, self.file = source, file
        self._read: dict[str, np.ndarray] = {}

    def read(self, name: str) -> np.ndarray:
        """One data set, provided that the file really stores all of its bytes."""
        if name not in self._read:
            self._read[name] = self._array(name)
        return self._read[name]

    def _array(self, name: str) -> np.ndarray:
        import h5py

        source, file = self.source, self.file
        link = file.get(name.lstrip("/"), getlink=True)
        dataset = file[name] if isinstance(link, h5py.HardLink) else None
        if not isinstance(dataset, h5py.Dataset):
            raise source.fault(f"the data set {quote(name)} is missing")
        if dataset.is_virtual or dataset.external or dataset.dtype.kind not in "fiu":
            raise source.fault(f"the data set {quote(name)} does not hold plain numbers in this file")
        stored = dataset.id.get_storage_size()
        # A chunk is allocated and cleared as a whole, and may be larger than the data set and than what is stored of it.
        if dataset.chunks is not None or dataset.size * dataset.dtype.itemsize > min(stored, source.size):
            raise source.fault(
                f"the data set {quote(name)} claims {dataset.size} numbers, but stores {stored} bytes"
                + (" in chunks" if dataset.chunks is not None else ""),
                "write it without HDF5 chunks, filters and fill values, as DeePMD-kit does",
            )
        source.claim(dataset.size * dataset.dtype.itemsize)
        return dataset[()] if dataset.shape == () else dataset[...]
