# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Labelling: CP2K's input and output with a stand-in for the program, calculators of ASE, kills, refusals."""

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from learn_support import command, without_sevenn
from openmmlps.learn import cp2k, label, train
from openmmlps.learn.data import read_data
from openmmlps.learn.labels import open_teacher
from openmmlps.learn.training import TrainSettings

LJ = "ase:ase.calculators.lj.LennardJones?sigma=2.2&epsilon=0.1&rc=4.5&smooth=true"

#: What CP2K 2023.1 prints, shortened to what is read.
OUTPUT = """
  *** SCF run converged in    12 steps ***
 ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:              -2.500000000000000

 ATOMIC FORCES in [a.u.]

 # Atom   Kind   Element          X              Y              Z
      1      1      Li          0.01000000    -0.02000000     0.03000000
      2      2      S          -0.01000000     0.02000000    -0.03000000
 SUM OF ATOMIC FORCES           0.00000000     0.00000000     0.00000000     0.00000000

 STRESS| Analytical stress tensor [GPa]
 STRESS|                        x                   y                   z
 STRESS|      x      1.50000000000E+00   1.00000000000E-01   0.00000000000E+00
 STRESS|      y      1.00000000000E-01   2.50000000000E+00   0.00000000000E+00
 STRESS|      z      0.00000000000E+00   0.00000000000E+00  -1.00000000000E+00
 STRESS| 1/3 Trace                                           1.00000000000E+00

  **** **** ******  **  PROGRAM ENDED AT                 2026-11-21 13:00:00.000
"""


def structures(count=1):
    """Frames of a cell of two atoms."""
    return [
        Atoms("LiCl", positions=[[0, 0, 0], [2.4 + 0.01 * i, 0, 0]], cell=[5, 5, 4], pbc=True) for i in range(count)
    ]


@pytest.fixture
def file(tmp_path):
    frames = structures(6)
    for atoms in frames:
        atoms.info["temperature"] = 300
    ase.io.write(tmp_path / "frames.extxyz", frames)
    return tmp_path / "frames.extxyz"


@pytest.fixture
def program(tmp_path):
    """A program that prints OUTPUT and counts its calls in a file."""
    (tmp_path / "output.txt").write_text(OUTPUT)
    path = tmp_path / "fake-cp2k"
    path.write_text(f"#!/bin/sh\necho x >> {tmp_path}/calls\nsleep ${{SLOW:-0}}\ncat {tmp_path}/output.txt\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def teacher(program, template="pbe", **options):
    return cp2k.Cp2k(template, str(program), **options)


@pytest.mark.parametrize("template", cp2k.TEMPLATES)
def test_templates_give_whole_inputs(program, template):
    text = teacher(program, template).make_input(structures()[0])
    assert "A 5.0000000000 0.0000000000 0.0000000000" in text and "@" not in text
    assert "      Cl 2.4000000000 0.0000000000 0.0000000000" in text and "CUTOFF 600" in text
    assert "BASIS_SET TZVP-MOLOPT-GTH\n      POTENTIAL GTH-PBE-q7" in text
    assert ("SCHEME MONKHORST-PACK 3 3 3" in text) == template.endswith("-k")
    assert ("VDW_POTENTIAL" in text) == ("d3" in template) and ("DFTD3(BJ)" in text) == ("bj" in template)
    sections = [line.split()[0] for line in text.splitlines() if line.strip().startswith("&")]
    assert sum(not name.startswith("&END") for name in sections) == sections.count("&END")


@pytest.mark.long
@pytest.mark.parametrize("template", cp2k.TEMPLATES)
def test_cp2k_understands_the_templates(tmp_path, template):
    """Genuine CP2K reads the input for every element, and computes none of it."""
    if shutil.which("cp2k") is None:
        pytest.skip("no CP2K")
    count = len(cp2k.KINDS)
    places = 3.0 * np.stack(np.meshgrid(range(3), range(3), range(4)), -1).reshape(-1, 3)
    symbols = [*cp2k.KINDS] * 2
    atoms = Atoms(symbols, positions=places[: 2 * count], cell=[9, 9, 12], pbc=True)
    (tmp_path / "label.inp").write_text(cp2k.Cp2k(template).make_input(atoms))
    found = subprocess.run(["cp2k", "-c", "label.inp"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "SUCCESS, the input could be parsed correctly" in found.stdout, found.stdout[-2000:]


@pytest.mark.long
def test_cp2k_labels_a_frame(tmp_path):
    """Genuine CP2K: three minutes of a core."""
    if shutil.which("cp2k") is None:
        pytest.skip("no CP2K")
    atoms = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    atoms.positions += np.random.default_rng(5).normal(0, 0.06, (8, 3))
    ase.io.write(tmp_path / "LiCl.extxyz", atoms)
    found = label([tmp_path / "LiCl.extxyz"], tmp_path / "out", cp2k.Cp2k("pbe-d3-k"))
    labelled = ase.io.read(found.file)
    assert labelled.get_potential_energy() / 8 == pytest.approx(-307.34860, abs=1e-4)
    assert np.abs(labelled.get_forces().sum(axis=0)).max() < 0.002


@pytest.mark.long
def test_sevennet_labels_a_frame(tmp_path):
    pytest.importorskip("sevenn")
    ase.io.write(tmp_path / "one.extxyz", structures()[0])
    found = label([tmp_path / "one.extxyz"], tmp_path / "out", open_teacher("sevenn:7net-0"))
    labelled = ase.io.read(found.file)
    assert labelled.info["level_of_theory"] == "SevenNet 7net-0" and np.isfinite(labelled.get_stress()).all()


def test_a_template_of_ones_own(program, tmp_path):
    own = tmp_path / "own.inp"
    own.write_text("&KIND Li\n&KIND Cl\nA @A@\nB @B@\nC @C@\n@COORDINATES@\n")
    found = teacher(program, str(own))
    assert "C 0.0000000000 0.0000000000 4.0000000000" in found.make_input(structures()[0])
    assert found.level == "CP2K, own.inp"
    own.write_text("A @A@")
    with pytest.raises(ValueError, match="has no @B@, @C@, @COORDINATES@; put the marks into it"):
        teacher(program, str(own))


def test_output_is_read_in_our_units_and_sign():
    found = cp2k.parse_output(OUTPUT, 2, 100.0)
    assert found.energy == pytest.approx(-68.0284656)
    np.testing.assert_allclose(found.forces[1], [-0.514220675, 1.02844135, -1.54266202], rtol=1e-6)
    # A pressure of 2.5 GPa along y pushes outwards: the virial is positive.
    assert found.virial[1, 1] == pytest.approx(2.5 * 100 / 160.2176634)
    assert found.virial[0, 1] == pytest.approx(0.1 * 100 / 160.2176634)
    in_bar = cp2k.parse_output(OUTPUT.replace("tensor [GPa]", "tensor [bar]"), 2, 100.0)
    np.testing.assert_allclose(in_bar.virial, 1e-4 * found.virial)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("SCF run converged", "SCF run NOT converged"), "did not converge; raise MAX_SCF"),
        (lambda text: text.replace("PROGRAM ENDED AT", ""), "gave no energy \\(the output ends early\\)"),
        (lambda text: text.replace("      2      2      S ", "      x      2      S "), "printed 1 forces for 2 atoms"),
        (lambda text: text.replace("STRESS|      z", "STRESS|      q"), "printed no stress tensor"),
        (lambda text: text.replace("tensor [GPa]", "tensor [atm]"), "the stress tensor is in atm, not in GPa, bar"),
    ],
)
def test_outputs_without_a_label_are_refused(change, message):
    with pytest.raises(cp2k.LabelError, match=message):
        cp2k.parse_output(change(OUTPUT), 2, 100.0)


def test_frames_are_labelled_once(file, tmp_path, program):
    said = []
    found = label([file], tmp_path / "out", teacher(program), tell=said.append)
    assert (found.labelled, found.made, found.discarded, found.finished) == (6, 6, {}, True)
    assert "6 of 6 structures to label, PBE/TZVP-MOLOPT-GTH, CP2K, Gamma point: about" in said[0]
    first, *_, last = ase.io.read(found.file, ":")
    assert last.info["temperature"] == 300 and last.info["kpoints"] == "1x1x1" and last.info["cutoff_Ry"] == 600
    assert last.info["level_of_theory"] == "PBE/TZVP-MOLOPT-GTH, CP2K, Gamma point"
    assert last.get_potential_energy() == pytest.approx(-68.0284656)
    assert first.get_stress()[1] == pytest.approx(-2.5 / 160.2176634)
    more = tmp_path / "POSCAR"
    ase.io.write(more, structures()[0])  # known already
    assert label([file, more], tmp_path / "out", teacher(program)).made == 0
    assert len((tmp_path / "calls").read_text().split()) == 6
    with pytest.raises(
        ValueError, match="holds labels of level_of_theory .*Gamma point.* \\(not .*k-points.*; choose another"
    ):
        label([file], tmp_path / "out", teacher(program, "pbe-k"))
    with pytest.raises(ValueError, match='cutoff_Ry "by element" \\(not 500'):
        label([file], tmp_path / "out", teacher(program, cutoff=500))
    assert read_data([found.file])[0].level == "PBE/TZVP-MOLOPT-GTH, CP2K, Gamma point"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace("run converged", "run NOT converged"), "did not converge"),
        (
            lambda text: text.replace("-0.01000000     0.0200", "-0.02000000     0.0200"),
            "net force of 0.514 eV/A is larger",
        ),
        (lambda text: text.replace("0.03000000", "3.03000000"), "a force of 156 eV/A is larger than 50"),
    ],
)
def test_discarded_frames_say_why_and_are_tried_again_on_request(tmp_path, program, change, reason):
    ase.io.write(tmp_path / "one.extxyz", structures())
    (tmp_path / "output.txt").write_text(change(OUTPUT))
    arguments = ["label", tmp_path / "one.extxyz", "-o", tmp_path / "out", "--with", "cp2k", "--cp2k", program]
    code, printed = command(*arguments)
    assert code == 1 and reason in printed and "0 labels (0 new), 1 discarded" in printed
    (frame,) = ase.io.read(tmp_path / "out" / "discarded.extxyz", ":")
    assert reason in frame.info["reason"]
    (tmp_path / "output.txt").write_text(OUTPUT)
    assert command(*arguments)[0] == 1 and (tmp_path / "calls").read_text().split() == ["x"]
    code, printed = command(*arguments, "--retry")
    assert code == 0 and "1 labels (1 new), 0 discarded" in printed


def test_a_calculation_ends_at_its_walltime(tmp_path, program, monkeypatch):
    monkeypatch.setenv("SLOW", "30")
    ase.io.write(tmp_path / "one.extxyz", structures())
    begin = time.monotonic()
    found = label([tmp_path / "one.extxyz"], tmp_path / "out", teacher(program, walltime=0.3))
    assert list(found.discarded.values()) == ["cp2k: it took longer than the walltime of 0.3 s"]
    assert time.monotonic() - begin < 20


def test_killed_at_random_no_label_is_lost_or_made_twice(file, tmp_path):
    """SIGKILL at random moments; afterwards the labels are those of an undisturbed run."""
    frames = structures(40)
    ase.io.write(file, frames)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    script = (
        "import sys, time; from openmmlps.learn import labels\n"
        f"teacher = labels.open_teacher({LJ!r}); inner = teacher.predict\n"
        "def predict(atoms, folder, stop=None):\n"
        "    open(sys.argv[3], 'a').write('x'); time.sleep(0.05); return inner(atoms, folder)\n"
        "teacher.predict = predict\n"
        "labels.label([sys.argv[1]], sys.argv[2], teacher)"
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    label([file], whole, open_teacher(LJ))
    dice, labelled, kills = random.Random(3), parts / "labelled.extxyz", 0
    while kills < 6:
        before = labelled.stat().st_size if labelled.exists() else 0
        process = subprocess.Popen([sys.executable, "-c", script, file, parts, tmp_path / "calls"], env=environment)
        while process.poll() is None and (not labelled.exists() or labelled.stat().st_size == before):
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        if kills == 3:  # and once in the middle of a line
            labelled.write_bytes(labelled.read_bytes()[:-40])
    assert subprocess.run([sys.executable, "-c", script, file, parts, tmp_path / "calls"], check=True, env=environment)
    found, wanted = (ase.io.read(folder / "labelled.extxyz", ":") for folder in (parts, whole))
    assert sorted(a.info["label_id"] for a in found) == sorted(a.info["label_id"] for a in wanted)
    assert {a.info["label_id"]: a.get_potential_energy() for a in found} == {
        a.info["label_id"]: a.get_potential_energy() for a in wanted
    }
    # A label was begun again only where the kill hit it, or cut its frame off.
    assert 40 <= len((tmp_path / "calls").read_text()) <= 40 + kills + 1


def test_labels_can_be_trained_on(tmp_path):
    shaken = np.random.default_rng(1)
    frames = [atoms.repeat((1, 1, 2)) for atoms in structures(8)]
    for atoms in frames:
        atoms.positions += shaken.normal(0, 0.05, atoms.positions.shape)
    ase.io.write(tmp_path / "frames.extxyz", frames)
    found = label([tmp_path / "frames.extxyz"], tmp_path / "out", open_teacher(LJ))
    settings = TrainSettings(steps=3, size="lps-fast", cutoff=4.0)
    assert train([found.file], tmp_path / "model", settings).finished


def test_processes_share_the_work(file, tmp_path, program, monkeypatch):
    """Three at a time; one is told to stop, and another takes over what it leaves."""
    monkeypatch.setenv("SLOW", "0.3")
    ase.io.write(file, structures(12))
    arguments = ["-m", "openmmlps", "label", file, "-o", tmp_path / "out", "--with", "cp2k", "--cp2k", program]
    calls, processes = tmp_path / "calls", []
    for number in (1, 1, 4):  # the first one is at work, so that it hears signals, when the others begin
        processes.append(subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True))
        while not calls.exists() or len(calls.read_text().split()) < number:
            time.sleep(0.05)
    processes[0].send_signal(signal.SIGTERM)
    printed = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes[1:]] == [0, 0]
    assert processes[0].returncode == 0 or "Interrupted; give the same command to go on" in printed[0]
    monkeypatch.setenv("SLOW", "0")
    assert label([file], tmp_path / "out", teacher(program)).labelled == 12
    labels = [atoms.info["label_id"] for atoms in ase.io.read(tmp_path / "out" / "labelled.extxyz", ":")]
    assert len(labels) == len(set(labels)) == 12
    assert len((tmp_path / "calls").read_text().split()) <= 13  # but for the one that was stopped


def broken(**changes):
    atoms = structures()[0]
    for name, value in changes.items():
        setattr(atoms, name, value)
    return atoms


@pytest.mark.parametrize(
    ("atoms", "arguments", "message"),
    [
        (broken(symbols="XeCl"), [], "the template has no basis for Xe, only for Li, N, O"),
        (broken(pbc=False), [], "not periodic in three directions"),
        (broken(symbols="OCl"), [], "odd number of electrons (13); add or remove an atom"),
        (broken(), ["--cp2k", "no-such-program"], "there is no program 'no-such-program'; install CP2K (Debian"),
        (broken(), ["--with", "cp2k:none.inp"], "there is no template 'none.inp'; use pbe, pbe-d3, pbe-d3bj, pbe-k"),
        (broken(), ["--with", "vasp"], "'vasp' is no teacher; use cp2k"),
        (broken(), ["--with", "sevenn:7net-0"], "pip install sevenn (5.2 GB"),
        (broken(), ["--with", "ase:EMT"], "does not name a calculator"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_computed(tmp_path, program, monkeypatch, atoms, arguments, message):
    without_sevenn(monkeypatch)
    ase.io.write(tmp_path / "frames.extxyz", [structures()[0], atoms])
    given = ["--with", "cp2k", "--cp2k", program] if "--with" not in arguments else []
    code, printed = command("label", tmp_path / "frames.extxyz", "-o", tmp_path / "out", *given, *arguments)
    assert code == 2 and message in printed
    assert not (tmp_path / "calls").exists()
