# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of DeePMD-kit's YAML model files.

Only the scanner of PyYAML is used: events become plain values here, without recursion, tags or merge keys, and numbers such
as 1e-5, which YAML 1.1 takes for text, are numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .native import NativeModel
from .pt2 import decode_arrays
from .schema import import_dictionary
from .source import OBJECT_MEMORY, Source, quote

TAG = "tag:yaml.org,2002:"
MOST_DEPTH = 60
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
WORDS: dict[str, bool | None] = {"null": None, "~": None, "": None, "Null": None, "NULL": None}
WORDS |= {word: True for word in ("true", "True", "TRUE")} | {word: False for word in ("false", "False", "FALSE")}


def looks_yaml(data: bytes) -> bool:
    """Whether the bytes are text with a colon-separated key on one of the first lines."""
    head = data[:4096]
    return b"\x00" not in head and re.search(rb"^\s*['\"]?[@\w]+['\"]?\s*:", head, re.MULTILINE) is not None


def import_yaml(source: Source) -> NativeModel:
    """Read a YAML model file.

    Parameters
    ----------
    source : Source
        the file

    Returns
    -------
    NativeModel
        the model

    Raises
    ------
    ModelImportError
        for a damaged file, or a model that openmm-lps does not evaluate
    """
    import yaml

    source.format = "DeePMD-kit YAML (.yaml)"
    try:
        source.claim(
            OBJECT_MEMORY * sum(source.data.count(mark) for mark in (b"[", b"{")) + 32 * source.data.count(b",")
        )
        source.claim(100 * source.data.count(b":"))
        text = source.data.decode("utf-8")
        top = build(source, yaml.parse(text, Loader=getattr(yaml, "CLoader", yaml.Loader)))
    except UnicodeDecodeError as error:
        raise source.fault("it is not UTF-8 text") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise source.fault(f"it is no readable YAML{where}") from error
    top = decode_arrays(source, top, {"left": source.size + 2**16})
    return import_dictionary(source, top)


def scalar(text: str, plain: bool) -> object:
    """The value of a scalar; quoted ones stay text."""
    if not plain:
        return text
    if text in WORDS:
        return WORDS[text]
    if len(text) < 64 and NUMBER.fullmatch(text):
        return float(text) if any(c in text for c in ".eE") else int(text)
    return text


def build(source: Source, events: Iterable[Any]) -> object:
    """Plain values of a stream of YAML events. Aliases give the same object again, so they cost nothing."""
    import yaml

    builder = Builder(source)
    for event in events:
        if isinstance(event, yaml.ScalarEvent):
            builder.add(builder.scalar(event), event.anchor)
        elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            builder.begin(event, [] if isinstance(event, yaml.SequenceStartEvent) else {})
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            builder.stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in builder.anchors:
                raise source.fault(f"the YAML refers to the unknown anchor {quote(event.anchor)}")
            builder.add(builder.anchors[event.anchor])
    if len(builder.root) != 1:
        raise source.fault(f"it holds {len(builder.root)} YAML documents instead of one")
    return builder.root[0]


class Builder:
    """Values under construction.

    Parameters
    ----------
    source : Source
        the file
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: list[Any] = []
        self.stack: list[tuple[Any, list[Any]]] = [(self.root, [])]  # container, and the pending key of a mapping
        self.anchors: dict[str, Any] = {}

    def add(self, value: Any, anchor: str | None = None) -> None:
        """Put a value into the innermost container."""
        if anchor is not None:
            self.anchors[anchor] = value
        container, pending = self.stack[-1]
        if isinstance(container, list):
            container.append(value)
        elif pending:
            container[pending.pop()] = value
        elif isinstance(value, (str, int, float)):
            pending.append(value)
        else:
            raise self.source.fault(f"a key of the YAML is {quote(value)}")

    def begin(self, event: Any, container: list[Any] | dict[Any, Any]) -> None:
        """Open a container."""
        self._check_tag(event.tag, "seq", "map")
        if len(self.stack) > MOST_DEPTH:
            raise self.source.fault("the YAML is nested deeper than any model")
        self.add(container, event.anchor)
        self.stack.append((container, []))

    def scalar(self, event: Any) -> object:
        """The value of a scalar event."""
        self._check_tag(event.tag, "str", "float", "int")
        plain = not event.style and event.tag not in ("!", TAG + "str")
        return scalar(event.value, plain or event.tag in (TAG + "float", TAG + "int"))

    def _check_tag(self, tag: str | None, *known: str) -> None:
        if tag not in (None, "!", *(TAG + name for name in known)):
            raise self.source.fault(f"the YAML has the tag {quote(tag)}, which no model needs")
