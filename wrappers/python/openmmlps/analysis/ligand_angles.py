# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Angles between the ligands of a center, such as S-S-S in PS4 or I-I-I in AgI4, and how fast they change.

Definitions of Miyagawa et al., J. Mater. Chem. A 12, 11344 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .dynamics import PER_CM_PER_THZ
from .estimates import Estimate
from .neighbors import minimum_image, nearest_of
from .requirements import require_interval
from .trajectory import Species, Trajectory


@dataclass(frozen=True)
class LigandAngles:
    """Angles in the polyhedron of the nearest ligands of each center."""

    interval_ps: float
    centers: np.ndarray  #: [m] atom indices
    ligands: np.ndarray  #: [t, m, n] atom indices of the nearest ligands, ascending; -1: not enough within the cutoff
    angles_degrees: (
        np.ndarray
    )  #: [t, m, k] float32, at each ligand between each two of the others; nan without polyhedron

    @property
    def velocities_degrees_per_ps(self) -> np.ndarray:
        """[t, m, k] (theta(t + dt) - theta(t - dt)) / (2 dt) while the ligands stay the same, nan else."""
        result = np.full_like(self.angles_degrees, np.nan)
        steps = self.angles_degrees[2:] - self.angles_degrees[:-2]
        same = (self.ligands[2:] == self.ligands[:-2]).all(-1) & (self.ligands[1:-1] == self.ligands[:-2]).all(-1)
        result[1:-1] = np.where(same[..., None], steps / (2 * self.interval_ps), np.nan)
        return result

    def distribution(self, width: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Distribution rho(theta) of the angles.

        Parameters
        ----------
        width : float
            of a bin, degrees

        Returns
        -------
        tuple of np.ndarray
            angles in degrees, and probability density per degree
        """
        return _density(self.angles_degrees, np.arange(0, 180 + width / 2, width))

    def velocity_distribution(self, highest: float = 3000.0, bins: int = 121) -> tuple[np.ndarray, np.ndarray]:
        """Distribution rho(omega) of their velocities, of either sign.

        Parameters
        ----------
        highest : float
            degrees/ps; faster ones are left out
        bins : int
            over both signs; an odd number has one in the middle

        Returns
        -------
        tuple of np.ndarray
            velocities in degrees/ps, and probability density
        """
        return _density(self.velocities_degrees_per_ps, np.linspace(-highest, highest, bins + 1))

    def traces(self, place: int, cutoff_per_cm: float | None = None) -> np.ndarray:
        """Angles theta(t) of one center in time, without their fast part.

        Parameters
        ----------
        place : int
            of the center in `centers`
        cutoff_per_cm : float or None
            faster changes are filtered out (the published value is 5 1/cm); None: nothing is

        Returns
        -------
        np.ndarray
            [t, k] degrees; nan without polyhedron, and filtered piece by piece while the ligands stay the same
        """
        angles = self.angles_degrees[:, place].astype(float)
        if cutoff_per_cm is None:
            return angles
        labels = self.ligands[:, place]
        starts = np.flatnonzero(np.concatenate([[True], (labels[1:] != labels[:-1]).any(1)]))
        for start, stop in zip(starts, [*starts[1:], len(labels)], strict=True):
            if labels[start, 0] >= 0:
                angles[start:stop] = low_pass(angles[start:stop], self.interval_ps, cutoff_per_cm)
        return angles

    def mean(self) -> Estimate:
        """Mean angle, degrees, with an error from blocks in time."""
        with np.errstate(invalid="ignore"):
            known = np.isfinite(self.angles_degrees[..., 0])
            each = np.array(
                [frame[good].mean() for frame, good in zip(self.angles_degrees, known, strict=True) if good.any()]
            )
        return Estimate.from_blocks(each)


def ligand_angles(
    trajectory: Trajectory, center: Species, ligand: Species, cutoff: float, number: int = 4
) -> LigandAngles:
    """Angles between the nearest ligands of each center, frame by frame.

    The ligands are found anew in each frame, so that centers may be mobile ions, such as Ag in AgI.

    Parameters
    ----------
    trajectory : Trajectory
        the frames, wrapped or not
    center, ligand : str, sequence of str, or np.ndarray of int
        what :meth:`~.trajectory.Trajectory.indices` takes
    cutoff : float
        largest distance from center to ligand, angstrom
    number : int
        nearest ligands that are taken, at least 3; a center with fewer has no angles in that frame

    Returns
    -------
    LigandAngles
        number x (number - 1) x (number - 2) / 2 angles for each center

    Raises
    ------
    ValueError
        unevenly spaced, no such atoms, fewer than three ligands, or no center that has them
    """
    if number < 3:
        raise ValueError(f"ligand_angles: an angle needs three ligands, {number} were asked for; give number=4 or so")
    interval = require_interval(trajectory, "ligand_angles")
    centers, corners = trajectory.indices(center), trajectory.indices(ligand)
    triples = np.array(
        [(a, b, c) for a in range(number) for b, c in combinations([k for k in range(number) if k != a], 2)]
    )
    both = np.concatenate([centers, corners])
    shape = (len(trajectory), len(centers))
    labels = np.full((*shape, number), -1, dtype=np.int32)
    angles = np.full((*shape, len(triples)), np.nan, dtype=np.float32)
    for frame, (positions, cell) in enumerate(trajectory.frames()):
        places = nearest_of(positions[both], cell, len(centers), cutoff, number)
        found = np.sort(np.where((places < 0).any(1, keepdims=True), -1, corners[places]), axis=1)
        whole = np.flatnonzero(found[:, 0] >= 0)
        labels[frame] = found
        arms = minimum_image(positions[found[whole]] - positions[centers[whole]][:, None], cell)
        first, second = (arms[:, triples[:, k]] - arms[:, triples[:, 0]] for k in (1, 2))
        cosine = (first * second).sum(-1) / np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
        angles[frame, whole] = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    if (labels < 0).all():
        raise ValueError(
            f"ligand_angles: no center of '{trajectory.name}' has {number} ligands within {cutoff:g} angstrom; raise the cutoff "
            "or choose other elements"
        )
    return LigandAngles(interval, centers, labels, angles)


def low_pass(values: np.ndarray, interval_ps: float, cutoff_per_cm: float) -> np.ndarray:
    """Fourier filter: leave only what changes more slowly than a wave number.

    The series is continued by its mirror image, so that its ends are not taken for a jump.

    Parameters
    ----------
    values : np.ndarray, [t, ...]
        any unit
    interval_ps : float
        time between them, ps
    cutoff_per_cm : float
        1/cm; 1 THz is 33.36

    Returns
    -------
    np.ndarray
        [t, ...] filtered
    """
    from scipy.fft import dct, idct

    spectrum = dct(values, axis=0)
    wave_numbers = np.arange(len(values)) / (2 * len(values) * interval_ps) * PER_CM_PER_THZ
    spectrum[wave_numbers > cutoff_per_cm] = 0
    return idct(spectrum, axis=0)


def _density(values: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = np.histogram(values[np.isfinite(values)], edges)[0]
    return (edges[1:] + edges[:-1]) / 2, counts / max(counts.sum(), 1) / np.diff(edges)
