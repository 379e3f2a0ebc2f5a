# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""LPSForce among OpenMM's integrators, barostats and other Forces."""

import numpy as np
import openmm
import pytest
from openmm import unit

from force_support import MODEL_FILE, energy, forces, load_structure, make_system, on_every_platform
from openmmlps import LPSForce, LPSModel


@pytest.fixture(scope="module")
def model():
    return LPSModel(MODEL_FILE)


def make_context(case, model, integrator, *others):
    positions, types, box = load_structure()
    system, _ = make_system(model, types, box, case)
    for force in others:
        system.addForce(force)
    return case.context(system, positions, integrator)


BAROSTATS = {
    "isotropic": lambda: openmm.MonteCarloBarostat(1.0 * unit.bar, 300 * unit.kelvin, 1),
    "anisotropic": lambda: openmm.MonteCarloAnisotropicBarostat(openmm.Vec3(1, 1, 1), 300, True, True, True, 1),
    "flexible": lambda: openmm.MonteCarloFlexibleBarostat(1.0, 300, 1, True),
}


@on_every_platform
@pytest.mark.parametrize("kind", BAROSTATS)
def test_langevin_with_barostat(case, kind, model):
    integrator = openmm.LangevinMiddleIntegrator(300 * unit.kelvin, 10 / unit.picosecond, 0.2 * unit.femtosecond)
    integrator.setRandomNumberSeed(1)
    barostat = BAROSTATS[kind]()
    barostat.setRandomNumberSeed(1)
    context = make_context(case, model, integrator, barostat)
    before = context.getState().getPeriodicBoxVolume()
    integrator.step(30)
    state = context.getState(energy=True, positions=True)
    assert state.getPeriodicBoxVolume() != before
    assert np.isfinite(state.getPotentialEnergy()._value)
    assert np.isfinite(state.getPositions(asNumpy=True)._value).all()


@on_every_platform
def test_custom_cv_force(case, model):
    positions, types, box = load_structure()
    plain, force = make_system(model, types, box, case)
    expected_context = case.context(plain, positions)
    system = openmm.System()
    system.setDefaultPeriodicBoxVectors(*plain.getDefaultPeriodicBoxVectors())
    for _ in types:
        system.addParticle(30.0)
    half = openmm.CustomCVForce("0.5*E")
    inner = LPSForce.cast(openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(force)))
    half.addCollectiveVariable("E", inner)
    system.addForce(half)
    context = case.context(system, positions)
    assert energy(context) == pytest.approx(0.5 * energy(expected_context), rel=1e-6)
    np.testing.assert_allclose(forces(context), 0.5 * forces(expected_context), rtol=0, atol=2 * case.tolerances[1])


@on_every_platform
def test_force_groups_in_a_multiple_time_step_integrator(case, model):
    positions, types, box = load_structure()
    system, force = make_system(model, types, box, case)
    force.setForceGroup(1)
    spring = openmm.HarmonicBondForce()
    spring.addBond(0, 1, 0.3, 100.0)
    system.addForce(spring)
    integrator = openmm.MTSIntegrator(0.5 * unit.femtosecond, [(1, 1), (0, 2)])
    context = case.context(system, positions, integrator)
    assert context.getState(energy=True, groups={0}).getPotentialEnergy()._value == pytest.approx(
        0.5 * 100 * (np.linalg.norm(positions[1] - positions[0]) - 0.3) ** 2, rel=1e-4
    )
    integrator.step(5)
    assert np.isfinite(energy(context))


@on_every_platform
def test_minimizer(case, model):
    if case.on_processors:
        pytest.skip("OpenMM's minimizer crashes on PoCL, also without LPSForce")
    context = make_context(case, model, openmm.VerletIntegrator(0.001))
    before = energy(context)
    openmm.LocalEnergyMinimizer.minimize(context, maxIterations=5)
    assert energy(context) < before


@on_every_platform
def test_ring_polymer(case, model):
    positions, types, box = load_structure()
    system, _ = make_system(model, types, box, case)
    integrator = openmm.RPMDIntegrator(3, 300, 10, 0.0002)
    context = case.context(system, positions, integrator)
    for bead in range(3):
        integrator.setPositions(bead, positions)
    integrator.step(3)
    energies = [integrator.getState(bead, getEnergy=True).getPotentialEnergy()._value for bead in range(3)]
    assert np.isfinite(energies).all() and np.ptp(energies) > 0
    assert context.getSystem().getNumParticles() == len(types)


@on_every_platform
def test_simulation_from_the_application_layer(case, model, tmp_path):
    """A Simulation with a Topology, a reporter and a checkpoint."""
    import io

    from openmm import app

    positions, types, box = load_structure()
    system, _ = make_system(model, types, box, case)
    topology = app.Topology()
    residue = topology.addResidue("LPS", topology.addChain())
    for kind in types:
        symbol = model.getTypeNames()[kind]
        topology.addAtom(symbol, app.Element.getBySymbol(symbol), residue)
    integrator = openmm.VerletIntegrator(0.0002)
    platform = openmm.Platform.getPlatformByName(case.name)
    properties = {} if case.name in ("Reference", "CPU") else {"Precision": case.precision}
    simulation = app.Simulation(topology, system, integrator, platform, properties)
    simulation.context.setPositions(positions)
    report = io.StringIO()
    simulation.reporters.append(app.StateDataReporter(report, 2, step=True, totalEnergy=True, volume=True))
    simulation.step(4)
    assert len(report.getvalue().splitlines()) == 3
    simulation.saveState(str(tmp_path / "state.xml"))
    simulation.loadState(str(tmp_path / "state.xml"))
    assert simulation.currentStep == 4
