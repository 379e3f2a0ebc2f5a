# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Units of CP2K in eV and angstrom (CODATA 2018)."""

GPA = 160.21766339999996  # GPa per eV/angstrom^3
