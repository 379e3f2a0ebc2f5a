# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where ions are: in the two coordinates (r, phi) around bonds of formers, and on a grid in the cell."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .neighbors import bond_length, neighbor_pairs
from .requirements import periodic_frames, require_cell
from .trajectory import Species, Trajectory
from .unwrapping import read_paths, require_unwrapped


@dataclass(frozen=True)
class BondDensity:
    """Density of ions around bonds, over the mean density: 1 if they did not care."""

    r_angstrom: np.ndarray  #: [m] ion-ligand distance
    phi_degrees: np.ndarray  #: [n] angle between ligand -> ion and ligand -> center
    rho: np.ndarray  #: [m, n]
    counts: np.ndarray  #: [m, n] ions found
    samples: int  #: bonds times frames


@dataclass(frozen=True)
class DensityMap:
    """Number density on a grid that divides the cell evenly; point [i, j, k] is the corner i a/nx + j b/ny + k c/nz."""

    density_per_angstrom3: np.ndarray  #: [nx, ny, nz]
    cell: np.ndarray  #: [3, 3] mean cell, angstrom
    symbols: tuple[str, ...]  #: framework atoms, for orientation
    positions: np.ndarray  #: [k, 3] their mean positions, angstrom

    def smoothed(self, width: float) -> np.ndarray:
        """The map blurred by a Gaussian, periodic; the number of ions stays.

        Parameters
        ----------
        width : float
            standard deviation along each lattice vector, angstrom; 0: none

        Returns
        -------
        np.ndarray
            [nx, ny, nz] 1/angstrom^3
        """
        from scipy.ndimage import gaussian_filter

        spacing = np.linalg.norm(self.cell, axis=1) / self.density_per_angstrom3.shape
        return gaussian_filter(self.density_per_angstrom3, width / spacing, mode="wrap")

    def write_cube(self, path: str | os.PathLike) -> None:
        """Write a Gaussian cube file (bohr, 1/bohr^3), which VESTA, VMD and ASE open.

        Parameters
        ----------
        path : str or os.PathLike
            file to write
        """
        from ase.data import atomic_numbers
        from ase.units import Bohr

        grid = self.density_per_angstrom3
        lines = ["number density of ions, 1/bohr^3", "written by openmm-lps", f"{len(self.symbols):5d} 0.0 0.0 0.0"]
        for points, vector in zip(grid.shape, self.cell, strict=True):
            lines.append(f"{points:5d} " + " ".join(f"{component / points / Bohr:.9f}" for component in vector))
        for symbol, position in zip(self.symbols, self.positions, strict=True):
            place = " ".join(f"{component / Bohr:.6f}" for component in position)
            lines.append(f"{atomic_numbers[symbol]:5d} 0.0 {place}")
        values = (grid * Bohr**3).reshape(-1, grid.shape[2])
        for row in values:
            lines += [" ".join(f"{value:.5e}" for value in row[k : k + 6]) for k in range(0, len(row), 6)]
        Path(path).write_text("\n".join(lines) + "\n")


def bond_density(
    trajectory: Trajectory,
    ion: Species = "mobile",
    ligand: Species = "ligands",
    center: Species = "former",
    r_max: float = 6.0,
    r_width: float = 0.1,
    phi_bins: int = 36,
    bond_cutoff: float | None = None,
    stride: int = 1,
) -> BondDensity:
    r"""Density of ions in the distance r from a ligand and the angle phi to its bond to a center, over the mean density.

    .. math:: \rho(r, \phi) = \frac{V}{N_{ions}} \frac{n(r, \phi)}{N_{bonds}\; 2 \pi \sin\phi\, r^2\, dr\, d\phi}

    phi = 0 points from the ligand to the center, so at 109.5 degrees or so an ion caps a lone pair of S.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    ion, ligand, center : str, sequence of str, or np.ndarray of int
        the ions, the corners and the middle of the tetrahedra, as :meth:`Trajectory.indices` takes them
    r_max : float
        angstrom
    r_width : float
        angstrom
    phi_bins : int
        over 0 to 180 degrees
    bond_cutoff : float or None
        of the bonds of a center, angstrom; None: that of the material
    stride : int
        use every n-th frame

    Returns
    -------
    BondDensity
        the density on a grid of r and phi

    Raises
    ------
    ValueError
        no cell, unknown element, or no bond
    """
    ions, ligands, centers = (trajectory.indices(element) for element in (ion, ligand, center))
    if bond_cutoff is None:
        bond_cutoff = bond_length(trajectory, centers, ligands)
    chosen = np.concatenate([ligands, ions])
    bonded = np.concatenate([ligands, centers])
    r_bins = round(r_max / r_width)
    r_edges, cosines = np.arange(r_bins + 1) * r_width, np.cos(np.linspace(0, np.pi, phi_bins + 1))
    counts = np.zeros((r_bins, phi_bins))
    samples, mean_density, frames = 0, 0.0, 0
    for positions, cell in periodic_frames(trajectory, stride):
        ligand_p, _, arm = _between(positions[bonded], cell, len(ligands), bond_cutoff)
        ligand_i, distance, to_ion = _between(positions[chosen], cell, len(ligands), r_edges[-1])
        samples += len(ligand_p)
        # every bond of a ligand with every ion near that ligand
        order = np.argsort(ligand_i, kind="stable")
        ligand_i, distance, to_ion = ligand_i[order], distance[order], to_ion[order]
        starts = np.searchsorted(ligand_i, ligand_p)
        numbers = np.searchsorted(ligand_i, ligand_p, side="right") - starts
        bond = np.repeat(np.arange(len(ligand_p)), numbers)
        pair = np.arange(numbers.sum()) - np.repeat(np.cumsum(numbers) - numbers, numbers) + np.repeat(starts, numbers)
        cosine = (arm[bond] * to_ion[pair]).sum(1) / (np.linalg.norm(arm[bond], axis=1) * distance[pair])
        phi = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        counts += np.histogram2d(distance[pair], phi, (r_bins, phi_bins), ((0, r_edges[-1]), (0, 180)))[0]
        mean_density += len(ions) / abs(np.linalg.det(cell))
        frames += 1
    if not samples:
        raise ValueError(
            f"bond_density: no bond of {center} and {ligand} within {bond_cutoff} angstrom in '{trajectory.name}'; choose other elements"
        )
    volumes = 2 * np.pi / 3 * np.diff(r_edges**3)[:, None] * -np.diff(cosines)
    rho = counts / (samples * mean_density / frames * volumes)
    phi_centers = (np.arange(phi_bins) + 0.5) * 180 / phi_bins
    return BondDensity(r_edges[:-1] + r_width / 2, phi_centers, rho, counts, samples)


def density_map(
    trajectory: Trajectory,
    species: Species = "mobile",
    spacing: float = 0.25,
    reference: Species | None = "framework",
    stride: int = 1,
) -> DensityMap:
    """Time-averaged number density of ions on a grid, in fractional coordinates (so a breathing cell does no harm).

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    species : str, sequence of str, or np.ndarray of int
        the ions
    spacing : float
        largest distance between grid points, angstrom
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`; its atoms are written with the map
    stride : int
        use every n-th frame

    Returns
    -------
    DensityMap
        its sum times the volume of a grid cell is the number of ions

    Raises
    ------
    ValueError
        wrapped (the drift cannot be told), no cell, or no such ions
    """
    trajectory = trajectory[::stride] if stride > 1 else trajectory
    cells = require_cell(trajectory)
    require_unwrapped(trajectory, "density_map")
    ions = trajectory.indices(species)
    others = np.setdiff1d(np.arange(len(trajectory.symbols)), ions)
    cell = cells.mean(0)
    shape = np.maximum(1, np.ceil(np.linalg.norm(cell, axis=1) / spacing).astype(int))
    paths = read_paths(trajectory, ions, reference, "density_map")
    counts = np.zeros(int(np.prod(shape)))
    for path, box in zip(paths, cells, strict=True):
        # the point nearest to the ion: a grid point stands for the volume around it
        index = np.round((path @ np.linalg.inv(box)) * shape).astype(int) % shape
        np.add.at(counts, np.ravel_multi_index(index.T, shape), 1)
    volume = abs(np.linalg.det(cell)) / len(counts)
    mean = np.zeros((len(others), 3))
    if len(others):
        weights, origin = trajectory.masses_amu[others], None
        for chunk in trajectory.chunks():
            places = chunk.positions[:, others]
            middle = np.einsum("tni,n->ti", places, weights) / weights.sum()
            origin = middle[0] if origin is None else origin
            mean += (places if reference is None else places - (middle - origin)[:, None]).sum(0)
        fractional = (mean / len(trajectory)) @ np.linalg.inv(cell)
        mean = (fractional - np.floor(fractional)) @ cell
    symbols = tuple(trajectory.symbols[atom] for atom in others)
    return DensityMap((counts / (len(trajectory) * volume)).reshape(shape), cell, symbols, mean)


def block_densities(
    trajectory: Trajectory,
    species: Species,
    spacing: float = 0.25,
    blocks: int = 5,
    reference: Species | None = "framework",
) -> list[DensityMap]:
    """Density maps of consecutive pieces of a trajectory on one grid, without atoms of the framework.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    species : str, sequence of str, or np.ndarray of int
        the ions
    spacing : float
        largest distance between grid points, angstrom
    blocks : int
        number of pieces, at most one for each frame
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`

    Returns
    -------
    list of DensityMap
        their mean is that of the whole, but for pieces of unequal length

    Raises
    ------
    ValueError
        wrapped, no cell, or no such ions
    """
    cell = require_cell(trajectory).mean(0)
    paths = read_paths(trajectory, species, reference, "density")
    shape = np.maximum(1, np.ceil(np.linalg.norm(cell, axis=1) / spacing).astype(int))
    maps = []
    for piece in np.array_split(paths @ np.linalg.inv(cell), min(blocks, len(paths))):
        index = np.round(piece.reshape(-1, 3) * shape).astype(int) % shape
        counts = np.bincount(np.ravel_multi_index(index.T, shape), minlength=int(np.prod(shape)))
        density = counts.reshape(shape) * (counts.size / (len(piece) * abs(np.linalg.det(cell))))
        maps.append(DensityMap(density, cell, (), np.zeros((0, 3))))
    return maps


def _between(
    positions: np.ndarray, cell: np.ndarray | None, first_group: int, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs from the first group of atoms to the rest: index in the first, distance, vector."""
    i, j, distance, vector = neighbor_pairs(positions, cell, cutoff, "ijdD")
    swap = i > j
    low, high = np.where(swap, j, i), np.where(swap, i, j)
    vector = np.where(swap[:, None], -vector, vector)
    mixed = (low < first_group) & (high >= first_group)
    return low[mixed], distance[mixed], vector[mixed]
