# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A cheap stand-in for a Deep Potential, so that the tests of runs, reporters and signals need no model."""

import numpy as np
import openmm
from openmm import unit

from openmmlps.app.system import check_elements


class PairEngine:
    """Pair repulsion between all atoms, r_c = 0.5 nm, with an exact virial; runs on every platform.

    E = sum over pairs of k (r_c/r - 1)^2, which has a hard core: with a finite energy at contact one run in some
    hundreds brought two atoms so close that its own guard ended it.
    """

    kernel = "CalcCustomNonbondedForce"
    strength = 10.0  # kJ/mol
    cutoff = 0.5  # nm

    def freeze_model(self, source, symbols):
        check_elements(symbols, ["Li", "P", "S"])
        return b"pair engine", {"source": "pair engine", "elements": ["Li", "P", "S"]}

    def make_system(self, topology, model_path, settings):
        assert model_path.read_bytes() == b"pair engine"
        system = openmm.System()
        force = openmm.CustomNonbondedForce("k*(0.5/r-1)^2")
        force.addGlobalParameter("k", self.strength)
        box = topology.getPeriodicBoxVectors()
        if box is not None:
            system.setDefaultPeriodicBoxVectors(*box)
        force.setNonbondedMethod(force.CutoffNonPeriodic if box is None else force.CutoffPeriodic)
        force.setCutoffDistance(self.cutoff)
        for atom in topology.atoms():
            system.addParticle(atom.element.mass)
            force.addParticle([])
        system.addForce(force)
        system.addForce(openmm.CMMotionRemover())
        return system

    def virial(self, system):
        return self._virial

    def _virial(self, context, step):
        state = context.getState(positions=True)
        positions = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
        box = state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.nanometer)
        delta = positions[None] - positions[:, None]
        if context.getSystem().usesPeriodicBoundaryConditions():
            for axis in (2, 1, 0):
                delta -= np.rint(delta[..., axis] / box[axis, axis])[..., None] * box[axis]
        distance = np.linalg.norm(delta, axis=-1)
        np.fill_diagonal(distance, np.inf)
        near = self.cutoff / distance
        slope = np.where(near > 1, -2 * self.strength * (near - 1) * near / distance, 0)
        return -0.5 * np.einsum("ij,ijk,ijl->kl", slope / distance, delta, delta)
