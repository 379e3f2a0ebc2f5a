# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of exported PyTorch packages (.pt2, .pte): a ZIP whose model.json holds the model as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from .archive import Archive
from .native import NativeModel
from .schema import import_dictionary
from .source import ModelImportError, Source, quote

DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "bool")


def find_model(archive: Archive) -> str | None:
    """Name of the entry with the model, if the archive has one."""
    return next((n for n in archive.names() if n == "model.json" or n.endswith("/model.json")), None)


def import_package(source: Source, archive: Archive, entry: str) -> NativeModel:
    """Read a .pt2 or .pte package.

    Parameters
    ----------
    source : Source
        the file
    archive : Archive
        its entries
    entry : str
        name of the entry with the model

    Returns
    -------
    NativeModel
        the model

    Raises
    ------
    ModelImportError
        for a damaged file, or a model that openmm-lps does not evaluate
    """
    source.format = "DeePMD-kit exported package (.pt2, .pte)"
    try:
        text = archive.read(entry)
        top = decode_arrays(source, source.load_json(text), {"left": len(text) + 2**16})
    except ModelImportError:
        raise
    except (ValueError, RecursionError) as error:
        raise source.fault(f"{quote(entry)} is not JSON") from error
    if isinstance(top, dict) and "model" not in top and "descriptor" in top:
        top = {"model": top}
    return import_dictionary(source, top)


def decode_arrays(source: Source, value: object, budget: dict[str, int], depth: int = 0) -> object:
    """Replace mappings of class np.ndarray by arrays. `budget` bounds the elements visited: text may repeat itself."""
    if depth > 40:
        raise source.fault("the model description is nested deeper than any model")
    budget["left"] -= 1
    if budget["left"] < 0:
        raise source.fault(f"its {source.size} bytes cannot justify the numbers in it")
    if isinstance(value, dict):
        if value.get("@class") in ("np.ndarray", "numpy.ndarray"):
            return _array(source, value, budget)
        return {k: decode_arrays(source, v, budget, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [decode_arrays(source, v, budget, depth + 1) for v in value]
    return value


def _array(source: Source, value: dict[str, Any], budget: dict[str, int]) -> np.ndarray:
    dtype = value.get("dtype")
    if dtype not in DTYPES:
        raise source.fault(f"an array has the type {quote(dtype)}", "use a model of float32 or float64 precision")
    before = budget["left"]
    _count(source, value.get("value"), budget, 0)
    source.claim(8 * (before - budget["left"]))
    try:
        return np.array(value.get("value"), dtype=dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise source.fault(f"an array does not hold {dtype} numbers in equal rows") from error


def _count(source: Source, value: object, budget: dict[str, int], depth: int) -> None:
    """Charge the budget for every element, before numpy visits them."""
    if depth > 8:
        raise source.fault("an array has more than 8 dimensions")
    if isinstance(value, list):
        budget["left"] -= len(value)
        if budget["left"] < 0:
            raise source.fault(f"its {source.size} bytes cannot justify the numbers in it")
        for item in value:
            if isinstance(item, list):
                _count(source, item, budget, depth + 1)
