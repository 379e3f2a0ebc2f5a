# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Potentials of OpenMM-ML by name, and as a calculator of ASE."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from .app.structure_files import load
from .potentials import PotentialName
from .units import ANGSTROM_PER_NM, KJ_PER_MOL_PER_EV


def open_openmmml(name: PotentialName) -> Any:
    """Make the MLPotential of `openmmml:NAME[:FILE]`.

    Raises
    ------
    ImportError
        without OpenMM-ML, or a package that the potential needs
    ValueError
        if OpenMM-ML does not know it
    """
    if importlib.util.find_spec("openmmml") is None:
        raise ImportError("openmmml: the package is not installed; pip install openmmml")
    from openmmml import MLPotential

    try:
        return MLPotential(name.short, **({"modelPath": str(name.file)} if name.file else {}))
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ValueError(f"{name}: OpenMM-ML cannot make it ({error}); correct its name or file") from None


class OpenMMCalculator(Calculator):
    """Energy and forces of an MLPotential; the Context is made anew when the number or kinds of atoms change.

    Parameters
    ----------
    potential : openmmml.MLPotential
        what is asked
    """

    implemented_properties = ["energy", "forces"]

    def __init__(self, potential: Any) -> None:
        super().__init__()
        self._potential = potential
        self._context: Any = None
        self._key: tuple[list[str], bool] | None = None

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute; ASE calls this."""
        import openmm

        super().calculate(atoms, properties, system_changes)
        structure = load(self.atoms)
        key = (list(structure.symbols), structure.box is not None)
        if key != self._key:
            # Its own choice of platform may be one of single precision.
            platform = openmm.Platform.getPlatformByName("CPU")
            system = self._potential.createSystem(structure.topology)
            self._context, self._key = openmm.Context(system, openmm.VerletIntegrator(0.001), platform), key
        if structure.box is not None:
            self._context.setPeriodicBoxVectors(*structure.box)
        self._context.setPositions(structure.positions)
        state = self._context.getState(energy=True, forces=True)
        forces = state.getForces(asNumpy=True)._value / (ANGSTROM_PER_NM * KJ_PER_MOL_PER_EV)
        self.results = {
            "energy": state.getPotentialEnergy()._value / KJ_PER_MOL_PER_EV,
            "forces": np.asarray(forces) @ structure.rotation,
        }
