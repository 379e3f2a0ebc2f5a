# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Uncertainty of a single model: calibration, every platform, reporter, and runs that end when they leave the domain."""

import numpy as np
import openmm
import pytest
from openmm import app, unit
from typer.testing import CliRunner

from force_support import make_system, on_every_platform
from openmmlps import LPSModel, createSystem, load
from openmmlps._files import find_model
from openmmlps.app.reporters import UncertaintyReporter
from openmmlps.app.run_settings import RunSettings
from openmmlps.app.runner import Monitor, resume, start
from openmmlps.app.stability import RunFailed
from openmmlps.ase import LPSCalculator
from openmmlps.cli import app as commands
from openmmlps.importers import import_model
from openmmlps.importers.native import NativeModel, weights_sha256
from openmmlps.learn.calibration import calibrate, extrapolation_grades
from openmmlps.learn.frames import Frames, write_frames
from openmmlps.openmmlps import CoreEvaluator


def labelled(count, seed, shake=0.15):
    """Frames of a crystal around its sites, labelled by another model than that under test."""
    rng, atoms = np.random.default_rng(seed), load("gamma-Li3PS4").to_atoms().repeat((2, 2, 1))
    atoms.calc = LPSCalculator("lps", precision="single", threads=1)
    sites, names = atoms.get_positions(), ["Li", "P", "S"]
    arrays = {"coord": [], "energy": [], "force": []}
    for _ in range(count):
        atoms.set_positions(sites + rng.normal(scale=shake, size=sites.shape))
        arrays["coord"].append(atoms.get_positions().ravel())
        arrays["energy"].append(atoms.get_potential_energy())
        arrays["force"].append(atoms.get_forces().ravel())
    types = np.array([names.index(symbol) for symbol in atoms.get_chemical_symbols()])
    box = np.tile(np.array(atoms.cell).ravel(), (count, 1))
    return Frames(types, names, box, virial=None, **{name: np.array(values) for name, values in arrays.items()})


@pytest.fixture(scope="module")
def frames():
    return labelled(40, 1), labelled(10, 2)


@pytest.fixture(scope="module")
def found(frames):
    return calibrate(import_model(find_model("lps-fast")), [frames[0]], [frames[1]])


@pytest.fixture(scope="module")
def model_file(found, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "calibrated.safetensors"
    found.model.write(path)
    return path


def shaken(scale):
    structure = load("gamma-Li3PS4").to_atoms().repeat((2, 2, 1))
    structure.set_positions(
        structure.positions + np.random.default_rng(5).normal(scale=scale, size=(len(structure), 3))
    )
    return structure


def test_calibration_changes_no_energy_and_knows_its_frames(found, frames, model_file):
    bare = import_model(find_model("lps-fast"))
    tensors = {name: array for name, array in bare.tensors.items() if not name.startswith("uncertainty.")}
    plain = LPSModel.fromBytes(NativeModel(bare.hyperparameters, tensors).to_bytes())
    calibrated = LPSModel(model_file)
    assert weights_sha256(tensors) == weights_sha256(bare.tensors) == weights_sha256(found.model.tensors)
    assert calibrated.hasUncertainties() and not plain.hasUncertainties()
    atoms = shaken(0.1)
    energies = []
    for model in (plain, calibrated):
        atoms.calc = LPSCalculator(model, threads=1)
        energies.append(atoms.get_potential_energy())
    assert energies[0] == energies[1]
    assert set(found.errors) == {"Li", "P", "S"} and found.beyond < 1
    assert -1 < found.correlation <= 1


def make_context(case, atoms, model):
    names = list(model.getTypeNames())
    types = [names.index(symbol) for symbol in atoms.get_chemical_symbols()]
    system, force = make_system(model, types, 0.1 * np.array(atoms.cell), case)
    return case.context(system, 0.1 * atoms.positions), force, types


@on_every_platform
def test_every_platform_gives_the_quadratic_form(case, model_file, found):
    atoms, model = shaken(0.1), LPSModel(model_file)
    context, force, types = make_context(case, atoms, model)
    uncertainties = force.computeParticleUncertainties(context)
    assert uncertainties.forces.unit == unit.kilojoule_per_mole / unit.nanometer
    evaluator = CoreEvaluator(model, True, False, 1)
    features = np.empty((len(types), evaluator.getFeatureWidth()))
    cell = np.ascontiguousarray(atoms.cell)
    evaluator.computeFeatures(np.ascontiguousarray(atoms.positions), np.array(types, dtype=np.int32), cell, features)
    rows = np.concatenate([features, np.ones((len(types), 1))], 1)
    tolerance = 1e-6 if case.precision == "double" else 5e-2  # the factor magnifies what rounding does to features
    for atom, kind in enumerate(types):
        distance = np.linalg.norm(rows[atom] @ found.model.tensors[f"uncertainty.{kind}.factor"])
        floor, slope, limit = found.model.tensors[f"uncertainty.{kind}.calibration"]
        assert uncertainties.grades[atom] == pytest.approx(distance / limit, rel=tolerance)
        expected = np.hypot(floor, slope * distance) * 964.8533212331002
        assert uncertainties.forces._value[atom] == pytest.approx(expected, rel=tolerance)


@on_every_platform
def test_grade_tells_what_is_unlike_the_calibration(case, model_file):
    model = LPSModel(model_file)
    inside, outside = (make_context(case, shaken(scale), model) for scale in (0.1, 0.45))
    assert inside[1].computeParticleUncertainties(inside[0]).grades.max() < 1.2
    assert outside[1].computeParticleUncertainties(outside[0]).grades.max() > 1.5
    plain = make_context(case, shaken(0.1), LPSModel("lps-2"))
    with pytest.raises(openmm.OpenMMException, match="the model is not calibrated; run 'openmm-lps calibrate"):
        plain[1].computeParticleUncertainties(plain[0])


def exchange(atoms, first, second):
    symbols = atoms.get_chemical_symbols()
    i, j = symbols.index(first), symbols.index(second)
    symbols[i], symbols[j] = second, first
    atoms.set_chemical_symbols(symbols)


STRANGERS = {
    "denser": lambda atoms: atoms.set_cell(0.9 * atoms.cell[:], scale_atoms=True),
    "thinner": lambda atoms: atoms.set_cell(1.3 * atoms.cell[:], scale_atoms=True),
    "hot": lambda atoms: atoms.rattle(0.3, seed=1),
    "P and S": lambda atoms: exchange(atoms, "P", "S"),
    "Li and S": lambda atoms: exchange(atoms, "Li", "S"),
    "Li and P": lambda atoms: exchange(atoms, "Li", "P"),
    "no P": lambda atoms: atoms.pop(atoms.get_chemical_symbols().index("P")),
}


@pytest.mark.parametrize(
    ("name", "structure"), [("lps", "gamma-Li3PS4"), ("lps-fast", "Li7P3S11"), ("lgps", "Li10GeP2S12")]
)
def test_packaged_models_know_their_domain(name, structure):
    model = import_model(find_model(name))

    def grade(change):
        atoms = load(structure).to_atoms()
        change(atoms)
        return extrapolation_grades(model, atoms.get_chemical_symbols(), atoms.positions, np.array(atoms.cell)).max()

    assert grade(lambda atoms: None) < 1
    assert {what for what, change in STRANGERS.items() if grade(change) <= 1} == set()


def test_reporter_stores_frames_between_bounds(model_file, tmp_path):
    structure = load("gamma-Li3PS4")
    integrator = openmm.LangevinMiddleIntegrator(300, 1, 0.001)
    platform = openmm.Platform.getPlatformByName("CPU")
    simulation = app.Simulation(structure.topology, createSystem(structure.topology, model_file), integrator, platform)
    simulation.context.setPositions(structure.positions)
    simulation.reporters = [UncertaintyReporter(tmp_path / "u.csv", 2, bounds=(0, 9))]
    simulation.step(4)
    header, *lines = (tmp_path / "u.csv").read_text().splitlines()
    assert header.startswith("step,time_ps,mean_uncertainty") and [line.split(",")[0] for line in lines] == ["2", "4"]
    assert (tmp_path / "candidates.extxyz").read_text().count("max_grade=") == 2
    with pytest.raises(ValueError, match=r"the bounds are 2 and 1 grades; give 0 <= low < high, such as \(0.8, 2\)"):
        UncertaintyReporter(tmp_path / "v.csv", 2, bounds=(2, 1))


def test_run_stops_on_extrapolation(model_file, tmp_path):
    shaken(0.15).write(tmp_path / "hot.extxyz")
    settings = RunSettings(
        structure=str(tmp_path / "hot.extxyz"),
        model=str(model_file),
        time=0.01,
        platform="CPU",
        threads=1,
        stop_grade=0.3,
    )
    words = r"step 0: atom \d+ \(\w+\) has extrapolation grade .*, above 0.3: its surroundings are unlike"
    with pytest.raises(RunFailed, match=words):
        start(tmp_path / "run", settings)
    assert len((tmp_path / "run" / "uncertainty.csv").read_text().splitlines()) == 2


def test_run_tells_of_itself_that_it_left_the_domain(model_file, tmp_path):
    """Without any option, at most every 250 steps, once more after a kill."""

    class Listener(Monitor):
        def __init__(self):
            self.messages = []

        def message(self, text):
            self.messages.append(text)

    shaken(0.3).write(tmp_path / "hot.extxyz")
    settings = {"structure": str(tmp_path / "hot.extxyz"), "time": 0.004, "platform": "CPU", "threads": 1}
    monitor, folder = Listener(), tmp_path / "run"
    start(folder, RunSettings(model=str(model_file), report_interval=2, minimize=True, **settings), monitor=monitor)
    assert any("an extrapolation grade above 1 (largest" in text for text in monitor.messages)
    resume(folder, {"time": 0.251})
    assert [line.split(",")[0] for line in (folder / "uncertainty.csv").read_text().splitlines()[1:]] == ["0", "250"]


def test_command_writes_a_model(frames, tmp_path):
    for name, data in zip(("seen", "held"), frames, strict=True):
        write_frames(tmp_path / name, data)
    output = tmp_path / "out.safetensors"
    arguments = ["lps-fast", str(tmp_path / "seen"), "--held-out", str(tmp_path / "held"), "-o", str(output)]
    result = CliRunner().invoke(commands, ["calibrate", *arguments])
    assert result.exit_code == 0, result.output
    assert LPSModel(output).hasUncertainties()


def test_calibration_refuses_what_is_too_little(frames):
    model = import_model(find_model("lps-fast"))
    with pytest.raises(ValueError, match=r"the frames have \d+ atoms of \w+, at least \d+ are needed; give more"):
        calibrate(model, [frames[0].take([0])], [frames[1]])
