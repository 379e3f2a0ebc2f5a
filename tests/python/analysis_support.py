# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Synthetic trajectories with known answers. Importing this makes openmmlps.analysis importable without the compiled extension."""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parents[2] / "wrappers" / "python" / "openmmlps"

if importlib.util.find_spec("openmmlps") is None or importlib.util.find_spec("openmmlps").origin is None:
    _bare = types.ModuleType("openmmlps")
    _bare.__path__ = [str(PACKAGE)]
    sys.modules.setdefault("openmmlps", _bare)

from openmmlps.analysis import Trajectory

STRUCTURES = PACKAGE / "structures"


def crystal(name, repeat=(1, 1, 1)):
    """A packaged unit cell, or a supercell of it, as a trajectory of one frame."""
    import ase.io

    from openmmlps.analysis import from_atoms

    return from_atoms(ase.io.read(STRUCTURES / f"{name}.extxyz").repeat(repeat), name=name)


def crystal_names():
    return sorted(path.stem for path in STRUCTURES.glob("*.extxyz"))


def random_walk(diffusion, frames=500, ions=30, interval=0.1, edge=20.0, correlation=0.0, seed=0, drift=0.0):
    """Ions with a given diffusion coefficient (angstrom^2/ps) next to a framework of two heavy atoms.

    Each displacement is sqrt(correlation) of a common one plus sqrt(1 - correlation) of an own one, so that
    D_sigma / D* = 1 + (ions - 1) correlation. `drift` moves everything, angstrom per frame.
    """
    random = np.random.default_rng(seed)
    step = np.sqrt(2 * diffusion * interval)
    own = random.normal(0, step, (frames, ions, 3))
    common = random.normal(0, step, (frames, 1, 3))
    moves = np.sqrt(1 - correlation) * own + np.sqrt(correlation) * common
    paths = np.cumsum(moves, axis=0) + random.random((1, ions, 3)) * edge
    framework = np.broadcast_to(np.array([[1.0, 1.0, 1.0], [5.0, 5.0, 5.0]]), (frames, 2, 3))
    positions = np.concatenate([paths, framework], axis=1) + drift * np.arange(frames)[:, None, None]
    return Trajectory(["Li"] * ions + ["P", "S"], positions, np.eye(3) * edge, np.arange(frames) * interval)


def wrapped(trajectory):
    """The same folded into the box."""
    cells = trajectory.cells
    fractional = np.einsum("tni,tij->tnj", trajectory.positions, np.linalg.inv(cells))
    folded = np.einsum("tni,tij->tnj", fractional - np.floor(fractional), cells)
    return Trajectory(trajectory.symbols, folded, cells, trajectory.times_ps, name="wrapped.dcd")


def rotating_tetrahedra(rotations, interval=0.01, edge=15.0, exchange=None):
    """A PS4 group that turns rigidly.

    :param rotations: [t, 3, 3]
    :param exchange: (frame, from, to): from that frame on, atom `to` of two spare S takes the place of corner `from`
    """
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * (2.05 / np.sqrt(3))
    frames = len(rotations)
    center = np.array([edge / 2, 0.3, edge / 2])  # bonds cross the boundary
    positions = np.empty((frames, 6, 3))
    positions[:, 0] = center
    positions[:, 1:5] = center + np.einsum("tab,kb->tka", rotations, corners)
    positions[:, 5] = center + np.array([6.0, 6.0, 6.0])
    if exchange is not None:
        frame, old, new = exchange
        positions[frame:, [old, new]] = positions[frame:, [new, old]]
    return Trajectory(["P"] + ["S"] * 5, positions, np.eye(3) * edge, np.arange(frames) * interval)


def write_h5md(path, symbols, positions, velocities, cell, times_ps):
    """An H5MD file in the layout and units (nm) of H5MDReporter, from angstrom and angstrom/ps."""
    import h5py
    from ase.data import atomic_numbers

    with h5py.File(path, "w") as file:
        file.create_group("h5md/creator").attrs["name"] = "openmm-lps"
        particles = file.create_group("particles/all")
        particles["species"] = [atomic_numbers[symbol] for symbol in symbols]
        for name, value, unit in (
            ("position/value", positions / 10, "nm"),
            ("position/time", times_ps, "ps"),
            ("velocity/value", velocities / 10, "nm ps-1"),
            ("box/edges/value", np.broadcast_to(cell / 10, (len(positions), 3, 3)), "nm"),
        ):
            particles[name] = value
            particles[name].attrs["unit"] = unit
