# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Van Hove functions of a random walk, and the density of states of a harmonic crystal."""

import numpy as np
import pytest

from analysis_support import Trajectory, crystal, random_walk
from openmmlps.analysis import (
    radial_distribution,
    van_hove_distinct,
    van_hove_self,
    velocity_autocorrelation,
    vibrational_density_of_states,
)

PER_CM_PER_THZ = 33.35640951981521


def test_self_part_of_a_random_walk_is_gaussian():
    diffusion, lag = 2.0, 1.0
    found = van_hove_self(
        random_walk(diffusion, frames=3000, ions=40), "Li", [lag, 2 * lag], r_max=12.0, bin_width=0.25
    )
    np.testing.assert_allclose(found.lags_ps, [1.0, 2.0])
    for index, t in enumerate(found.lags_ps):
        width = 4 * diffusion * t
        exact = 4 * np.pi * found.r_angstrom**2 * (np.pi * width) ** -1.5 * np.exp(-(found.r_angstrom**2) / width)
        np.testing.assert_allclose(found.values[index], exact, atol=0.02)
        assert found.values[index].sum() * 0.25 == pytest.approx(1, abs=0.01)


def test_distinct_part_starts_as_g_and_forgets():
    base = crystal("beta-Li3PS4", (2, 2, 2))
    random = np.random.default_rng(0)
    steps = random.normal(0, 0.6, (200, *base.positions.shape[1:]))
    steps[:, base.indices("P")] = 0
    walk = base.positions[0] + np.cumsum(steps, axis=0) - steps[0]
    trajectory = Trajectory(base.symbols, walk, base.cells[0], np.arange(200) * 0.1)
    start = van_hove_distinct(trajectory[:10], "Li", "S", 0.0, r_max=9.0)
    np.testing.assert_allclose(
        start.values[0], radial_distribution(trajectory[:10], 9.0, 0.1).pair("Li", "S"), rtol=1e-9
    )
    later = van_hove_distinct(trajectory, "Li", "S", 15.0, r_max=9.0, max_origins=20)
    np.testing.assert_allclose(later.values[0][30:], 1, atol=0.25)


def test_concerted_motion_shows_at_zero_distance():
    # a ring of ions that move on together: each takes the place of the next
    places = np.stack([np.arange(8) * 3.0, np.full(8, 5.0), np.full(8, 5.0)], axis=1)
    positions = np.array([np.concatenate([places + [3.0 * f, 0, 0], [[1.0, 1, 1]]]) for f in range(20)])
    trajectory = Trajectory(["Li"] * 8 + ["S"], positions, np.diag([24.0, 20, 20]), np.arange(20.0))
    found = van_hove_distinct(trajectory, "Li", "Li", [0.0, 1.0], r_max=4.0, bin_width=0.5)
    assert found.values[0, 0] == 0
    shell = 4 / 3 * np.pi * 0.5**3
    assert found.values[1, 0] == pytest.approx(24 * 20 * 20 / 8 / shell)  # exactly one neighbor in the first bin
    assert found.values[1, 6] == pytest.approx(
        24 * 20 * 20 / 8 / (4 / 3 * np.pi * (3.5**3 - 3.0**3))
    )  # the ion that left, not the own one
    with pytest.raises(ValueError, match="lags from 0 to 99 ps do not fit in 'trajectory' of 19 ps; give shorter"):
        van_hove_distinct(trajectory, "Li", "Li", [0, 99])


def harmonic_crystal(frequencies_thz, weights, symbols=("Li", "S"), frames=8000, interval=0.01, atoms=40, seed=0):
    """Independent oscillators: each atom of an element has one of the given frequencies per direction."""
    random = np.random.default_rng(seed)
    times = np.arange(frames) * interval
    names, velocities = [], []
    for symbol in symbols:
        own = random.choice(frequencies_thz[symbol], (atoms, 3), p=weights[symbol])
        phase = random.random((atoms, 3)) * 2 * np.pi
        velocities.append(np.cos(2 * np.pi * own * times[:, None, None] + phase))
        names += [symbol] * atoms
    velocities = np.concatenate(velocities, axis=1)
    return Trajectory(names, np.zeros_like(velocities), np.eye(3) * 20, times, velocities)


def test_density_of_states_of_a_harmonic_crystal():
    frequencies = {"Li": np.array([6.0, 12.0]), "S": np.array([3.0, 15.0])}
    weights = {"Li": [0.5, 0.5], "S": [0.75, 0.25]}
    trajectory = harmonic_crystal(frequencies, weights)
    found = vibrational_density_of_states(trajectory, smoothing_per_cm=0)
    for element, shares in weights.items():
        lines = frequencies[element]
        for line, share in zip(lines, shares, strict=True):
            near = np.abs(found.frequency_THz - line) < 0.6
            area = np.sum(found.density[element][near]) * found.wave_number_per_cm[1]
            assert area == pytest.approx(share, abs=0.12)  # 120 oscillators
            top = found.frequency_THz[near][np.argmax(found.density[element][near])]
            assert top == pytest.approx(line, abs=0.1)
        center = (
            lines * [np.sum(found.density[element][np.abs(found.frequency_THz - line) < 0.6]) for line in lines]
        ).sum()
        assert found.band_center_per_cm[element] == pytest.approx(
            center * found.wave_number_per_cm[1] * PER_CM_PER_THZ, rel=0.02
        )
    np.testing.assert_allclose(found.total, 0.5 * (found.density["Li"] + found.density["S"]))


def test_band_center_of_a_single_line_with_smoothing():
    trajectory = harmonic_crystal({"P": np.array([15.0])}, {"P": [1.0]}, symbols=("P",), frames=4000)
    found = vibrational_density_of_states(trajectory)
    assert found.band_center_per_cm["P"] == pytest.approx(15 * PER_CM_PER_THZ, rel=0.01)
    assert found.wave_number_per_cm[np.argmax(found.total)] == pytest.approx(15 * PER_CM_PER_THZ, abs=2)


def test_velocity_autocorrelation_of_one_oscillator():
    trajectory = harmonic_crystal({"P": np.array([5.0])}, {"P": [1.0]}, symbols=("P",), frames=6000)
    lags, correlation = velocity_autocorrelation(trajectory, "P", max_lag_ps=1.0)
    np.testing.assert_allclose(correlation, 1.5 * np.cos(2 * np.pi * 5.0 * lags), atol=0.02)


def test_coarse_frames_are_warned_about():
    trajectory = harmonic_crystal({"P": np.array([5.0])}, {"P": [1.0]}, symbols=("P",), interval=0.05, frames=2000)
    with pytest.warns(UserWarning, match="frames every 50 fs resolve 334 1/cm only, P-S stretching reaches 600"):
        vibrational_density_of_states(trajectory)
