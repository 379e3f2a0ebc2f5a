# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Rotation of tetrahedra around hops of ions: a planted coupling is found, a planted independence is not."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis_support import Trajectory
from openmmlps.analysis import find_tetrahedra, rotation_coupling
from openmmlps.analysis.rotation_coupling import window_rotations

CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * (2.1 / np.sqrt(3))


def turning(coupled, seed, frames=1500, groups=4, after=0):
    """Tetrahedra that turn by 40 degrees now and then, and a sodium at each that hops: then, or at any time.

    Some tetrahedra turn, and their sodium hops, more often than others, which alone must not be taken for a coupling.
    """
    random = np.random.default_rng(seed)
    positions, hops = [], []
    for group in range(groups):
        turns = random.random(frames) < 0.003 * (1 + 2 * group)
        angle = np.radians(40) * np.convolve(np.cumsum(turns), np.ones(5) / 5, "full")[2 : 2 + frames]
        axis = random.normal(size=3)
        wobble = Rotation.from_rotvec(random.normal(0, 0.05, (frames, 3)))
        rotation = wobble * Rotation.from_rotvec(angle[:, None] * axis / np.linalg.norm(axis))
        center = np.array([12.0 * group + 3, 6, 6])
        corners = center + np.einsum("tab,kb->tka", rotation.as_matrix(), CORNERS)
        ion = np.full((frames, 1, 3), center + [0, 0, 3.4])
        positions.append(np.concatenate([np.full((frames, 1, 3), center), corners, ion], axis=1))
        when = np.flatnonzero(turns) + after
        when = when[when < frames - 10]
        when = when if coupled else random.integers(10, frames - 10, len(when))
        hops += [(frame, 6 * group + 5) for frame in when]
    symbols = (["Sb"] + ["S"] * 4 + ["Na"]) * groups
    trajectory = Trajectory(
        symbols, np.concatenate(positions, axis=1), np.diag([48.0, 12, 12]), np.arange(frames) * 0.1
    )
    return trajectory, np.array(hops)


def coupling(*arguments, **keywords):
    trajectory, hops = turning(*arguments, **keywords)
    return rotation_coupling(trajectory, find_tetrahedra(trajectory, "Sb", "S"), *hops.T)


def test_planted_coupling_is_found():
    found = coupling(True, 0)
    assert found.coupled and found.p_value < 2e-3
    assert found.near_degrees > 25 > found.mean_degrees and found.ratio[50] > 2
    assert found.ratio[0] < 1.6 and found.chance_high[50] < 1.6
    late = coupling(True, 0, after=20)  # hops follow the turns by 2 ps: not within the window, yet seen among the lags
    assert late.lags_ps[np.argmax(late.ratio)] == pytest.approx(-2.0, abs=0.3)


def test_planted_independence_is_not():
    values = np.array([coupling(False, seed).p_value for seed in range(12)])
    assert (values < 0.05).sum() <= 2 and values.mean() == pytest.approx(0.5, abs=0.25)


def test_window_rotations_and_refusals():
    angle = np.radians(10) * np.arange(300) * 0.1  # 10 degrees per ps
    corners = 6 + np.einsum("tab,kb->tka", Rotation.from_rotvec(np.outer(angle, [0, 0, 1])).as_matrix(), CORNERS)
    positions = np.concatenate([np.full((300, 1, 3), 6.0), corners], axis=1)
    trajectory = Trajectory(["P"] + ["S"] * 4, positions, np.eye(3) * 12, np.arange(300) * 0.1)
    tetrahedra = find_tetrahedra(trajectory)
    np.testing.assert_allclose(window_rotations(tetrahedra, 1.0)[5:-5], 10, atol=1e-3)
    with pytest.raises(
        ValueError, match="no hop within 4 angstrom of a tetrahedron that keeps its corners for 1 ps; raise"
    ):
        rotation_coupling(trajectory, tetrahedra, [], [])
    with pytest.raises(
        ValueError, match="300 frames, which leave 99 shifts beyond 10 ps; at least 100 are needed: run"
    ):
        rotation_coupling(trajectory, tetrahedra, [5], [0], max_lag_ps=10)
