# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""All weights of a model in one vector, with named views, so that the optimiser handles a single tensor."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from .architecture import Architecture


@dataclass
class Layer:
    """Views of one layer: w (..., inputs, outputs), b (..., outputs) and, where a residual exists, idt (..., outputs).

    Embedding layers have a leading axis of nets, center species slowest: net a T + b of center a and neighbor b, or
    net b alone where the nets do not depend on the center.
    """

    w: torch.Tensor
    b: torch.Tensor
    idt: torch.Tensor | None = None


def layout(architecture: Architecture) -> list[tuple[str, tuple[int, ...]]]:
    """Return names and shapes of all weights, in the order of the vector."""
    kinds = architecture.species
    nets = kinds if architecture.one_side else kinds * kinds
    entries = []
    widths = (1, *architecture.embedding)
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


def named_arrays(architecture: Architecture, flat: torch.Tensor) -> dict[str, np.ndarray]:
    """Return copies of all weights by name, from the vector (n,) of them."""
    arrays, start = {}, 0
    for name, shape in layout(architecture):
        stop = start + math.prod(shape)
        arrays[name] = flat[start:stop].detach().cpu().numpy().reshape(shape).copy()
        start = stop
    return arrays


class Parameters:
    """The weights of a model. `flat` (n,) holds all of them, `gradient` (n,) is what a backward pass adds to.

    `named[name]` are views of `flat` that require gradients, and whose gradients are views of `gradient`.
    """

    def __init__(self, architecture: Architecture, device: torch.device, dtype: torch.dtype):
        self.architecture = architecture
        entries = layout(architecture)
        total = sum(math.prod(shape) for _, shape in entries)
        self.flat = torch.zeros(total, device=device, dtype=dtype)
        self.gradient = torch.zeros_like(self.flat)
        self.named = {}
        start = 0
        for name, shape in entries:
            stop = start + math.prod(shape)
            view = self.flat[start:stop].view(shape).requires_grad_()
            view.grad = self.gradient[start:stop].view(shape)
            self.named[name] = view
            start = stop
        self.embedding = [self._layer(f"embedding.{index}") for index in range(len(architecture.embedding))]
        self.fitting = [
            [self._layer(f"fitting.{kind}.{index}") for index in range(len(architecture.fitting) + 1)]
            for kind in range(architecture.species)
        ]

    def _layer(self, name: str) -> Layer:
        return Layer(self.named[f"{name}.w"], self.named[f"{name}.b"], self.named.get(f"{name}.idt"))

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Set all weights by name. Raises ValueError if a name is missing or a shape differs."""
        for name, view in self.named.items():
            if name not in arrays or arrays[name].shape != tuple(view.shape):
                found = arrays[name].shape if name in arrays else "missing"
                raise ValueError(
                    f"engine: the start model's '{name}' is {found} where the config needs {tuple(view.shape)}; "
                    "start from a model of the same architecture"
                )
            with torch.no_grad():
                view.copy_(torch.from_numpy(np.asarray(arrays[name])))

    def randomise(self, seed: int) -> None:
        """Draw all weights as DeePMD-kit does: w with variance 1/(inputs + outputs), b with 1, idt about 0.1."""
        random = np.random.default_rng(seed)
        arrays = {}
        for name, view in self.named.items():
            shape = tuple(view.shape)
            values = random.standard_normal(shape)
            if name.endswith(".w"):
                values /= np.sqrt(shape[-1] + shape[-2])
            elif name.endswith(".idt"):
                values = 0.1 + 0.001 * values
            arrays[name] = values
        self.load(arrays)
