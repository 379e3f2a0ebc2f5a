# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Labelled frames for the tests of openmmlps.learn."""

import importlib.util

import ase.io
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

from openmmlps.app.structure_files import structure_path
from openmmlps.ase import LPSCalculator
from openmmlps.cli import app


def command(*arguments) -> tuple[int, str]:
    """Exit code and all that `openmm-lps` prints, on one line."""
    found = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "500"})
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, " ".join(found.output.split())


def without_sevenn(monkeypatch) -> None:
    """Let the package look as if it were not installed."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "sevenn" else found(name, *rest)
    )


def lithium_sulfide(count: int, seed: int = 1) -> list:
    """Frames of 12 atoms at 300 K, shaken by hand and labelled by the packaged model."""
    random = np.random.default_rng(seed)
    calculator, found = LPSCalculator(), []
    for _ in range(count):
        atoms = ase.io.read(structure_path("Li2S"))
        atoms.set_cell(atoms.cell[:] @ (np.eye(3) + random.normal(0, 0.01, (3, 3))), scale_atoms=True)
        atoms.positions += random.normal(0, 0.08, atoms.positions.shape)
        atoms.info = {"temperature": 300.0}
        atoms.calc = calculator
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(), "stress": atoms.get_stress()}
        atoms.calc = SinglePointCalculator(atoms, **results)
        found.append(atoms)
    return found
