# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Arrhenius fits with weights, and what they say about another temperature."""

from dataclasses import dataclass

import numpy as np

from .estimates import Estimate

_BOLTZMANN_EV = 8.617333262e-5  # eV/K


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

    def predict(self, temperature_K):
        """The quantity at a temperature, in the unit it was given in; the interval is 95 % and lopsided (log-normal)."""
        slope = -1 / (_BOLTZMANN_EV * temperature_K)
        log_value = self.log_prefactor + slope * self.activation_energy_eV.value
        design = np.array([1.0, slope])
        error = float(np.sqrt(design @ self.covariance @ design))
        reach = _reach(self) * error
        scale = 1 / temperature_K if self.quantity == "conductivity" else 1.0
        value = float(np.exp(log_value) * scale)
        return Estimate(value, value * error, value * float(np.exp(-reach)), value * float(np.exp(reach)), (value,))


def arrhenius_fit(temperatures_K, values, standard_errors=None, quantity="conductivity"):
    r"""Weighted least-squares fit of ln D, or of ln(sigma T), against 1/T.

    .. math:: \sigma T = A \exp(-E_a / k_B T) ,\quad D = D_0 \exp(-E_a / k_B T)

    Weights are (y / error)^2. If the points scatter more than their errors allow (reduced chi square above 1), the errors of
    the fit are enlarged accordingly. Without errors they follow from the scatter alone.

    :param temperatures_K: [n] at least 3, or 2 with errors
    :param values: [n] positive; cm^2/s, mS/cm or any other unit
    :param standard_errors: [n] in the same unit
    :param quantity: "diffusion" or "conductivity"
    :return: :class:`ArrheniusFit`
    :raises ValueError: too few or non-positive points
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
    fit = ArrheniusFit(
        quantity,
        None,
        float(parameters[0]),
        covariance,
        chi_square if errors is not None else np.nan,
        temperatures,
        values,
        errors,
    )
    reach = _reach(fit) * error
    energy = float(parameters[1])
    object.__setattr__(fit, "activation_energy_eV", Estimate(energy, error, energy - reach, energy + reach, (energy,)))
    return fit


def _reach(fit):
    """Half width of the 95 % interval in standard errors: Student's t if the scatter set the scale, else the normal one."""
    from scipy.stats import norm, t

    freedom = len(fit.values) - 2
    own_scale = fit.standard_errors is None or (freedom and fit.reduced_chi_square > 1)
    return float(t.ppf(0.975, freedom) if own_scale else norm.ppf(0.975))
