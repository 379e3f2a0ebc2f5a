# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Temperature of the frames of trajectories whose times are not known; reading and writing frames is the package's."""

import numpy as np

from openmmlps.learn.frames import Frames, frames_from_atoms, read_frames, write_frames

__all__ = ["Frames", "frames_from_atoms", "read_frames", "running_mean", "trajectory_temperature", "write_frames"]

MASSES = {"Li": 6.94, "P": 30.974, "S": 32.06}  # g/mol
BOLTZMANN = 8.617333e-5  # eV/K
FORCE_TO_ACCELERATION = 9648.533  # A/ps^2 per (eV/A)/(g/mol)
TIME_STEP = 0.0005  # ps, of the ab initio molecular dynamics
LONGEST_INTERVAL = 40  # time steps between two stored frames


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
