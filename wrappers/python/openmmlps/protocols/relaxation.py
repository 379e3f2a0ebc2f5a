# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Relaxation of single configurations, for the protocols at 0 K."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openmmlps.app.platforms import choose_platform
from openmmlps.app.potential_engine import WithStress, is_potential, read_frozen, use_threads
from openmmlps.ase import LPSCalculator
from openmmlps.potentials import open_calculator
from openmmlps.units import GPA_PER_EV_PER_ANGSTROM3

from .protocol_settings import ProtocolSettings
from .states import read_atoms, write_atoms

if TYPE_CHECKING:
    from ase import Atoms

_SAVE_STEPS = 10


def calculator(model: Path, settings: ProtocolSettings) -> LPSCalculator | WithStress:
    """Make the calculator of a protocol at 0 K.

    Of a Deep Potential, platform 'auto' is the fastest that has a device, precision 'auto' is double.

    Parameters
    ----------
    model : Path
        of the frozen model
    settings : ProtocolSettings
        for platform, precision and threads

    Raises
    ------
    ValueError
        for an unknown platform, or a precision that it does not have
    """
    if is_potential(model):
        found = WithStress(open_calculator(read_frozen(model)))
        use_threads(settings.threads)
        return found
    platform = choose_platform(settings.platform)
    precision = "double" if settings.precision == "auto" else settings.precision
    # The evaluator that the CPU platform calls takes any cell as it is, without a Context.
    return LPSCalculator(model, None if platform == "CPU" else platform, precision, threads=settings.threads)


def try_calculator(start: Path, model: Path, settings: ProtocolSettings) -> float:
    """Compute the energy (eV) of a starting structure as the protocol will.

    Raises
    ------
    ValueError
        as :func:`calculator`
    """
    atoms = read_atoms(start)
    atoms.calc = calculator(model, settings)
    return float(atoms.get_potential_energy())


@dataclass(frozen=True)
class Relaxation:
    """How a relaxation ended."""

    converged: bool
    stopped: bool  #: by a signal
    steps: int
    platform: str
    largest_force_eV_per_angstrom: float
    history: tuple[tuple[float, ...], ...]  #: (step, energy eV, largest force eV/Å, pressure GPa, volume Å^3)


def relax_in(
    folder: Path,
    first: Callable[[], Atoms],
    model: Path,
    settings: Any,
    stopped: Callable[[], bool],
    **options: Any,
) -> tuple[Atoms, Relaxation]:
    """Relax atoms and save them in a folder as it goes on; what was saved there by an earlier attempt is continued.

    Parameters
    ----------
    folder : Path
        of the stage; state.extxyz is the last saved state
    first : callable
        makes the atoms to begin with
    model : Path
        of the frozen model
    settings : RelaxSettings or ElasticSettings
        for the calculator, force_tolerance_eV_per_angstrom and most_steps
    stopped : callable
        whether to stop now
    **options
        of :func:`relax_atoms`

    Returns
    -------
    atoms : ase.Atoms
        with their calculator
    found : Relaxation
        how it ended
    """
    saved = folder / "state.extxyz"
    atoms = read_atoms(saved) if saved.is_file() else first()
    atoms.calc = calculator(model, settings)

    def save(step: int) -> None:
        if step % _SAVE_STEPS == 0:
            write_atoms(saved, atoms)

    tolerance, most = settings.force_tolerance_eV_per_angstrom, settings.most_steps
    found = relax_atoms(atoms, tolerance, most, stopped, save, **options)
    write_atoms(saved, atoms)
    return atoms, found


def relax_atoms(
    atoms: Atoms,
    force_tolerance: float,
    most_steps: int,
    stopped: Callable[[], bool],
    each: Callable[[int], None],
    cell: bool = False,
    pressure_GPa: float = 0.0,
    stress_tolerance_GPa: float = 0.01,
) -> Relaxation:
    """Bring atoms, and their cell if asked for, to rest.

    Parameters
    ----------
    atoms : ase.Atoms
        with a calculator that has a stress; changed in place. Fixed atoms stay, and their forces do not count
    force_tolerance : float
        eV/angstrom, of every atom
    most_steps : int
        give up after so many
    stopped : callable
        whether to stop now
    each : callable
        called after every step with its number
    cell : bool
        whether the cell relaxes too
    pressure_GPa : float
        target, positive under compression
    stress_tolerance_GPa : float
        largest deviation of any stress component from the target
    """
    from ase.filters import FrechetCellFilter
    from ase.optimize import LBFGS

    target: Any = FrechetCellFilter(atoms, scalar_pressure=pressure_GPa / GPA_PER_EV_PER_ANGSTROM3) if cell else atoms
    quiet: Any = None
    optimizer = LBFGS(target, logfile=quiet, maxstep=0.1)
    history: list[tuple[float, ...]] = []
    done, signaled = False, False
    for step in range(most_steps + 1):
        force = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        stress = atoms.get_stress(voigt=False) * GPA_PER_EV_PER_ANGSTROM3
        pressure = -float(np.trace(stress)) / 3
        history.append((step, float(atoms.get_potential_energy()), force, pressure, float(atoms.get_volume())))
        each(step)
        off_target = float(np.abs(stress + pressure_GPa * np.eye(3)).max())
        done = force <= force_tolerance and (not cell or off_target <= stress_tolerance_GPa)
        signaled = not done and stopped()
        if done or signaled or step == most_steps:
            break
        optimizer.step()
    return Relaxation(done, signaled, len(history) - 1, atoms.calc.platform or "CPU", history[-1][2], tuple(history))
