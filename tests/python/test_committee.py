# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Committees: deviations against the definitions, model_devi.out, candidate frames, XML."""

import ase.io
import numpy as np
import openmm
import pytest
from openmm import app, unit

import openmmlps
from force_support import ELECTRONVOLT, GOLDEN, MODEL_FILE, load_structure, make_system
from openmmlps import LPSForce, LPSModel
from openmmlps.app import model_deviation
from openmmlps.app.reporters import ModelDeviationReporter

#: Models of one-side's elements that disagree with it.
OTHERS = [GOLDEN / name / "model.safetensors" for name in ("two-side", "large-mean", "silu")]


@pytest.fixture(scope="module")
def models():
    return [LPSModel(file) for file in [MODEL_FILE, *OTHERS]]


def test_deviation_carries_units(models):
    """The numbers are tested in tests/force/TestCommittee.cpp."""
    positions, types, box = load_structure()
    system, force = make_system(models[0], types, box)
    for model in models[1:]:
        force.addCommitteeModel(model)
    assert [force.getCommitteeModel(i) for i in range(force.getNumCommitteeModels())] == models[1:]
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("CPU"))
    context.setPositions(positions)
    deviation = force.computeModelDeviation(context)
    assert isinstance(deviation, openmmlps.ModelDeviation)
    assert deviation.forces.value_in_unit(unit.kilojoule_per_mole / unit.nanometer).shape == (len(types),)
    assert deviation.virial.value_in_unit(unit.kilojoule_per_mole).shape == (3, 3)
    assert deviation.energy.value_in_unit(unit.kilojoule_per_mole) > 0


def test_committee_that_comes_with_the_package():
    structure = openmmlps.load("beta-Li3PS4")
    system = openmmlps.createSystem(structure.topology)
    force = LPSForce.cast(system.getForce(0))
    for name in ("lps-2", "lps-3", "lps-4"):
        force.addCommitteeModel(LPSModel(name))
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("CPU"))
    deviations = []
    for stretch in (1.0, 0.9):  # the crystal, and denser than any data
        context.setPeriodicBoxVectors(*(stretch * vector for vector in structure.box))
        context.setPositions(stretch * structure.positions)
        found = force.computeModelDeviation(context).forces.value_in_unit(unit.kilojoule_per_mole / unit.angstrom)
        deviations.append(found.max() / ELECTRONVOLT)
    assert 0.001 < deviations[0] < 0.15
    assert deviations[1] > 3 * deviations[0]


def test_columns_are_those_of_the_definition():
    deviation = openmmlps.ModelDeviation._of(
        np.array([1.0, 3.0, 2.0]) * 10 * ELECTRONVOLT, np.arange(9.0) * ELECTRONVOLT, 0.5
    )
    np.testing.assert_allclose(
        model_deviation.deviation_columns(deviation), [8, 0, np.sqrt(np.mean(np.arange(9.0) ** 2)), 3, 1, 2]
    )


def test_line_has_the_format_of_lammps():
    """Widths and header as in a model_devi.out written by LAMMPS' pair_style deepmd."""
    expected = (
        "#       step         max_devi_v         min_devi_v         avg_devi_v"
        "         max_devi_f         min_devi_f         avg_devi_f\n"
        "         100       1.234568e-02       0.000000e+00       1.000000e-03"
        "       2.500000e+00       1.000000e-09       3.000000e-01\n"
    )
    columns = (0.012345678, 0.0, 1e-3, 2.5, 1e-9, 0.3)
    assert (model_deviation._HEADER + model_deviation.format_line(100, columns)).decode() == expected


def make_simulation(committee=True):
    structure = openmmlps.load("Li2S", (1, 1, 2))
    system = openmmlps.createSystem(structure.topology, MODEL_FILE)
    if committee:
        LPSForce.cast(system.getForce(0)).addCommitteeModel(LPSModel(OTHERS[0]))
    simulation = app.Simulation(
        structure.topology,
        system,
        openmm.VerletIntegrator(0.0005),
        openmm.Platform.getPlatformByName("CPU"),
        {"Threads": "1"},
    )
    simulation.context.setPositions(structure.positions)
    simulation.context.setVelocitiesToTemperature(300, 3)
    return simulation


def test_report_is_readable_by_dp_gen(tmp_path):
    """DP-GEN loads the table with NumPy and looks at columns 1 (virial) and 4 (forces)."""
    file = tmp_path / "model_devi.out"
    simulation = make_simulation()
    simulation.reporters = [ModelDeviationReporter(file, 3)]
    rows = []
    force = LPSForce.cast(simulation.system.getForce(0))
    for _ in range(3):
        simulation.step(3)
        rows.append(model_deviation.deviation_columns(force.computeModelDeviation(simulation.context)))
    table = np.loadtxt(file)
    assert table[:, 0].tolist() == [3, 6, 9]
    np.testing.assert_allclose(table[:, 1:], rows, rtol=1e-6)
    assert not (tmp_path / "candidates.extxyz").exists()


def test_frames_between_the_bounds_are_kept(tmp_path):
    def run(bounds):
        simulation = make_simulation()
        folder = tmp_path / str(bounds)
        folder.mkdir()
        simulation.reporters = [ModelDeviationReporter(folder / "model_devi.out", 2, bounds)]
        simulation.step(20)
        return np.loadtxt(folder / "model_devi.out"), folder / "candidates.extxyz"

    table, everything = run((0, 1e9))
    assert len(ase.io.read(everything, ":")) == 10
    low, high = np.sort(table[:, 4])[[3, 7]]
    again, some = run((low + 1e-9 * low, high + 1e-9 * high))
    np.testing.assert_allclose(again, table, rtol=1e-6)
    frames = ase.io.read(some, ":")
    inside = (table[:, 4] > low * 0.999999) & (table[:, 4] < high * 1.000001)
    assert 0 < len(frames) < 10
    assert {frame.info["step"] for frame in frames} <= set(table[inside, 0])
    assert all(low * 0.999999 <= frame.info["max_devi_f"] < high * 1.000001 for frame in frames)
    _, none = run((1e8, 1e9))
    assert none.read_bytes() == b""


def test_appends_after_a_kill(tmp_path):
    file = tmp_path / "model_devi.out"
    simulation = make_simulation()
    simulation.reporters = [ModelDeviationReporter(file, 2, (0, 1e9))]
    simulation.step(6)
    data = file.read_bytes()
    for lost in (1, 30, 126):
        file.write_bytes(data[:-lost])
        simulation.reporters = [ModelDeviationReporter(file, 2, (0, 1e9), append=True)]
        simulation.step(2)
        steps = np.loadtxt(file)[:, 0].tolist()
        assert steps[:2] == [2, 4] and steps[-1] == simulation.currentStep and len(steps) == 3
    assert model_deviation.truncate_after(file, 4) == 2
    assert file.read_bytes().startswith(b"#       step") and np.loadtxt(file).shape == (2, 7)


def test_committee_costs_no_more_than_its_models(models):
    """Four models take about four times one; generous, because other programs may run beside the test."""
    import time

    structure = openmmlps.load("beta-Li3PS4", (1, 2, 2))
    model = LPSModel.default()
    system = openmmlps.createSystem(structure.topology, model)
    force = LPSForce.cast(system.getForce(0))
    for _ in range(3):
        force.addCommitteeModel(model)
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("CPU"), {"Threads": "1"}
    )
    context.setPositions(structure.positions)

    def seconds(function):
        start = time.process_time()
        function()
        return time.process_time() - start

    one, four = [], []
    for _ in range(5):
        one.append(seconds(lambda: context.getState(energy=True, forces=True)))
        four.append(seconds(lambda: force.computeModelDeviation(context)))
    assert min(four) < 6 * min(one)


def test_refusals(tmp_path):
    simulation = make_simulation(committee=False)
    simulation.reporters = [ModelDeviationReporter(tmp_path / "d.out", 1)]
    with pytest.raises(openmm.OpenMMException, match="this Context has no committee; call addCommitteeModel"):
        simulation.step(1)
    with pytest.raises(ValueError, match=r"the bounds are 0.4 and 0.2 eV/angstrom; give 0 <= low < high"):
        ModelDeviationReporter(tmp_path / "d.out", 1, (0.4, 0.2))
    with pytest.raises(FileNotFoundError, match="ModelDeviationReporter: .* does not exist"):
        ModelDeviationReporter(tmp_path / "none.out", 1, append=True)
    simulation.system.removeForce(0)
    simulation.reporters = [ModelDeviationReporter(tmp_path / "d.out", 1)]
    with pytest.raises(ValueError, match="the System has 0 LPSForces; it must have exactly one"):
        simulation.step(1)
