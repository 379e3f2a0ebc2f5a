# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Energies, forces and stresses of single configurations, and their relaxation, for the protocols at 0 K.

Cells change from call to call, so each is brought into OpenMM's reduced form and the results are turned back.
"""

from dataclasses import dataclass

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from openmmlps.app import cells
from openmmlps.app.settings import RunSettings

EV = 96.48533212331002  #: kJ/mol
GPA = 160.21766339999996  #: GPa per eV/angstrom^3


class ContextCalculator(Calculator):
    """An ASE calculator over one OpenMM Context: energy eV, forces eV/angstrom, stress eV/angstrom^3 (positive in tension)."""

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, atoms, model, settings, engine):
        """
        :param atoms: periodic ``ase.Atoms``; configurations of the same atoms can be computed
        :param model: path of the frozen model
        :param settings: ProtocolSettings, for platform and precision
        :param engine: what drives runs, such as :class:`openmmlps.app.engine.DeepPotentialEngine`
        """
        super().__init__()
        import openmm

        from openmmlps.app import load, platforms

        topology = load(atoms).topology
        run = RunSettings(
            structure="", platform=settings.platform, precision=settings.precision, threads=settings.threads or None
        )
        system = engine.make_system(topology, model, run)
        self._virial = engine.virial(system)
        self._simulation, _ = platforms.make_simulation(
            topology, system, lambda: openmm.VerletIntegrator(0.001), run, engine.kernel
        )
        self.platform = self._simulation.context.getPlatform().getName()  #: name
        self._count = 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """See ASE; everything is computed at once."""
        super().calculate(atoms, properties, system_changes)
        context = self._simulation.context
        box, rotation, _ = cells.reduced_box(np.array(atoms.cell) / 10)
        context.setPeriodicBoxVectors(*box)
        context.setPositions(atoms.get_positions() @ rotation.T / 10)
        state = context.getState(energy=True, forces=True)
        self._count += 1  # the virial is remembered by step, and no step is made here
        virial = rotation.T @ self._virial(context, -self._count) @ rotation / EV
        energy = state.getPotentialEnergy()._value / EV
        stress = -0.5 * (virial + virial.T) / atoms.get_volume()
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": state.getForces(asNumpy=True)._value @ rotation / (10 * EV),
            "stress": stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
        }


@dataclass(frozen=True)
class Relaxation:
    """How a relaxation ended."""

    converged: bool
    stopped: bool  #: by a signal
    steps: int
    largest_force_eV_per_angstrom: float
    history: tuple  #: (step, energy eV, largest force eV/angstrom, pressure GPa, volume angstrom^3)


def relax_atoms(
    atoms, force_tolerance, most_steps, stopped, cell=False, pressure_GPa=0.0, stress_tolerance_GPa=0.01, each=None
):
    """Bring atoms, and their cell if asked for, to rest.

    :param atoms: ``ase.Atoms`` with a calculator; changed in place
    :param force_tolerance: eV/angstrom, of every atom
    :param most_steps: give up after so many
    :param stopped: () -> whether to stop now
    :param cell: whether the cell relaxes too
    :param pressure_GPa: target, positive under compression
    :param stress_tolerance_GPa: largest deviation of any stress component from the target
    :param each: called after every step with the number of the step
    :return: :class:`Relaxation`
    """
    from ase.filters import FrechetCellFilter
    from ase.optimize import LBFGS

    target = FrechetCellFilter(atoms, scalar_pressure=pressure_GPa / GPA) if cell else atoms
    history = []
    optimizer = LBFGS(target, logfile=None, maxstep=0.1)

    def largest_force():
        return float(np.linalg.norm(atoms.get_forces(), axis=1).max())

    def off_target():
        stress = atoms.get_stress(voigt=False) * GPA + pressure_GPa * np.eye(3)
        return float(np.abs(stress).max())

    def note():
        pressure = -np.trace(atoms.get_stress(voigt=False)) / 3 * GPA
        history.append(
            (
                len(history),
                float(atoms.get_potential_energy()),
                largest_force(),
                float(pressure),
                float(atoms.get_volume()),
            )
        )
        if each is not None:
            each(len(history) - 1)

    note()
    done = False
    for _ in range(most_steps):
        done = largest_force() <= force_tolerance and (not cell or off_target() <= stress_tolerance_GPa)
        if done or stopped():
            break
        optimizer.step()
        note()
    else:
        done = largest_force() <= force_tolerance and (not cell or off_target() <= stress_tolerance_GPa)
    return Relaxation(done, not done and stopped(), len(history) - 1, largest_force(), tuple(history))
