# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Labelling with CP2K: input, output, resuming and refusals, with a stand-in for the program."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TRAINING = Path(__file__).resolve().parents[2] / "training"
sys.path[:0] = [str(TRAINING), str(TRAINING / "label")]

import cp2k

from frames import read_frames

SCRIPT = TRAINING / "label" / "label.py"

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


def structures():
    from ase import Atoms

    return Atoms("LiS", positions=[[0, 0, 0], [2.4, 0, 0]], cell=[5, 5, 4], pbc=True)


@pytest.fixture
def program(tmp_path):
    """A program that prints OUTPUT and counts its calls in a file."""
    (tmp_path / "output.txt").write_text(OUTPUT)
    path = tmp_path / "fake-cp2k"
    path.write_text(f"#!/bin/sh\necho x >> {tmp_path}/calls\ncat {tmp_path}/output.txt\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def label(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture
def call(monkeypatch, capsys):
    """The main function in this process: (exit code, standard output, standard error)."""

    def called(*arguments):
        import label as script

        monkeypatch.setattr(sys, "argv", ["label.py", *map(str, arguments)])
        try:
            code = script.main()
        except SystemExit as error:
            code = error.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return called


def test_input_holds_cell_and_atoms():
    text = cp2k.make_input(structures(), cp2k.TEMPLATE.read_text())
    assert "A 5.0000000000 0.0000000000 0.0000000000" in text and "@" not in text
    assert "      S 2.4000000000 0.0000000000 0.0000000000" in text
    assert "PBE" in text and "TZVP-MOLOPT-GTH" in text and "VDW" not in text.upper()


def test_output_is_read_in_our_units_and_sign():
    found = cp2k.parse_output(OUTPUT, 2, 100.0)
    assert found.energy == pytest.approx(-68.0284656)
    np.testing.assert_allclose(found.forces[1], [-0.514220675, 1.02844135, -1.54266202], rtol=1e-6)
    # A pressure of 2.5 GPa along y pushes outwards: the virial is positive.
    assert found.virial[1, 1] == pytest.approx(2.5 * 100 / 160.2176634)
    assert found.virial[0, 1] == pytest.approx(0.1 * 100 / 160.2176634)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("SCF run converged", "SCF run NOT converged"), "did not converge; raise MAX_SCF"),
        (lambda text: text.replace("PROGRAM ENDED AT", ""), "CP2K gave no energy \\(the output ends early\\)"),
        (lambda text: text.replace("      2      2      S ", "      x      2      S "), "printed 1 forces for 2 atoms"),
        (lambda text: text.replace("STRESS|      z", "STRESS|      q"), "printed no stress tensor"),
        (lambda text: text.replace("tensor [GPa]", "tensor [bar]"), "is not in GPa"),
    ],
)
def test_outputs_without_a_label_are_refused(change, message):
    with pytest.raises(cp2k.LabelError, match=message):
        cp2k.parse_output(change(OUTPUT), 2, 100.0)


def test_the_gamma_point_leaves_the_template_as_it_is():
    template = cp2k.TEMPLATE.read_text()
    assert cp2k.with_kpoints(template, cp2k.GAMMA) == template


def test_kpoints_take_diagonalisation():
    text = cp2k.with_kpoints(cp2k.TEMPLATE.read_text(), (1, 2, 3))
    assert "SCHEME MONKHORST-PACK 1 2 3" in text and "&DIAGONALIZATION" in text and "BROYDEN_MIXING" in text
    assert "&OT" not in text and "OUTER_SCF" not in text and text.count("EPS_SCF") == 1
    sections = [line.split()[0] for line in text.splitlines() if line.strip().startswith("&")]
    assert sum(not name.startswith("&END") for name in sections) == sections.count("&END")
    with pytest.raises(cp2k.LabelError, match="--kpoints takes a template with one section &OT within &SCF"):
        cp2k.with_kpoints(text, (1, 2, 1))


def test_structures_that_cannot_be_computed():
    atoms = structures()
    atoms.symbols[0] = "Ge"
    with pytest.raises(cp2k.LabelError, match="no basis for Ge, only for Li, P, S"):
        cp2k.make_input(atoms, cp2k.TEMPLATE.read_text())
    atoms = structures()
    atoms.pbc = False
    with pytest.raises(cp2k.LabelError, match="not periodic in three directions"):
        cp2k.make_input(atoms, cp2k.TEMPLATE.read_text())


def test_frames_are_labelled_once_and_written(call, tmp_path, program):
    import ase.io

    first, second = structures(), structures()
    second.positions[1, 0] = 2.5
    second.info["temperature"] = 300
    ase.io.write(tmp_path / "two.extxyz", [first, second])
    ase.io.write(tmp_path / "POSCAR", first)
    arguments = [tmp_path / "two.extxyz", "--output", tmp_path / "out", "--cp2k", program]
    found = label(*arguments)
    assert found.returncode == 0, found.stderr
    assert "two.extxyz[1]: -34.01423 eV/atom" in found.stdout
    frames = read_frames(tmp_path / "out" / "LiS")
    assert len(frames) == 2 and frames.type_map == ["Li", "P", "S"] and list(frames.types) == [0, 2]
    assert frames.coord[1, 3] == pytest.approx(2.5) and frames.energy[0] == pytest.approx(-68.0284656)
    np.testing.assert_allclose(frames.virial[0], frames.virial[1])
    _, last = ase.io.read(tmp_path / "out" / "labelled.extxyz", ":")
    assert last.info["temperature"] == 300 and last.info["kpoints"] == "1x1x1"
    assert last.get_potential_energy() == pytest.approx(frames.energy[1])
    np.testing.assert_allclose(-last.get_volume() * last.get_stress(voigt=False).ravel(), frames.virial[1], atol=1e-6)
    np.testing.assert_allclose(last.get_forces().ravel(), frames.force[1], atol=1e-7)
    # Once more, with a file whose frame is known already: nothing is computed.
    assert call(*arguments[:1], tmp_path / "POSCAR", *arguments[1:])[0] == 0
    assert (tmp_path / "calls").read_text().split() == ["x", "x"]
    assert len(read_frames(tmp_path / "out" / "LiS")) == 3
    # Other k-points are another calculation.
    assert call(tmp_path / "POSCAR", *arguments[1:], "--kpoints", 1, 2, 1)[0] == 0
    assert (tmp_path / "calls").read_text().split() == ["x"] * 3
    assert ase.io.read(tmp_path / "out" / "labelled.extxyz").info["kpoints"] == "1x2x1"


def test_a_failed_frame_is_named_and_tried_again(call, tmp_path, program):
    import ase.io

    ase.io.write(tmp_path / "one.extxyz", structures())
    (tmp_path / "output.txt").write_text(OUTPUT.replace("run converged", "run NOT converged"))
    arguments = [tmp_path / "one.extxyz", "--output", tmp_path / "out", "--cp2k", program]
    code, _, printed = call(*arguments)
    assert code == 1 and "one.extxyz[0]: label: the self-consistent field did not converge" in printed
    assert "label.out" in printed
    (tmp_path / "output.txt").write_text(OUTPUT)
    assert call(*arguments)[0] == 0
    (job,) = (tmp_path / "out" / "jobs").iterdir()
    assert json.loads((job / "label.json").read_text())["energy_eV"] == pytest.approx(-68.0284656)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.xyz", "--cp2k", "true"], "there is no file 'missing.xyz'; give extended XYZ or POSCAR"),
        ([SCRIPT, "--cp2k", "true"], "is not a structure that ASE reads"),
        ([SCRIPT, "--cp2k", "no-such-program"], "there is no program 'no-such-program'; install CP2K or name it"),
        ([SCRIPT, "--cp2k", "true", "--template", "none.inp"], "there is no template 'none.inp'"),
        ([SCRIPT, "--cp2k", "true", "--kpoints", 1, 0, 1], "--kpoints are 1 0 1; give three numbers from 1 on"),
        (
            [SCRIPT, "--cp2k", "true", "--template", SCRIPT, "--kpoints", 1, 2, 1],
            "takes a template with one section &OT",
        ),
    ],
)
def test_wrong_input_is_refused(call, tmp_path, arguments, message):
    code, _, printed = call(*arguments, "--output", tmp_path)
    assert code == 2 and message in " ".join(printed.split())


def test_help_says_how_to_call_it(call):
    code, out, _ = call("--help")
    assert code == 0 and "training/label/label.py strained.extxyz POSCAR" in out
