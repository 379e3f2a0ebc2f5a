# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
r"""Free energy map of mobile ions, and the lowest free energy at which they get through the cell.

.. math:: F(s) = -k_B T \ln \frac{\rho(s)}{\max \rho}
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.constants import Boltzmann, elementary_charge

from .density import block_densities
from .estimates import Estimate
from .periodic_graph import PeriodicGraph
from .trajectory import Species, Trajectory

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_EV_PER_K = Boltzmann / elementary_charge
_LEVEL = 1e-3  # eV
_LAYERS = 4  # copies of the cell in which a path may wind before it comes back to its start


@dataclass(frozen=True)
class Percolation:
    """The barriers of a free energy map; nan where the ions were not seen to get through."""

    free_energy_eV: np.ndarray  #: [nx, ny, nz] 0 at the most visited point, inf where no ion was seen
    cell: np.ndarray  #: [3, 3] angstrom
    dimension_barriers_eV: tuple[Estimate, Estimate, Estimate]  #: to get through in one, two and three dimensions
    direction_barriers_eV: tuple[Estimate, Estimate, Estimate]  #: to get along a, b and c
    path_fractional: np.ndarray  #: [k, 3] path of least resistance along the easiest of a, b and c, unwrapped
    path_free_energy_eV: np.ndarray  #: [k] along it

    @property
    def path_angstrom(self) -> np.ndarray:
        """[k] length along the path."""
        steps = np.linalg.norm(np.diff(self.path_fractional, axis=0) @ self.cell, axis=1)
        return np.concatenate([[0], np.cumsum(steps)])


def free_energy(density: np.ndarray, temperature_K: float) -> np.ndarray:
    """Free energy of a density, from its most visited point; inf where it is zero.

    Parameters
    ----------
    density : np.ndarray
        any unit
    temperature_K : float
        kelvin

    Returns
    -------
    np.ndarray
        eV, of the same shape
    """
    with np.errstate(divide="ignore"):
        return -_EV_PER_K * temperature_K * np.log(density / density.max())


def percolation(
    trajectory: Trajectory,
    mobile: Species,
    temperature_K: float,
    spacing: float = 0.3,
    smoothing: float = 0.3,
    blocks: int = 5,
    reference: Species | None = "framework",
) -> Percolation:
    """Free energy map of mobile ions, barriers for getting through the cell, and the path of least resistance.

    The barrier is the lowest free energy below which a region of the map reaches its own periodic image. It is that of the
    density on this grid, not the activation energy of diffusion: collective motion and the entropy of wide channels differ.

    Parameters
    ----------
    trajectory : Trajectory
        unwrapped, of at least `blocks` frames
    mobile : str, sequence of str, or np.ndarray of int
        the mobile ions
    temperature_K : float
        kelvin
    spacing : float
        largest distance between grid points, angstrom
    smoothing : float
        standard deviation of the Gaussian that blurs the map, angstrom
    blocks : int
        pieces of the trajectory, left out one after the other for the errors
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`

    Returns
    -------
    Percolation
        map, barriers and path

    Raises
    ------
    ValueError
        wrapped, no cell, no such ions, or no temperature
    """
    if not temperature_K > 0:
        raise ValueError(f"percolation: temperature_K is {temperature_K}; give kelvin, more than 0")
    maps = block_densities(trajectory, mobile, spacing, blocks, reference)
    shape, cell = maps[0].density_per_angstrom3.shape, maps[0].cell
    rows = np.array([piece.smoothed(smoothing).ravel() for piece in maps])
    energy = free_energy(rows.mean(0), temperature_K).reshape(shape)

    every = lambda mean: _barriers(free_energy(mean, temperature_K).reshape(shape))
    values, count = every(rows.mean(0)), len(rows)
    errors = np.full(len(values), np.nan)
    if count > 1:  # jackknife
        left = np.array([every(row) for row in (rows.sum(0) - rows) / (count - 1)])
        errors = np.sqrt((count - 1) / count * ((left - left.mean(0)) ** 2).sum(0))
    found = [Estimate.from_error(*pair, count - 1) for pair in zip(values.tolist(), errors.tolist(), strict=True)]
    barriers = values[3:]
    path = np.zeros((0, 3)), np.zeros(0)
    if np.isfinite(barriers).any():
        axis = int(np.nanargmin(barriers))
        path = _path(energy, cell, axis, barriers[axis], _EV_PER_K * temperature_K)
    one, two, three, a, b, c = found
    return Percolation(energy, cell, (one, two, three), (a, b, c), *path)


def _barriers(energy: np.ndarray) -> np.ndarray:
    """[6] lowest level at which one gets through in 1, 2 and 3 dimensions, and along a, b and c, to 1 meV; nan: none."""
    highest = energy[np.isfinite(energy)].max()
    steps = int(np.ceil(highest / _LEVEL))
    seen: dict[int, list[np.ndarray]] = {}

    def vectors_at(level: int) -> list[np.ndarray]:
        if level not in seen:
            seen[level] = list(_regions(energy <= level * _LEVEL)[1].infinite().values())
        return seen[level]

    def dimensions(vectors: np.ndarray, least: int) -> bool:
        return len(vectors) >= least

    def along(vectors: np.ndarray, axis: int) -> bool:
        return bool(vectors[:, axis].any())

    wishes = [partial(dimensions, least=k) for k in (1, 2, 3)] + [partial(along, axis=k) for k in range(3)]
    found = np.full(len(wishes), np.nan)
    for which, wanted in enumerate(wishes):
        low, high = 0, steps
        if not any(map(wanted, vectors_at(high))):
            continue
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if any(map(wanted, vectors_at(middle))) else (middle + 1, high)
        found[which] = high * _LEVEL
    return found


def _regions(mask: np.ndarray) -> tuple[np.ndarray, PeriodicGraph]:
    """Numbers of the regions of a mask within the cell (neighbors share a face), and the graph of how they continue."""
    from scipy.ndimage import label

    labels, count = label(mask)
    graph = PeriodicGraph(count + 1)
    for axis, shift in enumerate(np.eye(3, dtype=int)):
        last, first = np.take(labels, -1, axis).ravel(), np.take(labels, 0, axis).ravel()
        both = (last > 0) & (first > 0)
        for a, b in np.unique(np.column_stack([last[both], first[both]]), axis=0):
            graph.join(int(a), int(b), shift)
    return labels, graph


def _path(energy: np.ndarray, cell: np.ndarray, axis: int, barrier: float, kT: float) -> tuple[np.ndarray, np.ndarray]:
    """Path of least resistance, from a point to its image along an axis, nowhere more than k T above the barrier."""
    from scipy.sparse.csgraph import dijkstra

    labels, graph = _regions(energy <= barrier + kT)
    through = [bool(graph.cycles(node)[:, axis].any()) for node in range(labels.max() + 1)]
    through[0] = False
    passable = np.array(through)[labels]
    links = _links(energy, passable, cell, axis, kT)
    size, flat = energy.size, energy.ravel()
    inside = np.flatnonzero(passable.ravel())
    bottom = int(inside[np.argmin(flat[inside])])
    source = bottom + size * (_LAYERS // 2)
    cost, previous = dijkstra(links, directed=False, indices=source, return_predecessors=True)
    ends = [bottom + layer * size for layer in range(_LAYERS // 2 + 1, _LAYERS)]
    node = next((end for end in ends if np.isfinite(cost[end])), None)
    if node is None:
        return np.zeros((0, 3)), np.zeros(0)
    nodes = [node]
    while nodes[-1] != source:
        nodes.append(int(previous[nodes[-1]]))
    points = np.array(nodes[::-1]) % size
    places = np.array(np.unravel_index(points, energy.shape)).T / energy.shape
    steps = np.diff(places, axis=0)
    steps -= np.round(steps)
    return np.concatenate([places[:1], places[0] + np.cumsum(steps, axis=0)]), flat[points]


def _links(energy: np.ndarray, passable: np.ndarray, cell: np.ndarray, axis: int, kT: float) -> csr_array:
    """Resistances between neighbors of the grid in copies of the cell along an axis, one after the other."""
    from scipy.sparse import coo_array

    size, flat, free = energy.size, energy.ravel(), passable.ravel()
    index = np.arange(size).reshape(energy.shape)
    rows, columns, costs = [], [], []
    for k in range(3):
        near = np.roll(index, -1, k).ravel()
        start = np.flatnonzero(free & free[near])
        end = near[start]
        place = np.unravel_index(start, energy.shape)[k]
        crosses = (place == energy.shape[k] - 1).astype(int) if k == axis else np.zeros(len(start), dtype=int)
        length = np.linalg.norm(cell[k]) / energy.shape[k]
        cost = length * np.exp((flat[start] + flat[end]) / (2 * kT))
        for layer in range(_LAYERS):
            inside = layer + crosses < _LAYERS
            rows.append(start[inside] + layer * size)
            columns.append(end[inside] + (layer + crosses[inside]) * size)
            costs.append(cost[inside])
    whole = (np.concatenate(costs), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(whole, shape=(size * _LAYERS, size * _LAYERS)).tocsr()
