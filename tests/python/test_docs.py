# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The documentation: builds without a warning, and what it shows works."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_builds_without_a_warning(tmp_path):
    pytest.importorskip("sphinx")
    pytest.importorskip("furo")
    result = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", DOCS, tmp_path / "html"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    commands = (tmp_path / "html" / "_generated" / "commands.html").read_text()
    for command in ("run", "info", "convert", "doctor"):
        assert f"openmm-lps {command}" in commands
    assert "computeModelDeviation" in (tmp_path / "html" / "api.html").read_text()
    (example,) = (tmp_path / "html" / "_downloads").glob("*/report.html")
    assert "Diffusion and conductivity" in example.read_text() and example.stat().st_size < 3e6


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def test_quick_start_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = python_blocks("quickstart.md")
    script = tmp_path / "quickstart.py"
    script.write_text(block.replace("step(100)", "step(3)"))
    runpy.run_path(str(script))


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_every_block_of_python_compiles(page):
    for block in python_blocks(page):
        compile(block, page, "exec")


def test_every_message_of_the_troubleshooting_page_exists():
    """The quoted messages, up to the first value in them, stand in the source, in OpenMM or in CUDA."""
    foreign = (
        "run: step",
        "There is no registered Platform",
        "CUDA_ERROR",
        "Particle coordinate is NaN",
        "TypeError: in method",
    )
    sources = "".join(
        re.sub(r'"\s*\n\s*f?"', "", path.read_text(errors="replace"))
        for folder in ("model", "openmmapi", "serialization", "platforms", "wrappers")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".cpp", ".h", ".i")
    )
    for row in re.findall(r"^\| (`.*?) \|", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE):
        for message in re.findall(r"`(.+?)`", row):
            if message.startswith(foreign):
                continue
            pieces = [piece for piece in re.split(r"[\d.',:]+", message) if len(piece.strip()) > 12]
            assert any(piece.strip(" :;,(") in sources for piece in pieces), message


PAGES = sorted(
    page
    for page in {*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("docs/**/*.md")}
    if not {"third_party", "_generated"} & set(page.parts)
)


def sentences(text):
    """Sentences of prose, code in them as X; no code blocks, tables and headings."""
    text = re.sub(r"^```[\s\S]*?^```|^(    |\t).*$|^\s*[|#].*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "X", text))
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*] |\s*\d+\. )", text):
        yield from re.split(r"(?<=[.:;!?])\s+(?=[A-Z(*\d])", " ".join(paragraph.split()))


def test_no_sentence_is_long():
    long = [
        f"{page.relative_to(ROOT)}: {sentence}"
        for page in PAGES
        for sentence in sentences(page.read_text())
        if len(re.findall(r"(?!X\b)[A-Za-z][\w'-]*", sentence)) > 30
    ]
    assert not long, "\n".join(long)


def test_one_spelling():
    british = re.compile(r"neighbour|\bcentres?\b|colour|behaviour|(minim|optim|recogn)is(e|ing|ation)", re.IGNORECASE)
    found = [
        f"{page.relative_to(ROOT)}: {match[0]}"
        for page in PAGES
        for match in british.finditer(re.sub(r"`[^`]*`", "", page.read_text()))
    ]
    assert not found, "\n".join(found)
