# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where a test names no platform, the CPU platform is meant: OpenMM ranks OpenCL above it, also where OpenCL is PoCL on a processor.

Warnings of other packages fail no test (pyproject.toml); they are listed once, at the end.
"""

import collections
import os
import re
from pathlib import Path

os.environ.setdefault("OPENMM_DEFAULT_PLATFORM", "CPU")
# Threads of OpenBLAS wait for each other on busy cores: 3x3 matrices took 13 ms, a relaxation 25 times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
foreign_warnings = collections.Counter()


def pytest_warning_recorded(warning_message):
    """Counts by package, kind and first line."""
    found = re.search(r"(?:site|dist)-packages/([^/.]+)", warning_message.filename)
    package = found[1] if found else Path(warning_message.filename).name
    text = str(warning_message.message).strip().split("\n")[0]
    foreign_warnings[package, warning_message.category.__name__, text] += 1


def pytest_terminal_summary(terminalreporter):
    """Lists what pytest itself is told not to show, which would be one entry for each test."""
    if foreign_warnings:
        terminalreporter.section("warnings of other packages")
    for (package, category, text), count in sorted(foreign_warnings.items()):
        terminalreporter.write_line(f"{package}: {category}: {text[:200]} ({count} times)")
