# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The optimiser SOAP (Vyas et al., arXiv:2409.11321): Adam in the eigenbasis of Shampoo's preconditioner.

For a weight matrix W (inputs, outputs) with gradient G, running means of G G^T and G^T G are kept, and Adam works on
Q_l^T G Q_r, with the eigenvectors Q_l and Q_r of the two. The eigenvectors follow by one step of orthogonal iteration now
and then. It needs far fewer batches than Adam to the same error, and each costs about a third more.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from .parameters import Parameters

LARGEST = 256  # a side longer than this keeps its own axes: the first fitting layer's inputs
SAMPLE = 3  # batches between updates of G G^T and G^T G
REFRESH = 12  # batches between updates of the eigenvectors
SETTLE = 20  # batches at the begin in each of which both are updated
DECAY = 0.95  # of the running means, those of Adam and those of G G^T and G^T G
VECTOR_DECAYS = (0.9, 0.999)  # of Adam's means for biases and step sizes, which have no second side
TINY = 1e-8


@dataclass(frozen=True)
class Matrix:
    """A stack of weight matrices: views (stack, inputs, outputs) of the weights and of their gradient."""

    name: str
    weights: torch.Tensor
    gradient: torch.Tensor

    def sides(self) -> Iterator[tuple[str, bool]]:
        """Yield name of the mean, and whether it is the left one, of each side that gets its eigenbasis."""
        for left in (True, False):
            length = self.weights.shape[1 if left else 2]
            if 1 < length <= LARGEST:
                yield f"{self.name}.{'left' if left else 'right'}", left


def rotate(values: torch.Tensor, basis: torch.Tensor, left: bool) -> torch.Tensor:
    """Return basis^T values, or values basis: components along the columns of a basis (stack, n, n)."""
    return basis.mT @ values if left else values @ basis


def rotate_back(values: torch.Tensor, basis: torch.Tensor, left: bool) -> torch.Tensor:
    """Undo `rotate`."""
    return basis @ values if left else values @ basis.mT


class Soap(torch.optim.Optimizer):
    """SOAP for all weights of `parameters`, whose `gradient` it reads. Its whole state goes into `state_dict`.

    Each batch also shrinks the matrices (not biases and step sizes) by the fraction lr times `weight_decay`.
    """

    def __init__(self, parameters: Parameters, lr: float, weight_decay: float = 0.0):
        super().__init__([parameters.flat], {"lr": lr})
        self.weight_decay = weight_decay
        self.flat, self.gradient = parameters.flat.detach(), parameters.gradient
        in_vectors = torch.ones(len(self.flat), dtype=torch.bool)
        self.matrices = []
        start = 0
        for name, view in parameters.named.items():
            stop = start + view.numel()
            if name.endswith(".w") and view.shape[-1] > 1:
                stack = (-1, *view.shape[-2:])
                parts = [values[start:stop].view(stack) for values in (self.flat, self.gradient)]
                self.matrices.append(Matrix(name, *parts))
                in_vectors[start:stop] = False
            start = stop
        self.vectors = in_vectors.nonzero().squeeze(1).to(self.flat.device)

    def _begin(self, state: dict) -> None:
        state["step"] = 0
        for moment in ("first", "second"):
            state[f"vectors.{moment}"] = torch.zeros_like(self.flat[self.vectors])
            for matrix in self.matrices:
                state[f"{matrix.name}.{moment}"] = torch.zeros_like(matrix.weights)
        for matrix in self.matrices:
            for name, left in matrix.sides():
                mean = self._square(matrix, left)
                state[name] = mean
                state[f"{name} basis"] = torch.linalg.eigh(mean)[1].flip(-1).contiguous()

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Move all weights by their gradient. `closure` is not supported and must be None."""
        state = self.state[self.param_groups[0]["params"][0]]
        if not state:
            self._begin(state)
        state["step"] += 1
        count, rate = int(state["step"]), self.param_groups[0]["lr"]
        gradient = self.gradient[self.vectors]
        self.flat[self.vectors] -= rate * self._adam(state, "vectors", gradient, VECTOR_DECAYS)
        for matrix in self.matrices:
            change = matrix.gradient
            for name, left in matrix.sides():
                change = rotate(change, state[f"{name} basis"], left)
            change = self._adam(state, matrix.name, change, (DECAY, DECAY))
            for name, left in matrix.sides():
                change = rotate_back(change, state[f"{name} basis"], left)
            matrix.weights.mul_(1 - rate * self.weight_decay).sub_(change, alpha=rate)
            if count < SETTLE or count % SAMPLE == 0:
                for name, left in matrix.sides():
                    state[name].lerp_(self._square(matrix, left), 1 - DECAY)
            if count < SETTLE or count % REFRESH == 0:
                self._refresh(state, matrix)

    @staticmethod
    def _square(matrix: Matrix, left: bool) -> torch.Tensor:
        gradient = matrix.gradient
        return gradient @ gradient.mT if left else gradient.mT @ gradient

    @staticmethod
    def _adam(state: dict, name: str, gradient: torch.Tensor, decays: tuple[float, float]) -> torch.Tensor:
        count = int(state["step"])
        first, second = state[f"{name}.first"], state[f"{name}.second"]
        first.lerp_(gradient, 1 - decays[0])
        second.lerp_(gradient * gradient, 1 - decays[1])
        scale = (second / (1 - decays[1] ** count)).sqrt_().add_(TINY)
        return first / scale.mul_(1 - decays[0] ** count)

    @staticmethod
    def _refresh(state: dict, matrix: Matrix) -> None:
        """Turn each basis by one step of orthogonal iteration, and the first moment with it."""
        for name, left in matrix.sides():
            old = state[f"{name} basis"]
            new = torch.linalg.qr(state[name] @ old)[0]
            first = f"{matrix.name}.first"
            state[first] = rotate(state[first], old.mT @ new, left)
            state[f"{name} basis"] = new
