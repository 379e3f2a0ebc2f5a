# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The barostat: its ensemble against theory and OpenMM's own, and moves that a resumed run repeats."""

from dataclasses import replace

import numpy as np
import openmm
import pytest
from openmm import unit

from app_support import PairEngine
from openmmlps.app import run, runner
from openmmlps.app.barostat import Barostat
from openmmlps.app.h5md_reporter import read_frames
from openmmlps.app.run_settings import RunSettings
from openmmlps.units import BAR_PER_KJ_PER_MOL_PER_NM3, GAS_CONSTANT

KINDS = ["isotropic", "anisotropic", "flexible"]
NPT = {"ensemble": "npt", "platform": "Reference", "structure": "gamma-Li3PS4", "supercell": (2, 2, 2)}


def context_of(system, integrator=None):
    platform = openmm.Platform.getPlatformByName("Reference")
    return openmm.Context(system, integrator or openmm.VerletIntegrator(0.001), platform)


@pytest.mark.parametrize("kind", ["isotropic", "anisotropic"])
def test_volume_of_an_ideal_gas(kind):
    """N atoms without forces: V is distributed as V^N exp(-PV/kT)."""
    number, temperature = 8, 300.0
    system = openmm.System()
    for _ in range(number):
        system.addParticle(1.0)
    mean = (number + 1) * GAS_CONSTANT * temperature / (1000 / BAR_PER_KJ_PER_MOL_PER_NM3)
    system.setDefaultPeriodicBoxVectors(*np.eye(3) * mean ** (1 / 3))
    context = context_of(system)
    context.setPositions(np.random.default_rng(1).random((number, 3)))
    barostat = Barostat(RunSettings(**NPT, barostat=kind, pressure=1000.0), 3, lambda step: temperature)
    volumes = []
    for step in range(6000):
        barostat.attempt(context, step)
        volumes.append(context.getState().getPeriodicBoxVolume()._value)
    assert np.mean(volumes[500:]) == pytest.approx(mean, rel=0.05)
    assert np.std(volumes[500:]) == pytest.approx(mean / (number + 1) ** 0.5, rel=0.12)
    assert 0.2 < barostat.state["size"][0] <= 0.3, "moves grow where most are accepted"


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_makes_the_same_moves(tmp_path, monkeypatch, kind):
    """Stopped between two moves, after the size of moves has changed; the steps since the last move count."""
    monkeypatch.setattr(run.Run, "_draw", lambda self: None)

    settings = RunSettings(**NPT, barostat=kind, pressure=20000.0, time=0.2, barostat_interval=3, trajectory_interval=5)
    runner.start(tmp_path / "whole", settings, engine=PairEngine())
    runner.start(tmp_path / "parts", replace(settings, time=0.077), engine=PairEngine())
    assert runner.resume(tmp_path / "parts", {"time": 0.2}, engine=PairEngine()).state == "finished"
    names = ["step", "position", "velocity", "edges"]
    parts, whole = (read_frames(tmp_path / name / "trajectory.h5", names) for name in ("parts", "whole"))
    assert all(np.array_equal(parts[name], whole[name]) for name in names)
    assert np.ptp(whole["edges"], axis=0).max() > 0


def test_a_rectangular_box_may_shear_on_a_gpu_platform(tmp_path, monkeypatch):
    monkeypatch.setattr(run.Run, "_draw", lambda self: None)
    if "OpenCL" not in [openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())]:
        pytest.skip("no OpenCL")
    settings = RunSettings(
        **NPT | {"platform": "OpenCL"},
        barostat="flexible",
        pressure=20000.0,
        time=0.02,
        barostat_interval=2,
        trajectory_interval=5,
    )
    try:
        runner.start(tmp_path / "run", settings, engine=PairEngine())
    except ValueError as error:
        pytest.skip(str(error))
    edges = read_frames(tmp_path / "run" / "trajectory.h5", ["edges"])["edges"]
    assert edges[0, 1, 0] == 0 != edges[-1, 1, 0]


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS[:2])  # a fluid has no cell for a flexible one
def test_volume_is_that_of_openmm(tmp_path, kind):
    """Soft spheres in a crystal's cell, with OpenMM's barostat and this one."""
    from openmmlps.app.structure_files import load

    structure, engine = load("gamma-Li3PS4", (2, 2, 2)), PairEngine()
    engine.strength = 50.0
    (tmp_path / "model").write_bytes(b"pair engine")
    settings = RunSettings(**NPT, barostat=kind, pressure=30000.0)
    volumes = {}
    for own in (False, True):
        system = engine.make_system(structure.topology, tmp_path / "model", settings)
        if not own:
            theirs = {
                "isotropic": lambda: openmm.MonteCarloBarostat(30000, 600, 5),
                "anisotropic": lambda: openmm.MonteCarloAnisotropicBarostat([30000] * 3, 600, True, True, True, 5),
            }[kind]()
            theirs.setRandomNumberSeed(2)
            system.addForce(theirs)
        integrator = openmm.LangevinMiddleIntegrator(600, 5, 0.002)
        integrator.setRandomNumberSeed(1)
        context = context_of(system, integrator)
        context.setPositions(structure.positions)
        context.setVelocitiesToTemperature(600 * unit.kelvin, 1)
        barostat, found = Barostat(settings, 3, lambda step: 600.0), []
        for step in range(4000):
            integrator.step(5)
            if own:
                barostat.attempt(context, step)
            found.append(context.getState().getPeriodicBoxVolume()._value)
        volumes[own] = np.array(found[1000:]).reshape(10, -1).mean(axis=1)
    difference = volumes[True].mean() - volumes[False].mean()
    error = np.hypot(*(values.std(ddof=1) / len(values) ** 0.5 for values in volumes.values()))
    assert abs(difference) < 4 * error, (volumes[True].mean(), volumes[False].mean(), error)
    assert error < 0.02 * volumes[True].mean()
