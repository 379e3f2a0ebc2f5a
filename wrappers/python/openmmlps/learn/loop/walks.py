# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Walks: trajectories of the student or the teacher, watched by the committee, each kept in one file that is replaced as a whole.

A walk that a kill interrupted goes on from its last stored state, and gives the same frames as one that was not.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.app.replace import replace_file
from openmmlps.learn.errors import deviation
from openmmlps.potentials import NativePotential, Potential

from .dynamics import State, advance, fresh_state
from .settings import ExploreSettings, SelectSettings
from .starts import Start, disturbed

_SAVE_SECONDS = 5.0
_SHAKE = 0.02  # angstrom; what a walk begins with


@dataclass(frozen=True, eq=False)
class Walker:
    """A trajectory through all rounds, at one temperature and pressure."""

    number: int
    start: Start
    kelvin: float
    pressure_GPa: float | None
    held_out: bool  #: its frames are never trained on


@dataclass(frozen=True)
class Walk:
    """What a walker did in one round: F frames of N atoms.

    positions (F, N, 3) and cells (F, 3, 3) in angstrom; deviation (F,) eV/angstrom, the largest of a frame; mean (F,)
    the moving mean of the deviation at that time; good (F,) whether the frame may be labelled.
    """

    positions: np.ndarray
    cells: np.ndarray
    deviation: np.ndarray
    mean: np.ndarray
    good: np.ndarray
    resets: int
    state: State


def walkers_of(starts: Sequence[Start], settings: ExploreSettings) -> list[Walker]:
    """All walkers: those that are trained on, then one of each start that is held out.

    Parameters
    ----------
    starts : sequence of Start
        where they begin
    settings : ExploreSettings
        temperatures of starts apart, their conditions

    Returns
    -------
    list of Walker
        numbered in order
    """
    found: list[Walker] = []
    pressures = settings.pressures_GPa or (None,)
    for start in starts:
        for kelvin in start.temperatures_K:
            for pressure in pressures:
                for _ in range(settings.walkers):
                    found.append(Walker(len(found), start, kelvin, pressure, False))
    for index, start in enumerate(starts):
        kelvin = start.temperatures_K[index % len(start.temperatures_K)]
        found.append(Walker(len(found), start, kelvin, pressures[index % len(pressures)], True))
    return found


def walk(
    walker: Walker,
    path: Path,
    before: Path | None,
    seed: Sequence[int],
    length: int,
    leader: Potential,
    committee: Sequence[Potential],
    usual: Sequence[float],
    explore: ExploreSettings,
    select: SelectSettings,
    stop: Callable[[], bool],
) -> Walk | None:
    """Carry out a walk, or what is left of it.

    Parameters
    ----------
    walker : Walker
        who walks
    path : Path
        of its file
    before : Path, optional
        file of its last round, from whose end it goes on
    seed : sequence of int
        of this walk
    length : int
        number of frames
    leader : Potential
        of the dynamics
    committee : sequence of Potential
        members whose deviation counts; with fewer than two there is none
    usual : sequence of float
        deviations (eV/angstrom) with which the moving mean begins
    explore, select : ExploreSettings, SelectSettings
        how to walk, and what ends it
    stop : callable
        asked after every frame whether to stop

    Returns
    -------
    Walk or None
        None if it was told to stop
    """
    records, found = _begin(walker, path, before, seed, explore)
    state, resets = found
    saved = time.monotonic()
    steps = max(1, round(explore.interval_fs / explore.timestep_fs))
    atoms = walker.start.atoms.copy()
    while len(records["deviation"]) < length:
        for potential in (leader, *committee):  # a list of neighbors would remember where a walk was interrupted
            if isinstance(potential, NativePotential):
                potential.forget()
        whole = advance(state, atoms, leader.predict, steps, explore.timestep_fs, walker.kelvin, walker.pressure_GPa)
        atoms.set_cell(state.cell)
        atoms.positions[...] = state.positions
        whole = whole and closest_share(atoms) > explore.closest
        spread = _largest_deviation(committee, atoms) if whole else 0.0
        mean = _moving_mean(usual, records, select.window)
        good = whole and np.isfinite(spread) and (mean == 0.0 or spread < select.high * mean)
        records["positions"].append(state.positions.copy() if whole else walker.start.atoms.positions.copy())
        records["cells"].append(state.cell.copy() if whole else np.array(walker.start.atoms.cell))
        records["deviation"].append(float(spread) if whole else np.inf)
        records["mean"].append(mean)
        records["good"].append(bool(good))
        if not good:
            resets += 1
            start = disturbed(walker.start.atoms, state.random, _SHAKE, explore.strain)
            state = fresh_state(start, walker.kelvin, state.random)
        if len(records["deviation"]) == length or time.monotonic() - saved > _SAVE_SECONDS:
            _save(path, records, state, resets)
            saved = time.monotonic()
        if stop():
            _save(path, records, state, resets)
            return None
    return read_walk(path)


def read_walk(path: Path) -> Walk:
    """Read the file of a walk. Raises ValueError if it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = ("positions", "cells", "deviation", "mean", "good")
            stored = {name: arrays[f"frames_{name}"] for name in names}
            return Walk(**stored, resets=int(arrays["resets"]), state=State.from_arrays(arrays))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ValueError(f"learn: '{path}' is damaged ({error}); remove it, and the walk is made again") from None


def _begin(
    walker: Walker, path: Path, before: Path | None, seed: Sequence[int], explore: ExploreSettings
) -> tuple[dict[str, list[Any]], tuple[State, int]]:
    """The frames that are there already, and the state after them."""
    names = ("positions", "cells", "deviation", "mean", "good")
    if path.is_file():
        old = read_walk(path)
        return {name: list(getattr(old, name)) for name in names}, (old.state, old.resets)
    random = np.random.default_rng(list(seed))
    last = read_walk(before) if before is not None and before.is_file() else None
    if last is not None:
        state = State(last.state.positions, last.state.velocities, last.state.cell, random)
    else:
        start = disturbed(walker.start.atoms, random, _SHAKE, explore.strain)
        state = fresh_state(start, walker.kelvin, random)
    return {name: [] for name in names}, (state, 0)


def _moving_mean(usual: Sequence[float], records: dict[str, list[Any]], window: int) -> float:
    """Mean deviation of the last good frames; those that the models were measured on come first."""
    last = deque(usual, maxlen=window)
    last.extend(value for value, good in zip(records["deviation"], records["good"], strict=True) if good)
    return float(np.mean(last)) if last else 0.0


def _save(path: Path, records: dict[str, list[Any]], state: State, resets: int) -> None:
    memory = io.BytesIO()
    frames = {f"frames_{name}": np.array(values) for name, values in records.items()}
    np.savez(memory, **frames, **state.to_arrays(), resets=np.array(resets))  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, memory.getvalue())


def _largest_deviation(members: Sequence[Potential], atoms: Any) -> float:
    """Largest deviation of the forces (eV/angstrom) over the atoms of a frame; 0 without a committee."""
    if len(members) < 2:
        return 0.0
    return float(deviation(np.array([member.predict(atoms).forces for member in members])).max())


def closest_share(atoms: Any) -> float:
    """Shortest distance of two atoms as a share of the sum of their covalent radii; infinity where none is near."""
    from ase.data import covalent_radii
    from ase.neighborlist import neighbor_list

    radii = covalent_radii[atoms.numbers]
    symbols = sorted({*zip(atoms.get_chemical_symbols(), radii.tolist(), strict=True)})
    reach = {(a, b): one + other for a, one in symbols for b, other in symbols}
    first, second, distance = neighbor_list("ijd", atoms, reach)
    return float((distance / (radii[first] + radii[second])).min()) if len(distance) else float("inf")
