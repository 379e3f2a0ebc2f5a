# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Elastic constants: strains of both signs in each of the six components, stress from the analytic virial.

At 0 K the cell is relaxed and the ions of every strained cell too. At a finite temperature the cell is the mean of an NPT
run, and the stress of every strained cell is averaged over an NVT run, kinetic part included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from openmmlps._settings import setting
from openmmlps.analysis.elasticity import SYMMETRIES, strain_tensor
from openmmlps.analysis.estimates import block_mean
from openmmlps.app.run_settings import BAROSTATS, PRECISIONS, RunSettings
from openmmlps.units import BAR_PER_KJ_PER_MOL_PER_NM3, GPA_PER_EV_PER_ANGSTROM3

from .protocol import Protocol
from .protocol_folder import ProtocolFolder
from .protocol_settings import StructureSettings
from .relax import numbered
from .relaxation import Relaxation, relax_in, try_calculator
from .sequence import Result, RunStage, TaskStage, stage_result
from .starts import read_start
from .states import mean_box, mean_thermo, read_atoms, strained, write_atoms, write_final

if TYPE_CHECKING:
    from ase import Atoms

COMPONENTS = ("xx", "yy", "zz", "yz", "xz", "xy")
_RELAX_COST = 300  # evaluations, for the estimate of the end


@dataclass(frozen=True)
class ElasticSettings(StructureSettings):
    """Settings of :data:`elastic`."""

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
    precision: str = setting("double", "auto, single, mixed or double", PRECISIONS)

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {
            "force_tolerance_eV_per_angstrom": 0.005,
            "most_steps": 1000,
            "cell_time_ps": 20.0,
            "equilibration_time_ps": 2.0,
            "stress_time_ps": 20.0,
        },
        "standard": {},
    }

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        yield from super().problems()
        if self.strain > 0.05:
            yield f"strain is {self.strain:g}; elastic constants are linear only up to about 0.02"


def strain_name(component: int, sign: int) -> str:
    """Folder of a strained cell, as in 'strain-xx-plus'."""
    return f"strain-{COMPONENTS[component]}-{'plus' if sign > 0 else 'minus'}"


def _stages(folder: ProtocolFolder, settings: ElasticSettings) -> list[RunStage | TaskStage]:
    stages: list[RunStage | TaskStage] = []
    for number, name in enumerate(folder.record["starts"], 1):
        if settings.temperature_K == 0:
            stages += _static(folder, settings, name)
        else:
            stages += _dynamic(folder, settings, name, settings.seed + 100 * number)
    return stages


def _strains(settings: ElasticSettings) -> Iterator[tuple[str, np.ndarray]]:
    """Names of the strained cells and their strains [3, 3]."""
    for component in range(6):
        for sign in (1, -1):
            yield strain_name(component, sign), strain_tensor(component, sign * settings.strain)


def _static(folder: ProtocolFolder, settings: ElasticSettings, name: str) -> list[TaskStage]:
    start, reference = folder.start(name), folder.path / name / "reference.extxyz"
    cost = len(read_atoms(start)) * _RELAX_COST

    def relax_reference(path: Path, stopped: Callable[[], bool]) -> Result | None:
        atoms, found = relax_in(
            path,
            lambda: read_atoms(start),
            folder.model,
            settings,
            stopped,
            cell=settings.relax_cell,
            pressure_GPa=settings.pressure_GPa,
        )
        if found.stopped:
            return None
        write_atoms(reference, atoms)
        return _outcome(atoms, found)

    def relax_strained(strain: np.ndarray) -> Callable[[Path, Callable[[], bool]], Result | None]:
        def action(path: Path, stopped: Callable[[], bool]) -> Result | None:
            atoms, found = relax_in(path, lambda: strained(reference, strain), folder.model, settings, stopped)
            return None if found.stopped else _outcome(atoms, found)

        return action

    def check() -> float:
        return try_calculator(start, folder.model, settings)

    stages = [TaskStage(f"{name}/reference", cost, relax_reference, check)]
    return stages + [
        TaskStage(f"{name}/{strained_name}", cost, relax_strained(strain), check)
        for strained_name, strain in _strains(settings)
    ]


def _outcome(atoms: Atoms, relaxation: Relaxation) -> Result:
    return {
        "stress_GPa": (atoms.get_stress(voigt=False) * GPA_PER_EV_PER_ANGSTROM3).tolist(),
        "energy_eV": float(atoms.get_potential_energy()),
        "cell_angstrom": np.array(atoms.cell).tolist(),
        "converged": relaxation.converged,
        "largest_force_eV_per_angstrom": relaxation.largest_force_eV_per_angstrom,
        "platform": relaxation.platform,
    }


def _dynamic(folder: ProtocolFolder, settings: ElasticSettings, name: str, seed: int) -> list[RunStage]:
    path, start = folder.path / name, folder.start(name)
    reference, count = path / "reference.extxyz", len(read_atoms(start))
    cell_time, stress_time = settings.frames_time(settings.cell_time_ps), settings.frames_time(settings.stress_time_ps)

    def run(structure: Path, **changes: Any) -> RunSettings:
        temperature, friction = settings.temperature_K, settings.friction_per_ps
        common = {"model": str(folder.model), "temperature": temperature, "friction": friction}
        return settings.run_settings(structure, **common, **changes)

    def cell() -> RunSettings:
        pressure, barostat = settings.pressure_GPa * 1e4, settings.barostat
        return run(
            start, ensemble="npt", barostat=barostat, pressure=pressure, time=cell_time, minimize=True, seed=seed
        )

    def hand_on(stage_folder: Path) -> Result:
        box = mean_box(stage_folder)
        write_final(stage_folder, reference, box)
        return {"thermo": mean_thermo(stage_folder), "cell_angstrom": (10 * box).tolist()}

    def strained_run(file: Path, strain: np.ndarray, number: int) -> Callable[[], RunSettings]:
        def make() -> RunSettings:
            write_atoms(file, strained(reference, strain))
            equilibrate = settings.equilibration_time_ps
            return run(file, ensemble="nvt", equilibrate=equilibrate, time=stress_time, seed=seed + number)

        return make

    def stress(file: Path) -> Callable[[Path], Result]:
        return lambda stage_folder: mean_stress(stage_folder, file)

    stages = [RunStage(f"{name}/cell", count * settings.steps(cell_time), cell, hand_on)]
    cost = count * (settings.steps(stress_time) + round(settings.equilibration_time_ps / settings.timestep))
    for number, (strained_name, strain) in enumerate(_strains(settings), 1):
        file = path / f"{strained_name}.extxyz"
        stages.append(RunStage(f"{name}/{strained_name}", cost, strained_run(file, strain, number), stress(file)))
    return stages


def mean_stress(folder: Path, structure: Path) -> Result:
    """Mean stress of a run in the frame of the structure file, positive in tension.

    sigma = -(sum m v v + W) / V, with W = -dE/dstrain the virial

    Parameters
    ----------
    folder : Path
        of the run
    structure : Path
        the file that it started from, which the run has turned into OpenMM's frame

    Returns
    -------
    dict
        with 'stress_GPa' [3, 3] and 'standard_error_GPa' [3, 3] from blocks of ten correlation times
    """
    from openmmlps.app.structure_files import load
    from openmmlps.h5md import read_frames

    frames = read_frames(folder / "trajectory.h5", ["velocity", "virial", "edges", "mass"])
    velocity = frames["velocity"].astype(float)
    kinetic = np.einsum("n,tni,tnj->tij", frames["mass"], velocity, velocity)
    volume = np.abs(np.linalg.det(frames["edges"]))[:, None, None]
    bar = -(kinetic + frames["virial"]) / volume * BAR_PER_KJ_PER_MOL_PER_NM3
    loaded = load(structure, checks=False)
    mean, error = block_mean([loaded.to_user_tensor(frame) for frame in bar / 1e4])
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
elastic = Protocol(ElasticSettings, lambda settings: numbered(read_start(settings)), _stages)
