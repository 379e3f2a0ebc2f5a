# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Writer and light validator of the native model file (docs/native-format.md).

Only numpy and the standard library are used. The C++ reader checks more than this module: it owns the format.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .errors import ModelImportError, Source

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
_DTYPES = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4")}


@dataclass
class NativeModel:
    """A model in the terms of the native file.

    hyperparameters: the `model` object of the file; tensors: arrays by name, float64 or float32; provenance: where the
    model comes from. A model that was read from a native file keeps its bytes and writes them back unchanged.
    """

    hyperparameters: dict
    tensors: dict[str, np.ndarray]
    provenance: dict = field(default_factory=dict)
    original_bytes: bytes | None = None

    def to_bytes(self) -> bytes:
        """The bytes of the native file."""
        if self.original_bytes is not None:
            return self.original_bytes
        return encode(self.hyperparameters, self.tensors, self.provenance)

    def write(self, path: str | os.PathLike) -> None:
        """Write the native file. An existing file is replaced only once the new one is complete."""
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
    """SHA-256 of the tensors: name, type, shape and little-endian bytes of each, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = _little_endian(tensors[name])
        digest.update(f"{name} {array.dtype.str} {list(array.shape)}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _little_endian(array: np.ndarray) -> np.ndarray:
    if array.dtype.newbyteorder("=") not in (np.float64, np.float32):
        raise TypeError(f"native model file: a tensor has type {array.dtype}; use float64 or float32.")
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def encode(hyperparameters: dict, tensors: Mapping[str, np.ndarray], provenance: dict) -> bytes:
    """Bytes of a native file: 8-byte tensors first, then 4-byte ones, each group by name, so that all are aligned."""
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


def _header(source: Source) -> tuple[dict, int]:
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


def _metadata(source: Source, metadata: dict) -> tuple[dict, dict]:
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
    keys; the tensors are views of the bytes. Raises ModelImportError.
    """
    header, start = _header(source)
    hyperparameters, provenance = _metadata(source, header.pop("__metadata__"))
    tensors: dict[str, np.ndarray] = {}
    spans = []
    body = len(source.data) - start
    for name, entry in header.items():
        entry = entry if isinstance(entry, dict) else {}
        dtype = _DTYPES.get(entry["dtype"]) if isinstance(entry.get("dtype"), str) else None
        shape, offsets = entry.get("shape"), entry.get("data_offsets")
        integers = all(
            isinstance(v, list) and len(v) <= 8 and all(type(i) is int and 0 <= i < 2**53 for i in v)
            for v in (shape, offsets)
        )
        if dtype is None or not integers or len(offsets) != 2 or not offsets[0] <= offsets[1] <= body:
            raise source.fault(f"tensor '{name[:80]}' has a wrong type, shape or place")
        count = 1
        for extent in shape:
            count *= extent
        if count * dtype.itemsize != offsets[1] - offsets[0]:
            raise source.fault(
                f"tensor '{name[:80]}' of shape {shape} does not fill its {offsets[1] - offsets[0]} bytes"
            )
        spans.append(tuple(offsets))
        array = np.frombuffer(source.data, dtype, count, start + offsets[0]).reshape(shape)
        if not np.isfinite(array).all():
            raise source.fault(f"tensor '{name[:80]}' holds numbers that are not finite")
        tensors[name] = array
    spans.sort()
    if any(a[1] != b[0] for a, b in zip([(0, 0), *spans], [*spans, (body, body)], strict=True)):
        raise source.fault("tensors overlap, leave gaps, or do not reach the end of the file")
    return NativeModel(hyperparameters, tensors, provenance, source.data)
