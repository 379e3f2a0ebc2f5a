# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The application layer on real Deep Potentials: the small golden models, and the packaged one."""

import json
import re
import shutil
from pathlib import Path

import ase.io
import numpy as np
import openmm
import pytest
from openmm import app, unit
from typer.testing import CliRunner

from openmmlps import LPSForce, LPSModel
from openmmlps._files import find_model
from openmmlps.app import createSystem, h5md_reporter, load, observables, platforms, thermo_file
from openmmlps.app.engine import DeepPotentialEngine
from openmmlps.app.platforms import list_platforms, only_processors
from openmmlps.app.reporters import H5MDReporter, ThermoReporter
from openmmlps.app.structure_files import structure_path
from openmmlps.cli import app as command
from openmmlps.importers import import_model
from openmmlps.report.methods import model_caveat

GOLDEN = Path(__file__).parent.parent / "data" / "golden"
MODEL = GOLDEN / "two-side" / "model.pb"
FORMATS = sorted(path.name for path in (GOLDEN / "every-format").glob("model.*"))


def call(*arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lps_force(system):
    (force,) = (LPSForce.cast(force) for force in system.getForces() if LPSForce.isinstance(force))
    return force


def test_system_has_types_masses_and_box():
    structure = load("gamma-Li3PS4", (1, 1, 2))
    system = createSystem(structure.topology, MODEL, precision="double", useTables=False, forceGroup=3)
    force = lps_force(system)
    names = force.getModel().getTypeNames()
    assert [names[force.getParticleParameters(i)[1]] for i in range(32)] == list(structure.symbols)
    assert [force.getParticleParameters(i)[0] for i in range(32)] == list(range(32))
    assert system.getParticleMass(0).value_in_unit(unit.dalton) == pytest.approx(6.94, abs=0.01)
    assert force.usesPeriodicBoundaryConditions() and force.getForceGroup() == 3
    assert force.getPrecision() == LPSForce.Double and not force.getUseTables()
    np.testing.assert_allclose(
        [v.value_in_unit(unit.nanometer) for v in system.getDefaultPeriodicBoxVectors()], structure.box._value
    )
    assert any(isinstance(force, openmm.CMMotionRemover) for force in system.getForces())
    bare = createSystem(structure.topology, LPSModel(str(MODEL)), removeCMMotion=False)
    assert bare.getNumForces() == 1 and lps_force(bare).getPrecision() == LPSForce.Automatic


def test_cluster_is_not_periodic():
    from ase import Atoms

    structure = load(Atoms("PS4", [[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [-2, 0, 0]]))
    system = createSystem(structure.topology, MODEL)
    assert not lps_force(system).usesPeriodicBoundaryConditions() and not system.usesPeriodicBoundaryConditions()


def test_wrong_options_are_refused():
    topology = load("Li2S").topology
    with pytest.raises(ValueError, match="precision is 'half'; use one of automatic, single, double"):
        createSystem(topology, MODEL, precision="half")
    with pytest.raises(ValueError, match="forceGroup is 32; OpenMM has groups 0 to 31"):
        createSystem(topology, MODEL, forceGroup=32)
    with pytest.raises(ValueError, match="the topology has no atoms"):
        createSystem(app.Topology(), MODEL)
    chlorine = app.Topology()
    residue = chlorine.addResidue("X", chlorine.addChain())
    chlorine.addAtom("Li1", app.Element.getBySymbol("Li"), residue)
    chlorine.addAtom("Cl1", app.Element.getBySymbol("Cl"), residue)
    with pytest.raises(
        ValueError, match=r"the model knows Li, P, S, but the structure also has 'Cl' \(first at atom 1\)"
    ):
        createSystem(chlorine, MODEL)
    chlorine.addAtom("?", None, residue)
    with pytest.raises(ValueError, match=r"atom 2 \(\?\) has no element"):
        createSystem(chlorine, MODEL)


def test_energy_does_not_depend_on_the_setting_of_the_cell():
    """The same crystal from a rotated, left-handed, unreduced cell: energy per atom, and the virial in
    the user's frame."""
    from scipy.spatial.transform import Rotation

    atoms = ase.io.read(structure_path("Li7P3S11"))
    turned = atoms.copy()
    turned.set_cell(np.array([[1, 0, 0], [2, 1, 0], [-1, 3, -1]]) @ atoms.cell[:], scale_atoms=False)
    rotation = Rotation.from_rotvec([0.3, -1.1, 0.6]).as_matrix()
    turned.set_cell(turned.cell[:] @ rotation.T, scale_atoms=False)
    turned.positions = atoms.positions @ rotation.T
    energies, virials = [], []
    for each in (atoms, turned):
        structure = load(each)
        system = createSystem(structure.topology, MODEL)
        context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
        context.setPositions(structure.positions)
        energies.append(context.getState(energy=True).getPotentialEnergy()._value)
        virials.append(structure.to_user_tensor(observables.Virial.of(system)(context, 0)))
    assert energies[1] == pytest.approx(energies[0], abs=1e-8 * len(atoms))
    np.testing.assert_allclose(rotation.T @ virials[1] @ rotation, virials[0], atol=1e-6)


def test_reporters_find_the_virial_themselves(tmp_path):
    """The pressure in thermo.csv against the finite difference of OpenMM's barostat."""
    structure = load("gamma-Li3PS4")
    system = createSystem(structure.topology, MODEL, precision="double")
    barostat = openmm.MonteCarloBarostat(1, 300, 0)
    system.addForce(barostat)
    simulation = app.Simulation(
        structure.topology,
        system,
        openmm.LangevinMiddleIntegrator(300, 1, 0.0005),
        openmm.Platform.getPlatformByName("Reference"),
    )
    simulation.context.setPositions(structure.positions)
    simulation.context.setVelocitiesToTemperature(300, 1)
    reporters = [ThermoReporter(tmp_path / "thermo.csv", 4), H5MDReporter(tmp_path / "trajectory.h5", 4)]
    simulation.reporters = reporters
    simulation.step(4)
    expected = barostat.computeCurrentPressure(simulation.context).value_in_unit(unit.bar)
    reporters[1].close()
    row = thermo_file.read_thermo(tmp_path / "thermo.csv")
    assert row["pressure_bar_positive_under_compression"][0] == pytest.approx(expected, rel=1e-4, abs=1)
    virial = h5md_reporter.read_frames(tmp_path / "trajectory.h5", ["virial"])["virial"][0]
    np.testing.assert_allclose(virial, lps_force(system).computeVirial(simulation.context)._value)


def test_run_depends_on_its_own_folder_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")
    shutil.copy(MODEL, "graph.pb")
    common = ["run", "Li2S", "--model", "graph.pb", "--temperature", 100, "--ensemble", "nve", "--timestep", "0.25"]
    common += ["--report-interval", "1 fs", "--seed", 3, "--platform", "Reference"]
    whole = call(*common, "--time", "10 fs", "-o", "whole")
    assert whole.exit_code == 0, whole.output
    assert call(*common, "--time", "5 fs", "-o", "parts").exit_code == 0
    Path("graph.pb").unlink()
    resumed = call("run", "--resume", "-o", "parts", "--time", "10 fs")
    assert resumed.exit_code == 0, resumed.output
    assert Path("whole/thermo.csv").read_text() == Path("parts/thermo.csv").read_text()
    record = json.loads(Path("parts/inputs/model.json").read_text())
    assert record["source"] == "graph.pb" and record["elements"] == ["Li", "P", "S"]
    assert LPSModel("parts/inputs/model.safetensors").getTypeNames() == LPSModel(str(MODEL)).getTypeNames()


def test_runs_keep_what_a_model_says_of_itself():
    assert DeepPotentialEngine().freeze_model("lps-fast", ["Li"])[1] == {
        "source": "packaged model lps-fast",
        "elements": ["Li", "P", "S"],
        "status": import_model(find_model("lps-fast")).provenance["status"],
    }
    assert "status" not in DeepPotentialEngine().freeze_model(MODEL, ["Li"])[1]


def test_reports_warn_of_interim_models():
    record = {"source": "graph.pb", "elements": ["Li"]}
    assert model_caveat(record) == model_caveat(record | {"status": "released"}) == []
    assert model_caveat(record | {"status": "interim model"}) == [
        "graph.pb: interim model (openmm-lps info tells its errors)"
    ]


def test_auto_takes_a_platform_with_the_kernel(tmp_path):
    result = call("run", "Li2S", "--model", MODEL, "--time", "2 fs", "--timestep", "0.25", "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    used = json.loads((tmp_path / "run" / "status.json").read_text())["platform"]
    assert used in [info.name for info in list_platforms() if info.has_kernel]
    assert f"platform {used}" in result.output


class NamedOpenCL:
    """OpenMM's OpenCL platform, its devices under another name."""

    def getName(self):
        return "OpenCL"

    def getDevices(self):
        return [
            dict(device.items()) | {"DeviceName": "Warp Core"}
            for device in openmm.Platform.getPlatformByName("OpenCL").getDevices()
        ]


def test_the_type_of_a_device_counts_not_its_name(monkeypatch):
    if "OpenCL" not in [info.name for info in list_platforms()]:
        pytest.skip("no OpenCL here")
    types = platforms._opencl_device_types()
    processors = all(kind & 2 for kind in types.values())
    assert only_processors(NamedOpenCL()) == processors
    for kind, expected in ((2, True), (3, True), (4, False)):
        monkeypatch.setattr(platforms, "_opencl_device_types", lambda kind=kind: dict.fromkeys(types, kind))
        assert only_processors(NamedOpenCL()) == expected


@pytest.mark.parametrize("name", FORMATS)
def test_info_and_convert_of_every_format(tmp_path, name):
    found = json.loads(call("info", GOLDEN / "every-format" / name, "--json").output)
    assert found["elements"] == ["Li", "P", "S"]
    assert found["parameters"] == LPSModel(str(GOLDEN / "every-format" / name)).getNumParameters()
    target = tmp_path / "out.safetensors"
    result = call("convert", GOLDEN / "every-format" / name, target)
    assert result.exit_code == 0, result.output
    assert json.loads(call("info", target, "--json").output)["sha256"] == found["sha256"]
    again = call("convert", GOLDEN / "every-format" / name, target)
    assert again.exit_code == 2 and "exists; choose another name or add --overwrite" in " ".join(again.stderr.split())
    assert call("convert", GOLDEN / "every-format" / name, target, "--overwrite").exit_code == 0


def test_info_is_a_table():
    output = call("info", MODEL).output
    for line in (
        r"elements +Li P S",
        r"cutoff +5 Å, smooth from 3.5 Å",
        r"parameters +[\d,]+",
        r"embedding +\d",
        r"sha256 +[0-9a-f]{64}",
    ):
        assert re.search(line, output), line


def test_packaged_model_runs_and_doctor_is_content(tmp_path):
    result = call("doctor")
    assert result.exit_code == 0, result.output
    assert "ms/step" in result.output and "ns/day" in result.output
    options = ["--temperature", 600, "--time", "10 fs", "--report-interval", "5 fs", "-o", tmp_path / "run"]
    result = call("run", "beta-Li3PS4", *options)
    assert result.exit_code == 0, result.output
    frames = h5md_reporter.read_frames(tmp_path / "run" / "trajectory.h5", ["step", "virial"])
    assert frames["step"].tolist() == [0, 5, 10]
    assert 1 < np.trace(frames["virial"][0]) / 3 / 0.645 * 16.6054e-4 < 6, "GPa; the data have about 4 in this cell"
