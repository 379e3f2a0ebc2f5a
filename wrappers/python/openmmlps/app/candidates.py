# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Frames worth labelling: those for which a number, such as a deviation or a grade, lies between two bounds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import extxyz


class CandidateFrames:
    """An extended XYZ file of the frames of a run whose number g satisfies low <= g < high.

    Parameters
    ----------
    bounds : (float, float)
        low and high
    file : path, optional
        None: ``candidates.extxyz`` in `folder`
    folder : Path
        of the reporter's own file
    append : bool
        continue the file
    where, unit, example : str
        of messages: who stores the frames, what the bounds measure, and bounds that make sense

    Raises
    ------
    ValueError
        for bounds that are not 0 <= low < high
    FileNotFoundError
        if there is nothing to append to
    """

    include = ("positions", "velocities", "forces", "energy")  #: what a State must hold

    def __init__(
        self,
        bounds: Sequence[float],
        file: str | os.PathLike[str] | None,
        folder: Path,
        append: bool,
        where: str,
        unit: str,
        example: str,
    ) -> None:
        self._low, self._high = map(float, bounds)
        if not 0 <= self._low < self._high:
            raise ValueError(
                f"{where}: the bounds are {self._low:g} and {self._high:g} {unit}; give 0 <= low < high, such as {example}"
            )
        path = folder / "candidates.extxyz" if file is None else Path(file).absolute()
        if append and not path.is_file():
            raise FileNotFoundError(f"{where}: '{path}' does not exist; open it with append=False")
        self._frames = extxyz.FrameWriter(path, append)

    def truncate_after(self, step: int) -> None:
        """Remove the frames beyond a step."""
        extxyz.truncate_after(self._frames.path, step)

    def consider(self, value: float, simulation: Any, state: Any, values: Mapping[str, float]) -> None:
        """Store a State, with further numbers by name, if `value` lies between the bounds."""
        if self._low <= value < self._high:
            self._frames.write(simulation, state, values)
