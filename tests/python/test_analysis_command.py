# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps analyze`` on trajectories of other programs: from a LAMMPS dump alone."""

import numpy as np
import pytest
from typer.testing import CliRunner

from analysis_support import crystal, write_h5md
from openmmlps.cli import app

TYPES = {"Li": 1, "P": 2, "S": 3}


@pytest.fixture(scope="module")
def walk():
    """A vibrating crystal whose lithium walks, 60 frames."""
    base, random = crystal("beta-Li3PS4"), np.random.default_rng(0)
    positions = base.positions + random.normal(0, 0.03, (60, *base.positions.shape[1:]))
    positions[:, base.indices("Li")] += np.cumsum(random.normal(0, 0.3, (60, len(base.indices("Li")), 3)), axis=0)
    return base.symbols, positions, np.diag([24.0, 24, 24])


@pytest.fixture
def dump(tmp_path, walk):
    symbols, positions, cell = walk
    head = (
        "ITEM: TIMESTEP\n{}\nITEM: NUMBER OF ATOMS\n{}\nITEM: BOX BOUNDS pp pp pp\n"
        + "0 24\n" * 3
        + "ITEM: ATOMS id type {}\n"
    )

    def write(columns="x y z", places=positions):
        rows = [f"{i + 1} {TYPES[symbol]} " for i, symbol in enumerate(symbols)]
        with open(tmp_path / "dump.lammpstrj", "w") as file:
            for step, frame in enumerate(places):
                file.write(head.format(step * 50, len(rows), columns))
                file.writelines(f"{row}{x:.4f} {y:.4f} {z:.4f}\n" for row, (x, y, z) in zip(rows, frame, strict=True))
        return str(tmp_path / "dump.lammpstrj")

    return write


def analyze(*arguments):
    found = CliRunner().invoke(app, ["analyze", *map(str, arguments)])
    return found.exit_code, " ".join(found.output.split())


def test_lammps_dump(dump, tmp_path):
    path = dump()
    code, text = analyze(path)
    assert (
        code == 2 and "has types of atoms without elements; name them in the order of the types with --elements" in text
    )
    code, text = analyze(path, "--elements", "Li,P,S")
    assert code == 0 and "the file has no times; give --frame-interval" in text and "density" in text
    assert (tmp_path / "dump.lammpstrj-analysis").is_dir()
    code, text = analyze(
        path, "--elements", "Li,P,S", "--frame-interval", "50 fs", "--temperature", "600", "-o", tmp_path / "out"
    )
    assert code == 0 and "D* of Li" in text and "σ_NE" in text and list((tmp_path / "out").glob("*msd*.csv"))
    code, text = analyze(path, "--elements", "Li,P,S", "--frame-interval", "soon")
    assert code == 2 and "--frame-interval: 'soon' is not a time" in text


def test_wrapped_dump(dump, walk):
    path = dump(places=walk[1] % 24)
    known = [path, "--elements", "Li,P,S", "--frame-interval", "50 fs"]
    assert "is wrapped into the periodic box" in analyze(*known)[1]
    for option in ("--unwrap", "--no-checks"):
        code, text = analyze(*known, option)
        assert code == 0 and "is wrapped" not in text


def test_unlikely_units(dump, walk):
    path = dump(places=walk[1] / 10)
    code, text = analyze(path, "--elements", "Li,P,S")
    assert code == 2 and "not in angstrom (perhaps nanometer" in text and "--no-checks" in text
    assert analyze(path, "--elements", "Li,P,S", "--no-checks")[0] == 0


def test_cold_start_with_stated_units(tmp_path, walk):
    symbols, positions, cell = walk
    write_h5md(tmp_path / "cold.h5", symbols, positions, 0.001 + 0 * positions, cell, 0.05 * np.arange(60))
    assert analyze(tmp_path / "cold.h5")[0] == 0


def test_what_is_refused(tmp_path):
    assert (
        "does not exist; give the folder of a run or of a protocol, or a trajectory file" in analyze(tmp_path / "no")[1]
    )
    assert (
        "is no trajectory file; leave out the options that say how to read one"
        in analyze(tmp_path, "--elements", "Li")[1]
    )
