# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Radial distribution functions and running coordination numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from .neighbors import cell_heights, neighbor_pairs
from .requirements import periodic_frames
from .trajectory import Trajectory

#: two elements in alphabetical order
Pair = tuple[str, str]


_SMOOTHING = 0.04  # angstrom, below the width of a bond


@dataclass(frozen=True)
class RadialPeak:
    """A peak of g(r), between the minima beside it."""

    position_angstrom: float
    height: float  #: of the smoothed g
    start_angstrom: float  #: minimum before it
    stop_angstrom: float  #: minimum behind it
    neighbors: float  #: its area: number of b around one a between the two


@dataclass(frozen=True)
class RadialDistribution:
    """Partial radial distribution functions; pairs are keys (a, b) with a <= b in alphabetical order."""

    r_angstrom: np.ndarray  #: [m] centers of the bins
    g: dict[Pair, np.ndarray]  #: (a, b) -> [m] g_ab(r)
    coordination: dict[
        Pair, np.ndarray
    ]  #: (a, b), both orders -> [m] number of b around one a, up to the upper edge of each bin
    counts: dict[Pair, np.ndarray]  #: (a, b) -> [m] pairs found, each once, summed over frames
    expected_counts: dict[
        Pair, np.ndarray
    ]  #: (a, b) -> [m] pairs of an ideal gas of the same density, summed over frames
    number_density_per_angstrom3: float  #: all atoms, averaged over frames
    concentrations: dict[str, float]  #: symbol -> fraction of atoms
    frames: int  #: frames analysed
    half_width_angstrom: (
        float  #: half the shortest width of any cell; beyond it atoms meet images of the same neighbors
    )

    def pair(self, a: str, b: str) -> np.ndarray:
        """g_ab(r) [m], in either order.

        Parameters
        ----------
        a, b : str
            elements, in either order

        Returns
        -------
        np.ndarray
            [m]
        """
        return self.g[min(a, b), max(a, b)]

    def peak(self, a: str, b: str, r_low: float = 0.0, r_high: float = np.inf) -> tuple[float, float]:
        """Position (angstrom) and height of the highest local maximum in a range, refined by a parabola through three bins.

        Parameters
        ----------
        a, b : str
            elements, in either order
        r_low, r_high : float
            the range, angstrom

        Returns
        -------
        tuple of float
            position in angstrom, and height

        Raises
        ------
        ValueError
            nothing there
        """
        g = self.pair(a, b)
        inner = np.arange(1, len(g) - 1)
        tops = inner[(g[inner] > 0) & (g[inner] >= g[inner - 1]) & (g[inner] >= g[inner + 1])]
        tops = tops[(self.r_angstrom[tops] >= r_low) & (self.r_angstrom[tops] <= r_high)]
        if not len(tops):
            raise ValueError(
                f"RadialDistribution: g of {a}-{b} has no maximum between {r_low} and {r_high} angstrom; widen the range"
            )
        return parabolic_peak(self.r_angstrom, g, tops[np.argmax(g[tops])])

    def peaks(self, a: str, b: str, r_low: float = 0.0, r_high: float = np.inf) -> list[RadialPeak]:
        """All peaks of g_ab in a range that stand out of the noise, from left to right.

        g is smoothed by a Gaussian of 0.04 angstrom. A peak stands out by 0.05, by 5 % of its height, and by four standard
        deviations of the number of pairs counted.

        Parameters
        ----------
        a, b : str
            elements: of the center, and of its neighbors
        r_low, r_high : float
            the range, angstrom

        Returns
        -------
        list of RadialPeak
            empty if there is none
        """
        from scipy.ndimage import gaussian_filter1d
        from scipy.signal import find_peaks, peak_prominences

        key, width = (min(a, b), max(a, b)), self.r_angstrom[1] - self.r_angstrom[0]
        sigma = _SMOOTHING / width
        g = gaussian_filter1d(self.g[key], sigma, mode="nearest")
        tops = find_peaks(g)[0]
        prominence = peak_prominences(g, tops)[0] if len(tops) else np.empty(0)
        # Smoothing averages over 2 sqrt(pi) sigma bins.
        averaged = self.expected_counts[key][tops] * max(1.0, 2 * np.sqrt(np.pi) * sigma)
        least = np.maximum(np.maximum(0.05, 0.05 * g[tops]), 4 * np.sqrt(np.maximum(g[tops], 1e-9) / averaged))
        tops = tops[prominence >= least]
        found, number = [], np.concatenate([[0.0], self.coordination[a, b]])
        for index, top in enumerate(tops):
            if not r_low <= self.r_angstrom[top] <= r_high:
                continue
            before = tops[index - 1] if index else 0
            after = tops[index + 1] if index + 1 < len(tops) else len(g) - 1
            start = top - int(np.argmin(g[before : top + 1][::-1]))  # the nearest of equal minima
            stop = top + int(np.argmin(g[top : after + 1]))
            position, height = parabolic_peak(self.r_angstrom, g, top)
            edges = self.r_angstrom[[start, stop]]
            found.append(
                RadialPeak(position, height, float(edges[0]), float(edges[1]), float(number[stop] - number[start]))
            )
        return found

    def coordination_within(self, a: str, b: str, cutoff: float) -> float:
        """Number of b within `cutoff` (angstrom) of an a, interpolated linearly between bin edges.

        Parameters
        ----------
        a, b : str
            elements: of the center, and of its neighbors
        cutoff : float
            angstrom

        Returns
        -------
        float
            number of neighbors
        """
        half = (self.r_angstrom[1] - self.r_angstrom[0]) / 2
        return float(np.interp(cutoff, self.r_angstrom + half, self.coordination[a, b]))


def radial_distribution(
    trajectory: Trajectory, r_max: float = 10.0, bin_width: float = 0.02, stride: int = 1
) -> RadialDistribution:
    r"""All partial radial distribution functions.

    .. math:: g_{ab}(r) = \frac{1}{N_a N_b} \left\langle V \sum_{i \in a} \sum_{j \in b}
              \frac{\delta(r - r_{ij})}{4 \pi r^2} \right\rangle ,

    the sums running over all periodic images, an atom's own images included, so that r_max may exceed half the cell, the
    cell may be triclinic, and a supercell gives what its unit cell gives. A gas of N particles in a box has g = 1 - 1/N.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    r_max : float
        angstrom
    bin_width : float
        angstrom
    stride : int
        use every n-th frame

    Returns
    -------
    RadialDistribution
        by pair of elements

    Raises
    ------
    ValueError
        no cell, or bins that make no sense
    """
    if not 0 < bin_width < r_max:
        raise ValueError(
            f"radial_distribution: bin_width {bin_width} and r_max {r_max} angstrom; give 0 < bin_width < r_max"
        )
    elements = trajectory.elements
    kind = np.array([elements.index(symbol) for symbol in trajectory.symbols])
    populations = np.bincount(kind)
    pairs = list(combinations_with_replacement(range(len(elements)), 2))
    number = np.zeros((len(elements), len(elements)), dtype=np.int64)
    for index, (a, b) in enumerate(pairs):
        number[a, b] = number[b, a] = index
    bins = round(r_max / bin_width)
    edges = np.arange(bins + 1) * bin_width
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    counts, weighted = np.zeros((2, len(pairs), bins))
    frames, inverse_volume, half_width = 0, 0.0, np.inf
    for positions, cell in periodic_frames(trajectory, stride):
        first, second, distance = neighbor_pairs(positions, cell, edges[-1])
        bin_of = np.minimum((distance / bin_width).astype(np.int64), bins - 1)
        found = np.bincount(number[kind[first], kind[second]] * bins + bin_of, minlength=len(pairs) * bins)
        found = found.reshape(len(pairs), bins)
        volume, half_width = abs(np.linalg.det(cell)), min(half_width, float(cell_heights(cell).min()) / 2)
        counts += found
        weighted += found * volume
        frames += 1
        inverse_volume += 1 / volume
    g, coordination, raw, expected = {}, {}, {}, {}
    for index, (a, b) in enumerate(pairs):
        key = (elements[a], elements[b])
        ordered = (2 if a == b else 1) * counts[index]  # each pair was found once
        g[key] = (2 if a == b else 1) * weighted[index] / (frames * populations[a] * populations[b] * shells)
        coordination[key] = np.cumsum(ordered) / (frames * populations[a])
        coordination[key[::-1]] = np.cumsum(ordered) / (frames * populations[b])
        raw[key] = counts[index]
        expected[key] = populations[a] * populations[b] / (2 if a == b else 1) * shells * inverse_volume
    return RadialDistribution(
        r_angstrom=edges[:-1] + bin_width / 2,
        g=g,
        coordination=coordination,
        counts=raw,
        expected_counts=expected,
        number_density_per_angstrom3=len(kind) * inverse_volume / frames,
        concentrations={symbol: populations[index] / len(kind) for index, symbol in enumerate(elements)},
        frames=frames,
        half_width_angstrom=half_width,
    )


def parabolic_peak(x: np.ndarray, y: np.ndarray, index: int) -> tuple[float, float]:
    """Position and height of a maximum, by the parabola through it and its two neighbors.

    Parameters
    ----------
    x, y : np.ndarray, [m]
        samples, x evenly spaced
    index : int
        of the largest sample

    Returns
    -------
    tuple of float
        position and height
    """
    if not 0 < index < len(y) - 1:
        return float(x[index]), float(y[index])
    left, middle, right = y[index - 1 : index + 2]
    curvature = left - 2 * middle + right
    shift = 0.5 * (left - right) / curvature if curvature else 0.0
    return float(x[index] + shift * (x[1] - x[0])), float(middle - 0.25 * (left - right) * shift)
