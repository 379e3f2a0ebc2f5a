# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Mean and deviation of the environment rows and energies of the species, as DeePMD-kit takes them from the data.

They are taken over all slots, empty ones included, of the first ten batches of every system.
"""

import numpy as np

from .architecture import Architecture
from .dataset import System
from .environment import Environment, Standard
from .grid import Grid

BATCHES = 10
LEAST_DEVIATION = 0.01


def collect(systems: list[System], sizes: list[int], architecture: Architecture) -> dict[str, np.ndarray]:
    """Statistics of training systems.

    Parameters
    ----------
    systems : list of System
        what is trained on
    sizes : list of int
        frames per batch of each system
    architecture : Architecture
        of T species

    Returns
    -------
    dict of str to array
        `mean`, `radial`, `angular` (deviations) and `constants` (eV), each (T,) float64
    """
    kinds = architecture.species
    slots, sums, squares, angular = (np.zeros(kinds) for _ in range(4))
    contents, energies = [], []
    grid = Grid.over(1.0, 8, np.float64)
    plain = Standard(np.zeros(kinds), np.ones(kinds), np.ones(kinds))
    for system, size in zip(systems, sizes, strict=True):
        for frame in range(min(BATCHES * size, system.count)):
            batch = system.batch([frame])
            rows = Environment(batch, architecture, plain, grid).rows
            kind = batch.kind[batch.center]
            slots += np.array(batch.species) * sum(architecture.sel)
            sums += np.bincount(kind, weights=rows[:, 0], minlength=kinds)
            squares += np.bincount(kind, weights=rows[:, 0] ** 2, minlength=kinds)
            angular += np.bincount(kind, weights=(rows[:, 1:] ** 2).sum(axis=1), minlength=kinds) / 3
        contents += [np.array(system.counts, dtype=float)] * system.count
        energies.append(system.energy)
    filled = np.maximum(slots, 1)
    mean = sums / filled
    absent = slots == 0
    radial = np.where(absent, 1 / architecture.rcut, np.sqrt(np.maximum(squares / filled - mean**2, 0)))
    angular = np.where(absent, 1 / architecture.rcut, np.sqrt(angular / filled))
    return {
        "mean": mean,
        "radial": np.maximum(radial, LEAST_DEVIATION),
        "angular": np.maximum(angular, LEAST_DEVIATION),
        "constants": np.linalg.lstsq(np.array(contents), np.concatenate(energies), rcond=None)[0],
    }
