# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Structures, supercells, and OpenMM's reduced boxes with the way back."""

import itertools

import ase.build
import ase.io
import numpy as np
import openmm
import pytest
from ase import Atoms
from ase.geometry import get_distances
from openmm import unit

from openmmlps.app import cells, load, structure_names
from openmmlps.app.run_settings import RunSettings
from openmmlps.app.run_start import load_structure
from openmmlps.protocols.relax import RelaxSettings
from openmmlps.protocols.starts import read_start

NAMES = [
    "Li10GeP2S12",
    "Li2P2S6",
    "Li2S",
    "Li48P16S61",
    "Li4P2S6",
    "Li7P3S11",
    "Li7PS6",
    "Na3SbS4",
    "P2S5",
    "alpha-AgI",
    "beta-Li3PS4",
    "gamma-Li3PS4",
]
SUPERCELLS = [None, (2, 1, 3), [[1, 1, 0], [-1, 1, 0], [0, 0, 1]], [[0, 1, 1], [1, 0, 1], [1, 1, 0]]]
RANDOM_CELLS = [np.random.default_rng(seed).normal(size=(3, 3)) * 5 for seed in range(20)]


def box_of(structure):
    return structure.box.value_in_unit(unit.angstrom)


def is_accepted_by_openmm(box):
    system = openmm.System()
    system.addParticle(1)
    system.setDefaultPeriodicBoxVectors(*(box * unit.nanometer))
    openmm.Context(system, openmm.VerletIntegrator(1), openmm.Platform.getPlatformByName("Reference"))
    return True


def test_packaged_names_are_these():
    assert structure_names() == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("supercell", SUPERCELLS, ids=str)
def test_packaged_structures_go_to_openmm_and_back(name, supercell):
    structure = load(name, supercell)
    cell = np.array(load_file(name).cell)
    assert is_accepted_by_openmm(structure.box._value)
    assert np.linalg.det(structure.rotation) == pytest.approx(1)
    np.testing.assert_allclose(
        structure.lattice_transformation @ cell @ structure.rotation.T, box_of(structure), atol=1e-9
    )
    np.testing.assert_allclose(structure.to_user_cell(box_of(structure)), cell, atol=1e-9)
    expected = load_file(name).positions[structure.unit_index] + structure.cell_offset @ cell
    np.testing.assert_allclose(structure.to_user_vectors(structure.positions._value) * 10, expected, atol=1e-9)
    assert len(structure.symbols) == abs(round(np.linalg.det(cells.supercell_matrix(supercell)))) * len(load_file(name))


def load_file(name):
    from openmmlps.app.structure_files import structure_path

    return ase.io.read(structure_path(name))


@pytest.mark.parametrize(
    ("name", "density", "bonds"),
    [
        ("Li10GeP2S12", 2.04, {"P-S": 1.98, "Ge-S": 2.13, "Li-S": 2.42, "Li-Li": 2.27}),
        ("alpha-AgI", 6.02, {"Ag-I": 2.83, "Ag-Ag": 4.38}),
        ("Na3SbS4", 2.85, {"S-Sb": 2.34, "Na-S": 2.95}),
    ],
)
def test_crystals_made_from_published_coordinates(name, density, bonds):
    """Density in g/cm3 and shortest distances in angstrom."""
    atoms = load_file(name).repeat(2)
    assert atoms.get_masses().sum() / atoms.get_volume() * 1.66054 == pytest.approx(density, abs=0.01)
    distances = atoms.get_all_distances(mic=True) + np.diag(np.full(len(atoms), 9.0))
    symbols = np.array(atoms.get_chemical_symbols())
    for pair, length in bonds.items():
        first, second = pair.split("-")
        found = distances[np.ix_(symbols == first, symbols == second)].min()
        assert found == pytest.approx(length, abs=0.01), pair


@pytest.mark.parametrize("cell", RANDOM_CELLS, ids=range(20))
def test_any_cell_is_reduced(cell):
    box, rotation, transformation = cells.reduced_box(cell)
    assert is_accepted_by_openmm(box)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert abs(round(np.linalg.det(transformation))) == 1
    np.testing.assert_allclose(transformation @ cell @ rotation.T, box, atol=1e-10)


def test_distances_do_not_change():
    """An fcc primitive cell (60 degrees), which OpenMM rejects as it is, and a left-handed one."""
    fcc = ase.build.bulk("Cu", "fcc", a=3.6)
    fcc.symbols[:] = "Li"
    left = fcc.copy()
    left.set_cell(fcc.cell[[1, 0, 2]], scale_atoms=False)
    for atoms in (fcc, left):
        structure = load(atoms, (2, 2, 2))
        original = atoms.repeat((2, 2, 2))
        _, expected = get_distances(original.positions, cell=original.cell, pbc=True)
        _, found = get_distances(structure.positions._value * 10, cell=box_of(structure), pbc=True)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_hexagonal_cell_on_the_bound_is_accepted():
    for scale in np.linspace(3, 11, 200):
        cell = scale * np.array([[1, 0, 0], [-0.5, np.sqrt(3) / 2, 0], [0, 0, 1.6]])
        assert is_accepted_by_openmm(cells.reduced_box(cell)[0])


def test_rotation_applies_to_tensors():
    structure = load("P2S5")
    vector = np.array([0.3, -1.2, 0.7])
    tensor = np.outer(vector, vector)
    rotated = structure.rotation @ vector
    np.testing.assert_allclose(structure.to_user_tensor(np.outer(rotated, rotated)), tensor, atol=1e-12)
    np.testing.assert_allclose(structure.to_user_vectors(rotated), vector, atol=1e-12)


def test_repeats_are_in_the_order_of_ase():
    atoms = load_file("gamma-Li3PS4")
    structure = load("gamma-Li3PS4", (2, 3, 1))
    repeated = atoms.repeat((2, 3, 1))
    np.testing.assert_allclose(
        structure.to_user_vectors(structure.positions._value) * 10, repeated.positions, atol=1e-9
    )
    assert list(structure.symbols) == list(repeated.symbols)


def test_offsets_of_a_matrix_are_distinct_modulo_the_supercell():
    for entries in itertools.islice(itertools.product((-2, 0, 1, 3), repeat=9), 0, 40000, 1733):
        matrix = np.array(entries).reshape(3, 3)
        count = abs(round(np.linalg.det(matrix)))
        if count:
            offsets = cells.supercell_offsets(matrix)
            fractions = np.round(offsets @ np.linalg.inv(matrix), 9) % 1
            assert len(offsets) == count == len(np.unique(np.round(fractions, 6) % 1, axis=0))


def test_continuous_box_undoes_flips():
    box = np.array([[2.0, 0, 0], [0.9, 2.0, 0], [0.3, -0.9, 2.0]])
    flipped = box.copy()
    flipped[1] -= flipped[0]
    flipped[2] += flipped[1]
    np.testing.assert_allclose(cells.continuous_box(flipped, box), box)
    np.testing.assert_allclose(cells.continuous_box(box, None), box)


def test_other_formats_are_read(tmp_path):
    atoms = load_file("Li7P3S11")
    for name in ("POSCAR", "cell.cif", "cell.extxyz"):
        ase.io.write(tmp_path / name, atoms)
        structure = load(tmp_path / name)
        assert structure.name == name and sorted(structure.symbols) == sorted(atoms.symbols)
        np.testing.assert_allclose(np.linalg.det(box_of(structure)), atoms.get_volume(), rtol=1e-4)


def test_cluster_is_not_periodic(tmp_path):
    ase.io.write(tmp_path / "cluster.xyz", Atoms("PS4", [[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [-2, 0, 0]]))
    structure = load(tmp_path / "cluster.xyz")
    assert structure.box is None and structure.topology.getPeriodicBoxVectors() is None
    assert structure.formula == "PS4"


def write(path, text):
    path.write_text(text)
    return path


PARTIAL_CIF = """data_x
_cell_length_a 5
_cell_length_b 5
_cell_length_c 5
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0 0.5
S1 S 0.5 0.5 0.5 1
"""

LATTICE = 'Lattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3 pbc="T T T"'


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("empty.xyz", "", "cannot be read as a structure"),
        ("noise.cif", "nothing of a cif", "cannot be read as a structure"),
        ("noise.bin", "\x00\x01", "cannot be read as a structure"),
        ("none.extxyz", f"0\n{LATTICE}\n", "holds no atoms|cannot be read"),
        ("half.cif", PARTIAL_CIF, r"partially occupied sites \(Li\); make an ordered cell"),
        ("nan.extxyz", f"1\n{LATTICE}\nLi nan 0 0\n", r"atom 0 \(Li\), has a position that is not a number"),
        (
            "twice.extxyz",
            f"2\n{LATTICE}\nLi 0 0 0\nS 5 5 4.9\n",
            r"atoms 0 \(Li\) and 1 \(S\) are 0.100 angstrom apart",
        ),
        ("slab.extxyz", f"1\n{LATTICE.replace('T T T', 'T T F')}\nLi 0 0 0\n", "periodic along 2 of 3 directions"),
        ("flat.extxyz", f"1\n{LATTICE.replace('0 0 5', '5 0 0')}\nLi 0 0 0\n", "span no volume"),
        ("many.extxyz", f"99999999999\n{LATTICE}\nLi 0 0 0\n", "ends after 2 of the 100000000000 lines of a frame"),
        ("far.extxyz", f"1\n{LATTICE.replace('5 0 0 0', '5e7 0 0 0')}\nLi 0 0 0\n", "reaches to 5e.07 angstrom"),
        ("ghost.extxyz", f"1\n{LATTICE}\nX 0 0 0\n", "atom 0, has no known element"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message):
        load(write(tmp_path / name, text))


def test_atoms_on_top_of_each_other_are_taken_if_meant(tmp_path):
    file = write(tmp_path / "twice.extxyz", f"2\n{LATTICE}\nLi 0 0 0\nS 5 5 4.9\n")
    assert load(file, checks=False).symbols == ("Li", "S")
    assert load_structure(file, RunSettings(structure=str(file), checks=False)).symbols == ("Li", "S")
    with pytest.raises(ValueError, match=r"switch this check off \(checks=False, --no-checks\)"):
        read_start(RelaxSettings(structure=str(file)))
    assert len(read_start(RelaxSettings(structure=str(file), checks=False)).structures[0][1]) == 2


DATA = """LAMMPS data file via write_data, units = metal

3 atoms
3 atom types
0.0 5.0 xlo xhi
0.0 5.0 ylo yhi
0.0 5.0 zlo zhi

Masses

1 {}
2 {}
3 {}

Atoms # atomic

1 1 0 0 0
2 2 2.5 0 0
3 3 0 2.5 0
"""
DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
3
ITEM: BOX BOUNDS pp pp pp
0 5
0 5
0 5
ITEM: ATOMS id type {}x y z
1 1 {}0 0 0
2 2 {}2.5 0 0
3 3 {}0 2.5 0
"""
POSCAR = """{}
1.0
5 0 0
0 5 0
0 0 5
1 1 1
Direct
0 0 0
0.5 0 0
0 0.5 0
"""
GRO = "title\n    1\n    1PRO     CA    1   0.100   0.100   0.100\n   1.0 1.0 1.0\n"
XYZ = "3\n\n1 0 0 0\n2 2.5 0 0\n3 0 2.5 0\n"
NO_ELEMENT = "name them in .* order .*--elements, such as --elements Li,P,S"


@pytest.mark.parametrize(
    "name, text, elements, expected",
    [
        ("glass@300.data", DATA.format(6.94, 30.97, 32.06), None, "Li P S"),
        ("masses.lmp", DATA.format(1.0, 1.0, 1.0), None, NO_ELEMENT),
        ("isotopes.lmp", DATA.format(6.015, 30.97, 32.06), None, NO_ELEMENT),
        ("given.lmp", DATA.format(6.015, 30.97, 32.06), "Li,P,S", "Li P S"),
        ("labels.lmp", DATA.format(1, 1, 1).replace("Masses", "Atom Type Labels\n\n1 Li\n2 P\n3 S\n\nMasses"), None, "Li P S"),
        ("few.lmp", DATA.format(1, 1, 1), ["Li", "P"], "has 3 types of atoms, but 2 elements are given"),
        ("wrong.lmp", DATA.format(1, 1, 1), "Li,Q,S", "'Q' is no element"),
        ("units.lmp", DATA.replace("metal", "lj").format(1, 1, 1), "Li,P,S", "is in the units 'lj' of LAMMPS"),
        ("dump.lammpstrj", DUMP.format("", "", "", ""), None, NO_ELEMENT),
        ("dump.0", DUMP.format("", "", "", ""), "S,P,Li", "S P Li"),
        ("few.dump", DUMP.format("", "", "", ""), "Li,P", "has types 1 to 3, but 2 elements are given"),
        ("named.dump", DUMP.format("element ", "Li ", "P ", "S "), None, "Li P S"),
        ("named.dump", DUMP.format("element ", "Li ", "P ", "S "), "Li,P,S", "names its elements itself; leave --elements out"),
        ("unnamed.dump", DUMP.format("element ", "C ", "C ", "C "), None, NO_ELEMENT),
        ("POSCAR@0", POSCAR.format("In a cell"), None, "has 3 kinds of atoms without elements"),
        ("POSCAR@0", POSCAR.format("In a cell"), "Li P S", "Li P S"),
        ("POSCAR", POSCAR.format("S P Li"), None, "S P Li"),
        ("a.gro", GRO, None, "names an atom 'CA' and no element; name each with --elements, such as --elements CA=Li"),
        ("types.xyz", XYZ, None, NO_ELEMENT),
        ("types.xyz", XYZ, "3=S,2=P,1=Li", "Li P S"),
        ("types.xyz", XYZ, "Li,P", "has atoms without elements: no element for 3 in 1=Li, 2=P"),
        ("names.xyz", "1\n\nLi 0 0 0\n", "Li", "names its elements itself; leave --elements out"),
        ("a.cif", PARTIAL_CIF, "OW=O", "has no labels of atoms; give elements in order"),
    ],
)  # fmt: skip
def test_species_are_known_or_refused(tmp_path, name, text, elements, expected):
    """No type 1 becomes hydrogen; '@' in a name means nothing."""
    path = write(tmp_path / name, text)
    if len(expected.split()) == 3:
        assert load(path, elements=elements).symbols == tuple(expected.split())
    else:
        with pytest.raises(ValueError, match=expected):
            load(path, elements=elements)


def test_at_sign_selects_no_frame(tmp_path):
    write(tmp_path / "POSCAR", POSCAR.format("S P Li"))
    with pytest.raises(FileNotFoundError, match="POSCAR@0' is neither a file"):
        load(tmp_path / "POSCAR@0")


def test_format_can_be_named(tmp_path):
    path = write(tmp_path / "noise", POSCAR.format("S P Li"))
    with pytest.raises(ValueError, match="name its format with --format"):
        load(path)
    assert load(path, format="poscar").symbols == ("S", "P", "Li")
    with pytest.raises(ValueError, match="the format 'word' is not known; use one that ASE reads, such as cif"):
        load(path, format="word")


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("0 0 0 0.5", "0 0 0 ?", None),
        ("0 0 0 0.5", "0 0 0 .", None),
        ("0 0 0 0.5", "0 0 0 1.0(2)", None),
        ("0 0 0 0.5", "0 0 0 half", "has the occupancy 'half', which is not a number"),
        ("Li 0 0 0 0.5", "Li ? ? ? 1", r"has '\?' among _atom_site_fract_x"),
        (" 0.5\nS1", "\nS1", "Wrong number 11 of tokens"),
        ("_cell_length_a 5\n", "", "fractional coordinates without a complete cell"),
        ("_cell_length_a 5", "_cell_length_a ?", "cannot be read as a structure"),
        ("'P 1'", "nonsense", "cannot be read as a structure"),
        ("Li1 Li 0 0 0 0.5\nS1 S 0.5 0.5 0.5 1\n", "", "cannot be read as a structure"),
        ("S1 S 0.5 0.5 0.5 1", "S1 S 0 0 0 0.5", r"partially occupied sites \(Li, S\)"),
        ("S1 S 0.5 0.5 0.5 1", "S1 S 0 0 0 ?", r"partially occupied sites \(Li, S\)"),
    ],
)
def test_every_cif_gives_a_structure_or_a_sentence(tmp_path, old, new, message):
    path = write(tmp_path / "a.cif", PARTIAL_CIF.replace(old, new))
    if message is None:
        assert load(path).formula == "LiS"
    else:
        with pytest.raises(ValueError, match=f"^load: .*{message}"):
            load(path)


@pytest.mark.parametrize("repeat", [(1, 1, 1), (2, 1, 2)])
def test_an_ordered_cell_is_taken_although_its_notes_are_stale(tmp_path, repeat):
    """Made by removing atoms, or by changing elements, in Python or through a file."""
    text = PARTIAL_CIF.replace("'P 1'", "'P -1'").replace("Li1 Li 0 0 0", "Li1 Li 0.1 0.2 0.3")
    disordered = ase.io.read(write(tmp_path / "half.cif", text)).repeat(repeat)
    removed, changed = disordered.copy(), disordered.copy()
    del removed[[next(i for i, s in enumerate(removed.symbols) if s == "Li")]]
    changed.symbols[[i for i, s in enumerate(changed.symbols) if s == "Li"][0]] = "P"
    ase.io.write(tmp_path / "ordered.extxyz", removed)
    for ordered in (removed, changed, tmp_path / "ordered.extxyz"):
        assert len(load(ordered).symbols) >= 2
    with pytest.raises(ValueError, match=r"partially occupied sites \(Li\)"):
        load(disordered)


def test_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(FileNotFoundError, match="'nonsense' is neither a file nor a packaged structure.*beta-Li3PS4"):
        load("nonsense")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        load(tmp_path)


@pytest.mark.parametrize(
    "supercell", [(0, 1, 1), (1, 2), (1.5, 1, 1), "abc", [[1, 0, 0], [1, 0, 0], [0, 0, 1]], (1, 1, float("nan"))]
)
def test_bad_supercells_are_refused(supercell):
    with pytest.raises(ValueError, match="supercell: "):
        load("Li2S", supercell)


def test_supercell_of_a_cluster_is_refused():
    with pytest.raises(ValueError, match="is not periodic, so it has no supercell"):
        load(Atoms("Li"), (2, 2, 2))


def test_state_goes_back_to_the_frame_of_the_file():
    """A strained, moved crystal in a supercell, with its forces and velocities, as ase.Atoms of the user."""
    original = ase.io.read(structure_file("Li7P3S11"))
    original.rotate(40, (1, 2, 3), rotate_cell=True)
    structure = load(original, (1, 2, 1))
    system = openmm.System()
    force = openmm.CustomExternalForce("x+2*y+3*z")
    for index, mass in enumerate(structure.masses):
        system.addParticle(mass)
        force.addParticle(index)
    system.addForce(force)
    system.setDefaultPeriodicBoxVectors(*structure.box)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPeriodicBoxVectors(*(1.01 * structure.box))
    context.setPositions(1.01 * structure.positions)
    velocities = np.random.default_rng(1).normal(size=(len(structure.symbols), 3))
    context.setVelocities(velocities)
    atoms = structure.to_atoms(context.getState(positions=True, velocities=True, forces=True, energy=True))
    expected = original.repeat((1, 2, 1))
    np.testing.assert_allclose(atoms.cell, 1.01 * expected.cell, atol=1e-6)
    np.testing.assert_allclose(
        np.sort(get_distances(atoms.positions, cell=atoms.cell, pbc=True)[1], axis=None),
        1.01 * np.sort(get_distances(expected.positions, cell=expected.cell, pbc=True)[1], axis=None),
        atol=1e-5,
    )
    electronvolt = 96.48533212331002
    np.testing.assert_allclose(
        atoms.get_forces(),
        np.tile([-1, -2, -3], (len(atoms), 1)) @ structure.rotation / (10 * electronvolt),
        atol=1e-12,
    )
    assert atoms.get_potential_energy() == pytest.approx(
        (context.getState(energy=True).getPotentialEnergy()._value) / electronvolt
    )
    speed = np.linalg.norm(atoms.get_velocities(), axis=1) * ase.units.fs  # angstrom/fs
    np.testing.assert_allclose(speed, np.linalg.norm(velocities, axis=1) * 10 / 1000, rtol=1e-9)


def structure_file(name):
    from openmmlps.app.structure_files import structure_path

    return structure_path(name)


def test_without_a_state_the_structure_itself_comes_back():
    original = load_file("gamma-Li3PS4")
    atoms = load("gamma-Li3PS4").to_atoms()
    np.testing.assert_allclose(atoms.positions, original.positions, atol=1e-9)
    np.testing.assert_allclose(atoms.cell, original.cell, atol=1e-9)
    assert list(atoms.symbols) == list(original.symbols) and atoms.pbc.all() and atoms.calc is None


def test_cluster_goes_back_without_a_cell():
    atoms = load(Atoms("LiS", [[0, 0, 0], [2.4, 0, 0]])).to_atoms()
    assert not atoms.pbc.any() and atoms.cell.rank == 0


def test_state_of_other_atoms_is_refused():
    context = openmm.Context(
        small_system(1), openmm.VerletIntegrator(1), openmm.Platform.getPlatformByName("Reference")
    )
    context.setPositions([(0, 0, 0)])
    structure = load("Li2S")
    with pytest.raises(ValueError, match="the State has no positions, but 'Li2S' has 12 atoms; give context.getState"):
        structure.to_atoms(context.getState(energy=True))
    with pytest.raises(ValueError, match="the State has 1 atoms, but 'Li2S' has 12 atoms"):
        structure.to_atoms(context.getState(positions=True))


def small_system(count):
    system = openmm.System()
    for _ in range(count):
        system.addParticle(1)
    return system


def test_one_residue_for_each_copy_of_the_cell():
    structure = load("Li2S", (2, 1, 1))
    residues = list(structure.topology.residues())
    assert [len(list(residue.atoms())) for residue in residues] == [12, 12]
    assert [atom.index for atom in structure.topology.atoms()] == list(range(24))


def test_constraints_and_velocities_reach_the_system_and_come_back():
    from ase.constraints import FixAtoms, FixBondLength

    from openmmlps.app import createSystem

    atoms = load_file("Li2S")
    atoms.rotate(30, (1, 2, 3), rotate_cell=True)
    atoms.set_constraint(FixAtoms([1]))
    atoms.set_velocities(np.random.default_rng(1).normal(size=(12, 3)))
    structure = load(atoms, (2, 1, 1))
    assert np.flatnonzero(structure.fixed).tolist() == [1, 13]
    system = createSystem(structure)
    assert [i for i in range(24) if system.getParticleMass(i)._value == 0] == [1, 13]
    assert not any(isinstance(force, openmm.CMMotionRemover) for force in system.getForces())
    back = structure.to_atoms()
    assert back.constraints[0].index.tolist() == [1, 13]
    back.set_constraint(), atoms.set_constraint()
    np.testing.assert_allclose(back.get_velocities(), np.tile(atoms.get_velocities(), (2, 1)), atol=1e-9)
    for constraint, masses, message in [
        (FixBondLength(0, 1), None, "has the constraint FixBondLength"),
        ([], [0.0] + [6.0] * 11, r"atom 0 \(\w+\), has the mass 0 u"),
    ]:
        atoms.set_constraint(constraint)
        atoms.set_masses(masses)
        with pytest.raises(ValueError, match=message):
            load(atoms)


def test_isotopes_keep_their_masses():
    from openmmlps.app import createSystem

    atoms = load_file("Li2S")
    atoms.set_masses([6.015 if symbol == "Li" else None for symbol in atoms.symbols])
    structure = load(atoms, (1, 1, 2))
    system = createSystem(structure.topology, masses=structure.masses)
    masses = [system.getParticleMass(i)._value for i in range(system.getNumParticles())]
    assert masses == pytest.approx([6.015 if symbol == "Li" else 32.06 for symbol in structure.symbols])
    system = createSystem(structure)
    assert [system.getParticleMass(i)._value for i in range(24)] == pytest.approx(
        [6.015 if symbol == "Li" else 32.06 for symbol in structure.symbols], rel=1e-3
    )
    with pytest.raises(ValueError, match="createSystem: there are 1 masses for 24 atoms; give one for each atom"):
        createSystem(structure.topology, masses=[1.0])
