# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""LPSCalculator: against DeePMD-kit, against finite differences, and inside the tools that ASE users use."""

import copy
import json
import pickle

import ase.io
import numpy as np
import openmm
import pytest
from ase import Atoms, units
from ase.calculators.calculator import PropertyNotImplementedError
from ase.filters import FrechetCellFilter
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS, FIRE
from ase.phonons import Phonons

from force_support import GOLDEN, MODEL_FILE, PLATFORM_CASES
from openmmlps import LPSModel
from openmmlps.app.structure_files import structure_path
from openmmlps.ase import LPSCalculator

GIGAPASCAL = units.GPa


def crystal(name="Li2S", displacement=0.0, **options):
    atoms = ase.io.read(structure_path(name))
    if displacement:
        atoms.rattle(displacement, seed=5)
    atoms.calc = LPSCalculator(**{"threads": 1, **options})
    return atoms


def golden_structures(fixture="one-side"):
    return json.loads((GOLDEN / fixture / "reference.json").read_text())["structures"]


def golden_atoms(structure, names=("Li", "P", "S")):
    box = structure["box"]
    return Atoms([names[t] for t in structure["types"]], structure["positions"], cell=box, pbc=box is not None)


@pytest.mark.parametrize("index", range(len(golden_structures())))
def test_agrees_with_deepmd_kit(index):
    golden = golden_structures()[index]
    model = LPSModel(MODEL_FILE)
    atoms = golden_atoms(golden, model.getTypeNames())
    atoms.calc = LPSCalculator(model, threads=1)
    count = len(atoms)
    assert atoms.get_potential_energy() == pytest.approx(golden["energy"], rel=0, abs=1e-8 * count)
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
    assert atoms.get_potential_energies().sum() == pytest.approx(golden["energy"], rel=0, abs=1e-8 * count)
    np.testing.assert_allclose(atoms.get_forces(), golden["forces"], rtol=0, atol=1e-8)
    if golden["box"] is not None:
        stress = -np.reshape(golden["virial"], (3, 3)) / atoms.get_volume()
        np.testing.assert_allclose(atoms.get_stress(voigt=False), stress, rtol=0, atol=1e-6 / atoms.get_volume())


SKEWED = np.array([[1, 0, 0], [2, 1, 0], [-1, 3, 1]])


@pytest.mark.parametrize("case", PLATFORM_CASES, ids=str)
@pytest.mark.parametrize("handedness", [1, -1])
def test_platforms_agree_in_the_frame_of_the_user(case, handedness):
    """A small rattled cell, given by skewed vectors, turned and perhaps mirrored: nothing that OpenMM would take as it is."""
    atoms = crystal("Li2S", 0.1)
    atoms.set_cell(SKEWED @ np.array(atoms.cell))
    atoms.rotate(50, (1, 1, 2), rotate_cell=True)
    if handedness < 0:
        atoms.set_cell(np.array(atoms.cell)[[1, 0, 2]])
    expected = [atoms.get_potential_energies(), atoms.get_forces(), atoms.get_stress()]
    precision = "double" if case.name == "Reference" else case.precision
    atoms.calc = LPSCalculator(platform=case.name, precision=precision, threads=1)
    per_atom, force, virial = np.array(case.tolerances) / 96.48533212331002 * [1, 0.1, 1]
    if precision == "double":
        per_atom, force, virial = 1e-8, 1e-8, 1e-6
    np.testing.assert_allclose(atoms.get_potential_energies(), expected[0], rtol=0, atol=10 * per_atom)
    np.testing.assert_allclose(atoms.get_forces(), expected[1], rtol=0, atol=force)
    np.testing.assert_allclose(atoms.get_stress(), expected[2], rtol=0, atol=virial / atoms.get_volume())


def test_single_precision_keeps_the_contract():
    double, single = crystal("gamma-Li3PS4", 0.05), crystal("gamma-Li3PS4", 0.05, precision="single")
    assert single.get_potential_energy() == pytest.approx(double.get_potential_energy(), abs=1e-6 * len(double))
    difference = np.abs(single.get_forces() - double.get_forces()).max()
    assert 0 < difference < 1e-4


def test_derivatives_match_finite_differences():
    atoms = crystal("Li2S", 0.1)
    forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)
    step = 2e-5
    for index, axis in ((0, 0), (5, 1), (11, 2)):
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.calc = atoms.calc
            moved.positions[index, axis] += sign * step
            energies.append(moved.get_potential_energy())
        assert forces[index, axis] == pytest.approx(-(energies[0] - energies[1]) / (2 * step), abs=1e-6)
    for row, column in ((0, 0), (1, 2), (0, 2)):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[row, column] += sign * step / 2
            strain[column, row] += sign * step / 2
            moved = atoms.copy()
            moved.calc = atoms.calc
            moved.set_cell(np.array(atoms.cell) @ strain, scale_atoms=True)
            energies.append(moved.get_potential_energy())
        expected = (energies[0] - energies[1]) / (2 * step) / atoms.get_volume()
        assert stress[row, column] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("platform", [None, "Reference"])
@pytest.mark.parametrize("periodic", [(True, True, False), (False, True, False), (False, False, False)], ids=str)
def test_partly_periodic_atoms_see_no_images_across_the_open_side(platform, periodic):
    atoms = crystal("Li2S", 0.05, platform=platform)
    atoms.pbc = periodic
    wide = atoms.copy()
    cell = np.array(wide.cell)
    cell[~np.array(periodic)] = 40 * np.eye(3)[~np.array(periodic)]
    wide.set_cell(cell)
    wide.pbc = True
    wide.calc = LPSCalculator(threads=1)
    assert atoms.get_potential_energy() == pytest.approx(wide.get_potential_energy(), abs=1e-7)
    np.testing.assert_allclose(atoms.get_forces(), wide.get_forces(), rtol=0, atol=1e-8)
    total = atoms.get_stress() * atoms.get_volume()  # the same strain derivative, another volume
    np.testing.assert_allclose(total, wide.get_stress() * wide.get_volume(), rtol=0, atol=1e-5)


def test_optimisers_relax_atoms_and_cell():
    fixed = crystal("Li2S", 0.15)
    start = fixed.get_potential_energy()
    assert FIRE(fixed, logfile=None).run(fmax=0.02, steps=200)
    assert fixed.get_potential_energy() < start
    relaxed = fixed.copy()
    relaxed.calc = fixed.calc
    assert BFGS(FrechetCellFilter(relaxed), logfile=None).run(fmax=0.002, steps=200)
    assert relaxed.get_potential_energy() <= fixed.get_potential_energy() + 1e-9
    assert np.abs(relaxed.get_stress() / GIGAPASCAL).max() < 0.05
    assert np.linalg.norm(relaxed.get_forces(), axis=1).max() < 0.002


@pytest.fixture(scope="module")
def relaxed_primitive_cell():
    """Li2S, 3 atoms: a cell far smaller than the cutoff."""
    length = 5.7
    atoms = Atoms(
        "SLi2",
        scaled_positions=[(0, 0, 0), (0.25, 0.25, 0.25), (0.75, 0.75, 0.75)],
        cell=0.5 * length * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
        pbc=True,
    )
    atoms.calc = LPSCalculator(threads=1)
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4, steps=200)
    return atoms


def test_phonons(relaxed_primitive_cell, tmp_path):
    """Acoustic modes vanish at Gamma; optical ones agree with the Hessian of the primitive cell by finite differences."""
    atoms = relaxed_primitive_cell
    phonons = Phonons(atoms, LPSCalculator(threads=1), supercell=(3, 3, 3), delta=0.01, name=str(tmp_path / "phonons"))
    phonons.run()
    phonons.read(acoustic=True)
    modes = np.sort(phonons.band_structure([(0, 0, 0)])[0])
    np.testing.assert_allclose(modes[:3], 0, atol=1e-5)
    hessian = np.empty((9, 9))
    for column in range(9):
        forces = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.calc = atoms.calc
            moved.positions[column // 3, column % 3] += sign * 0.01
            forces.append(moved.get_forces().ravel())
        hessian[:, column] = -(forces[0] - forces[1]) / 0.02
    weights = np.repeat(atoms.get_masses(), 3) ** -0.5
    squares = np.linalg.eigvalsh(0.5 * (hessian + hessian.T) * np.outer(weights, weights))[3:]
    energies = np.sqrt(squares) * units._hbar * 1e10 / np.sqrt(units._e * units._amu)
    np.testing.assert_allclose(modes[3:], energies, rtol=1e-3)


def test_elastic_constants(relaxed_primitive_cell):
    """matscipy's fit of stress over strain agrees with the curvature of the energy (clamped ions)."""
    elasticity = pytest.importorskip("matscipy.elasticity")
    atoms = relaxed_primitive_cell
    constants = elasticity.fit_elastic_constants(atoms, symmetry="cubic", N_steps=5, delta=1e-3, verbose=False)[0]
    constants = constants / GIGAPASCAL
    c11, c12, c44 = constants[0, 0], constants[0, 1], constants[3, 3]
    assert c11 > abs(c12) and c44 > 0 and c11 + 2 * c12 > 0  # a cubic crystal that is stable

    def curvature(strain):
        energies = []
        for scale in (-1, 0, 1):
            moved = atoms.copy()
            moved.calc = atoms.calc
            moved.set_cell(np.array(atoms.cell) @ (np.eye(3) + scale * 2e-3 * strain), scale_atoms=True)
            energies.append(moved.get_potential_energy())
        return (energies[0] - 2 * energies[1] + energies[2]) / (2e-3) ** 2 / atoms.get_volume() / GIGAPASCAL

    assert c11 == pytest.approx(curvature(np.diag([1.0, 0, 0])), rel=0.01)
    assert 3 * (c11 + 2 * c12) == pytest.approx(curvature(np.eye(3)), rel=0.01)


def test_molecular_dynamics_conserves_energy():
    atoms = crystal("gamma-Li3PS4", precision="single")
    spread = np.sqrt(600 * units.kB * atoms.get_masses())
    atoms.set_momenta(np.random.default_rng(2).normal(size=(len(atoms), 3)) * spread[:, None])
    dynamics = VelocityVerlet(atoms, timestep=1 * units.fs)
    dynamics.run(5)
    start = atoms.get_total_energy()
    dynamics.run(50)
    assert atoms.get_total_energy() == pytest.approx(start, abs=1e-3 * len(atoms))
    assert np.abs(atoms.get_kinetic_energy() - start) > 1e-3  # it does move


def test_atoms_may_change_between_calls():
    calculator = LPSCalculator(threads=1)
    for platform in (calculator, LPSCalculator(platform="CPU", threads=1)):
        for name in ("Li2S", "P2S5", "Li2S"):
            atoms, expected = crystal(name), crystal(name).get_potential_energy()
            atoms.calc = platform
            assert atoms.get_potential_energy() == pytest.approx(expected, abs=1e-6)


def test_copies_and_pickles_compute_the_same():
    atoms = crystal("Li2S", 0.1)
    energy = atoms.get_potential_energy()
    for calculator in (copy.deepcopy(atoms.calc), pickle.loads(pickle.dumps(atoms.calc))):
        other = atoms.copy()
        other.rattle(0.01)
        other.positions[:] = atoms.positions
        other.calc = calculator
        assert other.get_potential_energy() == energy


def test_no_atoms_and_one_atom():
    nothing = Atoms(cell=[5, 5, 5], pbc=True, calculator=LPSCalculator())
    assert nothing.get_potential_energy() == 0.0 and nothing.get_forces().shape == (0, 3)
    for platform in (None, "Reference"):
        one = Atoms("S", calculator=LPSCalculator(platform=platform))
        assert np.isfinite(one.get_potential_energy())
        np.testing.assert_array_equal(one.get_forces(), np.zeros((1, 3)))


def test_wrong_input_is_explained():
    atoms = Atoms("LiCl", [[0, 0, 0], [2, 0, 0]], calculator=LPSCalculator())
    with pytest.raises(ValueError, match=r"LPSCalculator: the model knows Li, P, S, but .* 'Cl' \(first at atom 1\)"):
        atoms.get_potential_energy()
    atoms = Atoms("LiS", [[0, 0, 0], [2, 0, 0]], calculator=LPSCalculator())
    with pytest.raises(PropertyNotImplementedError, match="the cell spans no volume, so there is no stress"):
        atoms.get_stress()
    atoms.pbc = (True, False, False)
    with pytest.raises(ValueError, match="the atoms are periodic along .* span nothing; set atoms.cell or atoms.pbc"):
        atoms.get_potential_energy()
    atoms = Atoms("LiS", [[0, 0, 0], [np.nan, 0, 0]], calculator=LPSCalculator())
    with pytest.raises(openmm.OpenMMException, match="the position of atom 1 is .nan"):
        atoms.get_potential_energy()
    with pytest.raises(ValueError, match="LPSCalculator: precision is 'half'; use one of double, single"):
        LPSCalculator(precision="half")
    with pytest.raises(ValueError, match="LPSCalculator: platform is 'Metal'; usable here are .*CPU.*Reference"):
        LPSCalculator(platform="Metal")
    with pytest.raises(ValueError, match="LPSCalculator: threads is -1; give a number, or 0"):
        LPSCalculator(threads=-1)
