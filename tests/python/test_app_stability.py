# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The guard against explosions, the last good state, and the temperature ramp."""

import json

import numpy as np
import openmm
import pytest

from app_support import PairEngine
from openmmlps.app import runner
from openmmlps.app.ensembles import TemperatureRamp
from openmmlps.app.run_settings import RunSettings
from openmmlps.app.stability import RunFailed, StabilityGuard
from openmmlps.app.structure_files import load
from openmmlps.app.thermo_file import read_thermo

SETTINGS = {"structure": "gamma-Li3PS4", "supercell": (2, 2, 2), "platform": "Reference", "temperature": 300.0}


def guarded():
    """A simulation at rest with its guard, after one good look."""
    from openmmlps.app import platforms

    settings = RunSettings(**SETTINGS)
    structure = load("gamma-Li3PS4", (2, 2, 2))

    class Path:
        def read_bytes(self):
            return b"pair engine"

    system = PairEngine().make_system(structure.topology, Path(), settings)
    simulation, _ = platforms.make_simulation(
        structure.topology, system, lambda: openmm.VerletIntegrator(0.001), settings, PairEngine.kernel
    )
    simulation.context.setPositions(structure.positions)
    guard = StabilityGuard(10, 300.0, structure.symbols)
    guard.check(simulation)
    return simulation, guard, structure.positions._value.copy()


def test_collapsed_bond_names_both_atoms():
    simulation, guard, positions = guarded()
    positions[5] = positions[9] + [0.03, 0, 0]
    simulation.context.setPositions(positions)
    with pytest.raises(
        RunFailed, match=r"step 0: .* atom 5 \(\w+\) and atom 9 \(\w+\) are 0\.30 angstrom apart; use a"
    ):
        guard.check(simulation)
    assert guard.last[0] == 0 and not np.allclose(guard.last[1], positions)


def test_contact_through_the_boundary_is_seen():
    simulation, guard, positions = guarded()
    box = simulation.context.getState().getPeriodicBoxVectors(asNumpy=True)._value
    positions[5] = positions[9] + box[0] + [0.03, 0, 0]
    simulation.context.setPositions(positions)
    with pytest.raises(RunFailed, match="0.30 angstrom apart"):
        guard.check(simulation)


def test_single_fast_atom():
    simulation, guard, positions = guarded()
    velocities = np.zeros_like(positions)
    velocities[17] = [0, 30, 0]
    simulation.context.setVelocities(velocities)
    with pytest.raises(RunFailed, match=r"single atoms are far too fast: atom 17 \(\w+\); use a shorter"):
        guard.check(simulation)


@pytest.mark.parametrize("strength", [1e5, -1e5])
def test_energy_that_leaps(strength):
    simulation, guard, _ = guarded()
    simulation.context.setParameter("k", strength)
    with pytest.raises(RunFailed, match=rf"the potential energy is {'[+]' if strength > 0 else '-'}[\d.]+ eV per atom"):
        guard.check(simulation)


def test_last_good_state_is_kept(tmp_path):
    """A run with a far too long step blows up; the message, status.json and the file agree."""
    settings = RunSettings(
        **SETTINGS | {"temperature": 4000.0}, ensemble="nve", timestep=0.02, time=20.0, report_interval=2
    )
    strong = PairEngine()
    strong.strength = 3e4
    with pytest.raises(RunFailed) as caught:
        runner.start(tmp_path / "run", settings, engine=strong)
    message = str(caught.value)
    assert "last good state (step " in message and message.endswith("is in last-good.extxyz")
    assert json.loads((tmp_path / "run" / "status.json").read_text())["message"] == message
    kept = load(tmp_path / "run" / "last-good.extxyz")
    assert len(kept.symbols) == 128 and kept.box is not None


def test_ramp_depends_on_the_step_alone():
    settings = RunSettings(**SETTINGS | {"temperature": 1000.0}, final_temperature=300.0, time=0.1, timestep=0.001)
    ramp = TemperatureRamp(settings, interval=10)
    assert [ramp.temperature(step) for step in (0, 9, 10, 55, 100, 200)] == [1000, 1000, 930, 650, 300, 300]


def test_run_follows_the_ramp(tmp_path):
    settings = RunSettings(
        **SETTINGS | {"temperature": 1000.0},
        final_temperature=100.0,
        time=3.0,
        friction=20.0,
        report_interval=10,
        minimize=True,
    )
    engine = PairEngine()
    engine.strength = 4000.0  # or else atoms pass through each other at 1000 K
    runner.start(tmp_path / "run", settings, engine=engine)
    data = read_thermo(tmp_path / "run" / "thermo.csv")
    thirds = [part.mean() for part in np.array_split(data["temperature_K"], 3)]
    assert thirds[0] > thirds[1] > thirds[2]
    assert thirds[1:] == pytest.approx([550, 250], rel=0.25)


def test_ramp_reaches_the_thermostat(tmp_path):
    settings = RunSettings(
        **SETTINGS | {"temperature": 900.0}, final_temperature=450.0, ensemble="npt", barostat="flexible", time=0.05
    )
    structure = load("gamma-Li3PS4", (2, 2, 2))
    from openmmlps.app import ensembles, platforms

    class Path:
        def read_bytes(self):
            return b"pair engine"

    system = PairEngine().make_system(structure.topology, Path(), settings)
    simulation, _ = platforms.make_simulation(
        structure.topology, system, lambda: ensembles.integrator(settings, 1), settings, PairEngine.kernel
    )
    simulation.context.setPositions(structure.positions)
    simulation.context.setStepCount(50)
    TemperatureRamp(settings).apply(simulation)
    assert simulation.integrator.getTemperature()._value == pytest.approx(450)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ensemble": "nve", "final_temperature": 300.0}, "final_temperature is given, but nve has no thermostat"),
        ({"final_temperature": 0.0}, "final_temperature is 0 K; it must be more than 0"),
    ],
)
def test_ramp_refusals(changes, message):
    with pytest.raises(ValueError, match=message):
        RunSettings(**SETTINGS | changes)
