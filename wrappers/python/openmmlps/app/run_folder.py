# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The folder of a run: names of its files, frozen inputs, and a lock so that only one process works in it."""

import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path

from .replace import replace_file
from .run_settings import RunSettings
from .structure_files import structure_path

_LOCK = ".lock"


class RunFolder:
    """A locked run folder; use it in a `with` statement, or call `close`."""

    def __init__(self, path, lock):
        self.path = Path(path)
        self._lock = lock
        self.inputs = self.path / "inputs"
        self.model = self.inputs / "model.safetensors"
        self.settings = self.inputs / "settings.json"
        self.thermo = self.path / "thermo.csv"
        self.trajectory = self.path / "trajectory.h5"
        self.checkpoint = self.path / "checkpoint.zip"
        self.status = self.path / "status.json"
        self.plot = self.path / "run.png"
        self.last_good = self.path / "last-good.extxyz"

    @classmethod
    def create(cls, path, settings, model, model_record, overwrite=False):
        """Make the folder and freeze the inputs in it; settings.json comes last and marks it as complete.

        :param model: bytes of the native model file
        :param model_record: JSON-serialisable; the hash of the bytes is added
        :raises FileExistsError: there is something already, and it is not a run or overwrite is False
        """
        path = Path(path)
        existing = path.exists() and (not path.is_dir() or any(path.iterdir()))
        if existing and not is_run(path) and not (path / _LOCK).is_file():
            raise FileExistsError(f"run: '{path}' exists and is not a run; choose another --output")
        if is_run(path) and not overwrite:
            raise FileExistsError(
                f"run: '{path}' holds a run already; continue it with --resume, replace it with --overwrite, or choose "
                "another --output"
            )
        path.mkdir(parents=True, exist_ok=True)
        folder = cls(path, lock_folder(path))
        try:
            folder._clear()
            folder._freeze(settings, model, model_record)
        except BaseException:
            folder.discard()
            folder.close()
            raise
        return folder

    @classmethod
    def open(cls, path):
        """Open an existing run.

        :raises FileNotFoundError: no run there
        :raises ValueError: another process works in it, or its model was changed
        """
        path = Path(path)
        if not is_run(path):
            raise FileNotFoundError(f"resume: '{path}' holds no run; start one without --resume")
        folder = cls(path, lock_folder(path))
        try:
            folder._check_model()
        except BaseException:
            folder.close()
            raise
        return folder

    def discard(self):
        """Remove a run that never got to its first checkpoint."""
        if not self.checkpoint.exists():
            self._clear()
            (self.path / _LOCK).unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Release the lock."""
        os.close(self._lock)

    @property
    def structure(self):
        """The frozen structure file, under the name it had: some formats are known by name only."""
        files = sorted((self.inputs / "structure").glob("*"))
        if len(files) != 1:
            raise ValueError(
                f"resume: '{self.inputs / 'structure'}' holds {len(files)} files, not one; put the structure back"
            )
        return files[0]

    def read_settings(self):
        return RunSettings.from_file(self.settings)

    def write_settings(self, settings):
        replace_file(self.settings, settings.to_json().encode())

    def read_model_record(self):
        """Source, elements and sha256 of the frozen model."""
        return json.loads((self.inputs / "model.json").read_text())

    def _freeze(self, settings, model, record):
        source = structure_path(settings.structure)
        (self.inputs / "structure").mkdir(parents=True)
        shutil.copyfile(source, self.inputs / "structure" / source.name)
        self.model.write_bytes(model)
        record = {**record, "sha256": hashlib.sha256(model).hexdigest()}
        (self.inputs / "model.json").write_text(json.dumps(record, indent=2) + "\n")
        self.write_settings(settings)

    def _clear(self):
        """Remove the files of a run, and nothing else."""
        shutil.rmtree(self.inputs, ignore_errors=True)
        for file in (self.thermo, self.trajectory, self.checkpoint, self.status, self.plot, self.last_good):
            for suffix in ("", ".new", ".journal"):
                Path(f"{file}{suffix}").unlink(missing_ok=True)

    def _check_model(self):
        try:
            found = hashlib.sha256(self.model.read_bytes()).hexdigest()
            expected = self.read_model_record()["sha256"]
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(
                f"resume: the frozen model of '{self.path}' cannot be read ({error}); start a new run"
            ) from None
        if found != expected:
            raise ValueError(
                f"resume: '{self.model}' was changed since the run began (sha256 {found[:12]}, not {expected[:12]}); "
                "put the old file back or start a new run"
            )


def is_run(path):
    """Whether a folder holds a run whose inputs are complete."""
    return (Path(path) / "inputs" / "settings.json").is_file()


def lock_folder(path):
    """Lock the folder for this process; the lock goes with the process, however it ends."""
    descriptor = os.open(Path(path) / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ValueError(f"run: another process is working in '{path}'; wait for it or stop it first") from None
    except OSError:
        pass  # a file system without locks: better to run without one than not at all
    return descriptor
