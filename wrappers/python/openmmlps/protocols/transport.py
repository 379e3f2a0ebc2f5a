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
from typing import Any, ClassVar

from openmmlps._settings import setting
from openmmlps.app.run_settings import AXES, RunSettings
from openmmlps.materials import Material

from .production import Branch, ProductionSettings, branch_name, conclude, production_stages, read_mobile_start
from .protocol import Protocol
from .protocol_folder import ProtocolFolder
from .sequence import RunStage
from .states import read_atoms

__all__ = ["TransportSettings", "branch_name", "field_name", "published_time_ps", "transport"]

_TEMPERATURES_K = (300.0, 350.0, 400.0, 450.0, 500.0, 550.0, 600.0, 650.0)


def published_time_ps(temperature: float) -> float:
    """Length of a production at a temperature (K), ps: slow ions need long runs."""
    return 1000.0 if temperature >= 400 else 5000.0 if temperature >= 350 else 15000.0


@dataclass(frozen=True)
class TransportSettings(ProductionSettings):
    """Settings of :data:`transport`."""

    temperatures_K: tuple[float, ...] = setting(_TEMPERATURES_K, "K; at least three for an activation energy", above=0)
    production_time_ps: tuple[float, ...] = setting(
        tuple(published_time_ps(temperature) for temperature in _TEMPERATURES_K),
        "ps, at each temperature; a single number is for all",
        above=0,
    )
    field_V_per_angstrom: tuple[float, ...] = setting(
        (),
        "electric fields on the mobile ions, as [0.005, 0.01]: a production under each, for the conductivity",
        above=0,
    )
    field_direction: str = setting("z", "of these fields", AXES)
    field_time_ps: float = setting(0.0, "ps under each field; 0: as long as the production", low=0)
    close_time_ps: float = setting(
        0.0,
        "ps of a further run whose frames are as close as observables need them (vibrations, hops), with velocities; 0: none",
        low=0,
    )
    fit_window: tuple[float, ...] = setting(
        (0.1, 0.5), "lags of the fit of the mean squared displacement, over the length of a block"
    )
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
        if len(set(self.field_V_per_angstrom)) != len(self.field_V_per_angstrom):
            yield f"field_V_per_angstrom holds a field twice: {self.field_V_per_angstrom}"
        if len(self.fit_window) != 2 or not 0 <= self.fit_window[0] < self.fit_window[1] <= 1:
            yield f"fit_window is {self.fit_window}; give two fractions of a block, such as [0.1, 0.5]"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def field_name(field: float) -> str:
    """Folder of a production under a field (V/angstrom) within its branch, as in 'field-0.01'."""
    return f"field-{field:g}"


def _stages(folder: ProtocolFolder, settings: TransportSettings) -> list[RunStage]:
    return production_stages(folder, settings, _further)


def _further(folder: ProtocolFolder, settings: TransportSettings, branch: Branch) -> list[RunStage]:
    """Runs beside the production."""
    return [*_driven(folder, settings, branch), *_close(folder, settings, branch)]


def _driven(folder: ProtocolFolder, settings: TransportSettings, branch: Branch) -> list[RunStage]:
    """Productions under a field."""
    symbols = read_atoms(branch.start).get_chemical_symbols()
    material = Material.of(symbols, settings.chemistry())
    production_time, frame_steps = settings.production(branch.temperature)
    time = settings.frames_time(settings.field_time_ps or production_time)

    def stage(field: float, number: int) -> RunStage:
        def under_field() -> RunSettings:
            return settings.run_at_cell(
                folder,
                branch,
                ensemble="nvt",
                friction=settings.production_friction_per_ps,
                time=time,
                trajectory_interval=frame_steps,
                seed=branch.seed + 2 + number,
                field=field,
                field_direction=settings.field_direction,
                field_ions=material.mobile,
                field_charge=material.charge,
            )

        return RunStage(
            f"{branch.name}/{field_name(field)}", len(symbols) * settings.steps(time), under_field, conclude
        )

    return [stage(field, number) for number, field in enumerate(settings.field_V_per_angstrom)]


def _close(folder: ProtocolFolder, settings: TransportSettings, branch: Branch) -> list[RunStage]:
    """A run that saves what the production is too long for."""
    if not settings.close_time_ps:
        return []
    from openmmlps.observables import OBSERVABLES, TRANSPORT, closest_interval

    interval = max(1, int(closest_interval(OBSERVABLES, TRANSPORT) / settings.timestep + 1e-6))
    steps = math.ceil(settings.steps(settings.close_time_ps) / interval) * interval

    def run() -> RunSettings:
        return settings.run_at_cell(
            folder,
            branch,
            time=steps * settings.timestep,
            trajectory_interval=interval,
            seed=branch.seed + 9,
        )

    atoms = len(read_atoms(branch.start))
    return [RunStage(f"{branch.name}/close", atoms * steps, run, conclude)]


#: diffusion and conductivity; T500/replica-1/production and so on hold the trajectories
transport = Protocol(TransportSettings, read_mobile_start, _stages)
