# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A folder that a command fills: locked, and replaced only when what replaces it has begun.

What is new is prepared in the subfolder `.new`. When all input has been read and checked, `begin` renames that to
`.begun`, removes the old content, and moves the new content up, `inputs` last. A kill before the rename leaves the
old content; one after it is made good by the next command that opens the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

_LOCK, _NEW, _BEGUN, _MOVING = ".lock", ".new", ".begun", ".moving"
_Folder = TypeVar("_Folder", bound="OutputFolder")


class FolderInUse(ValueError):  # noqa: N818  it says what is the case
    """Another process works in a folder."""


class OutputFolder:
    """A locked folder; use it in a `with` statement, or call `close`.

    Subclasses say what they hold: `kind` for messages, `mark`, the file in `inputs` that is there once they are
    complete, `locate` and `clear`.
    """

    kind = ""
    mark = ""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.shown = Path(path)  #: as messages call it
        self._lock: int | None = None
        self.begun = True  #: False while new content is prepared aside
        self.locate(self.path)

    def locate(self, path: Path) -> None:
        """Name the files below `path`, which is the folder itself or where its new content is prepared."""
        raise NotImplementedError

    def clear(self) -> None:
        """Remove the old content, and nothing else."""
        raise NotImplementedError

    @classmethod
    def prepare(cls: type[_Folder], path: str | os.PathLike[str], overwrite: bool = False) -> _Folder:
        """Lock a folder, made if need be, for new content; its files are named in the place where that is prepared.

        Parameters
        ----------
        path : path
            must not exist, or be empty, or be of this kind and `overwrite` be True
        overwrite : bool
            replace what is there, once `begin` is called

        Returns
        -------
        OutputFolder
            of this kind, locked

        Raises
        ------
        FileExistsError
            if there is something already, and it is of another kind or `overwrite` is False
        ValueError
            if another process works there
        """
        folder = cls(path)
        made = not folder.path.exists()
        if not made and not folder.path.is_dir():
            raise FileExistsError(f"{cls.kind}: '{path}' is a file; choose another --output")
        folder.path.mkdir(parents=True, exist_ok=True)
        try:
            if not made:  # nothing is written into a folder of something else, not even a lock
                folder._check_free(overwrite)
            folder._take_lock()
            folder._finish()
            folder._check_free(overwrite)
            shutil.rmtree(folder.path / _NEW, ignore_errors=True)
            (folder.path / _NEW).mkdir()
        except BaseException:
            folder.close()
            if made:
                folder.discard()
            raise
        folder.begun = False
        folder.locate(folder.path / _NEW)
        return folder

    @classmethod
    def existing(cls: type[_Folder], path: str | os.PathLike[str], where: str) -> _Folder:
        """Lock a folder whose content is there.

        Raises
        ------
        FileNotFoundError
            if it does not hold what it should
        ValueError
            if another process works there
        """
        folder = cls(path)
        if not folder._is_there() and not folder._was_begun():
            raise FileNotFoundError(f"{where}: '{path}' holds no {cls.kind}; start one without --resume")
        folder._take_lock()
        folder._finish()
        return folder

    def begin(self) -> None:
        """Let what was prepared take the place of what was there."""
        os.replace(self.path / _NEW, self.path / _BEGUN)
        self._finish()
        self.begun = True
        self.locate(self.path)

    def discard(self) -> None:
        """Remove what was prepared, and the folder if nothing else is in it."""
        shutil.rmtree(self.path / _NEW, ignore_errors=True)
        if not self._foreign() and not self._was_begun():
            (self.path / _LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # the working folder of someone, say; it is empty at least
                self.path.rmdir()

    @contextlib.contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """Release the lock if the body fails, and remove what was prepared but has not begun."""
        try:
            yield
        except BaseException:
            if not self.begun:
                self.discard()
            self.close()
            raise

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self: _Folder) -> _Folder:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _take_lock(self) -> None:
        self._lock = lock_folder(self.path)

    def _is_there(self) -> bool:
        return (self.path / "inputs" / self.mark).is_file()

    def _was_begun(self) -> bool:
        return any((self.path / name / "inputs" / self.mark).is_file() for name in (_BEGUN, _MOVING))

    def _foreign(self) -> list[str]:
        """Whatever is in the folder besides its lock and what is prepared."""
        return sorted({file.name for file in self.path.iterdir()} - {_LOCK, _NEW, _BEGUN, _MOVING})

    def _check_free(self, overwrite: bool) -> None:
        complete = self._is_there() or self._was_begun()
        inputs = {file.name for file in (self.path / "inputs").glob("*.json")} - {"model.json"}
        killed = (self.path / _LOCK).is_file() and not inputs  # while it was being made, by an earlier version
        if self._foreign() and not complete and not killed:
            raise FileExistsError(
                f"{self.kind}: '{self.shown}' exists and is not a {self.kind}; choose another --output"
            )
        if complete and not overwrite:
            raise FileExistsError(
                f"{self.kind}: '{self.shown}' holds a {self.kind} already; continue it with --resume, replace it with "
                "--overwrite, or choose another --output"
            )

    def _finish(self) -> None:
        """Carry `begin` to its end, from wherever a kill has stopped it."""
        begun, moving = self.path / _BEGUN, self.path / _MOVING
        if begun.is_dir():
            self.clear()
            os.replace(begun, moving)
        if moving.is_dir():
            for file in sorted(moving.iterdir(), key=lambda file: file.name == "inputs"):
                os.replace(file, self.path / file.name)
            moving.rmdir()


def lock_folder(path: str | os.PathLike[str]) -> int:
    """Lock the folder for this process; the lock goes with the process, however it ends.

    Returns
    -------
    int
        descriptor of the lock file; closing it releases the lock

    Raises
    ------
    FolderInUse
        if another process has it
    """
    descriptor = os.open(Path(path) / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise FolderInUse(f"run: another process is working in '{path}'; wait for it or stop it first") from None
    except OSError:
        pass  # a file system without locks: better to run without one than not at all
    return descriptor
