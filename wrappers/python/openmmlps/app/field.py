# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A small uniform electric field on the mobile ions: a second route to the conductivity.

A Deep Potential knows no charges, so the field acts on what is said to be an ion. All other atoms together take the
opposite force, each in proportion to its mass: the momentum stays zero and the framework is not deformed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from openmmlps.units import ANGSTROM_PER_NM, KJ_PER_MOL_PER_EV

from . import observables
from .run_settings import RunSettings


def add_field(system: Any, symbols: Sequence[str], settings: RunSettings) -> None:
    """Add the field of a run to its System; does nothing without one.

    Parameters
    ----------
    system : openmm.System
        changed; particles of mass 0 are left alone
    symbols : sequence of str
        [n] chemical symbols
    settings : RunSettings
        with `field`, V/angstrom, and the ions and the direction

    Raises
    ------
    ValueError
        if no atom that can move is such an ion, or all are
    """
    import openmm

    if not settings.field:
        return
    masses = observables.masses_of(system)
    ions = (np.array(symbols) == settings.field_ions) & (masses > 0)
    rest = ~ions & (masses > 0)
    if not ions.any() or not rest.any():
        which = "all" if ions.any() else "none"
        raise ValueError(
            f"field: {which} of the atoms that can move are '{settings.field_ions}'; name the mobile ions among "
            f"{', '.join(sorted(set(symbols)))}"
        )
    push = settings.field_charge * settings.field * KJ_PER_MOL_PER_EV * ANGSTROM_PER_NM  # kJ/mol/nm
    forces = np.where(ions, push, 0.0)
    forces[rest] = -push * ions.sum() * masses[rest] / masses[rest].sum()
    force = openmm.CustomExternalForce(f"-push*{settings.field_direction}")
    force.addPerParticleParameter("push")
    for index in np.flatnonzero(ions | rest):
        force.addParticle(int(index), [float(forces[index])])
    system.addForce(force)
