# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What transport and thermal share: a mean cell at constant pressure, then production at that cell, at each temperature."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openmmlps._settings import setting
from openmmlps.app.run_settings import BAROSTATS, RunSettings
from openmmlps.materials import Material

from .protocol_folder import ProtocolFolder
from .protocol_settings import StructureSettings
from .sequence import Result, RunStage
from .starts import Start, read_start
from .states import mean_box, mean_thermo, read_atoms, write_final


@dataclass(frozen=True)
class ProductionSettings(StructureSettings):
    """Settings of protocols with a cell and a production at each temperature."""

    temperatures_K: tuple[float, ...] = setting((300.0,), "K; each with a cell of its own", above=0)
    replicas: int = setting(3, "runs at each temperature; glasses of a quench are taken in turn", low=1)
    pressure_bar: float = setting(1.0, "bar")
    barostat: str = setting("isotropic", "isotropic (glass), anisotropic or flexible (crystals)", BAROSTATS)
    cell_time_ps: float = setting(100.0, "ps of NPT; its second half gives the mean cell", above=0)
    equilibration_time_ps: float = setting(20.0, "ps of NVT in the mean cell, not recorded", low=0)
    production_time_ps: tuple[float, ...] = setting(
        (1000.0,), "ps, at each temperature; a single number is for all", above=0
    )
    most_frames: int = setting(10000, "of a production; a longer one saves frames less often", low=100)
    production_ensemble: str = setting("nve", "nve, or nvt with a weak thermostat", ("nve", "nvt"))
    friction_per_ps: float = setting(1.0, "of NPT and equilibration, 1/ps", above=0)
    production_friction_per_ps: float = setting(
        0.05, "of an nvt production, 1/ps; stronger ones slow diffusion", above=0
    )
    blocks: int = setting(5, "pieces of each trajectory, for error bars", low=1)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        yield from super().problems()
        if len(set(self.temperatures_K)) != len(self.temperatures_K):
            yield f"temperatures_K holds a temperature twice: {self.temperatures_K}"
        if len(self.production_time_ps) not in (1, len(self.temperatures_K)):
            yield (
                f"production_time_ps holds {len(self.production_time_ps)} times for {len(self.temperatures_K)} temperatures; "
                "give one for each, or a single one for all"
            )

    def run_at_cell(self, folder: ProtocolFolder, branch: Branch, **changes: Any) -> RunSettings:
        """Settings of a run that starts from the mean cell of a branch, as a production does unless `changes` differ."""
        nve = self.production_ensemble == "nve"
        common = {
            "model": str(folder.model),
            "ensemble": self.production_ensemble,
            "temperature": branch.temperature,
            "friction": self.friction_per_ps if nve else self.production_friction_per_ps,
            "equilibrate": self.equilibration_time_ps,
        }
        return self.run_settings(folder.path / branch.cell, **(common | changes))

    @property
    def production_changes(self) -> dict[str, Any]:
        """Settings of the run of a production beside those of every protocol of this kind."""
        return {}

    def production(self, temperature: float) -> tuple[float, int]:
        """How long a production is and how often it saves a frame.

        Parameters
        ----------
        temperature : float
            one of temperatures_K

        Returns
        -------
        time : float
            ps, a whole number of frame intervals
        interval : int
            steps between frames
        """
        times = self.production_time_ps
        wanted = times[self.temperatures_K.index(temperature)] if len(times) > 1 else times[0]
        interval = self.steps(self.frame_interval_ps)
        interval *= max(1, math.ceil(self.steps(wanted) / interval / self.most_frames))
        return max(1, math.ceil(self.steps(wanted) / interval)) * interval * self.timestep, interval


def read_mobile_start(settings: ProductionSettings) -> Start:
    """Read the structures; they must have mobile ions."""
    start, label = read_start(settings), settings.label()
    for name, atoms in start.structures:
        there = ", ".join(sorted(set(atoms.symbols)))
        if settings.mobile and settings.mobile not in atoms.symbols:
            raise ValueError(f"{label}: '{name}' has no mobile ions '{settings.mobile}', only {there}; set mobile")
        if not Material.of(atoms.symbols, settings.chemistry()).mobile:
            raise ValueError(f"{label}: none of the elements of '{name}' ({there}) is known to be mobile; set mobile")
    return start


def branch_name(temperature: float, replica: int) -> str:
    """Folder of one temperature and replica, as in 'T500/replica-1'."""
    return f"T{temperature:g}/replica-{replica}"


@dataclass(frozen=True)
class Branch:
    """One temperature and replica."""

    name: str  #: of its folder, as in 'T500/replica-1'
    temperature: float  #: K
    start: Path  #: structure that it begins with
    seed: int

    @property
    def cell(self) -> str:
        """Where in the folder of the protocol the mean cell is."""
        return f"{self.name}/cell/final.extxyz"


def production_stages(
    folder: ProtocolFolder,
    settings: Any,
    more: Callable[[ProtocolFolder, Any, Branch], Sequence[RunStage]] = lambda *_: (),
) -> list[RunStage]:
    """Cell and production of each replica and temperature, each pair followed by what `more` makes of its branch."""
    starts = folder.record["starts"]
    stages: list[RunStage] = []
    for replica in range(1, settings.replicas + 1):
        start = folder.start(starts[(replica - 1) % len(starts)])
        for index, temperature in enumerate(settings.temperatures_K):
            seed = settings.seed + 10 * (replica * len(settings.temperatures_K) + index)
            branch = Branch(branch_name(temperature, replica), temperature, start, seed)
            stages += [*_branch(folder, settings, branch), *more(folder, settings, branch)]
    return stages


def _branch(folder: ProtocolFolder, settings: ProductionSettings, branch: Branch) -> list[RunStage]:
    atoms = len(read_atoms(branch.start))
    cell_time = settings.frames_time(settings.cell_time_ps)
    production_time, frame_steps = settings.production(branch.temperature)

    def cell() -> RunSettings:
        return settings.run_settings(
            branch.start,
            model=str(folder.model),
            ensemble="npt",
            barostat=settings.barostat,
            pressure=settings.pressure_bar,
            temperature=branch.temperature,
            friction=settings.friction_per_ps,
            time=cell_time,
            minimize=True,
            seed=branch.seed,
        )

    def production() -> RunSettings:
        return settings.run_at_cell(
            folder,
            branch,
            time=production_time,
            trajectory_interval=frame_steps,
            seed=branch.seed + 1,
            **settings.production_changes,
        )

    def hand_on(stage_folder: Path) -> Result:
        box = mean_box(stage_folder)
        write_final(stage_folder, stage_folder / "final.extxyz", box)
        return {"thermo": mean_thermo(stage_folder), "box_nm": box.tolist()}

    production_steps = settings.steps(production_time) + round(settings.equilibration_time_ps / settings.timestep)
    return [
        RunStage(f"{branch.name}/cell", atoms * settings.steps(cell_time), cell, hand_on),
        RunStage(f"{branch.name}/production", atoms * production_steps, production, conclude),
    ]


def conclude(stage_folder: Path) -> Result:
    """Means over all of a production."""
    return {"thermo": mean_thermo(stage_folder, discard=0.0)}
