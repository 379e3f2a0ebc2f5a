# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A file that changes all at once or not at all.

HDF5 rewrites its metadata in place, so a process that is killed, or a disk that fills up, in the middle of a flush
leaves a file that nothing can read. Here HDF5 writes into memory, and `commit` brings the changed pages to the file in
an order that is safe at every point:

1. pages beyond the old end are appended: nothing refers to them yet;
2. changed old pages go to a journal beside the file, which is then synchronised;
3. the journal is copied into the file and removed.

A crash before the end of 2 leaves the old content; after it, `recover` finishes step 3. Between commits the file is
closed as far as HDF5 is concerned, so that other programs can read it while a run goes on.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PAGE = 4096
_MAGIC = b"LPSJRNL1"


def journal_path(path: str | os.PathLike[str]) -> Path:
    """Name the journal that belongs to a file."""
    return Path(f"{path}.journal")


def recover(path: str | os.PathLike[str]) -> None:
    """Finish an interrupted commit, or drop its incomplete journal; does nothing for a sound file."""
    journal = journal_path(path)
    if not journal.exists():
        return
    pages = _read_journal(journal)
    if pages:
        _apply(path, pages)
    journal.unlink()


@contextmanager
def transaction(path: str | os.PathLike[str]) -> Iterator[PagedFile]:
    """Open an existing file for HDF5 with all changes kept in memory until the block ends without an exception.

    Yields
    ------
    PagedFile
        a file object for ``h5py.File(fileobj, "r+")``; close the h5py.File inside the block
    """
    recover(path)
    with PagedFile(path) as pages:
        yield pages
        pages.commit()


class PagedFile:
    """A binary file object whose writes stay in memory until `commit`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).absolute()
        self._file = open(path, "rb")  # noqa: SIM115  closed by __exit__
        self._base_size = self._size = os.fstat(self._file.fileno()).st_size
        self._pages: dict[int, bytearray] = {}
        self._position = 0

    def __enter__(self) -> PagedFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, as in any file object."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        """Position in bytes."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view):
            index, start = divmod(self._position, _PAGE)
            piece = self._page(index)[start : start + len(view) - done]
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def read(self, size: int = -1) -> bytes:
        """Read bytes; below 0: up to the end."""
        buffer = bytearray(max(0, self._size - self._position) if size < 0 else size)
        self.readinto(buffer)
        return bytes(buffer)

    def write(self, data: Any) -> int:
        """Keep bytes in memory."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            index, start = divmod(self._position, _PAGE)
            piece = view[done : done + _PAGE - start]
            if index not in self._pages:
                self._pages[index] = bytearray(_PAGE if len(piece) == _PAGE else self._page(index))
            self._pages[index][start : start + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        self._size = max(self._size, self._position)
        return done

    def truncate(self, size: int | None = None) -> int:
        """Change the size; None: to the position."""
        self._size = self._position if size is None else size
        return self._size

    def flush(self) -> None:
        """HDF5 may flush when it likes; nothing reaches the file before `commit`."""

    def commit(self) -> None:
        """Write all changes.

        Raises
        ------
        OSError
            for example for a full disk; the file then still holds its old content
        """
        old_pages = -(-self._base_size // _PAGE)
        appended = {i: page for i, page in self._pages.items() if i >= old_pages and i * _PAGE < self._size}
        changed = {i: page for i, page in self._pages.items() if i < old_pages}
        if not self._pages and self._size == self._base_size:
            return
        _apply(self._path, appended)
        if changed:
            _write_journal(journal_path(self._path), changed)
            _apply(self._path, changed)
        descriptor = os.open(self._path, os.O_RDWR)
        try:
            os.ftruncate(descriptor, self._size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        journal_path(self._path).unlink(missing_ok=True)

    def _page(self, index: int) -> bytes | bytearray:
        if index in self._pages:
            return self._pages[index]
        self._file.seek(index * _PAGE)
        return self._file.read(_PAGE).ljust(_PAGE, b"\0")


def _apply(path: str | os.PathLike[str], pages: Mapping[int, bytes | bytearray]) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        for index in sorted(pages):
            _write_all(descriptor, bytes(pages[index]), index * _PAGE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _write_journal(journal: Path, pages: Mapping[int, bytes | bytearray]) -> None:
    body = b"".join(struct.pack("<Q", index) + bytes(page) for index, page in sorted(pages.items()))
    head = _MAGIC + struct.pack("<QI", len(pages), zlib.crc32(body))
    descriptor = os.open(journal, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        _write_all(descriptor, head + body, 0)
        os.fsync(descriptor)
    except OSError:
        journal.unlink()
        raise
    finally:
        os.close(descriptor)


def _read_journal(journal: Path) -> dict[int, bytes]:
    """Pages of a complete journal; nothing if it was cut off while being written."""
    content = journal.read_bytes()
    head = len(_MAGIC) + 12
    if len(content) < head or not content.startswith(_MAGIC):
        return {}
    count, checksum = struct.unpack("<QI", content[len(_MAGIC) : head])
    body = content[head:]
    if len(body) != count * (8 + _PAGE) or zlib.crc32(body) != checksum:
        return {}
    entries = (body[start : start + 8 + _PAGE] for start in range(0, len(body), 8 + _PAGE))
    return {struct.unpack("<Q", entry[:8])[0]: entry[8:] for entry in entries}
