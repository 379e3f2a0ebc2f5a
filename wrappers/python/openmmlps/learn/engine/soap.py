# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The optimiser SOAP (Vyas et al., arXiv:2409.11321): Adam in the eigenbasis of Shampoo's preconditioner.

For a weight matrix W (inputs, outputs) with gradient G, running means of G G^T and G^T G are kept, and Adam works on
Q_l^T G Q_r, with the eigenvectors Q_l and Q_r of the two. The eigenvectors follow by one step of orthogonal iteration now
and then. It needs far fewer batches than Adam to the same error, and each costs about a third more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.linalg

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
    weights: np.ndarray
    gradient: np.ndarray

    def sides(self) -> Iterator[tuple[str, bool]]:
        """Name of the mean, and whether it is the left one, of each side that gets its eigenbasis."""
        for left in (True, False):
            length = self.weights.shape[1 if left else 2]
            if 1 < length <= LARGEST:
                yield f"{self.name}.{'left' if left else 'right'}", left


def rotate(values: np.ndarray, basis: np.ndarray, left: bool) -> np.ndarray:
    """basis^T values, or values basis: components along the columns of a basis (stack, n, n)."""
    return basis.transpose(0, 2, 1) @ values if left else values @ basis


def rotate_back(values: np.ndarray, basis: np.ndarray, left: bool) -> np.ndarray:
    """Undo `rotate`."""
    return basis @ values if left else values @ basis.transpose(0, 2, 1)


class Soap:
    """SOAP for all weights of `parameters`, whose `gradient` it reads. Its whole state is in `state`, arrays by name.

    Each batch also shrinks the matrices (not biases and step sizes) by the fraction rate times `weight_decay`.
    """

    def __init__(self, parameters: Parameters, weight_decay: float = 0.0) -> None:
        self.weight_decay, self.count = weight_decay, 0
        self.flat, self.gradient = parameters.flat, parameters.gradient
        self.state: dict[str, np.ndarray] = {}
        in_vectors = np.ones(len(self.flat), dtype=bool)
        self.matrices = []
        start = 0
        for name, view in parameters.named.items():
            stop = start + view.size
            if name.endswith(".w") and view.shape[-1] > 1:
                stack = (-1, *view.shape[-2:])
                weights, gradient = (values[start:stop].reshape(stack) for values in (self.flat, self.gradient))
                self.matrices.append(Matrix(name, weights, gradient))
                in_vectors[start:stop] = False
            start = stop
        self.vectors = np.flatnonzero(in_vectors)

    def _begin(self) -> None:
        for moment in ("first", "second"):
            self.state[f"vectors.{moment}"] = np.zeros_like(self.flat[self.vectors])
            for matrix in self.matrices:
                self.state[f"{matrix.name}.{moment}"] = np.zeros_like(matrix.weights)
        for matrix in self.matrices:
            for name, left in matrix.sides():
                self.state[name] = mean = self._square(matrix, left)
                self.state[f"{name} basis"] = np.ascontiguousarray(np.linalg.eigh(mean)[1][..., ::-1])

    def load(self, count: int, state: Mapping[str, np.ndarray]) -> None:
        """Go on from the state after `count` steps."""
        self.count, self.state = count, {name: np.array(values) for name, values in state.items()}

    def step(self, rate: float) -> None:
        """Move all weights by their gradient with a learning rate."""
        if not self.state:
            self._begin()
        self.count += 1
        self.flat[self.vectors] -= rate * self._adam("vectors", self.gradient[self.vectors], VECTOR_DECAYS)
        for matrix in self.matrices:
            change = matrix.gradient
            for name, left in matrix.sides():
                change = rotate(change, self.state[f"{name} basis"], left)
            change = self._adam(matrix.name, change, (DECAY, DECAY))
            for name, left in matrix.sides():
                change = rotate_back(change, self.state[f"{name} basis"], left)
            change *= rate
            if self.weight_decay:
                matrix.weights[...] *= 1 - rate * self.weight_decay
            matrix.weights[...] -= change
            if self.count < SETTLE or self.count % SAMPLE == 0:
                for name, left in matrix.sides():
                    self._lerp(self.state[name], self._square(matrix, left), 1 - DECAY)
            if self.count < SETTLE or self.count % REFRESH == 0:
                self._refresh(matrix)

    @staticmethod
    def _square(matrix: Matrix, left: bool) -> np.ndarray:
        gradient, transposed = matrix.gradient, matrix.gradient.transpose(0, 2, 1)
        return gradient @ transposed if left else transposed @ gradient

    @staticmethod
    def _lerp(mean: np.ndarray, values: np.ndarray, share: float) -> None:
        mean *= 1 - share
        mean += share * values

    def _adam(self, name: str, gradient: np.ndarray, decays: tuple[float, float]) -> np.ndarray:
        first, second = self.state[f"{name}.first"], self.state[f"{name}.second"]
        self._lerp(first, gradient, 1 - decays[0])
        self._lerp(second, gradient * gradient, 1 - decays[1])
        scale = second / (1 - decays[1] ** self.count)
        np.sqrt(scale, out=scale)
        scale += TINY
        scale *= 1 - decays[0] ** self.count
        return np.divide(first, scale, out=scale)

    def _refresh(self, matrix: Matrix) -> None:
        """Turn each basis by one step of orthogonal iteration, and the first moment with it."""
        for name, left in matrix.sides():
            old = self.state[f"{name} basis"]
            product = self.state[name] @ old
            # One by one in their own precision: NumPy does stacks in double. A checkpoint is always in C order, and another
            # order is rounded in another way, which the eigenvectors of tiny eigenvalues would amplify.
            parts = [scipy.linalg.qr(part, mode="economic", check_finite=False)[0] for part in product]
            new = np.ascontiguousarray(np.stack(parts))
            first = f"{matrix.name}.first"
            self.state[first] = rotate(self.state[first], old.transpose(0, 2, 1) @ new, left)
            self.state[f"{name} basis"] = new
