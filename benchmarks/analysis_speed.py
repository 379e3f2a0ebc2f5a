#!/usr/bin/env python
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Time and memory of every analysis that reads a whole trajectory, and of the observables of a report: β-Li3PS4, 1,024 atoms, 10,000 frames, made up.

benchmarks/analysis_speed.py [--frames 10000]
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from ase.data import atomic_numbers

from openmmlps import analysis, load
from openmmlps.observables import OBSERVABLES, TRANSPORT, Sample, State, observe

_PIECE = 500  # frames written at a time


def write(path, frames):
    """An H5MD file with vibrating atoms and walking lithium."""
    structure = load("beta-Li3PS4", (2, 4, 4))
    symbols = np.array(structure.symbols)
    base = structure.positions._value
    lithium = symbols == "Li"
    random = np.random.default_rng(0)
    walked = np.zeros((lithium.sum(), 3))
    with h5py.File(path, "w") as file:
        file.create_group("h5md/creator").attrs["name"] = "openmm-lps"
        particles = file.create_group("particles/all")
        particles["species"] = [atomic_numbers[symbol] for symbol in symbols]
        for name, unit in (("position", "nm"), ("velocity", "nm ps-1")):
            values = particles.create_dataset(f"{name}/value", (frames, len(base), 3), np.float32)
            values.attrs["unit"] = unit
        particles["position/time"] = np.arange(frames) * 0.1
        particles["position/time"].attrs["unit"] = "ps"
        particles["box/edges/value"] = np.broadcast_to(structure.box._value, (frames, 3, 3))
        particles["box/edges/value"].attrs["unit"] = "nm"
        for start in range(0, frames, _PIECE):
            count = min(_PIECE, frames - start)
            positions = base + random.normal(0, 0.008, (count, *base.shape))
            paths = walked + np.cumsum(random.normal(0, 0.01, (count, *walked.shape)), axis=0)
            positions[:, lithium] += paths
            walked = paths[-1]
            particles["position/value"][start : start + count] = positions
            particles["velocity/value"][start : start + count] = random.normal(0, 0.6, positions.shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=10000)
    parser.add_argument("--observables", action="store_true", help="leave out the single functions")
    options = parser.parse_args()
    frames = options.frames
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trajectory.h5"
        write(path, frames)
        trajectory = analysis.read(path)
        print(f"{len(trajectory)} frames of {len(trajectory.symbols)} atoms, {path.stat().st_size / 1e6:.0f} MB")
        hosts = tetrahedra = None

        def assign():
            nonlocal hosts
            hosts = analysis.assign_hosts(trajectory)

        def find():
            nonlocal tetrahedra
            tetrahedra = analysis.find_tetrahedra(trajectory)

        actions = (
            ("diffusion, conductivity", lambda: analysis.transport_coefficients(trajectory, 600)),
            ("g(r), every 10th frame", lambda: analysis.radial_distribution(trajectory, r_max=10.0, stride=10)),
            ("anions", lambda: analysis.classify_anions(trajectory)),
            ("hosts of lithium", assign),
            ("displacement by host", lambda: analysis.conditional_displacement(hosts, lags_ps=[1, 10, 100])),
            ("tetrahedra", find),
            ("their correlation", lambda: analysis.orientational_correlation(tetrahedra, 2)),
            ("their flips", lambda: analysis.detect_flips(tetrahedra)),
            ("van Hove, self", lambda: analysis.van_hove_self(trajectory, "Li", lags_ps=[1, 10, 100])),
            ("bond density, every 10th frame", lambda: analysis.bond_density(trajectory, stride=10)),
            ("lithium density", lambda: analysis.density_map(trajectory)),
        )
        for name, action in () if options.observables else actions:
            clock, processor = time.monotonic(), time.process_time()
            action()
            tell(name, clock, processor)
        hosts = tetrahedra = None
        state = State((trajectory,), target_K=600.0, temperature_K=600.0)
        sample = Sample("big", TRANSPORT, "big", trajectory.material, (state,))
        whole = time.monotonic(), time.process_time()
        for observable in OBSERVABLES:
            if observable.suits(sample):
                clock, processor = time.monotonic(), time.process_time()
                list(observe(sample, [observable]))
                tell(f"observable {observable.name}", clock, processor)
        tell("all observables of transport", *whole)


def tell(name, clock, processor):
    """Print what was needed since then."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:32} {time.monotonic() - clock:7.1f} s, processor {time.process_time() - processor:7.1f} s, "
        f"peak so far {peak:6.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
