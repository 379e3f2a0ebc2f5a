# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What determines a run: one flat record, checked as a whole, frozen with the run as JSON."""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

ENSEMBLES = ("nve", "nvt", "npt")
BAROSTATS = ("isotropic", "anisotropic", "flexible")
PRECISIONS = ("auto", "single", "mixed", "double")


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run. Every combination is checked on construction; the message names all problems at once."""

    structure: str  #: packaged name or path
    format: str | None = None  #: of the structure file, by ASE's name; None: found from name and content
    elements: tuple | None = None  #: element of each type, for structure files that number types
    model: str | None = None  #: path of a model file in any format; None: the packaged model
    supercell: tuple | None = None  #: (na, nb, nc) or 3x3 integers
    ensemble: str = "nvt"  #: 'nve', 'nvt' (Langevin) or 'npt' (Langevin and Monte Carlo barostat)
    temperature: float = 300.0  #: K; of the thermostat, and of the initial velocities
    final_temperature: float | None = None  #: K; the thermostat goes there at a constant rate during the run
    pressure: float = 1.0  #: bar, npt only
    barostat: str = "isotropic"  #: 'isotropic', 'anisotropic' or 'flexible'
    barostat_interval: int = 25  #: steps between volume moves
    friction: float = 1.0  #: 1/ps, of the Langevin thermostat
    timestep: float = 0.001  #: ps
    time: float = 5.0  #: ps, length of the run without the equilibration
    equilibrate: float = 0.0  #: ps of Langevin dynamics at constant volume before the run; nothing of it is written
    minimize: bool = False  #: minimise the energy first, at constant volume
    report_interval: int = 50  #: steps between lines of thermo.csv
    trajectory_interval: int = 50  #: steps between frames of trajectory.h5
    checkpoint_seconds: float = 60.0  #: wall-clock seconds between checkpoints
    seed: int = 1  #: of velocities, thermostat and barostat
    platform: str = "auto"  #: OpenMM platform; 'auto': the fastest on which a Deep Potential runs
    precision: str = "auto"  #: 'auto', 'single', 'mixed' (GPU only) or 'double'
    repulsion: bool = False  #: repulsion of nuclei at distances that no reference data have, see addRepulsion
    use_tables: bool = True  #: whether embedding networks may be tabulated
    threads: int | None = None  #: of the CPU platform; None: all

    def __post_init__(self):
        problems = []

        def require(condition, text):
            if not condition:
                problems.append(text)

        for name in ("temperature", "pressure", "friction", "timestep", "time", "equilibrate", "checkpoint_seconds"):
            require(math.isfinite(getattr(self, name)), f"{name} is {getattr(self, name)}, which is not finite")
        require(self.ensemble in ENSEMBLES, f"ensemble is '{self.ensemble}'; use {', '.join(ENSEMBLES)}")
        require(self.barostat in BAROSTATS, f"barostat is '{self.barostat}'; use {', '.join(BAROSTATS)}")
        require(self.precision in PRECISIONS, f"precision is '{self.precision}'; use {', '.join(PRECISIONS)}")
        require(self.temperature >= 0, f"temperature is {self.temperature} K; it must not be negative")
        require(
            self.temperature != 0 or self.ensemble == "nve", "temperature is 0 K; a thermostat needs more than that"
        )
        if self.final_temperature is not None:
            require(self.ensemble != "nve", "final_temperature is given, but nve has no thermostat; use nvt or npt")
            require(
                math.isfinite(self.final_temperature) and self.final_temperature > 0,
                f"final_temperature is {self.final_temperature} K; it must be more than 0",
            )
        require(
            1e-5 <= self.timestep <= 0.02,
            f"timestep is {self.timestep * 1e3:g} fs; give 0.01 to 20 fs (1 fs suits lithium, a bare number is in fs)",
        )
        require(self.time >= self.timestep, f"time is {self.time:g} ps, less than one timestep; give more")
        require(self.equilibrate >= 0, f"equilibrate is {self.equilibrate:g} ps; it must not be negative")
        require(
            self.friction > 0, f"friction is {self.friction:g} /ps; it must be positive (use --ensemble nve for none)"
        )
        for name in ("report_interval", "trajectory_interval", "barostat_interval"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)} steps; it must be at least one")
        require(
            self.checkpoint_seconds >= 0, f"checkpoint_seconds is {self.checkpoint_seconds:g}; it must not be negative"
        )
        require(self.threads is None or self.threads >= 1, f"threads is {self.threads}; it must be at least 1")
        require(0 < self.seed < 2**31 - 4096, f"seed is {self.seed}; give 1 to {2**31 - 4097}")
        if problems:
            raise ValueError(f"run: {'; '.join(problems)}")

    @property
    def total_steps(self):
        """Steps of the whole run, without the equilibration."""
        return max(1, round(self.time / self.timestep))

    @property
    def highest_temperature(self):
        """K, of the thermostat at any time of the run."""
        return max(self.temperature, self.final_temperature or 0.0)

    @property
    def equilibration_steps(self):
        return round(self.equilibrate / self.timestep)

    def to_json(self):
        """The settings as a JSON object, one key per field."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_file(cls, path):
        """Read frozen settings.

        :raises ValueError: not settings of this version
        """
        try:
            values = json.loads(Path(path).read_text())
            unknown = sorted(set(values) - {field.name for field in fields(cls)})
            if unknown:
                raise ValueError(f"unknown settings {', '.join(unknown)}")
            if isinstance(values["supercell"], list):
                values["supercell"] = tuple(tuple(row) if isinstance(row, list) else row for row in values["supercell"])
            if isinstance(values.get("elements"), list):
                values["elements"] = tuple(values["elements"])
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f"resume: '{path}' does not hold settings of this version ({error}); start a new run"
            ) from None
