# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Train an `se_e2_a` deep potential with NumPy at a fraction of DeePMD-kit's cost per batch.

DeePMD-kit defines the model, and can evaluate it and train it further; this package only computes the same gradients with
less work. Three observations make it cheap:

1. An embedding net is a function of one number, s(r). It is evaluated on a grid of s and interpolated (`grid.py`), so
   the filtered environment of all atoms is one matrix product P G: P holds the geometry and no parameter, G the nets on
   the grid. Slots without a neighbor all sit at s = 0 and add to one element of P.
2. The gradient of a loss of forces and virials needs no second derivative of a graph: it is that of the derivative of
   the energy along one direction (`gradient.py`), which is computed forwards together with the energy.
3. The pairs of every training frame are found once and kept (`pairs.py`).

What is left are matrix products, which NumPy does as fast as PyTorch, without its 5 GB.

| file | idea |
|---|---|
| `architecture.py` | what of a DeePMD-kit input the engine knows; the rest is refused |
| `parameters.py` | all weights in one vector, with named views; random start |
| `interchange.py` | from any model file, to DeePMD-kit's `.dp` and the native file |
| `pairs.py` | pairs of atoms within the cutoff in periodic frames |
| `dataset.py` | frames of a system, cut into batches |
| `sampler.py` | which frames the n-th batch holds |
| `statistics.py` | mean, deviation and energy per species, for a start from scratch |
| `grid.py` | interpolation on the grid of s |
| `environment.py` | environment rows of pairs, their derivative, the matrix P and its transpose |
| `network.py`, `fitting.py` | embedding, descriptor and fitting nets, with their derivative along a direction |
| `loss.py` | learning rate, loss, and what the gradient needs of it |
| `gradient.py` | energies, forces and virials of a batch, and the gradient of the loss |
| `soap.py` | the optimiser |
| `loop.py` | the training run, its checkpoint and its learning curve |
"""
