# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of the part of the protocol-buffer wire format that frozen TensorFlow graphs need.

Only offsets into the file are kept until a value is asked for; nothing is nested deeper than a fixed number of messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .source import OBJECT_MEMORY, Source, quote

DTYPES: dict[int, np.dtype] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    9: np.dtype("<i8"),
    10: np.dtype("?"),
}
# Numbers by the field of a tensor; every one is stored in the width of its field.
STORED = {k: np.dtype(v) for k, v in {5: "<f4", 6: "<f8", 7: "<i8", 10: "<i8", 11: "<i8"}.items()}
HALF_TYPES = {14: "bfloat16", 19: "float16"}
MOST_DIMENSIONS = 8
MOST_REPEATED = 2**22  # elements that a constant may repeat from a single stored value

NODE_MEMORY, INPUT_MEMORY = 500, 250  # bytes of Python objects, with those of whoever looks up consumers by name
MOST_INTEGERS = 1024  # in an attribute, such as one per type

Span = tuple[int, int]


class Wire:
    """Messages inside the bytes of one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.data = source.data

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """Unsigned integer at an offset, and the offset behind it."""
        value = shift = 0
        while at < end and shift < 70:
            byte = self.data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
        raise self.source.fault(f"a number is cut off at byte {at}")

    def fields(self, span: Span) -> Iterator[tuple[int, int, Any]]:
        """Number, wire type and value of each field: an integer (type 0), or the span of its bytes (types 1, 2, 5)."""
        at, end = span
        while at < end:
            key, at = self.varint(at, end)
            kind = key & 7
            if kind == 0:
                value, at = self.varint(at, end)
                yield key >> 3, 0, value
                continue
            if kind == 2:
                length, at = self.varint(at, end)
            elif kind in (1, 5):
                length = 8 if kind == 1 else 4
            else:
                raise self.source.fault(f"byte {at} has the unknown wire type {kind}")
            if length > end - at:
                raise self.source.fault(f"byte {at} claims {length} bytes, but {end - at} are left")
            yield key >> 3, kind, (at, at + length)
            at += length

    def bytes(self, span: object) -> bytes:
        """The bytes of a span; empty for a value that is no span."""
        return self.data[span[0] : span[1]] if isinstance(span, tuple) else b""

    def text(self, span: object) -> str:
        """The text of a span."""
        return self.bytes(span).decode("utf-8", "replace")


def signed(value: int) -> int:
    """Two's complement reading of a 64-bit number."""
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


class Node:
    """One operation: name, op, names of its inputs, and the spans of its attributes."""

    __slots__ = ("attributes", "inputs", "name", "op")

    def __init__(self, name: str, op: str, inputs: list[str], attributes: dict[str, Span]) -> None:
        self.name, self.op, self.inputs, self.attributes = name, op, inputs, attributes


class Graph:
    """A frozen graph: nodes by name, constants read on demand."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.wire = Wire(source)
        self.nodes: dict[str, Node] = {}
        for number, kind, value in self.wire.fields((0, source.size)):
            if number == 1 and kind == 2:
                node = self._node(value)
                source.claim(NODE_MEMORY + INPUT_MEMORY * len(node.inputs) + OBJECT_MEMORY * len(node.attributes))
                self.nodes[node.name] = node
        if not self.nodes:
            raise source.fault("it holds no graph")

    def _node(self, span: Span) -> Node:
        name, op = "", ""
        inputs: list[str] = []
        attributes: dict[str, Span] = {}
        for number, kind, value in self.wire.fields(span):
            if kind != 2:
                continue
            if number == 1:
                name = self.wire.text(value)
            elif number == 2:
                op = self.wire.text(value)
            elif number == 3:
                inputs.append(self.wire.text(value))
            elif number == 5:
                entry = {n: v for n, k, v in self.wire.fields(value) if k == 2}
                if 1 in entry and 2 in entry:
                    attributes[self.wire.text(entry[1])] = entry[2]
        return Node(name, op, inputs, attributes)

    def attribute(self, node: Node, name: str) -> Any:
        """A number, list of integers or span of a message attribute of a node; None where it has none."""
        span = node.attributes.get(name)
        if span is None:
            return None
        for number, kind, value in self.wire.fields(span):
            if number in (3, 5, 6) and kind == 0:
                return signed(value)
            if number == 4 and kind == 5:
                return float(np.frombuffer(self.wire.bytes(value), "<f4")[0])
            if number == 1 and kind == 2:
                return self._integers(value, 3)
            if number in (2, 8) and kind == 2:
                return value
        return None

    def _integers(self, span: Span, wanted: int) -> list[int]:
        found = []
        for number, kind, value in self.wire.fields(span):
            if number == wanted and kind == 0:
                found.append(signed(value))
            elif number == wanted and kind == 2:
                at, end = value
                while at < end and len(found) <= MOST_INTEGERS:
                    item, at = self.wire.varint(at, end)
                    found.append(signed(item))
            if len(found) > MOST_INTEGERS:
                raise self.source.fault(f"an attribute has more than {MOST_INTEGERS} integers")
        return found

    def constant(self, name: str) -> np.ndarray | None:
        """The value of a Const node, read-only; None where there is no such node."""
        node = self.nodes.get(name)
        if node is None or node.op != "Const":
            return None
        span = self.attribute(node, "value")
        if not isinstance(span, tuple):
            raise self.source.fault(f"the constant {quote(name)} has no value")
        return self._tensor(span, name)

    def text_constant(self, name: str) -> str | None:
        """The text of a string constant; None where there is no such node."""
        node = self.nodes.get(name)
        span = self.attribute(node, "value") if node is not None and node.op == "Const" else None
        if not isinstance(span, tuple):
            return None
        for number, kind, value in self.wire.fields(span):
            if number == 8 and kind == 2:
                return self.wire.text(value)
        return ""

    def first_constant(self, *names: str) -> np.ndarray | None:
        """Value of the first of several constants that the graph has, alone or below model_attr."""
        for name in names:
            for candidate in (name, f"model_attr/{name}"):
                value = self.constant(candidate)
                if value is not None:
                    return value
        return None

    def number(self, *names: str) -> float | None:
        """The first of several constants, if it holds one number."""
        value = self.first_constant(*names)
        return None if value is None or value.size != 1 else float(value.reshape(-1)[0])

    def _tensor(self, span: Span, name: str) -> np.ndarray:
        kind, content = 0, b""
        shape: list[int] = []
        values: dict[int, bytearray] = {}  # by field
        for number, wire, value in self.wire.fields(span):
            if number == 1 and wire == 0:
                kind = value
            elif number == 2 and wire == 2:
                self._add_dimensions(shape, value)
            elif number == 4 and wire == 2:
                content = self.wire.bytes(value)
            elif number in STORED:
                values.setdefault(number, bytearray()).extend(self._stored(number, wire, value))
        if kind in HALF_TYPES:
            raise self.source.fault(
                f"the constant {quote(name)} is {HALF_TYPES[kind]}", "use a model of float32 or float64 precision"
            )
        if kind not in DTYPES:
            raise self.source.fault(f"the constant {quote(name)} has the type {kind}, which is no number")
        numbers = [np.frombuffer(v, STORED[k], len(v) // STORED[k].itemsize) for k, v in values.items()]
        return self._fill(name, DTYPES[kind], shape, content, numbers)

    def _add_dimensions(self, shape: list[int], span: Span) -> None:
        for number, wire, dimension in self.wire.fields(span):
            if number == 2 and wire == 2 and len(shape) <= MOST_DIMENSIONS:
                sizes = [signed(v) for n, k, v in self.wire.fields(dimension) if n == 1 and k == 0]
                shape.append(sizes[-1] if sizes else 0)

    def _stored(self, number: int, wire: int, value: Any) -> bytes | bytearray:
        """Bytes of the numbers of one field, in the width of STORED; none where its wire type is another one."""
        if STORED[number].kind == "f":
            return self.wire.bytes(value) if wire in (1, 2, 5) else b""
        if wire == 0:
            return signed(value).to_bytes(8, "little", signed=True)
        integers = bytearray()
        at, end = value if wire == 2 else (0, 0)
        while at < end:
            item, at = self.wire.varint(at, end)
            integers.extend(signed(item).to_bytes(8, "little", signed=True))
        return integers

    def _fill(
        self, name: str, dtype: np.dtype, shape: list[int], content: bytes, values: list[np.ndarray]
    ) -> np.ndarray:
        count = 1
        for extent in shape:
            if not 0 <= extent < 2**31:
                raise self.source.fault(f"the constant {quote(name)} has a dimension of {extent}")
            count *= extent
        if len(shape) > MOST_DIMENSIONS or count >= 2**40:
            raise self.source.fault(f"the constant {quote(name)} claims {len(shape)} dimensions")
        if content:
            if len(content) != count * dtype.itemsize:
                raise self.source.fault(f"the constant {quote(name)} of shape {shape} has {len(content)} bytes")
            return np.frombuffer(content, dtype).reshape(shape)
        flat = np.concatenate(values) if values else np.zeros(0)
        flat = flat[:count].astype(dtype)
        if flat.size == count:
            return flat.reshape(shape)
        if count > MOST_REPEATED:
            raise self.source.fault(f"the constant {quote(name)} claims {count} numbers, but stores {flat.size}")
        # Trailing repetitions of the last value are not stored.
        last = flat[-1:] if flat.size else np.zeros(1, dtype)
        if flat.size <= 1:
            return (
                np.broadcast_to(last, (count,)).reshape(shape)
                if count == 0
                else np.broadcast_to(last.reshape([1] * len(shape)), shape)
            )
        self.source.claim(count * dtype.itemsize)
        return np.concatenate([flat, np.broadcast_to(last, (count - flat.size,))]).reshape(shape)
