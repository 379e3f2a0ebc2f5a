# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Learning rate and loss as DeePMD-kit defines them, and what a gradient needs of the loss."""

import math
from dataclasses import dataclass

import numpy as np

from .architecture import check
from .dataset import Batch


@dataclass(frozen=True)
class Schedule:
    """A learning rate that falls from `start` to `stop` over `steps` batches, by the same factor every `every` batches."""

    start: float
    stop: float
    every: int
    steps: int

    @staticmethod
    def read(content: dict, steps: int) -> "Schedule":
        """Return the schedule of the section `learning_rate` of a DeePMD-kit input. Raises ValueError."""
        for key in content:
            if key not in ("type", "start_lr", "stop_lr", "decay_steps"):
                raise ValueError(
                    f"train: '{key}' of the section 'learning_rate' is not known here; train it with DeePMD-kit"
                )
        if content.get("type", "exp") != "exp":
            raise ValueError(
                f"train: the learning rate is '{content['type']}'; only exp is known, train it with DeePMD-kit"
            )
        every = content.get("decay_steps", 5000)
        if every >= steps:  # DeePMD-kit's choice for short runs
            every = 100 if steps // 10 > 100 else steps // 100 + 1
        return Schedule(content["start_lr"], content["stop_lr"], every, steps)

    def rate(self, step: int) -> float:
        """Return the learning rate of batch number `step`, counted from 0."""
        exponent = (step // self.every) * self.every / self.steps
        return max(self.stop, self.start * (self.stop / self.start) ** exponent)


@dataclass(frozen=True)
class Loss:
    """Weights of energy, force and virial terms at the first learning rate and towards zero, (start, limit) each."""

    energy: tuple[float, float]
    force: tuple[float, float]
    virial: tuple[float, float]

    @staticmethod
    def read(content: dict) -> "Loss":
        """Return the loss of the section `loss` of a DeePMD-kit input. Raises ValueError."""
        check("loss", content)
        if content.get("type", "ener") != "ener":
            raise ValueError(f"train: the loss is '{content['type']}'; only ener is known, train it with DeePMD-kit")
        defaults = {"e": (0.02, 1.0), "f": (1000.0, 1.0), "v": (0.0, 0.0)}
        terms = [
            (content.get(f"start_pref_{term}", first), content.get(f"limit_pref_{term}", last))
            for term, (first, last) in defaults.items()
        ]
        return Loss(*terms)

    def weights(self, ratio: float) -> tuple[float, float, float]:
        """Return the weights (energy, force, virial) at `ratio` = learning rate / first learning rate."""
        energy, force, virial = (b + (a - b) * ratio for a, b in (self.energy, self.force, self.virial))
        return energy, force, virial


@dataclass(frozen=True)
class Misfit:
    """Prediction minus reference of a batch: energy (F,) eV, force (F N, 3) eV/angstrom, virial (F, 3, 3) eV or None."""

    energy: np.ndarray
    force: np.ndarray
    virial: np.ndarray | None

    def slopes(
        self, batch: Batch, weights: tuple[float, float, float]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The derivatives of the loss by energy, force and virial; shapes as above."""
        frames, atoms = batch.frames, batch.atoms
        energy = 2 * weights[0] / (frames * atoms) * self.energy
        force = 2 * weights[1] / (3 * frames * atoms) * self.force
        virial = None if self.virial is None else 2 * weights[2] / (9 * frames * atoms) * self.virial
        return energy, force, virial

    def squares(self) -> tuple[float, float, float]:
        """Mean squares of energy (eV), force and virial; nan where there is no reference."""
        energy, force, virial = (
            math.nan if value is None else float(np.square(value, dtype=float).mean())
            for value in (self.energy, self.force, self.virial)
        )
        return energy, force, virial


def summary(
    squares: list[tuple[float, float, float]], atoms: list[int], weights: tuple[float, float, float]
) -> list[float]:
    """The four numbers of a learning curve, averaged over batches: root of the loss, and root mean square errors.

    Those of energy and virial are per atom, in eV. `squares` holds mean squares as Misfit.squares gives them.
    """
    rows = []
    for (energy, force, virial), number in zip(squares, atoms, strict=True):
        known = 0.0 if math.isnan(virial) else weights[2] * virial / number
        loss = weights[0] * energy / number + weights[1] * force + known
        rows.append((math.sqrt(loss), math.sqrt(energy) / number, math.sqrt(force), math.sqrt(virial) / number))
    means = []
    for column in zip(*rows, strict=True):
        found = [value for value in column if not math.isnan(value)]
        means.append(sum(found) / len(found) if found else math.nan)
    return means
