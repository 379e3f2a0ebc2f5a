# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where model files come from: native files as they are, files of DeePMD-kit through the import filters."""

from __future__ import annotations

import os
from pathlib import Path


def defaultModelPath() -> Path:
    """Path of the native model file that comes with the package."""
    return Path(__file__).parent / "models" / "lps.safetensors"


def isNativeModel(path: str) -> bool:
    """Whether a file is in the native format, or claims to be by its name.

    A native file begins with the length of its JSON header, eight bytes, and the header.
    """
    if path.lower().endswith(".safetensors"):
        return True
    with open(path, "rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and int.from_bytes(start[:8], "little") <= os.path.getsize(path)


def readModelBytes(file: str | os.PathLike) -> tuple[bytes, str]:
    """Read any model file.

    Parameters
    ----------
    file : str or os.PathLike
        a native file, or any model file of DeePMD-kit

    Returns
    -------
    bytes : bytes
        the model in the native format
    origin : str
        what error messages call it

    Raises
    ------
    TypeError
        if `file` is not a path
    OSError
        such as FileNotFoundError, if it cannot be read
    """
    if not isinstance(file, (str, os.PathLike)):
        raise TypeError(
            f"LPSModel: a model file is a str or os.PathLike, not {type(file).__name__}; for bytes use LPSModel.fromBytes()."
        )
    path = os.fspath(file)
    if not isinstance(path, str):
        path = os.fsdecode(path)
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"LPSModel: there is no file '{path}' in {os.getcwd()}; give the path of a model file, "
            "or use LPSModel.default() for the model that comes with openmmlps."
        )
    if os.path.isdir(path):
        raise IsADirectoryError(f"LPSModel: '{path}' is a folder; give the path of a model file.")
    if isNativeModel(path):
        return Path(path).read_bytes(), path
    from openmmlps.importers import import_model

    return import_model(path).to_bytes(), path
