# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Dispersion in labels: against CP2K, finite differences, levels of theory, and which reference frames lose it."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

import frames as frames_module
import prepare
from learn_support import command
from openmmlps.learn import dispersion
from openmmlps.learn.data import read_data

SYMBOLS = ["Li", "Li", "Li", "P", "S", "S", "S", "S"]
BOX = np.array([6.2, 0, 0, 0.9, 5.9, 0, -0.4, 0.7, 6.4])
COORD = np.fromstring(
    "0.3 0.2 0.1  3.1 0.4 3.0  0.2 3.2 2.9  3.0 3.1 0.4  1.9 1.8 1.1  4.6 1.5 1.3  1.2 4.7 1.2  1.4 1.1 4.6", sep=" "
)
#: Of CP2K 2023.1, hartree: &PAIR_POTENTIAL, TYPE DFTD3 or DFTD3(BJ), REFERENCE_FUNCTIONAL PBE, nothing else.
CP2K_ENERGIES = {"d3": -0.03059473879725, "d3bj": -0.04747442221761}


@pytest.mark.parametrize("damping", CP2K_ENERGIES)
def test_energy_is_that_of_cp2k(damping):
    pytest.importorskip("dftd3")
    wanted = CP2K_ENERGIES[damping] * dispersion.HARTREE
    assert dispersion.dispersion(SYMBOLS, COORD, BOX, damping)[0] == pytest.approx(wanted, rel=3e-4)


@pytest.mark.parametrize("damping", CP2K_ENERGIES)
def test_parameters_are_those_of_dftd3_for_pbe(damping):
    interface = pytest.importorskip("dftd3.interface")
    kind = interface.ZeroDampingParam if damping == "d3" else interface.RationalDampingParam
    model = interface.DispersionModel(
        np.array([3, 3, 3, 15, 16, 16, 16, 16]),
        COORD.reshape(-1, 3) / dispersion.BOHR,
        BOX.reshape(3, 3) / dispersion.BOHR,
        np.ones(3, dtype=bool),
    )
    wanted = model.get_dispersion(kind(method="pbe"), grad=True)
    energy, force, virial = dispersion.dispersion(SYMBOLS, COORD, BOX, damping)
    assert energy == pytest.approx(wanted["energy"] * dispersion.HARTREE, rel=5e-3)  # its cutoffs are farther
    np.testing.assert_allclose(force, -wanted["gradient"].ravel() * dispersion.HARTREE / dispersion.BOHR, atol=2e-4)


@pytest.mark.parametrize(
    ("level", "damping", "sign", "after"),
    [
        ("PBE/TZVP, CP2K", "d3bj", 1, "PBE-D3(BJ)/TZVP, CP2K"),
        ("PBE-D3(0)/TZVP, CP2K", "d3", -1, "PBE/TZVP, CP2K"),
        ("SevenNet 7net-l3i5", "d3", 1, "SevenNet 7net-l3i5 + D3(0) of PBE"),
        ("SevenNet 7net-l3i5 + D3(0) of PBE", "d3", -1, "SevenNet 7net-l3i5"),
        ("", "d3", -1, ""),
        ("PBE-D3(0)/TZVP", "d3bj", 1, None),
        ("PBE-D3(0)/TZVP", "d3bj", -1, None),
        ("PBE/TZVP", "d3", -1, None),
        ("SevenNet 7net-l3i5 + D3(0) of PBE", "d3bj", 1, None),
    ],
)
def test_levels_of_theory_follow(level, damping, sign, after):
    if after is None:
        with pytest.raises(ValueError, match="has a correction already; take it off first|that could be taken off"):
            dispersion.changed_level(level, damping, sign, "x")
    else:
        assert dispersion.changed_level(level, damping, sign, "x") == after


def test_the_command_adds_what_it_takes_off(tmp_path):
    pytest.importorskip("dftd3")
    before = dataclasses.replace(example(2), level="PBE/x", kelvin=np.array([300.0, np.nan]))
    frames_module.write_frames(tmp_path / "system", before)
    assert "2 frames" in command("dispersion", tmp_path / "system", "-o", tmp_path / "with.extxyz")[1]
    assert command("dispersion", tmp_path / "with.extxyz", "--remove", "-o", tmp_path / "bare.extxyz")[0] == 0
    (with_d3,), (bare,) = read_data([tmp_path / "with.extxyz"]), read_data([tmp_path / "bare.extxyz"])
    assert with_d3.energy.max() < -0.5
    np.testing.assert_allclose(bare.energy, before.energy, atol=1e-6)
    np.testing.assert_allclose(bare.force, before.force, atol=1e-6)
    np.testing.assert_allclose(bare.virial, before.virial, atol=1e-4)
    assert command("dispersion", tmp_path / "with.extxyz", "--damping", "d4", "-o", tmp_path / "x.extxyz")[0] == 2


def test_forces_and_virial_are_derivatives():
    """Under strain, pairs that cross the cutoff make small steps in the energy, which the virial leaves out."""
    pytest.importorskip("dftd3")
    energy, force, virial = dispersion.dispersion(SYMBOLS, COORD, BOX)
    step = 1e-3
    for component in (4, 9, 16):
        shift = np.zeros_like(COORD)
        shift[component] = step
        ends = [dispersion.dispersion(SYMBOLS, COORD + sign * shift, BOX)[0] for sign in (1, -1)]
        assert force[component] == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-3, abs=1e-6)
    ends = []
    for sign in (1, -1):
        strain = np.eye(3)
        strain[0, 1] = strain[1, 1] = sign * step
        strain[1, 1] += 1
        deformed = [(values.reshape(-1, 3) @ strain).ravel() for values in (COORD, BOX)]
        ends.append(dispersion.dispersion(SYMBOLS, *deformed)[0])
    expected = (ends[1] - ends[0]) / (2 * step)
    assert virial[1] + virial[4] == pytest.approx(expected, rel=0.02)
    assert energy < 0


def example(count: int) -> frames_module.Frames:
    random = np.random.default_rng(2)
    coord = np.tile(COORD, (count, 1)) + 0.02 * random.standard_normal((count, 24))
    force = random.standard_normal((count, 24))
    types = np.array([["Li", "P", "S"].index(name) for name in SYMBOLS])
    return frames_module.Frames(
        types, ["Li", "P", "S"], np.tile(BOX, (count, 1)), coord, np.zeros(count), force, np.zeros((count, 9))
    )


def test_frames_lose_their_own_dispersion():
    pytest.importorskip("dftd3")
    bare = dataclasses.replace(example(2), energy=np.array([5.0, 6.0]))
    frames = dispersion.with_dispersion(bare, sign=-1)
    for index in range(2):
        energy, force, virial = dispersion.dispersion(SYMBOLS, frames.coord[index], BOX)
        assert frames.energy[index] == pytest.approx(5 + index - energy)
        assert frames.force[index] == pytest.approx(bare.force[index] - force)
        assert frames.virial[index] == pytest.approx(-virial)


@pytest.mark.parametrize(
    ("system", "count", "dispersion", "every", "changed", "trained"),
    [
        ("crystal-X", 900, False, 1, 0, 650),
        ("glass-g75", 159, False, 1, -1, 117),
        ("crystal-X", 900, True, 8, 1, 82),
        ("glass-g75", 159, True, 8, 0, 117),
    ],
)
def test_crystals_and_glasses_come_to_one_level(
    tmp_path, monkeypatch, system, count, dispersion, every, changed, trained
):
    monkeypatch.setattr(
        prepare, "with_dispersion", lambda frames, sign: dataclasses.replace(frames, energy=frames.energy + sign)
    )
    frames_module.write_frames(tmp_path / system, example(count))
    entry = prepare.prepare_system(tmp_path / system, tmp_path / "out", dispersion, every)
    for part in entry["parts"]:
        frames = frames_module.read_frames(tmp_path / "out" / part)
        assert frames.energy == pytest.approx(changed)
        assert frames.kelvin is None or len(frames.kelvin) == len(frames)
        assert part != "train" or len(frames) == trained
