#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Work of the GPU kernels per atom, counted in CUDA's machine code without a GPU, and the speed that it lets expect.

    python benchmarks/kernel_counts.py BUILD MODEL.safetensors CELL.extxyz

BUILD is a build folder with tests and benchmarks. Needs the packages nvidia-cuda-nvrtc, nvidia-cuda-nvdisasm, ase and vesin. The
columns and the model behind the prediction are explained in docs/notes/gpu-kernels.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter, OrderedDict
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from sass import Compiler, Kernel, Loop, disassemble

MULTIPLY = ("FFMA", "DFMA")
CHUNK = 256  # LPS_CHUNK_DEPTH of kernels/fitting.cc
EFFICIENCY = 0.85  # of what a kernel can reach at best; of well-tuned matrix products
LISTED = 1.45  # neighbors in the list for one within the cutoff


@dataclass
class Gpu:
    """Rates of a GPU; cache is L1 and local memory of a multiprocessor in bytes, the L2 rate is in bytes per second."""

    name: str
    architecture: str
    multiprocessors: int
    clock: float
    lanes: int
    lanes64: int
    l2: float
    memory: float
    cache: int


GPUS = [
    Gpu("H200", "sm_90", 132, 1.98e9, 128, 64, 5.5e12, 4.8e12, 256 * 1024),
    Gpu("RTX 4090", "sm_89", 128, 2.52e9, 128, 2, 5.0e12, 1.0e12, 128 * 1024),
    Gpu("A100", "sm_80", 108, 1.41e9, 64, 32, 4.0e12, 1.6e12, 192 * 1024),
]


@dataclass
class Work:
    """Of one kernel: per atom and step, in instructions of a warp; bytes without those of tables that L1 holds."""

    kernel: Kernel
    launches: int
    instructions: float
    multiplies: float
    l1: float
    l2: float
    waves: float  # time of the last, partly filled wave included: 1 is best
    groups: int  # on a multiprocessor
    widths: str = "-"
    step: float = 0.0  # share of multiply-adds over a whole step of depth

    def seconds(self, gpu: Gpu, double: bool) -> float:
        """For an atom, with every multiprocessor at work."""
        rate = gpu.multiprocessors * gpu.clock
        lanes = gpu.lanes64 if double else gpu.lanes
        limits = [
            self.instructions / (4 * rate),
            32 * self.multiplies / (lanes * rate),
            self.l1 / (128 * rate),
            self.l2 / gpu.l2,
        ]
        return max(limits) * self.waves / EFFICIENCY


class Case:
    """Programs of a precision and a kind of device.

    Parameters
    ----------
    folder : Path
        where lps_kernel_sources has written
    label : str
        such as "single.gpu-large"
    """

    def __init__(self, folder: Path, label: str) -> None:
        self.folder, self.label = folder, label
        self.model = json.loads((folder / "model.json").read_text())
        self.settings = {k.removeprefix("LPS_"): int(v) for k, v in self.model["settings"][label].items()}
        self.double = label.startswith("double")
        self.real = 8 if self.double else 4

    def pitch(self, n: int) -> int:
        """Columns of a matrix in memory."""
        unit = self.settings["PITCH_UNIT"]
        return ceil(n / unit) * unit

    def tile_rows(self, gpu: Gpu) -> int:
        """Rows of a tile; fitTileRows() of DeviceSettings.cpp."""
        unit = self.settings["BLOCK_ROWS"] * gpu.multiprocessors
        return unit * max(1, (self.settings["tileRows"] + unit // 2) // unit)

    def kernels(self, compiler: Compiler, nvdisasm: Path, architecture: str) -> dict[str, Kernel]:
        """All kernels of the case by name."""
        found: dict[str, Kernel] = {}
        for program in ("list", "descriptor", "fitting", "forces"):
            source = (self.folder / f"{self.label}.{program}.cu").read_text()
            source = source.replace("lpsActivate(activation,", "lpsActivate(1,")  # a model of tanh goes no other way
            found |= disassemble(*compiler.compile(source, architecture), nvdisasm)
        return found


def evaluate(loop: Loop, trips) -> Counter:
    """Instructions that a thread executes in a loop, by how often `trips` says each loop inside runs."""
    total = Counter(loop.own)
    for child in loop.children:
        for name, count in evaluate(child, trips).items():
            total[name] += count * trips(child)
    return total


def resident(kernel: Kernel, threads: int, gpu: Gpu) -> int:
    """Work groups that a multiprocessor holds."""
    registers = ceil(kernel.registers / 8) * 8 * 32 * ceil(threads / 32)
    by_memory = gpu.cache * 0.9 // (kernel.shared + 1024)
    return int(max(1, min(65536 // registers, by_memory, 2048 // threads, 32)))


def count(instructions: Counter, names: tuple[str, ...]) -> float:
    """How many of the instructions have one of the names."""
    return sum(n for op, n in instructions.items() if op.split(".")[0] in names)


def waste(tasks: int, places: int) -> float:
    """Time over that of full waves."""
    return ceil(tasks / places) * places / tasks


def count_layer(case: Case, kernel: Kernel, gpu: Gpu, inputs: int, outputs: int, rows: int) -> Work:
    """A product of [rows][inputs] and [inputs][outputs] with what follows."""
    s = case.settings
    block, tile, depth = s["BLOCK_ROWS"], s["TILE_OUTPUTS"], s["TILE_DEPTH"]
    own = s["THREAD_ROWS"] * s["THREAD_OUTPUTS"]
    threads = block // s["THREAD_ROWS"] * (tile // s["THREAD_OUTPUTS"])
    steps = ceil(inputs / depth)
    step = next(loop for loop in kernel.code.walk() if loop.own["BAR.SYNC.DEFER_BLOCKING"])

    def trips(loop: Loop) -> float:
        if loop is step:
            return min(steps, CHUNK // depth) if kernel.name != "backwardLayer" else steps
        inside = any(child is loop for child in step.walk())
        if inside and loop.count(*MULTIPLY) >= own:
            return depth * own / loop.count(*MULTIPLY)
        if inside:
            return block * depth / threads / loop.count("STS")
        if any(child is step for child in loop.walk()):
            return 1 if loop in kernel.code.children or kernel.name == "backwardLayer" else ceil(inputs / CHUNK)
        if loop.count("MUFU"):
            return 1 if loop in kernel.code.children else 2 * own / loop.count("STG")
        return 0  # residuals of the backward layers

    whole = evaluate(kernel.code, trips)
    one = evaluate(step, trips)
    multiply = max(step.walk(), key=lambda loop: loop.count(*MULTIPLY) / sum(loop.total().values()))
    loads = Counter(op for op in multiply.total().elements() if op.startswith("LDS"))
    columns = case.pitch(outputs) // tile
    warps = columns * threads / 32 / block
    groups = resident(kernel, threads, gpu)
    loaded = columns * steps * depth * case.real * (tile / block + (2 if kernel.name == "backwardLayer" else 1))
    if kernel.name == "forwardDescriptor":
        loaded += columns * steps * depth * 7 * case.real  # two rows of A for one number, instead of the number
    return Work(
        kernel,
        1,
        warps * sum(whole.values()),
        warps * own * steps * depth,
        loaded,
        loaded / 2,
        waste(columns * rows // block, groups * gpu.multiprocessors),
        groups,
        ", ".join(f"{n} {op}" for op, n in loads.items()),
        own * depth / sum(one.values()),
    )


def count_fitting(case: Case, kernels: dict[str, Kernel], gpu: Gpu, width: int) -> list[Work]:
    """All layers, forward and backward."""
    rows, inputs = case.tile_rows(gpu), case.model["inputs"]
    forward = [count_layer(case, kernels["forwardDescriptor"], gpu, inputs, width, rows)]
    forward += 2 * [count_layer(case, kernels["forwardLayer"], gpu, width, width, rows)]
    backward = 2 * [count_layer(case, kernels["backwardLayer"], gpu, width, width, rows)]
    return [*forward, *backward, count_layer(case, kernels["backwardLayer"], gpu, width, inputs, rows)]


def count_pairs(case: Case, kernel: Kernel, gpu: Gpu, pairs: float, table_bytes) -> Work:
    """A kernel whose threads share the channels of a pair. `table_bytes(rows, cache)` is what L1 does not hold."""
    s = case.settings
    rounds = s["ROUND_PAIRS"]
    inner = max((loop for loop in kernel.code.walk() if not loop.children), key=lambda loop: loop.count(*MULTIPLY))
    per_pair = Counter(inner.total())
    fixed = Counter(kernel.code.total())
    fixed.subtract(per_pair)
    around = sum(fixed.values()) * (pairs / rounds if kernel.name == "computeForces" else 1)
    threads = s["LANES"] * s["GROUP_ROWS"]
    groups = resident(kernel, threads, gpu)
    cache = int(0.9 * (gpu.cache - groups * kernel.shared))
    share = s["LANES"] / 32
    nodes = 2 * 3 * ceil(case.model["width"] / 4) * 4 * case.real
    stream = pairs * (6 * case.real + 8) + case.model["width"] * 4 * case.real
    return Work(
        kernel,
        1,
        share * (pairs * sum(per_pair.values()) + around),
        share * pairs * count(per_pair, MULTIPLY),
        pairs * nodes + stream,
        table_bytes(groups * s["GROUP_ROWS"], cache) + stream,
        waste(case.tile_rows(gpu) // s["GROUP_ROWS"], groups * gpu.multiprocessors),
        groups,
        ", ".join(f"{n} {op}" for op, n in per_pair.items() if op.startswith("LDG") and n > 2),
    )


def count_plain(case: Case, kernel: Kernel, gpu: Gpu, threads: float, trips: float) -> Work:
    """A kernel of independent threads: the innermost loop that stores so many times, all else once."""
    inner = min(
        (loop for loop in kernel.code.walk() if loop.own["STG.E.128"]), key=lambda loop: sum(loop.total().values())
    )
    total = sum(kernel.code.total().values()) - sum(inner.total().values())
    instructions = threads / 32 * (total + trips * sum(inner.total().values()))
    groups = resident(kernel, 128, gpu)
    moved = threads * trips * 6 * case.real
    return Work(kernel, 1, instructions, 0, moved, moved, 1.0, groups)


def count_projection(case: Case, kernel: Kernel, gpu: Gpu) -> Work:
    """G from dE/dD, a work group for an atom. Branches that only some warps take count for all: an upper bound."""
    s = case.settings
    threads = s["LANES"] * s["GROUP_ROWS"]
    width, axis = case.model["width"], case.model["axis"]
    below = (width - axis) * axis / threads

    def trips(loop: Loop) -> float:
        if loop.children or loop in kernel.code.children:
            return 1
        if loop.count("STS"):
            wanted = (
                width / threads
                if loop.count("LDG") == loop.own["STS.128"]
                else case.pitch(case.model["inputs"]) / threads
            )
            return 1 if loop.count(*MULTIPLY) else wanted / loop.count("STS")
        return (
            4
            * (below if loop.count("LDS") * 2 > loop.count("ISETP", "IMAD") else axis * axis / threads)
            / max(1, loop.count(*MULTIPLY))
        )

    instructions = threads / 32 * sum(evaluate(kernel.code, trips).values())
    multiplies = 4 * (below + width * axis / threads) * threads / 32
    moved = (8 * width + case.pitch(case.model["inputs"])) * case.real
    groups = resident(kernel, threads, gpu)
    return Work(kernel, 1, instructions, multiplies, moved, moved, 1.0, groups)


class Tables:
    """Which nodes of the radial tables the neighbors of the atoms of a structure need.

    Parameters
    ----------
    case : Case
    cell : Path
        a crystal; what is near counts, so a small cell does
    """

    def __init__(self, case: Case, cell: Path) -> None:
        import ase.io
        import vesin

        atoms = ase.io.read(cell)
        atoms.rattle(0.1, seed=1)
        types = np.array([case.model["types"].index(symbol) for symbol in atoms.get_chemical_symbols()])
        i, j, d = vesin.ase_neighbor_list("ijd", atoms, case.model["cutoff"])
        self.pairs = len(i) / len(atoms)
        self.case, self.types = case, types
        number = len(case.model["types"])
        grids = case.model["tables"][case.label.split(".")[0]]
        starts = [np.concatenate([[0], np.cumsum(grid)]) for grid in grids]
        self.needs: list[list[tuple[int, int]]] = []
        for atom in range(len(atoms)):
            own = []
            for k in np.flatnonzero(i == atom):
                pair = types[atom] * number + types[j[k]]
                octave = int(np.floor(np.log2(d[k] / 0.5)))
                within = (d[k] / 0.5 / 2**octave - 1) * 16
                index = 16 * octave + int(within)
                row = starts[pair][index] + int((within % 1) * grids[pair][index])
                own.append((pair, int(row)))
            self.needs.append(sorted(own, key=lambda need: need[0]))

    def missed_bytes(self, rows: int, cache: int) -> float:
        """Bytes of nodes that an atom takes from L2, where a multiprocessor has so many rows at work, all of one type."""
        source = random.Random(1)
        size = 3 * ceil(self.case.model["width"] / 4) * 4 * self.case.real
        held: OrderedDict[tuple[int, int], None] = OrderedDict()
        missed = served = 0
        for center in range(len(self.case.model["types"])):
            own = [need for need, kind in zip(self.needs, self.types, strict=True) if kind == center]
            share = sum(self.types == center) / len(self.types)
            for _ in range(max(1, round(20 * share))):
                batch = [list(source.choice(own)) for _ in range(rows)]
                served += rows
                for k in range(max(map(len, batch))):
                    for pair, row in (need[k] for need in batch if k < len(need)):
                        for node in ((pair, row), (pair, row + 1)):
                            missed += node not in held
                            held[node] = None
                            held.move_to_end(node)
                            if len(held) * size > cache:
                                held.popitem(last=False)
        return missed * size / served


def count_all(case: Case, kernels: dict[str, Kernel], gpu: Gpu, tables: Tables, width: int) -> dict[str, list[Work]]:
    """Work of every kernel of a step without a rebuild of the list, several launches of a kernel in one list."""
    pairs, types = tables.pairs, len(case.model["types"])
    project = count_projection(case, kernels["projectGradient"], gpu)
    result: dict[str, list[Work]] = {
        "computeEnvironment": [count_plain(case, kernels["computeEnvironment"], gpu, types, LISTED * pairs / types)],
        "contractEnvironment": [count_pairs(case, kernels["contractEnvironment"], gpu, pairs, tables.missed_bytes)],
        "projectGradient": [project],
        "computeForces": [count_pairs(case, kernels["computeForces"], gpu, pairs, tables.missed_bytes)],
    }
    for work in count_fitting(case, kernels, gpu, width):
        result.setdefault(work.kernel.name, []).append(work)
    return result


def print_kernels(case: Case, gpu: Gpu, works: dict[str, list[Work]]) -> None:
    """A line of Markdown for each kernel."""
    print(
        "| kernel | instructions | FFMA, % | of a step, % | loads | L1, kB | L2, kB | registers | spilled | groups | waves | ns |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name, group in works.items():
        first, instructions = group[0], sum(work.instructions for work in group)
        multiplies = sum(work.multiplies for work in group)
        print(
            f"| {name} | {instructions:,.0f} | {100 * multiplies / instructions:.0f} |"
            f" {100 * first.step:.0f} | {first.widths} | {sum(w.l1 for w in group) / 1000:.1f} |"
            f" {sum(w.l2 for w in group) / 1000:.1f} | {first.kernel.registers} | {first.kernel.spilled} | {first.groups} |"
            f" {max(w.waves for w in group):.2f} | {1e9 * sum(w.seconds(gpu, case.double) for w in group):.1f} |"
        )


def find(pattern: str) -> Path:
    """A file of one of the packages of NVIDIA."""
    for folder in map(Path, sys.path):
        found = sorted(folder.glob(f"nvidia/**/{pattern}"))
        if found:
            return found[0]
    raise SystemExit(f"kernel_counts: there is no {pattern}; install nvidia-cuda-nvrtc and nvidia-cuda-nvdisasm.")


def write_sources(build: Path, model: Path, folder: Path) -> None:
    """Let the program of the build write all kernels."""
    import openmm

    library = Path(openmm.version.openmm_library_path) / "plugins" / "libOpenMMCUDA.so"
    environment = os.environ | {"LD_LIBRARY_PATH": str(build / "tests" / "driver-stub")}
    program = build / "benchmarks" / "lps_kernel_sources"
    subprocess.run([program, model, library, folder], check=True, env=environment)


def main() -> None:
    """Print everything as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("cell", type=Path)
    parser.add_argument("--widths", type=int, nargs="+", default=[240, 120], help="of the fitting networks")
    parser.add_argument("--precisions", nargs="+", default=["single", "double"])
    arguments = parser.parse_args()
    compiler, nvdisasm = Compiler(find("libnvrtc.so.1?")), find("bin/nvdisasm")
    speeds = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sources(arguments.build, arguments.model, folder)
        for precision in arguments.precisions:
            case = Case(folder, f"{precision}.gpu-large")
            tables = Tables(case, arguments.cell)
            for gpu in GPUS:
                kernels = case.kernels(compiler, nvdisasm, gpu.architecture)
                for width in arguments.widths:
                    works = count_all(case, kernels, gpu, tables, width)
                    if gpu is GPUS[0] and width == arguments.widths[0]:
                        print(
                            f"\n{gpu.name}, {precision}, {width}^3, {tables.pairs:.1f} neighbors, per atom and step:\n"
                        )
                        print_kernels(case, gpu, works)
                    every = [work for group in works.values() for work in group]
                    fitting = sum(w.instructions for w in every if w.step)
                    table = sum(works[k][0].l2 for k in ("contractEnvironment", "computeForces"))
                    time = sum(work.seconds(gpu, case.double) for work in every)
                    speeds.append((gpu.name, precision, width, fitting, table, 1e9 * time, 1e-6 / time))
    print(
        "\n| GPU | precision | fitting | warp instructions of the fitting networks | L2 of the table kernels, kB | ns per atom | M atom*step/s, predicted |"
    )
    print("|---|---|---|---|---|---|---|")
    for gpu_name, precision, width, fitting, table, time, speed in speeds:
        print(
            f"| {gpu_name} | {precision} | {width}^3 | {fitting:,.0f} | {table / 1000:.0f} | {time:.1f} | {speed:.1f} |"
        )


if __name__ == "__main__":
    main()
