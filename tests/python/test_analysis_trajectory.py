# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reading trajectories, and refusing those that would give wrong numbers."""

import types

import numpy as np
import pytest

from analysis_support import Trajectory, crystal, random_walk, wrapped
from openmmlps.analysis import (
    check_units,
    from_atoms,
    from_universe,
    mean_squared_displacement,
    read,
    transport_coefficients,
    unwrap,
    vibrational_density_of_states,
)
from openmmlps.analysis.trajectory import read_paths


def test_h5md_of_our_reporter(tmp_path):
    openmm = pytest.importorskip("openmm")
    pytest.importorskip("h5py")
    from openmm import app, unit

    from openmmlps.app.reporters import H5MDReporter

    topology = app.Topology()
    residue = topology.addResidue("CELL", topology.addChain())
    for symbol in ("Li", "P", "S", "S"):
        topology.addAtom(symbol, app.Element.getBySymbol(symbol), residue)
    topology.setPeriodicBoxVectors(np.diag([2.0, 2.5, 3.0]) * unit.nanometer)
    system = openmm.System()
    for atom in topology.atoms():
        system.addParticle(atom.element.mass)
    system.setDefaultPeriodicBoxVectors(*np.diag([2.0, 2.5, 3.0]))
    force = openmm.CustomExternalForce("0*periodicdistance(x,y,z,0,0,0)")
    system.addForce(force)
    simulation = app.Simulation(
        topology, system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatform("Reference")
    )
    start = np.array([[0.1, 0.1, 0.1], [0.3, 0.1, 0.1], [0.5, 0.1, 0.1], [1.9, 2.4, 2.9]])
    velocity = np.array([[0.3, 0, 0], [0, 0.4, 0], [0, 0, 0.2], [1.0, 1.0, 1.0]])
    simulation.context.setPositions(start)
    simulation.context.setVelocities(velocity)
    reporter = H5MDReporter(tmp_path / "trajectory.h5", 50, virial=lambda context, step: np.zeros((3, 3)))
    simulation.reporters.append(reporter)
    simulation.step(500)
    reporter.close()

    trajectory = read(tmp_path / "trajectory.h5")
    for frame in (0, -1, np.int64(1)):
        np.testing.assert_array_equal(trajectory.positions[frame], trajectory.positions[:][frame])
    with pytest.raises(IndexError):
        trajectory.positions[len(trajectory)]

    assert trajectory.symbols == ("Li", "P", "S", "S") and len(trajectory) == 10
    np.testing.assert_allclose(trajectory.times_ps, 0.05 * np.arange(1, 11))
    np.testing.assert_allclose(trajectory.cells[3], np.diag([20.0, 25.0, 30.0]))
    expected = 10 * (start + velocity * 0.05 * np.arange(1, 11)[:, None, None])  # the last atom leaves the box
    np.testing.assert_allclose(trajectory.positions[:], expected, atol=1e-6)
    np.testing.assert_allclose(trajectory.velocities[2:4][0], 10 * velocity, rtol=1e-6)
    np.testing.assert_allclose(trajectory[4::3].positions[:], expected[4::3], atol=1e-6)
    np.testing.assert_allclose(trajectory[1:][2:4].positions[1:2], expected[4:5], atol=1e-6)
    msd = mean_squared_displacement(trajectory, "Li", reference=None)
    np.testing.assert_allclose(msd.total_angstrom2, (3.0 * msd.lags_ps) ** 2, rtol=1e-6)


def test_extxyz_and_velocity_units(tmp_path):
    import ase
    import ase.io
    from ase.units import fs

    frames = []
    for index in range(3):
        atoms = ase.Atoms("LiS", [[0, 0, 0], [0.01 * index, 0, 2.5]], cell=[5, 5, 5], pbc=True)
        atoms.set_velocities(np.full((2, 3), 0.004) / fs)  # angstrom/fs
        frames.append(atoms)
    ase.io.write(tmp_path / "some.extxyz", frames)
    trajectory = read(tmp_path / "some.extxyz", frame_interval_ps=0.01)
    np.testing.assert_allclose(trajectory.velocities, 4.0, rtol=1e-6)
    np.testing.assert_allclose(trajectory.times_ps, [0, 0.01, 0.02])
    np.testing.assert_allclose(trajectory.positions[2, 1], [0.02, 0, 2.5])


def test_universe_like_object():
    step = types.SimpleNamespace(
        positions=np.zeros((2, 3), np.float32),
        time=1.0,
        dimensions=np.array([9, 9, 9, 90, 90, 90]),
        triclinic_dimensions=9 * np.eye(3),
    )
    universe = types.SimpleNamespace(atoms=types.SimpleNamespace(elements=["LI", "S"]), trajectory=[step, step])
    trajectory = from_universe(universe)
    assert trajectory.symbols == ("Li", "S") and trajectory.cells.shape == (2, 3, 3) and trajectory.velocities is None
    with pytest.raises(ValueError, match=r"knows no elements; add them"):
        from_universe(types.SimpleNamespace(atoms=types.SimpleNamespace(), trajectory=[]))


def test_chunks_cover_all_frames_with_bounded_memory(monkeypatch):
    from openmmlps.analysis import trajectory as module

    walk = random_walk(1.0, frames=101, ions=4)
    monkeypatch.setattr(module, "_CHUNK_BYTES", 7 * 6 * 24)
    done = []
    chunks = list(walk.chunks(stride=2, progress=lambda *args: done.append(args)))
    assert max(len(chunk.positions) for chunk in chunks) == 7
    np.testing.assert_array_equal(np.concatenate([chunk.positions for chunk in chunks]), walk.positions[::2])
    assert done[-1] == (51, 51)
    assert [chunk.start for chunk in chunks] == list(range(0, 51, 7))


def test_wrapped_trajectory_is_refused_and_can_be_unwrapped():
    walk = random_walk(5.0, frames=400, ions=10, edge=12.0)
    folded = wrapped(walk)
    with pytest.raises(ValueError) as caught:
        transport_coefficients(folded, 600)
    assert "transport_coefficients: 'wrapped.dcd' is wrapped into the periodic box (atom " in str(caught.value)
    assert "enforcePeriodicBox=False, or call unwrap(trajectory)" in str(caught.value)
    whole = unwrap(folded)
    np.testing.assert_allclose(whole.positions - whole.positions[0], walk.positions - walk.positions[0], atol=1e-9)


def test_wrapped_trajectory_in_a_sheared_cell_and_across_chunks(monkeypatch):
    from openmmlps.analysis import trajectory as module

    walk = random_walk(5.0, frames=300, ions=3)
    cell = np.array([[12.0, 0, 0], [5.0, 11.0, 0], [-4.0, 3.0, 10.0]])
    walk = Trajectory(walk.symbols, walk.positions, cell, walk.times_ps)
    monkeypatch.setattr(module, "_CHUNK_BYTES", 5 * 24)  # one frame at a time
    with pytest.raises(ValueError, match="is wrapped into the periodic box"):
        mean_squared_displacement(wrapped(walk), "Li")
    mean_squared_displacement(walk, "Li")


def test_rarely_saved_unwrapped_trajectory_is_accepted():
    walk = random_walk(400.0, frames=300, ions=8, edge=10.0)  # moves of about 9 angstrom per frame, nearly a whole cell
    mean_squared_displacement(walk, "Li")
    with pytest.raises(ValueError, match="is wrapped"):
        mean_squared_displacement(wrapped(walk), "Li")


def test_drift_of_the_framework_is_removed():
    still = random_walk(1.0, frames=50, seed=3)
    drifting = random_walk(1.0, frames=50, seed=3, drift=0.2)
    np.testing.assert_allclose(read_paths(drifting, "Li", "framework"), read_paths(still, "Li", "framework"), atol=1e-9)
    assert np.abs(read_paths(drifting, "Li", None) - read_paths(still, "Li", None)).max() > 9


def test_bad_input_names_the_cure(tmp_path):
    walk = random_walk(1.0, frames=60)
    no_times = Trajectory(walk.symbols, walk.positions, walk.cells)
    uneven = Trajectory(walk.symbols, walk.positions, walk.cells, np.arange(60.0) ** 1.1)
    cases = [
        (lambda: vibrational_density_of_states(walk), r"has no velocities; record them \(the H5MD trajectories"),
        (lambda: transport_coefficients(walk[:20], 300), "has 20 frames, at least 50 are needed; run longer or save"),
        (lambda: mean_squared_displacement(walk, "Ag"), "no atoms of element 'Ag', only Li, P, S; choose among these"),
        (lambda: mean_squared_displacement(no_times, "Li"), r"has no times; give read\(\.\.\., frame_interval_ps="),
        (lambda: mean_squared_displacement(uneven, "Li"), "not evenly spaced in time"),
        (lambda: Trajectory(["Xx"], np.zeros((1, 1, 3))), "'Xx' is not a chemical symbol; correct the symbols or give"),
        (
            lambda: Trajectory(["Li"], np.zeros((4, 2, 3))),
            r"shape \(4, 2, 3\) for 1 symbols; give \[frames, atoms, 3\]",
        ),
        (lambda: mean_squared_displacement(walk, ["Li", "P", "S"]), "there is no framework; give reference=None"),
        (lambda: Trajectory(["Li"], np.zeros((1, 1, 3))).volumes(), "has no periodic cell, so no density; give"),
        (lambda: transport_coefficients(walk, -5), "temperature_K is -5; give kelvin"),
        (lambda: from_atoms([]), "holds no frames; give at least one"),
    ]
    for call, words in cases:
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(FileNotFoundError, match="does not exist; give a trajectory file"):
        read(tmp_path / "nothing.h5")
    for name in ("bad.h5", "bad.extxyz"):
        (tmp_path / name).write_text("rubbish\n")
        with pytest.raises(ValueError, match=rf"read: '.*{name}' cannot be read.*; give "):
            read(tmp_path / name)
    broken = np.array(walk.positions)
    broken[7, 2, 1] = np.nan
    with pytest.raises(ValueError, match=r"position of atom 2 \(Li\) in frame 7 is not a number; cut the trajectory"):
        mean_squared_displacement(Trajectory(walk.symbols, broken, walk.cells, walk.times_ps), "Li")


def test_wrong_units_are_refused():
    cell = crystal("beta-Li3PS4", (2, 2, 2))
    check_units(cell)
    in_nm = Trajectory(cell.symbols, cell.positions / 10, cell.cells / 10)
    with pytest.raises(ValueError, match=r"not in angstrom \(perhaps nanometre: multiply by 10\)"):
        check_units(in_nm)
    thermal = np.sqrt(0.8314 * 300 / cell.masses_amu)[None, :, None] * np.random.default_rng(0).normal(
        size=cell.positions.shape
    )  # angstrom/ps
    check_units(Trajectory(cell.symbols, cell.positions, cell.cells, velocities=thermal))
    with pytest.raises(ValueError, match=r"the velocities mean 2\.\d+ K, so they are not in angstrom/ps; convert them"):
        check_units(Trajectory(cell.symbols, cell.positions, cell.cells, velocities=thermal / 10))


def test_foreign_h5md_units_are_named(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        particles = file.create_group("particles/all")
        particles["species"] = np.array([3, 16])
        particles["position/value"] = np.ones((4, 2, 3))
        particles["position/value"].attrs["unit"] = "furlong"
    with pytest.raises(ValueError, match=r"the position is in 'furlong', known are nm, angstrom"):
        read(path)
    with pytest.raises(ValueError, match=r"no particles group 'water', but 'all'"):
        read(path, group="water")


def test_every_pass_can_be_watched():
    from openmmlps.analysis import radial_distribution
    from openmmlps.analysis.trajectory import watch

    trajectory, heard = random_walk(1.0, frames=40), []
    with watch(lambda *told: heard.append(told)):
        radial_distribution(trajectory, r_max=5.0, stride=4)
    assert heard[0] == (trajectory.name, 1, 10) and heard[-1] == (trajectory.name, 10, 10)
    radial_distribution(trajectory, r_max=5.0)
    assert heard[-1][2] == 10
