# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What tests of runs share: short runs of the stand-in of app_support."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from app_support import PairEngine
from openmmlps.app import checkpoint, h5md_reporter, runner
from openmmlps.app.run_settings import RunSettings

COMMAND = [sys.executable, str(Path(__file__).with_name("app_command.py"))]
RUN = "run gamma-Li3PS4 --supercell 2x2x2 --temperature 600 --seed 11 --platform Reference --checkpoint-interval 0".split()
BASE = {
    "structure": "gamma-Li3PS4",
    "supercell": (2, 2, 2),
    "temperature": 600.0,
    "timestep": 0.001,
    "time": 0.12,
    "report_interval": 5,
    "trajectory_interval": 10,
    "platform": "Reference",
    "seed": 11,
}


def settings(**changes):
    return RunSettings(**{**BASE, **changes})


def start(folder, overwrite=False, monitor=None, engine=None, **changes):
    return runner.start(
        folder, settings(**changes), overwrite=overwrite, engine=engine or PairEngine(), monitor=monitor
    )


def resume(folder, **changes):
    return runner.resume(folder, changes, engine=PairEngine())


def frames(folder):
    return h5md_reporter.read_frames(
        Path(folder) / "trajectory.h5", ["step", "time", "position", "velocity", "edges", "virial"]
    )


def assert_same_run(first, second):
    """Bit for bit the same thermo.csv and the same frames."""
    ours, theirs = frames(first), frames(second)
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)
    assert (Path(first) / "thermo.csv").read_text() == (Path(second) / "thermo.csv").read_text()


def checkpoint_step(folder):
    try:
        return checkpoint.read_record(folder / "checkpoint.zip")["step"]
    except FileNotFoundError:
        return None


class StopAt(runner.Monitor):
    """Sends a signal to this process once the run has come to a step."""

    def __init__(self, step, number=signal.SIGTERM):
        self.step, self.number, self.messages = step, number, []

    def message(self, text):
        self.messages.append(text)

    def progress(self, step, *rest):
        if step >= self.step and self.number:
            os.kill(os.getpid(), self.number)
            self.number = None


@pytest.fixture(scope="module", name="whole")
def whole_run(tmp_path_factory):
    """An uninterrupted NVE run."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    result = start(folder, ensemble="nve")
    assert (result.state, result.step, result.total_steps, result.atoms) == ("finished", 120, 120, 128)
    return folder
