# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Glasses by melting and quenching: random or crystalline start, melt, cooling at a constant rate, equilibration.

The defaults are those of Zhou, Luo, Martin and An (machine learning force field for lithium sulfide glasses): 1,700 K for
250 ps, 5e12 K/s to 300 K, 100 ps at constant pressure, five replicas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from openmmlps._settings import setting
from openmmlps.app.run_settings import RunSettings
from openmmlps.app.structure_files import load

from .anion_packing import count_anions, pack_anions, parse_anions
from .packing import Composition, pack
from .protocol import Protocol
from .protocol_folder import ProtocolFolder
from .protocol_settings import ProtocolSettings
from .sequence import Result, RunStage
from .starts import Start, periodic_atoms
from .states import mean_box, mean_thermo, read_atoms, write_final

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class QuenchSettings(ProtocolSettings):
    """Settings of :data:`quench`."""

    composition: str = setting("75", "percent Li2S in Li2S-P2S5, or a mixture such as 60Li2S-32SiS2-8P2S5")
    start: str = setting(
        "random", "random, or a crystal (packaged name or file) to melt, whose composition then counts"
    )
    supercell: tuple[float, ...] = setting((1.0, 1.0, 1.0), "of a crystalline start", low=1)
    units: str = setting("", "anions of a random start, as 'PS4(3-), P2S7(4-)' or with amounts; empty: single atoms")
    atoms: int = setting(1000, "of a random start, about; the composition decides", low=3)
    replicas: int = setting(5, "independent quenches", low=1)
    density_g_per_cm3: float = setting(1.85, "of a random start and of its melt", above=0)
    melt_temperature_K: float = setting(1700.0, "K, of the melt", above=0)
    melt_time_ps: float = setting(250.0, "ps at constant volume", above=0)
    cooling_rate_K_per_ps: float = setting(5.0, "K/ps; 5 K/ps is 5e12 K/s", above=0)
    cooling_ensemble: str = setting("npt", "npt or nvt", ("npt", "nvt"))
    final_temperature_K: float = setting(300.0, "K, at which cooling ends", above=0)
    equilibration_time_ps: float = setting(100.0, "ps at constant pressure and the final temperature", above=0)
    pressure_bar: float = setting(1.0, "bar, of cooling (npt) and equilibration")
    friction_per_ps: float = setting(1.0, "of the Langevin thermostat, 1/ps", above=0)
    repulsion: bool = setting(False, "add a repulsion of nuclei at distances that no reference data have")

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {
            "atoms": 192,
            "replicas": 1,
            "melt_temperature_K": 1500.0,
            "melt_time_ps": 40.0,
            "cooling_ensemble": "nvt",
            "equilibration_time_ps": 40.0,
        },
        "standard": {},
    }

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if len(self.supercell) != 3 or any(count != round(count) for count in self.supercell):
            yield f"supercell is {self.supercell}; give three whole repeats, such as [1, 2, 2]"
        if self.final_temperature_K >= self.melt_temperature_K:
            yield (
                f"final_temperature_K is {self.final_temperature_K:g}, not below melt_temperature_K {self.melt_temperature_K:g}"
            )
        if self.start == "random":
            try:
                Composition.parse(self.composition)
                if self.units:
                    parse_anions(self.units)
            except ValueError as error:
                yield str(error)
        elif self.units:
            yield f"units are '{self.units}', but start is '{self.start}'; they are for a random start"

    @property
    def cooling_time_ps(self) -> float:
        """Time from the melt to the final temperature, ps."""
        return (self.melt_temperature_K - self.final_temperature_K) / self.cooling_rate_K_per_ps


def _read_start(settings: QuenchSettings) -> Start:
    numbers = range(1, settings.replicas + 1)
    if settings.start == "random":
        composition = Composition.parse(settings.composition)
        counts, density = composition.counts(settings.atoms), settings.density_g_per_cm3
        anions = count_anions(counts, parse_anions(settings.units)) if settings.units else {}
        fill = partial(pack_anions, counts, anions) if anions else partial(pack, counts)
        packed = [(f"replica-{number}", fill(density, settings.seed + number - 1)) for number in numbers]
        return Start(packed, {"glass": True, "name": composition.label})
    crystal = _crystal(settings)
    return Start([(f"replica-{number}", crystal) for number in numbers], {"glass": True, "name": settings.start})


def _crystal(settings: QuenchSettings) -> Atoms:
    repeats = None if set(settings.supercell) == {1.0} else tuple(settings.supercell)
    structure = load(settings.start, repeats, settings.format or None, settings.elements or None, settings.checks)
    return periodic_atoms(structure, "quench")


def _stages(folder: ProtocolFolder, settings: QuenchSettings) -> list[RunStage]:
    stages = []
    for number, name in enumerate(folder.record["starts"], 1):
        stages += _replica(folder, settings, name, 10 * (settings.seed + number))
    return stages


def _replica(folder: ProtocolFolder, settings: QuenchSettings, name: str, seed: int) -> list[RunStage]:
    path, atoms = folder.path / name, len(read_atoms(folder.start(name)))
    times = [settings.melt_time_ps, settings.cooling_time_ps, settings.equilibration_time_ps]
    melt_time, cool_time, rest_time = (settings.frames_time(time) for time in times)

    def run(start: Path, ensemble: str, temperature: float, number: int, **changes: Any) -> RunSettings:
        return settings.run_settings(
            start,
            ensemble=ensemble,
            temperature=temperature,
            seed=seed + number,
            model=str(folder.model),
            friction=settings.friction_per_ps,
            pressure=settings.pressure_bar,
            repulsion=settings.repulsion,
            **changes,
        )

    def melt() -> RunSettings:
        return run(folder.start(name), "nvt", settings.melt_temperature_K, 0, time=melt_time, minimize=True)

    def cool() -> RunSettings:
        start, end = path / "melt" / "final.extxyz", settings.final_temperature_K
        ensemble, hot = settings.cooling_ensemble, settings.melt_temperature_K
        return run(start, ensemble, hot, 1, time=cool_time, final_temperature=end)

    def rest() -> RunSettings:
        return run(path / "cool" / "final.extxyz", "npt", settings.final_temperature_K, 2, time=rest_time)

    def hand_on(stage_folder: Path) -> Result:
        write_final(stage_folder, stage_folder / "final.extxyz")
        return {"thermo": mean_thermo(stage_folder)}

    def conclude(stage_folder: Path) -> Result:
        box = mean_box(stage_folder)
        write_final(stage_folder, path / "final.extxyz", box)
        return {"thermo": mean_thermo(stage_folder), "box_nm": box.tolist()}

    return [
        RunStage(f"{name}/melt", atoms * settings.steps(melt_time), melt, hand_on),
        RunStage(f"{name}/cool", atoms * settings.steps(cool_time), cool, hand_on),
        RunStage(f"{name}/equilibrate", atoms * settings.steps(rest_time), rest, conclude),
    ]


#: glasses; replica-1/final.extxyz and so on are the results, in the mean cells of the equilibration
quench = Protocol(QuenchSettings, _read_start, _stages)
