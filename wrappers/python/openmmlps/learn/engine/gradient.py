# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Energies, forces and virials of a batch, and the gradient of the loss by the parameters, without a double backward.

With g_ij = dE/dx_ij for the pair vectors x_ij (neighbor j minus center i) the forces and the virial are

    F_i = sum_j g_ij - sum_j g_ji,    W = -sum_ij g_ij (x) x_ij.

For the derivatives c_i = dL/dF_i and B = dL/dW of a loss L, held fixed,

    sum_i c_i . F_i + B : W = -sum_ij g_ij . v_ij,    v_ij = c_j - c_i + B x_ij,

which is minus the derivative of E along the change v of all pair vectors. So the gradient of L by the parameters is that of

    sum_f (dL/dE_f) E_f - dE(v),

and dE(v) is computed forwards beside E. What E and dE need of each other is known from the forces already, so the gradient
costs one forward pass of dE and one backward pass. Both are written out.
"""

import dataclasses

import numpy as np

from .architecture import Architecture
from .dataset import Batch
from .environment import Environment, Standard, add_rows
from .fitting import Fitting
from .grid import LEFT, WIDTH, Grid
from .loss import Misfit
from .network import Embedding, describe, describe_tangent, describe_transpose, environments
from .parameters import Parameters


class Model:
    """Parameters with what training does not change: standardisation, energies of the species (T,) in eV, and the grid."""

    def __init__(self, parameters: Parameters, standard: Standard, constants: np.ndarray, grid: Grid) -> None:
        self.parameters, self.standard, self.grid = parameters, standard, grid
        self.constants = np.asarray(constants, dtype=float)

    @property
    def architecture(self) -> Architecture:
        """Sizes of the model."""
        return self.parameters.architecture

    def interpolation_error(self) -> float:
        """Largest error of the embeddings half-way between the nodes of the grid, relative to their largest value.

        A number above 1e-3 says that the nets have become steeper than the grid can follow.
        """
        kinds, nodes = self.architecture.species, self.grid.nodes
        middle = nodes[LEFT : LEFT + 1 - WIDTH] + nodes.dtype.type(self.grid.spacing / 2)
        exact = Embedding(self.parameters, self.standard, dataclasses.replace(self.grid, nodes=middle)).table
        first, weights, _ = self.grid.locate(middle)
        table = Embedding(self.parameters, self.standard, self.grid).table.reshape(kinds * kinds, len(nodes), -1)
        near = table[:, first[:, None] + np.arange(WIDTH)]
        found = np.einsum("nw,knwm->knm", weights, near)
        return float(np.abs(found - exact.reshape(found.shape)).max() / np.abs(exact).max())


class Evaluation:
    """One batch seen by a model: `misfit` (Misfit) at once, the gradient on request."""

    def __init__(self, model: Model, batch: Batch) -> None:
        self.model, self.batch = model, batch
        architecture = model.architecture
        self.embedding = Embedding(model.parameters, model.standard, model.grid)
        self.scaled = self.embedding.table / model.grid.nodes.dtype.type(sum(architecture.sel))
        self.geometry = Environment(batch, architecture, model.standard, model.grid)
        self.matrix = self.geometry.matrix()
        self.environments = environments(batch, self.matrix, self.scaled)
        self.fittings = [
            Fitting(layers, describe(environment, architecture.axis))
            for layers, environment in zip(model.parameters.fitting, self.environments, strict=True)
        ]
        self.slopes = [
            describe_transpose(fitting.slope, environment, architecture.axis)
            for fitting, environment in zip(self.fittings, self.environments, strict=True)
        ]
        self._predict()

    def _predict(self) -> None:
        """Energies (F,), forces (F N, 3) in the order of rows and virials (F, 3, 3) of the model, and the misfit."""
        batch = self.batch
        by_matrix = [
            slope.reshape(-1, slope.shape[2]) @ table.T for slope, table in zip(self.slopes, self.scaled, strict=True)
        ]
        by_vector = self.geometry.transpose(np.concatenate(by_matrix))
        force = np.zeros((len(batch.kind), 3))
        add_rows(force, batch.center, by_vector)
        add_rows(force, batch.neighbor, -by_vector)
        outer = (by_vector[:, :, None] * batch.vector[:, None, :]).reshape(-1, 9)
        virial = np.zeros((batch.frames, 9))
        add_rows(virial, batch.pair_frame, -outer)
        atomic = np.concatenate([fitting.energy for fitting in self.fittings]) + self.model.constants[batch.kind]
        self.energy = np.bincount(batch.frame, weights=atomic, minlength=batch.frames)
        self.force = force.astype(batch.force.dtype)
        self.virial = virial.reshape(-1, 3, 3).astype(batch.force.dtype)
        self.misfit = Misfit(
            self.energy - batch.energy,
            self.force - batch.force,
            None if batch.virial is None else self.virial - batch.virial,
        )

    def backward(self, weights: tuple[float, float, float]) -> None:
        """Add the gradient of the loss with weights (energy, force, virial) to that of the parameters."""
        batch, architecture = self.batch, self.model.architecture
        by_energy, by_force, by_virial = self.misfit.slopes(batch, weights)
        direction = by_force[batch.neighbor] - by_force[batch.center]
        if by_virial is not None:
            direction += np.einsum("pab,pb->pa", by_virial[batch.pair_frame], batch.vector)
        tangent = self.geometry.tangent(direction)
        changes = environments(batch, tangent, self.scaled)
        factors = by_energy.astype(direction.dtype)[batch.frame]
        by_embedding = np.empty_like(self.scaled)
        width = self.matrix.shape[2]
        for kind, rows in enumerate(batch.blocks):
            environment, change, fitting = self.environments[kind], changes[kind], self.fittings[kind]
            moved = describe_tangent(environment, change, architecture.axis)
            by_descriptor = fitting.backward(factors[rows], moved)
            by_environment = describe_transpose(by_descriptor, environment, architecture.axis)
            by_environment -= describe_transpose(fitting.slope, change, architecture.axis)
            channels = environment.shape[2]
            np.matmul(
                self.matrix[rows].reshape(-1, width).T, by_environment.reshape(-1, channels), out=by_embedding[kind]
            )
            by_embedding[kind] -= tangent[rows].reshape(-1, width).T @ self.slopes[kind].reshape(-1, channels)
        self.embedding.backward(by_embedding / by_embedding.dtype.type(sum(architecture.sel)))
