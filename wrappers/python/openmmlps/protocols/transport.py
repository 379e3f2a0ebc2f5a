# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Diffusion and conductivity at several temperatures: mean cell at constant pressure, then production at that cell.

The mean cell comes from the second half of an NPT run. Production is NVE by default, so that no thermostat slows the ions;
it begins with Langevin dynamics in the mean cell that is not recorded. Temperatures and lengths are by default those of
Zhou, Luo, Martin and An (machine learning force field for lithium sulfide glasses).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from openmmlps._settings import setting
from openmmlps.app.run_settings import AXES, BAROSTATS, RunSettings
from openmmlps.materials import Material

from .protocol import Protocol
from .protocol_folder import ProtocolFolder
from .protocol_settings import StructureSettings
from .sequence import Result, RunStage
from .starts import Start, read_start
from .states import mean_box, mean_thermo, read_atoms, write_final

_TEMPERATURES_K = (300.0, 350.0, 400.0, 450.0, 500.0, 550.0, 600.0, 650.0)


def published_time_ps(temperature: float) -> float:
    """Length of a production at a temperature (K), ps: slow ions need long runs."""
    return 1000.0 if temperature >= 400 else 5000.0 if temperature >= 350 else 15000.0


@dataclass(frozen=True)
class TransportSettings(StructureSettings):
    """Settings of :data:`transport`."""

    temperatures_K: tuple[float, ...] = setting(_TEMPERATURES_K, "K; at least three for an activation energy", above=0)
    replicas: int = setting(3, "runs at each temperature; glasses of a quench are taken in turn", low=1)
    pressure_bar: float = setting(1.0, "bar")
    barostat: str = setting("isotropic", "isotropic (glass), anisotropic or flexible (crystals)", BAROSTATS)
    cell_time_ps: float = setting(100.0, "ps of NPT; its second half gives the mean cell", above=0)
    equilibration_time_ps: float = setting(20.0, "ps of NVT in the mean cell, not recorded", low=0)
    production_time_ps: tuple[float, ...] = setting(
        tuple(published_time_ps(temperature) for temperature in _TEMPERATURES_K),
        "ps, at each temperature; a single number is for all",
        above=0,
    )
    most_frames: int = setting(10000, "of a production; a longer one saves frames less often", low=100)
    production_ensemble: str = setting("nve", "nve, or nvt with a weak thermostat", ("nve", "nvt"))
    friction_per_ps: float = setting(1.0, "of NPT and equilibration, 1/ps", above=0)
    production_friction_per_ps: float = setting(
        0.05, "of an nvt production, 1/ps; stronger ones slow diffusion", above=0
    )
    field_V_per_angstrom: tuple[float, ...] = setting(
        (),
        "electric fields on the mobile ions, as [0.005, 0.01]: a production under each, for the conductivity",
        above=0,
    )
    field_direction: str = setting("z", "of these fields", AXES)
    field_time_ps: float = setting(0.0, "ps under each field; 0: as long as the production", low=0)
    fit_window: tuple[float, ...] = setting(
        (0.1, 0.5), "lags of the fit of the mean squared displacement, over the length of a block"
    )
    blocks: int = setting(5, "pieces of each trajectory, for error bars", low=1)
    extrapolate_to_K: float = setting(300.0, "K, where the Arrhenius fit is read", above=0)

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {
            "temperatures_K": (500.0, 600.0, 700.0, 800.0),
            "replicas": 1,
            "cell_time_ps": 20.0,
            "equilibration_time_ps": 5.0,
            "production_time_ps": (200.0,),
            "blocks": 4,
        },
        "standard": {},
    }

    @classmethod
    def from_values(cls, values: Mapping[str, Any], origin: str) -> TransportSettings:
        """Make settings of values by name; temperatures without lengths get the published ones."""
        if "temperatures_K" in values and "production_time_ps" not in values:
            given = values["temperatures_K"]
            numbers = [item for item in (given if isinstance(given, (list, tuple)) else [given]) if _is_number(item)]
            values = dict(values) | {"production_time_ps": [published_time_ps(item) for item in numbers] or [1000.0]}
        return super().from_values(values, origin)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        yield from super().problems()
        if len(set(self.temperatures_K)) != len(self.temperatures_K):
            yield f"temperatures_K holds a temperature twice: {self.temperatures_K}"
        if len(set(self.field_V_per_angstrom)) != len(self.field_V_per_angstrom):
            yield f"field_V_per_angstrom holds a field twice: {self.field_V_per_angstrom}"
        if len(self.fit_window) != 2 or not 0 <= self.fit_window[0] < self.fit_window[1] <= 1:
            yield f"fit_window is {self.fit_window}; give two fractions of a block, such as [0.1, 0.5]"
        if len(self.production_time_ps) not in (1, len(self.temperatures_K)):
            yield (
                f"production_time_ps holds {len(self.production_time_ps)} times for {len(self.temperatures_K)} temperatures; "
                "give one for each, or a single one for all"
            )

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


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read_start(settings: TransportSettings) -> Start:
    start = read_start(settings)
    for name, atoms in start.structures:
        there = ", ".join(sorted(set(atoms.symbols)))
        if settings.mobile and settings.mobile not in atoms.symbols:
            raise ValueError(f"transport: '{name}' has no mobile ions '{settings.mobile}', only {there}; set mobile")
        if not Material.of(atoms.symbols, settings.chemistry()).mobile:
            raise ValueError(f"transport: none of the elements of '{name}' ({there}) is known to be mobile; set mobile")
    return start


def branch_name(temperature: float, replica: int) -> str:
    """Folder of one temperature and replica, as in 'T500/replica-1'."""
    return f"T{temperature:g}/replica-{replica}"


def field_name(field: float) -> str:
    """Folder of a production under a field (V/angstrom) within its branch, as in 'field-0.01'."""
    return f"field-{field:g}"


def _stages(folder: ProtocolFolder, settings: TransportSettings) -> list[RunStage]:
    starts = folder.record["starts"]
    stages = []
    for replica in range(1, settings.replicas + 1):
        start = folder.start(starts[(replica - 1) % len(starts)])
        for index, temperature in enumerate(settings.temperatures_K):
            seed = settings.seed + 10 * (replica * len(settings.temperatures_K) + index)
            stages += _branch(folder, settings, temperature, branch_name(temperature, replica), start, seed)
    return stages


def _branch(
    folder: ProtocolFolder, settings: TransportSettings, temperature: float, name: str, start: Path, seed: int
) -> list[RunStage]:
    path, symbols = folder.path / name, read_atoms(start).get_chemical_symbols()
    atoms, material = len(symbols), Material.of(symbols, settings.chemistry())
    cell_time = settings.frames_time(settings.cell_time_ps)
    production_time, frame_steps = settings.production(temperature)

    def cell() -> RunSettings:
        return settings.run_settings(
            start,
            model=str(folder.model),
            ensemble="npt",
            barostat=settings.barostat,
            pressure=settings.pressure_bar,
            temperature=temperature,
            friction=settings.friction_per_ps,
            time=cell_time,
            minimize=True,
            seed=seed,
        )

    def production() -> RunSettings:
        nve = settings.production_ensemble == "nve"
        return settings.run_settings(
            path / "cell" / "final.extxyz",
            model=str(folder.model),
            ensemble=settings.production_ensemble,
            temperature=temperature,
            friction=settings.friction_per_ps if nve else settings.production_friction_per_ps,
            equilibrate=settings.equilibration_time_ps,
            time=production_time,
            trajectory_interval=frame_steps,
            seed=seed + 1,
        )

    def hand_on(stage_folder: Path) -> Result:
        box = mean_box(stage_folder)
        write_final(stage_folder, stage_folder / "final.extxyz", box)
        return {"thermo": mean_thermo(stage_folder), "box_nm": box.tolist()}

    def conclude(stage_folder: Path) -> Result:
        return {"thermo": mean_thermo(stage_folder, discard=0.0)}

    def driven(field: float, number: int) -> RunStage:
        time = settings.frames_time(settings.field_time_ps or production_time)

        def under_field() -> RunSettings:
            return settings.run_settings(
                path / "cell" / "final.extxyz",
                model=str(folder.model),
                ensemble="nvt",
                temperature=temperature,
                friction=settings.production_friction_per_ps,
                equilibrate=settings.equilibration_time_ps,
                time=time,
                trajectory_interval=frame_steps,
                seed=seed + 2 + number,
                field=field,
                field_direction=settings.field_direction,
                field_ions=material.mobile,
                field_charge=material.charge,
            )

        return RunStage(f"{name}/{field_name(field)}", atoms * settings.steps(time), under_field, conclude)

    production_steps = settings.steps(production_time) + round(settings.equilibration_time_ps / settings.timestep)
    return [
        RunStage(f"{name}/cell", atoms * settings.steps(cell_time), cell, hand_on),
        RunStage(f"{name}/production", atoms * production_steps, production, conclude),
        *(driven(field, number) for number, field in enumerate(settings.field_V_per_angstrom)),
    ]


#: diffusion and conductivity; T500/replica-1/production and so on hold the trajectories
transport = Protocol(TransportSettings, _read_start, _stages)
