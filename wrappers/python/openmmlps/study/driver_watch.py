# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""How tasks and worker pools see whether the driver that sent them is still there. Imports nothing of this package."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path


class DriverWatch:
    """How a task watches the driver that sent it.

    Parameters
    ----------
    path : Path
        of driver.json
    token : str
        of that driver
    patience : float
        seconds after which a silent driver counts as lost
    """

    def __init__(self, path: Path, token: str, patience: float) -> None:
        self._path, self._token, self._patience = path, token, patience
        self._seen, self._time = time.monotonic(), 0.0

    def gone(self) -> str:
        """Why the driver is no longer there, or an empty string."""
        try:
            content = json.loads(self._path.read_text())
        except (OSError, ValueError):
            content = {}
        if content.get("token") != self._token:
            return "the study was stopped or goes on under another driver"
        if content["time"] != self._time:  # only changes count: clocks of nodes differ
            self._seen, self._time = time.monotonic(), content["time"]
        if content["host"] == socket.gethostname() and not _alive(content["process"]):
            return "the driver of the study is gone"
        return "the driver of the study is silent" if time.monotonic() - self._seen > self._patience else ""


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
