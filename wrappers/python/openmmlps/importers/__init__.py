# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Import filters: DeePMD-kit model files of every backend to the native model file of openmm-lps.

Nothing in a model file is ever executed, no deep-learning framework is needed, and memory stays in proportion to the
size of the file.
"""

from __future__ import annotations

import os

from .detect import detect
from .errors import ModelImportError, Source, quote
from .native import NativeModel

__all__ = ["ModelImportError", "NativeModel", "import_bytes", "import_model"]


def import_model(path: str | os.PathLike) -> NativeModel:
    """Read a model file of any supported format, recognised by its content.

    Native files keep their bytes. Raises FileNotFoundError, IsADirectoryError, and ModelImportError (a ValueError) for
    files that are damaged, unknown, or hold a model that openmm-lps does not evaluate.
    """
    text = os.fspath(path)
    if os.path.isdir(text):
        raise IsADirectoryError(
            f"{text}: this is a directory; give the model file itself, such as a frozen .pb or .pth."
        )
    with open(text, "rb") as stream:
        data = stream.read()
    return import_bytes(data, os.path.basename(text))


def import_bytes(data: bytes, name: str = "model") -> NativeModel:
    """Like import_model, for a file already in memory; `name` is what messages call it."""
    source = Source(name, bytes(data))
    try:
        return detect(source)
    except ModelImportError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        # Damage that no check foresaw: still one kind of error for the caller. Tests look for this message.
        raise source.fault(f"its content contradicts itself ({type(error).__name__}: {quote(str(error))})") from error
