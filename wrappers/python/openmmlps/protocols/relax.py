# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Relaxation of cell and atoms to a target pressure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from openmmlps._settings import setting
from openmmlps.app.run_settings import PRECISIONS
from openmmlps.units import GPA_PER_EV_PER_ANGSTROM3

from .protocol import Protocol
from .protocol_folder import ProtocolFolder
from .protocol_settings import StructureSettings
from .relaxation import relax_in, try_calculator
from .sequence import Result, TaskStage
from .starts import Start, read_start
from .states import read_atoms, write_atoms


@dataclass(frozen=True)
class RelaxSettings(StructureSettings):
    """Settings of :data:`relax`."""

    cell: bool = setting(True, "whether the cell relaxes too")
    pressure_GPa: float = setting(0.0, "target, positive under compression, GPa")
    force_tolerance_eV_per_angstrom: float = setting(0.002, "largest force on any atom at the end", above=0)
    stress_tolerance_GPa: float = setting(0.005, "largest deviation of any stress component from the target", above=0)
    most_steps: int = setting(2000, "give up after so many", low=1)
    precision: str = setting("double", "auto, single, mixed or double", PRECISIONS)

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"force_tolerance_eV_per_angstrom": 0.01, "stress_tolerance_GPa": 0.02, "most_steps": 500},
        "standard": {},
    }


def numbered(start: Start) -> Start:
    """The same structures under the names replica-1, replica-2 and so on."""
    structures = [(f"replica-{number}", atoms) for number, (_, atoms) in enumerate(start.structures, 1)]
    return Start(structures, start.material, start.notes)


def _stages(folder: ProtocolFolder, settings: RelaxSettings) -> list[TaskStage]:
    stages = []
    for name in folder.record["starts"]:
        start = folder.start(name)
        cost = len(read_atoms(start)) * settings.most_steps
        stages.append(TaskStage(name, cost, _action(folder, settings, start), _check(folder, settings, start)))
    return stages


def _check(folder: ProtocolFolder, settings: RelaxSettings, start: Path) -> Callable[[], object]:
    return lambda: try_calculator(start, folder.model, settings)


def _action(
    folder: ProtocolFolder, settings: RelaxSettings, start: Path
) -> Callable[[Path, Callable[[], bool]], Result | None]:
    def action(path: Path, stopped: Callable[[], bool]) -> Result | None:
        first = read_atoms(start)
        atoms, found = relax_in(
            path,
            first.copy,
            folder.model,
            settings,
            stopped,
            cell=settings.cell,
            pressure_GPa=settings.pressure_GPa,
            stress_tolerance_GPa=settings.stress_tolerance_GPa,
        )
        if found.stopped:
            return None
        write_atoms(path / "final.extxyz", atoms)
        return {
            "converged": found.converged,
            "largest_force_eV_per_angstrom": found.largest_force_eV_per_angstrom,
            "energy_eV": float(atoms.get_potential_energy()),
            "stress_GPa": (atoms.get_stress(voigt=False) * GPA_PER_EV_PER_ANGSTROM3).tolist(),
            "cell_before_angstrom": np.array(first.cell).tolist(),
            "cell_after_angstrom": np.array(atoms.cell).tolist(),
            "history": [list(row) for row in found.history],
            "platform": found.platform,
        }

    return action


#: relaxed cells; replica-1/final.extxyz and so on are the results
relax = Protocol(RelaxSettings, lambda settings: numbered(read_start(settings)), _stages)
