# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""heat-current.csv: the heat current of a run and the flux of each element, for Green-Kubo thermal conductivities."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .extxyz import append_whole
from .file_reporter import FileReporter
from .model_deviation import only_force
from .thermo_file import read_thermo, truncate_after

__all__ = ["HeatCurrentReporter", "read_heat_current", "truncate_after"]

_CURRENT = tuple(f"current_{axis}_kJ_nm_per_mol_ps" for axis in "xyz")


class HeatCurrentReporter(FileReporter):
    """An OpenMM reporter of the heat current, one line per report.

    A line holds the step, the time (ps), :meth:`openmmlps.LPSForce.computeHeatCurrent` (kJ/mol nm/ps, not divided by the
    volume) and for each element the sum of the velocities of its atoms (nm/ps). The Force of a System must be one
    LPSForce: what others do is not in the current.

    Parameters
    ----------
    file : path
        by convention heat-current.csv
    reportInterval : int
        steps between lines; 20 fs resolve the vibrations of lithium thiophosphates
    append : bool
        continue an existing file, without the lines beyond the step of the simulation

    Raises
    ------
    FileNotFoundError, ValueError
        if there is nothing to append to, or a file of another kind
    """

    _include = ("velocities",)

    def __init__(self, file: str | os.PathLike[str], reportInterval: int, append: bool = False) -> None:
        super().__init__(file, reportInterval, append)
        if append:
            read_heat_current(self._path)
        self._force: Any = None
        self._members: dict[str, np.ndarray] = {}

    def _open(self, simulation: Any, last: int | None) -> None:
        self._force = only_force(simulation.system, "HeatCurrentReporter")
        symbols = np.array([atom.element.symbol for atom in simulation.topology.atoms()])
        self._members = {str(symbol): np.flatnonzero(symbols == symbol) for symbol in np.unique(symbols)}
        if last is not None:
            truncate_after(self._path, last)
        if not self._append:
            fluxes = [f"flux_{symbol}_{axis}_nm_per_ps" for symbol in self._members for axis in "xyz"]
            self._path.write_text(",".join(("step", "time_ps", *_CURRENT, *fluxes)) + "\n")

    def report(self, simulation: Any, state: Any) -> None:
        """Append the line of this State."""
        self._begin(simulation)
        velocities = state.getVelocities(asNumpy=True)._value
        numbers = [
            state.getTime()._value,
            *self._force.computeHeatCurrent(simulation.context)._value,
            *np.concatenate([velocities[members].sum(0) for members in self._members.values()]),
        ]
        line = ",".join([str(simulation.currentStep), *(f"{number:.12g}" for number in numbers)])
        append_whole(self._path, line.encode() + b"\n")


def read_heat_current(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Read a heat-current.csv; a last line that was cut off is left out.

    Parameters
    ----------
    path : path
        of the file

    Returns
    -------
    times : ndarray
        [t] ps
    current : ndarray
        [t, 3] kJ/mol nm/ps
    fluxes : dict
        element -> [t, 3] nm/ps

    Raises
    ------
    ValueError
        if it is not such a file
    """
    columns = read_thermo(path)
    if not set(_CURRENT) <= set(columns):
        raise ValueError(
            f"heat current: '{Path(path)}' has no column {_CURRENT[0]}; give a file of HeatCurrentReporter"
        )
    symbols = [name.split("_")[1] for name in columns if name.startswith("flux_") and "_x_" in name]
    fluxes = {symbol: np.stack([columns[f"flux_{symbol}_{axis}_nm_per_ps"] for axis in "xyz"], 1) for symbol in symbols}
    return columns["time_ps"], np.stack([columns[name] for name in _CURRENT], 1), fluxes
