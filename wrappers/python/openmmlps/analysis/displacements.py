# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Mean squared displacements with every time origin, by fast Fourier transforms, and what can be read off them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .estimates import linear_fit
from .requirements import require_interval
from .trajectory import Species, Trajectory
from .unwrapping import read_paths

#: (angstrom^2/ps) in cm^2/s
CM2_PER_S = 1e-4
_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True)
class MeanSquaredDisplacement:
    """Averaged over atoms and time origins."""

    lags_ps: np.ndarray  #: [m], the first is 0
    directions_angstrom2: np.ndarray  #: [m, 3] along the Cartesian x, y, z
    atoms: int  #: number of atoms averaged over

    @property
    def total_angstrom2(self) -> np.ndarray:
        """[m] sum over the three directions."""
        return self.directions_angstrom2.sum(1)

    def exponent(self) -> np.ndarray:
        """[m] local slope alpha = d ln MSD / d ln t (nan at lag 0): 2 ballistic, 0 caged, 1 diffusive."""
        alpha = np.full(len(self.lags_ps), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            alpha[1:] = np.gradient(np.log(self.total_angstrom2[1:]), np.log(self.lags_ps[1:]))
        return alpha


@dataclass(frozen=True)
class LineFit:
    """A straight line through part of a mean squared displacement."""

    diffusion_cm2_per_s: float  #: slope / (2 dimensions)
    directions_cm2_per_s: np.ndarray  #: [3] slope / 2 along x, y, z
    intercept_angstrom2: float  #: of the sum over directions
    exponent: float  #: slope of ln MSD against ln t over the window


def correlate_displacements(paths: np.ndarray, max_lag: int) -> np.ndarray:
    r"""Squared displacement of each path, averaged over all time origins.

    .. math:: \frac{1}{T - m} \sum_{k} |x_{k+m} - x_k|^2 = S_1(m) - 2 S_2(m)

    with the autocorrelation S_2 by FFT and the sum of squares S_1 by recursion (Calandrini et al., Collection SFN 12, 201
    (2011)): T log T instead of T^2 operations.

    Parameters
    ----------
    paths : np.ndarray, [t, m, 3]
        angstrom
    max_lag : int
        largest lag in frames, below t

    Returns
    -------
    np.ndarray
        [max_lag + 1, m, 3] angstrom^2
    """
    paths = paths - paths.mean(0)  # differences only: fewer digits are lost
    frames = len(paths)
    origins = (frames - np.arange(max_lag + 1))[:, None, None]
    size = 1 << (2 * frames - 1).bit_length()
    spectrum = np.fft.rfft(paths, size, axis=0)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size, axis=0)[: max_lag + 1] / origins
    squares = np.cumsum(paths**2, axis=0)
    lost = np.zeros((max_lag + 1, *paths.shape[1:]))
    lost[1:] = squares[:max_lag] + (squares[-1] - squares[frames - 1 - max_lag : frames - 1])[::-1]
    return np.maximum((2 * squares[-1] - lost) / origins - 2 * correlation, 0)


def average_displacements(paths: np.ndarray, max_lag: int) -> np.ndarray:
    """:func:`correlate_displacements` averaged over the paths [max_lag + 1, 3], in pieces of bounded memory.

    Parameters
    ----------
    paths : np.ndarray, [t, m, 3]
        angstrom
    max_lag : int
        largest lag in frames

    Returns
    -------
    np.ndarray
        [max_lag + 1, 3] angstrom^2
    """
    total = np.zeros((max_lag + 1, 3))
    step = max(1, _BLOCK_BYTES // (len(paths) * 24))
    for start in range(0, paths.shape[1], step):
        total += correlate_displacements(paths[:, start : start + step], max_lag).sum(1)
    return total / paths.shape[1]


def mean_squared_displacement(
    trajectory: Trajectory, species: Species, reference: Species | None = "framework", max_lag_fraction: float = 0.5
) -> MeanSquaredDisplacement:
    """Mean squared displacement of some atoms.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    species : str, sequence of str, or np.ndarray of int
        what :meth:`~.trajectory.Trajectory.indices` takes
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`
    max_lag_fraction : float
        largest lag over the length of the trajectory; beyond one half the origins are few

    Returns
    -------
    MeanSquaredDisplacement
        by lag and direction

    Raises
    ------
    ValueError
        wrapped, unevenly spaced, too short, or no such atoms
    """
    interval = require_interval(trajectory, "mean_squared_displacement")
    paths = read_paths(trajectory, species, reference, "mean_squared_displacement")
    return displacement_of_paths(paths, interval, max_lag_fraction)


def displacement_of_paths(
    paths: np.ndarray, interval_ps: float, max_lag_fraction: float = 0.5
) -> MeanSquaredDisplacement:
    """The same from paths [t, m, 3] in angstrom.

    Parameters
    ----------
    paths : np.ndarray, [t, m, 3]
        angstrom
    interval_ps : float
        time between frames, ps
    max_lag_fraction : float
        largest lag over the length of the paths

    Returns
    -------
    MeanSquaredDisplacement
        by lag and direction
    """
    max_lag = max(1, min(len(paths) - 1, int(max_lag_fraction * (len(paths) - 1))))
    return MeanSquaredDisplacement(
        np.arange(max_lag + 1) * interval_ps, average_displacements(paths, max_lag), paths.shape[1]
    )


def fit_line(msd: MeanSquaredDisplacement, start_ps: float, stop_ps: float) -> LineFit:
    """Least-squares line through the lags in a window; the intercept takes up vibrations and the way to diffusion.

    Parameters
    ----------
    msd : MeanSquaredDisplacement
        by lag and direction
    start_ps, stop_ps : float
        the window, ps

    Returns
    -------
    LineFit
        slope and intercept

    Raises
    ------
    ValueError
        fewer than 3 lags in the window
    """
    slack = 1e-6 * msd.lags_ps[1]
    inside = (msd.lags_ps >= start_ps - slack) & (msd.lags_ps <= stop_ps + slack) & (msd.lags_ps > 0)
    if inside.sum() < 3:
        raise ValueError(
            f"fit_line: {int(inside.sum())} lags between {start_ps:g} and {stop_ps:g} ps, at least 3 are needed; widen the window, "
            "save frames more often, or run longer"
        )
    lags, values = msd.lags_ps[inside], msd.directions_angstrom2[inside]
    slopes, _, intercepts = linear_fit(lags, values)
    total = values.sum(1)
    exponent = linear_fit(np.log(lags), np.log(total))[0] if (total > 0).all() else 0.0
    return LineFit(
        float(slopes.sum() / 6 * CM2_PER_S),
        slopes / 2 * CM2_PER_S,
        float(intercepts.sum()),
        float(exponent),
    )
