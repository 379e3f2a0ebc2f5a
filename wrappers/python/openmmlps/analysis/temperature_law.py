# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
r"""What diffusive points at several temperatures determine: Arrhenius or Vogel-Tammann-Fulcher, or nothing.

.. math:: \ln y = \ln A - \frac{B}{k (T - T_0)}

with y = D or sigma T; T_0 = 0 is Arrhenius with B = Ea.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import Boltzmann, elementary_charge

from .arrhenius import ArrheniusFit, _log_normal, arrhenius_fit
from .estimates import Estimate

_BOLTZMANN_EV = Boltzmann / elementary_charge
_FEWEST, _FEWEST_VTF = 3, 4  # temperatures: one more than the parameters
# differences of BIC that Kass and Raftery, J. Am. Stat. Assoc. 90, 773 (1995), call positive and strong
_POSITIVE, _STRONG = 2.0, 6.0
_WIDEST = 100.0  # upper over lower end of the 95 % interval of a value that still says something
_INDEPENDENT = 3  # replicas whose scatter gives an error


@dataclass(frozen=True)
class TemperatureLaw:
    """The law that the diffusive points follow, and why not where they determine none."""

    quantity: str  #: "diffusion" or "conductivity"
    law: str  #: "Arrhenius", "VTF", or "" if none is determined
    reason: str  #: why nothing is determined, in plain words; empty if a law is
    used: np.ndarray  #: [n] bool, the temperatures that count: diffusive, with positive values
    arrhenius: ArrheniusFit | None  #: None with fewer than three temperatures that count
    activation_energy_eV: Estimate | None  #: None if not determined: no law, a bent one, or an interval that holds zero
    delta_bic: float  #: BIC of Arrhenius minus that of VTF, above 6: VTF; nan with fewer than four temperatures
    vogel_temperature_K: float  #: T_0 of the best VTF; nan with fewer than four temperatures
    errors_from: str  #: "replicas": each fitted, then averaged; "points": the same glass may stand behind all of them
    _vtf: tuple[np.ndarray, np.ndarray, float] | None  #: (ln A, B, T_0), their covariance, degrees of freedom

    def predict(self, temperature_K: float) -> Estimate | None:
        """D or sigma at a temperature by the law, with a lopsided 95 % interval.

        Parameters
        ----------
        temperature_K : float
            kelvin

        Returns
        -------
        Estimate or None
            in the unit of the values; None if not determined: no law, or an interval wider than a factor of 100
        """
        if not self.law or self.arrhenius is None:
            return None
        if self.law == "Arrhenius":
            found = self.arrhenius.predict(temperature_K)
        else:
            assert self._vtf is not None
            (log_prefactor, energy, vogel), covariance, freedom = self._vtf
            if temperature_K <= vogel:
                return None
            x = 1 / (_BOLTZMANN_EV * (temperature_K - vogel))
            gradient = np.array([1.0, -x, -energy * x / (temperature_K - vogel)])
            error = float(np.sqrt(gradient @ covariance @ gradient))
            found = _log_normal(log_prefactor - energy * x, error, freedom, temperature_K, self.quantity)
        return found if found.high < _WIDEST * found.low else None


def temperature_law(
    temperatures_K: ArrayLike,
    values: ArrayLike,
    standard_errors: ArrayLike,
    diffusive: ArrayLike | None = None,
    quantity: str = "conductivity",
) -> TemperatureLaw:
    """Fit Arrhenius and VTF to the diffusive points, and tell by the evidence which holds.

    With three replicas or more, each is fitted alone and the parameters are averaged: points of the same glass at
    several temperatures are not independent. The Bayesian information criterion (BIC) decides between the laws.

    Parameters
    ----------
    temperatures_K : array_like, [n]
        different ones
    values : array_like, [n] or [n, r]
        D or sigma, of each of r replicas; nan where a replica has none
    standard_errors : array_like, [n] or [n, r]
        of the values, in the same unit
    diffusive : array_like of bool, [n], or None
        whether the motion is diffusive there; None: everywhere
    quantity : str
        "diffusion" or "conductivity"

    Returns
    -------
    TemperatureLaw
        with `law` empty and the `reason` where the points determine nothing

    Raises
    ------
    ValueError
        shapes that do not belong together, or an unknown quantity
    """
    temperatures = np.asarray(temperatures_K, dtype=float)
    table, errors = (np.asarray(item, dtype=float) for item in (values, standard_errors))
    table, errors = (item[:, None] if item.ndim == 1 else item for item in (table, errors))
    flags = np.ones(len(temperatures), dtype=bool) if diffusive is None else np.asarray(diffusive, dtype=bool)
    if table.shape != errors.shape or not len(table) == len(temperatures) == len(flags):
        raise ValueError(
            f"temperature_law: {len(temperatures)} temperatures, values of shape {table.shape}, errors of {errors.shape} and "
            f"{len(flags)} flags; give one row or flag for each temperature"
        )
    known = np.isfinite(table) & np.isfinite(errors) & (errors > 0)
    positive = ((table > 0) | ~known).all(1) & known.any(1)
    used = flags & positive
    count = int(used.sum())
    if count < _FEWEST:
        reason = f"{count} of {len(table)} temperatures {'is' if count == 1 else 'are'} diffusive, and three are needed"
        return TemperatureLaw(quantity, "", reason, used, None, None, np.nan, np.nan, "points", None)
    whole = known[used].all(0)  # replicas measured at each temperature
    return _fit(temperatures[used], table[used][:, whole] if whole.any() else _pool(table[used], known[used]),
                errors[used][:, whole] if whole.any() else _pool(errors[used], known[used]), quantity, used)  # fmt: skip


def _pool(table: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[n, 1] means over the replicas that there are."""
    return np.nanmean(np.where(known, table, np.nan), axis=1, keepdims=True)


def _fit(
    temperatures: np.ndarray, table: np.ndarray, errors: np.ndarray, quantity: str, used: np.ndarray
) -> TemperatureLaw:
    """Both laws through positive values [n, r]."""
    replicas = table.shape[1]
    logs = np.log(table * temperatures[:, None] if quantity == "conductivity" else table)
    # The weights are those of all replicas: few blocks tell an error badly.
    relative = np.sqrt(((errors / table) ** 2).mean(1))
    mean, error = logs.mean(1), relative / np.sqrt(replicas)
    center = np.exp(logs.mean(1)) / (temperatures if quantity == "conductivity" else 1.0)
    arrhenius = arrhenius_fit(temperatures, center, error * center, quantity)
    errors_from = "replicas" if replicas >= _INDEPENDENT else "points"
    if errors_from == "replicas":
        arrhenius = _averaged(arrhenius, logs, 1 / relative)
    delta_bic, vogel, vtf = np.nan, np.nan, None
    if len(temperatures) >= _FEWEST_VTF:
        delta_bic, vtf = _vtf(temperatures, mean, logs, error)
        vogel = float(vtf[0][2])
    law, reason = "VTF" if delta_bic > _STRONG else "Arrhenius", ""
    if _POSITIVE < delta_bic <= _STRONG:
        law, reason = (
            "",
            f"the points bend, and BIC, which differs by {delta_bic:.1f}, does not tell VTF from Arrhenius yet",
        )
    energy = arrhenius.activation_energy_eV if law == "Arrhenius" and arrhenius.activation_energy_eV.low > 0 else None
    return TemperatureLaw(quantity, law, reason, used, arrhenius, energy, delta_bic, vogel, errors_from, vtf)


def _averaged(pooled: ArrheniusFit, logs: np.ndarray, weights: np.ndarray) -> ArrheniusFit:
    """The fits of the replicas averaged; their scatter gives the error."""
    design = np.column_stack([np.ones(len(logs)), -1 / (_BOLTZMANN_EV * pooled.temperatures_K)])
    each = np.linalg.lstsq(design * weights[:, None], logs * weights[:, None], rcond=None)[0]  # [2, r]
    covariance, freedom = np.cov(each) / each.shape[1], each.shape[1] - 1
    energy = Estimate.from_samples(each[1])
    return ArrheniusFit(
        pooled.quantity, energy, float(each[0].mean()), covariance, pooled.reduced_chi_square, pooled.temperatures_K,
        pooled.values, pooled.standard_errors, freedom,
    )  # fmt: skip


def _vtf(
    temperatures: np.ndarray, mean: np.ndarray, logs: np.ndarray, error: np.ndarray
) -> tuple[float, tuple[np.ndarray, np.ndarray, float]]:
    """BIC of Arrhenius minus that of VTF, and the parameters of VTF with their covariance.

    For a given T_0 the law is a straight line, so T_0 is searched and the rest solved.
    """

    def solve(vogel: float) -> tuple[float, np.ndarray]:
        design = np.column_stack([np.ones_like(mean), -1 / (_BOLTZMANN_EV * (temperatures - vogel))]) / error[:, None]
        found = np.linalg.lstsq(design, mean / error, rcond=None)[0]
        return float(((mean / error - design @ found) ** 2).sum()), found

    trials = np.linspace(0.0, 0.99 * temperatures.min(), 500)
    squares = [solve(trial)[0] for trial in trials]
    vogel = float(trials[int(np.argmin(squares))])
    square, (log_prefactor, energy) = solve(vogel)
    freedom = len(mean) - 3
    scale = max(1.0, square / freedom)  # scatter beyond the errors counts as error
    delta_bic = (squares[0] - square) / scale - np.log(len(mean))
    apart = 1 / (_BOLTZMANN_EV * (temperatures - vogel))
    gradients = np.column_stack([np.ones_like(apart), -apart, -energy * apart / (temperatures - vogel)])
    covariance = np.linalg.pinv((gradients / error[:, None] ** 2).T @ gradients) * scale
    if logs.shape[1] >= _INDEPENDENT:  # glasses differ by more than their blocks
        each = np.linalg.lstsq(gradients[:, :2] / error[:, None], logs / error[:, None], rcond=None)[0]
        covariance[:2, :2] += np.cov(each) / logs.shape[1]
    reach = freedom if scale > 1 else logs.shape[1] - 1 if logs.shape[1] >= _INDEPENDENT else np.inf
    return float(delta_bic), (np.array([log_prefactor, energy, vogel]), covariance, reach)
