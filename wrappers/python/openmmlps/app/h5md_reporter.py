# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""H5MD trajectory: unwrapped positions, velocities, box, energies, virial. The layout is described in docs/usage.md."""

from __future__ import annotations

import io
import json
import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.h5md import H5MDFile, read_frames
from openmmlps.units import GAS_CONSTANT

from . import cells, journal, observables
from .file_reporter import FileReporter
from .replace import replace_file

_FLUSH_SECONDS = 5.0
_FLUSH_BYTES = 8 << 20
_CHUNK_BYTES = 64 << 10

#: observables of a frame: name, unit
_ENERGIES = (("potential_energy", "kJ mol-1"), ("kinetic_energy", "kJ mol-1"), ("temperature", "K"))


class H5MDReporter(FileReporter):
    """An OpenMM reporter that writes an H5MD file which is readable at any time, also after the process was killed.

    Positions are never wrapped into the box. Frames are collected and written together every few seconds; `flush`
    writes those that wait, and so does the end of the reporter or of the process, unless it is killed. Every write
    changes the file completely or not at all (:mod:`openmmlps.app.journal`).

    Parameters
    ----------
    file : path
        by convention ending in .h5
    reportInterval : int
        steps between frames
    append : bool
        continue an existing file of the same System, without the frames beyond the step of the simulation
    virial : Virial, optional
        :class:`openmmlps.app.observables.Virial`; None: that of the LPSForces in the System
    information : Any, optional
        JSON-serialisable settings, stored in the group ``parameters``

    Raises
    ------
    FileNotFoundError, ValueError
        if there is nothing to append to, or a file of another kind
    """

    _include = ("positions", "velocities", "energy")

    def __init__(
        self,
        file: str | os.PathLike[str],
        reportInterval: int,
        append: bool = False,
        virial: Any = None,
        information: Any = None,
    ) -> None:
        super().__init__(file, reportInterval, append)
        self._virial = virial
        self._information = information
        self._waiting = _WaitingFrames(self._path)
        self._box: np.ndarray | None = None
        self._write_at_end()

    def _write_at_end(self) -> None:
        """Nobody may hold the reporter until the process ends, so what waits is not its own."""
        self._finish = weakref.finalize(self, self._waiting.write_at_end, os.getpid())

    def report(self, simulation: Any, state: Any) -> None:
        """Take the frame of this State; it reaches the file with the next flush."""
        self._begin(simulation)
        if self._virial is None:
            self._virial = observables.Virial.of(simulation.system)
        kinetic = state.getKineticEnergy()._value
        frame = {
            "step": simulation.currentStep,
            "time": state.getTime()._value,
            "position": state.getPositions(asNumpy=True)._value,
            "velocity": state.getVelocities(asNumpy=True)._value,
            "potential_energy": state.getPotentialEnergy()._value,
            "kinetic_energy": kinetic,
            "temperature": 2 * kinetic / (self._freedom * GAS_CONSTANT),
            "virial": self._virial(simulation.context, simulation.currentStep),
        }
        if self._periodic:
            self._box = cells.continuous_box(state.getPeriodicBoxVectors(asNumpy=True)._value, self._box)
            frame["edges"] = self._box
        if not self._finish.alive:
            self._write_at_end()
        self._waiting.add(frame)

    def flush(self) -> None:
        """Write the frames that wait.

        Raises
        ------
        OSError
            for example for a full disk; the file keeps its frames, and those that wait are kept too
        """
        self._waiting.write()

    def close(self) -> None:
        """Write the frames that wait; if that fails, they are given up. The reporter may be used on."""
        self._finish.detach()
        self.flush()

    def _open(self, simulation: Any, last: int | None) -> None:
        system = simulation.system
        self._freedom = observables.degrees_of_freedom(system)
        self._periodic = system.usesPeriodicBoundaryConditions()
        if not self._append:
            masses = observables.masses_of(system, simulation.topology)
            _create(self._path, simulation.topology, masses, self._periodic, self._information)
            return
        journal.recover(self._path)
        frames = read_frames(self._path, ["species"])
        if frames["species"].shape != (system.getNumParticles(),):
            raise ValueError(
                f"H5MDReporter: '{self._path}' has {len(frames['species'])} atoms, the System "
                f"{system.getNumParticles()}; append only to a file of the same System"
            )
        if last is not None:
            truncate_after(self._path, last)
        if self._periodic:
            edges = read_frames(self._path, ["edges"])["edges"]
            self._box = edges[-1] if len(edges) else None


class _WaitingFrames:
    """Frames on their way to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames: list[dict[str, Any]] = []
        self._written = time.monotonic()

    def add(self, frame: dict[str, Any]) -> None:
        """Take a frame; after some seconds, or some megabytes, all are written."""
        self._frames.append(frame)
        size = len(self._frames) * frame["position"].nbytes * 2
        if size > _FLUSH_BYTES or time.monotonic() - self._written > _FLUSH_SECONDS:
            self.write()

    def write(self) -> None:
        """Append all frames to the file, or none."""
        self._written = time.monotonic()
        if not self._frames:
            return
        with _edit(self._path) as file:
            for path, key in _datasets("edges" in self._frames[0]).items():
                dataset = file[path]
                count = len(dataset)
                dataset.resize(count + len(self._frames), axis=0)
                dataset[count:] = np.array([frame[key] for frame in self._frames])
        self._frames = []

    def write_at_end(self, process: int) -> None:
        """Write when the reporter or the process ends; a forked child leaves that to its parent."""
        if os.getpid() == process:
            self.write()


def truncate_after(path: str | os.PathLike[str], step: int) -> int:
    """Remove the frames beyond a step, so that a run resumed there writes none twice.

    Returns
    -------
    int
        number of frames that remain
    """
    journal.recover(path)
    steps = read_frames(path, ["step"])["step"]
    keep = int(np.searchsorted(steps, step, side="right"))
    if len(steps) > keep:
        with H5MDFile(path, where="trajectory") as file:
            periodic = file.moving_cell
        with _edit(path) as file:
            for name in _datasets(periodic):
                file[name].resize(keep, axis=0)
    return keep


def _datasets(periodic: bool) -> dict[str, str]:
    """Growing datasets by path; the value is the key of a frame."""
    names = {
        "particles/all/position/step": "step",
        "particles/all/position/time": "time",
        "particles/all/position/value": "position",
        "particles/all/velocity/value": "velocity",
        "observables/virial/value": "virial",
    }
    names |= {f"observables/{name}/value": name for name, _ in _ENERGIES}
    if periodic:
        names["particles/all/box/edges/value"] = "edges"
    return names


@contextmanager
def _edit(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open an HDF5 file for changes that happen completely or not at all."""
    import h5py

    with journal.transaction(path) as pages, h5py.File(pages, "r+") as file:
        yield file


def _create(path: Path, topology: Any, masses: np.ndarray, periodic: bool, information: Any) -> None:
    """Write an H5MD 1.1 file without frames; it appears under its name when it is complete."""
    import h5py

    atoms = list(topology.atoms())
    count = len(atoms)
    memory = io.BytesIO()  # HDF5 itself fails without saying why when a disk is full
    with h5py.File(memory, "w") as file:
        file.create_group("h5md").attrs["version"] = np.array([1, 1])
        file["h5md"].create_group("author").attrs["name"] = "openmm-lps user"
        creator = file["h5md"].create_group("creator")
        creator.attrs["name"], creator.attrs["version"] = "openmm-lps", package_version()
        particles = file.create_group("particles/all")
        particles["species"] = np.array(
            [atom.element.atomic_number if atom.element else 0 for atom in atoms], dtype=np.int32
        )
        particles["mass"] = masses
        particles["mass"].attrs["unit"] = "u"
        box = particles.create_group("box")
        box.attrs["dimension"] = 3
        box.attrs["boundary"] = np.array(["periodic" if periodic else "none"] * 3, dtype="S8")
        position = _element(particles, "position", (count, 3), np.float64, "nm")
        step = position.create_dataset("step", (0,), np.int64, maxshape=(None,), chunks=(1024,))
        times = position.create_dataset("time", (0,), np.float64, maxshape=(None,), chunks=(1024,))
        times.attrs["unit"] = "ps"
        elements = [_element(particles, "velocity", (count, 3), np.float32, "nm ps-1")]
        if periodic:
            elements.append(_element(box, "edges", (3, 3), np.float64, "nm"))
        quantities = file.create_group("observables")
        elements += [_element(quantities, name, (), np.float64, unit) for name, unit in _ENERGIES]
        elements.append(_element(quantities, "virial", (3, 3), np.float64, "kJ mol-1"))
        for element in elements:
            element["step"], element["time"] = step, times  # hard links: every element belongs to the same instants
        if information is not None:
            file.create_group("parameters").attrs["openmm-lps"] = json.dumps(information)
    journal.journal_path(path).unlink(missing_ok=True)
    replace_file(path, memory.getvalue())


def _element(group: Any, name: str, shape: tuple[int, ...], dtype: Any, unit: str) -> Any:
    element = group.create_group(name)
    item = np.dtype(dtype).itemsize * int(np.prod(shape, dtype=int))
    frames = int(np.clip(_CHUNK_BYTES // item, 1, 256))
    value = element.create_dataset("value", (0, *shape), dtype, maxshape=(None, *shape), chunks=(frames, *shape))
    value.attrs["unit"] = unit
    return element


def package_version() -> str:
    """Version of the installed package, 'unknown' in a source tree."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("openmm-lps")
    except PackageNotFoundError:
        return "unknown"
