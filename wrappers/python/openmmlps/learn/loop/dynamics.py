# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Langevin dynamics of any potential, bit for bit repeatable from a stored state.

The state holds everything: a step needs no memory of a neighbor list or of forces that were computed in another way.
BAOAB splitting (Leimkuhler and Matthews, 2013); at constant pressure the cell follows the pressure by weak coupling, which
gives no proper ensemble and need not: frames are sampled here, not averages.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from openmmlps.potentials import Prediction
from openmmlps.units import GPA_PER_EV_PER_ANGSTROM3

BOLTZMANN = 8.617333262e-5  # eV/K
ACCELERATION = 9.648533212e-5  # angstrom/fs^2 of one eV/angstrom on one amu
FRICTION = 0.01  # 1/fs
_COUPLING, _COMPRESSIBILITY, _EVERY = 500.0, 1 / 30, 10  # fs, 1/GPa, steps


@dataclass
class State:
    """Of a walker: positions and cell in angstrom, velocities in angstrom/fs, and the random numbers to come."""

    positions: np.ndarray
    velocities: np.ndarray
    cell: np.ndarray
    random: np.random.Generator

    def to_arrays(self) -> dict[str, np.ndarray]:
        """For a file."""
        text = json.dumps(self.random.bit_generator.state)
        arrays = {"positions": self.positions, "velocities": self.velocities, "cell": self.cell}
        return arrays | {"random": np.array(text)}

    @classmethod
    def from_arrays(cls, arrays: Any) -> State:
        """From a file."""
        random = np.random.default_rng()
        random.bit_generator.state = json.loads(str(arrays["random"]))
        return cls(arrays["positions"].copy(), arrays["velocities"].copy(), arrays["cell"].copy(), random)


def fresh_state(atoms: Any, kelvin: float, random: np.random.Generator) -> State:
    """A walker at the positions of ``ase.Atoms`` with random velocities of a temperature, without drift."""
    masses = atoms.get_masses()[:, None]
    velocities = random.normal(0, 1, (len(atoms), 3)) * np.sqrt(BOLTZMANN * kelvin * ACCELERATION / masses)
    velocities -= (masses * velocities).sum(axis=0) / masses.sum()
    return State(atoms.positions.copy(), velocities, np.array(atoms.cell), random)


def advance(
    state: State,
    atoms: Any,
    predict: Callable[[Any], Prediction],
    steps: int,
    timestep_fs: float,
    kelvin: float,
    pressure_GPa: float | None = None,
) -> bool:
    """Let a walker go on.

    Parameters
    ----------
    state : State
        which is changed
    atoms : ase.Atoms
        with the elements; positions and cell are set
    predict : callable
        gives a prediction of ``ase.Atoms``
    steps : int
        number of steps
    timestep_fs : float
        of a step
    kelvin : float
        of the thermostat
    pressure_GPa : float, optional
        that the volume follows; None: it stays

    Returns
    -------
    bool
        False if it flew apart: a force is not finite, or an atom moved by more than an angstrom in one step
    """
    masses = atoms.get_masses()[:, None]
    keep = np.exp(-FRICTION * timestep_fs)
    noise = np.sqrt((1 - keep**2) * BOLTZMANN * kelvin * ACCELERATION / masses)
    kick = 0.5 * timestep_fs * ACCELERATION / masses
    found = _ask(state, atoms, predict)
    for step in range(steps):
        state.velocities += kick * found.forces
        state.positions += 0.5 * timestep_fs * state.velocities
        state.velocities *= keep
        state.velocities += noise * state.random.normal(0, 1, state.velocities.shape)
        state.positions += 0.5 * timestep_fs * state.velocities
        if not np.abs(state.velocities).max() * timestep_fs < 1.0:
            return False
        if pressure_GPa is not None and step % _EVERY == 0 and found.virial is not None:
            _scale(state, found.virial, masses, timestep_fs, pressure_GPa)
        found = _ask(state, atoms, predict)
        if not np.isfinite(found.forces).all():
            return False
        state.velocities += kick * found.forces
    return bool(np.isfinite(state.velocities).all())


def _ask(state: State, atoms: Any, predict: Callable[[Any], Prediction]) -> Prediction:
    atoms.set_cell(state.cell)
    atoms.positions[...] = state.positions
    return predict(atoms)


def _scale(state: State, virial: np.ndarray, masses: np.ndarray, timestep_fs: float, pressure_GPa: float) -> None:
    """Move the volume towards the pressure; by at most 2 % at a time."""
    kinetic = float((masses * state.velocities**2).sum()) / ACCELERATION  # twice the kinetic energy
    volume = abs(float(np.linalg.det(state.cell)))
    pressure = (kinetic + float(np.trace(virial))) / (3 * volume) * GPA_PER_EV_PER_ANGSTROM3
    wish = _COMPRESSIBILITY * (pressure - pressure_GPa) * _EVERY * timestep_fs / _COUPLING
    factor = (1 + float(np.clip(wish, -0.02, 0.02))) ** (1 / 3)
    state.cell *= factor
    state.positions *= factor
