# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The second teacher: few labels of a better level correct what the first one taught, and figures say what each step gave."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from openmmlps.learn._folder import write_record
from openmmlps.learn.data import read_data
from openmmlps.learn.errors import Compared, compare, summary
from openmmlps.potentials import open_potential

from .folder import RoundFolder, labelled_frames, read_frames, write_frames
from .rounds import Work, compared, explored_frames, finite
from .selection import describe, farthest
from .settings import CorrectionSettings

#: steps of two teachers, in the order of the page
DISTILLED, SCALED, CORRECTED, TEACHER = (
    "first teacher only",
    "times one factor",
    "second teacher",
    "first teacher itself",
)


def correct(work: Work, settings: CorrectionSettings, last: int) -> dict[str, Any]:
    """Label frames of the last round with the second teacher, train on them, and measure every step.

    Parameters
    ----------
    work : Work
        what is done
    settings : CorrectionSettings
        the second teacher
    last : int
        number of the last round

    Returns
    -------
    dict
        the result, as result.json holds it: errors by step, and the factor of the forces

    Raises
    ------
    Interrupted
        if it was told to stop
    ValueError
        if no frame could be labelled
    """
    begin, here = time.monotonic(), work.folder.correction(last)
    found = here.done()
    if found is not None:
        return found
    if not here.chosen.is_file():
        write_frames(here.chosen, _choose(work, settings, last))
    asked = read_frames(here.chosen)
    discarded = work.label(settings, here.chosen, here.path / "labels")
    labels = labelled_frames(here.path / "labels", asked)
    for file, part in ((here.training, "training"), (here.held_out, "held_out")):
        frames = [atoms for atoms in labels if atoms.info["part"] == part]
        if not frames:
            raise ValueError(
                f"learn: the second teacher labelled none of the {part} frames ({next(iter(discarded.values()), 'none')}); "
                "correct it, and label again"
            )
        write_frames(file, frames)
    before = work.folder.round(last)
    work.train(here, before, settings.steps, fresh=False)
    found = {
        "steps": _steps(work, before, here),
        "factor": _factor(compared(work.models(before)[:1], here.training)),
        "asked": len(asked),
        "discarded": len(discarded),
        "training": len(read_frames(here.training)),
        "held_out": len(read_frames(here.held_out)),
        "seconds": round(time.monotonic() - begin, 1),
    }
    write_record(here.result, found)
    return found


def _choose(work: Work, settings: CorrectionSettings, last: int) -> list[Any]:
    """Different frames of the last walks; those to measure come from walkers that were never trained on."""
    chosen = []
    for held_out, number in ((False, settings.frames), (True, settings.held_out)):
        frames = explored_frames(work, last, held_out)
        if settings.largest_frame:
            frames = [atoms for atoms in frames if len(atoms) <= settings.largest_frame]
        if not frames:
            raise ValueError(
                f"learn: no frame for the second teacher has at most {settings.largest_frame} atoms; raise largest_frame"
            )
        points = np.array([describe(atoms, work.plan.elements) for atoms in frames])
        chosen += [frames[index] for index in farthest(points, points[:0], number)]
    return chosen


def _steps(work: Work, before: RoundFolder, here: RoundFolder) -> dict[str, dict[str, float]]:
    """Errors on the held-out labels of the second teacher, step by step."""
    distilled = compared(work.models(before)[:1], here.held_out)
    factor = _factor(compared(work.models(before)[:1], here.training))
    found = {
        DISTILLED: summary(distilled),
        SCALED: summary([_scaled(item, factor) for item in distilled]),
        CORRECTED: summary(compared(work.models(here)[:1], here.held_out)),
    }
    if not work.plan.teacher.potential.startswith("cp2k"):
        teacher = open_potential(work.plan.teacher.potential)
        found = {TEACHER: summary([compare(teacher, frames) for frames in read_data([here.held_out])])} | found
    return {name: finite(values) for name, values in found.items()}


def _factor(sets: list[Compared]) -> float:
    """By which the forces must be multiplied so that they fit the labels best."""
    product = sum(float((item.force * item.reference).sum()) for item in sets)
    square = sum(float((item.force**2).sum()) for item in sets)
    return round(product / square, 5) if square else 1.0


def _scaled(item: Compared, factor: float) -> Compared:
    virial = None if item.virial is None else factor * item.virial
    return dataclasses.replace(item, energy=factor * item.energy, force=factor * item.force, virial=virial)
