# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Conductivity under a field: independent Brownian ions, whose friction is known."""

import numpy as np
import pytest

from analysis_support import Trajectory
from openmmlps.analysis import conductivity_mS_per_cm, field_response, linear_response, transport_coefficients

openmm = pytest.importorskip("openmm")

IONS, FRAME, FRICTION, TEMPERATURE, EDGE = 240, 40, 10.0, 600.0, 30.0  # /ps, K, angstrom
MASS = 22.98977


def settings(**changes):
    from openmmlps.app.run_settings import RunSettings

    values = {"structure": "x", "field": 0.01, "field_ions": "Na", "field_direction": "y"}
    return RunSettings(**values | changes)


def brownian(field, frames=300, seed=1):
    """Sodium that feels nothing but friction, a heavy framework and the field, by Langevin dynamics of OpenMM."""
    from openmmlps.app.field import add_field

    system = openmm.System()
    symbols = ["Na"] * IONS + ["S"] * FRAME
    for symbol in symbols:
        system.addParticle(MASS if symbol == "Na" else 1e6)
    add_field(system, symbols, settings(field=field))
    integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, FRICTION, 0.02)
    integrator.setRandomNumberSeed(seed)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(np.random.default_rng(0).random((len(symbols), 3)) * EDGE / 10)
    context.setVelocitiesToTemperature(TEMPERATURE, seed)
    integrator.step(100)
    positions = []
    for _ in range(frames):
        integrator.step(10)
        positions.append(context.getState(positions=True).getPositions(asNumpy=True)._value * 10)
    return Trajectory(symbols, np.array(positions), np.eye(3) * EDGE, np.arange(frames) * 0.2, checks=False)


def test_field_einstein_and_friction_agree():
    diffusion = 8.31446e-3 * TEMPERATURE / (MASS * FRICTION) * 1e-2  # cm^2/s, from nm^2/ps
    exact = conductivity_mS_per_cm(diffusion, IONS, EDGE**3, TEMPERATURE)
    driven = {field: brownian(field) for field in (0.01, 0.02)}
    responses = [field_response(trajectory, field, "Na", direction="y") for field, trajectory in driven.items()]
    for found in responses:
        assert found.conductivity_mS_per_cm.value == pytest.approx(exact, rel=0.07)
    found = linear_response(responses[::-1])
    assert found.linear and exact in found.conductivity_mS_per_cm
    assert [one.field_V_per_angstrom for one in found.responses] == [0.01, 0.02]
    einstein = transport_coefficients(brownian(0.0), TEMPERATURE, "Na")
    assert einstein.nernst_einstein_mS_per_cm.value == pytest.approx(exact, rel=0.1)
    across = field_response(driven[0.01], 0.01, "Na", direction="x").conductivity_mS_per_cm
    assert abs(across.value) < 0.15 * exact


def test_a_bent_response_is_not_linear():
    times = np.arange(101.0)

    def drifting(speed):
        random = np.random.default_rng(0)
        paths = (speed * times)[:, None, None] * [0, 0, 1] + random.normal(0, 0.01, (101, 8, 3))
        positions = np.concatenate([paths, np.zeros((101, 1, 3))], axis=1)
        return Trajectory(["Li"] * 8 + ["S"], positions, np.eye(3) * 10, times, checks=False)

    pairs = [(0.01, 0.1), (0.02, 0.3)]
    found = linear_response([field_response(drifting(speed), field, "Li") for field, speed in pairs])
    assert not found.linear and found.change.value > 0
    first = found.responses[0].conductivity_mS_per_cm.value
    assert first == pytest.approx(8 * 0.1 / (1000 * 0.01) * 1.602176634e-19 / 1e-12 / 1e-8 * 1e3, rel=0.01)
    with pytest.raises(ValueError, match="one field cannot show that the response is linear; give two"):
        linear_response(found.responses[:1])
    with pytest.raises(ValueError, match="the field is 0 V/angstrom along 'z'; give one that is not 0"):
        field_response(drifting(0.1), 0.0, "Li")


def test_the_field_leaves_the_momentum_alone():
    from openmmlps.app.field import add_field

    system = openmm.System()
    for mass in (7.0, 7.0, 30.0, 32.0, 0.0):
        system.addParticle(mass)
    add_field(system, ["Na", "Na", "P", "S", "S"], settings(field_charge=2.0))
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(np.zeros((5, 3)))
    forces = context.getState(forces=True).getForces(asNumpy=True)._value
    push = 2 * 0.01 * 96.48533212331002 * 10
    np.testing.assert_allclose(forces[:, 1], [push, push, -2 * push * 30 / 62, -2 * push * 32 / 62, 0], rtol=1e-9)
    assert not forces[:, [0, 2]].any()
    with pytest.raises(
        ValueError, match="field: none of the atoms that can move are 'K'; name the mobile ions among Na, S"
    ):
        add_field(system, ["Na", "Na", "S", "S", "S"], settings(field_ions="K"))
    with pytest.raises(ValueError, match="a field of 0.01 V/angstrom heats and drives; use nvt"):
        settings(ensemble="nve")


def test_fields_on_the_command_line():
    from openmmlps.cli.protocol_commands import _fields

    assert _fields("0.005,0.01 V/A") == [0.005, 0.01] and _fields("0.1V/nm") == pytest.approx([0.01])
    with pytest.raises(ValueError, match="--field: '0.01' has no unit; give for example \"0.005,0.01 V/A\""):
        _fields("0.01")
