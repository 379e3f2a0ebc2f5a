# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What determines a run: one flat record, checked as a whole, frozen with the run as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openmmlps._settings import Settings, setting

ENSEMBLES = ("nve", "nvt", "npt")
BAROSTATS = ("isotropic", "anisotropic", "flexible")
AXES = ("x", "y", "z")
VELOCITIES = ("auto", "random", "file")
PRECISIONS = ("auto", "single", "mixed", "double")
_HIGHEST_SEED = 2**31 - 4097  # a run draws from seeds up to 4096 above its own


@dataclass(frozen=True)
class RunSettings(Settings):
    """Settings of a run. Every combination is checked on construction; the message names all problems at once."""

    structure: str = setting("", "packaged name or path")
    format: str | None = setting(None, "of the structure file, by ASE's name; null: found from name and content")
    elements: str | None = setting(None, "element of each type, as Li,P,S, for structure files that number types")
    checks: bool = setting(True, "refuse atoms nearer than 0.5 angstrom in the structure file")
    model: str | None = setting(None, "path of a model file in any format; null: the packaged model")
    supercell: tuple[Any, ...] | None = setting(None, "(na, nb, nc) or 3x3 integers")
    ensemble: str = setting("nvt", "nve, nvt (Langevin) or npt (Langevin and Monte Carlo barostat)", ENSEMBLES)
    temperature: float = setting(300.0, "of the thermostat, and of the initial velocities", low=0, unit="K")
    final_temperature: float | None = setting(
        None, "the thermostat goes there at a constant rate during the run", above=0, unit="K"
    )
    pressure: float = setting(1.0, "bar, npt only")
    barostat: str = setting("isotropic", "isotropic, anisotropic or flexible", BAROSTATS)
    barostat_interval: int = setting(25, "steps between volume moves", low=1, unit="steps")
    friction: float = setting(1.0, "of the Langevin thermostat", unit="/ps")
    timestep: float = setting(0.001, "ps")
    time: float = setting(5.0, "ps, length of the run without the equilibration")
    equilibrate: float = setting(
        0.0, "Langevin dynamics at constant volume before the run; nothing of it is written", low=0, unit="ps"
    )
    minimize: bool = setting(False, "minimize the energy first, at constant volume")
    report_interval: int = setting(50, "between lines of thermo.csv", low=1, unit="steps")
    trajectory_interval: int = setting(50, "between frames of trajectory.h5", low=1, unit="steps")
    heat_current_interval: int | None = setting(
        None, "between lines of heat-current.csv; null: it is not written", low=1, unit="steps"
    )
    stop_grade: float | None = setting(
        None,
        "uncertainty.csv is written, and the run ends at an extrapolation grade above this; null: neither",
        above=0,
    )
    checkpoint_seconds: float = setting(60.0, "clock time between checkpoints", low=0, unit="s")
    velocities: str = setting(
        "auto", "at the start: random, or file, of the structure; auto: random, and says if a file has some", VELOCITIES
    )
    seed: int = setting(1, "of velocities, thermostat and barostat", low=1, high=_HIGHEST_SEED)
    platform: str = setting("auto", "OpenMM platform; auto: the fastest on which a Deep Potential runs")
    precision: str = setting("auto", "auto, single, mixed (GPU only) or double", PRECISIONS)
    repulsion: bool = setting(False, "repulsion of nuclei at distances that no reference data have, see addRepulsion")
    field: float = setting(
        0.0, "uniform electric field on ions, balanced by all other atoms; nvt only", unit="V/angstrom"
    )
    field_direction: str = setting("z", "of the field", AXES)
    field_ions: str = setting("Li", "element that the field acts on")
    field_charge: float = setting(1.0, "of these ions, elementary charges")
    use_tables: bool = setting(True, "whether embedding networks may be tabulated")
    threads: int | None = setting(None, "of the CPU platform; null: all", low=1)

    def problems(self) -> Iterator[str]:
        """Settings that do not fit together."""
        if not self.structure:
            yield "structure is empty; give a packaged name or a path"
        if self.temperature == 0 and self.ensemble != "nve":
            yield "temperature is 0 K; a thermostat needs more than that"
        if self.final_temperature is not None and self.ensemble == "nve":
            yield "final_temperature is given, but nve has no thermostat; use nvt or npt"
        if self.field and self.ensemble != "nvt":
            yield f"a field of {self.field:g} V/angstrom heats and drives; use nvt"
        if self.heat_current_interval and self.repulsion:
            yield "heat_current_interval is given, but the current of the repulsion is not known; leave one of them out"
        if self.friction <= 0:
            yield f"friction is {self.friction:g} /ps; it must be more than 0 (use --ensemble nve for none)"
        if not 1e-5 <= self.timestep <= 0.02:
            yield (
                f"timestep is {self.timestep * 1e3:g} fs; give 0.01 to 20 fs (1 fs suits lithium, a bare number is in fs)"
            )
        elif self.time < self.timestep:
            yield f"time is {self.time:g} ps, less than one timestep; give more"

    @property
    def total_steps(self) -> int:
        """Steps of the whole run, without the equilibration."""
        return max(1, round(self.time / self.timestep))

    @property
    def highest_temperature(self) -> float:
        """Temperature of the thermostat, the highest during the run, K."""
        return max(self.temperature, self.final_temperature or 0.0)

    @property
    def equilibration_steps(self) -> int:
        """Steps before the run."""
        return round(self.equilibrate / self.timestep)

    @classmethod
    def from_file(cls, path: Path | str) -> RunSettings:
        """Read frozen settings.

        Raises
        ------
        ValueError
            for a file that does not hold settings of this version
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            if not isinstance(values, dict) or "structure" not in values:
                raise ValueError("no structure is named")
            return cls.from_values(values, "its settings")
        except ValueError as error:
            raise ValueError(
                f"resume: '{path}' does not hold settings of this version ({error}); start a new run"
            ) from None
