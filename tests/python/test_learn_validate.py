# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Validation: errors, bounds, committee, the page, and other potentials than native ones."""

import dataclasses
import json

import ase.io
import numpy as np
import pytest

from learn_support import command, lithium_sulfide, without_sevenn
from openmmlps.learn import validate
from openmmlps.learn.data import read_data
from openmmlps.learn.errors import Compared, binned, committee_quality, deviation, spearman, summary
from openmmlps.learn.validation import parse_bounds
from openmmlps.potentials import open_potential


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "Li2S.extxyz"
    ase.io.write(path, lithium_sulfide(4))
    return path


def test_errors_of_known_predictions(file):
    (frames,) = read_data([file])
    reference = frames.force.reshape(4, 12, 3)
    on_sulfur = (frames.symbols == "S")[None, :, None]
    energy = frames.energy + 0.012 * np.array([1, -1, 1, -1])
    found = summary([Compared(frames, energy, 0.9 * reference + 0.2 * on_sulfur, frames.virial + 0.012, None, 1.0)])
    assert found["energy"] == pytest.approx(1.0) and found["virial"] == pytest.approx(1.0)
    assert found["slope Li"] == pytest.approx(0.9)
    lithium = reference[:, frames.symbols == "Li"]
    assert found["force Li"] == pytest.approx(0.1 * np.sqrt(np.mean(lithium**2)))
    shifted = summary([Compared(frames, frames.energy + 5.0, reference, None, None, 1.0)])
    assert shifted["energy"] == pytest.approx(5000 / 12) and shifted["energy shifted"] < 1e-6
    assert shifted["force"] == 0 and "virial" not in shifted


def test_committee_flags_what_is_wrong(file):
    (frames,) = read_data([file])
    reference = frames.force.reshape(4, 12, 3)
    wrong = reference.copy()
    wrong[3, 5, 0] += 2.0
    wrong[:, 0, 0] += 0.1
    spread = 0.5 * np.linalg.norm(wrong - reference, axis=2)
    found = committee_quality([Compared(frames, frames.energy, wrong, None, spread, 1.0)])
    assert found["wrong"] == 0.25 and found["flagged"] == 0.25 and found["threshold"] == pytest.approx(1.0)
    assert found["atoms"] == pytest.approx(1.0)
    assert deviation(np.array([np.zeros((1, 3)), [[0.6, 0.8, 0.0]]])) == pytest.approx([0.5])
    assert spearman(np.arange(4.0), -np.arange(4.0)) == pytest.approx(-1) and np.isnan(spearman(np.ones(2), np.ones(2)))


def test_bins_hold_equally_many():
    means, errors, members = binned(np.array([3.0, 1.0, 2.0, 4.0]), np.array([3.0, 1.0, 1.0, 5.0]), 2)
    assert means.tolist() == [1.5, 3.5] and errors == pytest.approx([1, np.sqrt(17)]) and members.tolist() == [2, 2]


def test_a_model_on_its_own_labels_is_exact(file):
    for model in ("lps", "ase:openmmlps.ase.LPSCalculator?model=lps&threads=1"):
        found = validate(model, [file])
        assert found.errors["force"] < 1e-6 and found.errors["virial"] < 1e-3 and not found.failures
        assert found.errors["slope"] == pytest.approx(1) and found.microseconds_per_atom > 0


def test_page_and_exit_code(file, tmp_path):
    page = tmp_path / "page.html"
    arguments = ["validate", "lps-fast", file, "-o", page, "--committee", "lps", "--stability", "20 fs"]
    code, printed = command(*arguments, "--must", "force=5", "--must", "slope=1")
    assert code == 0, printed
    text = page.read_text()
    for part in ("Forces on Li", "Does the committee know", "Must be within", "held", "<b>Figure 1.</b>"):
        assert part in text
    numbers = json.loads(page.with_suffix(".json").read_text())
    assert numbers["must"] == {"force": 5, "slope": 1} and numbers["failures"] == []
    assert numbers["committee"]["atoms"] > 0.5 and numbers["stability"][0]["kelvin"] == 300
    code, printed = command(*arguments[:5], "--must", "force.S=1e-4", "--must", "virial=1e9")
    assert (
        code == 1
        and "force S is 0." in printed
        and "must be within 0.0001 eV/Å" in printed
        and "virial is" not in printed
    )
    assert "Not good enough" in page.read_text()


def test_what_was_not_measured_fails_a_bound(file):
    (frames,) = read_data([file])
    found = validate("lps", [file], bounds={"virial": 1.0, "force Ge": 1.0})
    assert found.failures == ["force Ge was not measured"]
    without = dataclasses.replace(frames, virial=None)
    assert "virial" not in summary([Compared(without, frames.energy, frames.force.reshape(4, 12, 3), None, None, 1.0)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lps", "--must", "forces=0.1"], "'forces=0.1' bounds nothing that is measured; use energy, energy shifted"),
        (["lps", "--must", "force=-1"], "'force=-1' is no bound"),
        (["lps", "-o", "page.txt"], "give the path of an .html file"),
        (["cp2k:template"], "'cp2k:' cannot be evaluated here"),
        (["ase:no.such.Class"], "'no.such' cannot be imported"),
        (["ase:ase.calculators.emt.Nothing"], "has no 'Nothing'"),
        (["ase:EMT"], "does not name a calculator"),
        (["ase:openmmlps.ase.LPSCalculator?platform=None&precision=odd"], "cannot be made with"),
        (["ase:ase.calculators.emt.EMT", "--stability", "1 ps"], "stability runs need a model file"),
        (["sevenn:7net-0"], "the package is not installed; pip install sevenn (5.2 GB"),
        (["missing.dp"], "'missing.dp' is not a file"),
    ],
)
def test_wrong_input_is_refused(file, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    without_sevenn(monkeypatch)
    code, printed = command("validate", arguments[0], file, *arguments[1:])
    assert code == 2 and message in printed


def test_elements_that_the_model_lacks_are_named(tmp_path):
    frames = lithium_sulfide(1)
    frames[0].symbols[0] = "Ge"
    ase.io.write(tmp_path / "Ge.extxyz", frames)
    with pytest.raises(ValueError, match="'lps' lacks Ge, which the data hold"):
        validate("lps", [tmp_path / "Ge.extxyz"])


def test_options_of_calculators_are_numbers_and_words():
    assert parse_bounds(["force.Li=0.1", "energy.shifted=3"]) == {"force Li": 0.1, "energy shifted": 3}
    found = open_potential("ase:ase.calculators.lj.LennardJones?sigma=2&smooth=true")
    assert found.calculator.parameters["sigma"] == 2 and found.calculator.parameters["smooth"] is True
