# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Machine code of CUDA kernels without a GPU: NVRTC compiles, nvdisasm shows, loops are found from branches back."""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

INSTRUCTION = re.compile(r"^\s*(?:/\*([0-9a-f]+)\*/)\s+(?:(@!?U?P\w+)\s+)?([A-Z][\w.]*)([^;]*);")
LABEL = re.compile(r"^(\.L_x_\d+):")
REPORT = re.compile(r"entry function '(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers([^\n]*)", re.DOTALL)


class Compiler:
    """NVRTC of a library.

    Parameters
    ----------
    library : Path
        libnvrtc.so
    """

    def __init__(self, library: Path) -> None:
        self.nvrtc = ctypes.CDLL(str(library))

    def _text(self, program: ctypes.c_void_p, name: str) -> bytes:
        size = ctypes.c_size_t()
        getattr(self.nvrtc, f"nvrtcGet{name}Size")(program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        getattr(self.nvrtc, f"nvrtcGet{name}")(program, buffer)
        return buffer.raw

    def compile(self, source: str, architecture: str) -> tuple[bytes, str]:
        """Binary and the compiler's report of a program, with the options of OpenMM. `architecture` is such as sm_90."""
        program = ctypes.c_void_p()
        self.nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), None, 0, None, None)
        options = [f"-arch={architecture}".encode(), b"--use_fast_math", b"--ptxas-options=-v"]
        status = self.nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        report = self._text(program, "ProgramLog").decode(errors="replace")
        if status != 0:
            raise RuntimeError(report)
        return self._text(program, "CUBIN"), report


@dataclass
class Loop:
    """A range of instructions that a branch back repeats; `own` are those in none of the loops inside."""

    begin: int
    end: int
    own: Counter = field(default_factory=Counter)
    children: list[Loop] = field(default_factory=list)

    def total(self) -> Counter:
        """Instructions of the loop and of those inside, each counted once."""
        return sum((child.total() for child in self.children), Counter(self.own))

    def walk(self):
        """The loop and all inside."""
        yield self
        for child in self.children:
            yield from child.walk()

    def count(self, *names: str) -> int:
        """Instructions of these names, with the loops inside, each counted once."""
        return sum(n for op, n in self.total().items() if op.split(".")[0] in names)


@dataclass
class Kernel:
    """Name, registers, spilled bytes, bytes of local memory, and the code as a tree of loops."""

    name: str
    registers: int
    spilled: int
    shared: int
    code: Loop


def _build(instructions: list[tuple[str, str]], labels: dict[str, int]) -> Loop:
    # The last branch back to a label ends its loop; the branch of a kernel's end to itself is none.
    ends: dict[int, int] = {}
    for at, (op, rest) in enumerate(instructions):
        target = re.search(r"`\((\.L_x_\d+)\)", rest)
        if op.split(".")[0] == "BRA" and target and labels[target[1]] < at:
            ends[labels[target[1]]] = at
    root = Loop(0, len(instructions))
    stack = [root]
    for at, (op, _) in enumerate(instructions):
        while at > stack[-1].end:
            stack.pop()
        if at in ends:
            stack.append(Loop(at, ends[at]))
            stack[-2].children.append(stack[-1])
        if op != "NOP":
            stack[-1].own[op] += 1
    return root


def disassemble(binary: bytes, report: str, nvdisasm: Path) -> dict[str, Kernel]:
    """The kernels of a binary.

    Parameters
    ----------
    binary, report : bytes, str
        from Compiler.compile()
    nvdisasm : Path
        the program
    """
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        text = subprocess.run([nvdisasm, "-c", file.name], check=True, capture_output=True, text=True).stdout
    facts = {m[1]: m for m in REPORT.finditer(report)}
    kernels = {}
    for part in re.split(r"^\s*\.section\s+\.text\.", text, flags=re.MULTILINE)[1:]:
        name = part.split(",")[0].strip()
        instructions: list[tuple[str, str]] = []
        labels: dict[str, int] = {}
        for line in part.splitlines():
            if match := LABEL.match(line):
                labels[match[1]] = len(instructions)
            elif match := INSTRUCTION.match(line):
                instructions.append((match[3], match[4]))
        shared = re.search(r"(\d+) bytes smem", facts[name][4])
        kernels[name] = Kernel(
            name,
            int(facts[name][3]),
            int(facts[name][2]),
            int(shared[1]) if shared else 0,
            _build(instructions, labels),
        )
    return kernels
