# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The kinds of tasks that a study can hold. Another kind is another entry of KINDS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openmmlps import protocols
from openmmlps.observables import OBSERVABLES, TRANSPORT, closest_interval
from openmmlps.protocols.protocol import Protocol

_RELAXATION = 300  # evaluations, about
_FRAME_BYTES = 36  # of an atom in a frame: position and velocity in single precision, and what is around them
_LINE_BYTES = 400  # of thermo.csv


@dataclass(frozen=True)
class Piece:
    """A part of a task's grid that is a protocol folder of its own."""

    name: str  #: folder below that of the replica; empty: the replica is not divided
    settings: Any  #: of the protocol


@dataclass(frozen=True)
class Work:
    """What a task costs."""

    steps: float  #: of dynamics, or evaluations
    frames: float
    lines: float  #: of thermo.csv

    def disk_bytes(self, atoms: int) -> float:
        """Bytes that it leaves."""
        return self.frames * atoms * _FRAME_BYTES + self.lines * _LINE_BYTES


@dataclass(frozen=True)
class Kind:
    """A kind of task: its protocol, and how a study divides it."""

    protocol: Protocol
    replicated: Callable[[Any, bool], bool]  #: (settings, whether it starts from a glass): if replicas differ
    pieces: Callable[[Any, int], Iterator[Piece]]  #: (settings, replica from 1)
    work: Callable[[Any], Work]
    reserved: Mapping[str, str]  #: settings that come from elsewhere in the study file, and from where

    @property
    def makes_glass(self) -> bool:
        """Whether it starts from a composition."""
        return self.protocol.name == "quench"

    @property
    def gives_structure(self) -> bool:
        """Whether other tasks can start from its result."""
        return self.protocol.name in ("quench", "relax")


_SHARED = {
    "model": "[models]",
    "seed": "seed at the top",
    "replicas": "replicas at the top, or of a material",
    "supercell": "[[material]]",
    "format": "[[material]]",
    "elements": "[[material]]",
    "checks": "[[material]]",
    "platform": "[executor]",
    "threads": "[executor]",
    "checkpoint_s": "[executor]",
}


def _whole(settings: Any, replica: int) -> Iterator[Piece]:
    yield Piece("", settings)


def _quench(settings: Any, replica: int) -> Iterator[Piece]:
    yield Piece("", settings.changed(seed=settings.seed + replica - 1, replicas=1))


def _elastic(settings: Any, replica: int) -> Iterator[Piece]:
    yield Piece("", settings.changed(seed=settings.seed + 100 * (replica - 1)))


def _transport(settings: Any, replica: int) -> Iterator[Piece]:
    """One for each temperature, with the random numbers that a single protocol would give it."""
    temperatures, times = settings.temperatures_K, settings.production_time_ps
    for index, temperature in enumerate(temperatures):
        own = settings.changed(
            temperatures_K=(temperature,),
            production_time_ps=(times[index] if len(times) > 1 else times[0],),
            replicas=1,
            seed=settings.seed + 10 * (replica * len(temperatures) + index - 1),
        )
        yield Piece(f"T{temperature:g}", own)


def _runs(settings: Any, *times_ps: float) -> Work:
    total = sum(times_ps)
    frames = total / settings.frame_interval_ps
    return Work(settings.steps(total), frames, total / settings.thermo_interval_ps)


def _quench_work(settings: Any) -> Work:
    return _runs(settings, settings.melt_time_ps, settings.cooling_time_ps, settings.equilibration_time_ps)


def _production_work(settings: Any) -> Work:
    """Of the cell and the production at the one temperature."""
    (temperature,) = settings.temperatures_K
    time, interval = settings.production(temperature)
    cell = _runs(settings, settings.cell_time_ps)
    steps = cell.steps + settings.equilibration_time_ps / settings.timestep + settings.steps(time)
    return Work(steps, cell.frames + settings.steps(time) / interval, cell.lines + time / settings.thermo_interval_ps)


def _transport_work(settings: Any) -> Work:
    work, close = _production_work(settings), settings.close_time_ps
    if not close:
        return work
    steps = (close + settings.equilibration_time_ps) / settings.timestep
    frames = close / closest_interval(OBSERVABLES, TRANSPORT)
    return Work(work.steps + steps, work.frames + frames, work.lines + close / settings.thermo_interval_ps)


def _thermal_work(settings: Any) -> Work:
    (temperature,) = settings.temperatures_K
    work, (time, _) = _production_work(settings), settings.production(temperature)
    return Work(work.steps, work.frames, work.lines + time / (settings.current_interval_fs / 1000))


def _elastic_work(settings: Any) -> Work:
    if settings.temperature_K == 0:
        return Work(13 * _RELAXATION, 13, 0)
    return _runs(settings, settings.cell_time_ps, *[settings.equilibration_time_ps + settings.stress_time_ps] * 12)


KINDS: dict[str, Kind] = {
    "quench": Kind(
        protocols.quench,
        lambda settings, glass: True,
        _quench,
        _quench_work,
        {**_SHARED, "composition": "[[material]]", "start": "structure in [[material]]"},
    ),
    "relax": Kind(
        protocols.relax,
        lambda settings, glass: glass,
        _whole,
        lambda settings: Work(_RELAXATION, 1, 0),
        {**_SHARED, "structure": "[[material]]"},
    ),
    "transport": Kind(
        protocols.transport,
        lambda settings, glass: True,
        _transport,
        _transport_work,
        {**_SHARED, "structure": "[[material]]"},
    ),
    "thermal": Kind(  # divided as transport; its current is a line every few steps
        protocols.thermal,
        lambda settings, glass: True,
        _transport,
        _thermal_work,
        {**_SHARED, "structure": "[[material]]"},
    ),
    "elastic": Kind(
        protocols.elastic,
        lambda settings, glass: glass or settings.temperature_K > 0,
        _elastic,
        _elastic_work,
        {**_SHARED, "structure": "[[material]]"},
    ),
}
