# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Writer and light validator of the native model file (docs/native-format.md).

Only numpy and the standard library are used. The C++ reader checks more than this module: it owns the format.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .source import ModelImportError, Source

MAGIC = "openmm-lps"
VERSION = "1"
HEADER_LIMIT = 16 * 1024 * 1024
KEYS = (
    "type_map",
    "rcut",
    "rcut_smth",
    "cutoff_precision",
    "sel",
    "normalizer",
    "axis_neuron",
    "type_one_side",
    "env_protection",
    "precision",
    "exclude_types",
    "excluded_padding",
    "pair_exclude_types",
    "atom_exclude_types",
    "vacuum_types",
    "neighbor_overflow",
    "embedding",
    "fitting",
    "table",
)
_DTYPES: dict[str, np.dtype] = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4")}


@dataclass
class NativeModel:
    """A model in the terms of the native file.

    A model that was read from a native file keeps its bytes and writes them back unchanged.

    Parameters
    ----------
    hyperparameters : dict
        the `model` object of the file
    tensors : dict of str to array
        weights and statistics by name, float64 or float32
    provenance : dict
        where the model comes from
    original_bytes : bytes, optional
        the file that it was read from
    """

    hyperparameters: dict[str, Any]
    tensors: dict[str, np.ndarray]
    provenance: dict[str, Any] = field(default_factory=dict)
    original_bytes: bytes | None = None

    def with_elements(self, elements: Sequence[str]) -> NativeModel:
        """Name the types of a model whose file names none, as graphs of DeePMD-kit 0.12.

        Parameters
        ----------
        elements : sequence of str
            one for each type, in the order of the types

        Returns
        -------
        NativeModel
            the same model with names

        Raises
        ------
        ValueError
            for another number of names, a name twice, or a model that names its types differently
        """
        known = self.hyperparameters["type_map"]
        if known == list(elements):
            return self
        if known != [f"type_{t}" for t in range(len(known))]:
            raise ValueError(f"elements: the model names its types {', '.join(known)} itself; leave the elements out")
        if len(elements) != len(known) or len({*elements, ""}) != len(known) + 1:
            raise ValueError(
                f"elements: {', '.join(map(repr, elements))} are not {len(known)} different names; name every type once"
            )
        conversions = [*self.provenance.get("conversions", []), "elements named by the user"]
        provenance = {**self.provenance, "conversions": conversions}
        return NativeModel({**self.hyperparameters, "type_map": list(elements)}, self.tensors, provenance)

    def to_bytes(self) -> bytes:
        """Bytes of the native file."""
        if self.original_bytes is not None:
            return self.original_bytes
        return encode(self.hyperparameters, self.tensors, self.provenance)

    def write(self, path: str | os.PathLike) -> None:
        """Write the native file. An existing file is replaced only once the new one is complete.

        Parameters
        ----------
        path : str or os.PathLike
            the file
        """
        partial = f"{os.fspath(path)}.partial"
        try:
            with open(partial, "wb") as stream:
                stream.write(self.to_bytes())
            os.replace(partial, path)
        except BaseException:
            if os.path.exists(partial):
                os.remove(partial)
            raise


def weights_sha256(tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the tensors that make the energy: name, type, shape and little-endian bytes, in order of name.

    A calibration (``uncertainty.*``) changes no energy and does not count.

    Parameters
    ----------
    tensors : mapping of str to array
        float64 or float32

    Returns
    -------
    str
        64 hexadecimal digits
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        if name.startswith("uncertainty."):
            continue
        array = _little_endian(tensors[name])
        digest.update(f"{name} {array.dtype.str} {list(array.shape)}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _little_endian(array: np.ndarray) -> np.ndarray:
    if array.dtype.newbyteorder("=") not in (np.float64, np.float32):
        raise TypeError(f"native model file: a tensor has type {array.dtype}; use float64 or float32.")
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def encode(hyperparameters: dict[str, Any], tensors: Mapping[str, np.ndarray], provenance: dict[str, Any]) -> bytes:
    """Bytes of a native file: 8-byte tensors first, then 4-byte ones, each group by name, so that all are aligned.

    Parameters
    ----------
    hyperparameters, tensors, provenance : dict
        as in NativeModel

    Returns
    -------
    bytes
        the file

    Raises
    ------
    TypeError
        for a tensor that is neither float64 nor float32
    """
    arrays = {name: _little_endian(array) for name, array in tensors.items()}
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header: dict = {
        "__metadata__": {
            "format": MAGIC,
            "format_version": VERSION,
            "model": json.dumps(hyperparameters, separators=(",", ":"), allow_nan=False),
            "provenance": json.dumps(provenance, separators=(",", ":"), allow_nan=False),
        }
    }
    position = 0
    for name in order:
        array = arrays[name]
        code = "F64" if array.itemsize == 8 else "F32"
        end = position + array.nbytes
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *(arrays[name].tobytes() for name in order)])


def looks_native(data: bytes) -> bool:
    """Whether the bytes begin like a safetensors file."""
    return len(data) >= 10 and 2 <= int.from_bytes(data[:8], "little") <= HEADER_LIMIT and data[8:9] == b"{"


def _header(source: Source) -> tuple[dict[str, Any], int]:
    data = source.data
    if len(data) < 8:
        raise source.fault(f"the file has {len(data)} bytes, too few for a header length")
    length = int.from_bytes(data[:8], "little")
    if length > HEADER_LIMIT or 8 + length > len(data):
        raise source.fault(f"the header claims {length} bytes, but the file has {len(data)}")
    try:
        header = source.load_json(data[8 : 8 + length].decode("utf-8"))
    except ModelImportError:
        raise
    except (ValueError, RecursionError):
        raise source.fault("the header is not JSON") from None
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__"), dict):
        raise source.fault("the header has no __metadata__")
    return header, 8 + length


def _metadata(source: Source, metadata: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    if metadata.get("format") != MAGIC:
        raise source.fault(
            "this safetensors file is not an openmm-lps model", "give the DeePMD-kit model or an openmm-lps file"
        )
    if metadata.get("format_version") != VERSION:
        raise source.fault(
            f"format_version is '{str(metadata.get('format_version'))[:20]}', but this version reads '{VERSION}'",
            "install a newer openmm-lps",
        )
    parsed = []
    for key in ("model", "provenance"):
        try:
            value = source.load_json(metadata[key])
        except ModelImportError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise source.fault(f"__metadata__/{key} is not JSON") from None
        if not isinstance(value, dict):
            raise source.fault(f"__metadata__/{key} is not a JSON object")
        parsed.append(value)
    missing = [key for key in KEYS if key not in parsed[0]]
    unknown = sorted(set(parsed[0]) - set(KEYS))
    if missing or unknown:
        raise source.fault(
            f"the model has missing keys {missing} and unknown keys {unknown[:10]}", "install a matching openmm-lps"
        )
    return parsed[0], parsed[1]


def decode(source: Source) -> NativeModel:
    """Read a native file, keeping its bytes.

    Checks the container (header, offsets without gap or overlap, sizes, types, finite numbers) and the hyperparameter
    keys; the tensors are views of the bytes.

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
        for a damaged file, or one of another version
    """
    header, start = _header(source)
    hyperparameters, provenance = _metadata(source, header.pop("__metadata__"))
    tensors, spans = {}, []
    body = len(source.data) - start
    for name, entry in header.items():
        tensors[name], span = _tensor(source, name, entry if isinstance(entry, dict) else {}, start)
        spans.append(span)
    spans.sort()
    if any(a[1] != b[0] for a, b in zip([(0, 0), *spans], [*spans, (body, body)], strict=True)):
        raise source.fault("tensors overlap, leave gaps, or do not reach the end of the file")
    return NativeModel(hyperparameters, tensors, provenance, source.data)


def _tensor(source: Source, name: str, entry: dict[str, Any], start: int) -> tuple[np.ndarray, tuple[int, int]]:
    """One tensor as a view of the bytes, and where it lies behind the header."""
    dtype = _DTYPES.get(entry["dtype"]) if isinstance(entry.get("dtype"), str) else None
    shape, offsets = (_integers(entry.get(key)) for key in ("shape", "data_offsets"))
    inside = offsets is not None and len(offsets) == 2 and offsets[0] <= offsets[1] <= len(source.data) - start
    if dtype is None or shape is None or offsets is None or not inside:
        raise source.fault(f"tensor '{name[:80]}' has a wrong type, shape or place")
    first, last = offsets
    count = math.prod(shape)
    if count * dtype.itemsize != last - first:
        raise source.fault(f"tensor '{name[:80]}' of shape {shape} does not fill its {last - first} bytes")
    array = np.frombuffer(source.data, dtype, count, start + first).reshape(shape)
    if not np.isfinite(array).all():
        raise source.fault(f"tensor '{name[:80]}' holds numbers that are not finite")
    return array, (first, last)


def _integers(value: object) -> list[int] | None:
    """A short list of integers that are not negative, or None."""
    if not isinstance(value, list) or len(value) > 8 or not all(type(i) is int and 0 <= i < 2**53 for i in value):
        return None
    return value
