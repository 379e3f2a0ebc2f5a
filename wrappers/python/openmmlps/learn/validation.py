# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Measure a potential against labelled frames, and say whether it is good enough."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.app.replace import replace_file
from openmmlps.potentials import Potential, open_potential

from .data import elements_of, read_data
from .errors import Compared, committee_quality, compare, summary

#: what --must knows, with units; 'force ELEMENT' and 'slope ELEMENT' besides
BOUNDS = {
    "energy": "meV/atom", "energy shifted": "meV/atom", "force": "eV/Å", "virial": "meV/atom", "slope": "from 1",
}  # fmt: skip
_STARTS = 3  # structures of which stability runs are made


@dataclass(frozen=True)
class Stability:
    """A short simulation: whether it kept together, and what it said if not."""

    name: str
    atoms: int
    kelvin: float
    picoseconds: float
    problem: str = ""


@dataclass(frozen=True)
class Validation:
    """What was measured of a potential."""

    model: str
    level: str
    sets: list[Compared]
    errors: dict[str, float]  #: of all sets together, see :func:`openmmlps.learn.errors.summary`
    committee: dict[str, float] = field(default_factory=dict)
    members: int = 0  #: of the committee, the judged one included
    runs: list[Stability] = field(default_factory=list)
    bounds: dict[str, float] = field(default_factory=dict)

    @property
    def microseconds_per_atom(self) -> float:
        """Time of an evaluation on the processor."""
        atoms = sum(len(item.frames) * item.atoms for item in self.sets)
        return 1e6 * sum(item.seconds for item in self.sets) / atoms

    @property
    def failures(self) -> list[str]:
        """What is not as it must be, one sentence each."""
        found = []
        for name, bound in self.bounds.items():
            value = self.errors.get(name, math.nan)
            measured = abs(value - 1) if name.startswith("slope") else value
            if math.isnan(measured):
                found.append(f"{name} was not measured")
            elif measured > bound:
                unit = BOUNDS[name if name in BOUNDS else name.split()[0]]
                found.append(f"{name} is {value:.4g}, and must be within {bound:g} {unit}")
        found += [
            f"the run of {run.name} at {run.kelvin:g} K ended early: {run.problem}" for run in self.runs if run.problem
        ]
        return found


def parse_bounds(texts: Iterable[str]) -> dict[str, float]:
    """Bounds from texts such as 'force=0.1' or 'force.Li=0.08'.

    Parameters
    ----------
    texts : iterable of str
        names as in `BOUNDS`, a blank written as a dot, an equals sign and a number

    Returns
    -------
    dict of str to float
        by name

    Raises
    ------
    ValueError
        for a name that is not known, or what is not a positive number
    """
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        name = name.strip().replace(".", " ")
        first, _, element = name.partition(" ")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if name not in BOUNDS and not (first in ("force", "slope") and element):
            raise ValueError(f"must: '{text}' bounds nothing that is measured; use {', '.join(BOUNDS)} or force.Li")
        if not value > 0:
            raise ValueError(f"must: '{text}' is no bound; write NAME=NUMBER with a number above 0, such as force=0.1")
        found[name] = value
    return found


def validate(
    model: str | Path,
    data: Iterable[Path | str],
    *,
    committee: Iterable[str | Path] = (),
    keys: Mapping[str, str] | None = None,
    bounds: Mapping[str, float] | None = None,
    stability_ps: float = 0.0,
    kelvin: float | None = None,
    threads: int = 1,
    tell: Callable[[str], None] | None = None,
) -> Validation:
    """Compare a potential with labelled frames.

    Parameters
    ----------
    model : str or Path
        see :func:`openmmlps.potentials.open_potential`
    data : iterable of Path or str
        labelled frames that it was not trained on, see :func:`openmmlps.learn.data.read_data`
    committee : iterable of str or Path
        further models, whose spread is compared with the true error
    keys : mapping of str to str, optional
        names of the labels in files, see :func:`openmmlps.learn.data.read_data`
    bounds : mapping of str to float, optional
        what must be reached, see :func:`parse_bounds`
    stability_ps : float
        length of runs at constant volume from the first frames, ps; 0: none
    kelvin : float, optional
        their temperature; None: the highest that the frames state, or 600 K
    threads : int
        for native models
    tell : callable, optional
        gets sentences about what happens

    Returns
    -------
    Validation
        numbers and predictions; `write_page` makes a page of it

    Raises
    ------
    ValueError
        for elements that a model lacks, or data that cannot be used
    OSError
        for missing files
    """
    say = tell or (lambda text: None)
    potential = open_potential(str(model), threads)
    members = [open_potential(str(other), threads) for other in committee]
    frames = read_data(data, keys)
    for member in (potential, *members):
        missing = sorted(set(elements_of(frames)) - set(member.elements or elements_of(frames)))
        if missing:
            raise ValueError(
                f"validate: '{member.name}' lacks {', '.join(missing)}, which the data hold; leave them out"
            )
    if stability_ps and potential.path is None:
        raise ValueError(f"validate: stability runs need a model file, which '{potential.name}' is not; leave them out")
    sets = []
    for item in frames:
        sets.append(compare(potential, item, members))
        say(f"{item.name}: {len(item)} frames")
    runs = _stability(potential, sets, stability_ps, kelvin, threads, say) if stability_ps else []
    return Validation(
        str(model),
        next((item.level for item in frames if item.level), ""),
        sets,
        summary(sets),
        committee_quality(sets) if members else {},
        len(members) + 1 if members else 0,
        runs,
        dict(bounds or {}),
    )


def _stability(
    potential: Potential,
    sets: Sequence[Compared],
    time_ps: float,
    kelvin: float | None,
    threads: int,
    say: Callable[[str], None],
) -> list[Stability]:
    """Run the first frame of some systems at constant volume."""
    import ase.io

    from openmmlps.app import runner
    from openmmlps.app.run_settings import RunSettings
    from openmmlps.app.stability import RunFailed

    found = []
    for item in sets[:_STARTS]:
        stated = item.frames.kelvin
        temperature = kelvin or (
            float(np.nanmax(stated)) if stated is not None and np.isfinite(stated).any() else 600.0
        )
        name = Path(item.frames.name.split(" ")[0]).name
        with tempfile.TemporaryDirectory() as folder:
            start = Path(folder) / "start.extxyz"
            ase.io.write(start, item.frames.atoms(0))
            settings = RunSettings(
                structure=str(start),
                model=str(potential.path),
                temperature=temperature,
                time=time_ps,
                platform="CPU",
                threads=threads,
            )
            try:
                runner.start(Path(folder) / "run", settings)
                problem = ""
            except RunFailed as error:
                problem = str(error)
        say(f"{name}: {time_ps:g} ps at {temperature:g} K {'ended early' if problem else 'held'}")
        found.append(Stability(name, item.atoms, temperature, time_ps, problem))
    return found


def to_json(found: Validation) -> dict[str, Any]:
    """The numbers of a validation in terms of JSON."""
    return {
        "model": found.model,
        "level_of_theory": found.level,
        "errors": _plain(found.errors),
        "sets": {item.frames.name: _plain(summary([item])) for item in found.sets},
        "committee": _plain(found.committee),
        "stability": [vars(run) for run in found.runs],
        "microseconds_per_atom": float(f"{found.microseconds_per_atom:.4g}"),
        "must": found.bounds,
        "failures": found.failures,
    }


def _plain(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: float(f"{value:.6g}") if math.isfinite(value) else None for name, value in values.items()}


def write_page(found: Validation, path: Path | str) -> None:
    """Write the page of a validation, and its numbers beside it as JSON.

    Parameters
    ----------
    found : Validation
        what was measured
    path : Path or str
        of the HTML file; replaced as a whole
    """
    from openmmlps.report.html import render

    from .validation_page import findings

    path = Path(path)
    text = render([findings(found)], kind="Validation", heads=("Measured", "Must be within"), made="What was done")
    replace_file(path, text.encode())
    replace_file(path.with_suffix(".json"), (json.dumps(to_json(found), indent=1) + "\n").encode())
