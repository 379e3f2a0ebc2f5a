# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Settings: flat records that are declared once, checked as a whole, and written as JSON or as commented TOML.

Both kinds, those of a run and those of a protocol, are read back strictly: unknown names and wrong values are refused.
"""

from __future__ import annotations

import json
import math
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_Self = TypeVar("_Self", bound="Settings")
_KINDS = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", tuple: "a list"}


def setting(
    default: Any,
    comment: str,
    choices: Iterable[str] = (),
    *,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    unit: str = "",
) -> Any:
    """Declare a field of a Settings class.

    Parameters
    ----------
    default : object
        its value unless one is given
    comment : str
        goes into the TOML file
    choices : iterable of str
        allowed strings; empty: any
    low, above, high : float, optional
        smallest number allowed, number that must be exceeded, largest number allowed
    unit : str
        for messages

    Returns
    -------
    dataclasses.Field
    """
    metadata = {"comment": comment, "choices": tuple(choices), "low": low, "above": above, "high": high, "unit": unit}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Base of frozen dataclasses whose fields are made by :func:`setting`. The message names all problems at once."""

    def __post_init__(self) -> None:
        kinds = _kinds(type(self))
        problems = [_problem(entry, kinds[entry.name], getattr(self, entry.name)) for entry in fields(self)]
        found = [problem for problem in problems if problem] or list(self.problems())
        if found:
            raise ValueError(f"{self.label()}: {'; '.join(found)}")

    @classmethod
    def label(cls) -> str:
        """What messages call these settings, as in 'quench'."""
        return cls.__name__.removesuffix("Settings").lower()

    def problems(self) -> Iterable[str]:
        """Sentences about settings that do not fit together; asked when each of them is right by itself."""
        return ()

    @classmethod
    def from_values(cls: type[_Self], values: Mapping[str, Any], origin: str) -> _Self:
        """Make settings of values by name, as JSON and TOML hold them.

        Parameters
        ----------
        values : mapping
            those that differ from the defaults
        origin : str
            what messages call the source

        Raises
        ------
        ValueError
            for an unknown name or a wrong value
        """
        kinds = _kinds(cls)
        unknown = sorted(set(values) - set(kinds))
        if unknown:
            near = get_close_matches(unknown[0], kinds, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(kinds))}"
            raise ValueError(f"{cls.label()}: {origin}: unknown setting '{unknown[0]}'; {hint}")
        return cls(**{name: kinds[name].convert(value) for name, value in values.items()})

    def changed(self: _Self, **changes: Any) -> _Self:
        """A copy with other values."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """The settings as a JSON object, one key per field."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def to_toml(self) -> str:
        """The settings as TOML, a comment at every line."""
        lines = [f"# Settings of: openmm-lps {self.label()}", ""]
        for entry in fields(self):
            value, comment = getattr(self, entry.name), entry.metadata["comment"]
            choices = entry.metadata["choices"]
            if choices and not all(choice in comment for choice in choices):
                comment += f" ({', '.join(choices)})"
            if value is not None:
                lines.append(f"{entry.name} = {_toml(value)}  # {comment}")
        return "\n".join(lines) + "\n"


def read_toml(path: Path | str, where: str) -> dict[str, Any]:
    """Values of a TOML file.

    Raises
    ------
    FileNotFoundError, ValueError
        it is not there, or not TOML
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{where}: '{path}' is not a file; write one with --write-config")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{where}: '{path}' is not valid TOML ({error}); correct it") from None


def parse_toml_value(text: str) -> Any:
    """A value as TOML writes it, a list without its brackets, or else the text itself."""
    for toml in (text, f"[{text}]") if "," in text else (text,):
        try:
            return tomllib.loads(f"value = {toml}")["value"]
        except tomllib.TOMLDecodeError:
            continue
    return text.strip()


@dataclass(frozen=True)
class _Kind:
    """Declared type of a field."""

    base: type
    item: Any  #: type of the items of a tuple
    optional: bool  #: whether None is allowed

    def convert(self, value: Any) -> Any:
        """Whole numbers where decimals are expected, and a single value or a list where a tuple is."""
        if value is None:
            return None
        if self.base is float:
            return _decimal(value)
        if self.base is not tuple:
            return value
        values = value if isinstance(value, (list, tuple)) else [value]
        if self.item is float:
            return tuple(_decimal(item) for item in values)
        return tuple(tuple(item) if isinstance(item, list) else item for item in values)

    def holds(self, value: Any) -> bool:
        if value is None:
            return self.optional
        allowed = {float: (int, float), tuple: (list, tuple)}.get(self.base, (self.base,))
        return isinstance(value, allowed) and (self.base is bool or not isinstance(value, bool))


def _kinds(cls: type[Settings]) -> dict[str, _Kind]:
    hints = typing.get_type_hints(cls)
    return {entry.name: _kind(hints[entry.name]) for entry in fields(cls)}


def _kind(hint: Any) -> _Kind:
    optional = typing.get_origin(hint) in (typing.Union, types.UnionType)
    if optional:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    items = typing.get_args(hint)
    return _Kind(typing.get_origin(hint) or hint, items[0] if items else None, optional)


def _decimal(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _problem(entry: Any, kind: _Kind, value: Any) -> str | None:  # noqa: PLR0911  a kind of value each
    """What is wrong with the value of a field by itself."""
    limits = entry.metadata
    if not kind.holds(value):
        what = _KINDS[kind.base] + (" of numbers" if kind.item is float else "")
        return f"{entry.name} is {value!r}; it must be {what}"
    if limits["choices"] and value is not None and value not in limits["choices"]:
        return f"{entry.name} is '{value}'; use {', '.join(limits['choices'])}"
    if kind.base is tuple and value is not None and not value and value != entry.default:
        return f"{entry.name} is empty; give at least one value"
    numbers = kind.item is float or kind.base in (int, float)
    return _wrong_number(entry, kind, value) if numbers and value is not None else None


def _wrong_number(entry: Any, kind: _Kind, value: Any) -> str | None:
    limits = entry.metadata
    for number in value if kind.base is tuple else [value]:
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            return f"{entry.name} is {value!r}; it must {'hold finite numbers' if kind.base is tuple else 'be finite'}"
        wish = _limit(number, limits)
        if wish:
            unit = f" {limits['unit']}" if limits["unit"] else ""
            return f"{entry.name} is {_number(number)}{unit}; it must be {wish}"
    return None


def _limit(number: float, limits: Mapping[str, Any]) -> str:
    """What a number must be if it is not, as the end of a sentence."""
    low, above, high = limits["low"], limits["above"], limits["high"]
    if (low is None or number >= low) and (high is None or number <= high):
        return f"more than {_number(above)}" if above is not None and not number > above else ""
    if low is not None and high is not None:
        return f"{_number(low)} to {_number(high)}"
    return f"at least {_number(low)}" if high is None else f"at most {_number(high)}"


def _number(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML escapes as JSON does
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(value)
