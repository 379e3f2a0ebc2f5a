# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Tables of compressed TensorFlow graphs: which table belongs to which pair of types is read from the data flow."""

from __future__ import annotations

import re

import numpy as np

from .parts import Key, Table
from .protobuf import Graph
from .schema import make_table

PASSIVE = ("Identity", "Cast", "Reshape")
TABLE_OPS = ("TabulateFusionSeA", "TabulateFusion")  # the latter up to version 2.0
MOST_STEPS = 16  # from a table to where its rows come from


def read_tables(graph: Graph, sel: list[int]) -> dict[Key, Table]:
    """Read the tables of all pairs of types.

    Parameters
    ----------
    graph : Graph
        the graph
    sel : list of int
        slots of each neighbor type

    Returns
    -------
    dict
        tables by (center type or "all", neighbor type); empty for a graph that is not compressed
    """
    starts = {4 * sum(sel[:b]): b for b in reversed(range(len(sel))) if sel[b]}
    tables: dict[Key, Table] = {}
    for node in list(graph.nodes.values()):
        scope = re.match(r"filter_type_(all|\d+)/", node.name)
        if node.op not in TABLE_OPS or scope is None or len(node.inputs) < 4:
            continue
        column = _first_column(graph, node.inputs[3])
        if column not in starts:
            raise graph.source.fault(f"the table of '{node.name[:60]}' starts at no neighbor type (column {column})")
        coefficients, grid = (graph.constant(_constant(graph, name)) for name in node.inputs[:2])
        table = make_table(coefficients, grid)
        if table is None:
            raise graph.source.fault(f"the table of '{node.name[:60]}' is missing or has another shape")
        center = scope[1] if scope[1] == "all" else int(scope[1])
        tables[center, starts[column]] = table
    return tables


def _name(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]


def _constant(graph: Graph, tensor: str) -> str:
    """Name of the constant behind casts and identities."""
    name = _name(tensor)
    for _ in range(MOST_STEPS):
        node = graph.nodes.get(name)
        if node is None or node.op not in PASSIVE or not node.inputs:
            break
        name = _name(node.inputs[0])
    return name


def _first_column(graph: Graph, tensor: str) -> int | None:
    """First column of the environment matrix that reaches a tensor, following slices back to it."""
    name = _name(tensor)
    for _ in range(MOST_STEPS):
        node = graph.nodes.get(name)
        if node is None or not node.inputs:
            return None
        if node.op == "Slice" and len(node.inputs) == 3:
            begin = graph.constant(_name(node.inputs[1]))
            if begin is not None and begin.size == 2 and np.issubdtype(begin.dtype, np.integer):
                return int(begin.reshape(-1)[1])
            return None
        name = _name(node.inputs[0])
    return None
