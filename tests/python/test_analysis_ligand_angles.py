# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Angles between ligands of fixed and of mobile centers, their velocities and the low-pass filter."""

import numpy as np
import pytest

from analysis_support import Trajectory, crystal
from openmmlps.analysis import ligand_angles, low_pass

CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
INTERVAL, RATE = 0.01, 2.0  # ps, 1/ps


def breathing(frames=800):
    """AgI4 whose iodine 0 moves along a bond by a sine; the silver moves within, and at last to other iodine."""
    times = np.arange(frames) * INTERVAL
    iodine = np.tile(6 + 2.8 * CORNERS, (frames, 1, 1))
    iodine[:, 0] += 0.3 * np.sin(2 * np.pi * RATE * times)[:, None] * CORNERS[0]
    silver = 6 + 0.2 * np.stack([np.cos(times), np.sin(times), np.zeros(frames)], axis=1)[:, None]
    others = np.tile(6 + 2.8 * CORNERS + [9, 0, 0], (frames, 1, 1))
    silver[600:, :, 0] += 9
    positions = np.concatenate([silver, iodine, others], axis=1)
    return Trajectory(["Ag"] + ["I"] * 8, positions, np.diag([18.0, 12, 12]), times)


def test_angles_of_a_mobile_center_are_those_of_its_shell():
    found = ligand_angles(breathing(), "Ag", "I", 4.0)
    assert found.angles_degrees.shape == (800, 1, 12)
    assert found.ligands[0, 0].tolist() == [1, 2, 3, 4] and found.ligands[700, 0].tolist() == [5, 6, 7, 8]
    np.testing.assert_allclose(found.angles_degrees[0], 60, atol=1e-3)  # whatever the silver does
    np.testing.assert_allclose(found.angles_degrees[600:], 60, atol=1e-3)
    apex = found.angles_degrees[:600, 0, 0].astype(float)
    height = 2.8 / 3 + 2.8 + 0.3 * np.sin(2 * np.pi * RATE * np.arange(600) * INTERVAL)
    base = 2.8 * np.sqrt(8 / 9)
    exact = np.degrees(np.arccos(1 - 1.5 * base**2 / (base**2 + height**2)))
    np.testing.assert_allclose(apex, exact, atol=1e-3)
    speed = found.velocities_degrees_per_ps[:, 0, 0]
    np.testing.assert_allclose(speed[1:599], (exact[2:] - exact[:-2]) / (2 * INTERVAL), atol=0.05)
    assert np.isnan(speed[[0, 599, 600, 799]]).all() and np.isfinite(speed[601])
    angles, density = found.distribution(0.5)
    assert density.sum() * 0.5 == pytest.approx(1) and abs(angles[density.argmax()] - 60) < 0.5
    speeds, density = found.velocity_distribution(200, 51)
    np.testing.assert_allclose(density, density[::-1], atol=2e-3)
    assert speeds[density.argmax()] == pytest.approx(0, abs=4.1)


def test_the_filter_leaves_the_slow_part_only():
    times = np.arange(2000) * INTERVAL  # 20 ps
    slow = 60 + 2 * np.cos(2 * np.pi * 0.1 * times)  # 3.3 1/cm
    fast = 5 * np.cos(2 * np.pi * 3 * times)  # 100 1/cm
    np.testing.assert_allclose(low_pass(slow + fast, INTERVAL, 5.0), slow, atol=0.05)
    found = ligand_angles(breathing(), "Ag", "I", 4.0)
    assert np.ptp(found.traces(0)[:600, 0]) > 4 and np.ptp(found.traces(0, 5.0)[50:550, 0]) < 0.5
    np.testing.assert_allclose(found.traces(0, 5.0)[600:], 60, atol=1e-3)  # piece by piece


def test_angles_of_crystals_and_refusals():
    still = crystal("gamma-Li3PS4")
    twice = Trajectory(still.symbols, np.repeat(still.positions, 2, axis=0), still.cells[0], [0.0, 0.1])
    found = ligand_angles(twice, "P", "S", 2.6)
    assert (
        55 < found.angles_degrees.min()
        and found.angles_degrees.max() < 65
        and found.mean().value == pytest.approx(60, abs=0.3)
    )
    with pytest.raises(ValueError, match="no center of 'trajectory' has 4 ligands within 1 angstrom; raise the cutoff"):
        ligand_angles(twice, "P", "S", 1.0)
    with pytest.raises(ValueError, match="an angle needs three ligands, 2 were asked for"):
        ligand_angles(twice, "P", "S", 2.6, number=2)
