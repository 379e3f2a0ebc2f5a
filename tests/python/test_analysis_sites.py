# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Sites, jumps and percolation of ions whose sites, rates and barriers are known."""

import numpy as np
import pytest

from analysis_support import Trajectory, wrapped
from openmmlps.analysis import density_map, find_jumps, find_sites, match_sites, percolation, sites_at, write_xdatcar
from openmmlps.analysis.periodic_graph import PeriodicGraph

CELL = np.array([[9.0, 0, 0], [1.5, 9.0, 0], [0, 1.0, 9.0]])
PLACES = np.array([(i, j, k) for i in range(3) for j in range(3) for k in range(3)]) / 3 + 0.1


def hopping(directions, rate=0.2, frames=3000, ions=5, seed=0, interval=0.1):
    """Ions that rattle at sites 3 angstrom apart and hop to the next one along some lattice vectors, next to a P."""
    random = np.random.default_rng(seed)
    hops = np.zeros((frames, ions, 3), dtype=int)
    when = random.random((frames, ions)) < rate * interval
    when[0] = False
    axis = random.choice(directions, (frames, ions))
    np.put_along_axis(hops, axis[..., None], (when * random.choice([-1, 1], (frames, ions)))[..., None], axis=2)
    places = (np.cumsum(hops, axis=0) + random.integers(0, 3, (1, ions, 3))) / 3 + 0.1
    paths = places @ CELL + random.normal(0, 0.25, places.shape)
    positions = np.concatenate([paths, np.broadcast_to([4.0, 4.0, 4.0], (frames, 1, 3))], axis=1)
    positions += 0.002 * np.arange(frames)[:, None, None]  # everything drifts
    return Trajectory(["Ag"] * ions + ["P"], positions, CELL, np.arange(frames) * interval), int(when.sum())


@pytest.mark.parametrize("directions, along", [([0], (1, 0, 0)), ([1, 2], (0, 1, 1)), ([0, 1, 2], (1, 1, 1))])
def test_planted_sites_and_jumps_come_back(directions, along):
    trajectory, planted = hopping(directions)
    density = density_map(trajectory, "Ag", spacing=0.3)
    sites = find_sites(density)
    assert (match_sites(sites, sites_at(PLACES, CELL)) < 0.15).all()
    assert sites.occupancy.sum() == pytest.approx(5, abs=0.05)
    jumps = find_jumps(trajectory, sites_at(PLACES, CELL), "Ag")
    assert len(jumps.frames) == pytest.approx(planted, rel=0.02)  # two hops within a frame or two are one
    assert 0.2 in jumps.rate_per_ps
    spacing = np.linalg.norm(CELL / 3, axis=1)[directions].mean()
    assert np.median(jumps.lengths_angstrom) == pytest.approx(spacing, abs=0.1)
    dimensions, reached = jumps.percolation()
    assert dimensions == len(directions) and reached == tuple(map(bool, along))
    stays = jumps.residence_ps()
    assert np.nanmedian(stays) == pytest.approx(5, rel=0.25)
    assert jumps.edges()[1].sum() == len(jumps.frames)


def test_rattling_across_a_border_is_no_jump():
    random = np.random.default_rng(1)
    frames = 2000
    path = np.array([1.5, 0, 0]) + random.normal(0, 0.35, (frames, 3))  # between two sites, mostly out of both cores
    positions = np.stack([path, np.full((frames, 3), 4.0)], axis=1)
    trajectory = Trajectory(["Na", "P"], positions, np.eye(3) * 9, np.arange(float(frames)))
    two = sites_at([[0, 0, 0], [3.0, 0, 0]], np.eye(3) * 9, fractional=False)
    jumps = find_jumps(trajectory, two, "Na", core=0.5)
    nearest = (path[:, 0] > 1.5).astype(int)
    assert (np.diff(nearest) != 0).sum() > 900 and len(jumps.frames) < 15
    with pytest.raises(
        ValueError, match="no ion of 'trajectory' is ever within 1.00 angstrom of a site; compare the cell"
    ):
        find_jumps(trajectory, sites_at([[0.5, 0.5, 0.5], [0.9, 0.5, 0.5]], np.eye(3) * 9), "Na")


def test_percolation_finds_the_barrier_of_a_channel():
    random = np.random.default_rng(0)
    barrier, temperature, length, count = 0.12, 600.0, 6.0, 400_000
    kT = temperature * 8.617333e-5
    x = random.random(count)
    x = x[random.random(count) < np.exp(-barrier / kT * (1 - np.cos(2 * np.pi * x)) / 2)] * length
    count = len(x) // 50 * 50
    paths = np.stack([x[:count], *(3 + random.normal(0, 0.4, (2, count)))], axis=1).reshape(-1, 50, 3)
    positions = np.concatenate([paths, np.zeros((len(paths), 1, 3))], axis=1)
    trajectory = Trajectory(
        ["Li"] * 50 + ["P"], positions, np.eye(3) * length, np.arange(float(len(paths))), checks=False
    )
    found = percolation(trajectory, "Li", temperature, spacing=0.3, smoothing=0.0)
    one, two, _ = found.dimension_barriers_eV
    assert one.value == pytest.approx(barrier, abs=0.012) and 0 < one.standard_error < 0.02
    assert found.direction_barriers_eV[0].value == one.value
    assert np.isnan(two.value) and np.isnan(found.direction_barriers_eV[1].value)
    span = found.path_fractional[-1] - found.path_fractional[0]
    np.testing.assert_allclose(span, [1, 0, 0], atol=1e-9)
    assert found.path_free_energy_eV.max() <= one.value + kT and found.path_angstrom[-1] >= length - 1e-9


def test_a_helix_through_two_cells_is_infinite():
    graph = PeriodicGraph(4)
    graph.join(0, 1, (0, 0, 0))
    graph.join(2, 3, (0, 0, 0))
    assert not graph.infinite()
    graph.join(1, 0, (0, 0, 2))
    assert graph.cycles(0).tolist() == [[0, 0, 2]] and not len(graph.cycles(2))
    graph.join(3, 1, (1, 0, 0))
    graph.join(3, 1, (1, 1, 0))
    assert np.linalg.matrix_rank(graph.cycles(2)) == 2


def test_export_is_read_by_others(tmp_path):
    import ase.io

    trajectory, _ = hopping([0], frames=20)
    write_xdatcar(trajectory, tmp_path / "XDATCAR", stride=5)
    frames = ase.io.read(tmp_path / "XDATCAR", ":", format="vasp-xdatcar")
    assert len(frames) == 4 and frames[0].get_chemical_formula() == "Ag5P"
    moved = frames[2].get_scaled_positions() - (trajectory.positions[10] - 0.02) @ np.linalg.inv(CELL)
    moved -= moved[5]  # the drift of all
    np.testing.assert_allclose(moved - np.round(moved), 0, atol=1e-2)
    sites = sites_at(PLACES, CELL, np.full(27, 0.25))
    sites.write_cif(tmp_path / "sites.cif", "Ag")
    back = ase.io.read(tmp_path / "sites.cif")
    np.testing.assert_allclose(back.get_scaled_positions(), PLACES, atol=1e-5)
    with pytest.raises(ValueError, match="wrapped into the periodic box"):
        write_xdatcar(wrapped(hopping([0])[0]), tmp_path / "X")
