# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of one text attribute of the root group of an HDF5 file, after the published file format (version 3.0).

The HDF5 library takes the length of a text of variable length from the file, and allocates and clears that many bytes before it
looks at what is stored: four damaged bytes cost up to 4 GiB. Here nothing is taken that the file does not hold.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .source import ModelImportError, Source, quote

CONTINUATION, ATTRIBUTE = 0x10, 0x0C  # types of messages
STRING, VARIABLE_LENGTH = 3, 9  # classes of data types
SHARED = 2  # flag of a message that is stored elsewhere
MOST_MESSAGES = 10_000


def read_text_attribute(source: Source, name: str) -> str:
    """Read the text of an attribute of the root group.

    Parameters
    ----------
    source : Source
        the file
    name : str
        name of the attribute

    Returns
    -------
    str
        its text

    Raises
    ------
    ModelImportError
        if it is missing, no text, or damaged
    """
    return AttributeReader(source).text(name)


class AttributeReader:
    """Checked access to the bytes of a file."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def fault(self, problem: str) -> ModelImportError:
        """The error to raise."""
        return self.source.fault(f"it cannot be read as HDF5 with a model: {problem}")

    def slice(self, at: int, count: int) -> bytes:
        """Bytes at an address."""
        if at + count > self.source.size:
            raise self.fault(f"{count} bytes are wanted at byte {at} of {self.source.size}")
        return self.source.data[at : at + count]

    def numbers(self, layout: str, at: int) -> tuple[int, ...]:
        """Little-endian numbers at an address, in the notation of struct."""
        return struct.unpack("<" + layout, self.slice(at, struct.calcsize("<" + layout)))

    def text(self, name: str) -> str:
        """The text of an attribute."""
        for kind, flags, body in self._messages(self._root()):
            if kind == ATTRIBUTE and not flags & SHARED:
                found = self._attribute(body, name.encode())
                if found is not None:
                    try:
                        return found.split(b"\0")[0].decode("utf-8")
                    except UnicodeDecodeError:
                        raise self.fault(f"the attribute {quote(name)} is not UTF-8 text") from None
        raise self.fault(f"the root group has no attribute {quote(name)} in its header")

    def _root(self) -> int:
        """Address of the object header of the root group, from the superblock."""
        (version,) = self.numbers("B", 8)
        if version not in (0, 1, 2, 3):
            raise self.fault(f"version {version} of the superblock is unknown")
        # Versions 0 and 1: free space, root group, reserved, shared header, then the sizes; four addresses; the entry of the root group.
        sizes, base, root = ((13, 24, 64), (13, 28, 68), (9, 12, 36), (9, 12, 36))[version]
        if self.numbers("BB", sizes) != (8, 8) or self.numbers("Q", base) != (0,):
            raise self.fault("its addresses are not of 8 bytes from the start of the file")
        return self.numbers("Q", root)[0]

    def _messages(self, header: int) -> Iterator[tuple[int, int, bytes]]:
        """Type, flags and bytes of each message of an object header, through its continuations."""
        modern = self.slice(header, 4) == b"OHDR"
        chunks = [self._first_chunk_modern(header) if modern else self._first_chunk(header)]
        tracked = modern and self.numbers("B", header + 5)[0] & 4  # order of creation
        prefix = (6 if tracked else 4) if modern else 8
        seen = 0
        while chunks:
            at, end = chunks.pop(0)
            while at + prefix <= end:
                seen += 1
                if seen > MOST_MESSAGES:
                    raise self.fault(f"the root group has more than {MOST_MESSAGES} messages")
                kind, length, flags = self.numbers("BHB" if modern else "HHB", at)
                at += prefix
                if length > end - at:
                    raise self.fault(f"a message of {length} bytes at byte {at} does not fit its header")
                body = self.slice(at, length)
                at += length
                if kind == CONTINUATION and length >= 16:
                    start, size = struct.unpack("<QQ", body[:16])
                    # Modern continuations begin with a signature and end with a checksum.
                    chunks.append((start + 4, start + size - 4) if modern else (start, start + size))
                yield kind, flags, body

    def _first_chunk(self, header: int) -> tuple[int, int]:
        version, size = self.numbers("B7xI", header)
        if version != 1:
            raise self.fault(f"the root group has a header of version {version}")
        return header + 16, header + 16 + size

    def _first_chunk_modern(self, header: int) -> tuple[int, int]:
        version, flags = self.numbers("BB", header + 4)
        if version != 2:
            raise self.fault(f"the root group has a header of version {version}")
        at = header + 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)  # times; limits of attribute storage
        width = 1 << (flags & 3)
        return at + width, at + width + int.from_bytes(self.slice(at, width), "little")

    def _attribute(self, body: bytes, wanted: bytes) -> bytes | None:
        """The bytes of a text attribute, or None if it has another name."""
        if len(body) < 9 or body[0] not in (1, 2, 3):
            return None
        version = body[0]
        lengths = struct.unpack("<HHH", body[2:8])  # name, data type, data space
        at, parts = (9 if version == 3 else 8), []
        for length in lengths:
            parts.append(body[at : at + length])
            at += -(-length // 8) * 8 if version == 1 else length
        name, kind, space = parts
        if name.rstrip(b"\0") != wanted:
            return None
        if (version > 1 and body[1] & 3) or len(kind) < 8 or len(space) < 2 or space[1] != 0:
            raise self.fault(f"the attribute {quote(wanted)} is not one text")
        data = body[at:]
        if kind[0] & 15 == STRING:
            return data[: int.from_bytes(kind[4:8], "little")]
        if kind[0] & 15 == VARIABLE_LENGTH and kind[1] & 15 == 1 and len(data) >= 16:
            return self._heap_object(*struct.unpack("<IQI", data[:16]))
        raise self.fault(f"the attribute {quote(wanted)} is not one text")

    def _heap_object(self, length: int, heap: int, index: int) -> bytes:
        """An object of a global heap."""
        if self.slice(heap, 4) != b"GCOL":
            raise self.fault(f"there is no heap at byte {heap}")
        (size,) = self.numbers("Q", heap + 8)
        at, end = heap + 16, min(heap + size, self.source.size)
        while at + 16 <= end:
            number, stored = self.numbers("H6xQ", at)
            if number == 0:
                break
            if number == index:
                if length > stored:
                    raise self.fault(f"a text claims {length} bytes, but has {stored}")
                return self.slice(at + 16, length)
            at += 16 + -(-stored // 8) * 8
        raise self.fault(f"the heap at byte {heap} has no object {index}")
