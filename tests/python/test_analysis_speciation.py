# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Anions of known crystals, exactly; and of made-up molecules."""

import numpy as np
import pytest

from analysis_support import Trajectory, crystal, crystal_names
from openmmlps.analysis import AnionFinder, classify_anions
from openmmlps.materials import ChemistrySettings, Material

#: anions per unit cell, Q^n of P, E^n of P
EXACT = {
    "Li10GeP2S12": ({"PS4(3-)": 4, "GeS4(4-)": 2}, [4], [4]),
    "Li2P2S6": ({"P2S6(2-)": 2}, [0, 0, 4], [0, 4]),
    "Li2S": ({"S(2-)": 4}, None, None),
    "Li48P16S61": ({"PS4(3-)": 13, "PS3(3-)": 3}, [16], [16]),
    "Li4P2S6": ({"P2S6(4-)": 1}, [2], [2]),
    "Li7P3S11": ({"PS4(3-)": 2, "P2S7(4-)": 2}, [2, 4], [6]),
    "Li7PS6": ({"PS4(3-)": 4, "S(2-)": 8}, [4], [4]),
    "Na3SbS4": ({"SbS4(3-)": 2}, None, None),
    "P2S5": ({"P4S10": 2}, [0, 0, 0, 8], [8]),
    "alpha-AgI": ({"I(-)": 2}, None, None),
    "beta-Li3PS4": ({"PS4(3-)": 4}, [4], [4]),
    "gamma-Li3PS4": ({"PS4(3-)": 2}, [2], [2]),
}


def test_every_packaged_crystal_is_covered():
    assert sorted(EXACT) == crystal_names()


@pytest.mark.parametrize("name", sorted(EXACT))
@pytest.mark.parametrize("repeat", [(1, 1, 1), (2, 1, 1)])
def test_crystals(name, repeat):
    units, q_n, e_n = EXACT[name]
    found = classify_anions(crystal(name, repeat))
    copies = int(np.prod(repeat))
    assert dict(zip(found.kinds, found.units[0].tolist(), strict=True)) == {k: n * copies for k, n in units.items()}
    assert found.charge_imbalance.tolist() == [0]
    assert found.irregular_formers.tolist() == [0] and found.ligand_ligand_bonds.tolist() == [0]
    if q_n is not None:
        assert found.q_n["P"][0].tolist() == [n * copies for n in q_n] + [0] * (7 - len(q_n))
        assert found.e_n["P"][0].tolist() == [n * copies for n in e_n] + [0] * (5 - len(e_n))
    assert found.undercoordinated_formers[0] == (3 * copies if name == "Li48P16S61" else 0)


def test_fractions_say_of_what():
    found = classify_anions(crystal("Li7P3S11"))
    assert found.fraction_of_units() == {"P2S7(4-)": 0.5, "PS4(3-)": 0.5}
    assert found.fraction_of_formers() == {"P2S7(4-)": 4 / 6, "PS4(3-)": 2 / 6}
    assert found.fraction_of_ligands() == {"P2S7(4-)": 14 / 22, "PS4(3-)": 8 / 22}
    np.testing.assert_allclose(found.q_n_fractions("P")[:2], [1 / 3, 2 / 3])
    assert "P2S7(4-)" in found.table()[1] and "66.7" in found.table()[1] and "50.0" in found.table()[1]
    with pytest.raises(ValueError, match="no centers of 'Si', only P; choose one of these"):
        found.e_n_fractions("Si")


def molecule(symbols, positions, ions=0):
    """A molecule in a large box, with lithium far away."""
    positions = np.concatenate(
        [np.array(positions, dtype=float) + 10, [[25.0, 25, 5 + 3 * k] for k in range(ions)] or np.zeros((0, 3))]
    )
    return Trajectory([*symbols, *["Li"] * ions], positions[None], np.eye(3) * 30)


def triangle(height):
    angles = np.radians([0, 120, 240])
    corners = 2.0 * np.stack([np.cos(angles), np.sin(angles), np.zeros(3)], axis=1)
    return [[0, 0, height], *corners.tolist()]


def test_flat_ps3_and_pyramidal_ps3_differ_by_a_lone_pair():
    flat = classify_anions(molecule(["P", "S", "S", "S"], triangle(0.1), 1))
    pyramid = classify_anions(molecule(["P", "S", "S", "S"], triangle(0.9), 3))
    assert flat.kinds[0] == "PS3(-)" and flat.charge_imbalance[0] == 0
    assert pyramid.kinds[0] == "PS3(3-)" and pyramid.charge_imbalance[0] == 0


def test_polysulfide_and_sulfur_on_an_anion():
    chain = classify_anions(molecule(["S", "S", "S"], [[0, 0, 0], [2.05, 0, 0], [2.7, 1.95, 0]], 2))
    assert chain.kinds == ("S3(2-)",) and chain.ligand_ligand_bonds[0] == 2 and chain.charge_imbalance[0] == 0
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 2.05 / np.sqrt(3)
    outer = tetrahedron[0] * (2.05 + 2.05) / 2.05
    decorated = classify_anions(molecule(["P"] + ["S"] * 5, [[0, 0, 0], *tetrahedron.tolist(), outer.tolist()], 3))
    assert decorated.kinds == ("PS5(3-)*",) and decorated.charge_imbalance[0] == 0
    assert decorated.irregular_formers[0] == 1


def test_orphan_ligands_and_undercoordinated_phosphorus_are_counted():
    cell = crystal("beta-Li3PS4")
    positions = np.array(cell.positions)
    phosphorus, sulfur = cell.indices("P")[0], cell.indices("S")
    vectors = positions[0, sulfur] - positions[0, phosphorus]
    vectors -= np.round(vectors @ np.linalg.inv(cell.cells[0])) @ cell.cells[0]
    nearest = np.argmin(np.linalg.norm(vectors, axis=1))
    positions[0, sulfur[nearest]] += vectors[nearest] * 0.5  # stretch one bond to 3 angstrom
    found = classify_anions(Trajectory(cell.symbols, positions, cell.cells))
    assert found.free_ligands[0] == 1 and found.undercoordinated_formers[0] == 1
    assert found.defect_fractions()["free_ligands"] == pytest.approx(1 / 16)
    assert found.charge_imbalance[0] == -2 + 3 + (-3 if "PS3(3-)" in found.kinds else -1)


def test_silicon_centers():
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 2.13 / np.sqrt(3)
    found = classify_anions(molecule(["Si"] + ["S"] * 4, [[0, 0, 0], *corners.tolist()], 4))
    assert found.kinds == ("SiS4(4-)",) and found.charge_imbalance[0] == 0


def test_averages_over_frames():
    ordered, pulled = crystal("beta-Li3PS4"), np.array(crystal("beta-Li3PS4").positions)
    sulfur = ordered.indices("S")[0]
    pulled[0, sulfur] += 50 * np.array([0.02, 0.013, 0.017])  # breaks its bond
    both = Trajectory(ordered.symbols, np.concatenate([ordered.positions, pulled]), ordered.cells[0])
    found = classify_anions(both)
    assert found.units.shape[0] == 2 and found.units[0].sum() == 4
    assert found.fraction_of_formers()["PS4(3-)"] == pytest.approx(7 / 8)
    assert classify_anions(both, stride=2).units.shape[0] == 1


def test_refusals():
    with pytest.raises(ValueError, match=r"no network formers and no ligands among the elements Li; say which"):
        AnionFinder(["Li", "Li"])
    given = ChemistrySettings(bond_cutoffs="P-P=3.0")
    with pytest.raises(
        ValueError, match=r"bond cutoff of P-P is 3 angstrom, beyond the 2.9 of tetrahedra that share an edge"
    ):
        Material.of(["P", "S"], given)
    with pytest.raises(ValueError, match=r"the charge of Xe is unknown; give ion_charges, as 'Xe=1' in e"):
        classify_anions(molecule(["S", "Xe"], [[0, 0, 0], [0, 0, 4]]))
