# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reporters for ``openmm.app.Simulation.reporters``."""

from .extxyz import ExtendedXYZReporter
from .h5md_reporter import H5MDReporter
from .model_deviation import ModelDeviationReporter
from .thermo_file import ThermoReporter

__all__ = ["ExtendedXYZReporter", "H5MDReporter", "ModelDeviationReporter", "ThermoReporter"]
