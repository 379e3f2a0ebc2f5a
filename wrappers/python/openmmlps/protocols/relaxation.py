# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Relaxation of single configurations, for the protocols at 0 K."""

from dataclasses import dataclass

import numpy as np

from openmmlps.app.platforms import choose_platform
from openmmlps.ase import LPSCalculator
from openmmlps.units import GPA_PER_EV_PER_ANGSTROM3

from .states import write_atoms

_SAVE_STEPS = 10


def calculator(model, settings):
    """The calculator of a protocol at 0 K.

    :param model: path of the frozen model
    :param settings: ProtocolSettings, for platform, precision and threads
    :return: :class:`openmmlps.ase.LPSCalculator`. Platform 'auto': the fastest that has a device;
        precision 'auto': double
    :raises ValueError: no such platform, or a precision that it does not have
    """
    platform = choose_platform(settings.platform)
    precision = "double" if settings.precision == "auto" else settings.precision
    # The evaluator that the CPU platform calls takes any cell as it is, without a Context.
    return LPSCalculator(model, None if platform == "CPU" else platform, precision, threads=settings.threads)


def platform_name(calculator):
    """Where an LPSCalculator computes."""
    return calculator.platform or "CPU"


@dataclass(frozen=True)
class Relaxation:
    """How a relaxation ended."""

    converged: bool
    stopped: bool  #: by a signal
    steps: int
    largest_force_eV_per_angstrom: float
    history: tuple  #: (step, energy eV, largest force eV/angstrom, pressure GPa, volume angstrom^3)


def relax_in(folder, first, model, settings, stopped, **options):
    """Relax atoms and save them in a folder as it goes on; what was saved there by an earlier attempt is continued.

    :param folder: of the stage; state.extxyz is the last saved state
    :param first: () -> ``ase.Atoms`` to begin with
    :param model: path of the frozen model
    :param settings: ProtocolSettings with force_tolerance_eV_per_angstrom and most_steps
    :param stopped: () -> whether to stop now
    :param options: of :func:`relax_atoms`
    :return: (``ase.Atoms`` with its calculator, :class:`Relaxation`)
    """
    import ase.io

    saved = folder / "state.extxyz"
    atoms = ase.io.read(saved) if saved.is_file() else first()
    atoms.calc = calculator(model, settings)
    found = relax_atoms(
        atoms,
        settings.force_tolerance_eV_per_angstrom,
        settings.most_steps,
        stopped,
        each=lambda step: step % _SAVE_STEPS or write_atoms(saved, atoms),
        **options,
    )
    write_atoms(saved, atoms)
    return atoms, found


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

    target = FrechetCellFilter(atoms, scalar_pressure=pressure_GPa / GPA_PER_EV_PER_ANGSTROM3) if cell else atoms
    history = []
    optimizer = LBFGS(target, logfile=None, maxstep=0.1)

    def largest_force():
        return float(np.linalg.norm(atoms.get_forces(), axis=1).max())

    def off_target():
        stress = atoms.get_stress(voigt=False) * GPA_PER_EV_PER_ANGSTROM3 + pressure_GPa * np.eye(3)
        return float(np.abs(stress).max())

    def note():
        pressure = -np.trace(atoms.get_stress(voigt=False)) / 3 * GPA_PER_EV_PER_ANGSTROM3
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
