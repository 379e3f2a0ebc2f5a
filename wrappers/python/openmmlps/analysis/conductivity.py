# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
r"""Diffusion and conductivity with error bars.

Definitions (N mobile ions of charge q e in the volume V, displacements relative to the framework):

.. math:: D^* = \lim \frac{\langle |\Delta r_i|^2 \rangle}{6 t} ,\quad
          D_\sigma = \lim \frac{\langle |\sum_i \Delta r_i|^2 \rangle}{6 N t} ,\quad H_R = D^* / D_\sigma ,

.. math:: \sigma_{NE} = \frac{N q^2 e^2}{V k_B T} D^* ,\quad \sigma = \frac{N q^2 e^2}{V k_B T} D_\sigma = \sigma_{NE} / H_R .

sigma_NE (Nernst-Einstein) is what most simulations report; sigma (Einstein-Helfand, collective) is what impedance measures.
"""

from dataclasses import dataclass

import numpy as np
from scipy.constants import Boltzmann, elementary_charge

from .displacements import MeanSquaredDisplacement, displacement_of_paths, fit_line
from .estimates import Estimate
from .trajectory import read_paths, require_frames, require_interval

_MIN_FRAMES = 50


@dataclass(frozen=True)
class Transport:
    """Transport coefficients of one temperature; every Estimate carries a 95 % interval."""

    temperature_K: float
    msd: MeanSquaredDisplacement  #: of the mobile ions, all replicas averaged
    collective_msd: MeanSquaredDisplacement  #: ``|sum of displacements|^2 / N``, all replicas averaged
    fit_start_ps: float
    fit_stop_ps: float
    diffusion_cm2_per_s: Estimate  #: D*, tracer
    direction_diffusion_cm2_per_s: tuple  #: three Estimates, along x, y, z
    collective_diffusion_cm2_per_s: Estimate  #: D_sigma
    nernst_einstein_mS_per_cm: Estimate
    conductivity_mS_per_cm: Estimate  #: collective
    haven_ratio: Estimate  #: value = ratio of the means; error by propagation of the two (jackknife)
    exponent: Estimate  #: slope of ln MSD against ln t in the fit window, 1 if diffusive
    diffusive: bool  #: whether the exponent says so and ions leave their sites
    warnings: tuple  #: plain words; empty if nothing speaks against the numbers
    errors_from: str  #: "blocks" or "replicas"


def conductivity_mS_per_cm(diffusion_cm2_per_s, ions, volume_angstrom3, temperature_K, charge=1.0):
    """sigma = N q^2 e^2 D / (V k T) in mS/cm; with D* it is Nernst-Einstein's, with D_sigma the collective one."""
    density = ions / (volume_angstrom3 * 1e-24)  # 1/cm^3
    siemens_per_cm = density * (charge * elementary_charge) ** 2 * diffusion_cm2_per_s / (Boltzmann * temperature_K)
    return siemens_per_cm * 1e3


def transport_coefficients(
    trajectories,
    temperature_K,
    mobile="Li",
    charge=1.0,
    reference="framework",
    blocks=5,
    fit_window=(0.1, 0.5),
    fit_window_ps=None,
):
    """Diffusion coefficient, conductivities and Haven ratio of one temperature.

    Each trajectory is cut into blocks and a line fitted to the mean squared displacement of each; the scatter of the
    independent samples gives the error. With three replicas or more, the replicas (mean over their blocks) are the samples.

    :param trajectories: one :class:`~.trajectory.Trajectory` or a sequence of replicas (same composition and temperature),
        at constant volume, thermostatted weakly or not at all
    :param temperature_K: kelvin
    :param mobile: the mobile ions
    :param charge: of one mobile ion, elementary charges
    :param reference: whose drift is subtracted: "framework" (all other atoms), "all", None or atoms
    :param blocks: per trajectory
    :param fit_window: first and last lag of the fit, over the length of a block
    :param fit_window_ps: the same in ps, instead
    :return: :class:`Transport`
    :raises ValueError: wrapped, too short, unevenly spaced or unlike trajectories, or a wrong window
    """
    replicas = [trajectories] if hasattr(trajectories, "positions") else list(trajectories)
    if not replicas:
        raise ValueError("transport_coefficients: no trajectory was given; give one or several replicas")
    if not temperature_K > 0:
        raise ValueError(f"transport_coefficients: temperature_K is {temperature_K}; give kelvin, more than 0")
    if blocks < 1 or (blocks < 2 and len(replicas) < 2):
        raise ValueError(
            f"transport_coefficients: {blocks} block of {len(replicas)} replica gives no error bar; give blocks=5 or more replicas"
        )
    samples, curves, volumes, ions = [], [], [], None
    for trajectory in replicas:
        require_frames(trajectory, max(_MIN_FRAMES, 10 * blocks), "transport_coefficients")
        interval = require_interval(trajectory, "transport_coefficients")
        paths = read_paths(trajectory, mobile, reference, "transport_coefficients")
        if ions not in (None, paths.shape[1]):
            raise ValueError(
                f"transport_coefficients: '{trajectory.name}' has {paths.shape[1]} mobile ions, '{replicas[0].name}' {ions}; give replicas of one system"
            )
        ions = paths.shape[1]
        volumes.append(float(trajectory.volumes().mean()))
        length = len(paths) // blocks
        start, stop = fit_window_ps or (fraction * (length - 1) * interval for fraction in fit_window)
        if not 0 <= start < stop <= (length - 1) * interval:
            raise ValueError(
                f"transport_coefficients: the fit window {start:g} to {stop:g} ps does not lie within a block of {(length - 1) * interval:g} ps; "
                "give a smaller one, fewer blocks, or a longer trajectory"
            )
        fits = [
            _fit_block(paths[index * length : (index + 1) * length], interval, start, stop) for index in range(blocks)
        ]
        samples.append(fits)
        curves.append((displacement_of_paths(paths, interval), displacement_of_paths(_collective(paths), interval)))
    errors_from = "replicas" if len(replicas) >= 3 else "blocks"
    rows = np.array(samples)  # [replica, block, quantity]
    rows = rows.mean(1) if errors_from == "replicas" else rows.reshape(-1, rows.shape[-1])
    self_diffusion, collective = Estimate.from_samples(rows[:, 0]), Estimate.from_samples(rows[:, 1])
    exponent = Estimate.from_samples(rows[:, 5])
    per_diffusion = conductivity_mS_per_cm(1.0, ions, np.mean(volumes), temperature_K, charge)
    msd = _average([curve[0] for curve in curves])
    warnings = _warnings(exponent, msd, self_diffusion, start, stop)
    return Transport(
        temperature_K=float(temperature_K),
        msd=msd,
        collective_msd=_average([curve[1] for curve in curves]),
        fit_start_ps=float(start),
        fit_stop_ps=float(stop),
        diffusion_cm2_per_s=self_diffusion,
        direction_diffusion_cm2_per_s=tuple(Estimate.from_samples(rows[:, column]) for column in (2, 3, 4)),
        collective_diffusion_cm2_per_s=collective,
        nernst_einstein_mS_per_cm=self_diffusion.scaled(per_diffusion),
        conductivity_mS_per_cm=collective.scaled(per_diffusion),
        haven_ratio=_ratio(rows[:, 0], rows[:, 1]),
        exponent=exponent,
        diffusive=not warnings,
        warnings=warnings,
        errors_from=errors_from,
    )


def _collective(paths):
    """Sum of the displacements over sqrt(N) as a single path [t, 1, 3]: its squared displacement is that of D_sigma."""
    return paths.sum(1, keepdims=True) / np.sqrt(paths.shape[1])


def _fit_block(paths, interval, start, stop):
    fraction = min(1.0, stop / ((len(paths) - 1) * interval) + 1e-9)
    own = fit_line(displacement_of_paths(paths, interval, fraction), start, stop)
    together = fit_line(displacement_of_paths(_collective(paths), interval, fraction), start, stop)
    return [own.diffusion_cm2_per_s, together.diffusion_cm2_per_s, *own.directions_cm2_per_s, own.exponent]


def _average(curves):
    length = min(len(curve.lags_ps) for curve in curves)
    return MeanSquaredDisplacement(
        curves[0].lags_ps[:length],
        np.mean([curve.directions_angstrom2[:length] for curve in curves], axis=0),
        sum(curve.atoms for curve in curves),
    )


def _ratio(numerators, denominators):
    """Ratio of means with its jackknife error: less biased than the mean of noisy ratios."""
    value = float(np.mean(numerators) / np.mean(denominators))
    count = len(numerators)
    if count < 2:
        return Estimate(value, np.nan, np.nan, np.nan, (value,))
    from scipy.stats import t

    left = (np.sum(numerators) - numerators) / (np.sum(denominators) - denominators)
    error = float(np.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum()))
    reach = float(t.ppf(0.975, count - 1)) * error
    return Estimate(value, error, value - reach, value + reach, tuple((numerators / denominators).tolist()))


def _warnings(exponent, msd, diffusion, start, stop):
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
