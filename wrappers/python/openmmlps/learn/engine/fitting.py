# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The fitting net of one species: energy, its derivative, and the gradient of a sum that holds both.

With x_0 = D, layer k computes z = x_k W + b, y = tanh(z), x_(k+1) = t y + x_k, where the step t and the residual x_k are
absent from layers that change the width; the energy is E = x_L w + b. A dot is the derivative along a change of D, and

    p_k = dE/dx_k,    q = t p_(k+1),    r = dE/dz = q (1 - y^2).

The gradient wanted is that of S = sum_i a_i E_i - sum_i dE_i. As dE is linear in the dotted quantities, the derivatives of
S by dx_k and dz are -p_k and -r, known from the derivative of E; those by x_k and z follow from one more pass downwards.
"""

import numpy as np

from .parameters import Layer


class Fitting:
    """Energies (n,) in eV, without the constant of the species, and slope (n, M axis) = dE/dD of n atoms."""

    def __init__(self, layers: list[Layer], descriptor: np.ndarray) -> None:
        self.layers, self.inputs = layers, [descriptor]
        self.outputs: list[np.ndarray] = []
        self.slopes: list[np.ndarray] = []  # 1 - y^2
        for index, layer in enumerate(layers[:-1]):
            x = self.inputs[-1]
            z = x @ layer.w
            z += layer.b
            y = np.tanh(z, out=z)
            self.outputs.append(y)
            self.slopes.append(1 - y * y)
            moved = y if layer.idt is None else y * layer.idt
            self.inputs.append(moved + x if self._residual(index) else moved)
        self.energy: np.ndarray = (self.inputs[-1] @ layers[-1].w + layers[-1].b)[:, 0]
        self._differentiate()

    def _residual(self, index: int) -> bool:
        return index > 0 and self.layers[index].w.shape[0] == self.layers[index].w.shape[1]

    def _differentiate(self) -> None:
        p = np.broadcast_to(self.layers[-1].w[:, 0], (len(self.energy), self.layers[-1].w.shape[0]))
        self.by_input, self.by_inner = [p], []
        for index in reversed(range(len(self.outputs))):
            layer = self.layers[index]
            r = (p if layer.idt is None else p * layer.idt) * self.slopes[index]
            below = r @ layer.w.T
            p = below + p if self._residual(index) else below
            self.by_inner.append(r)
            self.by_input.append(p)
        self.by_inner.reverse()
        self.by_input.reverse()
        self.slope = self.by_input[0]

    def backward(self, factor: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Add the gradient of sum_i factor_i E_i - sum_i dE_i to that of the weights; the value is its part from E, by D.

        `factor` (n,) and `change` (n, M axis) of the descriptors, along which dE is the derivative, are constants. The
        value (n, M axis) is the derivative by D through x_k; that through the change of D itself is -slope.
        """
        inner_changes, changes = [], [change]
        for index, layer in enumerate(self.layers[:-1]):
            z = changes[-1] @ layer.w
            inner_changes.append(z)
            moved = z * self.slopes[index]
            if layer.idt is not None:
                moved *= layer.idt
            if self._residual(index):
                moved += changes[-1]
            changes.append(moved)
        last = self.layers[-1]
        last.w_gradient += (factor @ self.inputs[-1] - changes[-1].sum(axis=0))[:, None]
        last.b_gradient += factor.sum()
        by_input = np.outer(factor, last.w[:, 0])
        for index in reversed(range(len(self.outputs))):
            layer, y, r, z = self.layers[index], self.outputs[index], self.by_inner[index], inner_changes[index]
            if layer.idt is not None and layer.idt_gradient is not None:
                moved = z * self.slopes[index]
                layer.idt_gradient += (by_input * y - self.by_input[index + 1] * moved).sum(axis=0)
            # d(1 - y^2)/dz = -2 y (1 - y^2), and r already holds one factor 1 - y^2
            by_inner = (by_input if layer.idt is None else by_input * layer.idt) * self.slopes[index] + 2 * r * y * z
            both = np.concatenate([self.inputs[index], changes[index]])
            layer.w_gradient += both.T @ np.concatenate([by_inner, -r])
            layer.b_gradient += by_inner.sum(axis=0)
            below = by_inner @ layer.w.T
            by_input = below + by_input if self._residual(index) else below
        return by_input
