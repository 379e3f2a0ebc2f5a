# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Small files that are replaced as a whole."""

import os
from pathlib import Path


def replace_file(path, content, synchronise=True):
    """Replace a file by new bytes; whoever reads it finds the old content or the new one.

    :param synchronise: wait until the content is on the disk, so that a power failure cannot lose both
    :raises OSError: for example a full disk; the old file is kept
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
