# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Settings of protocols: flat records that are written as TOML with a comment for every number, and read back strictly."""

import contextlib
import math
import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def setting(default, comment, choices=None, low=None, above=None):
    """A dataclass field with the comment that goes into the TOML file, and what values are allowed.

    :param choices: allowed strings
    :param low: smallest allowed number
    :param above: numbers must be larger than this
    """
    metadata = {"comment": comment, "choices": choices, "low": low, "above": above}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class ProtocolSettings:
    """What all protocols share. An empty string stands for 'not given', since TOML knows no null."""

    model: str = setting("", "model file of DeePMD-kit or openmm-lps; empty: the packaged model")
    seed: int = setting(
        1, "of packing, velocities, thermostats and barostats; replicas take the numbers after it", low=1
    )
    timestep_fs: float = setting(2.0, "fs", low=0.01)
    platform: str = setting("auto", "OpenMM platform; auto: the fastest on which a Deep Potential runs")
    precision: str = setting("auto", "auto, single, mixed or double", ("auto", "single", "mixed", "double"))
    threads: int = setting(0, "of the CPU platform; 0: all cores", low=0)
    checkpoint_s: float = setting(60.0, "clock time between checkpoints", low=0)
    thermo_interval_ps: float = setting(0.05, "between lines of thermo.csv", above=0)
    frame_interval_ps: float = setting(0.1, "between frames of trajectory.h5", above=0)

    #: name -> values that differ from the defaults; the defaults follow the published studies, and are 'standard'
    presets: ClassVar[dict] = {}

    def __post_init__(self):
        problems = []
        for entry in fields(self):
            problem = _problem(entry, getattr(self, entry.name))
            if problem:
                problems.append(problem)
        if not problems:
            problems = [problem for problem in self.problems() if problem]
        if problems:
            raise ValueError(f"{self.protocol()}: {'; '.join(problems)}")

    def problems(self):
        """Sentences about settings that do not fit together."""
        return []

    @classmethod
    def protocol(cls):
        """Name of the protocol, as in 'quench'."""
        return cls.__name__.removesuffix("Settings").lower()

    @classmethod
    def make(cls, preset="", config=None, **changes):
        """Defaults, changed by a preset, then by a TOML file, then by keywords (None: no change).

        :raises ValueError, FileNotFoundError: unknown names or values that make no sense
        """
        if preset and preset not in cls.presets:
            raise ValueError(
                f"{cls.protocol()}: there is no preset '{preset}'; use {' or '.join(cls.presets)}, or none, which is standard"
            )
        values = dict(cls.presets.get(preset, {}))
        if config is not None:
            values |= read_toml(config, cls.protocol())
        values |= {name: value for name, value in changes.items() if value is not None}
        return cls.from_values(values, str(config) if config is not None else "settings")

    @classmethod
    def from_values(cls, values, origin):
        """:param origin: what the error message calls the source"""
        known = {entry.name for entry in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            from difflib import get_close_matches

            near = get_close_matches(unknown[0], known, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(known))}"
            raise ValueError(f"{cls.protocol()}: {origin}: unknown setting '{unknown[0]}'; {hint}")
        return cls(**{name: _as_declared(cls, name, value) for name, value in values.items()})

    def changed(self, **changes):
        """A copy with other values."""
        return replace(self, **changes)

    def to_toml(self):
        """The settings as TOML, a comment at every line."""
        lines = [f"# Settings of: openmm-lps {self.protocol()}", ""]
        for entry in fields(self):
            choices = entry.metadata["choices"]
            comment = entry.metadata["comment"]
            lines.append(f"{entry.name} = {_toml(getattr(self, entry.name))}  # {comment}")
            if choices and not all(choice in comment for choice in choices):
                lines[-1] += f" ({', '.join(choices)})"
        return "\n".join(lines) + "\n"

    @property
    def timestep(self):
        """ps"""
        return self.timestep_fs / 1000

    def steps(self, picoseconds):
        """Whole number of steps, at least one."""
        return max(1, round(picoseconds / self.timestep))

    def frames_time(self, picoseconds):
        """A time rounded up to a whole number of frames, so that a run ends with one; ps"""
        interval = self.steps(self.frame_interval_ps)
        return max(1, math.ceil(self.steps(picoseconds) / interval)) * interval * self.timestep

    def run_settings(self, structure, **changes):
        """RunSettings of a stage.

        :param structure: path or packaged name
        :param changes: its other fields
        """
        from openmmlps.app.run_settings import RunSettings

        common = {
            "structure": str(structure),
            "timestep": self.timestep,
            "platform": self.platform,
            "precision": self.precision,
            "threads": self.threads or None,
            "checkpoint_seconds": self.checkpoint_s,
            "report_interval": self.steps(self.thermo_interval_ps),
            "trajectory_interval": self.steps(self.frame_interval_ps),
        }
        return RunSettings(**(common | changes))


def read_toml(path, where):
    """Values of a TOML file.

    :raises ValueError, FileNotFoundError: not there, or not TOML
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{where}: '{path}' is not a file; write one with --write-config")
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{where}: '{path}' is not valid TOML ({error}); correct it") from None


def parse_assignment(text, where):
    """'melt_time_ps=20' as (name, value); the value is read as TOML, as a list without its brackets, or else as a string.

    :raises ValueError: no '='
    """
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise ValueError(f"{where}: --set '{text}' is not NAME=VALUE; give for example --set frame_interval_ps=0.05")
    for toml in (value, f"[{value}]") if "," in value else (value,):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            return name.strip(), tomllib.loads(f"value = {toml}")["value"]
    return name.strip(), value.strip()


def _as_declared(cls, name, value):
    """Whole numbers where decimals are expected, and a single value where a list is."""
    declared = next(entry for entry in fields(cls) if entry.name == name).type
    plain_int = isinstance(value, int) and not isinstance(value, bool)
    if declared in (float, "float") and plain_int:
        return float(value)
    if declared in (tuple, "tuple"):  # a list in TOML
        values = value if isinstance(value, (list, tuple)) else [value]
        return tuple(float(item) if isinstance(item, int) and not isinstance(item, bool) else item for item in values)
    return value


def _problem(entry, value):
    declared = {"int": int, "float": float, "str": str, "bool": bool, "tuple": tuple}.get(entry.type, entry.type)
    right = isinstance(value, declared) and not (declared is int and isinstance(value, bool))
    if not right:
        kind = {
            int: "a whole number",
            float: "a number",
            str: "a string",
            bool: "true or false",
            tuple: "a list of numbers",
        }
        return f"{entry.name} is {value!r}; it must be {kind[declared]}"
    numbers = value if declared is tuple else [value] if declared in (int, float) else []
    if declared is tuple and not value:
        return f"{entry.name} is empty; give at least one number"
    for number in numbers:
        if not isinstance(number, (int, float)) or not math.isfinite(number):
            return f"{entry.name} is {value!r}; it must hold finite numbers"
        low, above = entry.metadata["low"], entry.metadata["above"]
        if low is not None and number < low:
            return f"{entry.name} is {number:g}; it must be at least {low:g}"
        if above is not None and not number > above:
            return f"{entry.name} is {number:g}; it must be more than {above:g}"
    choices = entry.metadata["choices"]
    if choices and value not in choices:
        return f"{entry.name} is '{value}'; use {', '.join(choices)}"
    return None


def _toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(value)
