# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Integrators, barostats and initial velocities for the settings of a run."""

import numpy as np

from openmmlps.units import GAS_CONSTANT

from . import observables


def random_seed(settings, step):
    """A seed that differs for every step at which a run may be taken up again.

    A checkpoint of another platform carries no random numbers; those of the start must not come a second time.
    """
    return 1 + (settings.seed + 7919 * step) % (2**31 - 4096)


def thermostat(settings, seed):
    """A Langevin integrator (BAOAB-like 'middle' scheme) at the temperature of the run."""
    import openmm

    integrator = openmm.LangevinMiddleIntegrator(settings.temperature, settings.friction, settings.timestep)
    integrator.setRandomNumberSeed(seed)
    return integrator


def integrator(settings, seed):
    """The integrator of the ensemble: leap-frog Verlet for nve, Langevin for nvt and npt."""
    import openmm

    return openmm.VerletIntegrator(settings.timestep) if settings.ensemble == "nve" else thermostat(settings, seed)


def add_barostat(system, settings, seed):
    """Add the Monte Carlo barostat of an npt run; does nothing for other ensembles."""
    import openmm

    if settings.ensemble != "npt":
        return
    pressure, temperature, interval = settings.pressure, settings.temperature, settings.barostat_interval
    if settings.barostat == "isotropic":
        barostat = openmm.MonteCarloBarostat(pressure, temperature, interval)
    elif settings.barostat == "anisotropic":
        barostat = openmm.MonteCarloAnisotropicBarostat([pressure] * 3, temperature, True, True, True, interval)
    else:
        barostat = openmm.MonteCarloFlexibleBarostat(pressure, temperature, interval)
    barostat.setRandomNumberSeed(seed)
    system.addForce(barostat)


class TemperatureRamp:
    """A reporter that writes nothing: it leads thermostat and barostat from one temperature to another.

    The temperature depends on the step alone, so a run that was resumed follows the same path.
    """

    def __init__(self, settings, interval=10):
        """:param settings: RunSettings with a final temperature; :param interval: steps between changes"""
        self._from, self._to = settings.temperature, settings.final_temperature
        self._steps, self._interval = settings.total_steps, interval

    def describeNextReport(self, simulation):
        return {"steps": self._interval - simulation.currentStep % self._interval, "include": []}

    def report(self, simulation, state):
        """Set the temperature that belongs to the present step."""
        self.apply(simulation)

    def temperature(self, step):
        """K at a step; it changes every `interval` steps."""
        fraction = min(1.0, step // self._interval * self._interval / self._steps)
        return self._from + fraction * (self._to - self._from)

    def apply(self, simulation):
        """Set the temperature of the thermostat, and of the barostat if there is one."""
        import openmm

        value = self.temperature(simulation.currentStep)
        simulation.integrator.setTemperature(value)
        barostats = (openmm.MonteCarloBarostat, openmm.MonteCarloAnisotropicBarostat, openmm.MonteCarloFlexibleBarostat)
        for force in simulation.system.getForces():
            if isinstance(force, barostats):
                simulation.context.setParameter(force.Temperature(), value)


def initial_velocities(system, temperature, seed):
    """Maxwell velocities at exactly the temperature, without motion of the centre of mass.

    :param temperature: K
    :return: [n, 3] nm/ps
    """
    masses = observables.masses_of(system)[:, None]
    velocities = np.random.default_rng(seed).normal(size=(len(masses), 3))
    velocities *= np.sqrt(GAS_CONSTANT * temperature / masses)
    velocities -= (masses * velocities).sum(axis=0) / masses.sum()
    kinetic = 0.5 * (masses * velocities**2).sum()
    target = 0.5 * observables.degrees_of_freedom(system) * GAS_CONSTANT * temperature
    return velocities * np.sqrt(target / kinetic) if kinetic > 0 else velocities
