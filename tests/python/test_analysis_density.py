# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Densities of known distributions, and glass checks on crystals and on disorder."""

import numpy as np
import pytest

from analysis_support import Trajectory, crystal
from openmmlps.analysis import bond_density, check_glass, density_map, long_range_order


def test_bond_density_of_uniform_lithium_is_one():
    random = np.random.default_rng(0)
    frames, ions = 400, 60
    bond = np.array([[6.0, 6, 6], [6.0, 6, 8.05]])
    positions = np.concatenate([random.random((frames, ions, 3)) * 12, np.broadcast_to(bond, (frames, 2, 3))], axis=1)
    found = bond_density(
        Trajectory(["Li"] * ions + ["S", "P"], positions, np.eye(3) * 12), r_max=5.5, r_width=0.5, phi_bins=9
    )
    assert found.samples == frames
    well = found.counts > 50
    assert well.sum() > 40
    np.testing.assert_allclose(found.rho[well], 1, atol=0.5)
    assert found.rho[well].mean() == pytest.approx(1, abs=0.03)


def test_bond_density_finds_a_known_place():
    angle, distance = np.radians(105), 2.45
    ion = np.array([6.0, 6, 6]) + distance * np.array([np.sin(angle), 0, np.cos(angle)])
    positions = np.array([[ion, [6.0, 6, 6], [6.0, 6, 8.05]]])
    found = bond_density(Trajectory(["Li", "S", "P"], positions, np.eye(3) * 12))
    r, phi = np.unravel_index(np.argmax(found.counts), found.counts.shape)
    assert found.counts.sum() == 1
    assert found.r_angstrom[r] == pytest.approx(2.45) and abs(found.phi_degrees[phi] - 105) <= 2.5
    with pytest.raises(
        ValueError, match="no bond of former and ligands within 1 angstrom in 'trajectory'; choose other elements"
    ):
        bond_density(Trajectory(["Li", "S", "P"], positions, np.eye(3) * 12), bond_cutoff=1)


def test_density_map_and_cube_file(tmp_path):
    from ase.io.cube import read_cube

    cell = np.array([[8.0, 0, 0], [2.0, 7.0, 0], [0, 1.0, 6.0]])
    site = np.array([0.25, 0.5, 0.5]) @ cell
    random = np.random.default_rng(0)
    frames = 500
    positions = np.zeros((frames, 3, 3))
    positions[:, 0] = site + random.normal(0, 0.1, (frames, 3)) + 3 * cell[0]  # three cells away
    positions[:, 1] = [1.0, 1, 1]
    positions[:, 2] = [4.0, 3, 1]
    positions += np.arange(frames)[:, None, None] * 0.01  # everything drifts
    trajectory = Trajectory(["Li", "P", "S"], positions, cell, np.arange(float(frames)))
    found = density_map(trajectory, spacing=0.5)
    volume = abs(np.linalg.det(cell)) / found.density_per_angstrom3.size
    assert found.density_per_angstrom3.sum() * volume == pytest.approx(1)
    top = np.unravel_index(np.argmax(found.density_per_angstrom3), found.density_per_angstrom3.shape)
    np.testing.assert_allclose(np.array(top) / found.density_per_angstrom3.shape, [0.25, 0.5, 0.5], atol=0.07)
    np.testing.assert_allclose(found.positions, [[1, 1, 1], [4, 3, 1]], atol=1e-9)
    found.write_cube(tmp_path / "li.cube")
    with open(tmp_path / "li.cube") as file:
        back = read_cube(file)
    np.testing.assert_allclose(back["atoms"].cell, cell, atol=1e-5)
    assert back["atoms"].get_chemical_symbols() == ["P", "S"]
    grid = back["data"] / 0.529177210903**3
    np.testing.assert_allclose(grid, found.density_per_angstrom3, rtol=1e-4)


def scattered(seed, atoms=60, closest=6.6, edge=32.0):
    """P atoms of a dilute random packing, each with its tetrahedron of S, and Li to balance."""
    random = np.random.default_rng(seed)
    centers = []
    while len(centers) < atoms:
        new = random.random(3) * edge
        vectors = np.array(centers).reshape(-1, 3) - new
        vectors -= edge * np.round(vectors / edge)
        if not centers or np.linalg.norm(vectors, axis=1).min() > closest:
            centers.append(new)
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * (2.05 / np.sqrt(3))
    sulfur = np.concatenate([center + corners for center in centers])
    lithium = random.random((3 * atoms, 3)) * edge
    symbols = ["P"] * atoms + ["S"] * 4 * atoms + ["Li"] * 3 * atoms
    return Trajectory(symbols, np.concatenate([centers, sulfur, lithium])[None], np.eye(3) * edge)


def test_order_tells_crystals_from_disorder():
    random = np.random.default_rng(0)
    for name, repeat in (("beta-Li3PS4", (2, 3, 4)), ("gamma-Li3PS4", (3, 4, 4)), ("Li7P3S11", (2, 5, 2))):
        cold = crystal(name, repeat)
        hot = Trajectory(cold.symbols, cold.positions + random.normal(0, 0.15, cold.positions.shape), cold.cells)
        for state in (cold, hot):
            order = long_range_order(state)
            assert order.crystalline and order.r_low_angstrom == 6.0 and order.r_high_angstrom > 9
    for seed in range(3):
        order = long_range_order(scattered(seed))
        assert not order.crystalline and 0.6 < order.ratio_to_noise < 2
    with pytest.raises(ValueError, match=r"half the smallest height of the cell is .* angstrom, at least 7 is needed"):
        long_range_order(crystal("beta-Li3PS4"))


def test_glass_check_names_what_is_wrong():
    sound = check_glass(scattered(0))
    assert sound.passed and not sound.order.crystalline and sound.charge_imbalance == 0
    unmelted = check_glass(crystal("beta-Li3PS4", (2, 3, 4)))
    assert unmelted.order.crystalline and len(unmelted.warnings) == 1
    assert unmelted.warnings[0].startswith("crystalline: P-P order beyond 6 angstrom is ")
    sulfide = check_glass(crystal("Li7PS6", (2, 2, 2)))  # its free S belongs there
    assert sulfide.orphan_ligands == 0 and len(sulfide.warnings) == 1
    glass = scattered(1)
    broken = np.array(glass.positions)
    moved = glass.indices("S")[::8]
    broken[0, moved] += np.array([0, 0, 1.4])
    found = check_glass(Trajectory(glass.symbols, broken, glass.cells))
    assert not found.passed and found.undercoordinated_formers > 0
    assert any("formal charges add up" in warning for warning in found.warnings)
