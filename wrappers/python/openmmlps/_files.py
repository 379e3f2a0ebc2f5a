# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where model files come from: native files as they are, files of DeePMD-kit through the import filters."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT = "lps"


def packagedModels() -> dict[str, Path]:
    """The models that come with the package, by name (``lps``, ...), and their native files."""
    files = (Path(__file__).parent / "models").glob("*.safetensors")
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def findModel(source: str | os.PathLike | None) -> Path:
    """Path of what users call a model: a file, the name of a packaged model, or None or ``default`` for the default one.

    A file goes before a packaged model of the same name. Whether the file is there is not checked.
    """
    packaged = packagedModels()
    if source is None:
        return packaged[DEFAULT]
    path = Path(source)
    if path.exists():
        return path
    return packaged.get(DEFAULT if str(source) == "default" else str(source), path)


def packagedName(path: Path) -> str | None:
    """Name of the packaged model in a file, or None if it is none of them."""
    return next((name for name, file in packagedModels().items() if file == path), None)


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
        a native file, any model file of DeePMD-kit, or the name of a packaged model

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
    path = os.fsdecode(file)
    if path:  # as a Path an empty one would be the working folder
        path = str(findModel(path))
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"LPSModel: there is no file '{path}' in {os.getcwd()}; give the path of a model file, "
            f"or the name of one that comes with openmmlps: {', '.join(packagedModels())}."
        )
    if os.path.isdir(path):
        raise IsADirectoryError(f"LPSModel: '{path}' is a folder; give the path of a model file.")
    if isNativeModel(path):
        return Path(path).read_bytes(), path
    from openmmlps.importers import import_model

    return import_model(path).to_bytes(), path
