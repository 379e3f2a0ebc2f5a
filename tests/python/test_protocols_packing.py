# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Compositions and random starts."""

import itertools

import numpy as np
import pytest

from openmmlps.protocols.packing import SMALLEST_DISTANCES, Composition, pack, smallest_distance


@pytest.mark.parametrize(
    ("text", "label", "counts"),
    [
        ("75", "75Li2S-25P2S5", {"Li": 72, "S": 96, "P": 24}),
        ("75Li2S-25P2S5", "75Li2S-25P2S5", {"Li": 72, "S": 96, "P": 24}),
        ("66.667 %", "66.67Li2S-33.33P2S5", None),
        ("100", "Li2S", {"Li": 128, "S": 64}),
        ("Li7P3S11", "Li7P3S11", {"Li": 63, "P": 27, "S": 99}),
        ("60Li2S-32SiS2-8P2S5", "60Li2S-32SiS2-8P2S5", None),
    ],
)
def test_composition(text, label, counts):
    composition = Composition.parse(text)
    assert composition.label == label
    found = composition.counts(192)
    if counts is not None:
        assert found == counts
    assert abs(sum(found.values()) - 192) <= 20
    charges = {"Li": 1, "P": 5, "Si": 4, "S": -2}
    assert sum(charges[element] * number for element, number in found.items()) == 0


def test_composition_keeps_what_was_asked_for():
    counts = Composition.parse("67").counts(1000)
    assert abs(counts["Li"] / (counts["Li"] + counts["P"]) - 0.67) < 0.004


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("120", "'120' % Li2S; give 0 to 100"),
        ("75Li2S-25", "'25' in '75Li2S-25' is not an amount and a formula; give for example '75'"),
        ("75Li2S-25Xx2S5", "'25Xx2S5' in"),
        ("", "is not an amount and a formula"),
        ("0Li2S", "holds nothing"),
    ],
)
def test_composition_refusals(text, message):
    with pytest.raises(ValueError) as caught:
        Composition.parse(text)
    assert str(caught.value).startswith("composition: ") and message in str(caught.value)


def test_too_few_atoms():
    with pytest.raises(ValueError, match="composition: 5 atoms are too few for 75Li2S-25P2S5; give at least 16"):
        Composition.parse("75").counts(5)


def test_pack_keeps_distances_density_and_seed():
    counts = {"Li": 72, "S": 96, "P": 24}
    atoms = pack(counts, 1.85, seed=3)
    assert atoms.get_chemical_symbols() == ["Li"] * 72 + ["S"] * 96 + ["P"] * 24
    assert atoms.get_masses().sum() * 1.66053906660 / atoms.get_volume() == pytest.approx(1.85)
    distances = atoms.get_all_distances(mic=True)
    symbols = np.array(atoms.get_chemical_symbols())
    for a, b in itertools.combinations_with_replacement(("Li", "P", "S"), 2):
        block = distances[np.ix_(symbols == a, symbols == b)]
        assert block[block > 0].min() >= SMALLEST_DISTANCES[a, b]
    assert np.array_equal(pack(counts, 1.85, seed=3).positions, atoms.positions)
    assert not np.array_equal(pack(counts, 1.85, seed=4).positions, atoms.positions)


@pytest.mark.parametrize(
    ("formula", "density"), [("Li29P10O33N5", 2.3), ("SiO2", 2.2), ("Li2O", 1.5), ("AgI", 5.7), ("Na23Sb7WS32", 2.8)]
)
def test_anything_is_packed_at_its_own_density(formula, density):
    counts = Composition.parse(formula).counts(154)
    atoms = pack(counts, density, seed=1)
    distances = atoms.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    symbols = atoms.get_chemical_symbols()
    limits = np.array([[smallest_distance(a, b) for a in symbols] for b in symbols])
    assert (distances >= limits).all() and limits.min() > 1.4
    assert np.array_equal(pack(counts, density, seed=1).positions, atoms.positions)


def test_pack_says_when_it_does_not_fit():
    with pytest.raises(ValueError, match=r"pack: 80 atoms find no room at 12 g/cm3; start from a lower"):
        pack({"Li": 30, "S": 40, "P": 10}, 12.0, seed=1)
    with pytest.raises(ValueError, match="density_g_per_cm3 is 0; it must be positive"):
        pack({"Li": 1}, 0, seed=1)
