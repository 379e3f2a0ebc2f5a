# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Differences of spectra of oscillators of known frequency; paths of ions that were told to move."""

import numpy as np
import pytest

from analysis_support import Trajectory
from openmmlps.analysis import chosen_paths, vibrational_difference

PER_CM = 33.356409519815204


def oscillators(wave_number, seed, frames=4000, interval=0.01, elements=("Na",), spread=0.03):
    """Atoms that swing with wave numbers scattered around one (1/cm), in white noise."""
    random = np.random.default_rng(seed)
    atoms = 8 * len(elements)
    omega = 2 * np.pi * wave_number / PER_CM * (1 + random.normal(0, spread, (1, atoms, 3)))
    phase = random.uniform(0, 2 * np.pi, (1, atoms, 3))
    times = np.arange(frames) * interval
    velocities = np.cos(omega * times[:, None, None] + phase) + random.normal(0, 0.1, (frames, atoms, 3))
    symbols = [element for element in elements for _ in range(8)]
    return Trajectory(symbols, np.zeros_like(velocities), None, times, velocities, checks=False)


@pytest.mark.parametrize("replicas", [1, 4])
def test_a_planted_shift_comes_back(replicas):
    sides = [[oscillators(center, 10 * center + k) for k in range(replicas)] for center in (100, 120)]
    found = vibrational_difference(*sides, highest_per_cm=400)
    shift = found.shift_per_cm["Na"]
    assert shift.value == pytest.approx(20, abs=4) and 0 < shift.high - shift.low < 12
    difference, wave = found.difference["Na"], found.wave_number_per_cm
    assert abs(wave[difference.argmax()] - 120) < 8 and abs(wave[difference.argmin()] - 100) < 8
    assert difference.max() > 3 * found.reach["Na"][difference.argmax()]
    assert difference.sum() * (wave[1] - wave[0]) == pytest.approx(0, abs=1e-3)


def test_no_difference_stays_within_its_error():
    inside = [
        np.mean(np.abs(found.difference["Na"]) <= found.reach["Na"])
        for found in (
            vibrational_difference(
                *([oscillators(110, 100 * k + j) for j in side] for side in (range(5), range(5, 10)))
            )
            for k in range(4)
        )
    ]
    assert 0.85 < np.mean(inside) <= 1


def test_refusals():
    one, coarse = oscillators(100, 0), oscillators(100, 1, interval=0.012)
    with pytest.raises(ValueError, match="frames are 0.01 ps apart in one trajectory and 0.012 ps in another; save"):
        vibrational_difference(one, coarse)
    with pytest.raises(ValueError, match="'trajectory' and 'trajectory' have no element in common"):
        vibrational_difference(one, oscillators(100, 2, elements=("K",)))


def test_chosen_paths_are_those_that_move_most_and_least():
    speeds = np.array([0.0, 0.3, 0.1, 0.05, 0.2])
    frames = np.arange(100)
    paths = np.zeros((100, 6, 3))
    paths[:, :5, 0] = np.where(frames[:, None] < 50, 0, (frames[:, None] - 50) * speeds)
    trajectory = Trajectory(["Ag"] * 5 + ["I"], paths + 3, np.eye(3) * 90, frames * 0.5)
    found = chosen_paths(trajectory, "Ag", duration_ps=20, count=3)
    assert found.atoms.tolist() == [1, 2, 0] and found.times_ps[-1] == 20
    np.testing.assert_allclose(found.displacements_angstrom, [12, 4, 0], atol=1e-9)
    assert found.start_ps >= 25 and found.paths_angstrom.shape == (41, 3, 3)
    assert len(chosen_paths(trajectory, "Ag", duration_ps=1000, count=9).atoms) == 5
