# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Compressed models on OpenCL: as fast as the models that they were made from."""

import time

import numpy as np
import openmm
import pytest

from force_support import GOLDEN
from openmmlps import LPSForce, LPSModel


def seconds_of_forces(model, positions, edge):
    """Least processor time of an evaluation of the forces of a bulk of alternating types."""
    system, force = openmm.System(), LPSForce(model)
    system.setDefaultPeriodicBoxVectors(*(edge * np.eye(3)))
    for i in range(len(positions)):
        system.addParticle(20.0)
        force.addParticle(i, i % len(model.getTypeNames()))
    system.addForce(force)
    platform = openmm.Platform.getPlatformByName("OpenCL")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform, {"Precision": "single"})
    seconds = []
    for step in range(8):
        context.setPositions(positions + 1e-4 * step)
        begin = time.process_time()
        context.getState(forces=True)
        seconds.append(time.process_time() - begin)
    return min(seconds)


@pytest.mark.long
def test_compressed_model_is_as_fast_as_the_one_it_was_made_from():
    names = [openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())]
    if "OpenCL" not in names:
        pytest.skip("no OpenCL here")
    count, edge = 20000, 7.4
    side = int(np.ceil(count ** (1 / 3)))
    sites = np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)[:count]
    positions = sites * (edge / side) + np.random.default_rng(1).normal(scale=0.01, size=sites.shape)
    plain, compressed = (
        seconds_of_forces(LPSModel(str(GOLDEN / name / "model.safetensors")), positions, edge)
        for name in ("trained-pt", "trained-pt-compressed")
    )
    assert compressed < 1.1 * plain
