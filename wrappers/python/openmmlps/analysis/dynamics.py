# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Van Hove functions, velocity autocorrelation and vibrational density of states."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import speed_of_light

from .neighbors import neighbor_pairs
from .requirements import require_cell, require_frames, require_interval, require_velocities
from .trajectory import Species, Trajectory, tell
from .unwrapping import read_paths

#: wave number of 1 THz, 1/cm
PER_CM_PER_THZ = 1e10 / speed_of_light
_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True)
class VanHove:
    """Van Hove correlation function at some lags."""

    r_angstrom: np.ndarray  #: [m] centers of the bins
    lags_ps: np.ndarray  #: [l]
    values: np.ndarray  #: [l, m] self: 4 pi r^2 G_s(r, t) in 1/angstrom (its integral is 1); distinct: G_d(r, t) / rho


@dataclass(frozen=True)
class VibrationalDensity:
    """Vibrational densities of states, per element, each with unit area."""

    wave_number_per_cm: np.ndarray  #: [m]
    density: dict[str, np.ndarray]  #: element -> [m] in cm; its integral over the wave number is 1
    total: np.ndarray  #: [m] sum over elements weighted by their share of the atoms
    band_center_per_cm: dict[str, float]  #: element -> first moment of its density

    @property
    def frequency_THz(self) -> np.ndarray:
        """[m] the same as frequencies, THz."""
        return self.wave_number_per_cm / PER_CM_PER_THZ


def van_hove_self(
    trajectory: Trajectory,
    species: Species,
    lags_ps: ArrayLike,
    r_max: float = 10.0,
    bin_width: float = 0.05,
    reference: Species | None = "framework",
    max_origins: int = 2000,
) -> VanHove:
    r"""Self part: the distribution of distances moved.

    .. math:: G_s(r, t) = \frac{1}{N} \left\langle \sum_i \delta(r - |r_i(t_0 + t) - r_i(t_0)|) \right\rangle

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    species : str, sequence of str, or np.ndarray of int
        what :meth:`~.trajectory.Trajectory.indices` takes
    lags_ps : array_like, [l]
        rounded to frames
    r_max : float
        angstrom; longer moves are left out, so that the integral then falls below 1
    bin_width : float
        angstrom
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`
    max_origins : int
        time origins used, evenly spread

    Returns
    -------
    VanHove
        values 4 pi r^2 G_s
    """
    interval, lags = _lags(trajectory, lags_ps, "van_hove_self")
    paths = read_paths(trajectory, species, reference, "van_hove_self")
    bins = round(r_max / bin_width)
    values = np.zeros((len(lags), bins))
    for index, lag in enumerate(lags):
        origins = _origins(len(paths) - lag, max_origins)
        moved = np.linalg.norm(paths[origins + lag] - paths[origins], axis=-1).ravel()
        values[index] = np.histogram(moved, bins, (0, bins * bin_width))[0] / (len(moved) * bin_width)
    return VanHove((np.arange(bins) + 0.5) * bin_width, lags * interval, values)


def van_hove_distinct(
    trajectory: Trajectory,
    a: str,
    b: str,
    lags_ps: ArrayLike,
    r_max: float = 8.0,
    bin_width: float = 0.1,
    reference: Species | None = "framework",
    max_origins: int = 100,
) -> VanHove:
    r"""Distinct part, over the mean density of b: 1 far away, g_ab(r) at t = 0.

    .. math:: G_d(r, t) = \frac{1}{N_a} \left\langle \sum_{i \in a} \sum_{j \in b, j \neq i}
              \delta(\mathbf{r} - \mathbf{r}_j(t_0 + t) + \mathbf{r}_i(t_0)) \right\rangle

    A peak growing at r = 0 means that an ion takes the place another has left: concerted motion.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    a, b : str
        element at the origin, and element seen a lag later
    lags_ps : array_like, [l]
        rounded to frames; 0 is allowed
    r_max : float
        angstrom
    bin_width : float
        angstrom
    reference : str, sequence of str, np.ndarray of int, or None
        "framework" is every atom that is neither a nor b; None where there is none
    max_origins : int
        time origins used, evenly spread

    Returns
    -------
    VanHove
        values G_d / rho_b
    """
    interval, lags = _lags(trajectory, lags_ps, "van_hove_distinct")
    cells = require_cell(trajectory)
    first, second = trajectory.indices(a), trajectory.indices(b)
    chosen = np.union1d(first, second)
    paths = read_paths(trajectory, chosen, reference, "van_hove_distinct")
    at = {atom: place for place, atom in enumerate(chosen)}
    from_a, to_b = (np.array([at[atom] for atom in atoms]) for atoms in (first, second))
    bins = round(r_max / bin_width)
    edges = np.arange(bins + 1) * bin_width
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    values = np.zeros((len(lags), bins))
    for index, lag in enumerate(lags):
        origins = _origins(len(paths) - lag, max_origins)
        for origin in origins:
            start, end = paths[origin, from_a], paths[origin + lag, to_b]
            i, j, distance, vector = neighbor_pairs(np.concatenate([start, end]), cells[origin], edges[-1], "ijdD")
            swap = i > j
            i, j = np.where(swap, j, i), np.where(swap, i, j) - len(start)
            cross = (i < len(start)) & (j >= 0)
            i, j, distance = i[cross], j[cross], distance[cross]
            vector = np.where(swap[cross, None], -vector[cross], vector[cross])
            own = (from_a[i] == to_b[j]) & (np.abs(vector - (end[j] - start[i])) < 1e-6).all(1)
            counts = np.histogram(distance[~own], bins, (0, edges[-1]))[0]
            values[index] += counts * abs(np.linalg.det(cells[origin])) / (len(first) * len(second) * shells)
        values[index] /= len(origins)
        tell(trajectory.name, index + 1, len(lags))
    return VanHove(edges[:-1] + bin_width / 2, lags * interval, values)


def velocity_autocorrelation(
    trajectory: Trajectory, species: Species, max_lag_ps: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Velocity autocorrelation averaged over atoms and time origins (FFT).

    .. math:: C(t) = \frac{1}{N} \sum_i \langle v_i(t_0) \cdot v_i(t_0 + t) \rangle

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    species : str, sequence of str, or np.ndarray of int
        what :meth:`~.trajectory.Trajectory.indices` takes
    max_lag_ps : float or None
        None: a quarter of the trajectory, at most 5 ps

    Returns
    -------
    tuple of np.ndarray
        lags [m] in ps, and C [m] in angstrom^2/ps^2

    Raises
    ------
    ValueError
        no velocities, too few frames, uneven times
    """
    require_velocities(trajectory, "velocity_autocorrelation")
    require_frames(trajectory, 20, "velocity_autocorrelation")
    interval = require_interval(trajectory, "velocity_autocorrelation")
    frames = len(trajectory)
    span = min(5.0, frames * interval / 4) if max_lag_ps is None else max_lag_ps
    lags = min(frames - 1, max(2, round(span / interval)))
    atoms = trajectory.indices(species)
    velocities = np.empty((frames, len(atoms), 3))
    for chunk in trajectory.chunks(velocities=True):
        part = np.asarray(chunk.velocities)
        velocities[chunk.start : chunk.start + len(part)] = part[:, atoms]
    size = 1 << (frames + lags).bit_length()
    step = max(1, _BLOCK_BYTES // (frames * 24))
    total = np.zeros(lags + 1)
    for start in range(0, len(atoms), step):
        spectrum = np.fft.rfft(velocities[:, start : start + step], size, axis=0)
        power = (spectrum.real**2 + spectrum.imag**2).sum((1, 2))
        total += np.fft.irfft(power, size)[: lags + 1]
    return np.arange(lags + 1) * interval, total / (frames - np.arange(lags + 1)) / len(atoms)


def vibrational_density_of_states(
    trajectory: Trajectory,
    max_lag_ps: float | None = None,
    smoothing_per_cm: float = 15.0,
    highest_per_cm: float = 1000.0,
) -> VibrationalDensity:
    r"""Vibrational density of states of each element, from its velocity autocorrelation with a Hann window.

    .. math:: g_i(\omega) \propto \int C_i(t)\, w(t) \cos(\omega t)\, dt ,\quad
              \bar\omega_i = \frac{\int \omega g_i d\omega}{\int g_i d\omega}

    Each g has unit area; times N_i m_i C_i(0) / V it is the convention of Miyagawa et al., J. Mater. Chem. A 12, 11344 (2024).

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    max_lag_ps : float or None
        resolution is about 33 / max_lag_ps in 1/cm; None: see :func:`velocity_autocorrelation`
    smoothing_per_cm : float
        width of the Savitzky-Golay filter (parabola); 0: none
    highest_per_cm : float
        end of the spectrum and of the band centers

    Returns
    -------
    VibrationalDensity
        by element and in total

    Raises
    ------
    ValueError
        no velocities, too few frames, uneven times
    """
    require_velocities(trajectory, "vibrational_density_of_states")
    interval = require_interval(trajectory, "vibrational_density_of_states")
    nyquist = PER_CM_PER_THZ / (2 * interval)
    if nyquist < 700:
        warnings.warn(
            f"vibrational_density_of_states: frames every {interval * 1e3:.3g} fs resolve {nyquist:.0f} 1/cm only, P-S stretching "
            "reaches 600 1/cm and is folded back; save velocities every 10 fs or less",
            stacklevel=2,
        )
    from scipy.integrate import trapezoid

    density, centers, total = {}, {}, np.zeros(1)
    for done, element in enumerate(trajectory.elements, 1):
        lags, correlation = velocity_autocorrelation(trajectory, element, max_lag_ps)
        window = 0.5 * (1 + np.cos(np.pi * lags / lags[-1]))
        size = 1 << (16 * len(lags)).bit_length()
        padded = np.zeros(size)  # the even continuation, so that the transform is a cosine transform
        padded[: len(lags)] = correlation * window
        padded[-len(lags) + 1 :] = padded[len(lags) - 1 : 0 : -1]
        spectrum = np.fft.rfft(padded).real
        wave_numbers = np.fft.rfftfreq(size, interval) * PER_CM_PER_THZ
        spacing = wave_numbers[1]
        spectrum = _smooth(spectrum, smoothing_per_cm / spacing)
        inside = wave_numbers <= highest_per_cm
        wave_numbers, spectrum = wave_numbers[inside], spectrum[inside]
        density[element] = spectrum / trapezoid(spectrum, wave_numbers)
        centers[element] = float(trapezoid(wave_numbers * density[element], wave_numbers))
        total = total + density[element] * trajectory.symbols.count(element) / len(trajectory.symbols)
        tell(trajectory.name, done, len(trajectory.elements))
    return VibrationalDensity(wave_numbers, density, total, centers)


def _smooth(spectrum: np.ndarray, width: float) -> np.ndarray:
    from scipy.signal import savgol_filter

    points = round(width) // 2 * 2 + 1
    return spectrum if points < 5 else savgol_filter(spectrum, points, 2)


def _lags(trajectory: Trajectory, lags_ps: ArrayLike, where: str) -> tuple[float, np.ndarray]:
    interval = require_interval(trajectory, where)
    lags = np.unique(np.round(np.atleast_1d(np.asarray(lags_ps, dtype=float)) / interval).astype(int))
    if lags[0] < 0 or lags[-1] >= len(trajectory):
        raise ValueError(
            f"{where}: lags from {lags[0] * interval:g} to {lags[-1] * interval:g} ps do not fit in '{trajectory.name}' of "
            f"{(len(trajectory) - 1) * interval:g} ps; give shorter ones, or run longer"
        )
    return interval, lags


def _origins(available: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, available - 1, min(available, most)).astype(int))
