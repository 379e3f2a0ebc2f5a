# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Elastic constants: strains of both signs in each of the six components, stress from the analytic virial.

At 0 K the cell is relaxed and the ions of every strained cell too. At a finite temperature the cell is the mean of an NPT
run, and the stress of every strained cell is averaged over an NVT run, kinetic part included.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from openmmlps._settings import setting
from openmmlps.analysis.elasticity import SYMMETRIES, strain_tensor
from openmmlps.analysis.estimates import block_mean
from openmmlps.app.run_settings import BAROSTATS
from openmmlps.units import GPA_PER_EV_PER_ANGSTROM3, KJ_PER_MOL_PER_EV

from .protocol import Protocol
from .protocol_settings import ProtocolSettings
from .relaxation import platform_name, relax_in
from .sequence import RunStage, TaskStage, stage_result
from .starts import material, starting_structures
from .states import mean_box, mean_thermo, write_atoms, write_final

COMPONENTS = ("xx", "yy", "zz", "yz", "xz", "xy")
_RELAX_COST = 300  # evaluations, for the estimate of the end


@dataclass(frozen=True)
class ElasticSettings(ProtocolSettings):
    """Settings of :data:`elastic`."""

    structure: str = setting(
        "beta-Li3PS4", "packaged name, file, or folder of a quench (every replica is strained) or relax"
    )
    supercell: tuple[float, ...] = setting((1.0, 1.0, 1.0), "repeats along a, b, c", low=1)
    temperature_K: float = setting(0.0, "K; 0: relaxed ions, no dynamics", low=0)
    strain: float = setting(0.01, "engineering strain, applied with both signs", above=0)
    symmetry: str = setting(
        "triclinic", "crystal class to average over (axes: a along x, b in the xy plane)", SYMMETRIES
    )
    relax_cell: bool = setting(True, "0 K: relax the cell first; otherwise it is taken as it is")
    pressure_GPa: float = setting(0.0, "of the reference cell, positive under compression, GPa")
    force_tolerance_eV_per_angstrom: float = setting(0.001, "0 K: largest force on any atom at the end", above=0)
    most_steps: int = setting(3000, "0 K: give up a relaxation after so many", low=1)
    cell_time_ps: float = setting(100.0, "finite temperature: NPT, whose second half gives the mean cell", above=0)
    barostat: str = setting("anisotropic", "finite temperature: isotropic, anisotropic or flexible", BAROSTATS)
    equilibration_time_ps: float = setting(10.0, "finite temperature: NVT of each strained cell, not recorded", low=0)
    stress_time_ps: float = setting(100.0, "finite temperature: NVT over which the stress is averaged", above=0)
    friction_per_ps: float = setting(1.0, "finite temperature: of the thermostat, 1/ps", above=0)
    precision: str = setting("double", "auto, single, mixed or double", ("auto", "single", "mixed", "double"))

    presets: ClassVar[dict] = {
        "quick": {
            "force_tolerance_eV_per_angstrom": 0.005,
            "most_steps": 1000,
            "cell_time_ps": 20.0,
            "equilibration_time_ps": 2.0,
            "stress_time_ps": 20.0,
        },
        "standard": {},
    }

    def problems(self):
        if self.strain > 0.05:
            yield f"strain is {self.strain:g}; elastic constants are linear only up to about 0.02"


def strain_name(component, sign):
    """Folder of a strained cell, as in 'strain-xx-plus'."""
    return f"strain-{COMPONENTS[component]}-{'plus' if sign > 0 else 'minus'}"


def _starts(settings):
    found = starting_structures(settings.structure, settings.supercell, "elastic")
    return [(f"replica-{number}", atoms) for number, (_, atoms) in enumerate(found, 1)]


def _stages(folder, settings):
    make = _static if settings.temperature_K == 0 else _dynamic
    return [
        stage
        for number, name in enumerate(folder.record["starts"], 1)
        for stage in make(folder, settings, name, number)
    ]


def _static(folder, settings, name, number):
    import ase.io

    count = len(ase.io.read(folder.start(name)))
    path = folder.path / name

    def reference(stage_folder, stopped):
        atoms, found = relax_in(
            stage_folder,
            lambda: ase.io.read(folder.start(name)),
            folder.model,
            settings,
            stopped,
            cell=settings.relax_cell,
            pressure_GPa=settings.pressure_GPa,
        )
        if found.stopped:
            return None
        write_atoms(path / "reference.extxyz", atoms)
        return _outcome(atoms, found)

    def strained(component, sign):
        def first():
            atoms = ase.io.read(path / "reference.extxyz")
            deformation = np.eye(3) + strain_tensor(component, sign * settings.strain)
            atoms.set_cell(np.array(atoms.cell) @ deformation, scale_atoms=True)
            return atoms

        def action(stage_folder, stopped):
            atoms, found = relax_in(stage_folder, first, folder.model, settings, stopped)
            return None if found.stopped else _outcome(atoms, found)

        return action

    stages = [TaskStage(f"{name}/reference", count * _RELAX_COST, reference)]
    for component in range(6):
        for sign in (1, -1):
            task = TaskStage(f"{name}/{strain_name(component, sign)}", count * _RELAX_COST, strained(component, sign))
            stages.append(task)
    return stages


def _outcome(atoms, relaxation):
    return {
        "stress_GPa": (atoms.get_stress(voigt=False) * GPA_PER_EV_PER_ANGSTROM3).tolist(),
        "energy_eV": float(atoms.get_potential_energy()),
        "cell_angstrom": np.array(atoms.cell).tolist(),
        "converged": relaxation.converged,
        "largest_force_eV_per_angstrom": relaxation.largest_force_eV_per_angstrom,
        "platform": platform_name(atoms.calc),
    }


def _dynamic(folder, settings, name, number):
    import ase.io

    count = len(ase.io.read(folder.start(name)))
    path = folder.path / name
    cell_time, stress_time = settings.frames_time(settings.cell_time_ps), settings.frames_time(settings.stress_time_ps)
    seed = settings.seed + 100 * number

    def cell():
        return settings.run_settings(
            folder.start(name),
            model=str(folder.model),
            ensemble="npt",
            barostat=settings.barostat,
            pressure=settings.pressure_GPa * 1e4,
            temperature=settings.temperature_K,
            friction=settings.friction_per_ps,
            time=cell_time,
            minimize=True,
            seed=seed,
        )

    def hand_on(stage_folder):
        box = mean_box(stage_folder)
        write_final(stage_folder, path / "reference.extxyz", box)
        return {"thermo": mean_thermo(stage_folder), "cell_angstrom": (10 * box).tolist()}

    def strained(component, sign):
        def make():
            atoms = ase.io.read(path / "reference.extxyz")
            deformation = np.eye(3) + strain_tensor(component, sign * settings.strain)
            atoms.set_cell(np.array(atoms.cell) @ deformation, scale_atoms=True)
            file = path / f"{strain_name(component, sign)}.extxyz"
            write_atoms(file, atoms)
            return settings.run_settings(
                file,
                model=str(folder.model),
                ensemble="nvt",
                temperature=settings.temperature_K,
                friction=settings.friction_per_ps,
                equilibrate=settings.equilibration_time_ps,
                time=stress_time,
                seed=seed + 2 * component + (1 if sign > 0 else 2),
            )

        def conclude(stage_folder):
            return mean_stress(stage_folder, path / f"{strain_name(component, sign)}.extxyz")

        return make, conclude

    stages = [RunStage(f"{name}/cell", count * settings.steps(cell_time), cell, hand_on)]
    steps = settings.steps(stress_time) + round(settings.equilibration_time_ps / settings.timestep)
    for component in range(6):
        for sign in (1, -1):
            stages.append(RunStage(f"{name}/{strain_name(component, sign)}", count * steps, *strained(component, sign)))
    return stages


def mean_stress(folder, structure):
    """Mean stress of a run in the frame of the structure file, positive in tension.

    sigma = -(sum m v v + W) / V, with W = -dE/dstrain the virial

    :param folder: of the run
    :param structure: the file that it started from, which the run has turned into OpenMM's frame
    :return: dict with 'stress_GPa' [3, 3] and 'standard_error_GPa' [3, 3] from five blocks
    """
    from openmmlps.app.structure_files import load
    from openmmlps.h5md import read_frames

    frames = read_frames(folder / "trajectory.h5", ["velocity", "virial", "edges", "mass"])
    velocity = frames["velocity"].astype(float)
    kinetic = np.einsum("n,tni,tnj->tij", frames["mass"], velocity, velocity)
    volume = np.abs(np.linalg.det(frames["edges"]))[:, None, None]
    stress = (
        -(kinetic + frames["virial"]) / volume / KJ_PER_MOL_PER_EV * GPA_PER_EV_PER_ANGSTROM3 / 1000
    )  # kJ/mol/nm^3 -> eV/angstrom^3 -> GPa
    loaded = load(structure)
    stress = np.array([loaded.to_user_tensor(frame) for frame in stress])
    mean, error = block_mean(stress)
    return {
        "stress_GPa": mean.tolist(),
        "standard_error_GPa": error.tolist(),
        "thermo": mean_thermo(folder, 0.0),
    }


def read_stresses(path: Path) -> tuple[np.ndarray, np.ndarray, str | None] | None:
    """Stresses of the strained cells of one structure, or None if one is missing.

    Parameters
    ----------
    path : Path
        folder of the structure

    Returns
    -------
    stresses, errors : ndarray
        [2, 6, 3, 3] GPa: sign of the strain (+, -), its component; errors are standard errors, 0 for relaxed ions
    platform : str or None
        where the first was computed
    """
    outcomes = []
    for sign in (1, -1):
        for component in range(6):
            outcome = stage_result(path / strain_name(component, sign))
            if outcome is None:
                return None
            outcomes.append(outcome)
    stresses = np.array([outcome["stress_GPa"] for outcome in outcomes], dtype=float).reshape(2, 6, 3, 3)
    unknown = np.zeros((3, 3))
    errors = np.array([outcome.get("standard_error_GPa", unknown) for outcome in outcomes], dtype=float)
    return stresses, errors.reshape(2, 6, 3, 3), outcomes[0].get("platform")


#: elastic constants; replica-1/strain-xx-plus and so on hold the stresses
elastic = Protocol(ElasticSettings, _starts, _stages, lambda settings: material(settings.structure))
