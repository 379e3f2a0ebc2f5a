# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Checkpoints: one file that is replaced as a whole, exact on the same platform and readable on any other.

It is a zip of OpenMM's binary checkpoint (exact: random numbers included), the same instant as a portable State in XML,
and a small JSON record; the zip's checksums guard all three.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from .replace import replace_file


def save(path: str | os.PathLike[str], simulation: Any, record: dict[str, Any]) -> None:
    """Write a checkpoint; the one before stays until the new one is complete on the disk.

    Parameters
    ----------
    path : path
        the file
    simulation : openmm.app.Simulation
        what to save
    record : dict
        JSON-serialisable; the step is added

    Raises
    ------
    OSError
        for example for a full disk; the checkpoint before is kept
    """
    import openmm

    context = simulation.context
    state = context.getState(positions=True, velocities=True, parameters=True, integratorParameters=True)
    entries = {
        "record.json": json.dumps({**record, "step": simulation.currentStep}),
        "openmm.chk": context.createCheckpoint(),
        "state.xml": openmm.XmlSerializer.serialize(state),
    }
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    replace_file(path, memory.getvalue())
    synchronise_folder(Path(path).parent)


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the record of a checkpoint, with 'step'.

    Raises
    ------
    ValueError
        for a damaged file
    """
    record: dict[str, Any] = json.loads(_read(path, "record.json"))
    return record


def load(path: str | os.PathLike[str], simulation: Any) -> str:
    """Bring a Simulation to a checkpoint.

    Returns
    -------
    str
        empty if the continuation is exact; else why it is not: positions, velocities and box are restored, but random
        numbers start anew

    Raises
    ------
    ValueError
        for a damaged file, or one of another System
    """
    import openmm

    record = read_record(path)
    context = simulation.context
    here = context.getPlatform().getName()
    if record.get("platform") != here:
        why = f"the checkpoint is of the platform {record.get('platform')}, this one is {here}"
    else:
        try:
            context.loadCheckpoint(_read(path, "openmm.chk"))
            if simulation.currentStep == record["step"]:
                return ""
            why = f"OpenMM's own checkpoint is of step {simulation.currentStep}"
        except (
            openmm.OpenMMException
        ) as error:  # another OpenMM version, precision or device: the portable State serves
            why = f"OpenMM does not read its own checkpoint ({error})"
    try:
        state = openmm.XmlSerializer.deserialize(_read(path, "state.xml").decode())
        context.setState(state)
        # Not every State carries the step; set it in any case, for the reporters count by it.
        context.setStepCount(record["step"])
    except openmm.OpenMMException as error:
        raise ValueError(f"resume: '{path}' does not fit this System ({error}); start a new run") from None
    return why


def _read(path: str | os.PathLike[str], name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
        raise ValueError(
            f"resume: checkpoint '{path}' is damaged ({error}); start a new run with --overwrite"
        ) from None


def synchronise_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
