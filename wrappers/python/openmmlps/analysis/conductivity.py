# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
r"""Diffusion and conductivity with error bars.

Definitions (N mobile ions of charge q e in the volume V, displacements relative to the framework):

.. math:: D^* = \lim \frac{\langle |\Delta r_i|^2 \rangle}{6 t} ,\quad
          D_\sigma = \lim \frac{\langle |\sum_i \Delta r_i|^2 \rangle}{6 N t} ,\quad H_R = D^* / D_\sigma ,

.. math:: \sigma_{NE} = \frac{N q^2 e^2}{V k_B T} D^* ,\quad \sigma = \frac{N q^2 e^2}{V k_B T} D_\sigma = \sigma_{NE} / H_R .

All ions together make a single path, whose displacement is known at short lags only: both coefficients of the Haven ratio are
fitted in a window of their own there, and D_sigma is the D* of the long lags over that ratio.

sigma_NE (Nernst-Einstein) is what most simulations report; sigma (Einstein-Helfand, collective) is what impedance measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.constants import Boltzmann, elementary_charge

from .displacements import MeanSquaredDisplacement, displacement_of_paths, fit_line
from .estimates import Estimate, standard_error, student_reach
from .requirements import require_frames, require_interval
from .trajectory import Species, Trajectory
from .unwrapping import read_paths

_MIN_FRAMES = 50
_TRACER, _TRACER_SHORT, _TOGETHER = 0, 5, 6  # columns of the rows of _fit_block


@dataclass(frozen=True)
class Transport:
    """Transport coefficients of one temperature; every Estimate carries a 95 % interval."""

    temperature_K: float
    msd: MeanSquaredDisplacement  #: of the mobile ions, all replicas averaged
    collective_msd: MeanSquaredDisplacement  #: ``|sum of displacements|^2 / N``, all replicas averaged
    fit_start_ps: float
    fit_stop_ps: float
    diffusion_cm2_per_s: Estimate  #: D*, tracer
    direction_diffusion_cm2_per_s: tuple[Estimate, Estimate, Estimate]  #: along x, y, z
    collective_diffusion_cm2_per_s: Estimate  #: D_sigma = D* / Haven ratio
    nernst_einstein_mS_per_cm: Estimate
    conductivity_mS_per_cm: Estimate  #: collective
    haven_ratio: Estimate  #: ratio of the two slopes in the window of the collective one; error by jackknife
    haven_start_ps: float  #: that window
    haven_stop_ps: float
    exponent: Estimate  #: slope of ln MSD against ln t in the fit window, 1 if diffusive
    diffusive: bool  #: whether the exponent says so and ions leave their sites
    warnings: tuple[str, ...]  #: plain words; empty if nothing speaks against the numbers
    errors_from: str  #: "blocks" or "replicas"
    nernst_einstein_per_diffusion: float  #: sigma_NE / D*, (mS/cm) / (cm^2/s)
    replica_diffusion_cm2_per_s: tuple[Estimate, ...]  #: D* of each trajectory, errors from its blocks
    msd_reach_angstrom2: np.ndarray | None = (
        None  #: [m] half widths of the 95 % intervals of msd; None: fewer than three replicas
    )


def conductivity_mS_per_cm(
    diffusion_cm2_per_s: float, ions: int, volume_angstrom3: float, temperature_K: float, charge: float = 1.0
) -> float:
    """Conductivity sigma = N q^2 e^2 D / (V k T).

    Parameters
    ----------
    diffusion_cm2_per_s : float
        D* for the conductivity of Nernst and Einstein, D_sigma for the collective one, cm^2/s
    ions : int
        number N of mobile ions
    volume_angstrom3 : float
        of the cell, angstrom^3
    temperature_K : float
        kelvin
    charge : float
        q of one mobile ion, elementary charges

    Returns
    -------
    float
        mS/cm
    """
    density = ions / (volume_angstrom3 * 1e-24)  # 1/cm^3
    siemens_per_cm = density * (charge * elementary_charge) ** 2 * diffusion_cm2_per_s / (Boltzmann * temperature_K)
    return siemens_per_cm * 1e3


def transport_coefficients(
    trajectories: Trajectory | Sequence[Trajectory],
    temperature_K: float,
    mobile: Species = "mobile",
    charge: float = 1.0,
    reference: Species | None = "framework",
    blocks: int = 5,
    fit_window: tuple[float, float] = (0.1, 0.5),
    fit_window_ps: tuple[float, float] | None = None,
    haven_window: tuple[float, float] = (0.02, 0.1),
) -> Transport:
    """Diffusion coefficient, conductivities and Haven ratio of one temperature.

    Each trajectory is cut into blocks and a line fitted to the mean squared displacement of each; the scatter of the
    independent samples gives the error. With three replicas or more, the replicas (mean over their blocks) are the samples.

    Parameters
    ----------
    trajectories : Trajectory or sequence of Trajectory
        one, or replicas (same composition and temperature), at constant
        volume, thermostatted weakly or not at all
    temperature_K : float
        kelvin
    mobile : str, sequence of str, or np.ndarray of int
        the mobile ions
    charge : float
        of one mobile ion, elementary charges
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted: "framework" (all other atoms), "all", None or atoms
    blocks : int
        per trajectory
    fit_window : (float, float)
        first and last lag of the fit, over the length of a block
    fit_window_ps : (float, float) or None
        the same in ps, instead
    haven_window : (float, float)
        as `fit_window`, for both slopes of the Haven ratio; at least three lags are taken

    Returns
    -------
    Transport
        the coefficients, and what speaks against them

    Raises
    ------
    ValueError
        wrapped, too short, unevenly spaced or unlike trajectories, or a wrong window
    """
    replicas = [trajectories] if isinstance(trajectories, Trajectory) else list(trajectories)
    if not replicas:
        raise ValueError("transport_coefficients: no trajectory was given; give one or several replicas")
    if not temperature_K > 0:
        raise ValueError(f"transport_coefficients: temperature_K is {temperature_K}; give kelvin, more than 0")
    if blocks < 1 or (blocks < 2 and len(replicas) < 2):
        raise ValueError(
            f"transport_coefficients: {blocks} block of {len(replicas)} replica gives no error bar; give blocks=5 or more replicas"
        )
    parts: list[_Replica] = []
    for trajectory in replicas:
        part = _sample(
            trajectory, mobile, reference, blocks, fit_window_ps or fit_window, fit_window_ps is None, haven_window
        )
        if parts and parts[0].ions != part.ions:
            raise ValueError(
                f"transport_coefficients: '{trajectory.name}' has {part.ions} mobile ions, '{replicas[0].name}' {parts[0].ions}; "
                "give replicas of one system"
            )
        parts.append(part)
    start, stop = parts[-1].window
    errors_from = "replicas" if len(replicas) >= 3 else "blocks"
    rows = np.array([part.rows for part in parts])  # [replica, block, quantity]
    rows = rows.mean(1) if errors_from == "replicas" else rows.reshape(-1, rows.shape[-1])
    self_diffusion, x, y, z, exponent = (Estimate.from_samples(column) for column in rows.T[:5])
    collective = Estimate.of_means(rows, lambda row: row[_TRACER] * row[_TOGETHER] / row[_TRACER_SHORT])
    volume = float(np.mean([part.volume for part in parts]))
    per_diffusion = conductivity_mS_per_cm(1.0, parts[0].ions, volume, temperature_K, charge)
    msd = _average([part.msd for part in parts])
    warnings = _warnings(exponent, msd, self_diffusion, start, stop)
    return Transport(
        temperature_K=float(temperature_K),
        msd=msd,
        collective_msd=_average([part.collective_msd for part in parts]),
        fit_start_ps=float(start),
        fit_stop_ps=float(stop),
        diffusion_cm2_per_s=self_diffusion,
        direction_diffusion_cm2_per_s=(x, y, z),
        collective_diffusion_cm2_per_s=collective,
        nernst_einstein_mS_per_cm=self_diffusion.scaled(per_diffusion),
        conductivity_mS_per_cm=collective.scaled(per_diffusion),
        haven_ratio=Estimate.of_means(rows, lambda row: row[_TRACER_SHORT] / row[_TOGETHER]),
        haven_start_ps=float(parts[-1].haven_window[0]),
        haven_stop_ps=float(parts[-1].haven_window[1]),
        exponent=exponent,
        diffusive=not warnings,
        warnings=warnings,
        errors_from=errors_from,
        nernst_einstein_per_diffusion=per_diffusion,
        replica_diffusion_cm2_per_s=tuple(Estimate.from_samples([row[0] for row in part.rows]) for part in parts),
        msd_reach_angstrom2=_reach([part.msd for part in parts]) if errors_from == "replicas" else None,
    )


@dataclass(frozen=True)
class _Replica:
    """What one trajectory contributes."""

    rows: list[list[float]]  #: of each block, see _fit_block
    msd: MeanSquaredDisplacement
    collective_msd: MeanSquaredDisplacement
    window: tuple[float, float]  #: ps
    haven_window: tuple[float, float]  #: ps
    ions: int
    volume: float  #: angstrom^3


def _sample(
    trajectory: Trajectory,
    mobile: Species,
    reference: Species | None,
    blocks: int,
    window: tuple[float, float],
    relative: bool,
    haven: tuple[float, float],
) -> _Replica:
    """Fits to the blocks of a trajectory; the window is in ps or, if relative, over the length of a block."""
    require_frames(trajectory, max(_MIN_FRAMES, 10 * blocks), "transport_coefficients")
    interval = require_interval(trajectory, "transport_coefficients")
    paths = read_paths(trajectory, mobile, reference, "transport_coefficients")
    length = len(paths) // blocks
    span = (length - 1) * interval
    start, stop = (fraction * span for fraction in window) if relative else window
    if not 0 <= start < stop <= span:
        raise ValueError(
            f"transport_coefficients: the fit window {start:g} to {stop:g} ps does not lie within a block of {span:g} ps; "
            "give a smaller one, fewer blocks, or a longer trajectory"
        )
    first = max(1, round(haven[0] * (length - 1)))
    short = (first * interval, max(first + 2, round(haven[1] * (length - 1))) * interval)
    pieces = [paths[index * length : (index + 1) * length] for index in range(blocks)]
    rows = [_fit_block(piece, interval, (start, stop), short) for piece in pieces]
    return _Replica(
        rows,
        displacement_of_paths(paths, interval),
        displacement_of_paths(_collective(paths), interval),
        (start, stop),
        short,
        paths.shape[1],
        float(trajectory.volumes().mean()),
    )


def _collective(paths: np.ndarray) -> np.ndarray:
    """Sum of the displacements over sqrt(N) as a single path [t, 1, 3]: its squared displacement is that of D_sigma."""
    return paths.sum(1, keepdims=True) / np.sqrt(paths.shape[1])


def _fit_block(
    paths: np.ndarray, interval: float, window: tuple[float, float], short: tuple[float, float]
) -> list[float]:
    """D* and its directions, the exponent, and both slopes in the window of the Haven ratio (_TRACER ... _TOGETHER)."""
    span = (len(paths) - 1) * interval
    fraction = min(1.0, max(window[1], short[1]) / span + 1e-9)
    msd = displacement_of_paths(paths, interval, fraction)
    own, own_short = fit_line(msd, *window), fit_line(msd, *short)
    together = fit_line(displacement_of_paths(_collective(paths), interval, min(1.0, short[1] / span + 1e-9)), *short)
    slopes = [own_short.diffusion_cm2_per_s, together.diffusion_cm2_per_s]
    return [own.diffusion_cm2_per_s, *own.directions_cm2_per_s, own.exponent, *slopes]


def _average(curves: Sequence[MeanSquaredDisplacement]) -> MeanSquaredDisplacement:
    length = min(len(curve.lags_ps) for curve in curves)
    return MeanSquaredDisplacement(
        curves[0].lags_ps[:length],
        np.mean([curve.directions_angstrom2[:length] for curve in curves], axis=0),
        sum(curve.atoms for curve in curves),
    )


def _reach(curves: Sequence[MeanSquaredDisplacement]) -> np.ndarray:
    """[m] half widths of the 95 % intervals of the mean of the replicas."""
    length = min(len(curve.lags_ps) for curve in curves)
    return student_reach(len(curves) - 1) * standard_error([curve.total_angstrom2[:length] for curve in curves])


def _warnings(
    exponent: Estimate, msd: MeanSquaredDisplacement, diffusion: Estimate, start: float, stop: float
) -> tuple[str, ...]:
    found = []
    reach = 0.1 if not np.isfinite(exponent.standard_error) else max(0.1, 2 * exponent.standard_error)
    if abs(exponent.value - 1) > min(reach, 0.3):
        what = "ions are still leaving their cages" if exponent.value < 1 else "motion is ballistic or drifting"
        found.append(
            f"not diffusive: the mean squared displacement grows as t^{exponent.value:.2f} between {start:.3g} and {stop:.3g} ps "
            f"({what}); run longer or at a higher temperature, or fit longer lags"
        )
    travelled = float(np.interp(stop, msd.lags_ps, msd.total_angstrom2))
    if travelled < 4.0:
        found.append(
            f"not diffusive: ions travel {np.sqrt(travelled):.2f} angstrom (root mean square) within the fit window, less than a hop of "
            "2 angstrom; run longer or at a higher temperature"
        )
    if diffusion.value <= 0 or (np.isfinite(diffusion.low) and diffusion.low <= 0):
        found.append("the diffusion coefficient is not distinguishable from zero; run longer or add replicas")
    return tuple(found)
