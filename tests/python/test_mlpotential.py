# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""MLPotential('lps') of OpenMM-ML."""

import numpy as np
import openmm
import pytest
from openmm import app, unit

import openmmlps
from force_support import GOLDEN, MODEL_FILE, energy, forces
from openmmlps import LPSForce, LPSModel

openmmml = pytest.importorskip("openmmml", reason="OpenMM-ML is not installed")


def make_context(system, positions):
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(positions)
    return context


@pytest.fixture(scope="module")
def crystal():
    return openmmlps.load("gamma-Li3PS4")


@pytest.fixture(scope="module")
def hybrid():
    """Positions in nm, topology and classical System of Li2S in a box of argon: atoms 4 .. 6 are Li, S, Li."""
    elements = ["Ar", "Ar", "Ar", "Ar", "Li", "S", "Li", "Ar"]
    positions = np.array(
        [
            [0, 0, 0],
            [1.0, 0, 0],
            [0, 1.0, 0],
            [0, 0, 1.0],
            [0.6, 0.5, 0.5],
            [0.8, 0.62, 0.5],
            [1.0, 0.5, 0.55],
            [1, 1, 1],
        ]
    )
    topology = app.Topology()
    residue = topology.addResidue("MIX", topology.addChain())
    nonbonded = openmm.NonbondedForce()
    nonbonded.setNonbondedMethod(nonbonded.PME)
    nonbonded.setCutoffDistance(0.9)
    system = openmm.System()
    box = 2.0 * np.eye(3)
    system.setDefaultPeriodicBoxVectors(*box)
    topology.setPeriodicBoxVectors(box * unit.nanometer)
    for name in elements:
        topology.addAtom(name, app.Element.getBySymbol(name), residue)
        system.addParticle(app.Element.getBySymbol(name).mass)
        nonbonded.addParticle({"Ar": 0.0, "Li": 0.4, "S": -0.8}[name], 0.3, 0.9)
    system.addForce(nonbonded)
    return positions, topology, system


def test_is_found_and_uses_the_packaged_model(crystal):
    potential = openmmml.MLPotential("lps")
    system = potential.createSystem(crystal.topology)
    expected = openmmlps.createSystem(crystal.topology)
    assert [system.getParticleMass(i) for i in range(system.getNumParticles())] == [
        expected.getParticleMass(i) for i in range(expected.getNumParticles())
    ]
    force = LPSForce.cast(system.getForce(0))
    assert force.getModel() == LPSModel.default() and force.usesPeriodicBoundaryConditions()
    assert isinstance(system.getForce(1), openmm.CMMotionRemover)
    ours, theirs = make_context(system, crystal.positions), make_context(expected, crystal.positions)
    assert energy(ours) == energy(theirs)
    np.testing.assert_array_equal(forces(ours), forces(theirs))


@pytest.mark.parametrize(
    "given", [MODEL_FILE, str(GOLDEN / "one-side" / "model.pb"), LPSModel(MODEL_FILE)], ids=["path", "pb", "model"]
)
def test_takes_any_model(given, crystal):
    potential = openmmml.MLPotential("lps", modelPath=given)
    system = potential.createSystem(crystal.topology, removeCMMotion=False, precision="double", useTables=False)
    force = LPSForce.cast(system.getForce(0))
    assert force.getModel() == (given if isinstance(given, LPSModel) else LPSModel(given))
    assert force.getPrecision() == LPSForce.Double and not force.getUseTables()
    assert np.isfinite(energy(make_context(system, crystal.positions)))


def test_mixed_system(hybrid):
    """Energy of the mixture = Deep Potential of the subset + classical energy without pairs inside the subset."""
    positions, topology, classical = hybrid
    subset = [4, 5, 6]
    mixed = openmmml.MLPotential("lps").createMixedSystem(topology, classical, subset, forceGroup=3)
    force = next(LPSForce.cast(f) for f in mixed.getForces() if LPSForce.isinstance(f))
    assert [force.getParticleParameters(i) for i in range(3)] == [[4, 0], [5, 2], [6, 0]]
    assert force.getForceGroup() == 3
    alone, _ = _deep_potential_alone(topology, subset)
    without = openmm.XmlSerializer.clone(classical)
    for i in subset:
        for j in subset[: subset.index(i)]:
            without.getForce(0).addException(i, j, 0, 1, 0)
    expected = [make_context(system, positions) for system in (alone, without)]
    context = make_context(mixed, positions)
    assert energy(context) == pytest.approx(sum(map(energy, expected)), abs=1e-5)
    np.testing.assert_allclose(forces(context), sum(map(forces, expected)), rtol=0, atol=1e-4)


def _deep_potential_alone(topology, subset):
    system = openmm.System()
    system.setDefaultPeriodicBoxVectors(*topology.getPeriodicBoxVectors())
    force = LPSForce(LPSModel.default())
    for atom in topology.atoms():
        system.addParticle(atom.element.mass)
    for index in subset:
        force.addParticle(index, force.getModel().getTypeIndex(list(topology.atoms())[index].element.symbol))
    system.addForce(force)
    return system, force


def test_interpolation_between_classical_and_mixed(hybrid):
    positions, topology, classical = hybrid
    potential = openmmml.MLPotential("lps")
    mixed = make_context(potential.createMixedSystem(topology, classical, [4, 5, 6]), positions)
    plain = make_context(classical, positions)
    system = potential.createMixedSystem(topology, classical, [4, 5, 6], interpolate=True)
    between = make_context(system, positions)
    for weight in (0.0, 0.3, 1.0):
        between.setParameter("lambda_interpolate", weight)
        expected = (1 - weight) * energy(plain) + weight * energy(mixed)
        assert energy(between) == pytest.approx(expected, abs=1e-5)
        expected = (1 - weight) * forces(plain) + weight * forces(mixed)
        np.testing.assert_allclose(forces(between), expected, rtol=0, atol=1e-4)


def test_particles_without_element_may_stand_outside_the_subset():
    """Such as the virtual sites of water models."""
    topology = app.Topology()
    residue = topology.addResidue("MIX", topology.addChain())
    for element in (None, app.element.lithium, app.element.sulfur):
        topology.addAtom("M", element, residue)
    implementation = openmmml.MLPotential("lps")._impl
    system = openmm.System()
    implementation.addForces(topology, system, [2, 1], 0)
    assert LPSForce.cast(system.getForce(0)).getParticleParameters(0) == [2, 2]
    assert not LPSForce.cast(system.getForce(0)).usesPeriodicBoundaryConditions()
    with pytest.raises(ValueError, match=r"MLPotential\('lps'\): atom 0 \(M\) has no element; set atom.element"):
        implementation.addForces(topology, system, None, 0)
    with pytest.raises(ValueError, match=r"MLPotential\('lps'\): there is no atom 3; the topology has atoms 0 to 2"):
        implementation.addForces(topology, system, [3], 0)


def test_unknown_element_is_named(hybrid):
    _, topology, classical = hybrid
    with pytest.raises(
        ValueError, match=r"MLPotential\('lps'\): the model knows Li, P, S, but .* 'Ar' \(first at atom 3\)"
    ):
        openmmml.MLPotential("lps").createMixedSystem(topology, classical, [5, 3])


def test_missing_model_file_is_named():
    with pytest.raises(FileNotFoundError, match="'nothing.pb' is not a file in"):
        openmmml.MLPotential("lps", modelPath="nothing.pb")
