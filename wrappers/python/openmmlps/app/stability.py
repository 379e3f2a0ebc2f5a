# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Stops a run that has blown up before anything of it is written."""

import numpy as np

from . import observables


class RunFailed(RuntimeError):
    """A run that cannot go on; everything written until then is kept."""


class StabilityGuard:
    """A reporter, to be the first in the list, that raises RunFailed if the state makes no sense any more.

    Not-a-number anywhere, or a temperature above ten times that of the run (and above 5000 K), ends the run.
    """

    def __init__(self, interval, temperature, symbols):
        """:param interval: steps; :param temperature: K, of the run; :param symbols: [n], to name atoms"""
        self._interval = interval
        self._limit = max(5000.0, 10 * temperature)
        self._symbols = symbols
        self._freedom = self._masses = None

    def describeNextReport(self, simulation):
        # Positions are asked for so that OpenMM serves this reporter in the order of the list, before any writer.
        steps = self._interval - simulation.currentStep % self._interval
        return {"steps": steps, "periodic": False, "include": ["positions", "velocities", "energy"]}

    def report(self, simulation, state):
        """:raises RunFailed: naming the step and the worst atoms"""
        if self._masses is None:
            self._masses = observables.masses_of(simulation.system)
            self._freedom = observables.degrees_of_freedom(simulation.system)
        positions = state.getPositions(asNumpy=True)._value
        velocities = state.getVelocities(asNumpy=True)._value
        temperature = 2 * state.getKineticEnergy()._value / (self._freedom * observables.GAS_CONSTANT)
        finite = np.isfinite(positions).all(axis=1) & np.isfinite(velocities).all(axis=1)
        if not finite.all():
            raise RunFailed(
                self._message(simulation, f"positions are not numbers: {self._names(np.flatnonzero(~finite))}")
            )
        if not np.isfinite(state.getPotentialEnergy()._value):
            raise RunFailed(self._message(simulation, "the potential energy is not a number"))
        if temperature > self._limit:
            hottest = np.argsort(-self._masses * (velocities**2).sum(axis=1))
            raise RunFailed(
                self._message(
                    simulation, f"the temperature is {temperature:.0f} K; fastest: {self._names(hottest[:3])}"
                )
            )

    def check(self, simulation):
        """Look at the present state, whatever step it is."""
        self.report(simulation, simulation.context.getState(positions=True, velocities=True, energy=True))

    def _message(self, simulation, what):
        return (
            f"run: step {simulation.currentStep}: the simulation is unstable: {what}; use a shorter --timestep, "
            "start from a structure nearer to what the model was trained on, or relax it first with --minimize"
        )

    def _names(self, indices):
        shown = ", ".join(f"atom {index} ({self._symbols[index]})" for index in indices[:3])
        return f"{shown} and {len(indices) - 3} more" if len(indices) > 3 else shown
