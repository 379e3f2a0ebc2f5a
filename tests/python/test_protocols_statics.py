# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Relaxation and elastic constants with the packaged model: stress against strain of the energy, and against matscipy."""

import json

import ase.io
import numpy as np
import pytest
from ase.constraints import FixAtoms

from openmmlps import analysis
from openmmlps.app.engine import DeepPotentialEngine
from openmmlps.app.structure_files import load
from openmmlps.ase import LPSCalculator
from openmmlps.protocols import ElasticSettings, RelaxSettings, elastic, relax
from openmmlps.protocols.elastic import strain_name
from openmmlps.protocols.protocol_folder import ProtocolFolder
from openmmlps.protocols.relaxation import calculator
from openmmlps.report import find
from openmmlps.units import GPA_PER_EV_PER_ANGSTROM3 as GPA

SETTINGS = {"platform": "CPU", "threads": 1}


@pytest.fixture(scope="module")
def relaxed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("statics") / "relaxed"
    settings = RelaxSettings.make(structure="gamma-Li3PS4", stress_tolerance_GPa=0.002, **SETTINGS)
    assert relax.start(folder, settings).state == "finished"
    return folder


def test_relaxed_cell_is_at_rest(relaxed):
    found = json.loads((relaxed / "replica-1" / "result.json").read_text())
    assert found["converged"] and found["largest_force_eV_per_angstrom"] <= 0.002
    assert np.abs(found["stress_GPa"]).max() <= 0.002
    atoms = ase.io.read(relaxed / "replica-1" / "final.extxyz")
    assert np.allclose(atoms.cell, found["cell_after_angstrom"])
    assert found["history"][-1][1] < found["history"][0][1]


def test_stress_is_the_strain_derivative_in_any_frame(relaxed):
    """The cell is neither reduced nor lower-triangular here, so every turn to OpenMM's frame and back counts."""
    from ase.calculators.fd import calculate_numerical_stress

    atoms = ase.io.read(relaxed / "replica-1" / "final.extxyz")
    atoms.rattle(0.05, seed=1)
    atoms.rotate(35, (1, 2, 3), rotate_cell=True)
    atoms.set_cell(np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]]) @ np.array(atoms.cell), scale_atoms=False)
    atoms.calc = LPSCalculator(relaxed / "inputs" / "model.safetensors", threads=1)
    assert np.allclose(atoms.get_stress() * GPA, calculate_numerical_stress(atoms, eps=1e-4) * GPA, atol=2e-4)


def test_elastic_constants_agree_with_matscipy(relaxed, tmp_path):
    matscipy = pytest.importorskip("matscipy.elasticity")
    from ase.optimize import LBFGS

    settings = ElasticSettings.make(structure=str(relaxed), relax_cell=False, symmetry="orthorhombic", **SETTINGS)
    elastic.start(tmp_path / "elastic", settings)
    stresses = [
        [
            json.loads((tmp_path / "elastic" / "replica-1" / strain_name(component, sign) / "result.json").read_text())[
                "stress_GPa"
            ]
            for component in range(6)
        ]
        for sign in (1, -1)
    ]
    ours = analysis.symmetrize(analysis.elastic_constants(*stresses, settings.strain), "orthorhombic")
    atoms = ase.io.read(relaxed / "replica-1" / "final.extxyz")
    atoms.calc = LPSCalculator(relaxed / "inputs" / "model.safetensors", threads=1)
    theirs, _ = matscipy.fit_elastic_constants(
        atoms, symmetry="triclinic", N_steps=3, delta=0.01, optimizer=LBFGS, fmax=0.001, verbose=False, logfile=None
    )
    theirs = analysis.symmetrize(theirs * GPA, "orthorhombic")
    assert np.abs(ours - theirs).max() < 0.02 * np.abs(theirs).max()
    found = find(tmp_path / "elastic")
    bulk = analysis.voigt_reuss_hill(ours).bulk_GPa
    assert found.results[0].quantity == "bulk modulus B (GPa)" and found.results[0].value == f"{bulk:.2f}"


def test_the_calculator_follows_the_settings(relaxed):
    """Case of the name, 'auto' and precision; energies are those of every platform."""
    model = relaxed / "inputs" / "model.safetensors"
    atoms = ase.io.read(relaxed / "replica-1" / "final.extxyz")
    energies = []
    for platform, precision, expected in (
        ("auto", "auto", None),
        ("cpu", "double", None),
        ("reference", "auto", "Reference"),
    ):
        atoms.calc = calculator(model, RelaxSettings.make(platform=platform, precision=precision, threads=1))
        if platform != "auto":
            assert atoms.calc.platform == expected
        assert atoms.calc.precision == "double"
        energies.append(atoms.get_potential_energy())
    assert np.ptp(energies) < 1e-4
    for values, message in (
        ({"platform": "Cray"}, "platform: 'Cray' does not exist here; usable are"),
        ({"platform": "CPU", "precision": "mixed"}, "precision is 'mixed'; use one of double, single"),
    ):
        with pytest.raises(ValueError, match=message):
            calculator(model, RelaxSettings.make(**values))


def test_interrupted_strain_goes_on(relaxed, tmp_path):
    """A strained cell that was stopped half way keeps what it had reached."""
    settings = ElasticSettings.make(structure=str(relaxed), relax_cell=False, **SETTINGS)
    with begun(elastic, tmp_path / "elastic", settings) as folder:
        reference, strain = elastic.stages(folder, settings)[:2]
        assert carry_out(folder, reference)["converged"]
        assert carry_out(folder, strain, steps=8) is None
        path = folder.path / strain.name
        first, kept = (ase.io.read(file) for file in (path.parent / "reference.extxyz", path / "state.extxyz"))
        assert kept.cell[0, 0] == pytest.approx(1.01 * first.cell[0, 0])
        forces = []
        for atoms in (first, kept):
            atoms.set_cell(kept.cell, scale_atoms=True)
            atoms.calc = LPSCalculator(folder.model, threads=1)
            forces.append(np.abs(atoms.get_forces()).max())
        assert forces[1] < 0.7 * forces[0]
        assert carry_out(folder, strain)["converged"]


def test_interrupted_relaxation_goes_on(tmp_path):
    """SIGTERM comes as a wish to stop: the state is kept, and the next attempt starts from it."""
    settings = RelaxSettings.make("quick", structure="gamma-Li3PS4", **SETTINGS)
    with begun(relax, tmp_path / "relaxed", settings) as folder:
        stage = relax.stages(folder, settings)[0]
        assert carry_out(folder, stage, steps=12) is None
        before = ase.io.read(folder.path / stage.name / "state.extxyz")
    assert relax.resume(tmp_path / "relaxed").state == "finished"
    found = json.loads((tmp_path / "relaxed" / "replica-1" / "result.json").read_text())
    assert found["converged"]
    assert found["history"][0][4] == pytest.approx(before.get_volume(), rel=1e-6)


def begun(protocol, path, settings):
    """The folder of a protocol that has begun and done nothing yet."""
    start = protocol.read_start(settings)
    model, record = DeepPotentialEngine().freeze_model(None, ["Li", "P", "S"])
    folder = ProtocolFolder.create(path, settings, start, model, record)
    folder.begin()
    return folder


def carry_out(folder, stage, steps=None):
    """The outcome of a stage, or None if it is stopped after so many steps."""
    path, calls = folder.path / stage.name, []
    path.mkdir(parents=True, exist_ok=True)
    return stage.action(path, lambda: calls.append(1) or (steps is not None and len(calls) > steps))


def test_fixed_atoms_and_masses_of_a_file_are_obeyed(tmp_path):
    """A heavier isotope and an atom that may not move: both are in the result, and the atom is where it was."""
    atoms = load("gamma-Li3PS4").to_atoms()
    atoms.rattle(0.03, seed=2)
    atoms.set_masses([6.015 if symbol == "Li" else None for symbol in atoms.symbols])
    atoms.set_constraint(FixAtoms([3]))
    ase.io.write(tmp_path / "cell.extxyz", atoms)
    settings = RelaxSettings.make("quick", structure=str(tmp_path / "cell.extxyz"), cell=False, **SETTINGS)
    assert relax.start(tmp_path / "relaxed", settings).state == "finished"
    first, final = (
        ase.io.read(tmp_path / "relaxed" / name)
        for name in ("inputs/starts/replica-1.extxyz", "replica-1/final.extxyz")
    )
    moved = np.linalg.norm(final.positions - first.positions, axis=1)
    assert moved[3] == 0 and moved.max() > 0.01
    assert final.constraints[0].index.tolist() == [3]
    assert final.get_masses()[final.symbols == "Li"] == pytest.approx(6.015)
