# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Models, systems and platforms for the tests of LPSModel and LPSForce."""

import json
from pathlib import Path

import numpy as np
import openmm
import pytest
from openmm import unit

import openmmlps
from openmmlps.app.platforms import only_processors

GOLDEN = Path(__file__).parents[1] / "data" / "golden"

#: The fixture that most tests use: types Li, P and S, float64.
MODEL_FILE = GOLDEN / "one-side" / "model.safetensors"

#: Contract per platform and precision against the Reference platform: kJ/mol per atom, kJ/mol/nm, kJ/mol.
ELECTRONVOLT = 96.48533212331002
TOLERANCES = {
    "reference": (1e-10 * ELECTRONVOLT, 1e-9 * 10 * ELECTRONVOLT, 1e-8 * ELECTRONVOLT),
    "double": (1e-8 * ELECTRONVOLT, 1e-8 * 10 * ELECTRONVOLT, 1e-6 * ELECTRONVOLT),
    "single": (1e-6 * ELECTRONVOLT, 1e-4 * 10 * ELECTRONVOLT, 1e-3 * ELECTRONVOLT),
    "mixed": (1e-6 * ELECTRONVOLT, 1e-4 * 10 * ELECTRONVOLT, 1e-3 * ELECTRONVOLT),
}


class PlatformCase:
    """A platform and a precision that LPSForce runs in there."""

    def __init__(self, name, precision):
        self.name = name
        self.precision = precision
        self.tolerances = TOLERANCES["reference" if name == "Reference" else precision]

    def __str__(self):
        return f"{self.name}-{self.precision}"

    @property
    def present(self):
        names = [openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())]
        return self.name in names and openmm.Platform.getPlatformByName(self.name).supportsKernels(["CalcLPSForce"])

    @property
    def on_processors(self):
        """Whether this is OpenCL on processors (PoCL). OpenMM's own minimizer crashes there."""
        return self.name == "OpenCL" and only_processors(openmm.Platform.getPlatformByName("OpenCL"))

    def context(self, system, positions=None, integrator=None):
        """A Context on this platform; the integrator lives as long as the Context does."""
        integrator = integrator or openmm.VerletIntegrator(0.001)
        properties = {} if self.name in ("Reference", "CPU") else {"Precision": self.precision}
        context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(self.name), properties)
        if positions is not None:
            context.setPositions(positions)
        return context

    def prepare(self, force):
        force.setPrecision(force.Double if self.precision == "double" else force.Single)
        return force


ALL_CASES = [PlatformCase("Reference", "double"), PlatformCase("CPU", "single"), PlatformCase("CPU", "double")] + [
    PlatformCase(name, precision) for name in ("OpenCL", "CUDA", "HIP") for precision in ("single", "mixed", "double")
]

#: Reference and CPU are always there; GPU platforms join where OpenMM finds the device. On processors, where kernels take long to compile,
#: one precision of OpenCL has to do: the C++ tests cover all.
PLATFORM_CASES = [
    case
    for case in ALL_CASES
    if case.name in ("Reference", "CPU") or (case.present and (case.precision == "mixed" or not case.on_processors))
]

on_every_platform = pytest.mark.parametrize("case", PLATFORM_CASES, ids=str)


def load_structure(index=0, fixture="one-side"):
    """Positions (nm, [n, 3]), types ([n]) and box (nm, [3, 3] or None) of a golden structure."""
    structures = json.loads((GOLDEN / fixture / "reference.json").read_text())["structures"]
    structure = structures[index]
    box = None if structure["box"] is None else 0.1 * np.array(structure["box"])
    return 0.1 * np.array(structure["positions"]), list(structure["types"]), box


def make_system(model, types, box, case=None):
    """A System with one LPSForce that acts on all particles."""
    system = openmm.System()
    force = openmmlps.LPSForce(model)
    force.setUsesPeriodicBoundaryConditions(box is not None)
    if box is not None:
        system.setDefaultPeriodicBoxVectors(*[openmm.Vec3(*row) for row in box])
    for particle, kind in enumerate(types):
        system.addParticle(30.0)
        force.addParticle(particle, kind)
    if case is not None:
        case.prepare(force)
    system.addForce(force)
    return system, force


def energy(context):
    return context.getState(energy=True).getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)


def forces(context):
    state = context.getState(forces=True)
    return state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
