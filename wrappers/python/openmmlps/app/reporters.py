# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reporters for ``openmm.app.Simulation.reporters``."""

from .extxyz import ExtendedXYZReporter
from .model_deviation import ModelDeviationReporter
from .thermo import ThermoReporter
from .trajectory import H5MDReporter

__all__ = ["ExtendedXYZReporter", "H5MDReporter", "ModelDeviationReporter", "ThermoReporter"]
