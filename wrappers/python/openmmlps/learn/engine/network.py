# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Embedding nets on the grid, environment matrices, descriptors and what gradients need of them."""

import numpy as np

from .dataset import Batch
from .environment import Standard
from .grid import Grid
from .parameters import Parameters


class Embedding:
    """All embedding nets on the grid: `table` G (T, T K, M), for each center species, neighbor after neighbor species."""

    def __init__(self, parameters: Parameters, standard: Standard, grid: Grid) -> None:
        self.parameters, self.kinds, self.nodes = parameters, parameters.architecture.species, len(grid)
        kinds, nodes = self.kinds, self.nodes
        inputs = (grid.nodes - standard.mean[:, None]) * standard.radial[:, None]
        if parameters.architecture.one_side:
            x = np.broadcast_to(inputs.reshape(1, kinds * nodes, 1), (kinds, kinds * nodes, 1))
        else:
            x = np.broadcast_to(inputs[:, None, :, None], (kinds, kinds, nodes, 1)).reshape(kinds * kinds, nodes, 1)
        self.inputs, self.outputs = [x], []
        for layer in parameters.embedding:
            z = x * layer.w if x.shape[-1] == 1 else x @ layer.w
            z += layer.b
            y = np.tanh(z, out=z)
            self.outputs.append(y)
            moved = y.copy() if layer.idt is None else y * layer.idt
            if y.shape[-1] == x.shape[-1]:
                moved += x
            elif y.shape[-1] == 2 * x.shape[-1]:
                moved += np.concatenate([x, x], axis=-1)
            x = moved
            self.inputs.append(x)
        if parameters.architecture.one_side:
            x = x.reshape(kinds, kinds, nodes, -1).transpose(1, 0, 2, 3)
        self.table = np.ascontiguousarray(x).reshape(kinds, kinds * nodes, -1)

    def backward(self, slope: np.ndarray) -> None:
        """Add the gradient of a loss, whose derivative by `table` is `slope`, to that of the weights."""
        kinds = self.kinds
        p = slope.reshape(kinds, kinds, self.nodes, -1)
        if self.parameters.architecture.one_side:
            p = p.transpose(1, 0, 2, 3)
        p = np.ascontiguousarray(p).reshape(*self.outputs[-1].shape)
        for index in reversed(range(len(self.outputs))):
            layer, x, y = self.parameters.embedding[index], self.inputs[index], self.outputs[index]
            by_output = p
            if layer.idt is not None and layer.idt_gradient is not None:
                layer.idt_gradient += (p * y).sum(axis=1, keepdims=True)
                by_output = p * layer.idt
            r = by_output * (1 - y * y)
            layer.w_gradient += x.transpose(0, 2, 1) @ r
            layer.b_gradient += r.sum(axis=1, keepdims=True)
            if index:
                by_input = r @ layer.w.transpose(0, 2, 1)
                if y.shape[-1] == x.shape[-1]:
                    by_input += p
                elif y.shape[-1] == 2 * x.shape[-1]:
                    by_input += p[..., : x.shape[-1]] + p[..., x.shape[-1] :]
                p = by_input


def describe(environment: np.ndarray, axis: int) -> np.ndarray:
    """The descriptors (N, M axis) of environment matrices A (N, 4, M): D[m, n] = sum_c A[c, m] A[c, n]."""
    found = environment.transpose(0, 2, 1) @ environment[:, :, :axis]
    return found.reshape(len(environment), environment.shape[2] * axis)


def describe_tangent(environment: np.ndarray, change: np.ndarray, axis: int) -> np.ndarray:
    """The change (N, M axis) of the descriptors for a change (N, 4, M) of the environment matrices."""
    left = np.concatenate([change, environment], axis=1).transpose(0, 2, 1)
    right = np.concatenate([environment[:, :, :axis], change[:, :, :axis]], axis=1)
    return (left @ right).reshape(len(environment), environment.shape[2] * axis)


def describe_transpose(slope: np.ndarray, environment: np.ndarray, axis: int) -> np.ndarray:
    """The derivative (N, 4, M) by A of an energy whose derivative by the descriptors is `slope` (N, M axis).

    Linear in both arguments. With a change of A in place of A it is the derivative by A of slope . (change of D).
    """
    matrix = slope.reshape(len(slope), environment.shape[2], axis)
    result: np.ndarray = environment[:, :, :axis] @ matrix.transpose(0, 2, 1)
    result[:, :, :axis] += environment @ matrix
    return result


def environments(batch: Batch, matrix: np.ndarray, table: np.ndarray) -> list[np.ndarray]:
    """A = P G, (n, 4, M) for each species, from P (N, 4, T K) and G (T, T K, M) divided by the number of slots."""
    result = []
    for kind, rows in enumerate(batch.blocks):
        part = matrix[rows]
        product = part.reshape(-1, part.shape[2]) @ table[kind]
        result.append(product.reshape(len(part), 4, product.shape[1]))
    return result
