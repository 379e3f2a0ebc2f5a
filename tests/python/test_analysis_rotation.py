# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Rigid tetrahedra that turn in known ways."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis_support import Trajectory, crystal, rotating_tetrahedra
from openmmlps.analysis import (
    angular_velocities,
    detect_flips,
    find_tetrahedra,
    orientational_correlation,
    rotation_angles,
    rotations,
    tetrahedral_angles,
)
from openmmlps.analysis.orientation import proper_rotations
from openmmlps.analysis.rotation import kabsch

AXIS = np.array([0.3, -0.5, 0.8]) / np.linalg.norm([0.3, -0.5, 0.8])


def turning(angles_degrees, axis=AXIS):
    return Rotation.from_rotvec(np.radians(angles_degrees)[:, None] * axis).as_matrix()


def test_kabsch_is_exact_and_proper():
    random = np.random.default_rng(0)
    points = random.normal(size=(7, 4, 3))
    known = Rotation.random(7, random_state=1).as_matrix()
    np.testing.assert_allclose(kabsch(points, np.einsum("tab,tkb->tka", known, points)), known, atol=1e-9)
    mirrored = kabsch(points, -points)
    np.testing.assert_allclose(np.linalg.det(mirrored), 1)


def test_constant_angular_velocity():
    omega = 400.0  # degrees/ps
    tetrahedra = find_tetrahedra(rotating_tetrahedra(turning(omega * 0.01 * np.arange(200)), interval=0.01))
    found = angular_velocities(tetrahedra)
    np.testing.assert_allclose(found[1:-1, 0], np.broadcast_to(np.radians(omega) * AXIS, (198, 3)), atol=2e-3)
    assert np.isnan(found[[0, -1]]).all()
    angles = rotation_angles(rotations(tetrahedra))[:, 0]
    turned = omega * 0.01 * np.arange(200) % 360
    np.testing.assert_allclose(angles, np.minimum(turned, 360 - turned), atol=0.02)


def test_angles_of_a_regular_tetrahedron_and_of_crystals():
    tetrahedra = find_tetrahedra(rotating_tetrahedra(turning(np.zeros(3))))
    angles, density = tetrahedral_angles(tetrahedra, bins=360)
    assert angles[np.argmax(density)] == pytest.approx(109.4712, abs=0.5)
    assert density.sum() * 0.5 == pytest.approx(1)
    base = crystal("gamma-Li3PS4")
    two = Trajectory(base.symbols, base.positions.repeat(2, 0), base.cells[0], [0.0, 1.0])
    angles, density = tetrahedral_angles(find_tetrahedra(two), bins=180)
    assert (angles * density).sum() == pytest.approx(109.4, abs=0.5)


def test_exchange_of_a_sulfur_starts_a_new_segment():
    trajectory = rotating_tetrahedra(turning(np.linspace(0, 50, 100)), exchange=(40, 2, 5))
    tetrahedra = find_tetrahedra(trajectory)
    assert tetrahedra.exchanges == 1
    assert tetrahedra.segments[:, 0].tolist() == [0] * 40 + [1] * 60
    assert set(tetrahedra.ligands[39, 0]) == {1, 2, 3, 4} and set(tetrahedra.ligands[40, 0]) == {1, 3, 4, 5}
    angles = rotation_angles(rotations(tetrahedra))[:, 0]
    assert angles[39] == pytest.approx(50 * 39 / 99, abs=0.02) and angles[40] == pytest.approx(0, abs=0.02)
    speeds = np.linalg.norm(angular_velocities(tetrahedra)[:, 0], axis=1)
    assert np.nanmax(speeds) < 1.1 * np.radians(50 / 99 / 0.01)  # nothing is computed across the exchange


def test_no_tetrahedron_is_an_error():
    positions = np.zeros((3, 2, 3))
    positions[:, 1, 0] = 5
    trajectory = Trajectory(["P", "S"], positions, np.eye(3) * 20, np.arange(3.0))
    with pytest.raises(ValueError, match="no P of 'trajectory' has exactly four S within 2.6 angstrom; choose"):
        find_tetrahedra(trajectory)


def test_correlation_of_steady_rotation_about_a_bond_is_known():
    # about the z axis of a coordinate frame: u.u' = cos^2 b + sin^2 b cos(w t) for a bond at the angle b to the axis
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    tetrahedra = find_tetrahedra(rotating_tetrahedra(turning(np.arange(721.0), np.array([0, 0, 1.0])), interval=0.01))
    for degree, legendre in ((1, lambda x: x), (2, lambda x: 1.5 * x**2 - 0.5), (3, lambda x: 2.5 * x**3 - 1.5 * x)):
        lags, found = orientational_correlation(tetrahedra, degree)
        along = corners[:, 2] ** 2
        cosine = along + (1 - along) * np.cos(np.radians(lags * 100))[:, None]
        np.testing.assert_allclose(found, legendre(cosine).mean(1), atol=1e-5)


def test_symmetric_correlation_ignores_flips():
    group, _ = proper_rotations(np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]))
    random = np.random.default_rng(0)
    tetrahedra = find_tetrahedra(rotating_tetrahedra(group[random.integers(0, 12, 300)]))
    _, labelled = orientational_correlation(tetrahedra, 3)
    _, symmetric = orientational_correlation(tetrahedra, 3, symmetric=True)
    np.testing.assert_allclose(symmetric, 1, atol=1e-5)
    # a labelled bond visits the four corners at random: (P_3(1) + 3 P_3(-1/3)) / 4
    assert labelled[1:].mean() == pytest.approx((1 + 3 * 11 / 27) / 4, abs=0.01)
    with pytest.raises(ValueError, match="degree is 2 with symmetric=True; give 1, 2 or 3, and 3 if symmetric"):
        orientational_correlation(tetrahedra, 2, symmetric=True)


def test_group_of_proper_rotations():
    for handed in (1, -1):
        corners = handed * np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) @ turning(np.array([33.0]))[0]
        group, ideal = proper_rotations(corners)
        np.testing.assert_allclose(group[0], np.eye(3), atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(group), 1)
        angles = np.sort(np.round(rotation_angles(group), 3))
        np.testing.assert_allclose(angles, [0] + [120] * 8 + [180] * 3, atol=1e-3)
        np.testing.assert_allclose(ideal, corners / np.sqrt(3), atol=1e-9)


def test_flips_are_found_and_attempts_are_not():
    # 0 -> 120 degrees about a bond in 30 frames, an attempt of 55 degrees that returns, then -120
    path = np.concatenate([np.zeros(20), np.linspace(0, 120, 30), np.full(20, 120)])
    path = np.concatenate(
        [path, 120 + 55 * np.sin(np.linspace(0, np.pi, 30)), np.full(10, 120), np.linspace(120, 0, 30)]
    )
    bond = np.array([1.0, 1, 1]) / np.sqrt(3)
    wobble = np.random.default_rng(0).normal(0, 3, len(path))
    matrices = turning(path, bond) @ turning(wobble, np.array([0, 0, 1.0]))
    found = detect_flips(find_tetrahedra(rotating_tetrahedra(matrices)))
    assert len(found.frames) == 2 and found.centers.tolist() == [0, 0]
    np.testing.assert_allclose(found.angles_degrees, 120, atol=1e-4)
    assert 35 < found.frames[0] < 50 and found.frames[1] > 110
    assert found.rate_per_ps == pytest.approx(2 / ((len(path) - 1) * 0.01))
    twofold = detect_flips(
        find_tetrahedra(rotating_tetrahedra(turning(np.linspace(0, 180, 60), np.array([0, 0, 1.0]))))
    )
    np.testing.assert_allclose(twofold.angles_degrees, [180], atol=1e-4)
    with pytest.raises(ValueError, match="core_degrees is 70; give more than 0 and less than 60"):
        detect_flips(find_tetrahedra(rotating_tetrahedra(matrices)), core_degrees=70)


def test_turn_to_an_inequivalent_orientation_is_a_residual_not_a_flip():
    found = detect_flips(find_tetrahedra(rotating_tetrahedra(turning(np.linspace(0, 55, 50), np.array([0, 0, 1.0])))))
    assert len(found.frames) == 0
    assert found.residual_degrees[-1, 0] == pytest.approx(55, abs=0.1)
