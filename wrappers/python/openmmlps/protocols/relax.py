# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Relaxation of cell and atoms to a target pressure."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from openmmlps._settings import setting
from openmmlps.units import GPA_PER_EV_PER_ANGSTROM3

from .protocol import Protocol
from .protocol_settings import ProtocolSettings
from .relaxation import platform_name, relax_in
from .sequence import TaskStage
from .starts import material, starting_structures
from .states import write_atoms


@dataclass(frozen=True)
class RelaxSettings(ProtocolSettings):
    """Settings of :data:`relax`."""

    structure: str = setting("beta-Li3PS4", "packaged name, file, or folder of a quench")
    supercell: tuple[float, ...] = setting((1.0, 1.0, 1.0), "repeats along a, b, c", low=1)
    cell: bool = setting(True, "whether the cell relaxes too")
    pressure_GPa: float = setting(0.0, "target, positive under compression, GPa")
    force_tolerance_eV_per_angstrom: float = setting(0.002, "largest force on any atom at the end", above=0)
    stress_tolerance_GPa: float = setting(0.005, "largest deviation of any stress component from the target", above=0)
    most_steps: int = setting(2000, "give up after so many", low=1)
    precision: str = setting("double", "auto, single, mixed or double", ("auto", "single", "mixed", "double"))

    presets: ClassVar[dict] = {
        "quick": {"force_tolerance_eV_per_angstrom": 0.01, "stress_tolerance_GPa": 0.02, "most_steps": 500},
        "standard": {},
    }


def _starts(settings):
    found = starting_structures(settings.structure, settings.supercell, "relax")
    return [(f"replica-{number}", atoms) for number, (_, atoms) in enumerate(found, 1)]


def _stages(folder, settings):
    import ase.io

    return [
        TaskStage(name, len(ase.io.read(folder.start(name))) * settings.most_steps, _task(folder, settings, name))
        for name in folder.record["starts"]
    ]


def _task(folder, settings, name):
    def action(path, stopped):
        import ase.io

        first = ase.io.read(folder.start(name))
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
            "platform": platform_name(atoms.calc),
        }

    return action


#: relaxed cells; replica-1/final.extxyz and so on are the results
relax = Protocol(RelaxSettings, _starts, _stages, lambda settings: material(settings.structure))
