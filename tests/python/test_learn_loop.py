# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The closed loop with a pair potential as teacher: kills, bounds, two teachers, the page, and refusals."""

import dataclasses
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from learn_support import command, without_sevenn
from openmmlps import LPSModel
from openmmlps.app.structure_files import structure_path
from openmmlps.learn.loop import learn, read_plan
from openmmlps.learn.loop.dynamics import BOLTZMANN, State, advance, fresh_state
from openmmlps.learn.loop.loop import reason_to_end
from openmmlps.learn.loop.selection import describe, farthest, spaced
from openmmlps.learn.loop.settings import StopSettings
from openmmlps.learn.loop.walks import closest_share
from openmmlps.potentials import NativePotential, Prediction

LJ = "ase:ase.calculators.lj.LennardJones?sigma=2.2&epsilon={epsilon}&rc=4.5&smooth=true"
TOY = f"""
name = "toy"
[[structure]]
file = "cell.extxyz"
height = 5.0
[[structure]]
name = "poor"
file = "cell.extxyz"
height = 5.0
remove = ["1 Li"]
substitute = ["1 Cl by Br"]
copies = 1
temperatures_K = [200]
[teacher]
potential = "{LJ.format(epsilon=0.1)}"
[student]
cutoff = 4.0
steps = 20
more_steps = 10
[explore]
temperatures_K = [100, 300]
pressures_GPa = [0]
first = 3
time_ps = 0.06
interval_fs = 10
[select]
frames = 6
hold_out = 0.34
[stop]
force = 0.001
rounds = 2
"""


@pytest.fixture
def toy(tmp_path):
    """A LEARN.toml with a cell of eight atoms."""
    ase.io.write(tmp_path / "cell.extxyz", bulk("LiCl", "rocksalt", a=5.0, cubic=True))
    (tmp_path / "LEARN.toml").write_text(TOY)
    return tmp_path / "LEARN.toml"


def labels_of(folder):
    """Energy by identity; a label that was made twice is an error."""
    frames = ase.io.read(folder / "labels" / "labelled.extxyz", ":")
    found = {atoms.info["label_id"]: atoms.get_potential_energy() for atoms in frames}
    assert len(found) == len(frames)
    return found


def hashes(folder):
    return json.loads((folder / "result" / "model.json").read_text())["weights_sha256"]


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.long)])
def test_killed_at_random_the_loop_ends_with_the_same_labels(toy, tmp_path, kills):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    rounds = 1 if kills == 2 else 2
    toy.write_text(TOY.replace("rounds = 2", f"rounds = {rounds}"))
    begin = time.monotonic()
    found = learn(toy, whole)
    took = time.monotonic() - begin
    assert found.finished and found.reason == f"{rounds} rounds were made" and len(found.rounds) == rounds + 1
    dice, environment = random.Random(5), os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    run = [sys.executable, "-m", "openmmlps", "learn", toy, "-o", parts]
    for _ in range(kills):
        process = subprocess.Popen(run, env=environment, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 100
        while process.poll() is None and not parts.exists() and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(1 + dice.uniform(0, took / kills + 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert subprocess.run(run, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert labels_of(parts) == labels_of(whole) and hashes(parts) == hashes(whole)
    # Walkers that are held out are never trained on, and every frame says where it comes from.
    training, held_out = (ase.io.read(whole / "result" / f"{part}.extxyz", ":") for part in ("training", "held-out"))
    walkers = [{atoms.info["walker"] for atoms in frames if "walker" in atoms.info} for frames in (training, held_out)]
    assert walkers[0] and walkers[1] and not walkers[0] & walkers[1]
    assert {atoms.info["start"] for atoms in training} == {"cell", "poor"}
    model = LPSModel(str(whole / "result" / "toy.safetensors"))
    assert list(model.getTypeNames()) == ["Br", "Cl", "Li"]
    assert "held-out trajectories" in model.getMetadata() and "closed loop" in model.getMetadata()
    page = (whole / "learn.html").read_text()
    assert "Round by round" in page and "http-equiv" not in page
    card = (whole / "result" / "CARD.md").read_text()
    assert "Level of theory: ase:" in card and "force Br" in card and hashes(whole)["toy"] in card


def test_two_teachers_and_figures_of_each_step(toy, tmp_path):
    text = TOY[: TOY.index("[[structure]]\nname")] + TOY[TOY.index("[teacher]") :].replace("rounds = 2", "rounds = 1")
    text = text.replace("[explore]", '[explore]\ndynamics = "teacher"')
    second = LJ.format(epsilon=0.2)
    toy.write_text(f'{text}\n[correction]\npotential = "{second}"\nframes = 6\nheld_out = 2\nsteps = 100\n')
    code, printed = command("learn", toy, "-o", tmp_path / "loop")
    assert code == 0 and "1 rounds were made" in printed
    result = json.loads((tmp_path / "loop" / "correction-01" / "result.json").read_text())
    first = json.loads((tmp_path / "loop" / "rounds" / "00" / "result.json").read_text())
    assert first["frames"] == 18 and first["asked"] == 3 + 6  # the teacher moves walkers before there is a model
    steps = result["steps"]
    assert list(steps) == ["first teacher itself", "first teacher only", "times one factor", "second teacher"]
    # The second teacher's forces are twice those of the first.
    assert steps["first teacher itself"]["slope"] == pytest.approx(0.5, abs=1e-6)
    assert result["factor"] != 1 and steps["times one factor"]["slope"] > steps["first teacher only"]["slope"]
    assert steps["second teacher"]["energy"] < 0.1 * steps["first teacher only"]["energy"]
    facts = json.loads((tmp_path / "loop" / "result" / "model.json").read_text())
    assert facts["level_of_theory"] == second and len(facts["teachers"]) == 2
    assert "What each teacher gave" in (tmp_path / "loop" / "learn.html").read_text()
    # With another bound the same folder goes on, with other settings of the student it does not.
    toy.write_text(toy.read_text().replace("steps = 20", "steps = 21"))
    code, printed = command("learn", toy, "-o", tmp_path / "loop")
    assert code == 2 and "[student] steps 20 (not 21); choose another folder" in printed


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("first = 3", "frist = 3", "line 23: unknown key 'frist'; did you mean 'first'?"),
        ("rounds = 2", "rounds = 0", "line 31: rounds is 0; it must be at least 1"),
        ('"cell.extxyz"', '"no.cif"', "line 4: "),
        ('["1 Li"]', '["9 Li"]', "line 10: remove: '9 Li' of 4 Li; ask for fewer"),
        ('["1 Li"]', '["Li"]', "line 10: remove holds 'Li'; write it as 1 Li"),
        ('["1 Cl by Br"]', '["1 Cl"]', "line 11: substitute holds '1 Cl'; write it as 2 S by Cl"),
        ("LennardJones?", "Nothing?", "line 15: ase: 'ase.calculators.lj' has no 'Nothing'"),
        ('potential = "ase:', 'potential = "vasp:', "line 15: label: 'vasp:"),
        ("[student]", "[students]", "line 16: unknown key 'students'; did you mean 'student'?"),
        ("hold_out = 0.34", "low = 6", "high is 5; give more than low, 6"),
        ("cutoff = 4.0", 'start = "no-model"', "start: there is no model 'no-model'"),
        ("time_ps = 0.06", "time_ps = 0.001", "time_ps is 0.001, less than interval_fs"),
        ('name = "poor"', 'name = "cell"', "two structures are called 'cell'; give each a name"),
    ],
)
def test_mistakes_are_named_with_their_line(toy, tmp_path, old, new, message):
    toy.write_text(TOY.replace(old, new, 1))
    code, printed = command("learn", toy, "-o", tmp_path / "loop")
    assert code == 2 and message in printed and not (tmp_path / "loop").exists()


def test_teachers_that_cannot_label_are_named_at_once(toy, tmp_path, monkeypatch):
    without_sevenn(monkeypatch)
    for potential, wanted in (
        ("sevenn:7net-0", "line 15: sevenn: the package is not installed; pip install sevenn"),
        ("cp2k:no.inp", "line 15: cp2k: there is no template 'no.inp'"),
    ):
        toy.write_text(re.sub('potential = ".*"', f'potential = "{potential}"', TOY))
        code, printed = command("learn", toy, "-o", tmp_path / "loop")
        assert code == 2 and wanted in printed
    # A teacher that fails for most of the first frames ends the loop before anything is trained.
    toy.write_text(TOY.replace("[student]", "largest_force = 1e-9\n[student]"))
    code, printed = command("learn", toy, "-o", tmp_path / "loop")
    assert code == 2 and "the teacher labels only 0 of the first 6 frames" in printed


def test_a_structure_and_a_teacher_are_enough(toy, tmp_path):
    cell = tmp_path / "cell.extxyz"
    code, printed = command("learn", cell, "--with", LJ.format(epsilon=0.1), "-o", tmp_path / "loop", "--check")
    assert code == 0 and "1 of 64 atoms" in printed and "at most 250" in printed
    assert read_plan(tmp_path / "loop" / "LEARN.toml").starts[0].name == "cell"
    assert "--with is missing" in command("learn", cell, "-o", tmp_path / "loop")[1]


def result(number=1, **changes):
    found = {"round": number, "errors": {"force": 0.05, "slope": 0.99}, "uncertain": 0.01, "asked": 5}
    return found | {"training": 20, "held_out": 5, "seconds": 3600} | changes


@pytest.mark.parametrize(
    ("rounds", "stop", "reason"),
    [
        ([result(0)], {}, ""),
        ([result(0), result()], {}, "errors and uncertain frames are within their bounds"),
        ([result(0), result()], {"slope": 0.005}, ""),
        ([result(0), result(uncertain=0.2)], {}, ""),
        ([result(0), result(uncertain=0.2, asked=0)], {}, "no frame was uncertain and new"),
        ([result(0), result(uncertain=0.2)], {"rounds": 1}, "1 rounds were made"),
        ([result(0), result()], {"force": 0.01, "labels": 25}, "25 labels were made"),
        ([result(0), result()], {"energy": 1.0, "hours": 2}, "2 hours were spent"),
    ],
)
def test_bounds_and_budgets(rounds, stop, reason):
    assert reason_to_end(StopSettings(**stop), rounds) == reason


def springs(atoms):
    """Every atom on a spring; a virial of zero."""
    return Prediction(0.0, -2.0 * (atoms.positions - 5.0), np.zeros((3, 3)))


def test_the_dynamics_have_the_temperature_of_the_thermostat():
    atoms = Atoms("Li64", positions=np.full((64, 3), 5.0), cell=[10, 10, 10], pbc=True)
    state = fresh_state(atoms, 300.0, np.random.default_rng(1))
    squares = []
    for _ in range(100):
        assert advance(state, atoms.copy(), springs, 20, 2.0, 300.0)
        squares.append(((state.positions - 5.0) ** 2).mean())
    assert np.mean(squares[20:]) == pytest.approx(BOLTZMANN * 300 / 2.0, rel=0.05)


@pytest.mark.parametrize("interrupted", [False, True])
def test_pressure_moves_the_cell_and_an_interruption_changes_nothing(interrupted):
    atoms = bulk("Li", "bcc", a=3.4, cubic=True).repeat(3)
    atoms.symbols[::2] = "S"
    ends = []
    for parts in ([6], [2, 4]) if interrupted else ([6], [6]):
        potential = NativePotential("lps-fast")
        state = fresh_state(atoms, 500.0, np.random.default_rng(2))
        for part in parts:
            potential = NativePotential("lps-fast")
            state = State.from_arrays(state.to_arrays())
            for _ in range(part):
                potential.forget()
                assert advance(state, atoms.copy(), potential.predict, 10, 1.0, 500.0, 0.0)
        ends.append(state)
    assert abs(np.linalg.det(ends[0].cell)) != pytest.approx(atoms.get_volume(), rel=1e-3)
    np.testing.assert_array_equal(ends[0].positions, ends[1].positions)


def test_what_flies_apart_is_seen():
    atoms = Atoms("Li2", positions=[[0, 0, 0], [2.5, 0, 0]], cell=[10, 10, 10], pbc=True)
    state = fresh_state(atoms, 300.0, np.random.default_rng(1))
    assert not advance(
        state, atoms.copy(), lambda a: dataclasses.replace(springs(a), forces=np.full((2, 3), 1e4)), 5, 2, 300
    )
    assert closest_share(atoms) == pytest.approx(2.5 / 2.56)
    atoms.positions[1, 0] = 9.5  # across the boundary
    assert closest_share(atoms) == pytest.approx(0.5 / 2.56)


def test_selection_goes_for_variety():
    points = np.array([[0.0], [0.1], [5.0], [9.0]])
    assert farthest(points, np.array([[0.0]]), 2) == [3, 2]
    assert farthest(points, points[:0], 9) == [2, 0, 3, 1]
    assert farthest(points, points, 2) == [] and farthest(points[:0], points, 2) == []
    assert spaced(10, 3) == [3, 6, 9] and spaced(2, 5) == [0, 1] and spaced(0, 3) == []
    one, two = bulk("LiCl", "rocksalt", a=5.0), bulk("LiCl", "rocksalt", a=5.2)
    np.testing.assert_allclose(describe(one, ["Li", "Cl"]), describe(one.repeat(2), ["Cl", "Li"]), atol=1e-12)
    assert np.abs(describe(one, ["Li", "Cl"]) - describe(two, ["Li", "Cl"])).max() > 0.01


@pytest.mark.long
def test_the_tutorial_from_a_cif_to_a_conductivity(tmp_path, monkeypatch):
    """docs/new-material.md at toy size: the packaged small model teaches first, and then the larger one."""
    tutorial = (Path(__file__).resolve().parents[2] / "docs" / "new-material.md").read_text()
    commands = [shlex.split(line)[1:] for line in re.findall(r"^    (openmm-lps .*)$", tutorial, re.MULTILINE)]
    (text,) = re.findall(r"```toml\n(.*?)```", tutorial, re.DOTALL)
    first, second = (f"ase:openmmlps.ase.LPSCalculator?model={name}&threads=1" for name in ("lps-fast", "lps"))
    toy = {
        "sevenn:7net-l3i5": first,
        "cp2k:pbe-k": second,
        '"1 Li", "1 Cl"': '"2 Li", "1 S"',
        "[explore]": "steps = 100\n[student]\nsteps = 300\nmore_steps = 100\n[explore]\ntime_ps = 0.3\nfirst = 5",
        "largest_frame = 64": "largest_frame = 100",
        "frames = 16": "frames = 6\nheld_out = 2",
        "hours = 3": "rounds = 1",
    }
    for old, new in toy.items():
        text = text.replace(old, new)
    monkeypatch.chdir(tmp_path)
    ase.io.write("cell.cif", ase.io.read(structure_path("Li2S")))
    Path("LEARN.toml").write_text(text)
    short = ["--preset", "quick", "--threads", "1", "--platform", "CPU"]
    short += ["--set", "cell_time_ps=0.5", "--set", "equilibration_time_ps=0.2"]
    for arguments in commands:
        arguments = [
            first if word == "sevenn:7net-l3i5" else "0.1 ps" if word == "20 ps" else word for word in arguments
        ]
        if arguments[0] == "validate":
            arguments = arguments[: arguments.index("--must")] + ["--must", "force=1"]
        if arguments[0] == "transport":
            arguments += [*short, "--set", "production_time_ps=3"]
        code, printed = command(*arguments)
        assert code == 0, printed
    card = Path("loop/result/CARD.md").read_text()
    assert (
        "What each teacher gave" in card
        and "Trained first on" in card
        and "cell.cif, with and without Li vacancies" in card
    )
    page = Path("report.html").read_text()
    assert "onductivity" in page and "Li" in page
    assert {path.name for path in Path("transport").glob("T*")} == {"T500", "T600", "T700"}
