# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The fitting net of one species: energy, its derivative, and the gradient of a sum that holds both.

With x_0 = D, layer k computes z = x_k W + b, y = tanh(z), x_(k+1) = t y + x_k, where the step t and the residual x_k are
absent from layers that change the width; the energy is E = x_L w + b. A dot is the derivative along a change of D, and

    p_k = dE/dx_k,    q = t p_(k+1),    r = dE/dz = q (1 - y^2).

The gradient wanted is that of S = sum_i a_i E_i - sum_i dE_i. As dE is linear in the dotted quantities, the derivatives of
S by dx_k and dz are -p_k and -r, known from the derivative of E; those by x_k and z follow from one more pass downwards.
"""

import torch

from .parameters import Layer


class Fitting:
    """Energies (n,) in eV, without the constant of the species, and slope (n, M axis) = dE/dD of n atoms."""

    def __init__(self, layers: list[Layer], descriptor: torch.Tensor):
        self.layers, self.inputs, self.outputs = layers, [descriptor], []
        for layer in layers[:-1]:
            x = self.inputs[-1]
            y = torch.addmm(layer.b, x, layer.w).tanh_()
            self.outputs.append(y)
            if layer.idt is not None:
                self.inputs.append(torch.addcmul(x, y, layer.idt))
            else:
                self.inputs.append(x + y if self._residual(len(self.outputs) - 1) else y)
        self.energy = torch.addmm(layers[-1].b, self.inputs[-1], layers[-1].w)[:, 0]
        self._differentiate()

    def _residual(self, index: int) -> bool:
        return index > 0 and self.layers[index].w.shape[0] == self.layers[index].w.shape[1]

    def _differentiate(self) -> None:
        count = len(self.outputs)
        self.by_input, self.by_inner = [None] * (count + 1), [None] * count
        self.by_input[count] = self.layers[-1].w[:, 0].expand(len(self.energy), -1)
        for index in reversed(range(count)):
            p, layer = self.by_input[index + 1], self.layers[index]
            q = p if layer.idt is None else p * layer.idt
            r = torch.ops.aten.tanh_backward(q, self.outputs[index])
            self.by_inner[index] = r
            self.by_input[index] = torch.addmm(p, r, layer.w.T) if self._residual(index) else r @ layer.w.T
        self.slope = self.by_input[0]

    def backward(self, factor: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        """Add the gradient of sum_i factor_i E_i - sum_i dE_i to that of the weights; return its part from E, by D.

        `factor` (n,) and `change` (n, M axis) of the descriptors, along which dE is the derivative, are constants. The
        value (n, M axis) is the derivative by D through x_k; that through the change of D itself is -slope.
        """
        inner_changes, changes = [], [change]
        for index, (layer, y) in enumerate(zip(self.layers, self.outputs, strict=False)):
            z = changes[-1] @ layer.w
            inner_changes.append(z)
            moved = torch.ops.aten.tanh_backward(z, y)
            if layer.idt is not None:
                moved = torch.addcmul(changes[-1], moved, layer.idt)
            elif self._residual(index):
                moved = moved + changes[-1]
            changes.append(moved)
        last = self.layers[-1]
        last.w.grad.addmm_(self.inputs[-1].T, factor[:, None]).sub_(changes[-1].sum(0)[:, None])
        last.b.grad.add_(factor.sum())
        by_input = torch.outer(factor, last.w[:, 0])
        for index in reversed(range(len(self.outputs))):
            layer, y, r, z = self.layers[index], self.outputs[index], self.by_inner[index], inner_changes[index]
            if layer.idt is not None:
                moved = torch.ops.aten.tanh_backward(z, y)
                layer.idt.grad.add_((by_input * y - self.by_input[index + 1] * moved).sum(0))
            by_output = by_input if layer.idt is None else by_input * layer.idt
            # d(1 - y^2)/dz = -2 y (1 - y^2), and r already holds one factor 1 - y^2
            by_inner = torch.ops.aten.tanh_backward(by_output, y).addcmul_(r * y, z, value=2)
            layer.w.grad.addmm_(self.inputs[index].T, by_inner).addmm_(changes[index].T, r, alpha=-1)
            layer.b.grad.add_(by_inner.sum(0))
            if self._residual(index):
                by_input = torch.addmm(by_input, by_inner, layer.w.T)
            else:
                by_input = by_inner @ layer.w.T
        return by_input
