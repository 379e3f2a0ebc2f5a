# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""status.json: where a run stands, for people and for programs that watch it. Keys are described in docs/usage.md."""

from __future__ import annotations

import datetime
import json
import math
import os
import socket
from typing import Any

from .replace import replace_file


def write_status(path: str | os.PathLike[str], **values: Any) -> None:
    """Replace the file as a whole; numbers that are not finite become null."""
    record = {
        **{
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in values.items()
        },
        "process": os.getpid(),
        "host": socket.gethostname(),
        "updated": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    replace_file(path, (json.dumps(record, indent=2) + "\n").encode(), synchronise=False)
