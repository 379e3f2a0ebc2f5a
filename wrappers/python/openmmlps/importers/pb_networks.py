# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Embedding and fitting networks of a TensorFlow graph: weights by their names, activations by the operations behind them."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .fields import Fields
from .parts import MOST_LAYERS, Key, Layer, activation_name
from .protobuf import Graph, Node
from .refusals import Refusals
from .source import quote

UNARY = {
    "Tanh": "tanh",
    "Relu": "relu",
    "Relu6": "relu6",
    "Softplus": "softplus",
    "Sigmoid": "sigmoid",
    "Gelu": "gelu",
    "GeluCustom": "gelu",
}
# Version 0.12 called the embedding DS_layer.
EMBEDDING = re.compile(r"(?:filter|DS_layer)_type_(all|\d+)")
WEIGHT = re.compile(
    rf"({EMBEDDING.pattern}|layer_\d+_type_\d+|final_layer_type_\d+)/(matrix|bias|idt)(?:_(\d+)_(\d+))?"
)
Place = tuple[str, int, int]  # scope, layer and neighbor type; (scope, 0, 0) for a layer of a fitting network


class NetworkReader:
    """The networks of one graph.

    Parameters
    ----------
    graph : Graph
        the graph
    refusals : Refusals
        where unknown activation functions are noted
    """

    def __init__(self, graph: Graph, refusals: Refusals) -> None:
        self.graph, self.source, self.refusals = graph, graph.source, refusals
        self.conversions: list[str] = []
        self._consumers: dict[str, list[Node]] = {}
        for node in graph.nodes.values():
            if not node.name.startswith("gradients"):
                for name in node.inputs:
                    self._consumers.setdefault(name.lstrip("^").partition(":")[0], []).append(node)
        self._weights = self._find_weights()

    def _find_weights(self) -> dict[Place, dict[str, np.ndarray]]:
        found: dict[Place, dict[str, np.ndarray]] = {}
        for name, node in self.graph.nodes.items():
            match = WEIGHT.fullmatch(name) if node.op == "Const" else None
            value = self.graph.constant(name) if match else None
            if match is None or value is None:
                continue
            if value.dtype not in (np.float64, np.float32):
                raise self.source.fault(f"{quote(name)} holds {value.dtype} instead of float32 or float64")
            scope, _, kind, layer, neighbor = match.groups()
            found.setdefault((scope, int(layer or 0), int(neighbor or 0)), {})[kind] = value
        return found

    def embedding(self, script: Fields) -> dict[Key, list[Layer]]:
        """Read the embedding networks.

        Parameters
        ----------
        script : Fields
            the descriptor in the training script

        Returns
        -------
        dict
            layers by (center type or "all", neighbor type); empty for a compressed graph
        """
        groups: dict[Key, list[Place]] = {}
        for place in self._weights:
            match = EMBEDDING.fullmatch(place[0])
            if match and place[1]:
                groups.setdefault((match[1] if match[1] == "all" else int(match[1]), place[2]), []).append(place)
        if len({center == "all" for center, _ in groups}) > 1:
            raise self.source.fault("it has embeddings of one side and of two sides at the same time")
        embedding = {}
        for key, places in groups.items():
            places.sort(key=lambda place: place[1])
            scope, _, neighbor = places[0]
            if len(places) > MOST_LAYERS or [layer for _, layer, _ in places] != list(range(1, len(places) + 1)):
                raise self.source.fault(f"{scope} lacks layers for neighbor type {neighbor}")
            activation = self._activation(script, f"{scope}/matrix_1_{neighbor}")
            embedding[key] = [self._layer(place, activation, _embedding_residual) for place in places]
        return embedding

    def fitting(self, script: Fields, types: int) -> dict[int, list[Layer]]:
        """Read the fitting networks.

        Parameters
        ----------
        script : Fields
            the fitting in the training script
        types : int
            number of types

        Returns
        -------
        dict
            layers by center type
        """
        networks = {}
        for a in range(types):
            layers: list[Layer] = []
            while len(layers) < MOST_LAYERS and (f"layer_{len(layers)}_type_{a}", 0, 0) in self._weights:
                scope = f"layer_{len(layers)}_type_{a}"
                # TensorFlow adds a residual only between hidden layers of the same width.
                rule = _fitting_residual if layers else _no_residual
                layers.append(self._layer((scope, 0, 0), self._activation(script, f"{scope}/matrix"), rule))
            final = (f"final_layer_type_{a}", 0, 0)
            if final not in self._weights:
                raise self.source.fault(f"the fitting network of type {a} is missing")
            networks[a] = [*layers, self._layer(final, "linear", _no_residual)]
        return networks

    def _layer(self, place: Place, activation: str, rule: Callable[[int, int], str]) -> Layer:
        scope, layer, neighbor = place
        entry = self._weights[place]
        matrix, bias = entry.get("matrix"), entry.get("bias")
        if matrix is None or bias is None or matrix.ndim != 2:
            raise self.source.fault(f"{scope} lacks matrix or bias of layer {layer}, neighbor type {neighbor}")
        residual = rule(*matrix.shape)
        timestep = entry.get("idt") if residual != "none" else None
        return Layer(matrix, bias.reshape(-1), activation, residual, None if timestep is None else timestep.reshape(-1))

    def _activation(self, script: Fields, matrix: str) -> str:
        """From the training script, checked against the operation behind the layer, or from that operation alone."""
        seen = self._operation(matrix)
        named = script.value.get("activation_function")
        if named is None:
            if seen is None:
                self.refusals.add(f"an unknown activation function behind {quote(matrix)}")
            return seen or "linear"
        known = activation_name(named)
        if known is None:
            self.refusals.add(f"activation function {quote(named)}")
            return "linear"
        if named.lower() == "gelu_tf" and not self.conversions:
            # TensorFlow rounds the constant 0.044715 of its own gelu to float32.
            self.conversions.append("gelu_tf read as gelu: energies differ from TensorFlow by about 1e-8 eV per atom")
        if seen is not None and seen != known:
            raise self.source.fault(
                f"the training script says {quote(named)}, but the graph has {seen} at {quote(matrix)}"
            )
        return known

    def _operation(self, matrix: str) -> str | None:
        """Activation by the operations that follow product and bias; None where they are composite.

        Up to version 1.3 the operation of a fitting layer stands outside the scope of the layer.
        """
        reads = [n.name for n in self._consumers.get(matrix, []) if n.op == "Identity"] or [matrix]
        products = [n for r in reads for n in self._consumers.get(r, []) if n.op == "MatMul"]
        sums = [n for p in products for n in self._consumers.get(p.name, []) if n.op in ("BiasAdd", "Add", "AddV2")]
        after = {n.op for s in sums for n in self._consumers.get(s.name, [])}
        if after >= {"Sigmoid", "Mul"}:
            return "silu"
        unary = after & set(UNARY)
        return UNARY[unary.pop()] if len(unary) == 1 and len(after) == 1 else None


def _embedding_residual(inputs: int, outputs: int) -> str:
    return {inputs: "identity", 2 * inputs: "doubling"}.get(outputs, "none")


def _fitting_residual(inputs: int, outputs: int) -> str:
    return "identity" if inputs == outputs else "none"


def _no_residual(_inputs: int, _outputs: int) -> str:
    return "none"
