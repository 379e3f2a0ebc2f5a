# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What LPSForce.computeModelDeviation() and computeParticleUncertainties() return."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import openmm
from openmm import unit


@dataclass(frozen=True)
class ModelDeviation:
    """How far the models of a committee disagree about one configuration.

    With < > the mean over the models (the Force's own and its committee) and n the number of particles of the Force.
    """

    forces: unit.Quantity  #: [n] kJ/mol/nm: ``sqrt(< |F_i - <F_i>|^2 >)``, in the order of the particle list
    virial: unit.Quantity  #: [3, 3] kJ/mol: standard deviation of each component of the virial per particle, W/n
    energy: unit.Quantity  #: kJ/mol: standard deviation of the energy per particle, E/n

    @classmethod
    def _of(cls, forces: Sequence[openmm.Vec3], virial: Sequence[float], energy: float) -> "ModelDeviation":
        return cls(
            np.array(forces) * (unit.kilojoule_per_mole / unit.nanometer),
            np.reshape(virial, (3, 3)) * unit.kilojoule_per_mole,
            energy * unit.kilojoule_per_mole,
        )


@dataclass(frozen=True)
class ParticleUncertainties:
    """How far a model trusts itself with each particle, in the order of the particle list."""

    forces: unit.Quantity  #: [n] kJ/mol/nm: expected length of the error of the force
    grades: np.ndarray  #: [n] extrapolation grade; above 1: surroundings unlike those of the calibration

    @classmethod
    def _of(cls, forces: Sequence[float], grades: Sequence[float]) -> "ParticleUncertainties":
        return cls(np.array(forces) * (unit.kilojoule_per_mole / unit.nanometer), np.array(grades))
