# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Mean and deviation of the environment rows and energies of the species, as DeePMD-kit takes them from the data.

They are taken over all slots, empty ones included, of the first ten batches of every system.
"""

import numpy as np
import torch

from .architecture import Architecture
from .dataset import System
from .environment import Environment, Standard
from .grid import Grid

BATCHES = 10
LEAST_DEVIATION = 0.01


def collect(systems: list[System], sizes: list[int], architecture: Architecture) -> dict[str, np.ndarray]:
    """Return `mean`, `radial`, `angular` (deviations) and `constants` (eV), each (T,) float64."""
    kinds = architecture.species
    slots, sums, squares, angular = (np.zeros(kinds) for _ in range(4))
    contents, energies = [], []
    for system, size in zip(systems, sizes, strict=True):
        device, dtype = system.device, system.dtype
        plain = Standard(*(torch.full((kinds,), value, device=device, dtype=dtype) for value in (0.0, 1.0, 1.0)))
        grid = Grid.over(1.0, 8, device, dtype)
        batch = system.batch(list(range(min(BATCHES * size, system.count))))
        rows = Environment(batch, architecture, plain, grid).rows.double()
        kind = batch.kind[batch.center]

        def total(values, kind=kind):
            return torch.bincount(kind, weights=values, minlength=kinds).cpu().numpy()

        slots += np.array(batch.species) * sum(architecture.sel)
        sums += total(rows[:, 0])
        squares += total(rows[:, 0] ** 2)
        angular += total((rows[:, 1:] ** 2).sum(1)) / 3
        contents += [np.array(system.counts)] * batch.frames
        energies.append(batch.energy.cpu().numpy())
    filled = np.maximum(slots, 1)
    mean = sums / filled
    absent = slots == 0
    radial = np.where(absent, 1 / architecture.rcut, np.sqrt(np.maximum(squares / filled - mean**2, 0)))
    angular = np.where(absent, 1 / architecture.rcut, np.sqrt(angular / filled))
    constants = np.linalg.lstsq(np.array(contents, dtype=float), np.concatenate(energies), rcond=None)[0]
    return {
        "mean": mean,
        "radial": np.maximum(radial, LEAST_DEVIATION),
        "angular": np.maximum(angular, LEAST_DEVIATION),
        "constants": constants,
    }
