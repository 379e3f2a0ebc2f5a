# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Small files that are replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: str | os.PathLike[str], content: bytes, synchronise: bool = True) -> None:
    """Replace a file by new bytes; whoever reads it finds the old content or the new one.

    Parameters
    ----------
    path : path
        the file, which need not exist
    content : bytes
        what it holds afterwards
    synchronise : bool
        wait until the content is on the disk, so that a power failure cannot lose both

    Raises
    ------
    OSError
        for example for a full disk; the old file is kept
    """
    temporary = Path(f"{path}.new")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            if synchronise:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
