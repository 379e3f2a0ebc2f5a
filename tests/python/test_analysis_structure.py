# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Radial distributions and structure factors against ideal gases, crystals and an independent neighbor search."""

import numpy as np
import pytest

from analysis_support import Trajectory, crystal, crystal_names
from openmmlps.analysis import (
    first_sharp_diffraction_peak,
    radial_distribution,
    structure_factor,
    structure_factor_direct,
    total_correlation,
    total_correlation_from_structure_factor,
)
from openmmlps.analysis.scattering import scattering_lengths

SHEARED = np.array([[11.0, 0, 0], [4.0, 10.0, 0], [-3.0, 5.0, 9.0]])


def ideal_gas(frames=60, atoms=200, seed=0):
    random = np.random.default_rng(seed)
    return Trajectory(
        ["Li"] * (atoms // 2) + ["S"] * (atoms // 2), random.random((frames, atoms, 3)) @ SHEARED, SHEARED
    )


def test_ideal_gas_is_one_beyond_half_the_sheared_cell():
    found = radial_distribution(ideal_gas(), r_max=14.0, bin_width=1.0)
    for key, expected in ((("Li", "Li"), 1 - 1 / 100), (("Li", "S"), 1), (("S", "S"), 1 - 1 / 100)):
        noise = 1 / np.sqrt(found.expected_counts[key])
        assert (np.abs(found.g[key] - expected)[:8] < 5 * noise[:8]).all()
    # beyond the shortest lattice vector an atom sees its own images, and so does the gas on average
    np.testing.assert_allclose(found.g["Li", "S"][8:], 1, atol=0.02)
    volume = 4 / 3 * np.pi * 14.0**3
    assert found.coordination["Li", "S"][-1] == pytest.approx(100 / 990.0 * volume, rel=0.01)


@pytest.mark.parametrize("name", crystal_names())
def test_unit_cell_gives_what_its_supercell_gives(name):
    small = radial_distribution(crystal(name), r_max=9.0)
    large = radial_distribution(crystal(name, (2, 1, 2)), r_max=9.0)
    assert small.number_density_per_angstrom3 == pytest.approx(large.number_density_per_angstrom3)
    for key in small.coordination:
        # atoms at the edge of a bin may fall on either side
        assert np.abs(small.coordination[key] - large.coordination[key]).mean() < 0.02


def test_against_the_neighbor_list_of_ase():
    from ase import Atoms
    from ase.neighborlist import neighbor_list

    cell = crystal("Li7P3S11")
    found = radial_distribution(cell, r_max=8.0, bin_width=0.1)
    atoms = Atoms(cell.symbols, cell.positions[0], cell=cell.cells[0], pbc=True)
    first, second, distance = neighbor_list("ijd", atoms, 8.0)
    symbols = np.array(cell.symbols)
    for a, b in (("Li", "S"), ("S", "Li"), ("P", "P")):
        chosen = distance[(symbols[first] == a) & (symbols[second] == b)]
        edges = (3.0, 4.0, 6.0, 8.0)
        expected = [(chosen < edge).sum() / (symbols == a).sum() for edge in edges]
        np.testing.assert_allclose([found.coordination_within(a, b, edge) for edge in edges], expected)


@pytest.mark.parametrize(
    ("name", "p_s", "p_s_neighbors", "li_s_neighbors"),
    [("beta-Li3PS4", 2.030, 4, 4), ("gamma-Li3PS4", 2.031, 4, 4), ("Li4P2S6", 2.034, 3, 6), ("Li7PS6", 2.043, 4, 4)],
)
def test_bonds_of_crystals(name, p_s, p_s_neighbors, li_s_neighbors):
    found = radial_distribution(crystal(name), r_max=4.0, bin_width=0.01)
    assert found.coordination_within("P", "S", 2.6) == p_s_neighbors
    assert found.coordination_within("Li", "S", 3.0) == pytest.approx(li_s_neighbors)
    near = found.r_angstrom < 2.6
    weights = (found.g["P", "S"] * found.r_angstrom**2)[near]
    assert (weights * found.r_angstrom[near]).sum() / weights.sum() == pytest.approx(p_s, abs=0.003)


def test_fluctuating_cells_are_weighted_by_their_own_volume():
    random = np.random.default_rng(1)
    scale = 1 + 0.1 * random.random(100)
    cells = SHEARED * scale[:, None, None]
    positions = np.einsum("tni,tij->tnj", random.random((100, 150, 3)), cells)
    found = radial_distribution(Trajectory(["S"] * 150, positions, cells), r_max=9.0, bin_width=1.0)
    np.testing.assert_allclose(found.g["S", "S"][2:], 1 - 1 / 150, atol=0.02)


def test_peak_of_a_known_pair():
    random = np.random.default_rng(0)
    length = random.normal(2.05, 0.05, 4000)
    positions = np.zeros((4000, 2, 3))
    positions[:, 1, 0] = length
    found = radial_distribution(Trajectory(["P", "S"], positions, np.eye(3) * 20), r_max=5.0)
    assert found.peak("S", "P", 1.5, 2.5)[0] == pytest.approx(2.05, abs=0.02)
    with pytest.raises(ValueError, match=r"no maximum between 3 and 4 angstrom; widen the range"):
        found.peak("P", "S", 3, 4)
    with pytest.raises(ValueError, match="give 0 < bin_width < r_max"):
        radial_distribution(crystal("Li2S"), r_max=1.0, bin_width=2.0)


def test_all_peaks_of_a_pair_with_their_areas():
    """P-P of P2S6(4-), P2S6(2-) and P2S7 at 2.2, 2.9 and 3.5 angstrom, one unit each, below a far higher hump at 5.7."""
    random = np.random.default_rng(0)
    lengths = [2.2, 2.9, 3.5, *[5.66] * 12]
    sites = np.stack(np.meshgrid(*[np.arange(4) * 15.0] * 3), -1).reshape(-1, 3)[:15]
    positions = np.repeat(sites, 2, axis=0) + random.normal(0, 0.04, (400, 30, 3))
    positions[:, 1::2, 0] += lengths
    found = radial_distribution(Trajectory(["P"] * 30, positions, np.eye(3) * 60), r_max=8.0, bin_width=0.04)
    peaks = found.peaks("P", "P", 1.5, 7.0)
    np.testing.assert_allclose([peak.position_angstrom for peak in peaks], [2.2, 2.9, 3.5, 5.66], atol=0.02)
    np.testing.assert_allclose([peak.neighbors for peak in peaks], [2 / 30] * 3 + [24 / 30], atol=1e-3)
    assert found.half_width_angstrom == 30
    gas = radial_distribution(ideal_gas(), r_max=8.0, bin_width=0.04)
    assert len(gas.peaks("Li", "S")) <= 1  # noise is no peak
    assert gas.half_width_angstrom == pytest.approx(np.min(1 / np.linalg.norm(np.linalg.inv(SHEARED), axis=0)) / 2)


def test_direct_structure_factor_of_a_gas_and_of_a_crystal():
    gas = structure_factor_direct(ideal_gas(), q_max=4.0, q_step=1.0, vectors_per_bin=100)
    assert len(gas.q_per_angstrom) == 4
    for key in gas.partial:
        np.testing.assert_allclose(gas.partial[key][1:], 1, atol=0.15)  # 6000 samples with deviation 2
    # the first Bragg peak of the S sublattice of Li2S (face-centered cubic) is (111)
    crystalline = crystal("Li2S", (3, 3, 3))
    found = structure_factor_direct(crystalline, q_max=2.5, q_step=0.05, vectors_per_bin=10**6)
    a = np.cbrt(abs(np.linalg.det(crystalline.cells[0]))) / 3
    top = found.q_per_angstrom[np.argmax(found.pair("S", "S"))]
    assert top == pytest.approx(2 * np.pi * np.sqrt(3) / a, abs=0.05)


def test_direct_structure_factor_by_hand():
    random = np.random.default_rng(3)
    positions, symbols = random.random((1, 5, 3)) @ SHEARED, np.array(["Li", "Li", "S", "S", "S"])
    found = structure_factor_direct(Trajectory(symbols, positions, SHEARED), q_max=1.0, q_step=1.0)
    reciprocal = 2 * np.pi * np.linalg.inv(SHEARED).T
    total, count = 0.0, 0
    for h, k, l in np.ndindex(9, 9, 9):
        q = np.array([h - 4, k - 4, l - 4]) @ reciprocal
        if 0 < np.linalg.norm(q) < 1.0:
            lithium, sulfur = (np.exp(1j * positions[0, symbols == symbol] @ q).sum() for symbol in ("Li", "S"))
            total += (lithium * sulfur.conj()).real / 5 / (0.4 * 0.6)
            count += 1
    assert found.pair("Li", "S") == pytest.approx(1 + total / count)


def disordered(seed=0):
    """A liquid-like configuration: a strongly disturbed supercell, with known partial structure."""
    base = crystal("beta-Li3PS4", (2, 3, 4))
    random = np.random.default_rng(seed)
    frames = base.positions + random.normal(0, 0.5, (20, *base.positions.shape[1:]))
    return Trajectory(base.symbols, frames, base.cells[0])


def test_sine_transform_agrees_with_density_waves():
    trajectory = disordered()
    distribution = radial_distribution(trajectory, r_max=12.0, stride=4)
    transform = structure_factor(distribution, q_max=8.0, window=None)
    waves = structure_factor_direct(trajectory, q_max=8.0, q_step=0.5, stride=4, vectors_per_bin=500)
    # average the transform over the bins of the waves, away from Bragg peaks
    inside = waves.q_per_angstrom > 4.0
    binned = [
        transform.pair("S", "S")[np.abs(transform.q_per_angstrom - q) <= 0.25].mean()
        for q in waves.q_per_angstrom[inside]
    ]
    np.testing.assert_allclose(binned, waves.pair("S", "S")[inside], atol=0.15)  # noise of the waves: 2 / sqrt(2500)
    assert sum(waves.weights.values()) == pytest.approx(1)


def test_gaussian_shell_transforms_to_the_known_sine():
    # g = 1 + A delta-like shell at r0: S - 1 = rho 4 pi r0^2 A w sin(Q r0)/(Q r0)
    distribution = radial_distribution(ideal_gas(frames=1), r_max=10.0, bin_width=0.01)
    for key in distribution.g:
        distribution.g[key][:] = 1.0
    distribution.g["Li", "S"][300] += 50.0
    r0 = distribution.r_angstrom[300]
    found = structure_factor(distribution, q_max=10.0, window=None)
    rho = distribution.number_density_per_angstrom3
    q = found.q_per_angstrom
    np.testing.assert_allclose(
        found.pair("Li", "S") - 1, rho * 4 * np.pi * r0**2 * 50 * 0.01 * np.sin(q * r0) / (q * r0), atol=1e-9
    )
    np.testing.assert_allclose(found.pair("Li", "Li"), 1)


def test_total_correlation_returns_from_q_space():
    distribution = radial_distribution(disordered(), r_max=12.0, stride=5)
    direct = total_correlation(distribution)
    factor = structure_factor(distribution, q_max=60.0, q_step=0.02, window=None)
    r = distribution.r_angstrom
    back = total_correlation_from_structure_factor(factor, distribution.number_density_per_angstrom3, r, window=None)
    smooth = lambda y: np.convolve(y, np.ones(20) / 20, "same")
    inside = (r > 1.5) & (r < 8)
    np.testing.assert_allclose(smooth(back)[inside], smooth(direct)[inside], atol=0.05 * np.abs(direct[inside]).max())


def test_isotopes_and_unknown_elements():
    assert scattering_lengths(["Li", "Si", "P", "S"]) == {"Li": -1.90, "Si": 4.15, "P": 5.13, "S": 2.847}
    assert scattering_lengths(["Li"], {"Li": "7Li"}) == {"Li": -2.22}
    assert scattering_lengths(["Li"], {"Li": 0.5}) == {"Li": 0.5}
    with pytest.raises(ValueError, match=r"no neutron scattering length is known for 'Xe'; give overrides="):
        scattering_lengths(["Xe"])


def test_first_sharp_diffraction_peak():
    q = np.arange(0.02, 6, 0.02)
    s = 1 - 0.6 * np.exp(-q) + 0.9 * np.exp(-(((q - 1.31) / 0.2) ** 2)) + 0.5 * np.exp(-(((q - 2.1) / 0.2) ** 2))
    peak = first_sharp_diffraction_peak(q, s)
    assert peak.position_per_angstrom == pytest.approx(1.32, abs=0.02)
    assert peak.repeat_distance_angstrom == pytest.approx(4.76, abs=0.08)
    assert 0.2 < peak.width_per_angstrom < 0.4
    with pytest.raises(ValueError, match=r"S\(Q\) has no maximum between 0.7 and 1.8 1/angstrom; widen the range"):
        first_sharp_diffraction_peak(q, 1 + 0 * q)
