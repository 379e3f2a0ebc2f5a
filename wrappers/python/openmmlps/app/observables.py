# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Thermodynamic quantities of one instant, in the units of OpenMM (nm, ps, kJ/mol, amu) plus K, bar and g/cm3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from openmmlps.units import BAR_PER_KJ_PER_MOL_PER_NM3

from .repulsion import read_repulsion, repulsion_virial


def degrees_of_freedom(system: Any) -> int:
    """Count the degrees of freedom of a System.

    3 per particle with mass, less constraints, less 3 if the motion of the center of mass is removed.
    """
    import openmm

    moving = sum(system.getParticleMass(i)._value > 0 for i in range(system.getNumParticles()))
    removed = any(isinstance(force, openmm.CMMotionRemover) for force in system.getForces())
    return max(1, 3 * moving - system.getNumConstraints() - (3 if removed else 0))


def masses_of(system: Any, topology: Any = None) -> np.ndarray:
    """Masses of the particles of a System.

    Parameters
    ----------
    system : openmm.System
        whose particles do not move if their mass is 0
    topology : openmm.app.Topology, optional
        gives particles of mass 0 the mass of their element, for densities and files

    Returns
    -------
    ndarray
        [n] amu
    """
    masses = np.array([system.getParticleMass(i)._value for i in range(system.getNumParticles())])
    for atom in [] if topology is None else topology.atoms():
        if masses[atom.index] == 0 and atom.element is not None:
            masses[atom.index] = atom.element.mass._value
    return masses


def pressure(kinetic: float, virial: np.ndarray, volume: float) -> float:
    """Compute the pressure P = (2 K + tr W) / (3 V).

    Parameters
    ----------
    kinetic : float
        kinetic energy, kJ/mol
    virial : ndarray
        [3, 3] W = -dE/dstrain, kJ/mol
    volume : float
        nm^3

    Returns
    -------
    float
        bar, positive under compression
    """
    return float((2 * kinetic + np.trace(virial)) / (3 * volume) * BAR_PER_KJ_PER_MOL_PER_NM3)


class Virial:
    """The virial [3, 3] in kJ/mol of the LPSForces of a System and of its repulsion (``addRepulsion``).

    It is evaluated once per step however many reporters ask. Other forces in the System do not contribute.

    Parameters
    ----------
    forces : iterable
        objects with ``computeVirial(context)``; none of them: the virial is unknown (nan)
    repulsion : tuple, optional
        what :func:`.repulsion.read_repulsion` returns
    """

    def __init__(self, forces: Iterable[Any], repulsion: tuple[Any, Any] | None = None) -> None:
        self._forces, self._repulsion = list(forces), repulsion
        self._at: tuple[int, int] | None = None
        self._value = np.zeros((3, 3))

    @classmethod
    def of(cls, system: Any) -> Virial:
        """Take the virial of every LPSForce in a System."""
        from openmmlps import LPSForce

        forces = [LPSForce.cast(force) for force in system.getForces() if LPSForce.isinstance(force)]
        return cls(forces, read_repulsion(system))

    def __call__(self, context: Any, step: int) -> np.ndarray:
        """Virial [3, 3] of the state of a Context at a step."""
        if not self._forces:
            return np.full((3, 3), np.nan)
        if self._at != (id(context), step):
            self._value = np.sum([_plain(force.computeVirial(context)) for force in self._forces], axis=0)
            if self._repulsion is not None:
                self._value = self._value + repulsion_virial(*self._repulsion, *_configuration(context))
            self._at = (id(context), step)
        return self._value


def _configuration(context: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Positions [n, 3] and box [3, 3] or None, nm."""
    state = context.getState(positions=True)
    periodic = context.getSystem().usesPeriodicBoundaryConditions()
    box = state.getPeriodicBoxVectors(asNumpy=True)._value if periodic else None
    return state.getPositions(asNumpy=True)._value, box


def _plain(virial: Any) -> np.ndarray:
    from openmm import unit

    if unit.is_quantity(virial):
        virial = virial.value_in_unit(unit.kilojoule_per_mole)
    return np.array(virial, dtype=float).reshape(3, 3)
