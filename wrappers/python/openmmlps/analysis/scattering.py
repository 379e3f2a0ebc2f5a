# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Structure factors: partial, neutron-weighted, and their real-space form T(r); conventions of Faber and Ziman."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from .radial import Pair, RadialDistribution
from .requirements import periodic_frames, require_cell
from .trajectory import Trajectory

#: coherent neutron scattering lengths in fm (natural isotopes, then single ones); Sears, Neutron News 3, 26 (1992)
NEUTRON_SCATTERING_LENGTHS_FM = {
    "Li": -1.90,
    "Na": 3.63,
    "Al": 3.449,
    "Si": 4.15,
    "P": 5.13,
    "S": 2.847,
    "O": 5.803,
    "N": 9.36,
    "Cl": 9.577,
    "Br": 6.795,
    "I": 5.28,
    "Ge": 8.185,
    "Sn": 6.225,
    "B": 5.30,
    "F": 5.654,
    "Mg": 5.375,
    "K": 3.67,
    "Ca": 4.70,
    "Cu": 7.718,
    "Zn": 5.680,
    "Ga": 7.288,
    "As": 6.58,
    "Se": 7.970,
    "Y": 7.75,
    "Zr": 7.16,
    "Nb": 7.054,
    "Mo": 6.715,
    "Ag": 5.922,
    "In": 4.065,
    "Sb": 5.57,
    "Te": 5.80,
    "La": 8.24,
    "Ta": 6.91,
    "W": 4.86,
    "6Li": 2.00,
    "7Li": -2.22,
}


@dataclass(frozen=True)
class StructureFactor:
    """Faber-Ziman structure factors on a grid of wave vectors."""

    q_per_angstrom: np.ndarray  #: [m]
    partial: dict[Pair, np.ndarray]  #: (a, b), a <= b -> [m] S_ab(Q), tends to 1
    neutron: np.ndarray  #: [m] S(Q), weighted and normalized by <b>^2, tends to 1
    neutron_interference_fm2: np.ndarray  #: [m] sum_ab c_a c_b b_a b_b (S_ab - 1), not normalized; 100 fm^2 = 1 barn
    weights: dict[Pair, float]  #: (a, b), a <= b -> weight in `neutron`, both orders together; they sum to 1

    def pair(self, a: str, b: str) -> np.ndarray:
        """S_ab(Q) [m], in either order.

        Parameters
        ----------
        a, b : str
            elements, in either order

        Returns
        -------
        np.ndarray
            [m]
        """
        return self.partial[min(a, b), max(a, b)]


def scattering_lengths(elements: Iterable[str], overrides: Mapping[str, float | str] | None = None) -> dict[str, float]:
    """Neutron scattering length of each element in fm.

    Parameters
    ----------
    elements : iterable of str
        symbols
    overrides : mapping from str to float or str, or None
        symbol -> fm, or -> name of an isotope such as "7Li"

    Returns
    -------
    dict of float
        symbol -> fm

    Raises
    ------
    ValueError
        unknown element
    """
    lengths = {}
    for symbol in elements:
        given = (overrides or {}).get(symbol, symbol)
        value = NEUTRON_SCATTERING_LENGTHS_FM.get(given) if isinstance(given, str) else float(given)
        if value is None:
            raise ValueError(
                f"scattering_lengths: no neutron scattering length is known for '{symbol}'; give overrides={{'{symbol}': value in fm}}"
            )
        lengths[symbol] = value
    return lengths


def structure_factor(
    distribution: RadialDistribution,
    q_max: float = 20.0,
    q_step: float = 0.02,
    window: str | None = "lorch",
    overrides: Mapping[str, float | str] | None = None,
) -> StructureFactor:
    r"""Structure factors by sine transform of radial distribution functions.

    .. math:: S_{ab}(Q) = 1 + \rho \int_0^R 4 \pi r^2 (g_{ab} - 1) \frac{\sin Qr}{Qr} M(r) dr ,\quad
              S(Q) = \frac{\sum_{ab} c_a c_b b_a b_b S_{ab}}{\langle b \rangle^2}

    with Lorch's M(r) = sin(pi r/R)/(pi r/R), or M = 1. Features narrower than about 2 pi/R are not resolved, and below
    Q = 2 pi/R the result is an extrapolation: take R at least 10 angstrom, and not beyond half the cell of a glass.

    Parameters
    ----------
    distribution : RadialDistribution
        partial g(r); its r_max is R
    q_max : float
        1/angstrom
    q_step : float
        1/angstrom
    window : str or None
        "lorch" or None
    overrides : mapping from str to float or str, or None
        see :func:`scattering_lengths`

    Returns
    -------
    StructureFactor
        partial and weighted

    Raises
    ------
    ValueError
        another window, or an unknown element
    """
    if window not in ("lorch", None):
        raise ValueError(f"structure_factor: window is {window!r}; give 'lorch' or None")
    r = distribution.r_angstrom
    width = r[1] - r[0]
    q = np.arange(1, round(q_max / q_step) + 1) * q_step
    kernel = np.sinc(q[:, None] * r / np.pi) * (4 * np.pi * distribution.number_density_per_angstrom3 * r**2 * width)
    if window == "lorch":
        kernel *= np.sinc(r / (r[-1] + width / 2))
    partial = {key: 1 + kernel @ (g - 1) for key, g in distribution.g.items()}
    return _weighted(q, partial, distribution.concentrations, overrides)


def structure_factor_direct(
    trajectory: Trajectory,
    q_max: float = 8.0,
    q_step: float = 0.05,
    vectors_per_bin: int = 60,
    stride: int = 1,
    seed: int = 0,
    overrides: Mapping[str, float | str] | None = None,
) -> StructureFactor:
    r"""Structure factors from the density waves of the periodic cell, without a cutoff in r.

    .. math:: S_{ab}(Q) = 1 + \frac{\langle \rho_a \rho_b^* \rangle / N - c_a \delta_{ab}}{c_a c_b} ,\quad
              \rho_a = \sum_{i \in a} e^{i \mathbf{Q} \cdot \mathbf{r}_i}

    averaged over the wave vectors Q of the reciprocal lattice of the first frame within each bin (the same integer
    vectors in all frames) and over frames. Bins that hold no wave vector are left out.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    q_max : float
        1/angstrom
    q_step : float
        width of a bin, 1/angstrom
    vectors_per_bin : int
        at most so many wave vectors, chosen at random, represent a bin
    stride : int
        use every n-th frame
    seed : int
        of that choice
    overrides : mapping from str to float or str, or None
        see :func:`scattering_lengths`

    Returns
    -------
    StructureFactor
        partial and weighted

    Raises
    ------
    ValueError
        no cell
    """
    cells = require_cell(trajectory)
    integers, bins, centers = _wave_vectors(cells[0], q_max, q_step, vectors_per_bin, seed)
    elements = trajectory.elements
    members = [trajectory.indices(symbol) for symbol in elements]
    pairs = list(combinations_with_replacement(range(len(elements)), 2))
    belongs = np.array([np.isin(np.arange(len(trajectory.symbols)), atoms) for atoms in members]).T.astype(complex)
    sums = np.zeros((len(pairs), len(integers)))
    frames = 0
    for positions, cell in periodic_frames(trajectory, stride):
        waves = _density_waves(positions @ np.linalg.inv(cell), integers, belongs)
        for index, (a, b) in enumerate(pairs):
            sums[index] += (waves[a] * waves[b].conj()).real
        frames += 1
    count = len(trajectory.symbols)
    concentrations = {symbol: len(atoms) / count for symbol, atoms in zip(elements, members, strict=True)}
    per_bin = np.bincount(bins, minlength=len(centers))
    partial = {}
    for index, (a, b) in enumerate(pairs):
        mean = np.bincount(bins, weights=sums[index], minlength=len(centers))[per_bin > 0] / per_bin[per_bin > 0]
        c_a, c_b = concentrations[elements[a]], concentrations[elements[b]]
        partial[elements[a], elements[b]] = 1 + (mean / (frames * count) - (c_a if a == b else 0)) / (c_a * c_b)
    return _weighted(centers[per_bin > 0], partial, concentrations, overrides)


def total_correlation(
    distribution: RadialDistribution, overrides: Mapping[str, float | str] | None = None
) -> np.ndarray:
    r"""Neutron-weighted total correlation function T(r) [m] in angstrom^-2, from the same histogram as g.

    .. math:: T(r) = 4 \pi \rho r \frac{\sum_{ab} c_a c_b b_a b_b g_{ab}(r)}{\langle b \rangle^2}

    Parameters
    ----------
    distribution : RadialDistribution
        partial g(r)
    overrides : mapping from str to float or str, or None
        see :func:`scattering_lengths`

    Returns
    -------
    np.ndarray
        [m] 1/angstrom^2
    """
    weights, _ = _weights(distribution.concentrations, overrides)
    total = sum(weights[key] * g for key, g in distribution.g.items())
    return 4 * np.pi * distribution.number_density_per_angstrom3 * distribution.r_angstrom * total


def total_correlation_from_structure_factor(
    factor: StructureFactor,
    number_density_per_angstrom3: float,
    r_angstrom: ArrayLike,
    q_max: float | None = None,
    window: str | None = "lorch",
) -> np.ndarray:
    r"""T(r) [m] in angstrom^-2 with the resolution of an experiment that ends at q_max.

    .. math:: T(r) = 4 \pi \rho r + \frac{2}{\pi} \int_0^{Q_{max}} Q (S(Q) - 1) M(Q) \sin(Qr) dQ

    Parameters
    ----------
    factor : StructureFactor
        on an evenly spaced grid that starts near 0
    number_density_per_angstrom3 : float
        of all atoms
    r_angstrom : array_like, [m]
        angstrom
    q_max : float or None
        1/angstrom; None: the end of the grid
    window : str or None
        "lorch" or None

    Returns
    -------
    np.ndarray
        [m] 1/angstrom^2
    """
    q, s = factor.q_per_angstrom, factor.neutron
    q_max = q[-1] if q_max is None else q_max
    inside = q <= q_max + 1e-9
    q, s = q[inside], s[inside]
    damping = np.sinc(q / q_max) if window == "lorch" else np.ones_like(q)
    r = np.asarray(r_angstrom, dtype=float)
    step = factor.q_per_angstrom[1] - factor.q_per_angstrom[0]
    return (
        4 * np.pi * number_density_per_angstrom3 * r
        + 2 / np.pi * np.sin(r[:, None] * q) @ (q * (s - 1) * damping) * step
    )


def xray_structure_factor(factor: StructureFactor, concentrations: Mapping[str, float]) -> np.ndarray:
    r"""Total structure factor [m] as X-rays see it, from the partials.

    .. math:: S(Q) = 1 + \frac{\sum_{ab} c_a c_b f_a(Q) f_b(Q) (S_{ab} - 1)}{(\sum_a c_a f_a(Q))^2}

    Parameters
    ----------
    factor : StructureFactor
        with its partials
    concentrations : mapping
        element -> share of the atoms

    Returns
    -------
    np.ndarray
        [m]

    Raises
    ------
    ValueError
        no form factor of an element is known
    """
    table = _form_factors()
    unknown = sorted(set(concentrations) - set(table))
    if unknown:
        raise ValueError(f"xray_structure_factor: no form factor of {', '.join(unknown)} is known; leave X-rays out")
    square = (factor.q_per_angstrom / (4 * np.pi)) ** 2
    weight = {}
    for element, share in concentrations.items():
        heights, widths, constant = table[element]
        weight[element] = share * (heights @ np.exp(-widths[:, None] * square) + constant)
    total = sum((1 if a == b else 2) * weight[a] * weight[b] * (s - 1) for (a, b), s in factor.partial.items())
    return np.asarray(1 + total / sum(weight.values()) ** 2)


@cache
def _form_factors() -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Element -> a [5], b [5], c of f = sum a exp(-b (Q / 4 pi)^2) + c; Waasmaier, Kirfel, Acta Cryst. A 51, 416 (1995)."""
    found = {}
    with (Path(__file__).parent / "form_factors.csv").open(encoding="utf-8", newline="") as file:
        for element, *numbers in csv.reader(row for row in file if not row.startswith("#")):
            values = np.array(numbers, dtype=float)
            found[element] = (values[:5], values[6:], float(values[5]))
    return found


def _weights(
    concentrations: Mapping[str, float], overrides: Mapping[str, float | str] | None
) -> tuple[dict[Pair, float], float]:
    lengths = scattering_lengths(concentrations, overrides)
    mean = sum(concentrations[symbol] * lengths[symbol] for symbol in concentrations)
    if abs(mean) < 1e-6:
        raise ValueError(
            "structure_factor: the mean scattering length is zero, so S(Q) cannot be normalized; change the isotopes"
        )
    weights = {}
    for a, b in combinations_with_replacement(sorted(concentrations), 2):
        both = 1 if a == b else 2
        weights[a, b] = both * concentrations[a] * concentrations[b] * lengths[a] * lengths[b] / mean**2
    return weights, mean


def _weighted(
    q: np.ndarray,
    partial: dict[Pair, np.ndarray],
    concentrations: Mapping[str, float],
    overrides: Mapping[str, float | str] | None,
) -> StructureFactor:
    weights, mean = _weights(concentrations, overrides)
    excess = np.asarray(sum(weights[key] * (s - 1) for key, s in partial.items()))
    return StructureFactor(q, partial, 1 + excess, excess * mean**2, weights)


def _density_waves(fractional: np.ndarray, integers: np.ndarray, belongs: np.ndarray) -> np.ndarray:
    """Sums of exp(i Q r) over the atoms of each element, [elements, k]; powers of exp(2 pi i x) are computed once.

    Parameters
    ----------
    fractional : np.ndarray, [n, 3]
        positions
    integers : np.ndarray of int, [k, 3]
        wave vectors
    belongs : np.ndarray, [n, elements]
        1 or 0
    """
    reach = np.abs(integers).max(0)
    powers = [
        np.exp(2j * np.pi * np.arange(-most, most + 1)[:, None] * fractional[:, axis])
        for axis, most in enumerate(reach)
    ]
    waves = np.empty((len(integers), belongs.shape[1]), dtype=complex)
    for start in range(0, len(integers), 256):
        x, y, z = (integers[start : start + 256] + reach).T
        waves[start : start + 256] = (powers[0][x] * powers[1][y] * powers[2][z]) @ belongs
    return waves.T


def _wave_vectors(
    cell: np.ndarray, q_max: float, q_step: float, per_bin: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half of the reciprocal lattice below q_max, thinned out: integer vectors [k, 3], their bins [k], all bin centers."""
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    reach = np.ceil(q_max * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    grid = grid[len(grid) // 2 + 1 :]  # the other half is the complex conjugate; the middle is zero
    lengths = np.linalg.norm(grid @ reciprocal, axis=1)
    bins = (lengths / q_step).astype(int)
    count = round(q_max / q_step)
    order = np.random.default_rng(seed).permutation(np.flatnonzero(bins < count))
    order = order[np.argsort(bins[order], kind="stable")]
    sorted_bins = bins[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_bins, sorted_bins)
    kept = order[rank < per_bin]
    return grid[kept], bins[kept], (np.arange(count) + 0.5) * q_step
