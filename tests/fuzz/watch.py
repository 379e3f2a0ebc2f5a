# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""One import of untrusted bytes, watched: what it may raise, how much memory the process may take, and which input it was.

The address space is limited, so that no input can take the machine with it, but wide enough for what a 32-bit length asks for: a C
library that is refused memory reports it as it reports any other damage. What counts is the resident peak of each single import, C
libraries included, compared with what the input justifies. And the input lies in a file before it is read, so that it is there whatever happens
to the process.
"""

import mmap
import resource
import struct
from pathlib import Path

ADDRESS_SPACE = 6 * 2**30  # bytes beyond those at the start
SLACK = 32 * 2**20  # bytes; allocators keep what was freed


def allowed_memory(size):
    """Bytes by which an input of some bytes may raise the resident memory: what ``Source.claim`` grants, and slack."""
    return 10 * size + 64 * 2**20 + SLACK


def address_space():
    """Bytes of virtual memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def peak_of(call):
    """Run a call; how far the resident memory rose meanwhile (bytes) and its result."""
    with open("/proc/self/clear_refs", "w") as file:  # the peak so far is forgotten
        file.write("5")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = call()
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before), result


class LastInput:
    """A file that holds the input being read, also after the process was killed: number, length, bytes."""

    HEAD = struct.Struct("<QQ")

    def __init__(self, path, most=2**24):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w+b") as file:
            file.truncate(self.HEAD.size + most)
            self._map = mmap.mmap(file.fileno(), self.HEAD.size + most)
        self.most = most

    def put(self, number, data):
        """Note the input that is read next. Of longer ones the beginning."""
        data = data[: self.most]
        self._map[: self.HEAD.size] = self.HEAD.pack(number, len(data))
        self._map[self.HEAD.size : self.HEAD.size + len(data)] = data

    @classmethod
    def get(cls, path):
        """Number and bytes of the input that was read last."""
        content = Path(path).read_bytes()
        number, length = cls.HEAD.unpack_from(content)
        return number, content[cls.HEAD.size : cls.HEAD.size + length]


class Watch:
    """Imports inputs, each within its limits. Made after everything has been loaded."""

    def __init__(self, last_input):
        from openmmlps.importers import ModelImportError, import_bytes

        self._refusal, self._import_bytes = ModelImportError, import_bytes
        self.last = LastInput(last_input)
        limit = address_space() + ADDRESS_SPACE
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def run(self, data, number=0):
        """Import one input.

        :return: the message of the refusal, or None for a model. Raises AssertionError for anything else that went wrong.
        """
        self.last.put(number, data)
        grown, message = peak_of(lambda: self._attempt(data))
        assert grown <= allowed_memory(len(data)), f"{len(data)} bytes took {grown / 2**20:.0f} MiB of memory"
        return message

    def _attempt(self, data):
        try:
            model = self._import_bytes(data, "fuzz.model")
        except self._refusal as error:
            message = str(error)
            assert "fuzz.model" in message and message.endswith(".") and len(message) <= 4000, (
                f"an unfit message: {message!r}"
            )
            assert "MemoryError" not in message, f"out of memory: {message!r}"
            return message
        again = self._import_bytes(model.to_bytes(), "again.safetensors")
        assert again.to_bytes() == model.to_bytes()
        return None
