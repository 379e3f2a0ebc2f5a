# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of DeePMD-kit's YAML model files.

Only the scanner of PyYAML is used: events become plain values here, without recursion, tags or merge keys, and numbers such
as 1e-5, which YAML 1.1 takes for text, are numbers.
"""

from __future__ import annotations

import re

from .errors import OBJECT_MEMORY, Source, quote
from .native import NativeModel
from .pt2 import decode_arrays
from .schema import import_dictionary

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
WORDS = {"null": None, "~": None, "": None, "Null": None, "NULL": None}
WORDS |= {word: True for word in ("true", "True", "TRUE")} | {word: False for word in ("false", "False", "FALSE")}


def looks_yaml(data: bytes) -> bool:
    """Whether the bytes are text with a colon-separated key on one of the first lines."""
    head = data[:4096]
    return b"\x00" not in head and re.search(rb"^\s*['\"]?[@\w]+['\"]?\s*:", head, re.MULTILINE) is not None


def import_yaml(source: Source) -> NativeModel:
    """Native model of a YAML model file. Raises ModelImportError."""
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


def build(source: Source, events) -> object:
    """Plain values of a stream of YAML events. Aliases give the same object again, so they cost nothing."""
    import yaml

    root: list = []
    stack: list[tuple[object, list]] = [(root, [])]  # container, and the pending key of a mapping
    anchors: dict[str, object] = {}

    def add(value: object) -> None:
        container, pending = stack[-1]
        if isinstance(container, list):
            container.append(value)
        elif pending:
            container[pending.pop()] = value
        elif isinstance(value, (str, int, float)):
            pending.append(value)
        else:
            raise source.fault(f"a key of the YAML is {quote(value)}")

    for event in events:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            tag = event.tag
            if tag is not None and tag not in (
                "!",
                "tag:yaml.org,2002:str",
                "tag:yaml.org,2002:float",
                "tag:yaml.org,2002:int",
            ):
                raise source.fault(f"the YAML has the tag {quote(tag)}, which no model needs")
            plain = not event.style and tag not in ("!", "tag:yaml.org,2002:str")
            value = scalar(event.value, plain or tag in ("tag:yaml.org,2002:float", "tag:yaml.org,2002:int"))
        elif kind in (yaml.SequenceStartEvent, yaml.MappingStartEvent):
            if event.tag not in (None, "!", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"):
                raise source.fault(f"the YAML has the tag {quote(event.tag)}, which no model needs")
            if len(stack) > 60:
                raise source.fault("the YAML is nested deeper than any model")
            value = [] if kind is yaml.SequenceStartEvent else {}
        elif kind in (yaml.SequenceEndEvent, yaml.MappingEndEvent):
            stack.pop()
            continue
        elif kind is yaml.AliasEvent:
            if event.anchor not in anchors:
                raise source.fault(f"the YAML refers to the unknown anchor {quote(event.anchor)}")
            add(anchors[event.anchor])
            continue
        else:
            continue
        if event.anchor is not None:
            anchors[event.anchor] = value
        add(value)
        if isinstance(value, (list, dict)):
            stack.append((value, []))
    if len(root) != 1:
        raise source.fault(f"it holds {len(root)} YAML documents instead of one")
    return root[0]
