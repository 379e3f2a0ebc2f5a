# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What is checked before a run begins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from . import ensembles, platforms
from .engine import engine_for
from .run_settings import RunSettings
from .structure_files import Structure, load
from .system import obey_structure


def try_out(settings: RunSettings, engine: Any = None) -> None:
    """Compute the energy of the start of a run as the run will do it, and write nothing.

    Parameters
    ----------
    settings : RunSettings
        with the path of a native file as `model`
    engine : optional
        what drives the run; None: what its model needs

    Raises
    ------
    ValueError, OSError
        for wrong input, which `start` would refuse too
    """
    engine = engine or engine_for(settings.model)
    structure = load_structure(settings.structure, settings)
    check_structure(settings, structure)
    system = engine.make_system(structure.topology, Path(settings.model or ""), settings)
    obey_structure(system, structure)
    simulation, _ = platforms.make_simulation(
        structure.topology, system, lambda: ensembles.integrator(settings, settings.seed), settings, engine.kernel
    )
    simulation.context.setPositions(structure.positions)
    compute_energy(simulation, structure)


def compute_energy(simulation: Any, structure: Structure) -> None:
    """Refuse a structure whose energy cannot be computed."""
    import openmm

    try:
        simulation.context.getState(energy=True)
    except openmm.OpenMMException as error:
        raise ValueError(f"run: '{structure.name}' cannot be computed ({error}); correct the structure") from None


def load_structure(structure: str | os.PathLike[str], settings: RunSettings) -> Structure:
    """Read a structure as the settings of a run say."""
    return load(structure, settings.supercell, settings.format, settings.elements, settings.checks)


def check_structure(settings: RunSettings, structure: Structure) -> None:
    """Refuse what the settings and the structure say against each other."""
    if settings.ensemble == "npt" and structure.box is None:
        raise ValueError(f"run: '{structure.name}' is not periodic, so it has no pressure; use nvt or nve")
    if settings.ensemble == "npt" and structure.fixed.any():
        raise ValueError(
            f"run: '{structure.name}' fixes {structure.fixed.sum()} atoms, which a barostat would move with the box; use "
            "nvt or nve, or free them"
        )
    if structure.fixed.all():
        raise ValueError(f"run: '{structure.name}' fixes all its atoms; free those that should move")
    if settings.velocities == "file" and structure.velocities is None:
        raise ValueError(f"run: '{structure.name}' has no velocities; use --velocities random")
