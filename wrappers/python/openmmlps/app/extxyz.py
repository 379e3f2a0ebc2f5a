# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Extended XYZ: frames that ASE, OVITO and most other programs read, in angstrom and eV.

A frame reaches the file in one piece. If the process dies in the middle of that, the file ends with part of a frame,
which :func:`recover` cuts off; everything before is whole.
"""

import os
from pathlib import Path

import numpy as np

from openmmlps.units import KJ_PER_MOL_PER_EV

from . import cells, observables


class ExtendedXYZReporter:
    """An OpenMM reporter that appends frames to an extended XYZ file.

    Columns: species, ``pos`` (angstrom, not wrapped), ``vel`` (angstrom/fs), ``forces`` (eV/angstrom). Of the frame:
    Lattice (angstrom, vectors in rows), pbc, ``step``, ``time`` (ps), ``energy`` (eV), and, if an LPSForce is in the
    System, ``virial`` (eV, -dE/dstrain, not divided by the volume).
    """

    def __init__(self, file, reportInterval, append=False, virial=None):
        """
        :param file: path, by convention ending in .extxyz
        :param reportInterval: steps between frames
        :param append: continue an existing file, after cutting off a frame that a kill left incomplete
        :param virial: :class:`openmmlps.app.observables.Virial`; None: that of the LPSForces in the System
        :raises FileNotFoundError, ValueError: nothing to append to, or a file of another kind
        """
        self._writer = FrameWriter(file, append)
        self._interval = int(reportInterval)
        self._virial = virial

    def describeNextReport(self, simulation):
        steps = self._interval - simulation.currentStep % self._interval
        return {"steps": steps, "periodic": False, "include": ["positions", "velocities", "forces", "energy"]}

    def report(self, simulation, state):
        """Write the frame of this State."""
        if self._virial is None:
            self._virial = observables.Virial.of(simulation.system)
        virial = self._virial(simulation.context, simulation.currentStep)
        values = {} if np.isnan(virial).any() else {"virial": virial / KJ_PER_MOL_PER_EV}
        self._writer.write(simulation, state, values)


class FrameWriter:
    """Appends frames to an extended XYZ file, each in one piece."""

    def __init__(self, file, append):
        """:raises FileNotFoundError, ValueError: as ExtendedXYZReporter"""
        self._path = Path(file)
        if append:
            if not self._path.is_file():
                raise FileNotFoundError(
                    f"ExtendedXYZReporter: '{self._path}' does not exist; open it with append=False"
                )
            recover(self._path)
        else:
            self._path.write_bytes(b"")
        self._box = None

    def write(self, simulation, state, values):
        """Append a frame.

        :param state: State with positions, velocities, forces and energy
        :param values: further numbers or arrays of the frame, by name
        :raises OSError: for example a full disk; the file keeps its frames
        """
        box = None
        if simulation.system.usesPeriodicBoundaryConditions():
            self._box = box = cells.continuous_box(state.getPeriodicBoxVectors(asNumpy=True)._value, self._box)
        information = {
            "step": simulation.currentStep,
            "time": state.getTime()._value,
            "energy": state.getPotentialEnergy()._value / KJ_PER_MOL_PER_EV,
            **values,
        }
        columns = {
            "pos": 10 * state.getPositions(asNumpy=True)._value,
            "vel": 0.01 * state.getVelocities(asNumpy=True)._value,
            "forces": state.getForces(asNumpy=True)._value / (10 * KJ_PER_MOL_PER_EV),
        }
        symbols = [atom.element.symbol if atom.element else "X" for atom in simulation.topology.atoms()]
        append_whole(self._path, format_frame(symbols, columns, None if box is None else 10 * box, information))


def format_frame(symbols, columns, cell, information):
    """One frame as text.

    :param symbols: [n] chemical symbols
    :param columns: [n, 3] arrays by name
    :param cell: [3, 3] angstrom, or None
    :param information: numbers or arrays by name
    """
    words = [] if cell is None else [f'Lattice="{_numbers(cell)}"']
    properties = ":".join(["species:S:1"] + [f"{name}:R:{array.shape[1]}" for name, array in columns.items()])
    words += [f"Properties={properties}", f'pbc="{" ".join("F" if cell is None else "T" for _ in range(3))}"']
    for name, value in information.items():
        array = np.asarray(value)
        words.append(f'{name}="{_numbers(array)}"' if array.ndim else f"{name}={array.item()!r}")
    table = np.hstack(list(columns.values()))
    rows = [" ".join([symbol, *(f"{x:.9g}" for x in row)]) for symbol, row in zip(symbols, table, strict=True)]
    return "\n".join([str(len(symbols)), " ".join(words), *rows, ""]).encode()


def _numbers(array):
    return " ".join(f"{x:.12g}" for x in np.ravel(array))


def append_whole(path, data):
    """Append bytes to a file; if that fails, the file keeps the length it had.

    :raises OSError: for example a full disk
    """
    with open(path, "ab", buffering=0) as file:
        before = os.fstat(file.fileno()).st_size
        try:
            done = 0
            while done < len(data):
                done += file.write(memoryview(data)[done:])
        except OSError:
            file.truncate(before)
            raise


def recover(path):
    """Cut off an incomplete frame at the end of an extended XYZ file.

    :return: number of whole frames
    :raises ValueError: not an extended XYZ file
    """
    return len(_frame_ends(path, cut=True))


def truncate_after(path, step):
    """Remove the frames beyond a step, so that a run resumed there writes none twice.

    :return: number of frames that remain
    :raises ValueError: not a file of ExtendedXYZReporter
    """
    ends = _frame_ends(path, cut=True)
    keep = sum(at <= step for _, at in ends)
    os.truncate(path, ends[keep - 1][0] if keep else 0)
    return keep


def _frame_ends(path, cut):
    """End in bytes, and step, of every whole frame."""
    ends = []
    with open(path, "rb") as file:
        while True:
            first = file.readline()
            if not first.endswith(b"\n"):
                break
            if not first.strip().isdigit():
                raise ValueError(
                    f"extended XYZ: '{path}' is damaged or of another kind: where the number of atoms of frame "
                    f"{len(ends)} should be stands {first[:40]!r}; give a file of ExtendedXYZReporter"
                )
            lines = [file.readline() for _ in range(int(first) + 1)]
            if not lines[-1].endswith(b"\n"):
                break
            words = dict(word.split(b"=", 1) for word in lines[0].split() if b"=" in word)
            ends.append((file.tell(), int(words.get(b"step", -1))))
    if cut:
        os.truncate(path, ends[-1][0] if ends else 0)
    return ends
