# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Laws of temperature: Arrhenius and Vogel-Tammann-Fulcher, which of the two, and what they say about another temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import Boltzmann, elementary_charge

from .estimates import Estimate, student_reach

_BOLTZMANN_EV = Boltzmann / elementary_charge  # eV/K


@dataclass(frozen=True)
class ArrheniusFit:
    """ln y = ln A - Ea / (k T), with y = D, or y = sigma T."""

    quantity: str  #: "diffusion" or "conductivity"
    activation_energy_eV: Estimate
    log_prefactor: float  #: ln A, A in the unit of y
    covariance: np.ndarray  #: [2, 2] of (ln A, Ea in eV)
    reduced_chi_square: float  #: nan if there are no degrees of freedom left or no errors were given
    temperatures_K: np.ndarray  #: [n] of the fit
    values: np.ndarray  #: [n] D or sigma as given
    standard_errors: np.ndarray | None  #: [n]
    freedom: float  #: degrees of freedom of Student's t; infinite if the errors were given and hold

    def predict(self, temperature_K: float) -> Estimate:
        """The quantity at a temperature, in the unit it was given in; the interval is 95 % and lopsided (log-normal).

        Parameters
        ----------
        temperature_K : float
            kelvin

        Returns
        -------
        Estimate
            value and interval, in the unit it was given in
        """
        slope = -1 / (_BOLTZMANN_EV * temperature_K)
        log_value = self.log_prefactor + slope * self.activation_energy_eV.value
        design = np.array([1.0, slope])
        error = float(np.sqrt(design @ self.covariance @ design))
        return _log_normal(log_value, error, self.freedom, temperature_K, self.quantity)


def arrhenius_fit(
    temperatures_K: ArrayLike,
    values: ArrayLike,
    standard_errors: ArrayLike | None = None,
    quantity: str = "conductivity",
) -> ArrheniusFit:
    r"""Weighted least-squares fit of ln D, or of ln(sigma T), against 1/T.

    .. math:: \sigma T = A \exp(-E_a / k_B T) ,\quad D = D_0 \exp(-E_a / k_B T)

    Weights are (y / error)^2. If the points scatter more than their errors allow (reduced chi square above 1), the errors of
    the fit are enlarged accordingly. Without errors they follow from the scatter alone.

    Parameters
    ----------
    temperatures_K : array_like, [n]
        at least 3, or 2 with errors
    values : array_like, [n]
        positive; cm^2/s, mS/cm or any other unit
    standard_errors : array_like, [n], or None
        in the same unit
    quantity : str
        "diffusion" or "conductivity"

    Returns
    -------
    ArrheniusFit
        the line, its errors, and the points

    Raises
    ------
    ValueError
        too few or non-positive points
    """
    temperatures, values = np.asarray(temperatures_K, dtype=float), np.asarray(values, dtype=float)
    if quantity not in ("diffusion", "conductivity"):
        raise ValueError(f"arrhenius_fit: quantity is '{quantity}'; give 'diffusion' or 'conductivity'")
    needed = 3 if standard_errors is None else 2
    if len(np.unique(temperatures)) < needed or len(values) != len(temperatures):
        raise ValueError(
            f"arrhenius_fit: {len(values)} values at {len(np.unique(temperatures))} temperatures; give at least {needed} different "
            "temperatures, and one value for each"
        )
    if not ((values > 0).all() and (temperatures > 0).all()):
        worst = int(np.argmin(values))
        raise ValueError(
            f"arrhenius_fit: the value at {temperatures[worst]:g} K is {values[worst]:g}, and only positive ones have a logarithm; "
            "run that temperature longer, or leave it out"
        )
    logs = np.log(values * temperatures if quantity == "conductivity" else values)
    design = np.column_stack([np.ones_like(temperatures), -1 / (_BOLTZMANN_EV * temperatures)])
    weights, errors = np.ones_like(logs), None
    if standard_errors is not None:
        errors = np.asarray(standard_errors, dtype=float)
        if errors.shape != values.shape or not (errors > 0).all():
            raise ValueError(
                "arrhenius_fit: standard errors must be positive, one for each value; leave them out if unknown"
            )
        weights = (values / errors) ** 2
    covariance = np.linalg.inv(design.T @ (weights[:, None] * design))
    parameters = covariance @ (design.T @ (weights * logs))
    freedom = len(logs) - 2
    chi_square = float((weights * (logs - design @ parameters) ** 2).sum() / freedom) if freedom else np.nan
    if errors is None or freedom and chi_square > 1:
        covariance = covariance * chi_square
    error = float(np.sqrt(covariance[1, 1]))
    reduced = chi_square if errors is not None else np.nan
    # Student's t if the scatter set the scale of the errors
    reach_freedom = freedom if errors is None or (freedom and reduced > 1) else np.inf
    energy = Estimate.from_error(float(parameters[1]), error, reach_freedom)
    return ArrheniusFit(
        quantity, energy, float(parameters[0]), covariance, reduced, temperatures, values, errors, reach_freedom
    )


def _log_normal(log_value: float, error: float, freedom: float, temperature_K: float, quantity: str) -> Estimate:
    """From the logarithm of D or of sigma T, and its standard error."""
    value = float(np.exp(log_value)) / (temperature_K if quantity == "conductivity" else 1.0)
    spread = float(np.exp(np.minimum(student_reach(freedom) * error, 700.0)))
    return Estimate(value, value * error, value / spread, value * spread, (value,))
