# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""An interpreter of the few pickle operations that PyTorch archives consist of. It never calls or imports anything.

Objects of classes become Record, tensors become read-only numpy views of the stored bytes, and whatever is not on the list
of known names stops the reader.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .source import ModelImportError, Source, quote

STORAGES: dict[str, np.dtype] = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype("<u2"),  # kept as raw bits: such weights are refused by their type
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
KNOWN = re.compile(
    r"__torch__\.[\w.]+|torch( \w+Storage|\._utils _rebuild_(tensor_v2|parameter)|\.jit\._pickle \w+"
    r"| (Size|device|\w*float\w*|int\d+|bool)|\.serialization _get_layout)|collections OrderedDict"
)


@dataclass
class Name:
    """A class or function that the file refers to, as text."""

    name: str


@dataclass
class Record:
    """An object of a class, with the attributes that the file stores for it."""

    name: str
    attributes: dict[str, Any] = field(default_factory=dict)


_MARK = object()


class Unpickler:
    """Interpret a pickle of protocol 2 to 4 from bytes; storages are fetched with `load(key)`."""

    def __init__(self, source: Source, data: bytes, load: Callable[[str], bytes]) -> None:
        self.source = source
        self.data = data
        self.load_storage = load
        self.at = 0
        self.stack: list[Any] = []
        self.memo: dict[int, object] = {}

    def fault(self, problem: str) -> ModelImportError:
        """An error naming the byte reached."""
        return self.source.fault(f"data.pkl, byte {self.at}: {problem}")

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > len(self.data) - self.at:
            raise self.fault(f"{count} bytes are wanted, {len(self.data) - self.at} are left")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, layout: str) -> Any:
        """The next number in the notation of struct."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> str:
        """Text up to the next line end."""
        end = self.data.find(b"\n", self.at, self.at + 500)
        if end < 0:
            raise self.fault("a name has no end")
        text = self.data[self.at : end].decode("utf-8", "replace")
        self.at = end + 1
        return text

    def pop(self) -> Any:
        """Top of the stack."""
        if not self.stack or self.stack[-1] is _MARK:
            raise self.fault("the stack is empty")
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        """Everything above the last mark."""
        for k in range(len(self.stack) - 1, -1, -1):
            if self.stack[k] is _MARK:
                items = self.stack[k + 1 :]
                del self.stack[k:]
                return items
        raise self.fault("a mark is missing")

    def run(self) -> object:
        """The object that the pickle describes. Raises ModelImportError."""
        while True:
            code = self.take(1)
            if code == b".":
                return self.pop()
            action = _ACTIONS.get(code)
            if action is None:
                raise self.fault(f"the operation {code!r} does not occur in PyTorch models")
            action(self)

    def name(self, module: str, name: str) -> Name:
        """A reference to a class or function, if it is one that PyTorch models need."""
        full = f"{module} {name}"
        if not KNOWN.fullmatch(full) and not KNOWN.fullmatch(f"{module}.{name}"):
            raise self.fault(
                f"it refers to {quote(module + '.' + name)}, which no DeePMD-kit model needs: "
                "it belongs to another program, or is not to be trusted"
            )
        return Name(full)

    def set_items(self, target: object, items: list[Any]) -> None:
        """Put key and value pairs into a dictionary. Keys are text or numbers only, so that none is costly to hash."""
        if not isinstance(target, dict) or len(items) % 2:
            raise self.fault("items are set on something that is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, (str, int, float, bool, type(None))):
                raise self.fault(f"a key is {quote(key)}")
            target[key] = value

    def append(self, target: object, items: list[Any]) -> None:
        """Append to a list."""
        if not isinstance(target, list):
            raise self.fault("items are appended to something that is no list")
        target.extend(items)

    def build(self) -> None:
        """Give a record its attributes. Attributes of dictionaries and tensors are dropped."""
        state = self.pop()
        target = self.stack[-1] if self.stack else None
        if isinstance(target, Record):
            if not isinstance(state, dict):
                raise self.fault(f"the state of an object is {quote(state)}")
            target.attributes = state
        elif not isinstance(target, (dict, np.ndarray)):
            raise self.fault("a state is given to something that is no object")

    def reduce(self) -> object:
        """The result of the few calls that PyTorch writes."""
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise self.fault("a call has no name or no arguments")
        called = function.name
        if called == "collections OrderedDict" and not arguments:
            return {}
        if called == "torch._utils _rebuild_tensor_v2" and len(arguments) >= 4:
            return self.tensor(*arguments[:4])
        if called == "torch._utils _rebuild_parameter" and arguments and isinstance(arguments[0], np.ndarray):
            return arguments[0]
        if called.startswith("torch.jit._pickle ") and arguments:
            return arguments[0]
        return Record(called, {})

    def new(self) -> Record:
        """An object of a class."""
        arguments, kind = self.pop(), self.pop()
        if not isinstance(kind, Name) or not isinstance(arguments, tuple) or arguments:
            raise self.fault("an object has no class")
        return Record(kind.name)

    def persistent(self) -> tuple[np.ndarray]:
        """The storage that a persistent identifier names, as a flat array in a box."""
        identifier = self.pop()
        whole = isinstance(identifier, tuple) and len(identifier) >= 5 and isinstance(identifier[0], str)
        if not whole or identifier[0] != "storage":
            raise self.fault("a storage has another identifier than PyTorch's")
        kind, key, count = identifier[1], identifier[2], identifier[4]
        dtype = STORAGES.get(kind.name.partition(" ")[2]) if isinstance(kind, Name) else None
        if dtype is None or not isinstance(key, str) or type(count) is not int:
            raise self.fault("a storage has an unknown type")
        data = self.load_storage(key)
        if count < 0 or count * dtype.itemsize > len(data):
            raise self.fault(f"the storage {quote(key)} claims {count} numbers, but has {len(data)} bytes")
        return (np.frombuffer(data, dtype, count),)

    def tensor(self, storage: Any, offset: Any, size: Any, stride: Any) -> np.ndarray:
        """A view of a storage; every element must lie inside it and occur once."""
        flat = storage[0] if isinstance(storage, tuple) and len(storage) == 1 else None
        lists = all(
            isinstance(v, (tuple, list)) and len(v) <= 8 and all(type(i) is int and 0 <= i < 2**40 for i in v)
            for v in (size, stride)
        )
        if (
            not isinstance(flat, np.ndarray)
            or type(offset) is not int
            or offset < 0
            or not lists
            or len(size) != len(stride)
        ):
            raise self.fault("a tensor has no valid storage, size or stride")
        count = 1
        for extent in size:
            count *= extent
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if count else offset
        if last >= max(flat.size, 1) or count > flat.size:
            raise self.fault(f"a tensor of {count} numbers does not fit its storage of {flat.size}")
        if count == 0:
            return np.zeros(tuple(size), flat.dtype)
        strides = tuple(s * flat.itemsize for s in stride)
        view = np.lib.stride_tricks.as_strided(flat[offset:], tuple(size), strides, writeable=False)
        return view


def _push(function: Callable[[Unpickler], object]) -> Callable[[Unpickler], None]:
    return lambda u: u.stack.append(function(u))


def _text(u: Unpickler, length: int) -> str:
    return u.take(length).decode("utf-8", "replace")


def _get(u: Unpickler, index: int) -> object:
    if index not in u.memo:
        raise u.fault(f"the memo has no entry {index}")
    return u.memo[index]


def _put(u: Unpickler, index: int) -> None:
    if not u.stack:
        raise u.fault("the stack is empty")
    u.memo[index] = u.stack[-1]


def _tuple(u: Unpickler, count: int) -> tuple[Any, ...]:
    return tuple(reversed([u.pop() for _ in range(count)]))


def _long(u: Unpickler) -> int:
    return int.from_bytes(u.take(u.number("<B")), "little", signed=True)


def _binget(u: Unpickler, index: int) -> None:
    u.stack.append(_get(u, index))


def _items(u: Unpickler, single: bool) -> None:
    items = [u.pop(), u.pop()][::-1] if single else u.pop_mark()
    u.set_items(u.stack[-1] if u.stack else None, items)


def _appends(u: Unpickler, single: bool) -> None:
    items = [u.pop()] if single else u.pop_mark()
    u.append(u.stack[-1] if u.stack else None, items)


def _global(u: Unpickler) -> Name:
    module = u.line()
    return u.name(module, u.line())


def _protocol(u: Unpickler) -> None:
    version = u.number("<B")
    if not 2 <= version <= 4:
        raise u.fault(f"pickle protocol {version} (known: 2 to 4)")


_ACTIONS: dict[bytes, Callable[[Unpickler], object]] = {
    b"\x80": _protocol,
    b"\x95": lambda u: u.number("<Q"),
    b"(": lambda u: u.stack.append(_MARK),
    b"c": _push(_global),
    b"q": lambda u: _put(u, u.number("<B")),
    b"r": lambda u: _put(u, u.number("<I")),
    b"\x94": lambda u: _put(u, len(u.memo)),
    b"h": lambda u: _binget(u, u.number("<B")),
    b"j": lambda u: _binget(u, u.number("<I")),
    b"X": _push(lambda u: _text(u, u.number("<I"))),
    b"\x8c": _push(lambda u: _text(u, u.number("<B"))),
    b"J": _push(lambda u: u.number("<i")),
    b"K": _push(lambda u: u.number("<B")),
    b"M": _push(lambda u: u.number("<H")),
    b"\x8a": _push(_long),
    b"G": _push(lambda u: u.number(">d")),
    b"N": _push(lambda u: None),
    b"\x88": _push(lambda u: True),
    b"\x89": _push(lambda u: False),
    b")": _push(lambda u: ()),
    b"t": _push(lambda u: tuple(u.pop_mark())),
    b"\x85": _push(lambda u: _tuple(u, 1)),
    b"\x86": _push(lambda u: _tuple(u, 2)),
    b"\x87": _push(lambda u: _tuple(u, 3)),
    b"}": _push(lambda u: {}),
    b"]": _push(lambda u: []),
    b"R": _push(lambda u: u.reduce()),
    b"\x81": _push(lambda u: u.new()),
    b"b": lambda u: u.build(),
    b"Q": _push(lambda u: u.persistent()),
    b"s": lambda u: _items(u, True),
    b"u": lambda u: _items(u, False),
    b"a": lambda u: _appends(u, True),
    b"e": lambda u: _appends(u, False),
}
