# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""thermo.csv: one line of thermodynamic quantities per report. The columns are described in docs/usage.md."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.units import GAS_CONSTANT, GRAM_PER_CM3_PER_AMU_PER_NM3

from . import cells, observables
from .file_reporter import FileReporter

#: columns in order; the unit is in the name
COLUMNS = (
    "step",
    "time_ps",
    "potential_kJ_per_mol",
    "kinetic_kJ_per_mol",
    "total_kJ_per_mol",
    "temperature_K",
    "pressure_bar_positive_under_compression",
    "volume_nm3",
    "density_g_per_cm3",
    "ax_nm",
    "bx_nm",
    "by_nm",
    "cx_nm",
    "cy_nm",
    "cz_nm",
)


class ThermoReporter(FileReporter):
    """An OpenMM reporter that appends one complete line per report, at once visible to other programs.

    Quantities that a System does not have (box and pressure if not periodic) are ``nan``.

    Parameters
    ----------
    file : path
        by convention thermo.csv
    reportInterval : int
        steps between lines
    append : bool
        continue an existing file, without the lines beyond the step of the simulation
    virial : Virial, optional
        :class:`openmmlps.app.observables.Virial`; None: that of the LPSForces in the System

    Raises
    ------
    FileNotFoundError, ValueError
        if there is nothing to append to, or a file of another kind
    """

    _include = ("energy",)

    def __init__(
        self, file: str | os.PathLike[str], reportInterval: int, append: bool = False, virial: Any = None
    ) -> None:
        super().__init__(file, reportInterval, append)
        self._virial = virial
        self._box: np.ndarray | None = None
        if append:
            read_thermo(self._path)
        flags = os.O_WRONLY | os.O_APPEND | (0 if append else os.O_CREAT | os.O_TRUNC)
        self._file = os.open(self._path, flags, 0o644)
        self._close = weakref.finalize(self, os.close, self._file)
        self.last: dict[str, float] = {}  #: values of the latest line by column name
        if not append:
            self._write(",".join(COLUMNS))

    def _open(self, simulation: Any, last: int | None) -> None:
        if last is not None:
            truncate_after(self._path, last)
        if self._append:
            self._box = _last_box(read_thermo(self._path))
        self._freedom = observables.degrees_of_freedom(simulation.system)
        self._mass = observables.masses_of(simulation.system, simulation.topology).sum()
        self._periodic = simulation.system.usesPeriodicBoundaryConditions()
        if self._virial is None:
            self._virial = observables.Virial.of(simulation.system)

    def report(self, simulation: Any, state: Any) -> None:
        """Append the line of this State; `last` holds its values by column name.

        Raises
        ------
        OSError
            for example for a full disk; no partial line stays in the file
        """
        self._begin(simulation)
        potential, kinetic = state.getPotentialEnergy()._value, state.getKineticEnergy()._value
        values = dict.fromkeys(COLUMNS, float("nan"))
        values |= {
            "step": simulation.currentStep,
            "time_ps": state.getTime()._value,
            "potential_kJ_per_mol": potential,
            "kinetic_kJ_per_mol": kinetic,
            "total_kJ_per_mol": potential + kinetic,
            "temperature_K": 2 * kinetic / (self._freedom * GAS_CONSTANT),
        }
        if self._periodic:
            self._box = cells.continuous_box(state.getPeriodicBoxVectors(asNumpy=True)._value, self._box)
            volume = float(np.prod(np.diag(self._box)))
            virial = self._virial(simulation.context, simulation.currentStep)
            values |= {
                "pressure_bar_positive_under_compression": observables.pressure(kinetic, virial, volume),
                "volume_nm3": volume,
                "density_g_per_cm3": self._mass / volume * GRAM_PER_CM3_PER_AMU_PER_NM3,
            }
            rows, columns = np.tril_indices(3)
            values |= dict(zip(COLUMNS[-6:], self._box[rows, columns], strict=True))
        self._write(",".join(str(values["step"]) if name == "step" else f"{values[name]:.12g}" for name in COLUMNS))
        self.last = values

    def flush(self) -> None:
        """Make sure that the lines are on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._close()

    def _write(self, line: str) -> None:
        before = os.fstat(self._file).st_size
        data = line.encode() + b"\n"
        try:
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            os.ftruncate(self._file, before)
            raise


def _last_box(data: dict[str, np.ndarray]) -> np.ndarray | None:
    """Box [3, 3] in nm of the last line, or None without lines or box."""
    if not len(data["step"]) or not np.isfinite(data["ax_nm"][-1]):
        return None
    box = np.zeros((3, 3))
    box[np.tril_indices(3)] = [data[name][-1] for name in COLUMNS[-6:]]
    return box


def truncate_after(path: str | os.PathLike[str], step: int) -> int:
    """Remove the lines beyond a step and a last line that was cut off, so that a run resumed there writes none twice.

    Returns
    -------
    int
        number of lines that remain, without the header
    """
    keep = lines = 0
    with open(path, "rb+") as file:
        for line in file:
            if not line.endswith(b"\n") or (keep > 0 and int(line.split(b",", 1)[0]) > step):
                break
            keep += len(line)
            lines += 1
        file.truncate(keep)
    return lines - 1


def read_thermo(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read a thermo.csv; a last line that was cut off is left out.

    Returns
    -------
    dict of str to ndarray
        columns by name, each [lines]

    Raises
    ------
    ValueError
        if it is not such a file
    """
    text = Path(path).read_text()
    lines = text[: text.rfind("\n") + 1].splitlines()
    if not lines or not lines[0].startswith("step,"):
        raise ValueError(
            f"thermo: '{path}' does not begin with the columns of a thermo.csv; give one that openmm-lps wrote"
        )
    names = lines[0].split(",")
    rows = np.array([[float(value) for value in line.split(",")] for line in lines[1:]]).reshape(-1, len(names))
    return dict(zip(names, rows.T, strict=True))
