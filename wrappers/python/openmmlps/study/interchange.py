# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Parsl's interchange, which ends with the driver that started it; alone it would wait for ever.

Run as a file, so that it does not import OpenMM.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    sys.path.pop(0)  # the modules beside this file are no top-level modules
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    runpy.run_module("parsl.executors.high_throughput.interchange", run_name="__main__")
