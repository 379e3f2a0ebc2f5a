# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""driver.json: the sign by which tasks know that the driver that sent them is still there.

A driver writes a token of its own and touches the file every few seconds. A task that finds another token, or none that
was touched for long, writes a checkpoint and ends, so that two processes never work for the same study.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from pathlib import Path

from openmmlps.app.replace import replace_file


class DriverToken:
    """The token of this process.

    Parameters
    ----------
    path : Path
        of driver.json
    """

    def __init__(self, path: Path) -> None:
        self.path, self.value = path, secrets.token_hex(8)
        self._touched = 0.0
        self.touch()

    def touch(self) -> None:
        """Say that the driver is there; the disk is asked once a second at most."""
        if time.monotonic() - self._touched > 1:
            self._touched = time.monotonic()
            content = {"token": self.value, "process": os.getpid(), "host": socket.gethostname(), "time": time.time()}
            replace_file(self.path, json.dumps(content).encode(), synchronise=False)

    def withdraw(self) -> None:
        """Tell all tasks to stop."""
        self.path.unlink(missing_ok=True)
