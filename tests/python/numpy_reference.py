# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""An evaluator of the native model file in plain numpy: slow, short, and independent of the C++ code and of DeePMD-kit.

It follows docs/native-format.md: all periodic images, padding by count, float64 throughout. Angstrom and eV.
"""

from __future__ import annotations

from itertools import product

import numpy as np


def activate(name: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and derivative of an activation function."""
    sigmoid = 0.5 * (1.0 + np.tanh(0.5 * x))
    if name == "linear":
        return x, np.ones_like(x)
    if name == "tanh":
        y = np.tanh(x)
        return y, 1.0 - y * y
    if name == "relu":
        return np.maximum(x, 0.0), (x > 0).astype(float)
    if name == "relu6":
        return np.clip(x, 0.0, 6.0), ((x > 0) & (x < 6)).astype(float)
    if name == "softplus":
        return np.logaddexp(0.0, x), sigmoid
    if name == "sigmoid":
        return sigmoid, sigmoid * (1.0 - sigmoid)
    if name == "silu":
        return x * sigmoid, sigmoid * (1.0 + x * (1.0 - sigmoid))
    if name == "gelu":
        c = np.sqrt(2.0 / np.pi)
        t = np.tanh(c * (x + 0.044715 * x**3))
        return 0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * c * (1.0 + 3 * 0.044715 * x * x)
    if name.startswith("silut:"):
        threshold = float(name[6:])
        s = 1.0 / (1.0 + np.exp(-threshold))
        k = s * (1.0 + threshold * (1.0 - s))
        tail = np.tanh(k * (x - threshold))
        value = np.where(x < threshold, x * sigmoid, tail + threshold * s)
        return value, np.where(x < threshold, sigmoid * (1.0 + x * (1.0 - sigmoid)), k * (1.0 - tail * tail))
    raise ValueError(name)


class NumpyReference:
    """Evaluate the hyperparameters and tensors of a NativeModel."""

    def __init__(self, model):
        self.h = model.hyperparameters
        self.t = {name: np.asarray(array, dtype=np.float64) for name, array in model.tensors.items()}
        self.types = len(self.h["type_map"])
        rc, rs = self.h["rcut"], self.h["rcut_smth"]
        if self.h["cutoff_precision"] == "float32":
            rc, rs = np.float32(rc), np.float32(rs)
        self.rc, self.rs, self.span = float(rc), float(rs), float(rc - rs)

    def network(self, prefix: str, description: dict, x: np.ndarray):
        """Output [n, out] and a function from dE/d(output) to dE/d(input)."""
        steps = []
        for k, layer in enumerate(description["layers"]):
            name = f"{prefix}.layer.{k}"
            weight = self.t[f"{name}.weight"]
            value, slope = activate(layer["activation"], x @ weight + self.t[f"{name}.bias"])
            if layer["timestep"]:
                value, slope = value * self.t[f"{name}.timestep"], slope * self.t[f"{name}.timestep"]
            copies = {"none": 0, "identity": 1, "doubling": 2}[layer["residual"]]
            steps.append((weight, slope, copies))
            x = value + (np.concatenate([x] * copies, axis=1) if copies else 0.0)

        def backward(gradient):
            for weight, slope, copies in reversed(steps):
                through = (gradient * slope) @ weight.T
                gradient = through + (sum(np.split(gradient, copies, axis=1)) if copies else 0.0)
            return gradient

        return x, backward

    def embed(self, a: int, b: int, s: np.ndarray):
        """Embedding [n, M1] of s [n] and its derivative with respect to s."""
        key = f"{'all' if self.h['type_one_side'] else a}.{b}"
        if self.h["table"] is not None:
            return self.tabulated(f"table.{key}", s)
        value, _ = self.network(f"embedding.{key}", self.h["embedding"], s[:, None])
        # Forward tangent, layer by layer.
        x, dx = s[:, None], np.ones((len(s), 1))
        for k, layer in enumerate(self.h["embedding"]["layers"]):
            name = f"embedding.{key}.layer.{k}"
            y, slope = activate(layer["activation"], x @ self.t[f"{name}.weight"] + self.t[f"{name}.bias"])
            dy = slope * (dx @ self.t[f"{name}.weight"])
            if layer["timestep"]:
                y, dy = y * self.t[f"{name}.timestep"], dy * self.t[f"{name}.timestep"]
            copies = {"none": 0, "identity": 1, "doubling": 2}[layer["residual"]]
            x, dx = (
                y + (np.concatenate([x] * copies, axis=1) if copies else 0.0),
                dy + (np.concatenate([dx] * copies, axis=1) if copies else 0.0),
            )
        assert np.array_equal(x, value)
        return x, dx

    def tabulated(self, key: str, s: np.ndarray):
        """The model's own table: quintic on each interval, edge value or edge tangent outside."""
        lower, upper, maximum, fine, coarse = self.t[f"{key}.grid"]
        table = self.t[f"{key}.coefficients"]
        inside = np.clip(s, lower, maximum)
        first = int((upper - lower) / fine)
        low = inside < upper
        interval = np.where(low, np.floor((inside - lower) / fine), first + np.floor((inside - upper) / coarse)).astype(
            int
        )
        interval = np.minimum(interval, len(table) - 1)
        start = np.where(interval < first, lower + interval * fine, upper + (interval - first) * coarse)
        t = (inside - start)[:, None]
        c = [table[interval, :, m] for m in range(6)]
        value = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
        slope = c[1] + t * (2 * c[2] + t * (3 * c[3] + t * (4 * c[4] + t * 5 * c[5])))
        outside = (s - inside)[:, None]
        if self.h["table"]["extrapolation"] == "linear":
            return value + slope * outside, slope
        return value, np.where(outside == 0.0, slope, 0.0)

    def evaluate(self, types, positions, box) -> dict:
        """Energy, atom_energies [n], forces [n, 3], virial [3, 3]."""
        h = self.h
        types, positions = np.asarray(types), np.asarray(positions, dtype=float)
        shifts = np.zeros((1, 3))
        if box is not None:
            box = np.asarray(box, dtype=float)
            fractional = positions @ np.linalg.inv(box)
            spread = np.ceil(np.ptp(fractional, axis=0)).astype(int)
            reach = np.ceil(self.rc * np.linalg.norm(np.linalg.inv(box), axis=0)).astype(int) + spread
            shifts = np.array(list(product(*(range(-n, n + 1) for n in reach)))) @ box
        energies, forces, virial = np.zeros(len(types)), np.zeros((len(types), 3)), np.zeros((3, 3))
        for i, a in enumerate(types):
            if a in h["atom_exclude_types"]:
                continue
            x = (positions[None] + shifts[:, None] - positions[i]).reshape(-1, 3)
            neighbor = np.tile(np.arange(len(types)), len(shifts))
            r = np.linalg.norm(x, axis=1)
            keep = (r < self.rc) & (r > 1e-9)
            energies[i], gradient = self.center(a, types[neighbor[keep]], x[keep], r[keep])
            np.add.at(forces, neighbor[keep], -gradient)
            forces[i] += gradient.sum(axis=0)
            virial -= gradient.T @ x[keep]
        return {"energy": energies.sum(), "atom_energies": energies, "forces": forces, "virial": virial}

    def center(self, a: int, neighbor_types, x, r):
        """Energy of one centre and its derivative with respect to the neighbour vectors x [n, 3]."""
        h, n_m, m2 = self.h, self.h["normalizer"], self.h["axis_neuron"]
        mean, stddev = self.t["statistics.mean"][a], self.t["statistics.stddev"][a]
        pad = -mean / stddev
        u = np.clip((r - self.rs) / self.span, 0.0, 1.0)
        w = u**3 * (-6 * u * u + 15 * u - 10) + 1
        dw = (-30 * u**4 + 60 * u**3 - 30 * u**2) / self.span
        q, unit = r + h["env_protection"], x / r[:, None]
        env = np.column_stack([w / q, (w / q**2)[:, None] * x])
        denv = np.zeros((len(r), 4, 3))  # dR_c/dx_d
        denv[:, 0] = (dw / q - w / q**2)[:, None] * unit
        denv[:, 1:] = (w / q**2)[:, None, None] * np.eye(3)
        denv[:, 1:] += (dw / q**2 - 2 * w / q**3)[:, None, None] * x[:, :, None] * unit[:, None, :]
        rt = (env - mean) / stddev
        matrix, terms = 0.0, []
        for b in range(self.types):
            if h["sel"][b] == 0:
                continue
            pair = sorted((int(a), b))
            members = np.flatnonzero(neighbor_types == b)
            slots = h["sel"][b]
            if pair in h["exclude_types"]:
                slots = slots - len(members) if h["excluded_padding"] == "kept" else 0
                members = members[:0]
            elif pair in h["pair_exclude_types"]:
                members = members[:0]
            else:
                slots = slots - len(members)
            if slots and mean.any():
                matrix = matrix + slots * np.outer(self.embed(a, b, pad[:1])[0][0], pad) / n_m
            if members.size:
                g, dg = self.embed(a, b, rt[members, 0])
                matrix = matrix + g.T @ rt[members] / n_m
                terms.append((members, g, dg))
        channels = h["embedding"]["layers"][-1]["width"] if h["embedding"] else self.channels()
        matrix = matrix + np.zeros((channels, 4))
        descriptor = (matrix @ matrix[:m2].T).reshape(1, -1)
        energy, backward = self.network(f"fitting.{a}", h["fitting"], descriptor)
        value = energy[0, 0] + self.t["energy.bias"][a]
        if a in h["vacuum_types"]:
            value -= self.network(f"fitting.{a}", h["fitting"], np.zeros_like(descriptor))[0][0, 0]
        y = backward(np.ones((1, 1))).reshape(channels, m2)
        force = y @ matrix[:m2]
        force[:m2] += y.T @ matrix
        force /= n_m
        gradient = np.zeros((len(r), 3))
        for members, g, dg in terms:
            drt = g @ force
            drt[:, 0] += np.einsum("nm,mc,nc->n", dg, force, rt[members])
            gradient[members] = np.einsum("nc,ncd->nd", drt / stddev, denv[members])
        return value, gradient

    def channels(self) -> int:
        """M1 of a compressed model."""
        return next(a.shape[1] for n, a in self.t.items() if n.endswith(".coefficients"))
