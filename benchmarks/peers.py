#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Force error against speed of potentials of any kind, on the same frames and the same processor core.

    python benchmarks/peers.py DATA... --cell CELL.extxyz -o peers.json \\
        --potential "lps=openmmlps.ase.LPSCalculator?model=lps&threads=1" \\
        --potential "SevenNet-l3i5=/env/bin/python:sevenn.calculator.SevenNetCalculator?model=7net-l3i5&device=cpu"

DATA are labelled frames as `openmm-lps validate` reads them, which no potential was trained on. A potential is an ASE
calculator, after the Python of its environment where that is another one. The class `untrained.Nep` is a neuroevolution potential
(NEP) of the usual shape with random weights in calorine's CPUNEP, of which only the speed is measured.

Speed: atom·step/s of ASE's NVE dynamics on CELL, repeated to at least --atoms, or to 128 for those who would need more than --limit
seconds a step. Every measurement is a process of its own on one thread; potentials take turns, and the median of the rounds counts.
Error: root mean square of the force components over all frames. Writes numbers as JSON, and a figure beside it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

SMALL = 128  #: atoms of a system for the slow
UNTRAINED_NEP = "untrained.Nep"


def untrained_nep() -> Any:
    """NEP4 with cutoffs of 6 and 4 angstrom and 30 neurons, whose small random weights leave atoms where they are."""
    import numpy as np
    from calorine.calculators import CPUNEP

    types, radial, angular, basis, neurons = 3, 5, 5, 9, 30
    inputs = radial + angular * 6  # l up to 4, and the terms of four and five bodies
    count = types * (inputs + 2) * neurons + 1 + types**2 * (radial + angular) * basis
    weights = np.concatenate([np.random.default_rng(1).normal(0, 0.01, count), np.ones(inputs)])
    head = "nep4 3 Li P S\ncutoff 6 4 200 100\nn_max 4 4\nbasis_size 8 8\nl_max 4 2 1\nANN 30 0\n"
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "nep.txt"
    path.write_text(head + "".join(f"{weight:.7e}\n" for weight in weights))
    potential = CPUNEP(str(path))
    potential.folder = folder  # the file is read later
    return potential


def calculator(spec: str) -> Any:
    """ASE calculator from `module.Class?key=value&key=value`; numbers become numbers."""
    if spec == UNTRAINED_NEP:
        return untrained_nep()
    name, _, query = spec.partition("?")
    module, _, member = name.rpartition(".")
    values: dict[str, Any] = dict(parse_qsl(query))
    for key, value in values.items():
        if value.lstrip("-").isdigit():
            values[key] = int(value)
    return getattr(importlib.import_module(module), member)(**values)


def measure_error(spec: str, file: str) -> dict[str, float]:
    """Errors over the frames of an extended XYZ file whose array dft_forces holds the labels."""
    import ase.io
    import numpy as np

    potential, squares, slopes = calculator(spec), [], np.zeros(2)
    for atoms in ase.io.iread(file, ":"):
        expected = atoms.arrays["dft_forces"]
        atoms.calc = potential
        found = atoms.get_forces()
        squares.append(((found - expected) ** 2).ravel())
        slopes += (found * expected).sum(), (expected**2).sum()
    return {"force_error_eV_per_A": float(np.sqrt(np.concatenate(squares).mean())), "slope": slopes[0] / slopes[1]}


def measure_speed(spec: str, file: str, atoms: int, limit: float) -> dict[str, float]:
    """Atom steps a second of NVE dynamics at 300 K and 1 fs."""
    import ase.io
    import numpy as np
    from ase import units
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from ase.md.verlet import VelocityVerlet

    cell = ase.io.read(file)
    for least in (SMALL, atoms):
        count = [1, 1, 1]
        while len(cell) * np.prod(count) < least:
            count[int(np.argmin(cell.cell.lengths() * count))] += 1
        system = cell.repeat(count)
        system.calc = calculator(spec)
        MaxwellBoltzmannDistribution(system, temperature_K=300, rng=np.random.default_rng(1))
        dynamics = VelocityVerlet(system, timestep=units.fs)
        dynamics.run(1)
        begin = time.perf_counter()
        dynamics.run(1)
        step = time.perf_counter() - begin
        if step * atoms > limit * least:
            break
    steps = max(3, int(5 / step))
    begin = time.perf_counter()
    dynamics.run(steps)
    return {"atom_steps_per_s": len(system) * steps / (time.perf_counter() - begin), "atoms": len(system)}


def worker(python: str, *arguments: str) -> dict[str, float]:
    """One measurement in a process of its own; what it prints last is the result."""
    threads = {
        name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENMM_CPU_THREADS")
    }
    line = [python, str(Path(__file__).resolve()), "--worker", *arguments]
    result = subprocess.run(line, capture_output=True, text=True, env=os.environ | threads, check=False)
    if result.returncode:
        raise SystemExit(f"peers: {' '.join(line)} failed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout.splitlines()[-1])


def write_frames(data: list[Path], every: int, target: Path) -> int:
    """Frames of data with the forces as an array that no calculator overwrites; their number."""
    import ase.io

    from openmmlps.learn.data import read_data

    images = []
    for frames in read_data(data):
        for index in range(0, len(frames), every):
            atoms = frames.atoms(index)
            atoms.arrays["dft_forces"] = frames.force[index].reshape(-1, 3)
            images.append(atoms)
    ase.io.write(target, images, columns=["symbols", "positions", "dft_forces"], format="extxyz")
    return len(images)


def draw(found: dict[str, dict[str, float]], path: Path) -> None:
    """Speed against force error; those without an error are lines."""
    from openmmlps.report.style import picture

    def panel(axes: Any) -> None:
        for number, (name, row) in enumerate(found.items()):
            speed, error, color = row["atom_steps_per_s"], row.get("force_error_eV_per_A"), f"C{number}"
            if error is None:
                axes.axhline(speed, color=color, linestyle="--", label=f"{name} (speed only)")
            else:
                axes.plot(error, speed, "o", color=color, label=name)
        axes.set_yscale("log")
        axes.set_xlabel("force error (eV/Å)")
        axes.set_ylabel("atom·step/s on one core")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))

    path.write_bytes(picture(panel).png)


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        kind, *rest = sys.argv[2:]
        found = measure_error(*rest) if kind == "error" else measure_speed(*rest[:2], int(rest[2]), float(rest[3]))
        print(json.dumps(found))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="labelled frames")
    parser.add_argument("--potential", action="append", required=True, metavar="NAME=[PYTHON:]CLASS?ARGUMENTS")
    parser.add_argument("--cell", type=Path, required=True, help="structure whose dynamics is timed")
    parser.add_argument("--atoms", type=int, default=1920, help="least number of atoms of the timed system")
    parser.add_argument("--limit", type=float, default=5.0, help="seconds a step")
    parser.add_argument("--every", type=int, default=1, help="take every n-th frame")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, default=Path("peers.json"))
    options = parser.parse_args()
    potentials = {}
    for text in options.potential:
        name, _, spec = text.partition("=")
        python, colon, rest = spec.partition(":") if spec.startswith(("/", ".")) else (sys.executable, ":", spec)
        if not (name and colon and "." in rest):
            parser.error(f"'{text}' is no potential; write NAME=module.Class?key=value")
        potentials[name] = (python, rest)
    found: dict[str, dict[str, Any]] = {name: {} for name in potentials}
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames.extxyz"
        count = write_frames(options.data, options.every, frames)
        for name, (python, spec) in potentials.items():
            if spec != UNTRAINED_NEP:
                found[name] = worker(python, "error", spec, str(frames))
                print(name, found[name], flush=True)
    speeds: dict[str, list[float]] = {name: [] for name in potentials}
    for _ in range(options.rounds):
        for name, (python, spec) in potentials.items():
            row = worker(python, "speed", spec, str(options.cell), str(options.atoms), str(options.limit))
            speeds[name].append(row["atom_steps_per_s"])
            found[name] |= row | {"atom_steps_per_s": statistics.median(speeds[name])}
            print(name, row, flush=True)
    options.output.write_text(json.dumps({"frames": count, "potentials": found}, indent=1) + "\n")
    draw(found, options.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
