# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Thermal conductivities from currents whose conductivity is known."""

import numpy as np
import pytest
from scipy.signal import lfilter

from openmmlps.analysis.thermal import HeatRecord, thermal_conductivity
from openmmlps.units import GAS_CONSTANT, WATT_PER_M_K

INTERVAL, DECAY, VOLUME, TEMPERATURE = 0.02, 0.1, 8.0, 300.0
FACTOR = WATT_PER_M_K / (VOLUME * GAS_CONSTANT * TEMPERATURE**2)


def noise(rng, decay, strength, frames=20000):
    """Currents [t, 3] whose correlation falls off exponentially, with an integral of `strength` at long times."""
    left = np.exp(-INTERVAL / decay)
    # the spectrum at 0 is INTERVAL * (variance of the white noise) / (1 - left)^2, twice the integral
    white = rng.normal(size=(frames + 500, 3)) * np.sqrt(2 * strength / INTERVAL) * (1 - left)
    return lfilter([1], [1, -left], white, axis=0)[500:]


def record(seed, carried=0.0, energies=(0.0, 0.0)):
    """Heat that diffuses by itself (integral 2), and heat that lithium carries; P moves against Li."""
    rng = np.random.default_rng(seed)
    lithium, own = noise(rng, 0.2, 1.0), noise(rng, DECAY, 2.0)
    fluxes = {"Li": lithium, "P": -0.5 * lithium + np.diff(noise(rng, 0.05, 1.0), axis=0, prepend=0)}
    current = own + carried * lithium + energies[0] * fluxes["Li"] + energies[1] * fluxes["P"]
    return HeatRecord(INTERVAL, current, fluxes)


@pytest.mark.parametrize("mobile, carried", [((), 0.0), (("Li",), 0.0), (("Li",), 3.0)])
def test_both_estimates_cover_the_truth_as_often_as_they_say(mobile, carried):
    truth, deviations = 2.0 * FACTOR, []
    for seed in range(8):
        found = thermal_conductivity([record(seed, carried)], TEMPERATURE, VOLUME, mobile, longest_lag_ps=1.0)
        deviations.append([(each.value - truth) / each.standard_error for each in (found.cepstral, found.green_kubo)])
    assert np.all(np.abs(np.mean(deviations, 0)) < 1.2)
    assert np.all((np.std(deviations, 0) > 0.4) & (np.std(deviations, 0) < 2.0))


def test_zero_of_the_energies_of_elements_does_not_matter():
    plain = thermal_conductivity([record(1, 3.0)], TEMPERATURE, VOLUME, ["Li"], longest_lag_ps=1.0)
    shifted = thermal_conductivity([record(1, 3.0, (-50.0, -300.0))], TEMPERATURE, VOLUME, ["Li"], longest_lag_ps=1.0)
    assert shifted.cepstral.value == pytest.approx(plain.cepstral.value, rel=1e-6)
    assert shifted.green_kubo.value == pytest.approx(plain.green_kubo.value, rel=1e-6)


def test_replicas_narrow_the_interval_and_the_curve_levels_off():
    one = thermal_conductivity([record(1)], TEMPERATURE, VOLUME, ["Li"], longest_lag_ps=1.0)
    four = thermal_conductivity([record(seed) for seed in range(4)], TEMPERATURE, VOLUME, ["Li"], longest_lag_ps=1.0)
    assert four.cepstral.standard_error < 0.8 * one.cepstral.standard_error
    assert four.running[-1] == pytest.approx(four.green_kubo.value, rel=0.02)
    assert four.running[-1] == pytest.approx(four.running[len(four.running) // 2], rel=0.15)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"mobile": ("Na",)}, "the mobile elements are Na of Li, P; name at most two, and not all"),
        ({"mobile": ("Li", "P")}, "not all"),
        ({"longest_lag_ps": 100.0}, "at least 50000 are needed for 5 blocks of twice 100 ps; run longer"),
        ({"temperature_K": 0.0}, "must be above 0"),
    ],
)
def test_refusals(changes, message):
    values = {"temperature_K": TEMPERATURE, "volume_nm3": VOLUME, "mobile": ("Li",)} | changes
    with pytest.raises(ValueError) as caught:
        thermal_conductivity([record(1)], **values)
    assert message in str(caught.value)
