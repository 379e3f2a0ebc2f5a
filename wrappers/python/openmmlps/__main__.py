# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``python -m openmmlps`` is ``openmm-lps``."""

from .cli import main

main()
