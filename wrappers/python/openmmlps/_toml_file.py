# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""TOML files whose tables are settings: every mistake is named with the line on which it stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ._settings import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_Kind = TypeVar("_Kind", bound=Settings)

Place = tuple[str | int, ...]  #: keys and, in arrays of tables, numbers from 0: ("material", 1, "composition")
_PART = re.compile(r"""\s*("[^"]*"|'[^']*'|[\w-]+)\s*(?:\.|$)""")


class Lines:
    """Line numbers of the tables and keys of a text that is valid TOML.

    Parameters
    ----------
    text : str
        of the file
    """

    def __init__(self, text: str) -> None:
        self._found: dict[Place, int] = {(): 1}
        counts: dict[Place, int] = {}
        table: Place = ()
        for number, line in enumerate(text.splitlines(), 1):
            heading = re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$", line)
            if heading:
                table = self._numbered(_keys(heading[2]), counts)
                if heading[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                    table = (*table, counts[table])
                self._found.setdefault(table, number)
            elif key := re.match(r"\s*((?:\"[^\"]*\"|'[^']*'|[\w.\s-])+?)\s*=", line):
                keys = _keys(key[1])
                for length in range(1, len(keys) + 1):
                    self._found.setdefault((*table, *keys[:length]), number)

    @staticmethod
    def _numbered(keys: Place, counts: dict[Place, int]) -> Place:
        """The place of a table below the last of an array of tables."""
        place: Place = ()
        for key in keys[:-1]:
            place = (*place, key)
            if place in counts:
                place = (*place, counts[place])
        return (*place, *keys[-1:])

    def of(self, *places: Sequence[str | int]) -> int:
        """Line of the first of some places that the file holds, or else of what is around the last."""
        for place in places:
            if tuple(place) in self._found:
                return self._found[tuple(place)]
        around = tuple(places[-1])
        while around not in self._found:
            around = around[:-1]
        return self._found[around]


def _keys(text: str) -> Place:
    return tuple(part[1].strip("\"'") for part in _PART.finditer(text))


def parse_toml(path: Path, where: str) -> tuple[str, dict[str, Any]]:
    """Text and values of a TOML file. Raises ValueError if it is none."""
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{where}: '{path}' is not valid TOML ({error}); correct it") from None


class TomlFile:
    """Values of a file on their way to settings.

    Parameters
    ----------
    where : str
        what messages begin with
    path : Path
        of the file, for messages
    text : str
        of the file
    values : dict
        what the text holds
    """

    def __init__(self, where: str, path: Path, text: str, values: dict[str, Any]) -> None:
        self.where, self.path, self.text, self.values = where, path, text, values
        self.lines = Lines(text)

    def message(self, line: int, text: object) -> str:
        """A message that names a line."""
        return f"{self.where}: '{self.path}', line {line}: {text}"

    def fail(self, message: object, *places: Sequence[str | int]) -> NoReturn:
        """Raise the error of the first of some places that stands in the file."""
        raise ValueError(self.message(self.lines.of(*places), message)) from None

    def table(self, name: str) -> dict[str, Any]:
        """The table of a name, empty if there is none."""
        table = self.values.get(name, {})
        if not isinstance(table, dict):
            self.fail(f"{name} is {table!r}; write it as a table, [{name}]", (name,))
        return table

    def tables(self, name: str) -> list[dict[str, Any]]:
        """The tables of a list of them, empty if there is none."""
        found = self.values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            self.fail(f"{name} is not a list of tables; begin each with [[{name}]]", (name,))
        return found

    def check_names(self, values: Mapping[str, Any], known: Sequence[str], place: Place) -> None:
        """Refuse a key that is not known."""
        for key in values:
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
                self.fail(f"unknown key '{key}'; {hint}", (*place, key))

    def settings(self, kind: type[_Kind], values: Mapping[str, Any], place: Place) -> _Kind:
        """Settings of a table; a mistake gets the line of the key that the message names first."""
        self.check_names(values, [entry.name for entry in fields(kind)], place)
        try:
            return kind.from_values(values, "")
        except (ValueError, TypeError) as error:
            self.fail_at_key(str(error).removeprefix(f"{kind.label()}: "), values, place)

    def fail_at_key(self, error: object, values: Mapping[str, Any], place: Place) -> NoReturn:
        """Raise an error at the key of a table that it names first."""
        text = str(error)
        key = next((word for word in re.findall(r"\w+", text) if word in values), None)
        self.fail(text, *([(*place, key)] if key else []), place)
