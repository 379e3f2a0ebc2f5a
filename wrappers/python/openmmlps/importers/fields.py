# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Checked access to the fields of a dictionary that came out of an untrusted file."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .source import ModelImportError, Source, quote

_MISSING = object()


def given(value: object) -> bool:
    """Whether an option is set: not null, false, zero or empty. Safe for arrays, which a damaged file may put anywhere."""
    return value.size > 0 if isinstance(value, np.ndarray) else bool(value)


class Fields:
    """A dictionary with the path that messages call it by.

    Every accessor checks type and range and raises ModelImportError naming the path and the value seen. Absent keys take
    the default where one is given.
    """

    def __init__(self, source: Source, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise source.fault(f"{path} is {quote(value)} instead of a mapping")
        self.source = source
        self.value = value
        self.path = path

    def raw(self, key: str, default: Any = _MISSING) -> Any:
        """The value as it stands."""
        if key in self.value:
            return self.value[key]
        if default is _MISSING:
            raise self.source.fault(f"{self.path} has no '{key}'")
        return default

    def _bad(self, key: str, value: object, wanted: str) -> ModelImportError:
        return self.source.fault(f"{self.path}/{key} is {quote(value)} instead of {wanted}")

    def child(self, key: str) -> Fields:
        """A nested mapping."""
        return Fields(self.source, self.raw(key), f"{self.path}/{key}")

    def optional(self, key: str) -> Fields:
        """A nested mapping, empty if absent or null."""
        value = self.value.get(key)
        return Fields(self.source, {} if value is None else value, f"{self.path}/{key}")

    def given(self, key: str) -> bool:
        """Whether an option is present and set."""
        return given(self.value.get(key))

    def number(self, key: str, default: Any = _MISSING) -> float:
        """A finite number. Strings such as '1e-5', which some YAML writers leave behind, are read as numbers."""
        value = self.raw(key, default)
        return self.to_number(value, key)

    def to_number(self, value: object, key: str) -> float:
        """Check one value as a finite number."""
        if isinstance(value, str) and len(value) <= 40:
            try:
                value = float(value)
            except ValueError:
                pass
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.reshape(-1)[0].item()
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._bad(key, value, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._bad(key, value, "a finite number")
        return number

    def integer(self, key: str, low: int, high: int, default: Any = _MISSING) -> int:
        """An integer in [low, high]."""
        return self.to_integer(self.raw(key, default), key, low, high)

    def to_integer(self, value: object, key: str, low: int, high: int) -> int:
        """Check one value as an integer in [low, high]."""
        if isinstance(value, np.integer) or (isinstance(value, float) and value.is_integer()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._bad(key, value, f"an integer from {low} to {high}")
        return value

    def boolean(self, key: str, default: Any = _MISSING) -> bool:
        """True or false."""
        value = self.raw(key, default)
        if not isinstance(value, (bool, np.bool_)):
            raise self._bad(key, value, "true or false")
        return bool(value)

    def text(self, key: str, default: Any = _MISSING) -> str:
        """A string."""
        value = self.raw(key, default)
        if not isinstance(value, str):
            raise self._bad(key, value, "a string")
        return value

    def items(self, key: str, most: int, default: Any = _MISSING) -> list[Any]:
        """A list of at most the given length."""
        value = self.raw(key, default)
        if isinstance(value, tuple):
            value = list(value)
        if not isinstance(value, list):
            raise self._bad(key, value, "a list")
        if len(value) > most:
            raise self._bad(key, f"a list of {len(value)}", f"at most {most} entries")
        return value

    def integers(self, key: str, low: int, high: int, most: int, default: Any = _MISSING) -> list[int]:
        """A list of integers in [low, high]."""
        return [self.to_integer(v, key, low, high) for v in self.items(key, most, default)]

    def pairs(self, key: str, types: int, default: Any = _MISSING) -> list[list[int]]:
        """A list of pairs of types, made symmetric by sorting each pair, without repetition."""
        found = set()
        for pair in self.items(key, 4 * 128 * 128, default):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise self._bad(key, pair, "a list of pairs of types")
            found.add(tuple(sorted(self.to_integer(v, key, 0, types - 1) for v in pair)))
        return [list(pair) for pair in sorted(found)]

    def array(self, key: str, default: Any = _MISSING) -> np.ndarray | None:
        """An array of float64 or float32, or None where the file says null."""
        value = self.raw(key, default)
        if value is None:
            return None
        if not isinstance(value, np.ndarray):
            raise self._bad(key, value, "an array")
        if value.dtype not in (np.float64, np.float32):
            raise self._bad(key, f"an array of {value.dtype}", "float64 or float32 numbers")
        return value
