# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where in a TOML file a value stands, so that a message can name the line."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
