# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Model deviation along a run: model_devi.out as DP-GEN reads it, and the frames worth labelling."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.units import KJ_PER_MOL_PER_EV

from . import extxyz
from .candidates import CandidateFrames
from .file_reporter import FileReporter

_NAMES = ("max_devi_v", "min_devi_v", "avg_devi_v", "max_devi_f", "min_devi_f", "avg_devi_f")


def deviation_columns(deviation: Any) -> tuple[float, ...]:
    """Compute the six numbers of a line of model_devi.out.

    Parameters
    ----------
    deviation : ModelDeviation
        of :meth:`openmmlps.LPSForce.computeModelDeviation`

    Returns
    -------
    tuple of float
        maximum, minimum and mean deviation of the virial per atom (eV; the mean is the root mean square of its nine
        components), then of the forces (eV/angstrom, over atoms)
    """
    virial = np.abs(deviation.virial._value) / KJ_PER_MOL_PER_EV
    forces = deviation.forces._value / (10 * KJ_PER_MOL_PER_EV)
    return (virial.max(), virial.min(), np.sqrt(np.mean(virial**2)), forces.max(), forces.min(), forces.mean())


class ModelDeviationReporter(FileReporter):
    """An OpenMM reporter of how far the committee of an LPSForce disagrees.

    ``model_devi.out`` has the format that LAMMPS' ``pair_style deepmd`` writes and DP-GEN reads: step, then maximum,
    minimum and mean of the deviation of the virial (eV per atom) and of the forces (eV/angstrom). The committee is
    evaluated at the reported steps only.

    Frames whose largest force deviation f satisfies low <= f < high go to an extended XYZ file, the candidates for
    labelling in active learning.

    Parameters
    ----------
    file : path
        by convention ``model_devi.out``
    reportInterval : int
        steps between lines
    bounds : (float, float), optional
        low and high in eV/angstrom; None: no frames are stored
    frames : path, optional
        the extended XYZ file; None: ``candidates.extxyz`` beside `file`
    append : bool
        continue existing files, without what lies beyond the step of the simulation

    Raises
    ------
    ValueError
        for bounds that are not 0 <= low < high
    FileNotFoundError
        if there is nothing to append to
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        reportInterval: int,
        bounds: Sequence[float] | None = None,
        frames: str | os.PathLike[str] | None = None,
        append: bool = False,
    ) -> None:
        super().__init__(file, reportInterval, append)
        self._candidates: CandidateFrames | None = None
        if bounds is not None:
            where, unit, example = "ModelDeviationReporter", "eV/angstrom", "(0.15, 0.35)"
            self._candidates = CandidateFrames(bounds, frames, self._path.parent, append, where, unit, example)
            self._include = CandidateFrames.include
        if append:
            recover(self._path)
        else:
            self._path.write_bytes(_HEADER)
        self._force: Any = None

    def _open(self, simulation: Any, last: int | None) -> None:
        if last is not None:
            truncate_after(self._path, last)
            if self._candidates is not None:
                self._candidates.truncate_after(last)

    def report(self, simulation: Any, state: Any) -> None:
        """Evaluate the committee and write a line, and the frame if it lies between the bounds.

        Raises
        ------
        openmm.OpenMMException
            if the LPSForce has no committee
        """
        self._begin(simulation)
        if self._force is None:
            self._force = only_force(simulation.system, "ModelDeviationReporter")
        columns = deviation_columns(self._force.computeModelDeviation(simulation.context))
        if self._candidates is not None:
            values = dict(zip(_NAMES, map(float, columns), strict=True))
            stored = {name: values[name] for name in ("max_devi_v", "max_devi_f")}
            self._candidates.consider(values["max_devi_f"], simulation, state, stored)
        extxyz.append_whole(self._path, format_line(simulation.currentStep, columns))


_HEADER = ("#" + f"{'step':>11}" + "".join(f"{name:>19}" for name in _NAMES) + "\n").encode()


def format_line(step: int, columns: Sequence[float]) -> bytes:
    """Write a line of model_devi.out."""
    return (f"{step:12d}" + "".join(f" {value:18.6e}" for value in columns) + "\n").encode()


def recover(path: str | os.PathLike[str]) -> None:
    """Cut off an incomplete last line."""
    data = Path(path).read_bytes()
    os.truncate(path, data.rfind(b"\n") + 1)


def truncate_after(path: str | os.PathLike[str], step: int) -> int:
    """Remove the lines beyond a step, so that a run resumed there writes none twice.

    Returns
    -------
    int
        number of lines that remain, without the header
    """
    recover(path)
    lines = Path(path).read_bytes().splitlines(keepends=True)
    kept = [line for line in lines[1:] if int(line.split()[0]) <= step]
    os.truncate(path, sum(map(len, lines[:1] + kept)))
    return len(kept)


def only_force(system: Any, where: str) -> Any:
    """Get the LPSForce of a System."""
    from openmmlps import LPSForce

    forces = [LPSForce.cast(force) for force in system.getForces() if LPSForce.isinstance(force)]
    if len(forces) != 1:
        raise ValueError(f"{where}: the System has {len(forces)} LPSForces; it must have exactly one")
    return forces[0]
