# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Extended XYZ: frames that ASE, OVITO and most other programs read, in angstrom and eV.

A frame reaches the file in one piece. If the process dies in the middle of that, the file ends with part of a frame,
which :func:`recover` cuts off; everything before is whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.units import KJ_PER_MOL_PER_EV

from . import cells, observables
from .file_reporter import FileReporter


class ExtendedXYZReporter(FileReporter):
    """An OpenMM reporter that appends frames to an extended XYZ file.

    Columns: species, ``pos`` (angstrom, not wrapped), ``vel`` (angstrom/fs), ``forces`` (eV/angstrom). Of the frame:
    Lattice (angstrom, vectors in rows), pbc, ``step``, ``time`` (ps), ``energy`` (eV), and, if an LPSForce is in the
    System, ``virial`` (eV, -dE/dstrain, not divided by the volume).

    Parameters
    ----------
    file : path
        by convention ending in .extxyz
    reportInterval : int
        steps between frames
    append : bool
        continue an existing file, without the frames beyond the step of the simulation
    virial : Virial, optional
        :class:`openmmlps.app.observables.Virial`; None: that of the LPSForces in the System

    Raises
    ------
    FileNotFoundError, ValueError
        if there is nothing to append to, or a file of another kind
    """

    _include = ("positions", "velocities", "forces", "energy")

    def __init__(
        self, file: str | os.PathLike[str], reportInterval: int, append: bool = False, virial: Any = None
    ) -> None:
        super().__init__(file, reportInterval, append)
        self._writer = FrameWriter(self._path, append)
        self._virial = virial

    def _open(self, simulation: Any, last: int | None) -> None:
        if last is not None:
            truncate_after(self._path, last)

    def report(self, simulation: Any, state: Any) -> None:
        """Write the frame of this State."""
        self._begin(simulation)
        if self._virial is None:
            self._virial = observables.Virial.of(simulation.system)
        virial = self._virial(simulation.context, simulation.currentStep)
        values = {} if np.isnan(virial).any() else {"virial": virial / KJ_PER_MOL_PER_EV}
        self._writer.write(simulation, state, values)


class FrameWriter:
    """Appends frames to an extended XYZ file, each in one piece.

    Parameters
    ----------
    file : path
        made anew, or continued with `append`
    append : bool
        keep the whole frames that are there
    """

    def __init__(self, file: str | os.PathLike[str], append: bool) -> None:
        self.path = Path(file).absolute()
        if append:
            recover(self.path)
        else:
            self.path.write_bytes(b"")
        self._box: np.ndarray | None = None

    def write(self, simulation: Any, state: Any, values: Mapping[str, Any]) -> None:
        """Append a frame.

        Parameters
        ----------
        simulation : openmm.app.Simulation
            that the State belongs to
        state : openmm.State
            with positions, velocities, forces and energy
        values : mapping of str to number or array
            further information of the frame, by name

        Raises
        ------
        OSError
            for example for a full disk; the file keeps its frames
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
        append_whole(self.path, format_frame(symbols, columns, None if box is None else 10 * box, information))


def format_frame(
    symbols: Sequence[str],
    columns: Mapping[str, np.ndarray],
    cell: np.ndarray | None,
    information: Mapping[str, Any],
) -> bytes:
    """Write one frame as text.

    Parameters
    ----------
    symbols : sequence of str
        [n] chemical symbols
    columns : mapping of str to ndarray
        [n, 3] arrays by name
    cell : ndarray or None
        [3, 3] angstrom
    information : mapping of str to number or array
        goes to the comment line

    Returns
    -------
    bytes
        the lines of the frame
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


def _numbers(array: Any) -> str:
    return " ".join(f"{x:.12g}" for x in np.ravel(array))


def append_whole(path: Path, data: bytes) -> None:
    """Append bytes to a file; if that fails, the file keeps the length it had.

    Raises
    ------
    OSError
        for example for a full disk
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


def recover(path: str | os.PathLike[str]) -> int:
    """Cut off an incomplete frame at the end of an extended XYZ file.

    Returns
    -------
    int
        number of whole frames

    Raises
    ------
    ValueError
        if it is not an extended XYZ file
    """
    return len(_frame_ends(path))


def truncate_after(path: str | os.PathLike[str], step: int) -> int:
    """Remove the frames beyond a step, so that a run resumed there writes none twice.

    Returns
    -------
    int
        number of frames that remain

    Raises
    ------
    ValueError
        if it is not a file of ExtendedXYZReporter
    """
    ends = _frame_ends(path)
    keep = sum(at <= step for _, at in ends)
    os.truncate(path, ends[keep - 1][0] if keep else 0)
    return keep


def _frame_ends(path: str | os.PathLike[str], cut: bool = True) -> list[tuple[int, int]]:
    """End in bytes, and step, of every whole frame; what follows the last one is cut off if asked for."""
    ends: list[tuple[int, int]] = []
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
