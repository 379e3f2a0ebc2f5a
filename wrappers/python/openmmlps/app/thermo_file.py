# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""thermo.csv: one line of thermodynamic quantities per report. The columns are described in docs/usage.md."""

import os
from pathlib import Path

import numpy as np

from openmmlps.units import GAS_CONSTANT, GRAM_PER_CM3_PER_AMU_PER_NM3

from . import cells, observables

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


class ThermoReporter:
    """An OpenMM reporter that appends one complete line per report, at once visible to other programs.

    Quantities that a System does not have (box and pressure if not periodic) are ``nan``.
    """

    def __init__(self, file, reportInterval, append=False, virial=None):
        """
        :param file: path
        :param reportInterval: steps between lines
        :param append: continue an existing file
        :param virial: :class:`openmmlps.app.observables.Virial`; None: that of the LPSForces in the System
        :raises FileNotFoundError: nothing to append to
        """
        self._path = Path(file)
        self._interval = int(reportInterval)
        self._virial = virial
        self._freedom = None
        self._box = None
        if append and not self._path.is_file():
            raise FileNotFoundError(f"ThermoReporter: '{self._path}' does not exist; open it with append=False")
        if append:
            boxes = read_thermo(self._path)
            if len(boxes["step"]) and np.isfinite(boxes["ax_nm"][-1]):
                last = {name: values[-1] for name, values in boxes.items()}
                self._box = np.array(
                    [
                        [last["ax_nm"], 0, 0],
                        [last["bx_nm"], last["by_nm"], 0],
                        [last["cx_nm"], last["cy_nm"], last["cz_nm"]],
                    ]
                )
        flags = os.O_WRONLY | os.O_APPEND | (0 if append else os.O_CREAT | os.O_TRUNC)
        self._file = os.open(self._path, flags, 0o644)
        self.last = {}
        if not append:
            self._write(",".join(COLUMNS))

    def describeNextReport(self, simulation):
        return {"steps": self._interval - simulation.currentStep % self._interval, "include": ["energy"]}

    def report(self, simulation, state):
        """Append the line of this State; `last` holds its values by column name.

        :raises OSError: for example a full disk; no partial line stays in the file
        """
        if self._freedom is None:
            self._freedom = observables.degrees_of_freedom(simulation.system)
            self._mass = observables.masses_of(simulation.system).sum()
            self._periodic = simulation.system.usesPeriodicBoundaryConditions()
        if self._virial is None:
            self._virial = observables.Virial.of(simulation.system)
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

    def flush(self):
        """Make sure that the lines are on the disk."""
        os.fsync(self._file)

    def close(self):
        os.close(self._file)

    def _write(self, line):
        before = os.fstat(self._file).st_size
        data = line.encode() + b"\n"
        try:
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            os.ftruncate(self._file, before)
            raise


def truncate_after(path, step):
    """Remove the lines beyond a step and a last line that was cut off, so that a run resumed there writes none twice.

    :return: number of lines that remain, without the header
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


def read_thermo(path):
    """Columns of a thermo.csv by name, each [lines]; a last line that was cut off is left out.

    :raises ValueError: not such a file
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
