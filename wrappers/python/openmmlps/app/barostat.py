# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The Monte Carlo barostat of an npt run.

The barostats of OpenMM keep their count of steps and the size of their moves to themselves: a checkpoint does not hold
them, so that a resumed run would take another path. The moves here are the same, but everything that decides them is the
step, the seed, and a state that goes into the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from openmmlps.units import BAR_PER_KJ_PER_MOL_PER_NM3, GAS_CONSTANT

from .cells import reduced_triangle
from .run_settings import RunSettings

_FIRST_MOVE = 0.1  # of the logarithm of the volume, over the root of the number of atoms: about what it does in a solid
_LARGEST_MOVE = 0.3
_JUDGED_AFTER = 10  # moves, after which their size may change
_FACTOR = 1.1
_FEW, _MANY = 0.25, 0.75  # accepted fractions at which it changes


def allow_any_shape(system: Any, settings: RunSettings) -> None:
    """Let a box that is rectangular become triclinic: on GPU platforms OpenMM decides at the start which one it is.

    It does so by the kind of barostat in the System; this one never acts.

    Parameters
    ----------
    system : openmm.System
        changed for the flexible barostat of an npt run
    settings : RunSettings
        of the run
    """
    import openmm

    if settings.ensemble == "npt" and settings.barostat == "flexible":
        idle = openmm.MonteCarloFlexibleBarostat(settings.pressure, settings.temperature, 0)
        idle.setRandomNumberSeed(1)  # 0 would make it take the clock
        system.addForce(idle)


class Barostat:
    """A reporter that writes nothing: it tries a change of the box every `barostat_interval` steps.

    It has to be the last reporter, so that the others see each step as the integrator left it. Atoms keep their
    fractional coordinates, each on its own: a solid electrolyte has no molecules.

    Parameters
    ----------
    settings : RunSettings
        with the kind of barostat and the pressure
    seed : int
        of the moves; each draws its numbers from seed and step alone
    temperature : callable
        step -> K
    state : mapping, optional
        `state` of the run that is continued
    """

    def __init__(
        self,
        settings: RunSettings,
        seed: int,
        temperature: Callable[[int], float],
        state: Mapping[str, list[float]] | None = None,
    ) -> None:
        self._kind, self._seed, self._temperature = settings.barostat, seed, temperature
        self._interval = settings.barostat_interval
        self._pressure = settings.pressure / BAR_PER_KJ_PER_MOL_PER_NM3
        count = 3 if self._kind == "anisotropic" else 1
        #: of each kind of move: its size (0: not chosen yet), and how many were tried and accepted since it was chosen.
        #: Sizes are those of the logarithm of the volume; of the flexible barostat, nm of each component
        self.state = {name: list((state or {}).get(name, [0.0] * count)) for name in ("size", "tried", "accepted")}

    def describeNextReport(self, simulation: Any) -> dict[str, Any]:  # noqa: N802  as OpenMM calls it
        """Tell OpenMM when the next move is due."""
        return {"steps": self._interval - simulation.currentStep % self._interval, "include": []}

    def report(self, simulation: Any, state: Any) -> None:
        """Try a move."""
        self.attempt(simulation.context, simulation.currentStep)

    def attempt(self, context: Any, step: int) -> bool:
        """Try a change of the box of a Context; whether it was accepted."""
        chance = np.random.default_rng([self._seed, step])
        state = context.getState(positions=True, energy=True)
        box = state.getPeriodicBoxVectors(asNumpy=True)._value
        positions = state.getPositions(asNumpy=True)._value
        number = len(positions)
        which = int(chance.integers(len(self.state["size"])))
        unit = float(np.prod(np.diag(box))) ** (1 / 3) / 3 if self._kind == "flexible" else 1.0
        size = self.state["size"][which] or unit * _FIRST_MOVE / np.sqrt(number)
        trial = self._trial(box, which, size, chance)
        accepted = trial is not None and self._accept(context, step, box, trial, positions, state, chance)
        self._learn(which, size, accepted, unit * _LARGEST_MOVE)
        return accepted

    def _trial(self, box: np.ndarray, which: int, size: float, chance: np.random.Generator) -> np.ndarray | None:
        """A box [3, 3] in nm, lower triangular; None if it would span nothing."""
        trial: np.ndarray = box.copy()
        if self._kind == "flexible":
            rows, columns = np.tril_indices(3)
            trial[rows, columns] += size * chance.uniform(-1, 1, 6)
            return trial if np.diag(trial).min() > 0 else None
        change = np.exp(size * chance.uniform(-1, 1))
        if self._kind == "isotropic":
            return trial * change ** (1 / 3)
        trial[:, which] *= change
        return trial

    def _accept(
        self,
        context: Any,
        step: int,
        box: np.ndarray,
        trial: np.ndarray,
        positions: np.ndarray,
        state: Any,
        chance: np.random.Generator,
    ) -> bool:
        """Move there, and back if the energy says so."""
        ratio = float(np.prod(np.diag(trial) / np.diag(box)))
        volume = float(np.prod(np.diag(box)))
        moved = positions @ np.linalg.solve(box, trial)
        context.setPeriodicBoxVectors(*(reduced_triangle(trial) if self._kind == "flexible" else trial))
        context.setPositions(moved)
        change = context.getState(energy=True).getPotentialEnergy()._value - state.getPotentialEnergy()._value
        # Moves are even in the logarithm of the volume, hence the 1. Those of all vectors are even in the vectors, whose
        # measure is that of OpenMM, dh / V^2.
        number = len(positions) + (-2 if self._kind == "flexible" else 1)
        thermal = GAS_CONSTANT * self._temperature(step)
        weight = (change + self._pressure * volume * (ratio - 1)) / thermal - number * np.log(ratio)
        if weight <= 0 or chance.random() < np.exp(-weight):
            return True
        context.setPeriodicBoxVectors(*box)
        context.setPositions(positions)
        return False

    def _learn(self, which: int, size: float, accepted: bool, largest: float) -> None:
        """Change the size of a kind of move when too few or too many were accepted."""
        tried, taken = self.state["tried"][which] + 1, self.state["accepted"][which] + accepted
        if tried >= _JUDGED_AFTER and not _FEW * tried <= taken <= _MANY * tried:
            size = size / _FACTOR if taken < _FEW * tried else min(size * _FACTOR, largest)
            tried = taken = 0
        self.state["size"][which], self.state["tried"][which], self.state["accepted"][which] = size, tried, taken
