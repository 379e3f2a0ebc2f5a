# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Observables of ions, interfaces and fields, on synthetic samples whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest

import test_analysis_coupling as coupling
import test_analysis_sites as hopping
import test_analysis_slabs as slabs
import test_analysis_vibrational_difference as vibrations
from analysis_support import Trajectory, crystal
from openmmlps import observables
from openmmlps.materials import ChemistrySettings, Material
from openmmlps.observables import FILE, RUN, TRANSPORT, Sample, State
from openmmlps.observables.registry import OBSERVABLES
from openmmlps.protocols.protocol_settings import parse_assignment


def sample(states, kind=FILE, **options):
    states = [
        State((one,), target_K=600.0, temperature_K=600.0) if isinstance(one, Trajectory) else one for one in states
    ]
    material = Material.of(states[0].trajectories[0].symbols)
    return Sample("x", kind, "x", material, tuple(states), options=options)


def result(name, found):
    (observable,) = [one for one in OBSERVABLES if one.name == name]
    assert observable.suits(found)
    return observable.compute(found)


def names(found):
    return {item.name for item in found.section.items}


def numbers(found, quantity):
    return {value.of: value.measured.value for value in found.values if value.quantity == quantity}


@pytest.fixture(scope="module")
def ions():
    """Silver that hops at 0.2 /ps in three directions."""
    return sample([hopping.hopping([0, 1, 2], frames=1000)[0]])


def test_sites_jumps_and_barriers(ions):
    found = result("sites", ions)
    assert numbers(found, "jump_rate")["Ag"] == pytest.approx(0.2, rel=0.1)
    assert names(found) == {"x-sites", "x-free-energy", "x-path", "x-percolation"}
    assert found.section.items[0].rows[0][-1] == "3 (abc)" and not found.section.paragraphs
    assert 0.05 < numbers(found, "percolation_barrier")["3D"] < 0.5


def test_paths_and_maps(ions):
    paths = result("ion_paths", ions).section.items[0]
    assert paths.picture.png and len(paths.columns) == 1 + 3 * 4 and len(paths.rows) == 301
    own, others = result("van_hove_maps", ions).section.items
    assert own.picture.png and others.picture.png
    peaks = {row[1] for row in own.rows if row[2] > 0.15}
    assert max(peaks) > 2.5  # hops of 3 angstrom


def test_rotation_coupling_says_p():
    trajectory, hops = coupling.turning(True, 0, frames=700)
    positions = np.array(trajectory.positions)
    for frame, atom in hops:  # to the other side of its tetrahedron
        positions[frame:, atom, 2] = 12 - positions[frame:, atom, 2]
    moved = Trajectory(trajectory.symbols, positions, trajectory.cells[0], trajectory.times_ps, checks=False)
    found = result("rotation_coupling", sample([moved]))
    assert names(found) == {"x-coupling", "x-coupling-lags"}
    name, pairs, near, usual, ratio, chance = found.section.items[1].rows[0]
    assert (
        name == "Sb" and pairs > 3 and near > 1.5 * usual and ratio > 1.5 and float(chance.removeprefix("p = ")) < 0.01
    )


@pytest.mark.parametrize("center, ligand", [("P", "S"), ("Ag", "I")])
def test_angles_of_networks_and_of_mobile_centers(center, ligand):
    base, frames = crystal("gamma-Li3PS4", (1, 1, 2)), 60
    table = {"P": center, "S": ligand, "Li": "Li"}
    kept = [k for k, symbol in enumerate(base.symbols) if symbol != "Li" or center == "P"]
    positions = base.positions[:, kept] + np.random.default_rng(0).normal(0, 0.03, (frames, len(kept), 3))
    symbols = [table[base.symbols[k]] for k in kept]
    found = result(
        "ligand_angles", sample([Trajectory(symbols, positions, base.cells[0], np.arange(frames) * 0.01)], RUN)
    )
    angle = numbers(found, "ligand_angle")[f"{ligand}-{ligand}-{ligand} at {center}"]
    assert angle == pytest.approx(60, abs=0.5) and "their velocities" in found.section.items[0].caption


def test_crystals_are_crystalline():
    base = crystal("gamma-Li3PS4", (2, 3, 3))
    random = np.random.default_rng(0)
    moved = base.positions + random.normal(0, 0.12, (2, *base.positions.shape[1:]))
    found = result("crystallinity", sample([Trajectory(base.symbols, moved, base.cells[0], [0.0, 1.0])], RUN))
    share = numbers(found, "crystalline")
    assert share["gamma-Li3PS4"] > 90 and share["beta-Li3PS4"] < 10


def test_interfaces_have_profiles_slabs_and_exchange():
    random, frames = np.random.default_rng(0), 300
    walkers = slabs.walkers(ions=200, frames=frames)
    places = random.random((1, 150, 3)) * [20, 20, 0] + random.uniform(10, 30, (1, 150, 1)) * slabs.CELL[2] / 40
    fixed = np.broadcast_to(places, (frames, 150, 3))
    positions = np.concatenate([np.asarray(walkers.positions)[:, :200], fixed], axis=1)
    symbols = ["Li"] * 200 + ["P"] * 30 + ["S"] * 120
    trajectory = Trajectory(symbols, positions, slabs.CELL, walkers.times_ps, checks=False)
    found = result("interfaces", sample([trajectory]))
    assert names(found) == {"x-profile", "x-slabs", "x-exchange"}
    borders = [float(row[0]) for row in found.section.items[-1].rows]
    np.testing.assert_allclose(borders, [10, 30], atol=1.5)
    layers = crystal("gamma-Li3PS4", (1, 1, 2))  # one phase
    still = np.repeat(layers.positions, 60, axis=0)
    times = np.arange(60) * 0.1
    one = sample([Trajectory(layers.symbols, still, layers.cells[0], times)])
    assert result("interfaces", one) is None
    said = Material.of(
        layers.symbols, ChemistrySettings.from_values(dict([parse_assignment("interfaces=9.2, 3", "report")]), "--set")
    )
    assert said.interfaces_angstrom == (3.0, 9.2)
    assert "x-exchange" in names(result("interfaces", replace(one, material=said)))


def test_fields_at_each_temperature():
    times = np.arange(101.0)

    def drifting(speed):
        paths = (speed * times)[:, None, None] * [1, 0, 0] + np.random.default_rng(0).normal(0, 0.01, (101, 8, 3))
        positions = np.concatenate([paths, np.zeros((101, 1, 3))], axis=1)
        return Trajectory(["Li"] * 8 + ["S"], positions, np.eye(3) * 10, times, checks=False)

    driven = {0.02: (drifting(0.2),), 0.01: (drifting(0.1),)}
    state = State((drifting(0.0),), target_K=500.0, temperature_K=500.0, driven=driven)
    found = result("field", sample([state], TRANSPORT, field_direction="x"))
    assert [row[1] for row in found.section.items[0].rows] == ["0.01", "0.02", "all"]
    assert found.section.items[0].rows[-1][-1] == "yes"
    assert numbers(found, "field_conductivity")[""] == pytest.approx(
        8 * 0.1 / 10 * 1.602176634e-19 / 1e-20 * 1e3, rel=0.01
    )
    assert result("field", sample([drifting(0.0)], TRANSPORT)) is None


def test_vibrations_change_with_temperature():
    states = [
        State((vibrations.oscillators(center, center),), target_K=kelvin)
        for center, kelvin in ((100, 300.0), (120, 600.0))
    ]
    found = result("vibrational_difference", sample(states, TRANSPORT))
    (row,) = found.section.items[1].rows
    assert row[0] == "Na" and row[1].value == pytest.approx(20, abs=5)


def test_export_writes_what_others_read(tmp_path, ions):
    import ase.io
    from typer.testing import CliRunner

    from openmmlps.cli import app

    path = tmp_path / "run.extxyz"
    trajectory = ions.states[0].trajectories[0][:200]
    cell = trajectory.cells[0]
    frames = [ase.Atoms(trajectory.symbols, positions, cell=cell, pbc=True) for positions in trajectory.positions]
    ase.io.write(path, frames)
    called = CliRunner().invoke(app, ["export", str(path), "-o", str(tmp_path / "out"), "--stride", "10"])
    assert called.exit_code == 0, called.output
    assert len(ase.io.read(tmp_path / "out" / "XDATCAR", ":", format="vasp-xdatcar")) == 20
    assert set(ase.io.read(tmp_path / "out" / "sites.cif").symbols) == {"Ag"}
    assert (tmp_path / "out" / "density.cube").stat().st_size > 1000


def test_every_new_observable_has_a_page():
    from pathlib import Path

    pages = Path(__file__).parents[2] / "docs" / "analysis"
    assert all((pages / f"{one.page}.md").is_file() for one in OBSERVABLES)
    assert len({one.name for one in OBSERVABLES}) == len(OBSERVABLES) and observables.OBSERVABLES is OBSERVABLES
