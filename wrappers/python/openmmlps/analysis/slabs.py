# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Slabs of a cell, such as those at an interface: density, diffusion along and across, and exchange between phases.

Everything is resolved along one lattice vector, by the distance between the faces of the cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .displacements import CM2_PER_S
from .estimates import Estimate, linear_fit, standard_error, student_reach
from .neighbors import cell_heights
from .requirements import require_cell, require_interval
from .trajectory import Species, Trajectory
from .unwrapping import read_paths

#: a walk that is looked at in steps of sigma reaches its bounds as if they were so many sigma further away (Spitzer)
_OVERSHOOT = 0.5826
_LEAST_SAMPLES = 50


@dataclass(frozen=True)
class DensityProfile:
    """Number densities along a lattice vector."""

    z_angstrom: np.ndarray  #: [b] middle of each bin, from the face of the cell
    density_per_angstrom3: dict[str, np.ndarray]  #: element -> [b]
    reach: dict[str, np.ndarray]  #: element -> [b] half width of the 95 % interval, from blocks
    height_angstrom: float  #: between the faces
    area_angstrom2: float  #: of a face


@dataclass(frozen=True)
class SlabDiffusion:
    """Diffusion of the ions in one slab."""

    low_angstrom: float
    high_angstrom: float
    ions: float  #: mean number
    along_cm2_per_s: Estimate  #: in the plane of the slab, of ions that stay in it; nan if too few do
    across_cm2_per_s: Estimate  #: from how fast they leave it


@dataclass(frozen=True)
class Exchange:
    """Passages of ions from phase to phase at one interface."""

    z_angstrom: float
    forward: int  #: ions that went in the direction of the lattice vector
    backward: int
    one_way_per_nm2_ns: Estimate  #: mean of both directions
    net_per_nm2_ns: Estimate  #: forward less backward


def density_profile(
    trajectory: Trajectory,
    species: Sequence[str] | None = None,
    axis: int = 2,
    width: float = 1.0,
    blocks: int = 5,
    reference: Species | None = None,
) -> DensityProfile:
    """Densities of elements along a lattice vector.

    Parameters
    ----------
    trajectory : Trajectory
        unwrapped, periodic
    species : sequence of str or None
        elements; None: all
    axis : int
        lattice vector 0, 1 or 2
    width : float
        of a bin, about, angstrom
    blocks : int
        pieces of the trajectory, for the errors
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted; None: nothing is

    Returns
    -------
    DensityProfile
        by element

    Raises
    ------
    ValueError
        wrapped, no cell, or no such element
    """
    cell = require_cell(trajectory).mean(0)
    height, area = _height_area(cell, axis)
    bins = max(1, round(height / width))
    volume = area * height / bins
    density, reach = {}, {}
    for element in species or trajectory.elements:
        z = read_paths(trajectory, element, reference, "density_profile") @ np.linalg.inv(cell)[:, axis]
        place = np.floor((z - np.floor(z)) * bins).astype(int) % bins
        pieces = np.array_split(place, min(blocks, len(place)))
        samples = [np.bincount(piece.ravel(), minlength=bins) / (len(piece) * volume) for piece in pieces]
        density[element] = np.bincount(place.ravel(), minlength=bins) / (len(place) * volume)
        freedom = len(samples) - 1
        reach[element] = standard_error(samples) * (student_reach(freedom) if freedom else np.nan)
    return DensityProfile((np.arange(bins) + 0.5) * height / bins, density, reach, height, area)


def slab_diffusion(
    trajectory: Trajectory,
    mobile: Species,
    edges_angstrom: ArrayLike,
    axis: int = 2,
    fit_window_ps: tuple[float, float] = (1.0, 10.0),
    blocks: int = 5,
    reference: Species | None = "framework",
) -> list[SlabDiffusion]:
    r"""Diffusion of ions slab by slab.

    Along the slab: the mean squared displacement in its plane of ions that stay in it for the whole lag, over four times
    the lag (Liu, Harder and Berne, J. Phys. Chem. B 108, 6595 (2004)). Across: the share of ions that have not left it yet,

    .. math:: P(t) = A \sum_{n\ odd} \frac{8}{n^2 \pi^2} \exp(-n^2 \pi^2 D t / L^2) ,

    which holds for even density and diffusion within the slab. L is corrected for the time between frames, and A, which is
    fitted, for ions that rattle across the border at once.

    Parameters
    ----------
    trajectory : Trajectory
        unwrapped, periodic
    mobile : str, sequence of str, or np.ndarray of int
        the ions
    edges_angstrom : array_like, [s + 1]
        borders of the slabs, ascending, from the face of the cell; the last may pass the other face
    axis : int
        lattice vector 0, 1 or 2
    fit_window_ps : (float, float)
        lags that are fitted
    blocks : int
        pieces of the trajectory, for the errors
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`

    Returns
    -------
    list of SlabDiffusion
        one for each slab

    Raises
    ------
    ValueError
        wrapped, unevenly spaced, no cell, or edges or a window that cannot be
    """
    interval = require_interval(trajectory, "slab_diffusion")
    cell = require_cell(trajectory).mean(0)
    height, _ = _height_area(cell, axis)
    edges = np.asarray(edges_angstrom, dtype=float)
    if len(edges) < 2 or (np.diff(edges) <= 0).any() or edges[-1] - edges[0] > height * (1 + 1e-9):
        raise ValueError(
            f"slab_diffusion: the edges {edges.tolist()} do not ascend within the height of {height:.2f} angstrom; give borders "
            "of slabs that do not overlap"
        )
    paths = read_paths(trajectory, mobile, reference, "slab_diffusion")
    length = len(paths) // blocks
    first, last = (round(time / interval) for time in fit_window_ps)
    if not 0 < first + 1 < last < length:
        raise ValueError(
            f"slab_diffusion: the fit window {fit_window_ps[0]:g} to {fit_window_ps[1]:g} ps does not lie within a block of "
            f"{(length - 1) * interval:g} ps with three lags; give another one, fewer blocks, or a longer trajectory"
        )
    lags = np.unique(np.linspace(max(1, first), last, 12).astype(int))
    z = (paths @ np.linalg.inv(cell)[:, axis] * height - edges[0]) % height
    slab = np.searchsorted(edges - edges[0], z, side="right") - 1
    normal = np.cross(cell[axis - 2], cell[axis - 1])
    normal /= np.linalg.norm(normal)
    plane = paths - (paths @ normal)[..., None] * normal
    found = []
    for number, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        samples = [
            _slab(slab[start : start + length] == number, plane[start : start + length], lags, interval, high - low)
            for start in range(0, length * blocks, length)
        ]
        along, across = (np.array(column) for column in zip(*samples, strict=True))
        estimates = [
            Estimate.from_samples(values) if np.isfinite(values).all() else Estimate.from_error(np.nan, np.nan, 0)
            for values in (along, across)
        ]
        found.append(SlabDiffusion(float(low), float(high), float((slab == number).sum(1).mean()), *estimates))
    return found


def exchange(
    trajectory: Trajectory,
    mobile: Species,
    interfaces_angstrom: ArrayLike,
    thickness: float = 4.0,
    axis: int = 2,
    blocks: int = 5,
    reference: Species | None = "framework",
) -> list[Exchange]:
    """Count ions that pass from one phase to the next.

    An ion belongs to the phase in which it was last, and passes when it has crossed the whole thickness of an interface;
    those that turn back within it are not counted.

    Parameters
    ----------
    trajectory : Trajectory
        unwrapped, periodic
    mobile : str, sequence of str, or np.ndarray of int
        the ions
    interfaces_angstrom : array_like, [k]
        middle of each interface, ascending, from the face of the cell
    thickness : float
        of each, angstrom
    axis : int
        lattice vector 0, 1 or 2
    blocks : int
        pieces of the trajectory, for the errors
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`

    Returns
    -------
    list of Exchange
        one for each interface

    Raises
    ------
    ValueError
        wrapped, unevenly spaced, no cell, or interfaces that touch each other
    """
    interval = require_interval(trajectory, "exchange")
    cell = require_cell(trajectory).mean(0)
    height, area = _height_area(cell, axis)
    middles = np.asarray(interfaces_angstrom, dtype=float)
    gaps = np.diff(np.append(middles, middles[:1] + height))
    if not len(middles) or (gaps <= thickness).any():
        raise ValueError(
            f"exchange: interfaces at {middles.tolist()} angstrom, {thickness:g} thick, leave no phase between them in a height of "
            f"{height:.2f}; give others"
        )
    z = read_paths(trajectory, mobile, reference, "exchange") @ np.linalg.inv(cell)[:, axis] * height - middles[0]
    turns = np.floor(z / height).astype(int)
    rest = z - turns * height
    starts = middles - middles[0]
    phase = np.searchsorted(starts, rest, side="right") - 1 + turns * len(middles)  # numbered on through all cells
    distance = np.minimum(
        rest - starts[phase % len(middles)], np.append(starts, height)[phase % len(middles) + 1] - rest
    )
    inside = distance >= thickness / 2
    frame = np.where(inside, np.arange(len(z))[:, None], -1)
    last = np.maximum.accumulate(frame, axis=0)
    state = phase[np.maximum(last, 0), np.arange(z.shape[1])]
    steps = np.diff(state, axis=0)
    steps[last[:-1] < 0] = 0
    counts = np.zeros((2, len(middles), blocks), dtype=int)  # forward and backward
    block = np.arange(len(steps)) * blocks // len(steps)
    for time, ion in np.argwhere(steps):
        low, high = sorted((state[time, ion], state[time + 1, ion]))
        passed = np.arange(low + 1, high + 1) % len(middles)
        np.add.at(counts[int(steps[time, ion] < 0)], (passed, block[time]), 1)
    exposure = area / 100 * np.bincount(block) * interval / 1000  # nm^2 ns
    return [
        Exchange(
            float(middle),
            int(there.sum()),
            int(back.sum()),
            Estimate.from_samples((there + back) / 2 / exposure),
            Estimate.from_samples((there - back) / exposure),
        )
        for middle, there, back in zip(middles, *counts, strict=True)
    ]


def find_interfaces(profile: DensityProfile, element: str, smoothing: float = 4.0) -> np.ndarray:
    """Where the density of an element passes half of its range: the interfaces between a phase with it and one without.

    The smoothing makes the layers of one crystal even, so phases must be thicker than some 10 angstrom.

    Parameters
    ----------
    profile : DensityProfile
        of :func:`density_profile`
    element : str
        one that one of the phases lacks, or has much less of
    smoothing : float
        standard deviation of the Gaussian that blurs the profile, angstrom

    Returns
    -------
    np.ndarray
        [k] angstrom, ascending; empty if the lowest density is more than a quarter of the highest
    """
    from scipy.ndimage import gaussian_filter1d

    width = profile.height_angstrom / len(profile.z_angstrom)
    smooth = gaussian_filter1d(profile.density_per_angstrom3[element], smoothing / width, mode="wrap")
    if smooth.min() > 0.25 * smooth.max():
        return np.zeros(0)
    above = smooth - (smooth.max() + smooth.min()) / 2
    following = np.roll(above, -1)
    crossing = np.flatnonzero((above > 0) != (following > 0))
    share = above[crossing] / (above[crossing] - following[crossing])
    return np.sort((profile.z_angstrom[crossing] + share * width) % profile.height_angstrom)


def _height_area(cell: np.ndarray, axis: int) -> tuple[float, float]:
    height = float(cell_heights(cell)[axis])
    return height, float(abs(np.linalg.det(cell)) / height)


def _slab(
    inside: np.ndarray, plane: np.ndarray, lags: np.ndarray, interval: float, width: float
) -> tuple[float, float]:
    """D along and across of one slab in one block, cm^2/s; nan if too few ions stay."""
    stays = np.zeros(inside.shape, dtype=int)  # further frames in the slab; -1 outside
    stays[-1] = inside[-1] - 1
    for frame in range(len(inside) - 2, -1, -1):
        stays[frame] = np.where(inside[frame], np.maximum(stays[frame + 1], -1) + 1, -1)
    squares, left, times = [], [], []
    for lag in lags:
        alive = stays[:-lag] >= lag
        started = int((stays[:-lag] >= 0).sum())
        if started < _LEAST_SAMPLES:
            return np.nan, np.nan
        left.append(alive.sum() / started)
        if alive.sum() >= _LEAST_SAMPLES:
            squares.append(((plane[lag:] - plane[:-lag])[alive] ** 2).sum(1).mean())
            times.append(lag * interval)
    along = float(linear_fit(times, squares)[0]) / 4 * CM2_PER_S if len(times) >= 3 else np.nan
    return along, _leaving(lags * interval, np.array(left), interval, width) * CM2_PER_S


def _leaving(times: np.ndarray, left: np.ndarray, interval: float, width: float) -> float:
    """D (angstrom^2/ps) of walkers in a slab of a width, of whom a share is left at each time, whatever leaves at once."""
    from scipy.optimize import minimize_scalar

    odd = np.arange(1, 40, 2)

    def misfit(logarithm: float) -> float:
        diffusion = np.exp(logarithm)
        reach = width + 2 * _OVERSHOOT * np.sqrt(2 * diffusion * interval)
        share = (8 / (odd * np.pi) ** 2 * np.exp(-((odd * np.pi / reach) ** 2) * diffusion * times[:, None])).sum(1)
        return float(
            (((share @ left) / (share @ share) * share - left) ** 2).sum()
        )  # those that rattle out at once are no flux

    guess = np.log(width**2 / times[-1])
    return float(np.exp(minimize_scalar(misfit, bounds=(guess - 14, guess + 5), method="bounded").x))
