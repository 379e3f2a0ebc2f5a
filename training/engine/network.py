# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Embedding nets on the grid, environment matrices, descriptors and what gradients need of the latter."""

import torch

from .environment import Standard
from .grid import Grid
from .parameters import Parameters


def embed(parameters: Parameters, standard: Standard, grid: Grid) -> torch.Tensor:
    """Return G (T, T K, M): the embedding of every node for each center species, neighbor species after neighbor species."""
    architecture = parameters.architecture
    kinds, nodes = architecture.species, len(grid)
    inputs = (grid.nodes - standard.mean[:, None]) * standard.radial[:, None]
    if architecture.one_side:
        x = inputs.reshape(1, kinds * nodes, 1).expand(kinds, -1, 1)
    else:
        x = inputs[:, None, :, None].expand(kinds, kinds, nodes, 1).reshape(kinds * kinds, nodes, 1)
    for layer in parameters.embedding:
        y = torch.baddbmm(layer.b, x, layer.w).tanh()
        if layer.idt is not None:
            y = y * layer.idt
        if y.shape[-1] == x.shape[-1]:
            y = y + x
        elif y.shape[-1] == 2 * x.shape[-1]:
            y = y + torch.cat([x, x], dim=-1)
        x = y
    if architecture.one_side:
        x = x.view(kinds, kinds, nodes, -1).transpose(0, 1)
    return x.reshape(kinds, kinds * nodes, -1)


def describe(environment: torch.Tensor, axis: int) -> torch.Tensor:
    """Return the descriptors (N, M axis) of environment matrices A (N, 4, M): D[m, n] = sum_c A[c, m] A[c, n]."""
    return torch.bmm(environment.transpose(1, 2), environment[:, :, :axis]).flatten(1)


def describe_tangent(environment: torch.Tensor, change: torch.Tensor, axis: int) -> torch.Tensor:
    """Return the change (N, M axis) of the descriptors for a change (N, 4, M) of the environment matrices."""
    left = torch.cat([change, environment], dim=1).transpose(1, 2)
    right = torch.cat([environment[:, :, :axis], change[:, :, :axis]], dim=1)
    return torch.bmm(left, right).flatten(1)


def describe_transpose(slope: torch.Tensor, environment: torch.Tensor, axis: int) -> torch.Tensor:
    """Return the derivative (N, 4, M) by A of an energy whose derivative by the descriptors is `slope` (N, M axis).

    Linear in both arguments. With a change of A in place of A it is the derivative by A of slope . (change of D).
    """
    matrix = slope.view(len(slope), environment.shape[2], axis)
    result = torch.bmm(environment[:, :, :axis], matrix.transpose(1, 2))
    result[:, :, :axis] += torch.bmm(environment, matrix)
    return result


def environments(species: tuple[int, ...], matrix: torch.Tensor, table: torch.Tensor) -> list[torch.Tensor]:
    """Return A = P G, (n, 4, M) for each species, from P (N, 4, T K) and G (T, T K, M) divided by the number of slots."""
    result = []
    for kind, rows in enumerate(matrix.split(species)):
        product = rows.flatten(0, 1) @ table[kind]
        result.append(product.view(len(rows), 4, product.shape[1]))
    return result
