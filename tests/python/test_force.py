# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""LPSForce through Python, on every platform and precision."""

import copy
import gc
import threading
import time

import numpy as np
import openmm
import pytest
from openmm import unit

from force_support import MODEL_FILE, energy, forces, load_structure, make_system, on_every_platform
from openmmlps import LPSForce, LPSModel


@pytest.fixture(scope="module")
def model():
    return LPSModel(MODEL_FILE)


@pytest.fixture(scope="module")
def reference(model):
    """What the Reference platform gives for the first golden structure."""
    positions, types, box = load_structure()
    system, force = make_system(model, types, box)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(positions)
    return {
        "energy": energy(context),
        "forces": forces(context),
        "particle energies": force.computeParticleEnergies(context, asNumpy=True)._value,
        "virial": force.computeVirial(context, asNumpy=True)._value,
        "particle virials": force.computeParticleVirials(context)._value,
    }


@on_every_platform
def test_agrees_with_reference(case, model, reference):
    positions, types, box = load_structure()
    system, force = make_system(model, types, box, case)
    context = case.context(system, positions)
    per_atom, force_tolerance, virial_tolerance = case.tolerances
    assert energy(context) == pytest.approx(reference["energy"], rel=0, abs=per_atom * len(types))
    np.testing.assert_allclose(forces(context), reference["forces"], rtol=0, atol=force_tolerance)
    energies = force.computeParticleEnergies(context, asNumpy=True)._value
    np.testing.assert_allclose(energies, reference["particle energies"], rtol=0, atol=10 * per_atom)
    virial = force.computeVirial(context, asNumpy=True)._value
    np.testing.assert_allclose(virial, reference["virial"], rtol=0, atol=virial_tolerance)
    virials = force.computeParticleVirials(context)._value
    np.testing.assert_allclose(virials, reference["particle virials"], rtol=0, atol=virial_tolerance)


@on_every_platform
def test_heat_current_is_made_of_energies_and_virials(case, model):
    positions, types, box = load_structure()
    system, force = make_system(model, types, box, case)
    context = case.context(system, positions, openmm.LangevinMiddleIntegrator(300, 1, 0.001))
    velocities = np.random.default_rng(3).normal(size=(len(types), 3))
    context.setVelocities(velocities)
    current = force.computeHeatCurrent(context)
    assert current.unit == unit.kilojoule_per_mole * unit.nanometer / unit.picosecond
    energies = force.computeParticleEnergies(context, asNumpy=True)._value + 15 * (velocities**2).sum(1)
    virials = force.computeParticleVirials(context)._value
    expected = energies @ velocities + np.einsum("iab,ib->a", virials, velocities)
    np.testing.assert_allclose(current._value, expected, rtol=1e-5)


@on_every_platform
def test_results_carry_units(case, model):
    positions, types, box = load_structure()
    system, force = make_system(model, types, box, case)
    context = case.context(system, positions * unit.nanometer)
    energies = force.computeParticleEnergies(context)
    assert energies.unit == unit.kilojoule_per_mole
    assert isinstance(energies._value, list) and len(energies) == len(types)
    assert sum(energies._value) == pytest.approx(energy(context), abs=case.tolerances[0] * len(types))
    virial = force.computeVirial(context)
    assert virial.unit == unit.kilojoule_per_mole
    assert all(isinstance(row, openmm.Vec3) for row in virial._value)
    assert force.computeVirial(context, asNumpy=True)._value.shape == (3, 3)


@on_every_platform
def test_update_parameters_in_context(case, model):
    positions, types, box = load_structure()
    system, force = make_system(model, types, box, case)
    context = case.context(system, positions)
    before = energy(context)
    force.setParticleParameters(0, 0, (types[0] + 1) % 3)
    force.updateParametersInContext(context)
    changed = energy(context)
    other, _ = make_system(model, [(types[0] + 1) % 3, *types[1:]], box, case)
    assert abs(changed - before) > 1.0
    assert changed == pytest.approx(energy(case.context(other, positions)), abs=case.tolerances[0] * len(types))


def test_properties(model):
    force = LPSForce(model)
    assert force.getName() == "LPSForce"
    assert force.usesPeriodicBoundaryConditions() is True
    assert force.getPrecision() == LPSForce.Automatic
    assert force.getUseTables() is True
    force.setUsesPeriodicBoundaryConditions(False)
    force.setPrecision(LPSForce.Double)
    force.setUseTables(False)
    assert force.usesPeriodicBoundaryConditions() is False
    assert force.getPrecision() == LPSForce.Double
    assert force.getUseTables() is False
    assert force.getModel() == model


def test_particles(model):
    force = LPSForce(model)
    assert force.addParticle(np.int64(7), np.int32(2)) == 0
    assert force.addParticle(3, 0) == 1
    assert force.getNumParticles() == 2
    assert force.getParticleParameters(0) == [7, 2]
    force.setParticleParameters(1, 4, 1)
    assert force.getParticleParameters(1) == [4, 1]


def test_every_public_method_is_documented():
    for kind in (LPSModel, LPSForce):
        for name in vars(kind):
            if not name.startswith("_") and callable(getattr(kind, name)):
                assert (getattr(kind, name).__doc__ or "").strip(), f"{kind.__name__}.{name}"


def test_stub_names_every_public_method():
    import ast
    from pathlib import Path

    import openmmlps

    stub = ast.parse((Path(openmmlps.__file__).parent / "openmmlps.pyi").read_text())
    for kind in (LPSModel, LPSForce):
        (declared,) = (node for node in stub.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__)
        methods = {node.name for node in declared.body if isinstance(node, ast.FunctionDef)}
        public = {name for name in vars(kind) if not name.startswith("_") and callable(getattr(kind, name))}
        assert public - {"thisown"} == {name for name in methods if not name.startswith("_")}


def test_cast_of_a_force_in_a_system(model):
    _, types, box = load_structure()
    system, _ = make_system(model, types, box)
    system.addForce(openmm.CMMotionRemover())
    generic = system.getForce(0)
    assert LPSForce.isinstance(generic)
    force = LPSForce.cast(generic)
    assert force.getNumParticles() == len(types)
    force.setUseTables(False)
    assert LPSForce.cast(system.getForce(0)).getUseTables() is False
    assert not LPSForce.isinstance(system.getForce(1))
    with pytest.raises(TypeError, match="LPSForce.cast: 'CMMotionRemover' is not an LPSForce; ask LPSForce.isinstance"):
        LPSForce.cast(system.getForce(1))


def test_cast_takes_ownership(model):
    force = LPSForce(model)
    force.addParticle(5, 1)
    generic = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(force))
    cast = LPSForce.cast(generic)
    assert cast.thisown and not generic.thisown
    del cast
    gc.collect()
    assert generic.getName() == "LPSForce"  # still alive
    again = LPSForce.cast(generic)
    assert again.getParticleParameters(0) == [5, 1]


def test_force_given_to_a_system_can_still_be_used(model):
    system = openmm.System()
    system.addParticle(1.0)
    force = LPSForce(model)
    system.addForce(force)
    assert not force.thisown
    force.addParticle(0, 0)
    assert LPSForce.cast(system.getForce(0)).getNumParticles() == 1


def test_errors_of_the_wrapper(model):
    force = LPSForce(model)
    with pytest.raises(openmm.OpenMMException, match="LPSForce: there is no entry 0 in the list of 0 particles; add"):
        force.getParticleParameters(0)
    with pytest.raises(openmm.OpenMMException, match="LPSForce: precision 7 is unknown; use LPSForce.Automatic"):
        force.setPrecision(7)
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
        force.addParticle(0.5, 1)
    with pytest.raises(OverflowError, match="LPSForce: an index does not fit 32 bits; use"):
        force.addParticle(2**40, 1)
    with pytest.raises(TypeError):
        LPSForce("model")


def test_context_of_another_system(model):
    _, types, box = load_structure()
    system, _ = make_system(model, types, box)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    with pytest.raises(openmm.OpenMMException):
        LPSForce(model).computeVirial(context)


def test_long_calls_release_the_interpreter(model):
    """Another thread makes progress while energies are computed."""
    positions, types, box = load_structure()
    system, force = make_system(model, types, box)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(positions)
    inside, stop, seen = threading.Event(), threading.Event(), []

    def watch():
        while not stop.is_set():
            if inside.is_set():
                seen.append(time.perf_counter())
            time.sleep(0)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        deadline = time.perf_counter() + 20
        progressed = False
        while not progressed and time.perf_counter() < deadline:
            seen.clear()
            start = time.perf_counter()
            inside.set()
            force._computeVirial(context)
            inside.clear()
            end = time.perf_counter()
            # Well inside the call, away from the switches of the interpreter at its ends.
            margin = 0.2 * (end - start)
            progressed = sum(start + margin < moment < end - margin for moment in list(seen)) > 3
    finally:
        stop.set()
        thread.join()
    assert progressed


def test_copy(model):
    force = LPSForce(model)
    force.addParticle(1, 2)
    force.setForceGroup(4)
    force.setName("mine")
    for duplicate in (copy.copy(force), copy.deepcopy(force)):
        assert type(duplicate) is LPSForce and duplicate.thisown
        assert duplicate.getParticleParameters(0) == [1, 2]
        assert (duplicate.getForceGroup(), duplicate.getName()) == (4, "mine")
        duplicate.addParticle(2, 2)
    assert force.getNumParticles() == 1


@on_every_platform
def test_a_global_parameter_scales_energy_forces_and_virials(case, model):
    positions, types, box = load_structure()
    system, force = make_system(model, types, box, case)
    plain = case.context(system, positions)
    expected = energy(plain), forces(plain), force.computeVirial(plain, asNumpy=True)._value
    scaled, scaled_force = make_system(model, types, box, case)
    scaled_force.setEnergyScaleParameter("lambda")
    scaled_force.setComputesScaleDerivative(True)
    context = case.context(copy.deepcopy(scaled), positions)
    copied = LPSForce.cast(context.getSystem().getForce(0))
    assert copied.getEnergyScaleParameter() == "lambda" and copied.getComputesScaleDerivative()
    per_atom, force_tolerance, virial_tolerance = case.tolerances
    for value in (1.0, 0.25, 0.0, -1.0):
        context.setParameter("lambda", value)
        assert energy(context) == pytest.approx(value * expected[0], rel=0, abs=per_atom * len(types))
        np.testing.assert_allclose(forces(context), value * expected[1], rtol=0, atol=force_tolerance)
        virial = copied.computeVirial(context, asNumpy=True)._value
        np.testing.assert_allclose(virial, value * expected[2], rtol=0, atol=virial_tolerance)
        derivative = context.getState(parameterDerivatives=True).getEnergyParameterDerivatives()["lambda"]
        assert derivative == pytest.approx(expected[0], rel=0, abs=per_atom * len(types))
