# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The observable as the unit: what it needs saved, how it is computed, and what comes of it.

An observable is one module of this package that ends with an :class:`Observable`; ``registry.py`` lists them in the order
of the report. `compute` gets a :class:`Sample`, all replicas and temperatures of one material, and returns a
:class:`Result`. Protocols, reports and studies know observables only through these records.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from openmmlps.analysis.requirements import require_interval
from openmmlps.analysis.trajectory import Trajectory
from openmmlps.materials import Material
from openmmlps.report.content import Headline, Measured, Section

if TYPE_CHECKING:
    from openmmlps.references import References

#: kinds of folders and files that are reported
QUENCH, TRANSPORT, RUN, FILE = "quench", "transport", "run", "trajectory"
RELAX, ELASTIC = "relax", "elastic"


@dataclass(frozen=True)
class Needs:
    """What must be saved, and how much of it is read. The only place where trajectories are thinned."""

    frames: int = 100  #: at most so many of each replica are read
    interval_ps: float = (
        math.inf
    )  #: longest time between frames; inf: any, and those read are spread over the whole run
    time_ps: float = 0.0  #: shortest length that makes sense
    velocities: bool = False
    average: bool = False  #: whether what a run does before it has settled is left out

    @property
    def consecutive(self) -> bool:
        """Whether frames must follow each other closely, so that they are taken from the beginning on."""
        return math.isfinite(self.interval_ps)

    def met_by(self, trajectory: Trajectory) -> bool:
        """Whether a trajectory was saved as it is needed."""
        if self.velocities and trajectory.velocities is None:
            return False
        if not self.consecutive and not self.time_ps:
            return len(trajectory) > 0
        if trajectory.times_ps is None or len(trajectory) < 2:
            return False
        interval = require_interval(trajectory, trajectory.name)
        long_enough = interval * (len(trajectory) - 1) >= self.time_ps * (1 - 1e-6)
        return interval <= self.interval_ps * (1 + 1e-6) and long_enough

    def take(self, trajectory: Trajectory) -> Trajectory:
        """The frames that are read: spread over the run, or consecutive ones that are close enough."""
        if not self.consecutive:
            return trajectory[:: max(1, len(trajectory) // self.frames)]
        coarsest = int(self.interval_ps / require_interval(trajectory, trajectory.name) + 1e-6)
        step = max(1, min(coarsest, len(trajectory) // self.frames))
        return trajectory[: self.frames * step : step]


@dataclass(frozen=True)
class State:
    """What was saved of one material at one temperature: its replicas."""

    trajectories: tuple[Trajectory, ...]  #: whole, on disk
    replicas: tuple[str, ...] = ("",)  #: their names
    target_K: float = math.nan  #: temperature that was asked for; nan: unknown
    temperature_K: float = math.nan  #: mean of the runs
    brief: tuple[Trajectory, ...] = ()  #: of the same state: short, with frames close in time and velocities
    driven: Mapping[float, tuple[Trajectory, ...]] = field(
        default_factory=dict
    )  #: by field (V/angstrom), in that field
    settling: float = 0.0  #: share of the frames at the beginning that averages leave out

    @property
    def label(self) -> str:
        """'500 K', or nothing if the temperature is unknown."""
        return f"{self.target_K:g} K" if math.isfinite(self.target_K) else ""

    def met(self, needs: Needs) -> tuple[Trajectory, ...]:
        """Frames of all replicas that were saved as needed, thinned; of the short runs where the long ones are too coarse.

        Parameters
        ----------
        needs : Needs
            of an observable

        Returns
        -------
        tuple of Trajectory
            empty if nothing fits
        """
        for source in (self.trajectories, self.brief):
            begin = self.settling if needs.average and source is self.trajectories else 0.0
            found = tuple(
                needs.take(trajectory[int(begin * len(trajectory)) :])
                for trajectory in source
                if needs.met_by(trajectory)
            )
            if found:
                return found
        return ()

    def require(self, needs: Needs, what: str) -> tuple[Trajectory, ...]:
        """As :meth:`met`, but refuse what was saved too coarsely.

        Parameters
        ----------
        needs : Needs
            of an observable
        what : str
            what the message begins with

        Raises
        ------
        ValueError
            nothing was saved as needed
        """
        found = self.met(needs)
        if found:
            return found
        where = f" at {self.label}" if self.label else ""
        trajectory = self.trajectories[0]
        if trajectory.times_ps is None:
            raise ValueError(f"{what}: the frames of '{trajectory.name}' have no times; say how far they are apart")
        if len(trajectory) < 2:
            raise ValueError(f"{what}: '{trajectory.name}' has one frame only; run longer")
        if needs.velocities and trajectory.velocities is None:
            raise ValueError(f"{what}: '{trajectory.name}' has no velocities; save them")
        interval = require_interval(trajectory, what)
        if interval > needs.interval_ps:
            raise ValueError(
                f"{what}{where}: frames are {interval:.3g} ps apart, but {needs.interval_ps:.3g} ps or less are needed; save them "
                "more often"
            )
        raise ValueError(
            f"{what}{where}: {interval * (len(trajectory) - 1):.3g} ps were saved, but {needs.time_ps:.3g} ps are needed; run longer"
        )


@dataclass(frozen=True)
class Sample:
    """All replicas and temperatures of one material in one folder."""

    name: str  #: prefix of the names of files
    kind: str  #: QUENCH, TRANSPORT, RUN, FILE, RELAX or ELASTIC
    label: str  #: what headings call the material
    material: Material
    states: tuple[State, ...]  #: from cold to hot
    glass: bool = False
    phase: str = ""  #: 'glass', or name of the crystal
    composition: str = ""  #: as it was given, such as '75Li2S-25P2S5'; empty: unknown
    references: References | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  #: fit_window, blocks, extrapolate_to_K ...

    @property
    def coldest(self) -> State:
        """The state with the lowest temperature."""
        return self.states[0]

    @property
    def hottest(self) -> State:
        """The state with the highest temperature."""
        return self.states[-1]

    def at(self, text: str, state: State) -> str:
        """A heading with the temperature where there are several."""
        return f"{text} at {state.label}" if len(self.states) > 1 and state.label else text


@dataclass(frozen=True)
class Value:
    """A number that comparisons gather: over compositions, temperatures, and beside published ones."""

    quantity: str  #: key of QUANTITIES, the same as in tables of references
    measured: Measured  #: value nan: not determined
    of: str = ""  #: which one: element, pair, anion, Q0
    temperature_K: float = math.nan
    interval: tuple[float, float] | None = None  #: ends of a lopsided 95 % interval

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of the 95 % interval; nan if unknown."""
        return self.interval or (self.measured.value - self.measured.reach, self.measured.value + self.measured.reach)


@dataclass(frozen=True)
class Curve:
    """A function that comparisons draw over each other."""

    quantity: str  #: key of QUANTITIES
    of: str  #: which one, such as the pair 'P-S'
    x: np.ndarray  #: [m]
    y: np.ndarray  #: [m]
    reach: np.ndarray | None = None  #: [m] half widths of the 95 % intervals
    temperature_K: float = math.nan


@dataclass
class Result:
    """What an observable found in a sample."""

    section: Section | None = None
    headlines: list[Headline] = field(default_factory=list)  #: for the results at a glance
    values: list[Value] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Observable:
    """One observable. `compute` may return None where there is nothing to show, and raise ValueError with the reason."""

    name: str  #: short, unique; key of its section
    compute: Callable[[Sample], Result | None]
    page: str  #: of docs/analysis, without ending
    needs: Needs = field(default_factory=Needs)
    kinds: Sequence[str] = (QUENCH, TRANSPORT, RUN, FILE)  #: that it is part of
    mobile: bool = False  #: only for materials with mobile ions
    network: bool = False  #: only for materials with formers and ligands
    periodic: bool = True  #: only for trajectories with a cell

    def suits(self, sample: Sample) -> bool:
        """Whether a sample is of a kind that has this observable."""
        return (
            sample.kind in self.kinds
            and (bool(sample.material.mobile) or not self.mobile)
            and (sample.material.has_network or not self.network)
            and (not self.periodic or all(item.cells is not None for item in sample.coldest.trajectories))
        )


def closest_interval(observables: Sequence[Observable], kind: str) -> float:
    """The longest time between frames that suits all observables of a kind of folder, ps: what protocols ask for.

    Parameters
    ----------
    observables : sequence of Observable
        those of the report
    kind : str
        QUENCH, TRANSPORT and so on

    Returns
    -------
    float
        ps; inf if none of them cares
    """
    return min((item.needs.interval_ps for item in observables if kind in item.kinds), default=math.inf)


def observe(sample: Sample, observables: Sequence[Observable]) -> Iterator[tuple[Observable, Result]]:
    """Compute all observables that suit a sample; those that cannot be computed say why.

    Parameters
    ----------
    sample : Sample
        all replicas and temperatures of a material
    observables : sequence of Observable
        in the order of the report

    Yields
    ------
    observable : Observable
        one that suits the sample
    result : Result
        of it; with a warning only where the data do not allow it
    """
    for observable in observables:
        if not observable.suits(sample):
            continue
        try:
            found = observable.compute(sample)
        except ValueError as error:
            found = Result(warnings=[str(error)])
        if found is not None:
            yield observable, found
