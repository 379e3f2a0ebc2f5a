# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""One round: frames, a choice of them, labels, training, and what the models are worth on frames that are held out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.learn._folder import write_record
from openmmlps.learn.data import read_data
from openmmlps.learn.errors import Compared, committee_quality, compare, summary
from openmmlps.learn.labels import Teacher, label
from openmmlps.learn.training import TrainSettings, train
from openmmlps.potentials import NativePotential, Potential, open_potential

from .folder import LoopFolder, RoundFolder, labelled_frames, read_frames, write_frames
from .loop_file import Plan, teacher_of
from .selection import describe, farthest, spaced
from .settings import TeacherSettings
from .starts import disturbed
from .walks import Walk, Walker, read_walk, walk, walkers_of

_SEED_FRAMES, _SEED_WALK = 101, 202  # kinds of random numbers


class Interrupted(Exception):  # noqa: N818  no error
    """The loop was told to stop; it goes on another time."""


@dataclass
class Work:
    """What all rounds share."""

    plan: Plan
    folder: LoopFolder
    say: Callable[[str], None] = field(default=lambda text: None)
    stop: Callable[[], bool] = field(default=lambda: False)

    def check(self) -> None:
        """Raise Interrupted if somebody wants to stop."""
        if self.stop():
            raise Interrupted

    def label(self, settings: TeacherSettings, file: Path, labels: Path) -> dict[str, str]:
        """Label a file of frames; the reasons for which frames were discarded are returned."""
        teacher: Teacher = teacher_of(settings, self.plan.path.absolute().parent)
        found = label(
            [file],
            labels,
            teacher,
            largest_force=settings.largest_force,
            largest_net_force=settings.largest_net_force,
            tell=self.say,
            stop=self.stop,
        )
        if not found.finished:
            raise Interrupted
        return found.discarded

    def train(self, here: RoundFolder, before: RoundFolder | None, steps: int, fresh: bool) -> None:
        """Train all members, each from its model of the round before."""
        student = self.plan.student
        for member in range(1, student.members + 1):
            self.check()
            start = str(before.model(member) / "model.safetensors") if before is not None else ""
            if fresh and member == 1:
                start = student.start
            size = {} if start else {"size": student.size, "cutoff": student.cutoff}
            self.say(f"member {member}: training of {steps} batches")
            found = train(
                [here.training],
                here.model(member),
                TrainSettings(steps=steps, seed=1000 * self.plan.top.seed + member, **size),  # type: ignore[arg-type]
                start=start or None,
                held_out=[here.held_out],
                threads=student.threads,
                stop=self.stop,
            )
            if not found.finished:
                raise Interrupted

    def models(self, here: RoundFolder) -> list[Path]:
        """Model files of the committee."""
        return [here.model(member) / "model.safetensors" for member in range(1, self.plan.student.members + 1)]


def carry_out(work: Work, number: int) -> dict[str, Any]:
    """Carry out a round, or what is left of it.

    Parameters
    ----------
    work : Work
        what is done
    number : int
        0: displaced frames of the starts, and the first training; later ones have dynamics

    Returns
    -------
    dict
        the result, as result.json holds it

    Raises
    ------
    Interrupted
        if it was told to stop
    ValueError
        if no frame could be labelled
    """
    begin = time.monotonic()
    here = work.folder.round(number)
    found = here.done()
    if found is not None:
        return found
    walks = _walks(work, number) if number or work.plan.explore.dynamics == "teacher" else {}
    if not here.chosen.is_file():
        write_frames(here.chosen, _choose(work, number, walks))
    asked = read_frames(here.chosen)
    discarded: dict[str, str] = {}
    if asked:
        discarded = work.label(work.plan.teacher, here.chosen, work.folder.labels)
    if number == 0 and len(discarded) > len(asked) // 2:
        reason = next(iter(discarded.values()))
        raise ValueError(
            f"learn: the teacher labels only {len(asked) - len(discarded)} of the first {len(asked)} frames ({reason}); "
            "correct the structures or the teacher"
        )
    _collect(work, number)
    before = work.folder.round(number - 1) if number else None
    steps = work.plan.student.more_steps if number else work.plan.student.steps
    work.train(here, before, steps, fresh=number == 0)
    found = _measure(work, here) | _explored(work, walks)
    labels = [len(read_frames(file)) for file in (here.training, here.held_out)]
    found |= {"round": number, "asked": len(asked), "discarded": len(discarded), "training": labels[0]}
    found |= {"held_out": labels[1], "seconds": round(time.monotonic() - begin, 1)}
    write_record(here.result, found)
    return found


def _walks(work: Work, number: int) -> dict[Walker, Walk]:
    """All walks of a round."""
    plan, here = work.plan, work.folder.round(number)
    before = work.folder.round(number - 1) if number else None
    paths = work.models(before) if before is not None else []
    usual = (before.done() or {}).get("deviations", []) if before is not None else []
    time_ps = plan.explore.time_ps * plan.explore.growth ** max(0, number - 1)
    length = max(1, round(1000 * time_ps / plan.explore.interval_fs))
    committee: list[Potential] = [NativePotential(path) for path in paths]
    leader = open_potential(plan.teacher.potential) if plan.explore.dynamics == "teacher" else committee[0]
    found = {}
    for walker in walkers_of(plan.starts, plan.explore):
        work.check()
        made = walk(
            walker,
            here.walk(walker.number),
            before.walk(walker.number) if before is not None else None,
            (plan.top.seed, _SEED_WALK, number, walker.number),
            length,
            leader,
            committee,
            usual,
            plan.explore,
            plan.select,
            work.stop,
        )
        if made is None:
            raise Interrupted
        found[walker] = made
    if found:
        resets = sum(item.resets for item in found.values())
        work.say(f"round {number}: {len(found)} walks of {time_ps:g} ps, {resets} of them began anew")
    return found


def _choose(work: Work, number: int, walks: dict[Walker, Walk]) -> list[Any]:
    """Frames to label: of the walkers that are trained on the uncertain and different ones, of the others any."""
    plan = work.plan
    chosen = [] if number else _first(work)
    limit = plan.select.frames
    if plan.stop.labels:
        limit = max(0, min(limit, plan.stop.labels - _labelled(work, number) - len(chosen)))
    outside = max(1, round(limit * plan.select.hold_out)) if walks and limit else 0
    number_of = {walker.number: walker for walker in walks}
    frames = [
        _frame(number_of[who], walks[number_of[who]], index, number)
        for who, index in _candidates(plan, walks, limit - outside)
    ]
    held = [
        _frame(walker, made, int(index), number)
        for walker, made in walks.items()
        if walker.held_out
        for index in np.flatnonzero(made.good)
    ]
    known = read_frames(work.folder.round(number - 1).training) if number else []
    points = [np.array([describe(atoms, plan.elements) for atoms in group]) for group in (frames, known)]
    chosen += [frames[index] for index in farthest(points[0], points[1], limit - outside)]
    chosen += [held[index] for index in spaced(len(held), outside)]
    return chosen


def _candidates(plan: Plan, walks: dict[Walker, Walk], wanted: int) -> list[tuple[int, int]]:
    """Walkers and indices of uncertain frames; where these are too few, the next most uncertain ones with them."""
    good = [
        (
            bool(made.deviation[index] < plan.select.low * made.mean[index]),
            -float(made.deviation[index]),
            walker.number,
            int(index),
        )
        for walker, made in walks.items()
        if not walker.held_out
        for index in np.flatnonzero(made.good)
    ]
    uncertain = sum(not certain for certain, *_ in good)
    return sorted((walker, index) for _, _, walker, index in sorted(good)[: max(wanted, uncertain)])


def _labelled(work: Work, number: int) -> int:
    before = work.folder.round(number - 1).done() if number else None
    return int(before["training"]) + int(before["held_out"]) if before else 0


def _first(work: Work) -> list[Any]:
    """Displaced and strained frames of every start; the last ones are held out."""
    plan, found = work.plan, []
    outside = max(1, round(plan.explore.first * plan.select.hold_out))
    for number, start in enumerate(plan.starts):
        random = np.random.default_rng([plan.top.seed, _SEED_FRAMES, number])
        for index in range(plan.explore.first):
            atoms = disturbed(start.atoms, random, plan.explore.displacement, plan.explore.strain)
            held_out = index >= plan.explore.first - outside
            atoms.info = _about(0, start.name, held_out)
            found.append(atoms)
    return found


def _about(number: int, start: str, held_out: bool) -> dict[str, Any]:
    return {"round": number, "start": start, "part": "held_out" if held_out else "training"}


def _frame(walker: Walker, made: Walk, index: int, number: int) -> Any:
    """A frame of a walk, as a structure that says where it comes from."""
    atoms = walker.start.atoms.copy()
    atoms.set_cell(made.cells[index])
    atoms.positions[...] = made.positions[index]
    atoms.wrap()
    atoms.info = _about(number, walker.start.name, walker.held_out)
    atoms.info |= {"walker": walker.number, "temperature": walker.kelvin, "deviation": float(made.deviation[index])}
    return atoms


def _collect(work: Work, number: int) -> None:
    """Write what the round is trained and measured on: the labels of all rounds so far."""
    here = work.folder.round(number)
    asked = [atoms for index in range(number + 1) for atoms in read_frames(work.folder.round(index).chosen)]
    labels = labelled_frames(work.folder.labels, asked)
    for file, part in ((here.training, "training"), (here.held_out, "held_out")):
        write_frames(file, [atoms for atoms in labels if atoms.info["part"] == part])
    for file, part in ((here.training, "train on"), (here.held_out, "hold out")):
        if not read_frames(file):
            raise ValueError(f"learn: there is no label to {part}; the reasons are in labels/discarded.extxyz")


def compared(paths: Sequence[Path], file: Path) -> list[Compared]:
    """Models beside the labels of a file; the first one is judged, the others are its committee."""
    leader, *others = (NativePotential(path) for path in paths)
    return [compare(leader, frames, others) for frames in read_data([file])]


def _measure(work: Work, here: RoundFolder) -> dict[str, Any]:
    """Errors of the first member on held-out frames, and what the committee says of them."""
    sets = compared(work.models(here), here.held_out)
    spread = [float(value) for item in sets if item.deviation is not None for value in item.deviation.max(axis=1)]
    return {"errors": finite(summary(sets)), "committee": finite(committee_quality(sets)), "deviations": spread}


def finite(values: dict[str, float]) -> dict[str, float]:
    """What is a finite number, to six digits, for JSON."""
    return {name: float(f"{value:.6g}") for name, value in values.items() if math.isfinite(value)}


def _explored(work: Work, walks: dict[Walker, Walk]) -> dict[str, Any]:
    """What the walks said: frames, resets, and the share that is uncertain."""
    if not walks:
        return {}
    deviation = np.concatenate([made.deviation for made in walks.values()])
    good = np.concatenate([made.good for made in walks.values()])
    means = [float(made.mean[-1]) for made in walks.values()]
    return {
        "frames": len(deviation),
        "resets": sum(made.resets for made in walks.values()),
        "uncertain": float(np.mean(~good | (deviation > work.plan.stop.deviation))),
        "deviation": float(f"{np.mean(means):.6g}"),
    }


def explored_frames(work: Work, number: int, held_out: bool) -> list[Any]:
    """All good frames of the walks of a round, of walkers that are held out or of the others."""
    here, found = work.folder.round(number), []
    for walker in walkers_of(work.plan.starts, work.plan.explore):
        path = here.walk(walker.number)
        if walker.held_out == held_out and path.is_file():
            made = read_walk(path)
            found += [_frame(walker, made, int(index), number) for index in np.flatnonzero(made.good)]
    return found
