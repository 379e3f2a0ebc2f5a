# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The thermal protocol from a structure to a number, and the file of currents it stands on."""

import numpy as np
import openmm
import pytest
from openmm import app

from openmmlps import LPSForce, LPSModel, createSystem, load
from openmmlps.app.heat_current import HeatCurrentReporter, read_heat_current
from openmmlps.protocols import ThermalSettings, thermal
from openmmlps.report import find

SHORT = {
    "structure": "gamma-Li3PS4",
    "model": "lps-fast",
    "replicas": 1,
    "cell_time_ps": 0.1,
    "equilibration_time_ps": 0.05,
    "production_time_ps": 4.2,
    "longest_lag_ps": 0.2,
    "platform": "CPU",
    "threads": 1,
}


def test_from_a_structure_to_a_conductivity(tmp_path):
    assert thermal.start(tmp_path / "out", ThermalSettings.make(**SHORT)).state == "finished"
    times, current, fluxes = read_heat_current(
        tmp_path / "out" / "T300" / "replica-1" / "production" / "heat-current.csv"
    )
    np.testing.assert_allclose(np.diff(times), 0.02, rtol=1e-9)
    assert current.shape == (len(times), 3) and sorted(fluxes) == ["Li", "P", "S"]
    found = find(tmp_path / "out")
    assert found.results[0].quantity == "thermal conductivity at 300 K (W/m/K)"
    assert [item.name for item in found.items] == ["out-conductivity", "out-integral", "out-spectrum"]


def make_simulation():
    structure = load("Li2S")
    system = createSystem(structure.topology, LPSModel("lps-fast"))
    integrator = openmm.LangevinMiddleIntegrator(300, 1, 0.002)
    simulation = app.Simulation(structure.topology, system, integrator, openmm.Platform.getPlatformByName("CPU"))
    simulation.context.setPositions(structure.positions)
    simulation.context.setVelocitiesToTemperature(300, 1)
    return simulation


def test_lines_hold_the_current_and_a_resumed_run_writes_none_twice(tmp_path):
    simulation = make_simulation()
    force = LPSForce.cast(next(force for force in simulation.system.getForces() if LPSForce.isinstance(force)))
    simulation.reporters = [HeatCurrentReporter(tmp_path / "j.csv", 2)]
    simulation.step(6)
    times, current, fluxes = read_heat_current(tmp_path / "j.csv")
    np.testing.assert_allclose(times, [0.004, 0.008, 0.012])
    np.testing.assert_allclose(current[-1], force.computeHeatCurrent(simulation.context)._value, rtol=1e-9)
    lithium = [atom.index for atom in simulation.topology.atoms() if atom.element.symbol == "Li"]
    velocities = simulation.context.getState(velocities=True).getVelocities(asNumpy=True)._value
    np.testing.assert_allclose(fluxes["Li"][-1], velocities[lithium].sum(0), rtol=1e-9)
    simulation.currentStep = 4
    simulation.reporters = [HeatCurrentReporter(tmp_path / "j.csv", 2, append=True)]
    simulation.step(4)
    assert len(read_heat_current(tmp_path / "j.csv")[0]) == 4


def test_refuses_what_has_no_current(tmp_path):
    simulation = make_simulation()
    simulation.system.addForce(LPSForce(LPSModel("lps-fast")))
    simulation.reporters = [HeatCurrentReporter(tmp_path / "j.csv", 2)]
    with pytest.raises(ValueError, match="the System has 2 LPSForces; it must have exactly one"):
        simulation.step(2)
