# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Every snippet of docs/analysis runs."""

import re

import numpy as np
import pytest

from analysis_support import PACKAGE, crystal, write_h5md

PAGES = sorted((PACKAGE.parents[2] / "docs" / "analysis").glob("*.md"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a trajectory.h5: a crystal that vibrates, its lithium walking."""
    pytest.importorskip("h5py")
    path = tmp_path_factory.mktemp("docs")
    base, frames = crystal("Li7P3S11", (2, 4, 2)), 60
    random = np.random.default_rng(0)
    positions = base.positions + random.normal(0, 0.05, (frames, *base.positions.shape[1:]))
    lithium = base.indices("Li")
    positions[:, lithium] += np.cumsum(random.normal(0, 0.2, (frames, len(lithium), 3)), axis=0)
    velocities = np.sqrt(0.8314 * 600 / base.masses_amu)[:, None] * random.normal(size=positions.shape)
    write_h5md(path / "trajectory.h5", base.symbols, positions, velocities, base.cells[0], np.arange(frames) * 0.01)
    return path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_snippets(page, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    snippets = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert snippets or page.stem == "README"
    for snippet in snippets:
        exec(compile(snippet, page.name, "exec"), {})  # noqa: S102


def test_index_names_every_page():
    index = (PAGES[0].parent / "README.md").read_text()
    assert {page.name for page in PAGES} - {"README.md"} == set(re.findall(r"\]\(([\w-]+\.md)\)", index))
