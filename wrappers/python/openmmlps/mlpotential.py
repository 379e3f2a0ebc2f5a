# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The potential 'lps' of OpenMM-ML: Deep Potentials through ``openmmml.MLPotential``.

OpenMM-ML finds it by the entry point ``openmmml.potentials``; nothing needs to be imported::

    from openmmml import MLPotential

    potential = MLPotential("lps")                             # the packaged Li-P-S model
    potential = MLPotential("lps", modelPath="graph.pb")       # any model file that LPSModel reads
    system = potential.createSystem(topology)
    mixed = potential.createMixedSystem(topology, classicalSystem, atoms)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openmmml.mlpotential import MLPotentialImpl, MLPotentialImplFactory

from openmmlps.app.system import make_force, read_model, symbols_of


class LPSPotentialImplFactory(MLPotentialImplFactory):
    """Makes the implementation of ``MLPotential("lps")``."""

    def createImpl(self, name: str, modelPath: Any = None) -> LPSPotentialImpl:
        """Make the implementation.

        Parameters
        ----------
        name : str
            that the potential was asked for by
        modelPath : str, os.PathLike or LPSModel, optional
            a model file in any format that LPSModel reads, or None for the packaged model

        Returns
        -------
        LPSPotentialImpl
            for this model

        Raises
        ------
        FileNotFoundError, ValueError, openmm.OpenMMException
            as LPSModel
        """
        return LPSPotentialImpl(read_model(modelPath))


class LPSPotentialImpl(MLPotentialImpl):
    """A Deep Potential; which atom is of which type follows from the elements of the Topology.

    Parameters
    ----------
    model : LPSModel
        what is evaluated
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def addForces(
        self,
        topology: Any,
        system: Any,
        atoms: Sequence[int] | None,
        forceGroup: int,
        precision: str = "automatic",
        useTables: bool = True,
        **args: Any,
    ) -> None:
        """Add an LPSForce to a System.

        Parameters
        ----------
        topology : openmm.app.Topology
            its elements decide the types
        system : openmm.System
            periodic if it or the Topology is
        atoms : sequence of int or None
            indices of the atoms that belong to the force; None: all
        forceGroup : int
            0 .. 31
        precision : str
            'automatic', 'single' or 'double': networks on the CPU platform
        useTables : bool
            whether embedding networks may be tabulated
        **args : Any
            of OpenMM-ML's embedding, which knows them; ignored here

        Raises
        ------
        ValueError
            for an atom whose element the model does not know, or a wrong option
        """
        where = "MLPotential('lps')"
        chosen = range(topology.getNumAtoms()) if atoms is None else list(atoms)
        symbols = symbols_of(topology, where, chosen)
        periodic = topology.getPeriodicBoxVectors() is not None or system.usesPeriodicBoundaryConditions()
        system.addForce(make_force(symbols, chosen, self.model, periodic, precision, useTables, forceGroup, where))

    def getMLLongRange(self) -> bool:
        """Return False: atoms farther apart than the cutoff do not see each other."""
        return False
