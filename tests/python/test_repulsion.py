# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""addRepulsion: energies, derivatives, particle subsets, other forces, refusals, and runs with it."""

import itertools
import json

import numpy as np
import openmm
import pytest
from openmm import unit
from typer.testing import CliRunner

from force_support import ELECTRONVOLT, MODEL_FILE, on_every_platform
from openmmlps import LPSForce, LPSModel, addRepulsion
from openmmlps.app import observables
from openmmlps.app.repulsion import SHORTEST_DISTANCES, read_repulsion, repulsion_virial
from openmmlps.cli import app as command

CHARGES = {"Li": 3, "P": 15, "S": 16}
PAIRS = sorted(SHORTEST_DISTANCES)

#: E(r) - E(1 angstrom) in eV for r = 0.2, 0.5, 0.8 angstrom: LAMMPS 2025.7.22, pair_style zbl, 2026-11-21, 6 digits.
#: LAMMPS rounds the screening length to 0.46850 angstrom (here 0.46853).
LAMMPS = {
    ("Li", "Li"): (246.450202, 32.581271, 5.368011),
    ("Li", "P"): (1053.071222, 122.596216, 18.897054),
    ("Li", "S"): (1114.955759, 129.040234, 19.829954),
    ("P", "P"): (4526.97398, 468.969817, 67.979861),
    ("P", "S"): (4794.296744, 493.990637, 71.397209),
    ("S", "S"): (5077.467058, 520.363716, 74.988865),
}


def system_of(symbols, box=None, repel=None):
    """A System of the small golden model with the given particles; `repel`: indices that the LPSForce acts on."""
    model = LPSModel(MODEL_FILE)
    system, force = openmm.System(), LPSForce(model)
    force.setUsesPeriodicBoundaryConditions(box is not None)
    if box is not None:
        system.setDefaultPeriodicBoxVectors(*box)
    for index, symbol in enumerate(symbols):
        system.addParticle(10.0)
        if repel is None or index in repel:
            force.addParticle(index, model.getTypeIndex(symbol))
    system.addForce(force)
    return system


def context_of(system, positions, platform="Reference"):
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName(platform))
    context.setPositions(positions)
    return context


def evaluate(context, group=1):
    """Energy (kJ/mol) and forces of one force group."""
    state = context.getState(energy=True, forces=True, groups={group})
    return state.getPotentialEnergy()._value, state.getForces(asNumpy=True)._value


def analytic(pair, distance):
    """ZBL with its switch in kJ/mol, from the formula of docs/repulsion.md in eV and angstrom; distance in nm."""
    first, second = (CHARGES[symbol] for symbol in pair)
    r = 10 * distance
    x = r * (first**0.23 + second**0.23) / (0.8854 * 0.529177210903)
    phi = 0.18175 * np.exp(-3.1998 * x) + 0.50986 * np.exp(-0.94229 * x)
    phi += 0.28022 * np.exp(-0.4029 * x) + 0.02817 * np.exp(-0.20162 * x)
    outer = 10 * SHORTEST_DISTANCES[pair]
    t = min(max((r - 0.8 * outer) / (0.2 * outer), 0.0), 1.0)
    return 14.39964548 * first * second / r * phi * (1 - 10 * t**3 + 15 * t**4 - 6 * t**5) * ELECTRONVOLT


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_energy_is_that_of_the_formula(pair):
    system = system_of(pair)
    addRepulsion(system, forceGroup=1)
    context = context_of(system, [[0, 0, 0], [0.1, 0, 0]])
    outer = SHORTEST_DISTANCES[pair]
    for distance in (0.02, 0.05, 0.08, 0.1, 0.85 * outer, 0.95 * outer, 0.999 * outer):
        context.setPositions([[0, 0, 0], [0, distance, 0]])
        assert evaluate(context)[0] == pytest.approx(analytic(pair, distance), rel=1e-8)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_energy_is_that_of_lammps(pair):
    system = system_of(pair)
    addRepulsion(system, forceGroup=1)
    context = context_of(system, [[0, 0, 0], [0.1, 0, 0]])
    at_1 = evaluate(context)[0]
    for distance, expected in zip((0.02, 0.05, 0.08), LAMMPS[pair], strict=True):
        context.setPositions([[0, 0, 0], [distance, 0, 0]])
        assert (evaluate(context)[0] - at_1) / ELECTRONVOLT == pytest.approx(expected, rel=3e-4)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_it_vanishes_with_two_derivatives_at_the_shortest_distance(pair):
    outer = SHORTEST_DISTANCES[pair]
    system = system_of(pair)
    addRepulsion(
        system, outer={("Li", "Li"): 0.2}, forceGroup=1
    )  # so that the cutoff of the force is not that of the pair
    context = context_of(system, [[0, 0, 0], [0.1, 0, 0]])
    outer = 0.2 if pair == ("Li", "Li") else outer

    def force_at(distance):
        context.setPositions([[0, 0, 0], [distance, 0, 0]])
        return evaluate(context)[1][1, 0]

    beyond = (outer + 1e-9, outer * 1.05)
    assert all(force_at(distance) == 0 for distance in beyond)
    width = 0.2 * outer
    steps = np.array([0.02, 0.01, 0.005])
    forces = np.array([force_at(outer - step * width) for step in steps])
    assert (forces > 0).all()
    # The force, the first derivative, falls as the square of the distance to the end, so its own derivative is zero there too.
    np.testing.assert_allclose(forces[:-1] / forces[1:], 4, rtol=0.06)


@on_every_platform
def test_forces_are_the_derivative_and_the_box_is_periodic(case):
    generator = np.random.default_rng(4)
    box = np.array([[1.2, 0, 0], [0.3, 1.1, 0], [-0.2, 0.4, 1.3]])
    symbols = ["Li", "P", "S"] * 8
    pair_distance = 0.13
    centers = generator.random((12, 3)) @ box
    directions = generator.normal(size=(12, 3))
    directions *= pair_distance / np.linalg.norm(directions, axis=1)[:, None]
    positions = np.concatenate([centers, centers + directions + box[1] - 2 * box[2]])  # partners in another image
    system = system_of(symbols, box)
    addRepulsion(system, forceGroup=1)
    context = case.context(system, positions)
    energy, forces = evaluate(context)
    assert energy > 1000
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-4 * np.abs(forces).max())
    reference = evaluate(context_of(system, positions))
    assert energy == pytest.approx(reference[0], rel=1e-4)
    np.testing.assert_allclose(forces, reference[1], atol=2e-4 * np.abs(forces).max())
    direction = forces / np.linalg.norm(forces)
    # OpenMM's own pair forces are single precision on the CPU platform, whatever the LPSForce does.
    exact = case.name != "CPU" and case.precision == "double"
    step = 1e-5 if exact else 1e-3
    sides = []
    for sign in (1, -1):
        context.setPositions(positions + sign * step * direction)
        sides.append(evaluate(context)[0])
    assert -(sides[0] - sides[1]) / (2 * step) == pytest.approx(np.linalg.norm(forces), rel=1e-5 if exact else 2e-2)


def test_virial_is_the_derivative_by_strain():
    generator = np.random.default_rng(1)
    box = np.array([[1.0, 0, 0], [0.2, 1.1, 0], [-0.3, 0.1, 0.9]])
    symbols = ["Li", "P", "S"] * 6
    positions = generator.random((18, 3)) @ box
    system = system_of(symbols, box)
    addRepulsion(system, forceGroup=1)
    tables, kinds = read_repulsion(openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system)))
    virial = repulsion_virial(tables, kinds, positions, box)
    assert np.abs(virial).max() > 10
    context = context_of(system, positions)

    def energy(strain):
        deformation = np.eye(3) + strain
        deformed = box @ deformation
        context.setPeriodicBoxVectors(*deformed)
        context.setPositions(positions @ deformation)
        return evaluate(context)[0]

    step = 1e-6
    for a, b in ((0, 0), (1, 1), (2, 2), (1, 0), (2, 0), (2, 1)):  # those that keep the box lower triangular
        strain = np.zeros((3, 3))
        strain[a, b] = step
        derivative = (energy(strain) - energy(-strain)) / (2 * step)
        assert -derivative == pytest.approx(virial[a, b], rel=1e-5, abs=1e-3 * np.abs(virial).max())
    context.setPeriodicBoxVectors(*box)
    context.setPositions(positions)
    model_alone = observables.Virial([f for f in map(LPSForce.cast, system.getForces()[:1])])(context, 0)
    np.testing.assert_allclose(observables.Virial.of(system)(context, 0), model_alone + virial, rtol=1e-9)


def lennard_jones(count):
    force = openmm.NonbondedForce()
    force.setNonbondedMethod(force.CutoffPeriodic)
    force.setCutoffDistance(0.4)
    for _ in range(count):
        force.addParticle(0.0, 0.1, 0.0)
    return force


@pytest.mark.parametrize("platform", ["Reference", "CPU"])
@pytest.mark.parametrize("hybrid", [False, True], ids=["alone", "hybrid"])
def test_only_particles_of_the_model_repel(platform, hybrid):
    symbols = ["Li", "S", "P", "Li"]
    system = system_of(symbols, np.eye(3), repel=[0, 2])
    if hybrid:
        system.addForce(lennard_jones(len(symbols)))
    addRepulsion(system, forceGroup=1)
    context = context_of(system, [[0, 0, 0], [0.05, 0, 0], [0.1, 0, 0], [0.13, 0, 0]], platform)
    energy, forces = evaluate(context)
    assert energy == pytest.approx(analytic(("Li", "P"), 0.1), rel=1e-4)
    assert (forces[[1, 3]] == 0).all() and forces[0, 0] == pytest.approx(-forces[2, 0], rel=1e-5)


def test_pair_forces_with_exclusions_are_refused():
    system = system_of(["Li", "S"], np.eye(3))
    other = lennard_jones(2)
    other.addException(0, 1, 0.0, 0.1, 0.0)
    system.addForce(other)
    with pytest.raises(
        ValueError, match="a NonbondedForce of the System has 1 exclusions, and OpenMM wants the same of all"
    ):
        addRepulsion(system)


def test_two_models_of_one_system_are_told_apart():
    system = system_of(["Li", "Li"], repel=[0])
    second = LPSForce(LPSModel(MODEL_FILE))
    second.setUsesPeriodicBoundaryConditions(False)
    for particle in (0, 1):
        second.addParticle(particle, 0)
    system.addForce(second)
    with pytest.raises(ValueError, match="the System has 2 LPSForces, not one; say which with lpsForce"):
        addRepulsion(system)
    addRepulsion(system, second, forceGroup=1)
    context = context_of(system, [[0, 0, 0], [0.1, 0, 0]])
    assert evaluate(context)[0] == pytest.approx(analytic(("Li", "Li"), 0.1), rel=1e-8)


def test_other_distances():
    system = system_of(["Li", "S"])
    force = addRepulsion(system, outer={("S", "Li"): 1.5 * unit.angstrom}, innerFraction=0.9)
    tables, kinds = read_repulsion(system)
    assert tables.outer[kinds[0], kinds[1]] == pytest.approx(0.15)
    assert tables.inner[kinds[1], kinds[0]] == pytest.approx(0.135)
    assert force.getCutoffDistance()._value == pytest.approx(0.1656)  # S-S, the longest of those that occur
    assert not force.usesPeriodicBoundaryConditions() and force.getForceGroup() == 0


def with_types(*names):
    """A model whose types have other names, with one particle of each."""
    from openmmlps.importers import import_model

    model = import_model(MODEL_FILE)
    model.hyperparameters = {**model.hyperparameters, "type_map": list(names)}
    model.original_bytes = None
    force = LPSForce(LPSModel.fromBytes(model.to_bytes()))
    system = openmm.System()
    for kind in range(len(names)):
        system.addParticle(1.0)
        force.addParticle(kind, kind)
    system.addForce(force)
    return system


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (openmm.System, {}, "has 0 LPSForces, not one; add one first, as openmmlps.createSystem does"),
        (lambda: system_of(["Li"], repel=[]), {}, "the LPSForce has no particles; add them first"),
        (lambda: system_of(["Li"]), {"innerFraction": 1.0}, "innerFraction is 1.0; give a number between 0 and 1"),
        (lambda: system_of(["Li"]), {"forceGroup": 32}, "forceGroup is 32; OpenMM has groups 0 to 31"),
        (lambda: system_of(["Li"]), {"outer": {"Li": 0.1}}, "outer has the key 'Li'; use pairs of elements"),
        (
            lambda: system_of(["Li"]),
            {"outer": {("Li", "Li"): -1}},
            "outer of Li-Li is -1; give a distance above 0, in nm",
        ),
        (lambda: system_of(["Li"]), {"lpsForce": openmm.NonbondedForce()}, "is a NonbondedForce; give an LPSForce"),
        (lambda: with_types("Li", "Ge", "S"), {}, r"no distance is known for Ge-Li; give the shortest .* outer=\{\("),
        (lambda: with_types("Li", "X1", "S"), {}, "has the type 'X1', which is no element"),
    ],
)
def test_refusals(make, options, message):
    system = make()
    count = system.getNumForces()
    with pytest.raises(ValueError, match=f"^addRepulsion: .*{message}"):
        addRepulsion(system, **options)
    assert system.getNumForces() == count


def test_twice_is_refused():
    system = system_of(["Li", "S"])
    addRepulsion(system)
    with pytest.raises(ValueError, match="has a repulsion already; add it once"):
        addRepulsion(system)


def test_elements_that_do_not_occur_need_no_distance():
    system = with_types("Li", "Ge", "S")
    force = LPSForce.cast(system.getForce(0))
    force.setParticleParameters(1, 1, 0)
    addRepulsion(system)


def test_run_with_repulsion_starts_hot(tmp_path):
    """Two lithium atoms 1.1 angstrom apart: with the repulsion the run keeps its energy, and resuming keeps the option."""
    import ase.io

    from openmmlps.app.structure_files import structure_path

    atoms = ase.io.read(structure_path("beta-Li3PS4"))
    lithium = [atom.index for atom in atoms if atom.symbol == "Li"]
    atoms.positions[lithium[1]] = atoms.positions[lithium[0]] + [1.1, 0, 0]
    ase.io.write(tmp_path / "hot.extxyz", atoms)
    arguments = [tmp_path / "hot.extxyz", "--model", MODEL_FILE, "--repulsion", "--time", "0.002", "--timestep", "0.2"]
    arguments += ["--ensemble", "nve", "--report-interval", "0.001", "--platform", "CPU", "-o", tmp_path / "run"]
    result = CliRunner().invoke(command, ["run", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "run" / "inputs" / "settings.json").read_text())["repulsion"] is True
    result = CliRunner().invoke(command, ["run", "--resume", "-o", str(tmp_path / "run"), "--time", "0.004"])
    assert result.exit_code == 0, result.output


def test_all_pairs_of_the_packaged_model_are_known():
    names = LPSModel.default().getTypeNames()
    assert {tuple(sorted(pair)) for pair in itertools.product(names, names)} == set(SHORTEST_DISTANCES)
