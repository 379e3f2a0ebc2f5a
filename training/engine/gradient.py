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
costs one forward pass of dE and one backward pass. Both are written out; only the embedding nets on the grid, a small
part of the work, are left to automatic differentiation.
"""

import dataclasses

import torch

from .architecture import Architecture
from .dataset import Batch
from .environment import Environment, Standard
from .fitting import Fitting
from .grid import LEFT, WIDTH, Grid
from .loss import Misfit
from .network import describe, describe_tangent, describe_transpose, embed, environments
from .parameters import Parameters


class Model:
    """Parameters with what training does not change: standardisation, energies of the species (T,) in eV, and the grid."""

    def __init__(self, parameters: Parameters, standard: Standard, constants: torch.Tensor, grid: Grid):
        self.parameters, self.standard, self.grid = parameters, standard, grid
        self.constants = constants.double()

    @property
    def architecture(self) -> Architecture:
        return self.parameters.architecture

    @torch.no_grad()
    def interpolation_error(self) -> float:
        """Return the largest error of the embeddings half-way between the nodes of the grid, relative to their largest value.

        A number above 1e-3 says that the nets have become steeper than the grid can follow.
        """
        kinds, nodes = self.architecture.species, self.grid.nodes
        middle = nodes[LEFT : LEFT + 1 - WIDTH] + self.grid.spacing / 2
        exact = embed(self.parameters, self.standard, dataclasses.replace(self.grid, nodes=middle))
        first, weights, _ = self.grid.locate(middle)
        table = embed(self.parameters, self.standard, self.grid).view(kinds * kinds, len(nodes), -1)
        near = table[:, first[:, None] + torch.arange(WIDTH, device=first.device)]
        found = torch.einsum("kw,nkwm->nkm", weights, near)
        return float((found - exact.view_as(found)).abs().max() / exact.abs().max())


class Evaluation:
    """One batch seen by a model: `misfit` (Misfit) at once, the gradient on request."""

    def __init__(self, model: Model, batch: Batch, differentiate: bool):
        self.model, self.batch = model, batch
        architecture = model.architecture
        with torch.set_grad_enabled(differentiate):
            self.embedding = embed(model.parameters, model.standard, model.grid)
        with torch.no_grad():
            self.scaled = self.embedding.detach() / sum(architecture.sel)
            self.geometry = Environment(batch, architecture, model.standard, model.grid)
            self.matrix = self.geometry.matrix()
            self.environments = environments(batch.species, self.matrix, self.scaled)
            self.fittings = [
                Fitting(layers, describe(environment, architecture.axis))
                for layers, environment in zip(model.parameters.fitting, self.environments, strict=True)
            ]
            self.slopes = [
                describe_transpose(fitting.slope, environment, architecture.axis)
                for fitting, environment in zip(self.fittings, self.environments, strict=True)
            ]
            self.misfit = self._misfit()

    def _misfit(self) -> Misfit:
        batch = self.batch
        by_matrix = [slope.flatten(0, 1) @ table.T for slope, table in zip(self.slopes, self.scaled, strict=True)]
        by_vector = self.geometry.transpose(torch.cat(by_matrix))
        force = torch.zeros_like(batch.force)
        force.index_add_(0, batch.center, by_vector).index_add_(0, batch.neighbor, by_vector, alpha=-1)
        outer = (by_vector[:, :, None] * batch.vector[:, None, :]).flatten(1)
        ends = torch.zeros(batch.frames, 9, device=outer.device, dtype=outer.dtype)
        virial = -ends.index_add_(0, batch.pair_frame, outer).view(-1, 3, 3)
        atomic = torch.cat([fitting.energy for fitting in self.fittings]).double() + self.model.constants[batch.kind]
        energy = torch.zeros_like(batch.energy).index_add_(0, batch.frame, atomic)
        return Misfit(energy - batch.energy, force - batch.force, virial - batch.virial)

    @torch.no_grad()
    def backward(self, weights: tuple[float, float, float]) -> None:
        """Add the gradient of the loss with weights (energy, force, virial) to that of the parameters."""
        batch, architecture = self.batch, self.model.architecture
        by_energy, by_force, by_virial = self.misfit.slopes(batch, weights)
        direction = by_force[batch.neighbor] - by_force[batch.center]
        direction += (by_virial[batch.pair_frame] * batch.vector[:, None, :]).sum(2)
        tangent = self.geometry.tangent(direction)
        changes = environments(batch.species, tangent, self.scaled)
        factors = by_energy.to(direction.dtype)[batch.frame].split(batch.species)
        by_embedding = torch.empty_like(self.scaled)
        rows = zip(self.matrix.split(batch.species), tangent.split(batch.species), strict=True)
        for kind, (matrix, matrix_change) in enumerate(rows):
            environment, change, fitting = self.environments[kind], changes[kind], self.fittings[kind]
            moved = describe_tangent(environment, change, architecture.axis)
            by_descriptor = fitting.backward(factors[kind], moved)
            by_environment = describe_transpose(by_descriptor, environment, architecture.axis)
            by_environment -= describe_transpose(fitting.slope, change, architecture.axis)
            torch.mm(matrix.flatten(0, 1).T, by_environment.flatten(0, 1), out=by_embedding[kind])
            by_embedding[kind].addmm_(matrix_change.flatten(0, 1).T, self.slopes[kind].flatten(0, 1), alpha=-1)
        self.embedding.backward(by_embedding / sum(architecture.sel))
