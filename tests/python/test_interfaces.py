# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Lattices that fit each other in a known way, and slabs stacked on each other."""

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from analysis_support import STRUCTURES
from openmmlps.analysis.neighbors import neighbor_pairs
from openmmlps.app.interfaces import build_interface
from openmmlps.app.lattice_match import match_lattices


def turned(lattice, degrees):
    angle = np.radians(degrees)
    return np.asarray(lattice, float) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


@pytest.mark.parametrize(
    "first, second, cells, strains, area",
    [
        (3 * np.eye(2), turned(4.5 * np.eye(2), 10), (9, 4), (0, 0), 81),  # 3 x 3 = 9 = 2 x 4.5
        (3 * np.eye(2), turned(3 * np.sqrt(2) * np.eye(2), 45), (2, 1), (0, 0), 18),  # turned by 45 degrees
        (4 * np.eye(2), [[4.08, 0], [0.5, 3.9]], None, None, None),  # sheared too much at a small area
        ([[3, 0], [1.5, 1.5 * np.sqrt(3)]], np.diag([3.06, 2.97 * np.sqrt(3)]), (2, 1), (-0.0196, 0.0101), 15.588),
    ],
    ids=["three-on-two", "diagonal", "misfit", "hexagonal-on-rectangular"],
)
def test_known_matches_are_found(first, second, cells, strains, area):
    found = match_lattices(np.asarray(first, float), np.asarray(second, float), 0.03, 100 if cells else 20)
    if cells is None:
        assert not found
        return
    best = found[0]
    assert tuple(abs(round(np.linalg.det(m))) for m in (best.first, best.second)) == cells
    np.testing.assert_allclose(best.strains, strains, atol=2e-4)
    assert best.area == pytest.approx(area, abs=1e-2)


def test_an_interface_keeps_atoms_anions_and_distances():
    crystal, lithium = ase.io.read(STRUCTURES / "beta-Li3PS4.extxyz"), bulk("Li", "bcc", a=3.43, cubic=True)
    found = build_interface(crystal, lithium, (0, 1, 0), (0, 0, 1), 10.0, 2.4, 0.06)
    atoms, (below, above) = found.atoms, found.counts
    assert len(atoms) == below + above and below % len(crystal) == 0 and above % 2 == 0
    assert set(atoms.symbols[below:]) == {"Li"} and atoms.symbols[:below].count("P") * 8 == below
    assert found.match.largest_strain <= 0.06 and min(found.thicknesses_angstrom) > 7
    assert 2.0 < found.shortest_distance_angstrom < 4
    first, second = found.interfaces_angstrom
    assert atoms.positions[:below, 2].max() < first < atoms.positions[below:, 2].min()
    assert atoms.positions[:, 2].max() < second < atoms.cell[2, 2]
    phosphorus, sulfur = atoms.symbols == "P", atoms.symbols == "S"
    i, j, distance = neighbor_pairs(atoms.positions, np.asarray(atoms.cell), 2.6)
    bonds = (phosphorus[i] & sulfur[j]) | (phosphorus[j] & sulfur[i])
    assert bonds.sum() == 4 * phosphorus.sum() and 1.95 < distance[bonds].min()  # no PS4 is cut, none is strained
    apart = neighbor_pairs(atoms.positions[below:], np.asarray(atoms.cell), 3.3)[2]
    assert apart.min() == pytest.approx(3.43 * np.sqrt(3) / 2, rel=0.06)  # lithium is strained as reported


def test_two_electrolytes_and_refusals():
    beta, gamma = (ase.io.read(STRUCTURES / f"{name}.extxyz") for name in ("beta-Li3PS4", "gamma-Li3PS4"))
    found = build_interface(beta, gamma, (0, 0, 1), (0, 0, 1), 10.0, max_strain=0.08, max_area=800)
    atoms = found.atoms
    assert atoms.symbols.count("P") * 4 == atoms.symbols.count("S")
    with pytest.raises(
        ValueError, match="no common supercell of .* raise --max-area or --max-strain, or take other faces"
    ):
        build_interface(beta, gamma, max_strain=1e-4, max_area=150)
    with pytest.raises(ValueError, match=r"with face \(0, 0, 0\); give a periodic structure, and Miller indices"):
        build_interface(beta, gamma, first_face=(0, 0, 0))


def test_the_command_says_how_well_they_fit(tmp_path):
    from typer.testing import CliRunner

    from openmmlps.cli import app

    def call(*arguments):
        return CliRunner().invoke(app, ["interface", *arguments, "--thickness", "8", "--max-strain", "0.06"])

    target = str(tmp_path / "slabs.extxyz")
    found = call("beta-Li3PS4", "bcc:Li=3.43", "--faces", "010,001", "-o", target)
    assert found.exit_code == 0 and "shortest distance between the slabs" in found.output.replace("\n", " ")
    atoms = ase.io.read(target)
    assert len(atoms.info["interfaces_angstrom"]) == 2 and atoms.pbc.all()
    for arguments, words in (
        (("beta-Li3PS4", "Li2S", "-o", target), "exists already"),
        (("beta-Li3PS4", "bcc:Xx=3", "-o", target + "2"), "is not a metal; give for example bcc:Li=3.43"),
        (("beta-Li3PS4", "Li2S", "--faces", "01,001", "-o", target + "2"), "is not three Miller indices"),
    ):
        failed = call(*arguments)
        assert failed.exit_code == 2 and words in " ".join(failed.output.split())
