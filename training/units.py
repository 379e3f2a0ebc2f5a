# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Units of CP2K and of dispersion programs in eV and angstrom (CODATA 2018)."""

HARTREE = 27.211386245988  # eV
BOHR = 0.529177210903  # angstrom
GPA = 160.21766339999996  # GPa per eV/angstrom^3
