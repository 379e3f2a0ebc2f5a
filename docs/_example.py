# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The example report, made when the documentation is built: a glass and its transport, far too short to mean anything."""

import subprocess
import sys
import tempfile

COMMON = "--preset quick --threads 1 --platform CPU --set frame_interval_ps=0.02".split()
QUENCH = "atoms=64 melt_time_ps=0.5 cooling_rate_K_per_ps=2400 equilibration_time_ps=0.5".split()
TRANSPORT = "temperatures_K=700,900,1100 cell_time_ps=0.5 equilibration_time_ps=0.2 production_time_ps=2".split()


def write_example(path):
    """Write the report, unless it is there."""
    if path.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        for command, settings in (
            (["quench", "-o", "glass"], QUENCH),
            (["transport", "glass", "-o", "glass-transport"], TRANSPORT),
        ):
            _run([*command, *COMMON, *(part for setting in settings for part in ("--set", setting))], folder)
        _run(["report", "glass", "glass-transport", "-o", str(path.resolve())], folder)


def _run(command, folder):
    subprocess.run([sys.executable, "-m", "openmmlps", *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
