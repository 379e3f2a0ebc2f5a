# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Stops a run that has blown up before anything of it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from openmmlps.units import GAS_CONSTANT, KJ_PER_MOL_PER_EV

from . import observables

_SPEED_LIMIT = (
    60.0  #: kinetic energy of one atom over k T of the limit temperature; by chance it is passed never (e^-60)
)
_RISE_LIMIT = 10.0  #: potential energy per atom above the first, over k T of the run (and at least 1 eV)
_FALL_LIMIT = 5 * KJ_PER_MOL_PER_EV  #: kJ/mol per atom; deeper than any reaction, so a hole of the model
_CONTACT = 0.4  #: distance over the sum of covalent radii; molten Li-P-S at 1,700 K stays above 0.75


class RunFailed(RuntimeError):  # noqa: N818  its name is public
    """A run that cannot go on; everything written until then is kept."""


class StabilityGuard:
    """A reporter, to be the first in the list, that raises RunFailed if the state makes no sense any more.

    It ends the run for not-a-number anywhere, a temperature above ten times that of the run (and above 5000 K), an atom
    far too fast for that, a potential energy per atom 10 k T (and 1 eV) above or 5 eV below that of the first state seen,
    and two atoms nearer than 0.4 of the sum of their covalent radii. `last` keeps the latest state that passed.

    Parameters
    ----------
    interval : int
        steps between looks
    temperature : float
        K, the highest of the run
    symbols : sequence of str
        [n] chemical symbols, to name atoms
    """

    def __init__(self, interval: int, temperature: float, symbols: Sequence[str]) -> None:
        self._interval = interval
        self._limit = max(5000.0, 10 * temperature)
        self._rise = max(KJ_PER_MOL_PER_EV, _RISE_LIMIT * GAS_CONSTANT * temperature)
        self._symbols = symbols
        self._ready = False
        self._first_energy: float | None = None
        self.last: tuple[Any, ...] | None = None  #: (step, positions nm, box nm or None, velocities nm/ps)

    def describeNextReport(self, simulation: Any) -> dict[str, Any]:
        """Tell OpenMM when the next look is due and what it needs."""
        # Positions are asked for so that OpenMM serves this reporter in the order of the list, before any writer.
        steps = self._interval - simulation.currentStep % self._interval
        return {"steps": steps, "periodic": False, "include": ["positions", "velocities", "energy"]}

    def report(self, simulation: Any, state: Any) -> None:
        """Look at a State.

        Raises
        ------
        RunFailed
            naming the step and the worst atoms
        """
        if not self._ready:
            self._prepare(simulation.system)
        positions = state.getPositions(asNumpy=True)._value
        velocities = state.getVelocities(asNumpy=True)._value
        box = state.getPeriodicBoxVectors(asNumpy=True)._value if self._periodic else None
        energy = state.getPotentialEnergy()._value / len(self._symbols)
        kinetic = 0.5 * self._masses * (velocities**2).sum(axis=1)
        trouble = self._not_numbers(positions, velocities, energy)
        trouble = (
            trouble or self._too_hot(kinetic) or self._energy_gone(energy, kinetic) or self._contact(positions, box)
        )
        if trouble:
            raise RunFailed(
                f"run: step {simulation.currentStep}: the simulation is unstable: {trouble}; use a shorter --timestep, "
                "start from a structure nearer to what the model was trained on, or relax it first with --minimize"
            )
        if self._first_energy is None:
            self._first_energy = energy
        self.last = (simulation.currentStep, positions, box, velocities)

    def check(self, simulation: Any) -> None:
        """Look at the present state, whatever step it is."""
        self.report(simulation, simulation.context.getState(positions=True, velocities=True, energy=True))

    def _prepare(self, system: Any) -> None:
        from ase.data import atomic_numbers, covalent_radii

        self._masses = observables.masses_of(system)
        self._freedom = observables.degrees_of_freedom(system)
        self._periodic = system.usesPeriodicBoundaryConditions()
        self._ready = True
        self._radii = covalent_radii[[atomic_numbers[symbol] for symbol in self._symbols]] / 10

    def _not_numbers(self, positions: np.ndarray, velocities: np.ndarray, energy: float) -> str:
        finite = np.isfinite(positions).all(axis=1) & np.isfinite(velocities).all(axis=1)
        if not finite.all():
            return f"positions are not numbers: {self._names(np.flatnonzero(~finite))}"
        return "" if np.isfinite(energy) else "the potential energy is not a number"

    def _too_hot(self, kinetic: np.ndarray) -> str:
        temperature = 2 * kinetic.sum() / (self._freedom * GAS_CONSTANT)
        if temperature > self._limit:
            return f"the temperature is {temperature:.0f} K; fastest: {self._names(np.argsort(-kinetic)[:3])}"
        fast = np.flatnonzero(kinetic > _SPEED_LIMIT * GAS_CONSTANT * self._limit / 10)
        return f"single atoms are far too fast: {self._names(fast)}" if len(fast) else ""

    def _energy_gone(self, energy: float, kinetic: np.ndarray) -> str:
        if self._first_energy is None:
            return ""
        change = energy - self._first_energy
        if -_FALL_LIMIT < change < self._rise:
            return ""
        return (
            f"the potential energy is {change / KJ_PER_MOL_PER_EV:+.2f} eV per atom from where it was; "
            f"fastest: {self._names(np.argsort(-kinetic)[:3])}"
        )

    def _contact(self, positions: np.ndarray, box: np.ndarray | None) -> str:
        """Name two atoms that touch. Sums of radii differ between pairs, so the neighbor search takes the largest and the comparison its own."""
        from vesin import NeighborList

        cell = np.zeros((3, 3)) if box is None else np.ascontiguousarray(box)
        search = NeighborList(cutoff=float(2 * _CONTACT * self._radii.max()), full_list=False)
        first, second, distance = search.compute(np.ascontiguousarray(positions), cell, box is not None, "ijd")
        first, second = first.astype(int), second.astype(int)
        nearness = distance / (self._radii[first] + self._radii[second])
        if not len(nearness) or nearness.min() > _CONTACT:
            return ""
        worst = int(np.argmin(nearness))
        i, j = sorted((int(first[worst]), int(second[worst])))
        return f"atom {i} ({self._symbols[i]}) and atom {j} ({self._symbols[j]}) are {10 * distance[worst]:.2f} angstrom apart"

    def _names(self, indices: np.ndarray) -> str:
        shown = ", ".join(f"atom {index} ({self._symbols[index]})" for index in indices[:3])
        return f"{shown} and {len(indices) - 3} more" if len(indices) > 3 else shown
