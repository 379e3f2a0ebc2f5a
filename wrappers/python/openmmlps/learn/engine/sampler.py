# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Which frames the n-th batch holds: systems drawn with their probability, frames of a system shuffled in every epoch."""

import numpy as np


def batch_sizes(rule: int | str, atoms: list[int]) -> list[int]:
    """Return frames per batch: a number, or 'auto:n' for the fewest frames with at least n atoms. Raises ValueError."""
    if isinstance(rule, int):
        return [rule] * len(atoms)
    if rule == "auto":
        rule = "auto:32"
    if not rule.startswith("auto:"):
        raise ValueError(
            f"train: the batch size is '{rule}' where a number or 'auto:number' is known; correct the config"
        )
    least = int(rule.removeprefix("auto:"))
    return [-(-least // number) for number in atoms]


def probabilities(rule: str, batches: list[int]) -> np.ndarray:
    """Return the probability of each system from 'prob_sys_size;first:stop:weight;...' and its number of batches.

    Within a block of systems the probability is proportional to the number of batches. Raises ValueError.
    """
    name, *blocks = rule.split(";")
    if name != "prob_sys_size":
        raise ValueError(f"train: auto_prob is '{rule}' where only prob_sys_size is known; correct the config")
    result = np.zeros(len(batches))
    for block in blocks or [f"0:{len(batches)}:1"]:
        first, stop, weight = block.split(":")
        inside = slice(int(first), int(stop))
        result[inside] = float(weight) * np.array(batches[inside]) / np.sum(batches[inside])
    return result / result.sum()


class Sampler:
    """Batches in an order that the seed alone determines, so that a resumed run goes on with the batch it would have had."""

    def __init__(self, frames: list[int], sizes: list[int], probability: np.ndarray, seed: int) -> None:
        self.frames, self.sizes, self.seed = frames, sizes, seed
        self._cumulative = np.cumsum(probability)
        self._choices = np.random.default_rng([seed, 0])
        self._used = [0] * len(frames)
        self._orders: dict[int, tuple[int, np.ndarray]] = {}

    def skip(self, batches: int) -> None:
        """Pass over a number of batches."""
        systems = np.minimum(np.searchsorted(self._cumulative, self._choices.random(batches)), len(self.frames) - 1)
        for system, number in enumerate(np.bincount(systems, minlength=len(self.frames))):
            self._used[system] += int(number)

    def next(self) -> tuple[int, list[int]]:
        """Return the system of the next batch and the indices of its frames."""
        system = min(int(np.searchsorted(self._cumulative, self._choices.random())), len(self.frames) - 1)
        size = min(self.sizes[system], self.frames[system])
        per_epoch = self.frames[system] // size
        epoch, place = divmod(self._used[system], per_epoch)
        self._used[system] += 1
        if system not in self._orders or self._orders[system][0] != epoch:
            order = np.random.default_rng([self.seed, 1, system, epoch]).permutation(self.frames[system])
            self._orders[system] = (epoch, order)
        return system, self._orders[system][1][place * size : (place + 1) * size].tolist()
