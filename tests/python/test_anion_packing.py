# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Whole anions: their shapes as the analysis sees them, their numbers, and packings without overlap."""

import numpy as np
import pytest

from openmmlps.analysis import AnionFinder
from openmmlps.protocols.anion_packing import count_anions, make_anion, pack_anions, parse_anions
from openmmlps.protocols.packing import Composition

NAMES = ["PS4(3-)", "P2S7(4-)", "P2S6(2-)", "P2S6(4-)", "PS3(-)", "PS3(3-)", "SiS4(4-)", "SbS4(3-)", "PO4(3-)", "S(2-)"]


@pytest.mark.parametrize("name", NAMES)
def test_shapes_are_what_the_analysis_calls_them(name):
    anion = make_anion(name)
    units = AnionFinder(anion.symbols).find(anion.positions, None)
    assert units.kinds == (name,)
    distances = np.linalg.norm(anion.positions[:, None] - anion.positions, axis=-1)[
        np.triu_indices(len(anion.symbols), 1)
    ]
    assert not len(distances) or distances.min() > 1.4


@pytest.mark.parametrize(
    "composition, units, expected",
    [
        ("75", "PS4(3-)", {"PS4(3-)": 50}),
        ("70", "PS4(3-), P2S7(4-)", {"PS4(3-)": 24, "P2S7(4-)": 24}),
        ("80", "PS4(3-)", {"PS4(3-)": 42, "S(2-)": 21}),
    ],
)
def test_numbers_follow_from_the_composition(composition, units, expected):
    counts = Composition.parse(composition).counts(400)
    found = count_anions(counts, parse_anions(units))
    total = {e: sum(make_anion(n).symbols.count(e) * k for n, k in found.items()) for e in ("P", "S")}
    assert total == {e: counts[e] for e in ("P", "S")}
    assert set(found) == set(expected)
    for name, number in expected.items():
        assert found[name] == pytest.approx(number, rel=0.25)


def test_amounts_are_kept_where_the_composition_leaves_them_open():
    counts = {"Li": 220, "P": 100, "S": 360}
    found = count_anions(counts, parse_anions("4 PS4(3-) + 2 P2S7(4-) + 1 P2S6(2-)"))
    assert found == {"PS4(3-)": 40, "P2S7(4-)": 20, "P2S6(2-)": 10}


@pytest.mark.parametrize("composition, units", [("75", "PS4(3-)"), ("67", "PS4(3-), P2S7(4-), P2S6(4-)")])
def test_packings_hold_whole_anions(composition, units):
    counts = Composition.parse(composition).counts(240)
    numbers = count_anions(counts, parse_anions(units))
    atoms = pack_anions(counts, numbers, 1.85, 3)
    assert {e: atoms.symbols.count(e) for e in counts} == counts
    found = AnionFinder(atoms.get_chemical_symbols()).find(atoms.positions, np.asarray(atoms.cell))
    assert {name: found.kinds.count(name) for name in set(found.kinds)} == numbers
    distances = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
    assert distances.min() > 1.9
    again = pack_anions(counts, numbers, 1.85, 3)
    assert np.array_equal(again.positions, atoms.positions)
    assert not np.allclose(pack_anions(counts, numbers, 1.85, 4).positions, atoms.positions)


def test_refusals(monkeypatch):
    counts = Composition.parse("67").counts(200)
    with pytest.raises(ValueError, match=r"PS4\(3-\) cannot hold .* P, .* S; name other anions, such as P2S7\(4-\)"):
        count_anions(counts, parse_anions("PS4(3-)"))
    with pytest.raises(ValueError, match="'PS4' in 'PS4' is not an anion with its charge; give for example"):
        parse_anions("PS4")
    with pytest.raises(ValueError, match=r"the shape of 'P4S10\(2-\)' is not known; known are MX3, MX4"):
        parse_anions("P4S10(2-)")
    monkeypatch.setattr("openmmlps.protocols.anion_packing._MOST_STEPS", 30)
    with pytest.raises(
        ValueError, match="the anions overlap after .* steps in a cube of .*; start from a lower density"
    ):
        pack_anions({"Li": 60, "P": 20, "S": 80}, {"PS4(3-)": 20}, 6.0, 1)


def test_quench_starts_from_anions():
    from openmmlps.protocols.quench import QuenchSettings, quench

    settings = QuenchSettings.make(composition="75", atoms=80, units="PS4(3-)", replicas=1)
    ((_, atoms),) = quench.read_start(settings).structures
    found = AnionFinder(atoms.get_chemical_symbols()).find(atoms.positions, np.asarray(atoms.cell))
    assert set(found.kinds) == {"PS4(3-)"}
    with pytest.raises(ValueError, match="units: 'PS4' in 'PS4' is not an anion with its charge"):
        QuenchSettings.make(units="PS4")
    with pytest.raises(ValueError, match="but start is 'beta-Li3PS4'; they are for a random start"):
        QuenchSettings.make(start="beta-Li3PS4", units="PS4(3-)")
