# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reading trajectories: what files state is taken, what they do not state is asked for, and nothing is guessed."""

import os
import types

import numpy as np
import pytest

from analysis_support import Trajectory, crystal, write_h5md
from openmmlps.analysis import check_units, from_universe, mean_squared_displacement, read

DUMP = """ITEM: TIMESTEP
{}
ITEM: NUMBER OF ATOMS
3
ITEM: BOX BOUNDS pp pp pp
0 10
0 10
0 10
ITEM: ATOMS id type {}x y z
2 2 {}1 1 1
1 1 {}2.5 1 1
3 3 {}1 2.5 1
"""
TYPES = [3, 1, 2]  # the first atom is S


def test_h5md_of_our_reporter(tmp_path):
    openmm = pytest.importorskip("openmm")
    pytest.importorskip("h5py")
    from openmm import app, unit

    from openmmlps.app.reporters import H5MDReporter

    topology = app.Topology()
    residue = topology.addResidue("CELL", topology.addChain())
    for symbol in ("Li", "P", "S", "S"):
        topology.addAtom(symbol, app.Element.getBySymbol(symbol), residue)
    topology.setPeriodicBoxVectors(np.diag([2.0, 2.5, 3.0]) * unit.nanometer)
    system = openmm.System()
    for atom in topology.atoms():
        system.addParticle(atom.element.mass)
    system.setDefaultPeriodicBoxVectors(*np.diag([2.0, 2.5, 3.0]))
    force = openmm.CustomExternalForce("0*periodicdistance(x,y,z,0,0,0)")
    system.addForce(force)
    simulation = app.Simulation(
        topology, system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatform("Reference")
    )
    start = np.array([[0.1, 0.1, 0.1], [0.3, 0.1, 0.1], [0.5, 0.1, 0.1], [1.9, 2.4, 2.9]])
    velocity = np.array([[0.3, 0, 0], [0, 0.4, 0], [0, 0, 0.2], [1.0, 1.0, 1.0]])
    simulation.context.setPositions(start)
    simulation.context.setVelocities(velocity)
    reporter = H5MDReporter(tmp_path / "trajectory.h5", 50, virial=lambda context, step: np.zeros((3, 3)))
    simulation.reporters.append(reporter)
    simulation.step(500)
    reporter.close()

    trajectory = read(tmp_path / "trajectory.h5")
    for frame in (0, -1, np.int64(1)):
        np.testing.assert_array_equal(trajectory.positions[frame], trajectory.positions[:][frame])
    with pytest.raises(IndexError):
        trajectory.positions[len(trajectory)]

    assert trajectory.symbols == ("Li", "P", "S", "S") and len(trajectory) == 10
    np.testing.assert_allclose(trajectory.times_ps, 0.05 * np.arange(1, 11))
    np.testing.assert_allclose(trajectory.cells[3], np.diag([20.0, 25.0, 30.0]))
    expected = 10 * (start + velocity * 0.05 * np.arange(1, 11)[:, None, None])  # the last atom leaves the box
    np.testing.assert_allclose(trajectory.positions[:], expected, atol=1e-6)
    np.testing.assert_allclose(trajectory.velocities[2:4][0], 10 * velocity, rtol=1e-6)
    np.testing.assert_allclose(trajectory[4::3].positions[:], expected[4::3], atol=1e-6)
    np.testing.assert_allclose(trajectory[1:][2:4].positions[1:2], expected[4:5], atol=1e-6)
    msd = mean_squared_displacement(trajectory, "Li", reference=None)
    np.testing.assert_allclose(msd.total_angstrom2, (3.0 * msd.lags_ps) ** 2, rtol=1e-6)


def test_extxyz_and_velocity_units(tmp_path):
    import ase
    import ase.io
    from ase.units import fs

    frames = []
    for index in range(3):
        atoms = ase.Atoms("LiS", [[0, 0, 0], [0.01 * index, 0, 2.5]], cell=[5, 5, 5], pbc=True)
        atoms.set_velocities(np.full((2, 3), 0.004) / fs)  # angstrom/fs
        frames.append(atoms)
    ase.io.write(tmp_path / "some.extxyz", frames)
    trajectory = read(tmp_path / "some.extxyz", frame_interval_ps=0.01)
    np.testing.assert_allclose(trajectory.velocities, 4.0, rtol=1e-6)
    np.testing.assert_allclose(trajectory.times_ps, [0, 0.01, 0.02])
    np.testing.assert_allclose(trajectory.positions[2, 1], [0.02, 0, 2.5])


def dump(columns="", *names):
    return "".join(DUMP.format(step, columns, *(names or ("", "", ""))) for step in (0, 10))


XYZ = "3\n\n1 2.5 1 1\n2 1 1 1\n3 1 2.5 1\n" * 2
ORDER = "name them in .* order .*--elements, such as --elements Li,P,S"


@pytest.mark.parametrize(
    "name, text, options, expected",
    [
        ("a.lammpstrj", dump(), {}, ORDER),
        ("a.lammpstrj", dump(), {"elements": "Li,P,S"}, "Li P S"),
        ("a.lammpstrj", dump(), {"elements": {1: "Na", 2: "P", 3: "S"}}, "Na P S"),
        ("a.lammpstrj", dump(), {"elements": ["Li", "P"]}, "types 1 to 3, but 2 elements"),
        ("named.lammpstrj", dump("element ", "P ", "Li ", "S "), {}, "Li P S"),
        ("noise.txt", dump(), {"format": "lammps-dump-text", "elements": "Li,P,S"}, "Li P S"),
        ("at@0.lammpstrj", dump(), {"elements": "Li,P,S"}, "Li P S"),
        ("types.xyz", XYZ, {}, ORDER),
        ("types.xyz", XYZ, {"elements": "Li,P,S"}, "Li P S"),
        ("a.xyz", XYZ, {"format": "nonsense"}, "the format 'nonsense' is not known"),
        ("ghost.xyz", "1\n\nX 0 0 0\n", {}, "atom 0 has no known element"),
    ],
)
def test_no_element_is_guessed(tmp_path, name, text, options, expected):
    (tmp_path / name).write_text(text)
    if len(expected.split()) == 3:
        trajectory = read(tmp_path / name, **options)
        assert trajectory.symbols == tuple(expected.split()) and len(trajectory) == 2
        np.testing.assert_allclose(trajectory.positions[1, 0], [2.5, 1, 1])
    else:
        with pytest.raises(ValueError, match=expected):
            read(tmp_path / name, **options)


def test_at_sign_selects_no_frame(tmp_path):
    (tmp_path / "a.xyz").write_text("1\n\nLi 0 0 0\n" * 2)
    (tmp_path / "a.xyz@0").write_text("1\n\nS 1 0 0\n")
    assert read(tmp_path / "a.xyz@0", format="xyz").symbols == ("S",)
    (tmp_path / "a.xyz@0").unlink()
    with pytest.raises(FileNotFoundError, match="a.xyz@0' does not exist"):
        read(tmp_path / "a.xyz@0")


def foreign(path, species, masses=None, unit="angstrom", creator=None, names=None):
    """H5MD of another program."""
    import h5py

    with h5py.File(path, "w") as file:
        if creator:
            file.create_group("h5md/creator").attrs["name"] = creator
        particles = file.create_group("particles/all")
        kind = h5py.enum_dtype(names, "i4") if names else "i4"
        particles.create_dataset("species", data=np.array(species), dtype=kind)
        particles["position/value"] = np.arange(4 * 3 * 3.0).reshape(4, 3, 3)
        particles["position/value"].attrs["unit"] = unit
        particles["position/time"] = 0.5  # one interval
        particles["position/time"].attrs.update({"unit": "fs", "offset": 2.0})
        if masses:
            particles["mass"] = masses
    return path


@pytest.mark.parametrize(
    "file, options, expected",
    [
        ({"species": TYPES}, {}, "does not say that its species 3, 1, 2 are atomic numbers; name them in the order"),
        ({"species": TYPES}, {"elements": "Li,P,S"}, "S Li P"),
        ({"species": [16, 3, 15]}, {}, "species 16, 3, 15 are atomic numbers; name each with --elements, such as .* 16=Li"),
        ({"species": [16, 3, 15]}, {"elements": "3=Li,15=P,16=S"}, "S Li P"),
        ({"species": [16, 3, 15]}, {"elements": "Li,P,S"}, "no element for 16, 15 in 1=Li, 2=P, 3=S"),
        ({"species": [16, 3, 15], "masses": [32.06, 6.94, 30.97]}, {}, "S Li P"),
        ({"species": TYPES, "masses": [32.06, 6.94, 30.97]}, {}, "does not say that its species"),
        ({"species": [16, 3, 15], "creator": "openmm-lps"}, {}, "S Li P"),
        ({"species": [0, 3, 15], "creator": "openmm-lps"}, {}, "does not say that its species 0, 3, 15"),
        ({"species": TYPES, "names": {"Li": 1, "P": 2, "S": 3}}, {}, "S Li P"),
        ({"species": [16, 3, 15], "unit": "furlong", "creator": "openmm-lps"}, {}, "the position is in 'furlong', known are nm"),
        ({"species": TYPES}, {"group": "water"}, "no particles group 'water', but 'all'"),
    ],
)  # fmt: skip
def test_foreign_h5md(tmp_path, file, options, expected):
    pytest.importorskip("h5py")
    path = foreign(tmp_path / "foreign.data", **file)  # known by its content
    if len(expected.split()) == 3:
        trajectory = read(path, **options)
        assert trajectory.symbols == tuple(expected.split())
        np.testing.assert_allclose(trajectory.times_ps, 1e-3 * (2 + 0.5 * np.arange(4)))
    else:
        with pytest.raises(ValueError, match=expected):
            read(path, **options)


def universe(**attributes):
    step = types.SimpleNamespace(
        positions=np.zeros((2, 3), np.float32),
        time=1.0,
        dimensions=np.array([9, 9, 9, 90, 90, 90]),
        triclinic_dimensions=9 * np.eye(3),
    )
    return types.SimpleNamespace(atoms=types.SimpleNamespace(**attributes), trajectory=[step, step])


def test_universes():
    trajectory = from_universe(universe(elements=["LI", "S"]))
    assert trajectory.symbols == ("Li", "S") and trajectory.cells.shape == (2, 3, 3) and trajectory.velocities is None
    assert from_universe(universe(types=["2", "1"]), elements="Li,S").symbols == ("S", "Li")
    with pytest.raises(ValueError, match="the universe knows no elements; name them in the order of the types"):
        from_universe(universe(types=["2", "1"]))


def test_elements_that_mdanalysis_guessed_are_not_taken():
    mda = pytest.importorskip("MDAnalysis")
    made = mda.Universe.empty(2, trajectory=True)
    made.add_TopologyAttr("names", ["LI1", "CA"])
    made.add_TopologyAttr("types", ["LI1", "CA"])
    made.guess_TopologyAttrs(to_guess=["elements"])
    with pytest.raises(ValueError, match=r"guessed its elements; name each with --elements, such as --elements LI1=Li"):
        from_universe(made)
    assert from_universe(made, elements={"LI1": "Li", "CA": "C"}).symbols == ("Li", "C")


def vibrating(kelvin):
    """Positions and velocities of a crystal, three frames at these temperatures."""
    cell = crystal("beta-Li3PS4", (2, 2, 2))
    thermal = np.random.default_rng(0).normal(size=(3, *cell.positions.shape[1:]))
    thermal *= np.sqrt(0.83145 * np.array(kelvin)[:, None] / cell.masses_amu)[..., None]
    return cell, np.repeat(cell.positions, 3, axis=0), thermal


def test_unlikely_units_are_refused_unless_meant():
    cell, positions, thermal = vibrating([300, 300, 300])
    check_units(cell)
    check_units(Trajectory(cell.symbols, positions, cell.cells[0], velocities=thermal))
    check_units(
        Trajectory(cell.symbols, positions, cell.cells[0], velocities=thermal * [[[0]], [[1]], [[1]]])
    )  # cold start
    with pytest.raises(ValueError, match=r"not in angstrom \(perhaps nanometer: multiply by 10\); if .* --no-checks\)"):
        check_units(Trajectory(cell.symbols, cell.positions / 10, cell.cells / 10))
    with pytest.raises(
        ValueError, match=r"the velocities mean 3\.\d+ K, so they are not in angstrom/ps; .* --no-checks\)"
    ):
        check_units(Trajectory(cell.symbols, positions, cell.cells[0], velocities=thermal / 10))


@pytest.mark.parametrize("kelvin", [0.5, 3.0, 60000.0])
def test_stated_units_are_believed(tmp_path, kelvin):
    """Runs that start cold, or dense models: the file says its units."""
    cell, positions, thermal = vibrating([kelvin] * 3)
    write_h5md(tmp_path / "a.h5", cell.symbols, positions / 20, thermal, cell.cells[0] / 20, np.arange(3.0))
    trajectory = read(tmp_path / "a.h5")
    np.testing.assert_allclose(trajectory.velocities[:], thermal)


def test_units_of_a_dump_are_believed(tmp_path):
    cold = (
        dump().replace("x y z", "x y z vx vy vz").replace("1 1\n", "1 1 0.01 0 0\n").replace("2.5 1\n", "2.5 1 0 0 0\n")
    )
    for units, factor in (("", None), ("ITEM: UNITS\nmetal\n", 1), ("ITEM: UNITS\nreal\n", 1000)):
        (tmp_path / "a.dump").write_text(units + cold)
        if factor is None:
            with pytest.raises(ValueError, match="the velocities mean"):
                read(tmp_path / "a.dump", elements="Li,P,S")
        else:
            found = read(tmp_path / "a.dump", elements="Li,P,S")
            np.testing.assert_allclose(found.velocities[0, 0], [0.01 * factor, 0, 0], rtol=1e-6)


def test_checks_can_be_switched_off(tmp_path):
    import ase
    import ase.io

    cell, positions, thermal = vibrating([3, 3, 3])
    folded = [ase.Atoms(cell.symbols, p, cell=cell.cells[0], pbc=True, velocities=v) for p, v in zip(positions, thermal / 100, strict=True)]  # fmt: skip
    for atoms in folded[1::2]:
        atoms.wrap()
    ase.io.write(tmp_path / "cold.extxyz", folded)
    with pytest.raises(ValueError, match="the velocities mean"):
        read(tmp_path / "cold.extxyz")
    assert len(read(tmp_path / "cold.extxyz", 0.1, checks=False)) == 3
    jumping = Trajectory(cell.symbols, positions, cell.cells[0], [0.0, 1, 2])
    jumping.positions[1] += cell.cells[0][0]
    with pytest.raises(ValueError, match=r"is wrapped .* switch this check off \(checks=False, --no-checks\)"):
        mean_squared_displacement(jumping, "Li")
    meant = Trajectory(cell.symbols, jumping.positions, cell.cells[0], [0.0, 1, 2], checks=False)
    mean_squared_displacement(meant[:], "Li")


def test_relative_paths_survive_chdir(tmp_path, monkeypatch):
    cell, positions, thermal = vibrating([300, 300, 300])
    write_h5md(tmp_path / "a.h5", cell.symbols, positions, thermal, cell.cells[0], np.arange(3.0))
    monkeypatch.chdir(tmp_path)
    trajectory = read("a.h5")
    os.mkdir("elsewhere")
    monkeypatch.chdir("elsewhere")
    np.testing.assert_allclose(trajectory[1:].positions[:], positions[1:])


@pytest.mark.parametrize(
    "name, words",
    [("bad.h5", "is not an H5MD file .*; give "), ("bad.extxyz", "cannot be read as a trajectory .* --format")],
)
def test_unreadable_files_are_named(tmp_path, name, words):
    (tmp_path / name).write_text("rubbish\n")
    with pytest.raises(ValueError, match=rf"read: '.*{name}' {words}"):
        read(tmp_path / name)
