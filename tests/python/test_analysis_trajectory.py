# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Trajectories in pieces, unwrapped, and the refusals of those that would give wrong numbers."""

import numpy as np
import pytest

from analysis_support import Trajectory, random_walk, wrapped
from openmmlps.analysis import (
    from_atoms,
    mean_squared_displacement,
    read,
    transport_coefficients,
    unwrap,
    vibrational_density_of_states,
    watch,
)
from openmmlps.analysis.neighbors import minimum_image
from openmmlps.analysis.unwrapping import read_paths


def test_chunks_cover_all_frames_with_bounded_memory(monkeypatch):
    from openmmlps.analysis import trajectory as module

    walk = random_walk(1.0, frames=101, ions=4)
    monkeypatch.setattr(module, "_CHUNK_BYTES", 7 * 6 * 24)
    done = []
    with watch(lambda *told: done.append(told)):
        chunks = list(walk.chunks(stride=2))
    assert max(len(chunk.positions) for chunk in chunks) == 7
    np.testing.assert_array_equal(np.concatenate([chunk.positions for chunk in chunks]), walk.positions[::2])
    assert done[-1] == (walk.name, 51, 51)
    assert [chunk.start for chunk in chunks] == list(range(0, 51, 7))


def test_wrapped_trajectory_is_refused_and_can_be_unwrapped():
    walk = random_walk(5.0, frames=400, ions=10, edge=12.0)
    folded = wrapped(walk)
    with pytest.raises(ValueError) as caught:
        transport_coefficients(folded, 600)
    assert "transport_coefficients: 'wrapped.dcd' is wrapped into the periodic box (atom " in str(caught.value)
    assert "enforcePeriodicBox=False, or undo it with unwrap(trajectory)" in str(caught.value)
    whole = unwrap(folded)
    np.testing.assert_allclose(whole.positions - whole.positions[0], walk.positions - walk.positions[0], atol=1e-9)


def test_wrapped_trajectory_in_a_sheared_cell_and_across_chunks(monkeypatch):
    from openmmlps.analysis import trajectory as module

    walk = random_walk(5.0, frames=300, ions=3)
    cell = np.array([[12.0, 0, 0], [5.0, 11.0, 0], [-4.0, 3.0, 10.0]])
    walk = Trajectory(walk.symbols, walk.positions, cell, walk.times_ps)
    monkeypatch.setattr(module, "_CHUNK_BYTES", 5 * 24)  # one frame at a time
    with pytest.raises(ValueError, match="is wrapped into the periodic box"):
        mean_squared_displacement(wrapped(walk), "Li")
    mean_squared_displacement(walk, "Li")


def test_rarely_saved_unwrapped_trajectory_is_accepted():
    walk = random_walk(400.0, frames=300, ions=8, edge=10.0)  # moves of about 9 angstrom per frame, nearly a whole cell
    mean_squared_displacement(walk, "Li")
    with pytest.raises(ValueError, match="is wrapped"):
        mean_squared_displacement(wrapped(walk), "Li")


def test_drift_of_the_framework_is_removed():
    still = random_walk(1.0, frames=50, seed=3)
    drifting = random_walk(1.0, frames=50, seed=3, drift=0.2)
    np.testing.assert_allclose(read_paths(drifting, "Li", "framework"), read_paths(still, "Li", "framework"), atol=1e-9)
    assert np.abs(read_paths(drifting, "Li", None) - read_paths(still, "Li", None)).max() > 9


def test_bad_input_names_the_cure(tmp_path):
    walk = random_walk(1.0, frames=60)
    no_times = Trajectory(walk.symbols, walk.positions, walk.cells)
    uneven = Trajectory(walk.symbols, walk.positions, walk.cells, np.arange(60.0) ** 1.1)
    cases = [
        (lambda: vibrational_density_of_states(walk), r"has no velocities; record them \(the H5MD trajectories"),
        (lambda: transport_coefficients(walk[:20], 300), "has 20 frames, at least 50 are needed; run longer or save"),
        (lambda: mean_squared_displacement(walk, "Ag"), "no atoms of element 'Ag', only Li, P, S; choose among these"),
        (lambda: mean_squared_displacement(no_times, "Li"), r"has no times; give read\(\.\.\., frame_interval_ps="),
        (lambda: mean_squared_displacement(uneven, "Li"), "not evenly spaced in time"),
        (lambda: Trajectory(["Xx"], np.zeros((1, 1, 3))), "'Xx' is not a chemical symbol; correct the symbols or give"),
        (
            lambda: Trajectory(["Li"], np.zeros((4, 2, 3))),
            r"shape \(4, 2, 3\) for 1 symbols; give \[frames, atoms, 3\]",
        ),
        (lambda: mean_squared_displacement(walk, ["Li", "P", "S"]), "there is no framework; give reference=None"),
        (lambda: Trajectory(["Li"], np.zeros((1, 1, 3))).volumes(), "has no periodic cell, so no density; give"),
        (lambda: transport_coefficients(walk, -5), "temperature_K is -5; give kelvin"),
        (lambda: from_atoms([]), "holds no frames; give at least one"),
    ]
    for call, words in cases:
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(FileNotFoundError, match="does not exist; give a trajectory file"):
        read(tmp_path / "nothing.h5")
    broken = np.array(walk.positions)
    broken[7, 2, 1] = np.nan
    with pytest.raises(ValueError, match=r"position of atom 2 \(Li\) in frame 7 is not finite; cut the trajectory"):
        mean_squared_displacement(Trajectory(walk.symbols, broken, walk.cells, walk.times_ps), "Li")


def test_every_pass_can_be_watched():
    from openmmlps.analysis import radial_distribution

    trajectory, heard = random_walk(1.0, frames=40), []
    with watch(lambda *told: heard.append(told)):
        radial_distribution(trajectory, r_max=5.0, stride=4)
    assert heard[0] == (trajectory.name, 1, 10) and heard[-1] == (trajectory.name, 10, 10)
    radial_distribution(trajectory, r_max=5.0)
    assert heard[-1][2] == 10


HEXAGONAL = np.array([[10.0, 0, 0], [-5.0, 8.660254, 0], [0, 0, 12.0]])
SKEWED = np.array([[8.0, 0, 0], [7.5, 8.0, 0], [-7.0, 6.5, 9.0]])  # not reduced


def nearest_images(vectors, cell):
    """By brute force: every image within four cells."""
    shifts = np.array(list(np.ndindex(9, 9, 9))) - 4
    images = vectors[:, None] + shifts @ cell
    return images[np.arange(len(vectors)), (images**2).sum(-1).argmin(1)]


@pytest.mark.parametrize(
    "cell", [HEXAGONAL, SKEWED, np.diag([5.0, 9, 30]), SKEWED[[2, 0, 1]]], ids="hexagonal skewed box turned".split()
)
def test_minimum_image_against_brute_force(cell):
    vectors = np.random.default_rng(0).uniform(-0.99, 0.99, (4000, 3)) @ cell
    found = minimum_image(vectors, cell)
    expected = nearest_images(vectors, cell)
    np.testing.assert_allclose((found**2).sum(1), (expected**2).sum(1), atol=1e-9)
    shifts = (found - vectors) @ np.linalg.inv(cell)
    np.testing.assert_allclose(shifts, np.round(shifts), atol=1e-9)


@pytest.mark.parametrize("cell", [HEXAGONAL, SKEWED])
@pytest.mark.parametrize("constant", [True, False], ids=["NVT", "NPT"])
def test_unwrap_follows_steps_up_to_half_the_nearest_image_distance(cell, constant):
    """In the hexagonal cell of 10 angstrom rounding fractional coordinates failed from 4.33 angstrom on."""
    random = np.random.default_rng(1)
    frames, atoms = 200, 5
    strains = np.eye(3) + (0 if constant else 0.02) * random.normal(size=(frames, 3, 3))
    cells = cell @ strains
    shifts = np.array([shift for shift in np.ndindex(9, 9, 9) if shift != (4, 4, 4)]) - 4
    shortest = np.linalg.norm(shifts @ cell, axis=1).min()
    steps = random.normal(size=(frames, atoms, 3))
    steps *= (0.49 * shortest * (1 if constant else 0.9) / np.linalg.norm(steps, axis=-1))[..., None]
    fractional = np.cumsum(np.einsum("tni,tij->tnj", steps, np.linalg.inv(cells)), axis=0)
    truth = np.einsum("tni,tij->tnj", fractional, cells)
    walk = Trajectory(["Li"] * atoms, truth, cells, np.arange(float(frames)))
    whole = unwrap(wrapped(walk))
    folded = np.einsum("tni,tij->tnj", whole.positions, np.linalg.inv(cells))
    np.testing.assert_allclose(folded - folded[0], fractional - fractional[0], atol=1e-9)
    with pytest.raises(ValueError, match="is wrapped into the periodic box"):
        mean_squared_displacement(wrapped(walk), "Li", reference=None)
    mean_squared_displacement(walk, "Li", reference=None)
