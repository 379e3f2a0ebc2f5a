# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The folder of labels, in which several processes may work: two files that grow by whole frames, and claims."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._folder import differences, read_record, write_record
from .data import LEVEL

if TYPE_CHECKING:
    from .labels import Teacher


class Shared:
    """A folder of labels; use it in a `with` statement.

    Parameters
    ----------
    path : Path
        made if need be
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_dir():
            raise FileExistsError(f"label: '{path}' is a file; choose another --output")
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        # Locks of ranges of a file: they end with the process, however it ends, and hold across machines.
        self._locks = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        self.good, self.bad = Frames(path / "labelled.extxyz", self), Frames(path / "discarded.extxyz", self)

    def __enter__(self) -> Shared:
        self.refresh()
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._locks)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from the files for a moment."""
        fcntl.lockf(self._locks, fcntl.LOCK_EX, 1, 0)
        try:
            yield
        finally:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, 0)

    def refresh(self) -> None:
        """Take in what other processes have written."""
        with self.alone():
            self.good.read()
            self.bad.read()

    def claim(self, identity: str) -> bool:
        """Whether a structure is ours to label: nobody has done it, and nobody is at it."""
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1 + int(identity[:15], 16))
        except OSError:
            return False
        self.refresh()
        return identity not in self.good.known and identity not in self.bad.known

    def check(self, teacher: Teacher) -> None:
        """Refuse a folder with labels of another level. Raises ValueError."""
        path, record = self.path / "label.json", {LEVEL: teacher.level, **teacher.record}
        with self.alone():
            old = read_record(path)
            if old is not None and old != record:
                found = differences(old, record)
                raise ValueError(f"label: '{self.path}' holds labels of {found}; choose another folder")
            write_record(path, record)


class Frames:
    """A file of extended XYZ that grows by whole frames; a frame that a kill left half written is cut off.

    Parameters
    ----------
    path : Path
        which need not exist
    folder : Shared
        which keeps other processes out
    """

    def __init__(self, path: Path, folder: Shared) -> None:
        self.path, self._folder, self._size = path, folder, 0
        self.known: dict[str, str] = {}  #: reason, or nothing, by hash

    def read(self) -> None:
        """Take in new frames; the caller keeps other processes out."""
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size < self._size:  # somebody wants to try again what was discarded
            self._size, self.known = 0, {}
        if size == self._size:
            return
        import ase.io

        with open(self.path, "rb") as file:
            file.seek(self._size)
            data = file.read()
        whole = _whole_frames(data)
        if len(whole) < len(data):
            os.truncate(self.path, self._size + len(whole))
        self._size += len(whole)
        if whole:
            for atoms in ase.io.read(io.StringIO(whole.decode()), ":", format="extxyz"):
                identity = str(atoms.info["label_id"]).removeprefix("id-")
                self.known[identity] = str(atoms.info.get("reason", ""))

    def add(self, identity: str, atoms: Any) -> None:
        """Append a frame, and wait until it is on the disk."""
        import ase.io

        atoms.info["label_id"] = f"id-{identity}"  # a hash of digits alone would be read as a number
        memory = io.StringIO()
        ase.io.write(memory, atoms, format="extxyz")
        with self._folder.alone():
            self.read()
            with open(self.path, "ab") as file:
                file.write(memory.getvalue().encode())
                file.flush()
                os.fsync(file.fileno())
            self.read()

    def drop(self) -> None:
        """Forget all frames."""
        with self._folder.alone():
            if self.path.is_file():
                os.truncate(self.path, 0)
            self.read()


def _whole_frames(data: bytes) -> bytes:
    """The part of an extended XYZ file that consists of whole frames."""
    lines, at = data.splitlines(keepends=True), 0
    while at < len(lines) and lines[at].strip().isdigit():
        stop = at + 2 + int(lines[at])
        if stop > len(lines) or not lines[stop - 1].endswith(b"\n"):
            break
        at = stop
    return b"".join(lines[:at])
