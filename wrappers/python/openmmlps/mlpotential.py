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

from openmmml.mlpotential import MLPotentialImpl, MLPotentialImplFactory

from openmmlps.app.system import make_force, read_model, symbols_of


class LPSPotentialImplFactory(MLPotentialImplFactory):
    """Makes the implementation of ``MLPotential("lps")``."""

    def createImpl(self, name, modelPath=None):
        """
        :param name: the name that the potential was asked for by
        :param modelPath: a model file in any format that LPSModel reads, an LPSModel, or None for the packaged model
        :raises FileNotFoundError, ValueError, openmm.OpenMMException: as LPSModel
        """
        return LPSPotentialImpl(read_model(modelPath))


class LPSPotentialImpl(MLPotentialImpl):
    """A Deep Potential; which atom is of which type follows from the elements of the Topology."""

    def __init__(self, model):
        """:param model: LPSModel"""
        self.model = model

    def addForces(self, topology, system, atoms, forceGroup, precision="automatic", useTables=True, **args):
        """Add an LPSForce to a System.

        :param topology: openmm.app.Topology; its elements decide the types
        :param system: openmm.System; periodic if it or the Topology is
        :param atoms: indices of the atoms that belong to the force, None: all
        :param forceGroup: 0 .. 31
        :param precision: 'automatic', 'single' or 'double': networks on the CPU platform
        :param useTables: whether embedding networks may be tabulated
        :param args: of OpenMM-ML's embedding, which knows them; ignored here
        :raises ValueError: an atom whose element the model does not know, or a wrong option
        """
        where = "MLPotential('lps')"
        chosen = range(topology.getNumAtoms()) if atoms is None else list(atoms)
        symbols = symbols_of(topology, where, chosen)
        periodic = topology.getPeriodicBoxVectors() is not None or system.usesPeriodicBoundaryConditions()
        system.addForce(make_force(symbols, chosen, self.model, periodic, precision, useTables, forceGroup, where))

    def getMLLongRange(self):
        """False: atoms farther apart than the cutoff do not see each other."""
        return False
