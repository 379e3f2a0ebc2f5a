# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Calculators of ASE for tests of `--model ase:`: soft spheres, with and without a stress."""

import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Spheres(Calculator):
    """E = sum over pairs and images of k (1 - r/R)^2; every neighbor is found anew, so nothing depends on the past."""

    implemented_properties = ["energy", "forces", "stress"]

    def __init__(self, k=0.5, radius=4.0):
        super().__init__()
        self.k, self.radius, self.calls = k, radius, 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        cell = np.array(atoms.cell)
        shifts = (
            np.array(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1).T @ cell if atoms.pbc.all() else np.zeros((1, 3))
        )
        wrapped = atoms.get_positions(wrap=bool(atoms.pbc.all()))
        delta = wrapped[None, :, None] + shifts - wrapped[:, None, None]
        distance = np.linalg.norm(delta, axis=-1)
        distance[distance < 1e-9] = np.inf
        near = np.clip(1 - distance / self.radius, 0, None)
        slope = np.where(near > 0, -2 * self.k * near / self.radius / distance, 0)[..., None] * delta
        self.results = {"energy": 0.5 * self.k * float((near**2).sum()), "forces": slope.sum(axis=(1, 2))}
        if "stress" in self.implemented_properties and atoms.pbc.all():
            tensor = 0.5 * np.einsum("ijsa,ijsb->ab", slope, delta) / atoms.get_volume()
            self.results["stress"] = tensor[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


class SpheresWithoutStress(Spheres):
    """The same, for which the stress has to be found from strained cells."""

    implemented_properties = ["energy", "forces"]


class Silent(Calculator):
    """Knows no element."""

    implemented_properties = ["energy", "forces"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        raise KeyError("Xx")
