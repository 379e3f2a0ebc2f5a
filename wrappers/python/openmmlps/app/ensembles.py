# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Integrators and initial velocities for the settings of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps.units import GAS_CONSTANT

from . import observables
from .run_settings import RunSettings


def random_seed(settings: RunSettings, step: int) -> int:
    """Make a seed that differs for every step at which a run may be taken up again.

    A checkpoint of another platform carries no random numbers; those of the start must not come a second time.
    """
    return 1 + (settings.seed + 7919 * step) % (2**31 - 4096)


def thermostat(settings: RunSettings, seed: int) -> Any:
    """Make a Langevin integrator (BAOAB-like 'middle' scheme) at the temperature of the run."""
    import openmm

    integrator = openmm.LangevinMiddleIntegrator(settings.temperature, settings.friction, settings.timestep)
    integrator.setRandomNumberSeed(seed)
    return integrator


def integrator(settings: RunSettings, seed: int) -> Any:
    """Make the integrator of the ensemble: leap-frog Verlet for nve, Langevin for nvt and npt."""
    import openmm

    return openmm.VerletIntegrator(settings.timestep) if settings.ensemble == "nve" else thermostat(settings, seed)


class TemperatureRamp:
    """A reporter that writes nothing: it leads the thermostat from one temperature to another.

    The temperature depends on the step alone, so a run that was resumed follows the same path.

    Parameters
    ----------
    settings : RunSettings
        without a final temperature it stays where it is
    interval : int
        steps between changes
    """

    def __init__(self, settings: RunSettings, interval: int = 10) -> None:
        self._from = settings.temperature
        self._to = self._from if settings.final_temperature is None else settings.final_temperature
        self._steps, self._interval = settings.total_steps, interval

    def describeNextReport(self, simulation: Any) -> dict[str, Any]:  # noqa: N802  as OpenMM calls it
        """Tell OpenMM when the temperature changes next."""
        return {"steps": self._interval - simulation.currentStep % self._interval, "include": []}

    def report(self, simulation: Any, state: Any) -> None:
        """Set the temperature that belongs to the present step."""
        self.apply(simulation)

    def temperature(self, step: int) -> float:
        """Temperature at a step, K; it changes every `interval` steps."""
        fraction = min(1.0, step // self._interval * self._interval / self._steps)
        return self._from + fraction * (self._to - self._from)

    def apply(self, simulation: Any) -> None:
        """Set the temperature of the thermostat."""
        simulation.integrator.setTemperature(self.temperature(simulation.currentStep))


def initial_velocities(system: Any, temperature: float, seed: int) -> np.ndarray:
    """Draw Maxwell velocities at exactly the temperature, without motion of the center of mass.

    Parameters
    ----------
    system : openmm.System
        whose particles of mass 0 stay where they are; then the center of mass is not held
    temperature : float
        K
    seed : int
        of the random numbers

    Returns
    -------
    ndarray
        [n, 3] nm/ps
    """
    masses = observables.masses_of(system)[:, None]
    velocities = np.random.default_rng(seed).normal(size=(len(masses), 3))
    moving = masses[:, 0] > 0
    velocities[~moving] = 0.0
    velocities[moving] *= np.sqrt(GAS_CONSTANT * temperature / masses[moving])
    if moving.all():
        velocities -= (masses * velocities).sum(axis=0) / masses.sum()
    kinetic = 0.5 * (masses * velocities**2).sum()
    target = 0.5 * observables.degrees_of_freedom(system) * GAS_CONSTANT * temperature
    return velocities * np.sqrt(target / kinetic) if kinetic > 0 else velocities
