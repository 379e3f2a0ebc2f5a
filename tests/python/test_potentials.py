# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Any potential behind `--model`: runs, protocols and studies with calculators of ASE and potentials of OpenMM-ML."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import plain_calculators
from openmmlps.app import run, runner
from openmmlps.app.engine import engine_for
from openmmlps.app.h5md_reporter import read_frames
from openmmlps.app.potential_engine import PotentialEngine, WithStress
from openmmlps.app.run_settings import RunSettings
from openmmlps.app.structure_files import structure_path
from openmmlps.cli import app
from openmmlps.potentials import open_potential, parse_name
from openmmlps.protocols.states import read_atoms

SPHERES = "ase:plain_calculators.Spheres?k=0.5"
PLAIN = "ase:plain_calculators.SpheresWithoutStress?k=0.5"
RUN = [
    "run",
    "Li4P2S6",
    "--timestep",
    "1fs",
    "--time",
    "20fs",
    "--report-interval",
    "10fs",
    "--trajectory-interval",
    "10fs",
]


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(run.Run, "_draw", lambda self: None)


def command(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


class Notes(runner.Monitor):
    def __init__(self):
        self.messages = []

    def message(self, text):
        self.messages.append(text)


def settings(model, **changes):
    values = {"ensemble": "nve", "time": 0.02, "report_interval": 10, "trajectory_interval": 10, "temperature": 300.0}
    return RunSettings(structure="Li4P2S6", model=model, platform="Reference", **values | changes)


@pytest.mark.parametrize(
    ("text", "kind", "short", "file"),
    [
        ("ase:ase.calculators.lj.LennardJones?rc=5", "ase", "LennardJones", None),
        ("sevenn:7net-l3i5", "sevenn", "7net-l3i5", None),
        ("openmmml:mace:a/b.model", "openmmml", "mace", Path("a/b.model")),
        ("openmmml:lps", "openmmml", "lps", None),
    ],
)
def test_names(text, kind, short, file):
    name = parse_name(text)
    assert (name.kind, name.short, name.file, str(name)) == (kind, short, file, text)


@pytest.mark.parametrize("text", ["lps", "graph.pb", "a/b:c.pb", "cp2k:template"])
def test_files_are_no_names(text):
    assert parse_name(text) is None and not isinstance(engine_for(text), PotentialEngine)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("ase:", "ase: nothing is named; write for example ase:ase.calculators.emt.EMT"),
        ("ase:no.such.Thing", "'no.such' cannot be imported"),
        ("ase:plain_calculators.Cubes", "'plain_calculators' has no 'Cubes'"),
        ("ase:plain_calculators.Spheres?q=1", "cannot be made with {'q': 1}"),
        ("ase:plain_calculators.Silent", "'Li4P2S6.extxyz' cannot be computed .*Xx"),
        ("openmmml:nothing", "openmmml:nothing: OpenMM-ML cannot make it"),
        ("openmmml:mace:none.model", "openmmml: 'none.model' is not a file"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_runs(tmp_path, model, message):
    if model.startswith("openmmml"):
        pytest.importorskip("openmmml")
    result = command(*RUN, "--model", model, "--platform", "Reference", "-o", tmp_path / "out")
    assert result.exit_code == 2 and not (tmp_path / "out").exists()
    assert re.search(message, " ".join(result.output.split())), result.output


def test_strained_cells_give_the_stress():
    atoms = read_atoms(Path(runner.__file__).parents[1] / "structures" / "Li4P2S6.extxyz").repeat((2, 2, 2))
    atoms.rattle(0.1, seed=1)
    found = {}
    for kind in (plain_calculators.Spheres, plain_calculators.SpheresWithoutStress):
        atoms.calc = WithStress(kind())
        found[kind] = atoms.get_stress(), atoms.get_forces()
        assert atoms.calc._calculator.calls == (1 if kind is plain_calculators.Spheres else 13)
    stresses, forces = zip(*found.values(), strict=True)
    assert np.abs(stresses[0]).max() > 1e-3
    np.testing.assert_allclose(stresses[1], stresses[0], atol=1e-6)
    np.testing.assert_array_equal(*forces)


@pytest.mark.parametrize("model", [SPHERES, PLAIN])
def test_run(tmp_path, model):
    """Energy is conserved, the pressure is right, and the cost of strained cells is said."""
    notes = Notes()
    runner.start(tmp_path / "run", settings(model), monitor=notes)
    assert any("12 evaluations" in text for text in notes.messages) == (model == PLAIN)
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "finished" and status["model"]["source"] == model
    frames = read_frames(tmp_path / "run" / "trajectory.h5", ["position", "edges", "virial", "potential_energy"])
    from ase import Atoms

    symbols = read_atoms(next((tmp_path / "run" / "inputs" / "structure").iterdir())).get_chemical_symbols()
    for index in range(3):
        atoms = Atoms(symbols, frames["position"][index] * 10, cell=frames["edges"][index] * 10, pbc=True)
        expected = open_potential(SPHERES).predict(atoms)
        assert frames["potential_energy"][index] == pytest.approx(expected.energy * 96.48533212331)
        np.testing.assert_allclose(frames["virial"][index], expected.virial * 96.48533212331, atol=0.05)


def test_a_resumed_run_is_the_same(tmp_path):
    whole, parts = settings(SPHERES, ensemble="npt", time=0.04, barostat_interval=7), tmp_path / "parts"
    runner.start(tmp_path / "whole", whole)
    runner.start(parts, settings(SPHERES, ensemble="npt", time=0.02, barostat_interval=7))
    runner.resume(parts, {"time": 0.04})
    found, expected = (
        read_frames(tmp_path / name / "trajectory.h5", ["step", "position"]) for name in ("parts", "whole")
    )
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_a_potential_that_changed_is_refused(tmp_path, monkeypatch):
    runner.start(tmp_path / "run", settings(SPHERES))
    changed = tmp_path / "plain_calculators.py"
    changed.write_text(Path(plain_calculators.__file__).read_text() + "# other\n")
    monkeypatch.setattr("openmmlps.potentials._origin", lambda module: changed)
    with pytest.raises(ValueError, match="its file has sha256 .* now, not .* as when this began"):
        runner.resume(tmp_path / "run", {"time": 0.04})


@pytest.mark.parametrize(
    ("name", "repeats"), [("alpha-AgI", 1), ("Li10GeP2S12", 1), ("Na3SbS4", 1), ("beta-Li3PS4", 2)]
)
def test_placeholder(name, repeats):
    """Its forces and stress are derivatives of its energy, in cells smaller than its cutoff too; every element is taken."""
    from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress

    from openmmlps.placeholder import Placeholder

    atoms = read_atoms(structure_path(name)).repeat((1, 1, repeats))
    atoms.rattle(0.05, seed=1)
    atoms.calc = Placeholder()
    forces, stress = atoms.get_forces()[[0, 3]], atoms.get_stress()
    exact = {"eps": 1e-5, "force_consistent": False}
    np.testing.assert_allclose(calculate_numerical_forces(atoms, iatoms=[0, 3], **exact), forces, atol=1e-7)
    np.testing.assert_allclose(calculate_numerical_stress(atoms, **exact), stress, atol=1e-7)


def test_openmmml(tmp_path):
    """The packaged model through OpenMM-ML: the same energies, and a virial from strained cells."""
    pytest.importorskip("openmmml")
    for model in ("lps", "openmmml:lps"):
        runner.start(tmp_path / model, settings(model, time=0.01))
    found, expected = (
        read_frames(tmp_path / name / "trajectory.h5", ["potential_energy", "virial", "position"])
        for name in ("openmmml:lps", "lps")
    )
    np.testing.assert_array_equal(found["position"], expected["position"])
    np.testing.assert_allclose(found["virial"], expected["virial"], atol=0.5)


def test_a_protocol_at_rest(tmp_path):
    """It needs a stress, which comes from strained cells."""
    from openmmlps.protocols import RelaxSettings, relax

    values = {"structure": "Li4P2S6", "model": PLAIN, "most_steps": 8, "force_tolerance_eV_per_angstrom": 0.01}
    relax.start(tmp_path / "relax", RelaxSettings.make(**values))
    found = json.loads((tmp_path / "relax" / "status.json").read_text())
    assert found["state"] == "finished" and found["model"]["source"] == PLAIN
    assert relax.resume(tmp_path / "relax").state == "finished"


@pytest.mark.long
@pytest.mark.parametrize("name", ["7net-0", "7net-l3i5"])
def test_sevenn(tmp_path, name):
    """An equivariant network whose weights come in a wheel: energy conserved, stress against strained cells."""
    pytest.importorskip("sevenn")
    model = f"sevenn:{name}"
    runner.start(tmp_path / "run", settings(model, time=0.05, timestep=0.001, report_interval=5, temperature=600.0))
    from openmmlps.app.thermo_file import read_thermo

    rows = read_thermo(tmp_path / "run" / "thermo.csv")
    total = rows["total_kJ_per_mol"]
    assert np.ptp(total[1:]) < 0.1 * np.ptp(rows["kinetic_kJ_per_mol"]), "total energy against kinetic energy"
    runner.resume(tmp_path / "run", {"time": 0.06})
    atoms = read_atoms(next((tmp_path / "run" / "inputs" / "structure").iterdir()))
    calculator = WithStress(open_potential(model).calculator)
    atoms.calc = calculator
    own = atoms.get_stress()
    calculator.has_stress = False
    calculator.reset()
    np.testing.assert_allclose(atoms.get_stress(), own, atol=2e-4)
