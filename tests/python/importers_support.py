# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""What the tests of the import filters share: the package, with or without its compiled part, fixtures, and limits."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import resource
import signal
import sys
import tracemalloc
import types
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "golden"
FORMATS = ("pt", "dp", "yaml", "pth", "pb", "hlo", "pt2")


def load_importers():
    """The package openmmlps.importers, from the source tree if the compiled package is not installed."""
    try:
        return importlib.import_module("openmmlps.importers")
    except ImportError:
        bare = types.ModuleType("openmmlps")
        bare.__path__ = [str(ROOT / "wrappers" / "python" / "openmmlps")]
        sys.modules["openmmlps"] = bare
        try:
            return importlib.import_module("openmmlps.importers")
        finally:
            del sys.modules["openmmlps"]


importers = load_importers()
ModelImportError = importers.ModelImportError
import_bytes, import_model = importers.import_bytes, importers.import_model


def model_files() -> list[Path]:
    """Every DeePMD-kit file among the golden fixtures."""
    return sorted(p for p in GOLDEN.glob("*/model.*") if p.suffix[1:] in FORMATS)


def every(suffix: str) -> bytes:
    """The smallest golden model in one format."""
    return (GOLDEN / "every-format" / f"model.{suffix}").read_bytes()


def document() -> dict:
    """The smallest golden model as the dictionary of DeePMD-kit, with arrays as nested lists."""
    with zipfile.ZipFile(io.BytesIO(every("pt2"))) as package:
        return json.loads(package.read("model/extra/model.json"))


def package(top: object) -> bytes:
    """A .pt2 package of a dictionary."""
    return archive({"model/extra/model.json": json.dumps(top).encode()})


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as out:
        for name, content in entries.items():
            out.writestr(name, content)
    return stream.getvalue()


def edit_archive(data: bytes, edits: dict[str, tuple[bytes, bytes]]) -> bytes:
    """The archive with bytes replaced in the entries whose names end as given."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        entries = {i.filename: old.read(i) for i in old.infolist()}
    for ending, (before, after) in edits.items():
        name = next(n for n in entries if n.endswith(ending))
        assert before in entries[name]
        entries[name] = entries[name].replace(before, after)
    return archive(entries)


def message(data: bytes, name: str = "some.model") -> str:
    """The message of the refusal of some bytes."""
    try:
        import_bytes(data, name)
    except ModelImportError as error:
        return str(error)
    raise AssertionError("the file was accepted")


@contextlib.contextmanager
def limits(seconds: int = 20, megabytes: float = 64.0):
    """Fail when the block takes longer, or when Python and numpy hold more memory at any time."""
    with deadline(seconds):
        tracemalloc.start()
        try:
            yield
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < megabytes * 1e6, f"{peak / 1e6:.1f} MB"


@contextlib.contextmanager
def deadline(seconds: int, megabytes: int = 256):
    """Fail when the block takes longer, or when the process, libraries in C included, has grown by more than some MB."""

    def late(*_):
        raise AssertionError(f"longer than {seconds} s")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    previous = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < megabytes * 1024


def attempt(data: bytes) -> bool:
    """Import some bytes. Returns whether that worked; anything but ModelImportError escapes."""
    try:
        import_bytes(data, "damaged.model")
    except ModelImportError as error:
        assert "damaged.model" in str(error)
        assert str(error).endswith(".")
        assert "contradicts itself" not in str(error)  # every kind of damage has a check of its own
        return False
    return True
