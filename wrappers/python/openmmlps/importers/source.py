# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""The error of the import filters, and the file that a message is about.

Messages read "where: what is wrong with the value seen; what to do".
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

DAMAGED = "the file is damaged or not a DeePMD-kit model, so copy, freeze or convert it again"

SUPPORTED = (
    "openmm-lps evaluates one se_e2_a descriptor with energy fitting: train or convert such a model, "
    "or run this one with DeePMD-kit itself."
)


class ModelImportError(ValueError):
    """A model file cannot be read, or holds something that openmm-lps does not evaluate."""


def quote(value: object, limit: int = 60) -> str:
    """Short, single-line text of a plain value for messages; anything else is named by its type only.

    Containers are never printed: a hostile file can make them print without end.
    """
    if value is None or isinstance(value, (bool, float)):
        return str(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 128 else "a huge integer"
    if isinstance(value, (str, bytes)):
        text = value if isinstance(value, str) else value.decode("utf-8", "replace")
        text = "".join(c if c.isprintable() else "?" for c in text[: limit + 1])
        return f"'{text[:limit]}...'" if len(text) > limit else f"'{text}'"
    return f"a {type(value).__name__}"


SPARE_MEMORY = 64 * 2**20  # bytes; small files may repeat numbers, name many types, hold mostly text
OBJECT_MEMORY = 80  # bytes of a small Python object with its place in a container


@dataclass
class Source:
    """A model file held in memory: its bytes, and its name for messages."""

    name: str
    data: bytes
    format: str = "unknown"
    _digest: str = field(default="", repr=False)
    _claimed: int = field(default=0, repr=False)

    def claim(self, size: int) -> None:
        """Ask for memory before it is allocated: over a whole import at most ten times the file and 64 MiB.

        Everything whose size a file can choose is asked for here. Raises ModelImportError.
        """
        self._claimed += size
        if self._claimed > 10 * self.size + SPARE_MEMORY:
            raise self.fault(f"its {self.size} bytes cannot justify the {self._claimed} bytes of memory they ask for")

    def load_json(self, text: str | bytes) -> object:
        """The value of a JSON text, whose memory is estimated from its brackets and commas first.

        Raises ValueError and RecursionError as json.loads does, and ModelImportError.
        """
        marks = (("[", OBJECT_MEMORY), ("{", OBJECT_MEMORY), (",", 32), (":", 100))
        code = (lambda mark: mark.encode()) if isinstance(text, bytes) else (lambda mark: mark)
        self.claim(sum(size * text.count(code(mark)) for mark, size in marks))
        return json.loads(text)

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the bytes."""
        if not self._digest:
            self._digest = hashlib.sha256(self.data).hexdigest()
        return self._digest

    def fault(self, problem: str, advice: str = DAMAGED) -> ModelImportError:
        """The error to raise for a fault of this file."""
        return ModelImportError(f"{self.name}: {problem}; {advice}.")
