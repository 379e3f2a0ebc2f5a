# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
r"""Conductivity from the drift of ions in a small uniform field.

.. math:: \sigma = \frac{N q e}{V E} \langle v \rangle

with the drift velocity of the mobile ions relative to the framework. It holds all correlations between ions, as the
collective (Einstein-Helfand) conductivity does, to which it must agree while the response is linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.constants import elementary_charge

from .estimates import Estimate
from .requirements import require_cell, require_frames, require_interval
from .trajectory import Species, Trajectory
from .unwrapping import read_paths

_AXES = {"x": 0, "y": 1, "z": 2}
_LEAST_REPLICAS = 3
#: e/ps/V/angstrom in mS/cm
_MS_PER_CM = elementary_charge / 1e-12 / 1e-8 * 1e3


@dataclass(frozen=True)
class FieldResponse:
    """Drift of ions in one field."""

    field_V_per_angstrom: float
    drift_angstrom_per_ps: Estimate  #: of the mobile ions along the field, relative to the framework
    conductivity_mS_per_cm: Estimate


@dataclass(frozen=True)
class LinearResponse:
    """Conductivity from several fields, and whether it is the same in all of them."""

    responses: tuple[FieldResponse, ...]  #: from the weakest field to the strongest
    conductivity_mS_per_cm: Estimate  #: mean, weighted by the errors
    change: Estimate  #: conductivity in the strongest field less that in the weakest, mS/cm
    linear: bool  #: whether the interval of the change holds zero


def field_response(
    trajectories: Trajectory | Sequence[Trajectory],
    field_V_per_angstrom: float,
    mobile: Species,
    charge: float = 1.0,
    direction: str = "z",
    blocks: int = 5,
    reference: Species | None = "framework",
) -> FieldResponse:
    """Conductivity from trajectories in a field.

    Parameters
    ----------
    trajectories : Trajectory or sequence of Trajectory
        one, or replicas, in the steady state; three or more replicas are the samples of the error, else blocks
    field_V_per_angstrom : float
        the field, not 0
    mobile : str, sequence of str, or np.ndarray of int
        the ions that it acts on
    charge : float
        of one of them, elementary charges
    direction : str
        'x', 'y' or 'z'
    blocks : int
        of each trajectory
    reference : str, sequence of str, np.ndarray of int, or None
        what the drift is relative to, as in :func:`~.unwrapping.read_paths`

    Returns
    -------
    FieldResponse
        drift and conductivity

    Raises
    ------
    ValueError
        no field, wrapped, unevenly spaced, too short, or no such ions
    """
    if not field_V_per_angstrom or direction not in _AXES:
        raise ValueError(
            f"field_response: the field is {field_V_per_angstrom:g} V/angstrom along '{direction}'; give one that is not 0, along "
            "x, y or z"
        )
    several = [trajectories] if isinstance(trajectories, Trajectory) else list(trajectories)
    drifts = [_block_drifts(one, mobile, _AXES[direction], blocks, reference) for one in several]
    samples = [float(np.mean(drift)) for drift in drifts] if len(several) >= _LEAST_REPLICAS else np.concatenate(drifts)
    drift = Estimate.from_samples(samples)
    ions = len(several[0].indices(mobile))
    volume = float(np.mean([one.volumes().mean() for one in several]))
    per_drift = ions * charge / (volume * field_V_per_angstrom) * _MS_PER_CM
    low, high = sorted((drift.low * per_drift, drift.high * per_drift))
    conductivity = Estimate(
        drift.value * per_drift,
        drift.standard_error * abs(per_drift),
        low,
        high,
        tuple(sample * per_drift for sample in drift.samples),
    )
    return FieldResponse(float(field_V_per_angstrom), drift, conductivity)


def linear_response(responses: Sequence[FieldResponse]) -> LinearResponse:
    """Compare the conductivities in several fields.

    Parameters
    ----------
    responses : sequence of FieldResponse
        in at least two fields

    Returns
    -------
    LinearResponse
        their mean, and whether they agree

    Raises
    ------
    ValueError
        fewer than two fields
    """
    ordered = tuple(sorted(responses, key=lambda one: abs(one.field_V_per_angstrom)))
    if len({one.field_V_per_angstrom for one in ordered}) < 2:
        raise ValueError(
            "linear_response: one field cannot show that the response is linear; give two, such as E and 2 E"
        )
    values = [one.conductivity_mS_per_cm for one in ordered]
    weights = np.array([1 / max(value.standard_error, 1e-30) ** 2 for value in values])
    freedom = sum(len(value.samples) - 1 for value in values)
    mean = float(np.average([value.value for value in values], weights=weights))
    error = np.hypot(values[0].standard_error, values[-1].standard_error)
    change = Estimate.from_error(values[-1].value - values[0].value, float(error), freedom)
    total = Estimate.from_error(mean, float(weights.sum() ** -0.5), freedom)
    return LinearResponse(ordered, total, change, 0.0 in change)


def _block_drifts(
    trajectory: Trajectory, mobile: Species, axis: int, blocks: int, reference: Species | None
) -> np.ndarray:
    """[blocks] mean velocity of the ions along an axis, angstrom/ps."""
    require_frames(trajectory, blocks + 1, "field_response")
    require_cell(trajectory)
    interval = require_interval(trajectory, "field_response")
    place = read_paths(trajectory, mobile, reference, "field_response")[..., axis].mean(1)
    borders = np.linspace(0, len(place) - 1, blocks + 1).round().astype(int)
    return np.diff(place[borders]) / (np.diff(borders) * interval)
