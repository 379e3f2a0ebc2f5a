# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Import filters: DeePMD-kit model files of every backend to the native model file of openmm-lps.

Nothing in a model file is ever executed, no deep-learning framework is needed, and memory stays in proportion to the
size of the file.
"""

from __future__ import annotations

import os

from .detect import detect
from .foreign import recognise_folder
from .native import NativeModel
from .source import ModelImportError, Source, quote

__all__ = ["ModelImportError", "NativeModel", "import_bytes", "import_model"]


def import_model(path: str | os.PathLike) -> NativeModel:
    """Read a model file of any supported format, recognised by its content.

    Parameters
    ----------
    path : str or os.PathLike
        the file

    Returns
    -------
    NativeModel
        the model; a native file keeps its bytes

    Raises
    ------
    FileNotFoundError
        if there is no such file
    IsADirectoryError
        for a folder
    ModelImportError
        (a ValueError) for a file that is damaged, unknown, or holds a model that openmm-lps does not evaluate
    """
    text = os.fsdecode(path)
    if os.path.isdir(text):
        what, advice = recognise_folder(text)
        raise IsADirectoryError(f"{text}: {what}; {advice}.")
    with open(text, "rb") as stream:
        data = stream.read()
    return import_bytes(data, os.path.basename(text))


def import_bytes(data: bytes, name: str = "model") -> NativeModel:
    """Like import_model(), for a file already in memory.

    Parameters
    ----------
    data : bytes
        the whole file
    name : str
        what messages call it

    Returns
    -------
    NativeModel
        the model

    Raises
    ------
    ModelImportError
        as import_model()
    """
    source = Source(name, bytes(data))
    try:
        return detect(source)
    except ModelImportError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        # Damage that no check foresaw: still one kind of error for the caller. Tests look for this message.
        raise source.fault(f"its content contradicts itself ({type(error).__name__}: {quote(str(error))})") from error
