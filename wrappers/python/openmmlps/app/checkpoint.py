# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Checkpoints: one file that is replaced as a whole, exact on the same platform and readable on any other.

It is a zip of OpenMM's binary checkpoint (exact: random numbers included), the same instant as a portable State in XML,
and a small JSON record; the zip's checksums guard all three.
"""

import io
import json
import os
import zipfile
from pathlib import Path

from .replace import replace_file


def save(path, simulation, record):
    """Write a checkpoint; the one before stays until the new one is complete on the disk.

    :param record: JSON-serialisable
    :raises OSError: for example a full disk; the checkpoint before is kept
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


def read_record(path):
    """The record of a checkpoint, with 'step'.

    :raises ValueError: a damaged file
    """
    return json.loads(_read(path, "record.json"))


def load(path, simulation):
    """Bring a Simulation to a checkpoint.

    :return: True if the continuation is exact; False if it is another platform or machine, where positions, velocities
        and box are restored but random numbers start anew
    :raises ValueError: a damaged file, or one of another System
    """
    import openmm

    record = read_record(path)
    context = simulation.context
    if record.get("platform") == context.getPlatform().getName():
        try:
            context.loadCheckpoint(_read(path, "openmm.chk"))
            if simulation.currentStep == record["step"]:
                return True
        except openmm.OpenMMException:
            pass  # another OpenMM version, precision or device: the portable State serves
    try:
        state = openmm.XmlSerializer.deserialize(_read(path, "state.xml").decode())
        context.setState(state)
        # Not every State carries the step; set it in any case, for the reporters count by it.
        context.setStepCount(record["step"])
    except openmm.OpenMMException as error:
        raise ValueError(f"resume: '{path}' does not fit this System ({error}); start a new run") from None
    return False


def _read(path, name):
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
        raise ValueError(
            f"resume: checkpoint '{path}' is damaged ({error}); start a new run with --overwrite"
        ) from None


def synchronise_folder(folder):
    """Make a rename in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
