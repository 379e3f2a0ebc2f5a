# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reporters for ``openmm.app.Simulation.reporters``."""

from .thermo import ThermoReporter
from .trajectory import H5MDReporter

__all__ = ["H5MDReporter", "ThermoReporter"]
