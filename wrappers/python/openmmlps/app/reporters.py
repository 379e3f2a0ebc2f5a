# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reporters for ``openmm.app.Simulation.reporters``, and what brings their files back to a step."""

from __future__ import annotations

import os

from . import extxyz, h5md_reporter, model_deviation, thermo_file
from .extxyz import ExtendedXYZReporter
from .h5md_reporter import H5MDReporter
from .heat_current import HeatCurrentReporter
from .model_deviation import ModelDeviationReporter
from .thermo_file import ThermoReporter
from .uncertainty import UncertaintyReporter

__all__ = [
    "ExtendedXYZReporter",
    "H5MDReporter",
    "HeatCurrentReporter",
    "ModelDeviationReporter",
    "ThermoReporter",
    "UncertaintyReporter",
    "truncate_after",
]


def truncate_after(path: str | os.PathLike[str], step: int) -> int:
    """Remove what a reporter of this package wrote beyond a step, so that a run resumed there writes nothing twice.

    Reporters with ``append=True`` do that themselves when the simulation goes on at a step above 0.

    Parameters
    ----------
    path : path
        a file of one of the reporters
    step : int
        the last one to keep

    Returns
    -------
    int
        number of frames or lines that remain

    Raises
    ------
    OSError
        if there is no such file
    ValueError
        if no reporter wrote it
    """
    with open(path, "rb") as file:
        start = file.read(8)
    if start.startswith(b"\x89HDF"):
        return h5md_reporter.truncate_after(path, step)
    if start.startswith(b"step,"):
        return thermo_file.truncate_after(path, step)
    if start.startswith(b"#"):
        return model_deviation.truncate_after(path, step)
    return extxyz.truncate_after(path, step)
