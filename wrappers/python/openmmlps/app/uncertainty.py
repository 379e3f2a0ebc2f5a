# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""uncertainty.csv: how far a single model trusts itself along a run, and the frames worth labelling."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from openmmlps.units import KJ_PER_MOL_PER_EV

from . import extxyz
from .candidates import CandidateFrames
from .file_reporter import FileReporter
from .model_deviation import only_force
from .stability import RunFailed
from .thermo_file import read_thermo, truncate_after

COLUMNS = (
    "step",
    "time_ps",
    "mean_uncertainty_eV_per_angstrom",
    "max_uncertainty_eV_per_angstrom",
    "max_grade",
    "atom_of_max_grade",
    "atoms_beyond",
)


__all__ = ["COLUMNS", "UncertaintyReporter", "is_calibrated", "truncate_after", "warn_beyond"]


def is_calibrated(simulation: Any) -> bool:
    """Whether the model of a Simulation knows the uncertainty of all its atoms; costs one evaluation."""
    import openmm

    try:
        only_force(simulation.system, "run").computeParticleUncertainties(simulation.context)
    except (ValueError, openmm.OpenMMException):
        return False
    return True


def warn_beyond(path: str | os.PathLike[str]) -> str:
    """Say how often a run left the domain of its model, by the lines of uncertainty.csv; empty: never."""
    grades = read_thermo(path)["max_grade"]
    beyond = grades > 1
    if not beyond.any():
        return ""
    return (
        f"{beyond.mean():.0%} of the lines of uncertainty.csv have an atom with an extrapolation grade above 1 (largest "
        f"{grades.max():.2f}): its surroundings are unlike all that the model was calibrated with"
    )


class UncertaintyReporter(FileReporter):
    """An OpenMM reporter of the uncertainty of an LPSForce whose model is calibrated (``openmm-lps calibrate``).

    A line holds step, time, mean and maximum over atoms of the expected error of the force (eV/angstrom), the largest
    extrapolation grade, the atom that has it, and the number of atoms beyond 1. The evaluation costs less than a step.

    Parameters
    ----------
    file : path
        by convention uncertainty.csv
    reportInterval : int
        steps between lines
    bounds : (float, float), optional
        frames whose largest grade g satisfies low <= g < high are stored; None: none
    frames : path, optional
        the extended XYZ file; None: ``candidates.extxyz`` beside `file`
    stop : float, optional
        end the run at a grade above this
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
        stop: float | None = None,
        append: bool = False,
    ) -> None:
        super().__init__(file, reportInterval, append)
        self._candidates: CandidateFrames | None = None
        if bounds is not None:
            where, unit, example = "UncertaintyReporter", "grades", "(0.8, 2)"
            self._candidates = CandidateFrames(bounds, frames, self._path.parent, append, where, unit, example)
            self._include = CandidateFrames.include
        if append:
            read_thermo(self._path)
        else:
            self._path.write_text(",".join(COLUMNS) + "\n")
        self._stop, self._force = stop, None

    def _open(self, simulation: Any, last: int | None) -> None:
        self._force = only_force(simulation.system, "UncertaintyReporter")
        if last is not None:
            truncate_after(self._path, last)
            if self._candidates is not None:
                self._candidates.truncate_after(last)

    def report(self, simulation: Any, state: Any) -> None:
        """Write a line, and the frame if its grade lies between the bounds.

        Raises
        ------
        openmm.OpenMMException
            if the model is not calibrated
        openmmlps.app.stability.RunFailed
            if the grade is above `stop`; the line is written
        """
        self._begin(simulation)
        force: Any = self._force
        found = force.computeParticleUncertainties(simulation.context)
        uncertainties = found.forces._value / (10 * KJ_PER_MOL_PER_EV)
        worst = int(np.argmax(found.grades))
        atom, grade = force.getParticleParameters(worst)[0], float(found.grades[worst])
        numbers = (state.getTime()._value, uncertainties.mean(), uncertainties.max(), grade)
        line = [str(simulation.currentStep), *(f"{number:.6g}" for number in numbers), str(atom)]
        line.append(str(int((found.grades > 1).sum())))
        extxyz.append_whole(self._path, ",".join(line).encode() + b"\n")
        if self._candidates is not None:
            self._candidates.consider(grade, simulation, state, {"max_grade": grade})
        if self._stop is not None and grade > self._stop:
            symbol = list(simulation.topology.atoms())[atom].element.symbol
            raise RunFailed(
                f"run: step {simulation.currentStep}: atom {atom} ({symbol}) has extrapolation grade {grade:.2f}, above "
                f"{self._stop:g}: its surroundings are unlike what the model was calibrated with; train with such frames, "
                "or run without --stop-on-extrapolation"
            )
