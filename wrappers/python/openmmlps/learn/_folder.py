# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A folder in which one process works, and whose record says what is made there."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openmmlps.app.replace import replace_file


@contextlib.contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Make a folder if need be, and keep other processes out of it. Raises ValueError if one is in it."""
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{what}: '{folder}' is a file; choose another --output")
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{what}: another process works in '{folder}'; wait for it, or choose another") from None
        yield


def read_record(path: Path) -> dict[str, Any] | None:
    """Content of a JSON file, or None if there is none. Raises ValueError if it is damaged."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"'{path}' is damaged ({error}); remove the folder, or choose another") from None
    return dict(content)


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file as a whole."""
    replace_file(path, (json.dumps(content, indent=1) + "\n").encode())


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What differs between two records, as 'name 1 (not 2)'."""
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ", ".join(f"{key} {_short(old.get(key))} (not {_short(new.get(key))})" for key in keys)


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 60 else text[:50] + "..."
