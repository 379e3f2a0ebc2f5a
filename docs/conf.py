# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Sphinx: ``python -m sphinx -W -b html docs build/docs`` in an environment where openmm-lps is installed."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))

import openmmml  # noqa: F401  it imports openmmlps.mlpotential, not the other way round
from _commands import write_commands
from _example import write_example

project = "openmm-lps"
author = "the openmm-lps authors"
copyright = "2026, the openmm-lps authors"
release = re.search(r"project\(openmm-lps VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
html_theme = "furo"
html_title = f"openmm-lps {release}"
html_show_sphinx = False

GENERATED = Path(__file__).resolve().parent / "_generated"
write_commands(GENERATED / "commands.md")
write_example(GENERATED / "report.html")


def setup(app):
    """SWIG puts the signature into the first line of a docstring; Sphinx shows it already."""

    def drop_signature(app, what, name, obj, options, lines):
        if lines and re.match(r"\w+\(.*\)( -> .*)?$", lines[0]):
            lines[0] = ""

    app.connect("autodoc-process-docstring", drop_signature)
