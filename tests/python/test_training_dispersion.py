# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The dispersion in the labels of the reference glasses: against CP2K, finite differences, and who loses it."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

import dispersion
import frames as frames_module
import prepare

SYMBOLS = ["Li", "Li", "Li", "P", "S", "S", "S", "S"]
BOX = np.array([6.2, 0, 0, 0.9, 5.9, 0, -0.4, 0.7, 6.4])
COORD = np.fromstring(
    "0.3 0.2 0.1  3.1 0.4 3.0  0.2 3.2 2.9  3.0 3.1 0.4  1.9 1.8 1.1  4.6 1.5 1.3  1.2 4.7 1.2  1.4 1.1 4.6", sep=" "
)
#: Of CP2K 2023.1: &PAIR_POTENTIAL, TYPE DFTD3, REFERENCE_FUNCTIONAL PBE, nothing else.
CP2K_ENERGY = -0.03059473879725 * dispersion.HARTREE


def test_energy_is_that_of_cp2k():
    pytest.importorskip("dftd3")
    assert dispersion.dispersion(SYMBOLS, COORD, BOX)[0] == pytest.approx(CP2K_ENERGY, rel=3e-4)


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
    frames = dispersion.without_dispersion(bare)
    for index in range(2):
        energy, force, virial = dispersion.dispersion(SYMBOLS, frames.coord[index], BOX)
        assert frames.energy[index] == pytest.approx(5 + index - energy)
        assert frames.force[index] == pytest.approx(bare.force[index] - force)
        assert frames.virial[index] == pytest.approx(-virial)


@pytest.mark.parametrize(("system", "count", "taken"), [("crystal-X", 900, 0.0), ("glass-g75", 159, 1.0)])
def test_glasses_lose_dispersion_and_crystals_stay(tmp_path, monkeypatch, system, count, taken):
    monkeypatch.setattr(
        prepare, "without_dispersion", lambda frames: dataclasses.replace(frames, energy=frames.energy - 1)
    )
    frames_module.write_frames(tmp_path / system, example(count))
    entry = prepare.prepare_system(tmp_path / system, tmp_path / "out")
    for part in entry["parts"]:
        assert frames_module.read_frames(tmp_path / "out" / part).energy == pytest.approx(-taken)
