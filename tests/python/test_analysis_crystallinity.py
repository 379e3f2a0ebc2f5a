# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Crystalline fractions of crystals, of disorder, and of half of each."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis_support import Trajectory, crystal
from openmmlps.analysis import crystalline_fraction


def thermal(name, repeat, amplitude=0.15, frames=2, turned=None):
    base = crystal(name, repeat)
    random = np.random.default_rng(9)
    positions = base.positions + random.normal(0, amplitude, (frames, *base.positions.shape[1:]))
    cell = np.asarray(base.cells[0])
    if turned is not None:
        positions, cell = positions @ turned.T, cell @ turned.T
    return Trajectory(base.symbols, positions, cell, np.arange(float(frames)), checks=False)


def disorder(region, count, random, closest=4.4):
    """Random places in a box from a corner, none too near another."""
    places = np.empty((0, 3))
    while len(places) < count:
        new = region[0] + random.random(3) * (region[1] - region[0])
        if not len(places) or np.linalg.norm(places - new, axis=1).min() > closest:
            places = np.concatenate([places, [new]])
    return places


def test_a_crystal_is_recognized_in_any_orientation_and_others_are_not():
    turned = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    gamma = crystal("gamma-Li3PS4")
    own = crystalline_fraction(thermal("gamma-Li3PS4", (2, 3, 3), turned=turned), gamma, "P")
    assert own.fraction.value > 0.93 and own.recognized == pytest.approx(0.98, abs=0.01)
    for other, repeat in (("beta-Li3PS4", (2, 2, 3)), ("Li7PS6", (2, 2, 2)), ("Li7P3S11", (2, 3, 2))):
        assert crystalline_fraction(thermal(other, repeat), gamma, "P").fraction.value < 0.05
    snapshots = thermal("gamma-Li3PS4", (2, 3, 3), frames=3)  # a hot reference instead of a cold one
    assert crystalline_fraction(thermal("gamma-Li3PS4", (3, 3, 3)), snapshots, "P").fraction.value > 0.93


def test_half_a_crystal_is_half_crystalline():
    random = np.random.default_rng(0)
    gamma = crystal("gamma-Li3PS4", (6, 4, 4))
    cell = np.array(gamma.cells[0])
    places = np.array(gamma.positions[0, gamma.indices("P")]) + random.normal(0, 0.15, (192, 3))
    places -= np.floor(places @ np.linalg.inv(cell)) @ cell
    middle = cell[0, 0] / 2
    ordered = places[places[:, 0] < middle]
    chaos = disorder(np.array([[middle + 3, 0, 0], cell.diagonal() - [3, 0, 0]]), 60, random)
    both = Trajectory(["P"] * (len(ordered) + 60), np.concatenate([ordered, chaos])[None], cell)
    found = crystalline_fraction(both, crystal("gamma-Li3PS4"), "P")
    inside = (ordered[:, 0] > 7) & (ordered[:, 0] < middle - 7)
    assert found.crystalline[0, : len(ordered)][inside].mean() > 0.9
    assert found.crystalline[0, len(ordered) :].mean() < 0.03
    assert 0.2 < found.fraction.value < len(ordered) / len(both.symbols)  # the skin counts as glass
