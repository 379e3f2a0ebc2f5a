# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where model files come from: native files as they are, files of DeePMD-kit through the import filters."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT = "lps"


def packaged_models() -> dict[str, Path]:
    """Find the models that come with the package.

    Returns
    -------
    dict of str to Path
        native files by name (``lps``, ...)
    """
    files = (Path(__file__).parent / "models").glob("*.safetensors")
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def find_model(source: str | os.PathLike | None) -> Path:
    """Find what users call a model.

    Parameters
    ----------
    source : str, os.PathLike or None
        a file, or the name of a packaged model; None or ``default``: the default one. A file goes before a packaged model
        of the same name, a folder does not: it is never a model.

    Returns
    -------
    Path
        the file; whether it is there is not checked
    """
    packaged = packaged_models()
    if source is None:
        return packaged[DEFAULT]
    path = Path(source)
    if path.is_file():
        return path
    return packaged.get(DEFAULT if str(source) == "default" else str(source), path)


def existing_model(source: str | os.PathLike | None) -> Path:
    """Like find_model(), for a file that must be there.

    Parameters
    ----------
    source : str, os.PathLike or None
        as for find_model()

    Returns
    -------
    Path
        the file

    Raises
    ------
    FileNotFoundError
        if there is none
    IsADirectoryError
        for a folder, which the message names for what it is
    """
    path = find_model(source)
    if path.is_dir():
        from openmmlps.importers.foreign import recognise_folder

        what, advice = recognise_folder(str(path))
        raise IsADirectoryError(f"model: '{path}': {what}; {advice}")
    if not path.exists():
        where = "" if path.is_absolute() else f" in {os.getcwd()}"
        raise FileNotFoundError(
            f"model: '{path}' is not a file{where}; give a model file, or the name of a packaged model: "
            f"{', '.join(packaged_models())}"
        )
    return path


def packaged_name(path: Path) -> str | None:
    """Name of the packaged model in a file, or None if it is none of them."""
    return next((name for name, file in packaged_models().items() if file == path), None)


def is_native_model(path: str) -> bool:
    """Whether a file is in the native format, or claims to be by its name.

    A native file begins with the length of its JSON header, eight bytes, and the header.
    """
    if path.lower().endswith(".safetensors"):
        return True
    with open(path, "rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and int.from_bytes(start[:8], "little") <= os.path.getsize(path)


def read_model_bytes(file: str | os.PathLike) -> tuple[bytes, str]:
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
    if not os.fspath(file):  # as a Path it would be the working folder
        raise FileNotFoundError("model: '' is not a file; give the path of a model file")
    path = str(existing_model(os.fsdecode(file)))
    if is_native_model(path):
        return Path(path).read_bytes(), path
    from openmmlps.importers import import_model

    return import_model(path).to_bytes(), path
