# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Application layer: structures, Systems, reporters, and runs that survive interruption."""

from .repulsion import addRepulsion
from .structure_files import Structure, load, structure_names
from .system import createSystem

__all__ = ["Structure", "addRepulsion", "createSystem", "load", "structure_names"]
