# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Extended XYZ: what other programs read from it, and what a kill or a full disk leaves."""

import ase.io
import numpy as np
import openmm
import pytest
from openmm import app

import openmmlps
from openmmlps.app import extxyz
from openmmlps.app.reporters import ExtendedXYZReporter

ELECTRONVOLT = 96.48533212331002


def make_simulation(name="Li2S"):
    structure = openmmlps.load(name)
    system = openmmlps.createSystem(structure.topology)
    platform = openmm.Platform.getPlatformByName("CPU")
    simulation = app.Simulation(structure.topology, system, openmm.VerletIntegrator(0.001), platform, {"Threads": "1"})
    simulation.context.setPositions(structure.positions)
    simulation.context.setVelocitiesToTemperature(500, 3)
    return simulation


@pytest.fixture
def run(tmp_path):
    simulation = make_simulation()
    file = tmp_path / "run.extxyz"
    simulation.reporters = [ExtendedXYZReporter(file, 2)]
    states = []
    for _ in range(3):
        simulation.step(2)
        states.append(simulation.context.getState(positions=True, velocities=True, forces=True, energy=True))
    return simulation, file, states


def test_ase_reads_what_openmm_computed(run):
    simulation, file, states = run
    frames = ase.io.read(file, ":")
    assert [frame.info["step"] for frame in frames] == [2, 4, 6]
    force = openmmlps.LPSForce.cast(simulation.system.getForce(0))
    for frame, state in zip(frames, states, strict=True):
        np.testing.assert_allclose(frame.positions, 10 * state.getPositions(asNumpy=True)._value, atol=1e-6)
        np.testing.assert_allclose(frame.cell, 10 * state.getPeriodicBoxVectors(asNumpy=True)._value, atol=1e-9)
        np.testing.assert_allclose(
            frame.get_forces(), state.getForces(asNumpy=True)._value / (10 * ELECTRONVOLT), atol=1e-7
        )
        np.testing.assert_allclose(frame.arrays["vel"], state.getVelocities(asNumpy=True)._value / 100, atol=1e-9)
        assert frame.get_potential_energy() == pytest.approx(state.getPotentialEnergy()._value / ELECTRONVOLT)
        assert frame.info["time"] == pytest.approx(state.getTime()._value) and frame.pbc.all()
    virial = force.computeVirial(simulation.context, asNumpy=True)._value / ELECTRONVOLT
    np.testing.assert_allclose(np.reshape(frames[-1].info["virial"], (3, 3)), virial, atol=1e-6)


def test_frame_is_what_the_ase_calculator_computes(run):
    """Units and signs: a frame evaluated anew by LPSCalculator gives the energy, forces and virial in it."""
    from openmmlps.ase import LPSCalculator

    frame = ase.io.read(run[1], -1)
    again = frame.copy()
    again.calc = LPSCalculator(threads=1)
    assert again.get_potential_energy() == pytest.approx(frame.get_potential_energy(), abs=1e-5)
    np.testing.assert_allclose(again.get_forces(), frame.get_forces(), atol=2e-4)
    stress = -np.reshape(frame.info["virial"], (3, 3)) / frame.get_volume()
    np.testing.assert_allclose(again.get_stress(voigt=False), stress, atol=1e-5)


def test_appends_after_a_kill_at_any_byte(run):
    simulation, file, _ = run
    data = file.read_bytes()
    ends = [end for end, _ in extxyz._frame_ends(file, cut=False)]
    assert ends[-1] == len(data)
    for size in [0, 1, ends[0] - 1, ends[0], ends[0] + 1, ends[0] + 3, ends[1] - 1, ends[1], len(data) - 1, len(data)]:
        file.write_bytes(data[:size])
        whole = sum(end <= size for end in ends)
        reporter = ExtendedXYZReporter(file, 2, append=True)
        assert file.read_bytes() == data[: ends[whole - 1] if whole else 0]
        state = simulation.context.getState(positions=True, velocities=True, forces=True, energy=True)
        reporter.report(simulation, state)
        assert [frame.info["step"] for frame in ase.io.read(file, ":")] == [2, 4, 6][:whole] + [6]


def test_truncation_at_a_step(run):
    for step, expected in ((5, [2, 4]), (4, [2, 4]), (1, [])):
        assert extxyz.truncate_after(run[1], step) == len(expected)
        assert (run[1].stat().st_size == 0) == (not expected)
        if expected:
            assert [frame.info["step"] for frame in ase.io.read(run[1], ":")] == expected


def test_full_disk_keeps_what_was_written(run, monkeypatch):
    simulation, file, _ = run
    data = file.read_bytes()
    real = open

    class Full:
        def __init__(self, *arguments, **options):
            self._file = real(*arguments, **options)

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self._file.close()

        def __getattr__(self, name):
            return getattr(self._file, name)

        def write(self, piece):
            self._file.write(bytes(piece[:100]))
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(extxyz, "open", Full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        simulation.step(2)
    assert file.read_bytes() == data


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="ExtendedXYZReporter: .* does not exist; open it with append=False"):
        ExtendedXYZReporter(tmp_path / "nothing.extxyz", 1, append=True)
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(ValueError, match="extended XYZ: .* number of atoms of frame 0 should be stands b'hello"):
        ExtendedXYZReporter(tmp_path / "text", 1, append=True)


def test_mdanalysis_reads_the_h5md_file(tmp_path):
    reader = pytest.importorskip("MDAnalysis.coordinates.H5MD")
    from openmmlps.app.reporters import H5MDReporter

    simulation = make_simulation()
    reporter = H5MDReporter(tmp_path / "t.h5", 5)
    simulation.reporters = [reporter]
    simulation.step(10)
    reporter.close()
    state = simulation.context.getState(positions=True, velocities=True)
    trajectory = reader.H5MDReader(str(tmp_path / "t.h5"))
    assert (trajectory.n_atoms, trajectory.n_frames) == (12, 2)
    frame = trajectory[1]
    np.testing.assert_allclose(frame.positions, 10 * state.getPositions(asNumpy=True)._value, atol=1e-4)
    np.testing.assert_allclose(frame.velocities, 10 * state.getVelocities(asNumpy=True)._value, atol=1e-4)
    np.testing.assert_allclose(
        frame.triclinic_dimensions, 10 * state.getPeriodicBoxVectors(asNumpy=True)._value, atol=1e-4
    )
    assert frame.time == pytest.approx(0.01)
    assert frame.data["virial"].shape == (3, 3)
    trajectory.close()
