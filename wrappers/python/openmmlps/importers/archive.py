# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""ZIP archives held in memory, read with a limit on what an entry may unpack to."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from .source import ModelImportError, Source, quote

SIGNATURE = b"PK\x03\x04"
MOST_ENTRIES = 200_000
MOST_EXPANSION = 10  # of all entries together, over the file; numbers do not shrink, code and text two- to tenfold

_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    KeyError,
    IndexError,
)


class Archive:
    """The entries of a ZIP file by name."""

    def __init__(self, source: Source) -> None:
        self.source = source
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(source.data))
            self._entries = {info.filename: info for info in self._zip.infolist()}
        except _FAULTS as error:
            raise source.fault(f"it is no readable ZIP archive ({type(error).__name__})") from error
        if len(self._entries) > MOST_ENTRIES:
            raise source.fault(f"the archive has {len(self._entries)} entries")
        self._read: dict[str, bytes] = {}

    def names(self) -> list[str]:
        """Names of all entries."""
        return list(self._entries)

    def find(self, suffix: str) -> str | None:
        """Name of the first entry whose path ends with the given one below at most one folder."""
        for name in self._entries:
            if name == suffix or (name.endswith("/" + suffix) and name.count("/") == suffix.count("/") + 1):
                return name
        return None

    def read(self, name: str) -> bytes:
        """The unpacked bytes of an entry; each entry is unpacked only once."""
        if name in self._read:
            return self._read[name]
        info = self._entries.get(name)
        if info is None:
            raise self.source.fault(f"the archive has no entry {quote(name)}")
        unpacked = info.file_size + sum(map(len, self._read.values()))
        if unpacked > MOST_EXPANSION * self.source.size + 2**20:
            stored = min(info.compress_size, self.source.size)
            raise self.source.fault(
                f"the entry {quote(name)} would unpack from {stored} to {info.file_size} bytes",
                "no DeePMD-kit model shrinks that much, so do not trust the file",
            )
        try:
            data = self._zip.read(info)
        except ModelImportError:
            raise
        except _FAULTS as error:
            raise self.source.fault(f"the entry {quote(name)} is damaged ({type(error).__name__})") from error
        self._read[name] = data
        return data
