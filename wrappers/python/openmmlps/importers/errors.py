# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""The error of the import filters, and the file that a message is about.

Messages read "where: what is wrong with the value seen; what to do".
"""

from __future__ import annotations

import hashlib
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


@dataclass
class Source:
    """A model file held in memory: its bytes, and its name for messages."""

    name: str
    data: bytes
    format: str = "unknown"
    _digest: str = field(default="", repr=False)

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
