# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Read and write folders in the DeePMD layout, and estimate the temperature of trajectory frames."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

ARRAYS = ("box", "coord", "energy", "force", "virial")
MASSES = {"Li": 6.94, "P": 30.974, "S": 32.06}  # g/mol
BOLTZMANN = 8.617333e-5  # eV/K
FORCE_TO_ACCELERATION = 9648.533  # A/ps^2 per (eV/A)/(g/mol)
TIME_STEP = 0.0005  # ps, of the ab initio molecular dynamics
LONGEST_INTERVAL = 40  # time steps between two stored frames


@dataclass(frozen=True)
class Frames:
    """Labelled frames of one system: F frames of N atoms.

    types (N,) indices into type_map; box (F, 9) in angstrom, lattice vectors as rows; coord and force (F, 3N) in
    angstrom and eV/angstrom; energy (F,) in eV; virial (F, 9) in eV, -dE/dstrain, not divided by the volume.
    """

    types: np.ndarray
    type_map: list[str]
    box: np.ndarray
    coord: np.ndarray
    energy: np.ndarray
    force: np.ndarray
    virial: np.ndarray

    def __len__(self) -> int:
        return len(self.energy)

    def select(self, ranges) -> "Frames":
        """Return the frames of a list of half-open ranges, in order."""
        return self.take(np.concatenate([np.arange(start, stop) for start, stop in ranges]))

    def take(self, index: slice | list[int] | np.ndarray) -> "Frames":
        """Return the frames of a slice or of a list of indices, in order."""
        return Frames(self.types, self.type_map, **{name: getattr(self, name)[index] for name in ARRAYS})


def read_frames(folder: Path) -> Frames:
    """Read `type.raw`, `type_map.raw` and `set.000` of a folder. Raises FileNotFoundError if one of them is missing."""
    arrays = {name: np.load(folder / "set.000" / f"{name}.npy") for name in ARRAYS}
    frames = len(arrays["box"])
    arrays = {name: value.reshape(frames, -1) for name, value in arrays.items()}
    arrays["energy"] = arrays["energy"].ravel()
    types = np.loadtxt(folder / "type.raw", dtype=int, ndmin=1)
    return Frames(types, (folder / "type_map.raw").read_text().split(), **arrays)


def frames_from_atoms(structures: list, type_map: list[str]) -> Frames:
    """Frames of ``ase.Atoms`` that carry energy, forces and stress and have the same order of elements, all in `type_map`."""
    return Frames(
        np.array([type_map.index(symbol) for symbol in structures[0].get_chemical_symbols()]),
        type_map,
        box=np.array([np.array(atoms.cell).ravel() for atoms in structures]),
        coord=np.array([atoms.positions.ravel() for atoms in structures]),
        energy=np.array([atoms.get_potential_energy() for atoms in structures]),
        force=np.array([atoms.get_forces().ravel() for atoms in structures]),
        virial=np.array([-atoms.get_volume() * atoms.get_stress(voigt=False).ravel() for atoms in structures]),
    )


def write_frames(folder: Path, frames: Frames) -> None:
    """Write frames as one DeePMD folder with a single `set.000`."""
    (folder / "set.000").mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        np.save(folder / "set.000" / f"{name}.npy", getattr(frames, name))
    np.savetxt(folder / "type.raw", frames.types, fmt="%d")
    (folder / "type_map.raw").write_text("\n".join(frames.type_map) + "\n")


def trajectory_temperature(frames: Frames) -> np.ndarray:
    """Estimate the kinetic temperature in kelvin, shape (F,), of consecutive frames of one trajectory in a fixed cell.

    The data hold neither velocities nor times, and the frames are unevenly spaced. With forces that change linearly
    from frame to frame, the displacements to the next and from the previous frame are

        d+ = v h+ + h+^2 (2 a + a+) / 6,    d- = v h- - h-^2 (2 a + a-) / 6,

    so d+/h+ - d-/h- = h+ (2 a + a+)/6 + h- (2 a + a-)/6. The intervals h+ and h- are the pair of multiples of TIME_STEP
    that violates this least, relative to the size of the right side; v follows. The first and last frame take their
    neighbor's value. The temperature of a single frame of few atoms fluctuates; see `running_mean`.
    """
    count, atoms = len(frames), len(frames.types)
    cell = frames.box[0].reshape(3, 3).astype(float)
    mass = np.array([MASSES[frames.type_map[kind]] for kind in frames.types])[None, :, None]
    fractional = frames.coord.reshape(count, atoms, 3).astype(float) @ np.linalg.inv(cell)
    step = np.diff(fractional, axis=0)
    step = (step - np.round(step)) @ cell
    acceleration = frames.force.reshape(count, atoms, 3).astype(float) / mass * FORCE_TO_ACCELERATION
    vectors = np.stack([step[1:], step[:-1], acceleration[1:-1], acceleration[2:], acceleration[:-2]], axis=1)
    vectors = (vectors * np.sqrt(mass)).reshape(count - 2, 5, -1)
    gram = vectors @ vectors.transpose(0, 2, 1)

    grid = TIME_STEP * np.arange(1, LONGEST_INTERVAL + 1)
    after, before = (axis.ravel() for axis in np.meshgrid(grid, grid))
    right = np.stack([0 * after, 0 * after, (after + before) / 3, after / 6, before / 6], axis=1)
    residual = np.stack([1 / after, -1 / before, 0 * after, 0 * after, 0 * after], axis=1) - right
    violation = np.einsum("gi,fij,gj->fg", residual, gram, residual, optimize=True)
    violation /= np.einsum("gi,fij,gj->fg", right, gram, right, optimize=True)
    best = after[violation.argmin(axis=1)]
    velocity = np.stack([1 / best, 0 * best, -best / 3, -best / 6, 0 * best], axis=1)
    kinetic = np.einsum("fi,fij,fj->f", velocity, gram, velocity, optimize=True) / FORCE_TO_ACCELERATION
    inner = kinetic / ((3 * atoms - 3) * BOLTZMANN)
    return np.concatenate([inner[:1], inner, inner[-1:]])


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over a centered window that is cut off at the ends; same shape (F,) as `values`."""
    half = window // 2
    return np.array([values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))])
