# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""All weights of a model in one vector, with named views, so that the optimiser handles a single array."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .architecture import Architecture


@dataclass
class Layer:
    """Views of one layer: w (..., inputs, outputs), b (..., outputs) and, where a residual exists, idt (..., outputs).

    Embedding layers have a leading axis of nets, center species slowest: net a T + b of center a and neighbor b, or
    net b alone where the nets do not depend on the center. Each view has one of the gradient beside it.
    """

    w: np.ndarray
    b: np.ndarray
    idt: np.ndarray | None
    w_gradient: np.ndarray
    b_gradient: np.ndarray
    idt_gradient: np.ndarray | None


def layout(architecture: Architecture) -> list[tuple[str, tuple[int, ...]]]:
    """Return names and shapes of all weights, in the order of the vector."""
    kinds = architecture.species
    nets = kinds if architecture.one_side else kinds * kinds
    entries: list[tuple[str, tuple[int, ...]]] = []
    widths: tuple[int, ...] = (1, *architecture.embedding)
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False)):
        entries += [(f"embedding.{index}.w", (nets, inputs, outputs)), (f"embedding.{index}.b", (nets, 1, outputs))]
        if architecture.embedding_step and outputs in (inputs, 2 * inputs):
            entries.append((f"embedding.{index}.idt", (nets, 1, outputs)))
    widths = (architecture.descriptor_length, *architecture.fitting, 1)
    for kind in range(kinds):
        for index, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False)):
            name = f"fitting.{kind}.{index}"
            entries += [(f"{name}.w", (inputs, outputs)), (f"{name}.b", (outputs,))]
            if architecture.fitting_step and inputs == outputs and index + 2 < len(widths):
                entries.append((f"{name}.idt", (outputs,)))
    return entries


def named_arrays(architecture: Architecture, flat: np.ndarray) -> dict[str, np.ndarray]:
    """Copies of all weights by name, from the vector (n,) of them."""
    return {name: values.copy() for name, values in _views(architecture, flat).items()}


def _views(architecture: Architecture, flat: np.ndarray) -> dict[str, np.ndarray]:
    views, start = {}, 0
    for name, shape in layout(architecture):
        stop = start + math.prod(shape)
        views[name] = flat[start:stop].reshape(shape)
        start = stop
    return views


class Parameters:
    """The weights of a model. `flat` (n,) holds all of them, `gradient` (n,) is what a backward pass adds to.

    `named[name]` are views of `flat`, `gradients[name]` those of `gradient`.
    """

    def __init__(self, architecture: Architecture, dtype: type) -> None:
        self.architecture = architecture
        self.flat: np.ndarray = np.zeros(sum(math.prod(shape) for _, shape in layout(architecture)), dtype=dtype)
        self.gradient = np.zeros_like(self.flat)
        self.named, self.gradients = _views(architecture, self.flat), _views(architecture, self.gradient)
        self.embedding = [self._layer(f"embedding.{index}") for index in range(len(architecture.embedding))]
        self.fitting = [
            [self._layer(f"fitting.{kind}.{index}") for index in range(len(architecture.fitting) + 1)]
            for kind in range(architecture.species)
        ]

    def _layer(self, name: str) -> Layer:
        weights, gradients = self.named, self.gradients
        w, b, idt = f"{name}.w", f"{name}.b", f"{name}.idt"
        return Layer(weights[w], weights[b], weights.get(idt), gradients[w], gradients[b], gradients.get(idt))

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set all weights by name. Raises ValueError if a name is missing or a shape differs."""
        for name, view in self.named.items():
            if name not in arrays or arrays[name].shape != view.shape:
                found = arrays[name].shape if name in arrays else "missing"
                raise ValueError(
                    f"train: the start model's '{name}' is {found} where {view.shape} is needed; start from a model of the "
                    "same architecture"
                )
            view[...] = arrays[name]

    def randomise(self, seed: int) -> None:
        """Draw all weights as DeePMD-kit does: w with variance 1/(inputs + outputs), b with 1, idt about 0.1."""
        random = np.random.default_rng(seed)
        for name, view in self.named.items():
            values = random.standard_normal(view.shape)
            if name.endswith(".w"):
                values /= np.sqrt(view.shape[-1] + view.shape[-2])
            elif name.endswith(".idt"):
                values = 0.1 + 0.001 * values
            view[...] = values
