# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What every reporter that writes a file does alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class FileReporter:
    """An OpenMM reporter that writes a file, in the place that its path means when the reporter is made.

    A reporter that appends first removes what lies beyond the step at which the simulation goes on, so that a run that
    a checkpoint brought back writes nothing twice. At step 0 it keeps everything: a file may collect several runs.
    """

    _include: Sequence[str] = ()

    def __init__(self, file: str | os.PathLike[str], reportInterval: int, append: bool) -> None:
        name = type(self).__name__
        self._path = Path(file).absolute()
        self._interval = int(reportInterval)
        if self._interval < 1:
            raise ValueError(f"{name}: reportInterval is {reportInterval}; give 1 step or more")
        if append and not self._path.is_file():
            raise FileNotFoundError(f"{name}: '{file}' does not exist; open it with append=False")
        self._append = append
        self._begun = False

    def describeNextReport(self, simulation: Any) -> dict[str, Any]:
        """Tell OpenMM when the next report is due and what it needs."""
        self._begin(simulation)
        steps = self._interval - simulation.currentStep % self._interval
        return {"steps": steps, "periodic": False, "include": list(self._include)}

    def _begin(self, simulation: Any) -> None:
        """Before the first report: open the file, without what an appending reporter finds beyond the present step."""
        if not self._begun:
            step = simulation.currentStep
            self._open(simulation, step if self._append and step > 0 else None)
            self._begun = True

    def _open(self, simulation: Any, last: int | None) -> None:
        """Get ready for the first report; with `last`, remove what lies beyond that step."""
        raise NotImplementedError

    def flush(self) -> None:
        """Make sure that what was written is on the disk."""
        with open(self._path, "rb") as file:
            os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing is held open."""
