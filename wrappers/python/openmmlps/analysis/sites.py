# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Sites of mobile ions, jumps from site to site, and in how many dimensions the jumps lead on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from .density import DensityMap
from .displacements import CM2_PER_S
from .estimates import Estimate
from .neighbors import NearestImages
from .periodic_graph import PeriodicGraph
from .requirements import require_cell, require_interval
from .trajectory import Species, Trajectory
from .unwrapping import read_paths

_IMAGES = np.array(list(product((-1, 0, 1), repeat=3)))


@dataclass(frozen=True)
class Sites:
    """Places of a cell at which mobile ions stay."""

    fractional: np.ndarray  #: [s, 3] in the cell
    cell: np.ndarray  #: [3, 3] angstrom
    occupancy: np.ndarray  #: [s] mean number of ions; nan if unknown

    def write_cif(self, path: str | os.PathLike, element: str) -> None:
        """Write the sites as a structure of one element, all of them occupied, as GEMDAT and site-analysis want it.

        Parameters
        ----------
        path : str or os.PathLike
            file to write
        element : str
            symbol of the mobile ion
        """
        from ase import Atoms
        from ase.io import write

        atoms = Atoms([element] * len(self.fractional), scaled_positions=self.fractional, cell=self.cell, pbc=True)
        write(os.fspath(path), atoms, format="cif")

    def nearest_distance(self) -> float:
        """Smallest distance between two sites, angstrom; that of a site from its images counts."""
        between = self.fractional[:, None] - self.fractional
        vectors = (between[:, :, None] - np.round(between)[:, :, None] + _IMAGES) @ self.cell
        lengths = np.linalg.norm(vectors, axis=-1)
        return float(lengths[lengths > 1e-6].min())


@dataclass(frozen=True)
class Jumps:
    """Passages of ions from the core of a site to that of another one."""

    sites: Sites
    core_angstrom: float  #: radius within which an ion has arrived
    at: np.ndarray  #: [t, m] site whose core the ion visited last; -1: none yet
    frames: np.ndarray  #: [j] at which the new core is reached
    ions: np.ndarray  #: [j] which of the mobile ions
    origins: np.ndarray  #: [j] site left
    targets: np.ndarray  #: [j] site reached
    shifts: np.ndarray  #: [j, 3] cells between the two
    lengths_angstrom: np.ndarray  #: [j] between the centers of the two sites
    observed_ps: float  #: summed over ions that have been at a site
    interval_ps: float
    inside: float  #: share of all positions that lie within a core

    @property
    def rate_per_ps(self) -> Estimate:
        """Jumps per ion and ps; the standard error is that of a Poisson process."""
        count = len(self.frames)
        return Estimate.from_error(count / self.observed_ps, np.sqrt(max(count, 1)) / self.observed_ps)

    @property
    def jump_diffusion_cm2_per_s(self) -> float:
        """D of ions whose jumps are independent: sum of squared lengths / (6 x time). Over D*: the correlation factor."""
        return float((self.lengths_angstrom**2).sum() / (6 * self.observed_ps) * CM2_PER_S)

    def residence_ps(self) -> np.ndarray:
        """Mean stay [s] at each site, observed time over departures; inf without departure, nan if never visited."""
        count = len(self.sites.fractional)
        time = np.bincount(self.at[self.at >= 0], minlength=count) * self.interval_ps
        left = np.bincount(self.origins, minlength=count)
        with np.errstate(divide="ignore", invalid="ignore"):
            return time / left

    def edges(self, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Connections that were used, each in its direction.

        Parameters
        ----------
        least : int
            jumps that a connection needs

        Returns
        -------
        tuple of np.ndarray
            origin, target and shift of the cell [e, 5], and the number of jumps [e]
        """
        rows = np.column_stack([self.origins, self.targets, self.shifts])
        found, counts = np.unique(rows, axis=0, return_counts=True)
        return found[counts >= least], counts[counts >= least]

    def percolation(self, least: int = 1) -> tuple[int, tuple[bool, bool, bool]]:
        """In how many dimensions the jumps of all ions together lead to infinity, and whether along a, b and c.

        Parameters
        ----------
        least : int
            jumps that a connection needs

        Returns
        -------
        dimensions : int
            0 to 3, of the component that has most
        along : tuple of bool
            whether one can get along each lattice vector
        """
        graph = PeriodicGraph(len(self.sites.fractional))
        for origin, target, *shift in self.edges(least)[0]:
            graph.join(int(origin), int(target), shift)
        vectors = max(graph.infinite().values(), key=len, default=np.zeros((0, 3), dtype=int))
        a, b, c = (bool((vectors[:, axis] != 0).any()) for axis in range(3))
        return len(vectors), (a, b, c)


def sites_at(
    positions: ArrayLike, cell: ArrayLike, occupancy: ArrayLike | None = None, fractional: bool = True
) -> Sites:
    """Sites at given places, such as those of a crystal structure.

    Parameters
    ----------
    positions : array_like, [s, 3]
        fractional coordinates, or angstrom
    cell : array_like, [3, 3]
        angstrom, rows are lattice vectors
    occupancy : array_like, [s], or None
        mean number of ions
    fractional : bool
        whether `positions` are

    Returns
    -------
    Sites
        in the cell
    """
    box, places = np.asarray(cell, dtype=float), np.asarray(positions, dtype=float).reshape(-1, 3)
    places = places if fractional else places @ np.linalg.inv(box)
    shares = np.full(len(places), np.nan) if occupancy is None else np.asarray(occupancy, dtype=float)
    return Sites(places - np.floor(places), box, shares)


def find_sites(
    density: DensityMap, smoothing: float = 0.4, barrier_kT: float = 0.7, least_occupancy: float = 0.02
) -> Sites:
    """Sites as the maxima of the density of the ions.

    The map is smoothed and cut into basins, one for each maximum. Basins whose free energy barrier is too low to be one
    are joined, from the highest saddle down (topological persistence). Basins that are hardly visited are left out.

    Parameters
    ----------
    density : DensityMap
        of :func:`~.density.density_map`
    smoothing : float
        standard deviation of the Gaussian that blurs it, angstrom; 0: none
    barrier_kT : float
        a site is separated from deeper ones by more than this, in units of k T
    least_occupancy : float
        mean number of ions that a site holds at least

    Returns
    -------
    Sites
        the fullest first

    Raises
    ------
    ValueError
        a map without ions
    """
    if not density.density_per_angstrom3.any():
        raise ValueError("find_sites: the density map holds no ions; give one of ions that are there")
    grid = density.smoothed(smoothing)
    basin, peaks = _basins(grid)
    label = _merge(grid.ravel(), basin, peaks, barrier_kT, grid.shape)
    volume = abs(np.linalg.det(density.cell)) / grid.size
    raw = density.density_per_angstrom3.ravel() * volume
    occupancy = np.bincount(label, raw, len(peaks))
    chosen = [peak for peak in np.argsort(-occupancy, kind="stable") if occupancy[peak] >= least_occupancy]
    shape = np.array(grid.shape)
    places = []
    for peak in chosen:
        members = np.flatnonzero(label == peak)
        top = np.array(np.unravel_index(peaks[peak], grid.shape))
        offsets = np.array(np.unravel_index(members, grid.shape)).T - top
        offsets -= shape * np.round(offsets / shape).astype(int)
        weights = grid.ravel()[members] ** 2  # the core counts, not the tails
        places.append((top + (offsets * weights[:, None]).sum(0) / weights.sum()) / shape)
    return sites_at(np.array(places).reshape(-1, 3), density.cell, occupancy[chosen])


def find_jumps(
    trajectory: Trajectory,
    sites: Sites,
    mobile: Species,
    core: float = 1.0,
    reference: Species | None = "framework",
) -> Jumps:
    """Follow ions from site to site.

    An ion belongs to the site whose core it visited last, and jumps when it reaches the core of another one. So neither
    rattling across a border nor an attempt that turns back is a jump. Between cores an ion still belongs to the old site.

    Parameters
    ----------
    trajectory : Trajectory
        unwrapped
    sites : Sites
        of :func:`find_sites` or :func:`sites_at`
    mobile : str, sequence of str, or np.ndarray of int
        the mobile ions
    core : float
        radius of a core, angstrom; at most 0.45 of the smallest distance between two sites is used
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`

    Returns
    -------
    Jumps
        one by one

    Raises
    ------
    ValueError
        wrapped, unevenly spaced, no cell, no sites, or no ion ever within a core
    """
    interval = require_interval(trajectory, "find_jumps")
    cell = require_cell(trajectory).mean(0)
    if not len(sites.fractional):
        raise ValueError("find_jumps: there are no sites; find them with a lower least_occupancy, or give them")
    fractional = read_paths(trajectory, mobile, reference, "find_jumps") @ np.linalg.inv(cell)
    radius = min(core, 0.45 * sites.nearest_distance())
    found = _nearest_core(fractional, sites, cell, radius)
    frame = np.where(found >= 0, np.arange(len(found))[:, None], -1)
    last = np.maximum.accumulate(frame, axis=0)
    ion = np.arange(found.shape[1])
    at = np.where(last >= 0, found[np.maximum(last, 0), ion], -1)
    inside = found >= 0
    images = np.zeros(fractional.shape, dtype=np.int32)
    images[inside] = np.rint(fractional[inside] - sites.fractional[found[inside]])
    images = images[np.maximum(last, 0), ion]
    moved = (at[1:] != at[:-1]) | (images[1:] != images[:-1]).any(-1)
    frames, ions = np.nonzero(moved & (at[:-1] >= 0))
    origins, targets = at[frames, ions], at[frames + 1, ions]
    shifts = images[frames + 1, ions] - images[frames, ions]
    vectors = (sites.fractional[targets] + shifts - sites.fractional[origins]) @ cell
    if not inside.any():
        raise ValueError(
            f"find_jumps: no ion of '{trajectory.name}' is ever within {radius:.2f} angstrom of a site; compare the cell and "
            "the origin of the sites with those of the trajectory"
        )
    observed = float((at >= 0).sum() * interval)
    lengths = np.linalg.norm(vectors, axis=1)
    return Jumps(
        sites, radius, at, frames + 1, ions, origins, targets, shifts, lengths, observed, interval, float(inside.mean())
    )


def write_xdatcar(
    trajectory: Trajectory, path: str | os.PathLike, stride: int = 1, reference: Species | None = "all"
) -> None:
    """Write an XDATCAR of VASP (wrapped, mean cell), which pymatgen reads for GEMDAT and site-analysis.

    Parameters
    ----------
    trajectory : Trajectory
        unwrapped, periodic
    path : str or os.PathLike
        file to write
    stride : int
        use every n-th frame
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted

    Raises
    ------
    ValueError
        wrapped, or no cell
    """
    trajectory = trajectory[::stride] if stride > 1 else trajectory
    cell = require_cell(trajectory).mean(0)
    names = list(dict.fromkeys(trajectory.symbols))
    order = np.concatenate([trajectory.indices(name) for name in names])
    paths = read_paths(trajectory, order, reference, "write_xdatcar") @ np.linalg.inv(cell)
    head = ["openmm-lps", "1.0", *(" ".join(f"{x:.9f}" for x in row) for row in cell), " ".join(names)]
    head.append(" ".join(str(trajectory.symbols.count(name)) for name in names))
    with open(path, "w") as file:
        file.write("\n".join(head) + "\n")
        for number, frame in enumerate(paths - np.floor(paths), 1):
            file.write(f"Direct configuration= {number:5d}\n")
            np.savetxt(file, frame, fmt="%.8f")


def match_sites(sites: Sites, others: Sites) -> np.ndarray:
    """Distance [s] in angstrom of each site from the nearest of others, such as those of a crystal structure."""
    vectors = (sites.fractional[:, None] - others.fractional) @ sites.cell
    vectors = vectors + NearestImages().shifts(vectors, sites.cell) @ sites.cell
    return np.linalg.norm(vectors, axis=-1).min(1)


def _basins(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the basin [points] of each grid point by steepest ascent, and the grid points [b] of the maxima."""
    index = np.arange(grid.size).reshape(grid.shape)
    best, up = grid.copy(), index.copy()
    for step in _IMAGES:
        near, place = (np.roll(array, -step, (0, 1, 2)) for array in (grid, index))
        higher = (near > best) | ((near == best) & (place > up))  # plateaus lead to one point
        best, up = np.where(higher, near, best), np.where(higher, place, up)
    up = up.ravel()
    while not np.array_equal(up, up[up]):
        up = up[up]
    peaks, basin = np.unique(up, return_inverse=True)
    return basin, peaks


def _merge(
    values: np.ndarray, basin: np.ndarray, peaks: np.ndarray, barrier: float, shape: Sequence[int]
) -> np.ndarray:
    """Basin of each point after joining those separated by less than a barrier in k T."""
    index = np.arange(len(values)).reshape(shape)
    pairs, heights = [], []
    for step in _IMAGES[len(_IMAGES) // 2 + 1 :]:
        near = np.roll(index, -step, (0, 1, 2)).ravel()
        border = np.flatnonzero(basin != basin[near])
        pairs.append(np.sort(np.column_stack([basin[border], basin[near[border]]]), axis=1))
        heights.append(np.minimum(values[border], values[near[border]]))
    links, which = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    saddle = np.zeros(len(links))
    np.maximum.at(saddle, which.ravel(), np.concatenate(heights))
    parent = np.arange(len(peaks))
    for link in np.argsort(-saddle, kind="stable"):
        first, second = (_root(parent, int(node)) for node in links[link])
        low, high = sorted((first, second), key=lambda node: values[peaks[node]])
        if low != high and values[peaks[low]] < np.exp(barrier) * saddle[link]:
            parent[low] = high
    return np.array([_root(parent, node) for node in range(len(peaks))])[basin]


def _root(parent: np.ndarray, node: int) -> int:
    while parent[node] != node:
        node = int(parent[node])
    return node


def _nearest_core(fractional: np.ndarray, sites: Sites, cell: np.ndarray, radius: float) -> np.ndarray:
    """[t, m] site within whose core each position lies; -1: none."""
    from scipy.spatial import cKDTree

    count = len(sites.fractional)
    images = (sites.fractional[None] + _IMAGES[:, None]).reshape(-1, 3)
    tree = cKDTree(images @ cell)
    found = np.empty(fractional.shape[:2], dtype=np.int32)
    for frame, places in enumerate(fractional):
        distance, nearest = tree.query((places - np.floor(places)) @ cell, distance_upper_bound=radius)
        found[frame] = np.where(np.isfinite(distance), nearest % count, -1)
    return found
