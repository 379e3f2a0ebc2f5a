# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The learning curve as a picture."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.app.replace import replace_file

_PICTURE_SECONDS = 60.0


class Curve:
    """The learning curve as a picture, drawn anew now and then."""

    def __init__(self, folder: Path, report: Callable[[Mapping[str, float]], None] | None) -> None:
        self.folder, self.report, self.drawn = folder, report, clock.monotonic()

    def add(self, line: Mapping[str, float]) -> None:
        """Take a line of the learning curve."""
        if self.report is not None:
            self.report(line)
        if clock.monotonic() - self.drawn > _PICTURE_SECONDS:
            self.draw()

    def draw(self) -> None:
        """Draw what stands in lcurve.out."""
        from openmmlps.report.style import SERIES, picture

        self.drawn = clock.monotonic()
        path = self.folder / "lcurve.out"
        rows = np.loadtxt(path, ndmin=2) if path.is_file() and path.read_text().count("\n") > 1 else np.empty((0, 10))
        if len(rows) < 2:
            return

        def plot(axes: Any) -> None:
            columns = {"force (eV/Å)": (5, 6, 1.0), "energy (meV/atom)": (3, 4, 1e3), "virial (meV/atom)": (7, 8, 1e3)}
            for axis, (name, (held, seen, factor)) in zip(axes, columns.items(), strict=True):
                for column, color, label in ((seen, SERIES[0], "training"), (held, SERIES[1], "held out")):
                    if np.isfinite(rows[:, column]).any():
                        axis.plot(rows[:, 0], factor * rows[:, column], color=color, label=label)
                axis.set(ylabel=name, yscale="log")
            axes[0].legend()
            axes[-1].set(xlabel="batches")

        found = picture(plot, height=6.0, rows=3, sharex=True)
        if found.png:
            replace_file(self.folder / "learning-curve.png", found.png, synchronise=False)
