# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Glasses by melting and quenching: random or crystalline start, melt, cooling at a constant rate, equilibration.

The defaults are those of Zhou, Luo, Martin and An (machine learning force field for lithium sulfide glasses): 1,700 K for
250 ps, 5e12 K/s to 300 K, 100 ps at constant pressure, five replicas.
"""

from dataclasses import dataclass
from typing import ClassVar

from openmmlps._settings import setting

from .packing import Composition, pack
from .protocol import Protocol
from .protocol_settings import ProtocolSettings
from .sequence import RunStage
from .states import mean_box, mean_thermo, write_final


@dataclass(frozen=True)
class QuenchSettings(ProtocolSettings):
    """Settings of :data:`quench`."""

    composition: str = setting("75", "percent Li2S in Li2S-P2S5, or a mixture such as 60Li2S-32SiS2-8P2S5")
    start: str = setting(
        "random", "random, or a crystal (packaged name or file) to melt, whose composition then counts"
    )
    supercell: tuple[float, ...] = setting((1.0, 1.0, 1.0), "of a crystalline start", low=1)
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

    presets: ClassVar[dict] = {
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

    def problems(self):
        if self.final_temperature_K >= self.melt_temperature_K:
            yield (
                f"final_temperature_K is {self.final_temperature_K:g}, not below melt_temperature_K {self.melt_temperature_K:g}"
            )
        if self.start == "random":
            try:
                Composition.parse(self.composition)
            except ValueError as error:
                yield str(error)

    @property
    def cooling_time_ps(self):
        """ps"""
        return (self.melt_temperature_K - self.final_temperature_K) / self.cooling_rate_K_per_ps


def _starts(settings):
    return [(f"replica-{number}", _start(settings, number)) for number in range(1, settings.replicas + 1)]


def _material(settings):
    return {
        "glass": True,
        "name": Composition.parse(settings.composition).label if settings.start == "random" else settings.start,
    }


def _start(settings, number):
    """The atoms that replica `number` starts from."""
    if settings.start == "random":
        counts = Composition.parse(settings.composition).counts(settings.atoms)
        return pack(counts, settings.density_g_per_cm3, settings.seed + number - 1)
    from openmmlps.app.snapshot import snapshot_atoms
    from openmmlps.app.structure_files import load

    structure = load(settings.start, tuple(settings.supercell))
    if structure.box is None:
        raise ValueError(f"quench: '{settings.start}' is not periodic; give a crystal")
    return snapshot_atoms(structure.symbols, structure.positions._value, structure.box._value)


def _stages(folder, settings):
    import ase.io

    stages = []
    for number in range(1, settings.replicas + 1):
        name = f"replica-{number}"
        stages += _replica(folder, settings, name, 10 * (settings.seed + number), len(ase.io.read(folder.start(name))))
    return stages


def _replica(folder, settings, name, seed, atoms):
    path = folder.path / name
    melt_time, cool_time = settings.frames_time(settings.melt_time_ps), settings.frames_time(settings.cooling_time_ps)
    rest_time = settings.frames_time(settings.equilibration_time_ps)
    common = {
        "model": str(folder.model),
        "friction": settings.friction_per_ps,
        "pressure": settings.pressure_bar,
        "repulsion": settings.repulsion,
    }

    def melt():
        return settings.run_settings(
            folder.start(name),
            ensemble="nvt",
            temperature=settings.melt_temperature_K,
            time=melt_time,
            minimize=True,
            seed=seed,
            **common,
        )

    def cool():
        return settings.run_settings(
            path / "melt" / "final.extxyz",
            ensemble=settings.cooling_ensemble,
            temperature=settings.melt_temperature_K,
            final_temperature=settings.final_temperature_K,
            time=cool_time,
            seed=seed + 1,
            **common,
        )

    def rest():
        return settings.run_settings(
            path / "cool" / "final.extxyz",
            ensemble="npt",
            temperature=settings.final_temperature_K,
            time=rest_time,
            seed=seed + 2,
            **common,
        )

    def hand_on(stage_folder):
        write_final(stage_folder, stage_folder / "final.extxyz")
        return {"thermo": mean_thermo(stage_folder)}

    def conclude(stage_folder):
        write_final(stage_folder, path / "final.extxyz", mean_box(stage_folder))
        return {"thermo": mean_thermo(stage_folder), "box_nm": mean_box(stage_folder).tolist()}

    return [
        RunStage(f"{name}/melt", atoms * settings.steps(melt_time), melt, hand_on),
        RunStage(f"{name}/cool", atoms * settings.steps(cool_time), cool, hand_on),
        RunStage(f"{name}/equilibrate", atoms * settings.steps(rest_time), rest, conclude),
    ]


#: glasses; replica-1/final.extxyz and so on are the results, in the mean cells of the equilibration
quench = Protocol(QuenchSettings, _starts, _stages, _material)
