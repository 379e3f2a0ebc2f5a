# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What SECURITY.md promises and no other test covers: no network, no writing outside the output folder."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from importers_support import GOLDEN, import_bytes
from openmmlps.importers import ModelImportError

#: Any use of the network by Python code ends the program; names are resolved and connections made through these.
WITHOUT_NETWORK = """
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto", "urllib.Request"):
        raise SystemExit(f"network: {event} {arguments}")

sys.addaudithook(watch)
"""


def run(script, folder):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK + script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_watch_sees_the_network(tmp_path):
    result = run("import socket\nsocket.getaddrinfo('localhost', 80)", tmp_path)
    assert result.returncode == 1 and "network: socket.getaddrinfo" in result.stderr


def test_nothing_uses_the_network(tmp_path):
    script = f"""
import openmmlps, openmmlps.analysis
from openmmlps.ase import LPSCalculator
from openmmlps.cli import app
for name in ("pb", "pth", "dp", "yaml", "pt2"):
    openmmlps.LPSModel({str(GOLDEN / "every-format")!r} + "/model." + name)
atoms = openmmlps.load("Li2S").to_atoms()
atoms.calc = LPSCalculator(threads=1)
atoms.get_stress()
app(["run", "Li2S", "--time", "0.01", "--threads", "1", "--platform", "CPU", "--output", "run"], standalone_mode=False)
"""
    result = run(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "run" / "thermo.csv").is_file()


@pytest.mark.parametrize(
    "name", ["/tmp/escaped", "../../escaped", "archive/../../escaped", "archive/data/../../../escaped"]
)
def test_names_in_an_archive_never_become_paths(name, tmp_path, monkeypatch):
    """A frozen PyTorch model with members that point outside: read or refused, and no file appears."""
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    output = io.BytesIO()
    with zipfile.ZipFile(GOLDEN / "every-format" / "model.pth") as source, zipfile.ZipFile(output, "w") as target:
        for info in source.infolist():
            target.writestr(info.filename, source.read(info))
        target.writestr(name, b"outside")
    try:
        import_bytes(output.getvalue(), "model.pth")
    except ModelImportError:
        pass
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not Path("/tmp/escaped").exists()
