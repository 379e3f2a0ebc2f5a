# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reporters: what they write is what OpenMM computed, positions stay unwrapped, nothing is lost or doubled."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import openmm
import pytest
from openmm import app, unit

from app_support import PairEngine
from openmmlps.app import cells, h5md_reporter, load, observables, thermo_file
from openmmlps.app.reporters import (
    ExtendedXYZReporter,
    H5MDReporter,
    ModelDeviationReporter,
    ThermoReporter,
    truncate_after,
)

PLATFORMS = [
    name
    for name in ("Reference", "CPU", "OpenCL", "CUDA", "HIP")
    if name in {openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())}
]
ALL = ["step", "time", "position", "velocity", "edges", "potential_energy", "kinetic_energy", "temperature", "virial"]


@pytest.fixture
def engine():
    return PairEngine()


def make_system(engine, structure, tmp_path, barostat=None):
    model = tmp_path / "model"
    model.write_bytes(b"pair engine")
    system = engine.make_system(structure.topology, model, None)
    if barostat is not None:
        barostat.setRandomNumberSeed(3)
        system.addForce(barostat)
    return system


def make_simulation(structure, system, platform="Reference", temperature=600):
    integrator = openmm.LangevinMiddleIntegrator(temperature, 1, 0.002)
    integrator.setRandomNumberSeed(5)
    properties = {"Precision": "mixed"} if platform in ("OpenCL", "CUDA", "HIP") else {}
    try:
        simulation = app.Simulation(
            structure.topology, system, integrator, openmm.Platform.getPlatformByName(platform), properties
        )
    except openmm.OpenMMException as error:
        if platform in ("Reference", "CPU"):
            raise
        pytest.skip(f"{platform} does not come up: {error}")
    simulation.context.setPositions(structure.positions)
    simulation.context.setVelocitiesToTemperature(temperature, 7)
    return simulation


def state_of(simulation):
    return simulation.context.getState(positions=True, velocities=True, energy=True, enforcePeriodicBox=False)


def test_frames_hold_what_openmm_computed(engine, tmp_path):
    structure = load("Li7P3S11", (1, 2, 1))
    system = make_system(engine, structure, tmp_path)
    simulation = make_simulation(structure, system)
    virial = observables.Virial([])
    file = tmp_path / "t.h5"
    reporter = H5MDReporter(file, 7, virial=virial, information={"note": "ü"})
    simulation.reporters = [reporter, ThermoReporter(tmp_path / "thermo.csv", 7, virial=virial)]
    states = []
    for _ in range(4):
        simulation.step(7)
        states.append(state_of(simulation))
    reporter.flush()
    frames = h5md_reporter.read_frames(file, ALL)
    assert frames["step"].tolist() == [7, 14, 21, 28]
    for index, state in enumerate(states):
        np.testing.assert_array_equal(frames["position"][index], state.getPositions(asNumpy=True)._value)
        np.testing.assert_allclose(frames["velocity"][index], state.getVelocities(asNumpy=True)._value, rtol=1e-6)
        np.testing.assert_allclose(frames["edges"][index], state.getPeriodicBoxVectors(asNumpy=True)._value)
        assert frames["potential_energy"][index] == state.getPotentialEnergy()._value
        assert frames["time"][index] == state.getTime()._value
    rows = thermo_file.read_thermo(tmp_path / "thermo.csv")
    np.testing.assert_allclose(
        rows["total_kJ_per_mol"], frames["potential_energy"] + frames["kinetic_energy"], rtol=1e-10
    )
    np.testing.assert_allclose(rows["temperature_K"], frames["temperature"], rtol=1e-10)
    np.testing.assert_allclose(rows["volume_nm3"], np.linalg.det(frames["edges"][0]), rtol=1e-9)
    assert np.isnan(rows["pressure_bar_positive_under_compression"]).all(), "without a virial there is no pressure"


def test_layout_is_h5md(engine, tmp_path):
    structure = load("Li2S", (2, 2, 2))
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path))
    reporter = H5MDReporter(tmp_path / "t.h5", 1, virial=engine.virial(None))
    simulation.reporters = [reporter]
    simulation.step(3)
    reporter.close()
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        group = file["particles/all"]
        assert group["box"].attrs["dimension"] == 3
        assert group["box"].attrs["boundary"].tolist() == [b"periodic"] * 3
        assert group["position/value"].attrs["unit"] == "nm" and group["velocity/value"].attrs["unit"] == "nm ps-1"
        assert group["position/time"].attrs["unit"] == "ps"
        assert group["species"][:].tolist() == [atom.element.atomic_number for atom in structure.topology.atoms()]
        for name in ("position", "velocity", "box/edges"):
            assert group[f"{name}/step"] == group["position/step"], "one set of instants for all elements"
        virial = file["observables/virial/value"]
        assert virial.shape == (3, 3, 3) and virial.attrs["unit"] == "kJ mol-1"
        np.testing.assert_allclose(virial[-1], engine.virial(None)(simulation.context, 3))


def test_frames_wait_until_flushed_and_file_is_readable_all_the_time(engine, tmp_path):
    structure = load("Li2S", (2, 2, 2))
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path))
    reporter = H5MDReporter(tmp_path / "t.h5", 1, virial=observables.Virial([]))
    simulation.reporters = [reporter]
    for steps in (1, 5, 20):
        simulation.step(steps)
        with h5py.File(tmp_path / "t.h5") as reading:
            reporter.flush()
            assert len(reading["particles/all/position/step"]) <= simulation.currentStep
        assert len(h5md_reporter.read_frames(tmp_path / "t.h5", ["step"])["step"]) == simulation.currentStep


def test_cluster_without_box(engine, tmp_path):
    from ase import Atoms

    structure = load(Atoms("PS4", [[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [-2, 0, 0]]))
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path))
    reporters = [H5MDReporter(tmp_path / "t.h5", 1, virial=engine.virial(None)), ThermoReporter(tmp_path / "t.csv", 1)]
    reporters[1]._virial = engine.virial(None)
    simulation.reporters = reporters
    simulation.step(3)
    reporters[0].close()
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["particles/all/box"].attrs["boundary"].tolist() == [b"none"] * 3
        assert "edges" not in file["particles/all/box"] and len(file["particles/all/position/value"]) == 3
    rows = thermo_file.read_thermo(tmp_path / "t.csv")
    assert np.isnan(rows["volume_nm3"]).all() and np.isfinite(rows["temperature_K"]).all()


BAROSTATS = {
    "none": lambda: None,
    "isotropic": lambda: openmm.MonteCarloBarostat(20000, 600, 5),
    "anisotropic": lambda: openmm.MonteCarloAnisotropicBarostat([20000] * 3, 600, True, True, True, 5),
    "flexible": lambda: openmm.MonteCarloFlexibleBarostat(20000, 600, 5),
}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("barostat", BAROSTATS)
def test_positions_are_continuous(engine, tmp_path, platform, barostat):
    """Atoms that stream through the box are never put back into it: not by a barostat, not by a sorted neighbor
    list on a GPU, not by a checkpoint."""
    structure = load("Li4P2S6", (2, 2, 2))  # hexagonal: its box flips as soon as a flexible barostat moves it
    system = make_system(engine, structure, tmp_path, BAROSTATS[barostat]())
    for index in reversed(range(system.getNumForces())):
        if isinstance(system.getForce(index), openmm.CMMotionRemover):
            system.removeForce(index)
    simulation = make_simulation(structure, system, platform)
    velocities = state_of(simulation).getVelocities(asNumpy=True)._value + [4.0, -3.0, 2.0]
    simulation.context.setVelocities(velocities)
    file = tmp_path / "t.h5"
    for part in range(3):
        reporter = H5MDReporter(file, 10, append=part > 0, virial=observables.Virial([]))
        simulation.reporters = [reporter]
        simulation.step(400)
        reporter.close()
        checkpoint = simulation.context.createCheckpoint()
        simulation = make_simulation(structure, system, platform)
        simulation.context.loadCheckpoint(checkpoint)
    frames = h5md_reporter.read_frames(file, ["step", "position", "edges"])
    assert frames["step"].tolist() == list(range(10, 1201, 10))
    # In units of the box, since a barostat moves every atom with the box.
    fractions = frames["position"] @ np.linalg.inv(frames["edges"])
    assert np.abs(np.diff(fractions, axis=0)).max() < 0.3
    assert np.abs(fractions[-1] - fractions[0]).max() > 1.5, "atoms should have crossed the box"
    assert np.abs(np.diff(frames["edges"], axis=0)).max() < 0.2, "the lattice is followed without flips"
    assert (barostat == "none") == (np.ptp(frames["edges"], axis=0).max() == 0)


def test_pressure_is_that_of_openmm(engine, tmp_path):
    """Against the finite difference of MonteCarloBarostat, which knows nothing of a virial."""
    structure = load("gamma-Li3PS4", (2, 2, 2))
    barostat = openmm.MonteCarloBarostat(1, 300, 0)
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path, barostat), temperature=300)
    simulation.step(50)
    state = state_of(simulation)
    ours = observables.pressure(
        state.getKineticEnergy()._value,
        engine.virial(None)(simulation.context, 50),
        state.getPeriodicBoxVolume().value_in_unit(unit.nanometer**3),
    )
    assert ours == pytest.approx(barostat.computeCurrentPressure(simulation.context).value_in_unit(unit.bar), rel=1e-4)
    assert ours > 1e3, "soft spheres under compression push outwards"


def test_density_and_degrees_of_freedom(engine, tmp_path):
    structure = load("beta-Li3PS4", (1, 2, 2))
    system = make_system(engine, structure, tmp_path)
    assert observables.degrees_of_freedom(system) == 3 * 128 - 3
    simulation = make_simulation(structure, system)
    reporter = ThermoReporter(tmp_path / "t.csv", 1, virial=engine.virial(None))
    simulation.reporters = [reporter]
    simulation.step(1)
    assert reporter.last["density_g_per_cm3"] == pytest.approx(1.853, abs=0.002)


def test_virial_is_computed_once_per_step():
    class Force:
        calls = 0

        def computeVirial(self, context):
            self.calls += 1
            return np.eye(3) * unit.kilojoule_per_mole

    force = Force()
    virial = observables.Virial([force])
    for step in (1, 1, 2, 2, 2):
        np.testing.assert_array_equal(virial("context", step), np.eye(3))
    assert force.calls == 2


SCRIPT = """
import os, sys
import openmm
from openmm import app
from openmmlps.app import reporters

def simulation():
    system = openmm.System()
    topology = app.Topology()
    residue = topology.addResidue("R", topology.addChain())
    for _ in range(4):
        system.addParticle(7)
        topology.addAtom("Li", app.Element.getBySymbol("Li"), residue)
    made = app.Simulation(topology, system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatform("Reference"))
    made.context.setPositions([(i, 0, 0) for i in range(4)])
    return made

def run(name):
    made = simulation()
    made.reporters.append(reporters.H5MDReporter(f"{name}.h5", 1))
    made.reporters.append(reporters.ThermoReporter(f"{name}.csv", 1))
    made.reporters.append(reporters.ExtendedXYZReporter(f"{name}.extxyz", 1))
    made.step(5)
    if name == "raise":
        raise RuntimeError("after five steps")
    return made

"""


@pytest.mark.parametrize("name, code", [
    ("function", "run('function')"),
    ("ends", "kept = run('ends')"),
    ("exits", "kept = run('exits'); sys.exit(1)"),
    ("raise", "run('raise')"),
    ("moved", "kept = run('moved'); os.mkdir('deep'); os.chdir('deep'); kept.step(3)"),
])  # fmt: skip
def test_no_frame_is_lost_however_a_script_ends(tmp_path, name, code):
    """A Simulation that only a function knew, an exception, os.chdir."""
    subprocess.run([sys.executable, "-c", SCRIPT + code], cwd=tmp_path, capture_output=True, check=False, timeout=60)
    steps = list(range(1, 9 if name == "moved" else 6))
    assert h5md_reporter.read_frames(tmp_path / f"{name}.h5", ["step"])["step"].tolist() == steps
    assert thermo_file.read_thermo(tmp_path / f"{name}.csv")["step"].tolist() == steps
    assert (tmp_path / f"{name}.extxyz").read_text().count("step=") == len(steps)
    assert {path.name for path in tmp_path.iterdir()} - {"deep"} == {
        f"{name}{end}" for end in (".h5", ".csv", ".extxyz")
    }


class Deviation:
    """Stands for an LPSForce with a committee."""

    @staticmethod
    def computeModelDeviation(context):
        from types import SimpleNamespace

        return SimpleNamespace(
            virial=unit.Quantity(np.eye(3), unit.kilojoule_per_mole),
            forces=unit.Quantity(np.full(96, 20.0), unit.kilojoule_per_mole / unit.nanometer),
        )


def all_reporters(append):
    virial = observables.Virial([])
    made = [
        H5MDReporter("t.h5", 10, append=append, virial=virial),
        ThermoReporter("t.csv", 10, append=append, virial=virial),
        ExtendedXYZReporter("t.extxyz", 10, append=append, virial=virial),
        ModelDeviationReporter("model_devi.out", 10, bounds=(0, 1), append=append),
    ]
    made[-1]._force = Deviation
    return made


def steps_on_disk():
    return {
        "t.h5": h5md_reporter.read_frames("t.h5", ["step"])["step"].tolist(),
        "t.csv": thermo_file.read_thermo("t.csv")["step"].tolist(),
        "model_devi.out": [int(line.split()[0]) for line in Path("model_devi.out").read_text().splitlines()[1:]],
        **{
            name: [int(word[5:]) for word in Path(name).read_text().split() if word.startswith("step=")]
            for name in ("t.extxyz", "candidates.extxyz")
        },
    }


def test_appending_goes_on_where_the_simulation_does(engine, tmp_path, monkeypatch):
    """What was written after the checkpoint is removed; at step 0 a second run is added to the first."""
    monkeypatch.chdir(tmp_path)
    structure = load("Li2S", (2, 2, 2))
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path))
    simulation.reporters = all_reporters(append=False)
    simulation.step(25)
    checkpoint = simulation.context.createCheckpoint()
    simulation.step(40)
    for reporter in simulation.reporters[:1]:
        reporter.close()
    assert set(map(tuple, steps_on_disk().values())) == {(10, 20, 30, 40, 50, 60)}
    simulation.context.loadCheckpoint(checkpoint)
    simulation.reporters = all_reporters(append=True)
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    simulation.step(10)
    os.chdir("..")
    simulation.reporters[0].close()
    assert set(map(tuple, steps_on_disk().values())) == {(10, 20, 30)}
    assert os.listdir("elsewhere") == []
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path))
    simulation.reporters = all_reporters(append=True)
    simulation.step(10)
    simulation.reporters[0].close()
    assert set(map(tuple, steps_on_disk().values())) == {(10, 20, 30, 10)}


def test_truncation_is_public(engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    structure = load("Li2S", (2, 2, 2))
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path))
    simulation.reporters = all_reporters(append=False)
    simulation.step(30)
    simulation.reporters[0].close()
    for name in steps_on_disk():
        assert truncate_after(name, 20) == 2
    assert set(map(tuple, steps_on_disk().values())) == {(10, 20)}
    (tmp_path / "noise").write_bytes(b"noise\n")
    with pytest.raises(ValueError, match="is damaged or of another kind"):
        truncate_after("noise", 0)


def test_a_forked_child_leaves_the_writing_to_its_parent(engine, tmp_path):
    structure = load("Li2S", (2, 2, 2))
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path))
    reporter = H5MDReporter(tmp_path / "t.h5", 1, virial=observables.Virial([]))
    simulation.reporters = [reporter]
    simulation.step(2)
    reporter._waiting.write_at_end(process=os.getpid() + 1)
    assert len(h5md_reporter.read_frames(tmp_path / "t.h5", ["step"])["step"]) == 0
    reporter._waiting.write_at_end(process=os.getpid())
    assert len(h5md_reporter.read_frames(tmp_path / "t.h5", ["step"])["step"]) == 2


def test_wrong_interval_is_refused(tmp_path):
    with pytest.raises(ValueError, match="H5MDReporter: reportInterval is 0; give 1 step or more"):
        H5MDReporter(tmp_path / "t.h5", 0)


def test_truncation_leaves_exactly_the_steps_before(engine, tmp_path):
    structure = load("Li2S", (2, 2, 2))
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path))
    reporters = [
        H5MDReporter(tmp_path / "t.h5", 10, virial=observables.Virial([])),
        ThermoReporter(tmp_path / "t.csv", 5, virial=observables.Virial([])),
    ]
    simulation.reporters = reporters
    simulation.step(100)
    for reporter in reporters:
        reporter.close()
    with open(tmp_path / "t.csv", "a") as file:
        file.write("105,0.21,-1")  # a line that was cut off
    assert h5md_reporter.truncate_after(tmp_path / "t.h5", 55) == 5
    assert thermo_file.truncate_after(tmp_path / "t.csv", 55) == 11
    assert h5md_reporter.read_frames(tmp_path / "t.h5", ["step"])["step"].tolist() == [10, 20, 30, 40, 50]
    assert thermo_file.read_thermo(tmp_path / "t.csv")["step"].tolist() == list(range(5, 60, 5))
    assert h5md_reporter.truncate_after(tmp_path / "t.h5", 1000) == 5


def test_appending_to_something_else_is_refused(engine, tmp_path):
    structure = load("Li2S", (2, 2, 2))
    simulation = make_simulation(structure, make_system(engine, structure, tmp_path))
    with pytest.raises(FileNotFoundError, match="does not exist; open it with append=False"):
        H5MDReporter(tmp_path / "no.h5", 1, append=True)
    with pytest.raises(FileNotFoundError, match="does not exist; open it with append=False"):
        ThermoReporter(tmp_path / "no.csv", 1, append=True)
    (tmp_path / "noise.h5").write_bytes(b"noise")
    with pytest.raises(ValueError, match="is not an H5MD file of openmm-lps"):
        h5md_reporter.read_frames(tmp_path / "noise.h5", ["step"])
    (tmp_path / "noise.csv").write_text("noise\n")
    with pytest.raises(ValueError, match="does not begin with the columns of a thermo.csv"):
        thermo_file.read_thermo(tmp_path / "noise.csv")
    simulation.reporters = [H5MDReporter(tmp_path / "t.h5", 1, virial=observables.Virial([]))]
    simulation.step(1)
    simulation.reporters[0].close()
    larger = load("Li2S", (3, 2, 2))
    other = make_simulation(larger, make_system(engine, larger, tmp_path))
    other.reporters = [H5MDReporter(tmp_path / "t.h5", 1, append=True, virial=observables.Virial([]))]
    with pytest.raises(ValueError, match="has 96 atoms, the System 144"):
        other.step(1)


def test_continuous_box_is_a_lattice_basis():
    """Whatever basis is picked, it spans the same lattice."""
    random = np.random.default_rng(2)
    for _ in range(50):
        box = np.tril(random.normal(size=(3, 3)))
        previous = np.tril(random.normal(size=(3, 3)) * 3)
        np.fill_diagonal(box, 2)
        transformation = cells.continuous_box(box, previous) @ np.linalg.inv(box)
        np.testing.assert_allclose(transformation, np.rint(transformation), atol=1e-9)
        assert np.linalg.det(transformation) == pytest.approx(1)
