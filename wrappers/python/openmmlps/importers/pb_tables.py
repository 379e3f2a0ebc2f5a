# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Tables of compressed TensorFlow graphs: which table belongs to which pair of types is read from the data flow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from .parts import Table
from .schema import make_table

if TYPE_CHECKING:
    from .pb import GraphReader

PASSIVE = ("Identity", "Cast", "Reshape")


def read_tables(reader: GraphReader, sel: list[int]) -> dict[tuple[object, int], Table]:
    """Tables by (centre type or "all", neighbour type) from the TabulateFusionSeA operations; empty without any."""
    starts = {4 * sum(sel[:b]): b for b in reversed(range(len(sel))) if sel[b]}
    tables = {}
    for node in list(reader.graph.nodes.values()):
        scope = re.match(r"filter_type_(all|\d+)/", node.name)
        if node.op != "TabulateFusionSeA" or scope is None or len(node.inputs) < 4:
            continue
        column = _first_column(reader, node.inputs[3])
        if column not in starts:
            raise reader.source.fault(f"the table of '{node.name[:60]}' starts at no neighbour type (column {column})")
        coefficients, grid = (reader.graph.constant(_constant(reader, name)) for name in node.inputs[:2])
        table = make_table(coefficients, grid)
        if table is None:
            raise reader.source.fault(f"the table of '{node.name[:60]}' is missing or has another shape")
        center = scope[1] if scope[1] == "all" else int(scope[1])
        tables[(center, starts[column])] = table
    if tables:
        reader.conversions.append("compressed graph: tables kept, the original embedding networks are not in the file")
    return tables


def _name(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]


def _constant(reader: GraphReader, tensor: str) -> str:
    """Name of the constant behind casts and identities."""
    name = _name(tensor)
    for _ in range(8):
        node = reader.graph.nodes.get(name)
        if node is None or node.op not in PASSIVE or not node.inputs:
            break
        name = _name(node.inputs[0])
    return name


def _first_column(reader: GraphReader, tensor: str) -> int | None:
    """First column of the environment matrix that reaches a tensor, following slices back to it."""
    name = _name(tensor)
    for _ in range(16):
        node = reader.graph.nodes.get(name)
        if node is None or not node.inputs:
            return None
        if node.op == "Slice" and len(node.inputs) == 3:
            begin = reader.graph.constant(_name(node.inputs[1]))
            if begin is not None and begin.size == 2 and np.issubdtype(begin.dtype, np.integer):
                return int(begin.reshape(-1)[1])
            return None
        name = _name(node.inputs[0])
    return None
