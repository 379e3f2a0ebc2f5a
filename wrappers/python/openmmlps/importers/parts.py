# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""A model between its source format and the native file: the readers fill ModelParts, which checks and assembles.

Everything that depends on the backend a file comes from (residuals, time steps, normalizer, biases, padding of excluded
sections) has been resolved by the reader before it fills these fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .native import NativeModel, weights_sha256
from .source import Source, quote

MOST_TYPES = 128
MOST_LAYERS = 64
WIDEST = 65536

ACTIVATIONS = {name: name for name in ("linear", "tanh", "relu", "relu6", "softplus", "sigmoid", "silu", "gelu")}
ACTIVATIONS |= {"none": "linear", "gelu_tf": "gelu"}

Key = tuple[object, int]  # (center type or "all", neighbor type)


@dataclass
class Layer:
    """y = activation(x weight + bias) * timestep + residual(x); weight [n_in, n_out], bias and timestep [n_out]."""

    weight: np.ndarray
    bias: np.ndarray
    activation: str
    residual: str = "none"
    timestep: np.ndarray | None = None


@dataclass
class Table:
    """Embedding of a compressed model: coefficients [rows, channels, 6] and grid [5] (docs/native-format.md)."""

    coefficients: np.ndarray
    grid: np.ndarray


def residual_rule(inputs: int, outputs: int) -> str:
    """The residual that DeePMD-kit applies between two widths where it applies one at all."""
    if inputs == outputs:
        return "identity"
    return "doubling" if outputs == 2 * inputs else "none"


def activation_name(name: object) -> str | None:
    """The native spelling of a DeePMD-kit activation function.

    Parameters
    ----------
    name : object
        as a file has it

    Returns
    -------
    str or None
        None where openmm-lps does not know it
    """
    if name is None:
        return "linear"
    if not isinstance(name, str) or len(name) > 60:
        return None
    lower = name.lower()
    if lower in ACTIVATIONS:
        return ACTIVATIONS[lower]
    head, colon, tail = lower.partition(":")
    if head in ("silut", "custom_silu"):
        try:
            threshold = float(tail) if colon else 3.0
        except ValueError:
            return None
        if 0.0 < threshold < 1e6:
            return f"silut:{threshold!r}"
    return None


@dataclass
class ModelParts:
    """What a reader found. Shapes: mean, stddev [T, N_m, 4] or [T, 4]; energy_bias [T] in eV; lengths in angstrom."""

    type_map: list[str]
    rcut: float
    rcut_smth: float
    sel: list[int]
    normalizer: float
    axis_neuron: int
    type_one_side: bool
    mean: np.ndarray
    stddev: np.ndarray
    energy_bias: np.ndarray
    fitting: dict[int, list[Layer]]
    embedding: dict[Key, list[Layer]] = field(default_factory=dict)
    tables: dict[Key, Table] = field(default_factory=dict)
    extrapolation: str = "linear"
    cutoff_precision: str = "float64"
    env_protection: float = 0.0
    exclude_types: list[list[int]] = field(default_factory=list)
    excluded_padding: str = "kept"
    pair_exclude_types: list[list[int]] = field(default_factory=list)
    atom_exclude_types: list[int] = field(default_factory=list)
    vacuum_types: list[int] = field(default_factory=list)
    conversions: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)

    def build(self, source: Source) -> NativeModel:
        """Check everything and assemble the native model. Raises ModelImportError."""
        self._check_types(source)
        self._check_cutoff(source)
        tensors: dict[str, np.ndarray] = {}
        mean, stddev = self._statistics(source)
        tensors["statistics.mean"] = mean
        tensors["statistics.stddev"] = stddev
        tensors["energy.bias"] = self._vector(source, "energy bias", self.energy_bias, len(self.type_map))
        embedding = None
        if self.embedding:
            nets = {f"embedding.{a}.{b}": layers for (a, b), layers in self.embedding.items()}
            embedding, channels = self._networks(source, nets, 1, tensors)
        else:
            channels = self._tables(source, tensors)
        if not 1 <= self.axis_neuron <= channels:
            raise source.fault(f"axis_neuron is {self.axis_neuron}, but the embedding has {channels} channels")
        nets = {f"fitting.{a}": layers for a, layers in self.fitting.items()}
        fitting, outputs = self._networks(source, nets, channels * self.axis_neuron, tensors)
        if outputs != 1:
            raise source.fault(f"the fitting networks have {outputs} outputs instead of one energy")
        self._check_presence(source)
        self._check_size(source, tensors)
        tensors = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        for name, array in tensors.items():
            if not np.isfinite(array).all():
                raise source.fault(f"{name} holds numbers that are not finite")
        weights = [a for n, a in tensors.items() if n.startswith(("embedding", "fitting", "table"))]
        hyperparameters = {
            "type_map": self.type_map,
            "rcut": self.rcut,
            "rcut_smth": self.rcut_smth,
            "cutoff_precision": self.cutoff_precision,
            "sel": self.sel,
            "normalizer": float(self.normalizer),
            "axis_neuron": self.axis_neuron,
            "type_one_side": self.type_one_side,
            "env_protection": self.env_protection,
            "precision": "float32" if all(a.dtype == np.float32 for a in weights) else "float64",
            "exclude_types": self.exclude_types,
            "excluded_padding": self.excluded_padding,
            "pair_exclude_types": self.pair_exclude_types,
            "atom_exclude_types": sorted(set(self.atom_exclude_types)),
            "vacuum_types": sorted(set(self.vacuum_types)),
            "neighbor_overflow": "count",
            "embedding": embedding,
            "fitting": fitting,
            "table": None if self.embedding else {"extrapolation": self.extrapolation},
        }
        provenance = {
            "source": {"file": source.name, "format": source.format, "bytes": source.size, "sha256": source.sha256},
            **self.provenance,
            "weights_sha256": weights_sha256(tensors),
            "conversions": self.conversions,
        }
        return NativeModel(hyperparameters, tensors, provenance)

    def _check_types(self, source: Source) -> None:
        names = self.type_map
        if not 1 <= len(names) <= MOST_TYPES or not all(isinstance(n, str) and 0 < len(n) <= 64 for n in names):
            raise source.fault(f"the type map has {len(names)} entries instead of 1 to {MOST_TYPES} names")
        if len(set(names)) != len(names):
            raise source.fault("the type map names a type twice", "give every type its own name and convert again")
        if len(self.sel) != len(names):
            raise source.fault(f"sel has {len(self.sel)} entries for {len(names)} types")

    def _check_cutoff(self, source: Source) -> None:
        if not 0.0 <= self.rcut_smth < self.rcut <= 1e3:
            raise source.fault(f"rcut_smth {self.rcut_smth} and rcut {self.rcut} are not 0 <= rcut_smth < rcut")
        if not 0.0 <= self.env_protection <= 1e3:
            raise source.fault(f"env_protection is {self.env_protection}, which is not a length")
        if not self.normalizer > 0:
            raise source.fault(f"the sum of sel is {self.normalizer}")

    def _statistics(self, source: Source) -> tuple[np.ndarray, np.ndarray]:
        """One 4-vector per center type; refuses statistics that differ between slots or depend on direction."""
        found = []
        for name, array in (("davg", self.mean), ("dstd", self.stddev)):
            types = len(self.type_map)
            if array.ndim not in (2, 3) or array.shape[0] != types or array.shape[-1] != 4 or array.size == 0:
                raise source.fault(f"{name} has shape {list(array.shape)} instead of [{types}, slots, 4]")
            if not np.isfinite(array).all():
                raise source.fault(f"{name} holds numbers that are not finite")
            if array.ndim == 3 and not (array == array[:, :1]).all():
                raise source.fault(
                    f"{name} differs between neighbor slots of one center type",
                    "openmm-lps needs one value per center type, as DeePMD-kit's training writes it",
                )
            found.append(np.array(array[:, 0] if array.ndim == 3 else array, dtype=np.float64))
        mean, stddev = found
        if mean[:, 1:].any() or not (stddev[:, 2:] == stddev[:, 1:2]).all():
            raise source.fault("davg or dstd depend on the direction, so the energy would depend on the orientation")
        if not (stddev > 0).all():
            raise source.fault("dstd has entries that are not positive")
        return mean, stddev

    @staticmethod
    def _vector(source: Source, name: str, array: np.ndarray, length: int) -> np.ndarray:
        array = np.asarray(array).reshape(-1)
        if array.shape != (length,):
            raise source.fault(f"{name} has {array.size} numbers instead of {length}")
        return array

    def _networks(
        self, source: Source, nets: dict[str, list[Layer]], inputs: int, tensors: dict[str, np.ndarray]
    ) -> tuple[dict[str, Any], int]:
        """Common layer description and output width of the networks; adds their tensors."""
        first_name, first = next(iter(nets.items()), (None, []))
        if not first:
            raise source.fault("the model has no embedding or fitting network")
        if len(first) > MOST_LAYERS:
            raise source.fault(f"{first_name} has {len(first)} layers, more than {MOST_LAYERS}")
        common: list[dict[str, Any]] = []
        for name, layers in nets.items():
            described: list[dict[str, Any]] = []
            width = inputs
            for k, layer in enumerate(layers):
                where = f"{name}.layer.{k}"
                if layer.weight.ndim != 2 or layer.weight.shape[0] != width or not 1 <= layer.weight.shape[1] <= WIDEST:
                    raise source.fault(f"{where} has a weight of shape {list(layer.weight.shape)} after width {width}")
                outputs = layer.weight.shape[1]
                if layer.residual != "none" and layer.residual != residual_rule(width, outputs):
                    raise source.fault(f"{where} has residual {quote(layer.residual)} from width {width} to {outputs}")
                tensors[f"{where}.weight"] = layer.weight
                tensors[f"{where}.bias"] = self._vector(source, f"{where}.bias", layer.bias, outputs)
                if layer.timestep is not None:
                    tensors[f"{where}.timestep"] = self._vector(source, f"{where}.timestep", layer.timestep, outputs)
                described.append(
                    {
                        "width": outputs,
                        "activation": layer.activation,
                        "residual": layer.residual,
                        "timestep": layer.timestep is not None,
                    }
                )
                width = outputs
            if common and described != common:
                raise source.fault(
                    f"{name} has other layers than {first_name}", "openmm-lps needs the same layers for every type"
                )
            common = described
        return {"layers": common}, common[-1]["width"]

    def _tables(self, source: Source, tensors: dict[str, np.ndarray]) -> int:
        channels = 0
        for (a, b), table in self.tables.items():
            shape = table.coefficients.shape
            if len(shape) != 3 or shape[2] != 6 or 0 in shape or (channels and shape[1] != channels):
                raise source.fault(f"table.{a}.{b} has coefficients of shape {list(shape)}")
            channels = shape[1]
            self._check_grid(source, f"table.{a}.{b}", table)
            tensors[f"table.{a}.{b}.coefficients"] = table.coefficients
            tensors[f"table.{a}.{b}.grid"] = table.grid
        if not channels:
            raise source.fault("the model has neither embedding networks nor tables")
        return channels

    @staticmethod
    def _check_grid(source: Source, name: str, table: Table) -> None:
        lower, upper, maximum, fine, coarse = (float(v) for v in table.grid)
        ordered = bool(np.isfinite(table.grid).all()) and lower < upper <= maximum and fine > 0 and coarse > 0
        if not ordered:
            raise source.fault(f"{name} has the grid {[float(v) for v in table.grid]}, which is not in order")
        rows = table.coefficients.shape[0]
        needed = (upper - lower) / fine + (maximum - upper) / coarse
        if not abs(needed - rows) < 2:
            raise source.fault(f"{name} has {rows} rows, but its grid needs about {needed:.0f}")

    def _check_presence(self, source: Source) -> None:
        """Networks may be missing only where the energy cannot need them (docs/native-format.md)."""
        types = range(len(self.type_map))
        missing = [a for a in types if a not in self.fitting and a not in self.atom_exclude_types]
        if missing:
            raise source.fault(f"the fitting networks of types {missing} are missing")
        present = self.embedding or self.tables
        excluded = {tuple(pair) for pair in self.exclude_types}
        cut = {tuple(pair) for pair in self.pair_exclude_types}
        padded = [bool(row.any()) for row in np.asarray(self.mean)]
        for b in types:
            for a in types:
                needed = not (
                    self.sel[b] == 0
                    or (self.excluded_padding == "none" and (min(a, b), max(a, b)) in excluded)
                    or ((min(a, b), max(a, b)) in cut and not padded[a])
                    or a in self.atom_exclude_types
                )
                if needed and ("all" if self.type_one_side else a, b) not in present:
                    raise source.fault(
                        f"the embedding of center type {a} and neighbor type {b} is missing",
                        "DeePMD-kit loses the embedding when it converts a compressed model, so convert the uncompressed one",
                    )

    @staticmethod
    def _check_size(source: Source, tensors: dict[str, np.ndarray]) -> None:
        total = sum(array.nbytes for array in tensors.values())
        if total > 16 * 1024 * 1024 + 8 * source.size:
            raise source.fault(f"its {source.size} bytes cannot justify a model of {total} bytes")
        source.claim(total)
