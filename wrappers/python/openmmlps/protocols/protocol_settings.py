# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Settings that all protocols share, with presets, a TOML file and options on top of each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from openmmlps._settings import parse_toml_value, read_toml, setting
from openmmlps.app.run_settings import PRECISIONS, RunSettings
from openmmlps.materials import ChemistrySettings

_Self = TypeVar("_Self", bound="ProtocolSettings")


@dataclass(frozen=True)
class ProtocolSettings(ChemistrySettings):
    """What all protocols share. An empty string stands for 'not given', since TOML knows no null."""

    model: str = setting("", "model file of DeePMD-kit or openmm-lps; empty: the packaged model")
    seed: int = setting(
        1, "of packing, velocities, thermostats and barostats; replicas take the numbers after it", low=1
    )
    timestep_fs: float = setting(2.0, "fs", low=0.01)
    platform: str = setting("auto", "OpenMM platform; auto: the fastest on which a Deep Potential runs")
    precision: str = setting("auto", "auto, single, mixed or double", PRECISIONS)
    threads: int = setting(0, "of the CPU platform; 0: all cores", low=0)
    checkpoint_s: float = setting(60.0, "clock time between checkpoints", low=0)
    thermo_interval_ps: float = setting(0.05, "between lines of thermo.csv", above=0)
    frame_interval_ps: float = setting(0.1, "between frames of trajectory.h5", above=0)

    format: str = setting("", "of structure files, by ASE's name; empty: found from name and content")
    elements: str = setting("", "element of each type, as Li,P,S, for structure files that number types")
    checks: bool = setting(True, "refuse atoms nearer than 0.5 angstrom in structure files")

    #: name -> values that differ from the defaults; the defaults follow the published studies, and are 'standard'
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @classmethod
    def make(cls: type[_Self], preset: str = "", config: Path | str | None = None, **changes: Any) -> _Self:
        """Make settings: defaults, changed by a preset, then by a TOML file, then by keywords (None: no change).

        Raises
        ------
        ValueError, FileNotFoundError
            for unknown names or values that make no sense
        """
        if preset and preset not in cls.presets:
            raise ValueError(
                f"{cls.label()}: there is no preset '{preset}'; use {' or '.join(cls.presets)}, or none, which is standard"
            )
        values = dict(cls.presets.get(preset, {}))
        if config is not None:
            values |= read_toml(config, cls.label())
        values |= {name: value for name, value in changes.items() if value is not None}
        return cls.from_values(values, "settings" if config is None else str(config))

    @property
    def timestep(self) -> float:
        """Time step, ps."""
        return self.timestep_fs / 1000

    def steps(self, picoseconds: float) -> int:
        """Whole number of steps, at least one."""
        return max(1, round(picoseconds / self.timestep))

    def frames_time(self, picoseconds: float) -> float:
        """A time rounded up to a whole number of frames, so that a run ends with one; ps."""
        interval = self.steps(self.frame_interval_ps)
        return max(1, math.ceil(self.steps(picoseconds) / interval)) * interval * self.timestep

    @property
    def machine(self) -> dict[str, Any]:
        """Settings of a run that may change when it is continued."""
        return {
            "platform": self.platform,
            "threads": self.threads or None,
            "checkpoint_seconds": self.checkpoint_s,
        }

    def run_settings(self, structure: Path | str, **changes: Any) -> RunSettings:
        """Settings of the run of a stage.

        Parameters
        ----------
        structure : Path or str
            file
        **changes
            other fields of RunSettings
        """
        common = {
            "structure": str(structure),
            "checks": self.checks,
            "timestep": self.timestep,
            "precision": self.precision,
            "report_interval": self.steps(self.thermo_interval_ps),
            "trajectory_interval": self.steps(self.frame_interval_ps),
            **self.machine,
        }
        return RunSettings(**({"velocities": "random"} | common | changes))


@dataclass(frozen=True)
class StructureSettings(ProtocolSettings):
    """What protocols share that start from structures."""

    structure: str = setting(
        "beta-Li3PS4", "packaged name, file, or folder of a quench (every glass is taken) or of a relax"
    )
    supercell: tuple[float, ...] = setting((1.0, 1.0, 1.0), "repeats along a, b, c", low=1)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if len(self.supercell) != 3 or any(count != round(count) for count in self.supercell):
            yield f"supercell is {self.supercell}; give three whole repeats, such as [1, 2, 2]"


def parse_assignment(text: str, where: str) -> tuple[str, Any]:
    """Name and value of 'melt_time_ps=20'; the value is read as TOML, as a list without its brackets, or as a string.

    Raises
    ------
    ValueError
        for a text without '='
    """
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise ValueError(f"{where}: --set '{text}' is not NAME=VALUE; give for example --set frame_interval_ps=0.05")
    return name.strip(), parse_toml_value(value)
