# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Faults: each gives a right result or a clear error, on every platform; more of them stand in tests/force/TestErrors.cpp."""

import gc
import resource

import numpy as np
import openmm
import pytest

import openmmlps
from force_support import PLATFORM_CASES, energy, forces, load_structure, make_system, on_every_platform
from openmmlps import LPSForce, LPSModel


@pytest.fixture(scope="module")
def model():
    return LPSModel.default()


def context_of(case, model, positions, types, edge=None):
    """With a particle that is none of the Force's beside a single atom: OpenMM itself crashes on PoCL for Systems of one particle."""
    system, _ = make_system(model, types, None if edge is None else edge * np.eye(3), case)
    if len(types) == 1:
        system.addParticle(1.0)
        positions = [*positions, positions[0]]
    return case.context(system, positions)


REFERENCE = PLATFORM_CASES[0]


def reference_of(model, positions, types, edge=None):
    context = context_of(REFERENCE, model, positions, types, edge)
    return energy(context), forces(context)


APART = [(0.0, 0.0, 0.0), (0.25, 0.0, 0.0), (0.0, 0.3, 0.0)]
TYPES = [0, 1, 2]


@on_every_platform
@pytest.mark.parametrize("distance", [1e-4, 1e-3, 0.01, 0.03, 0.049, 0.051], ids=str)
def test_atoms_nearer_than_any_table(case, model, distance):
    """Embedding tables end at 0.05 nm; nearer pairs are evaluated all the same, and like the Reference platform does."""
    positions = [APART[0], (distance, 0.0, 0.0), APART[2]]
    expected, expected_forces = reference_of(model, positions, TYPES)
    context = context_of(case, model, positions, TYPES)
    assert energy(context) == pytest.approx(expected, abs=1e-5 * abs(expected))
    scale = np.abs(expected_forces).max()
    np.testing.assert_allclose(forces(context), expected_forces, rtol=0, atol=1e-3 * scale + case.tolerances[1])


@on_every_platform
def test_more_neighbors_than_any_list_assumed(case, model):
    """216 atoms within the cutoff of each other: more phosphorus than the model has slots."""
    positions = np.stack(np.meshgrid(*[np.arange(6) * 0.09] * 3), -1).reshape(-1, 3)
    positions = positions + np.random.default_rng(1).normal(size=positions.shape) * 0.005
    types = [1] * 216
    expected, expected_forces = reference_of(model, positions, types)
    context = context_of(case, model, positions, types)
    assert energy(context) == pytest.approx(expected, abs=216 * case.tolerances[0] + 1e-7 * abs(expected))
    scale = np.abs(expected_forces).max()
    np.testing.assert_allclose(forces(context), expected_forces, rtol=0, atol=1e-3 * scale)


@on_every_platform
def test_box_that_shrinks(case, model):
    """One atom sees thousands of its own images, until the box is thinner than any atom: then an error says so."""
    context = context_of(case, model, [(0.0, 0.0, 0.0)], [2], 1.0)
    for edge in (0.3, 0.15, 0.1, 0.06):
        expected, _ = reference_of(model, [(0.0, 0.0, 0.0)], [2], edge)
        context.setPeriodicBoxVectors(*(edge * np.eye(3)))
        assert energy(context) == pytest.approx(expected, abs=1e-5 * abs(expected))
        np.testing.assert_allclose(forces(context), 0, atol=1e-2)
    context.setPeriodicBoxVectors(*(0.02 * np.eye(3)))
    with pytest.raises(openmm.OpenMMException, match=r"0\.2\d* angstrom"):
        context.getState(energy=True)
    context.setPeriodicBoxVectors(*np.eye(3))
    assert np.isfinite(energy(context))


@on_every_platform
def test_one_particle_and_types_without_any(case, model):
    for types in ([1], [0, 0], [2]):
        positions = APART[: len(types)]
        expected, expected_forces = reference_of(model, positions, types)
        context = context_of(case, model, positions, types)
        assert energy(context) == pytest.approx(expected, abs=len(types) * case.tolerances[0])
        np.testing.assert_allclose(forces(context), expected_forces, rtol=0, atol=case.tolerances[1])


def test_model_file_deleted_after_it_was_read(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(LPSModel.default().getBytes())
    model = LPSModel(file)
    file.unlink()
    structure = openmmlps.load("Li2S")
    context = openmm.Context(
        openmmlps.createSystem(structure.topology, model),
        openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName("CPU"),
    )
    context.setPositions(structure.positions)
    context.getIntegrator().step(3)
    context.reinitialize(preserveState=True)
    assert np.isfinite(energy(context))


def verlet(case, repeats):
    """A crystal that begins to melt: System with its LPSForce, and a Context at 600 K."""
    structure = openmmlps.load("Li2S", repeats)
    system = openmmlps.createSystem(structure.topology, removeCMMotion=False)
    case.prepare(LPSForce.cast(system.getForce(0)))
    context = case.context(system, structure.positions, openmm.VerletIntegrator(0.002))
    context.setVelocitiesToTemperature(1200, 3)
    return system, context


def end_of(context):
    state = context.getState(positions=True, velocities=True)
    return np.concatenate([state.getPositions(asNumpy=True)._value, state.getVelocities(asNumpy=True)._value])


@on_every_platform
@pytest.mark.parametrize("way", ["checkpoint", "state"])
def test_restart_continues_the_trajectory(case, way):
    """
    Into a new Context, over several neighbor lists.

    Reference and CPU: bit for bit, from any step. GPU platforms: from checkpoints of steps that are multiples of 100 bit for bit,
    otherwise to rounding, since the neighbor lists have another history, and OpenMM wraps positions that it sets.
    """
    on_gpu = case.name not in ("Reference", "CPU")
    exact = not on_gpu or way == "checkpoint"
    before, after = {"Reference": (10, 10), "CPU": (137, 300)}.get(case.name, (100, 120 if exact else 10))
    system, context = verlet(case, repeats=(1, 1, 1) if on_gpu else (2, 2, 1))
    context.getIntegrator().step(before)
    if way == "checkpoint":
        saved = context.createCheckpoint()
    else:
        state = context.getState(positions=True, velocities=True, parameters=True, integratorParameters=True)
        saved = openmm.XmlSerializer.serialize(state)
    begin = end_of(context)
    context.getIntegrator().step(after)
    expected = end_of(context)
    if after > 100:
        moved = np.abs(expected - begin)[: len(begin) // 2].max()
        assert moved > 0.05  # nm, half of the skin, so that lists were rebuilt on the way
    del context
    again = case.context(system, None, openmm.VerletIntegrator(0.002))
    if way == "checkpoint":
        again.loadCheckpoint(saved)
    else:
        again.setState(openmm.XmlSerializer.deserialize(saved))
    again.getIntegrator().step(after)
    if exact:
        np.testing.assert_array_equal(end_of(again), expected)
    else:
        np.testing.assert_allclose(end_of(again), expected, rtol=0, atol=1e-9 if case.precision == "double" else 1e-4)


def resident_bytes():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def growth(action, warm_up, count):
    """Bytes by which `count` repetitions enlarge the process, after some to warm up."""
    for _ in range(warm_up):
        action()
    before = resident_bytes()
    for _ in range(count):
        action()
    return resident_bytes() - before


def assert_contexts_do_not_leak(case, model, contexts, reinitialisations, allowed=4 << 20):
    positions, types, box = load_structure()
    types = [kind % 3 for kind in types]

    def create():
        system, force = make_system(model, types, box, case)
        force.addCommitteeModel(model)
        context = case.context(system, positions)
        context.getState(energy=True, forces=True)
        force.computeModelDeviation(context)

    system, _ = make_system(model, types, box, case)
    context = case.context(system, positions)

    def reinitialise():
        context.reinitialize()
        context.setPositions(positions)
        context.getState(energy=True, forces=True)

    grown = {"contexts": growth(create, 5, contexts), "reinitialise": growth(reinitialise, 5, reinitialisations)}
    print(
        f"{case}: {contexts} contexts {grown['contexts'] / 2**20:.1f} MiB, "
        f"{reinitialisations} reinitialisations {grown['reinitialise'] / 2**20:.1f} MiB"
    )
    assert max(grown.values()) < allowed


# Not with OpenCL on processors: there OpenMM 8.6 leaves a thread of each of its Contexts, with and without our Force, and the memory of
# PoCL's compiler goes up and down by more than is allowed; test_opencl_objects.py counts what is left there.
where_memory_tells = pytest.mark.parametrize(
    "case", [case for case in PLATFORM_CASES if not case.on_processors], ids=str
)


@where_memory_tells
def test_contexts_do_not_leak(case):
    """A leaked model, table or list would be several 100 kB per Context."""
    assert_contexts_do_not_leak(case, small_model(), 20, 30)


def small_model():
    from force_support import MODEL_FILE

    return LPSModel(MODEL_FILE)


@pytest.mark.long
@where_memory_tells
def test_a_thousand_contexts_do_not_leak(case):
    assert_contexts_do_not_leak(case, small_model(), 1000, 10000)
