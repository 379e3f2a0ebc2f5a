# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The folder of a run: names of its files, frozen inputs, and a lock so that only one process works in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from .output_folder import OutputFolder
from .replace import replace_file
from .run_settings import RunSettings
from .structure_files import structure_path


class RunFolder(OutputFolder):
    """A locked run folder; use it in a `with` statement, or call `close`.

    A new run is prepared aside; `begin` puts it in the place of an old one.
    """

    kind = "run"
    mark = "settings.json"

    def locate(self, path: Path) -> None:
        """Name the files of a run below `path`."""
        self.inputs = path / "inputs"
        self.model = self.inputs / "model.safetensors"
        self.settings = self.inputs / "settings.json"
        self.thermo = path / "thermo.csv"
        self.heat_current = path / "heat-current.csv"
        self.uncertainty = path / "uncertainty.csv"
        self.trajectory = path / "trajectory.h5"
        self.checkpoint = path / "checkpoint.zip"
        self.status = path / "status.json"
        self.plot = path / "run.png"
        self.last_good = path / "last-good.extxyz"

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        settings: RunSettings,
        model: bytes,
        model_record: dict[str, Any],
        overwrite: bool = False,
    ) -> RunFolder:
        """Make the folder and freeze the inputs in it, aside of a run that is there already.

        Parameters
        ----------
        path : path
            created; must not exist, or be empty, or be a run and `overwrite` be True
        settings : RunSettings
            of the run
        model : bytes
            the native model file
        model_record : dict
            JSON-serialisable; the hash of the bytes is added
        overwrite : bool
            replace an existing run, once `begin` is called

        Returns
        -------
        RunFolder
            locked

        Raises
        ------
        FileExistsError
            if there is something already, and it is not a run or `overwrite` is False
        """
        folder = cls.prepare(path, overwrite)
        with folder.closed_on_error():
            folder._freeze(settings, model, model_record)
        return folder

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Open an existing run.

        Raises
        ------
        FileNotFoundError
            if there is no run
        ValueError
            if another process works in it, or its model was changed
        """
        folder = cls.existing(path, "resume")
        with folder.closed_on_error():
            folder._check_model()
        return folder

    @property
    def structure(self) -> Path:
        """The frozen structure file, under the name it had: some formats are known by name only."""
        files = sorted((self.inputs / "structure").glob("*"))
        if len(files) != 1:
            raise ValueError(
                f"resume: '{self.inputs / 'structure'}' holds {len(files)} files, not one; put the structure back"
            )
        return files[0]

    def read_settings(self) -> RunSettings:
        """Frozen settings."""
        return RunSettings.from_file(self.settings)

    def write_settings(self, settings: RunSettings) -> None:
        """Replace the frozen settings."""
        replace_file(self.settings, settings.to_json().encode())

    def read_model_record(self) -> dict[str, Any]:
        """Source, elements and sha256 of the frozen model."""
        record: dict[str, Any] = json.loads((self.inputs / "model.json").read_text())
        return record

    def discard(self) -> None:
        """Remove a run that never got to its first checkpoint."""
        if self.begun and not self.checkpoint.exists():
            self.clear()
        super().discard()

    def clear(self) -> None:
        """Remove the files of a run, and nothing else."""
        shutil.rmtree(self.path / "inputs", ignore_errors=True)
        for name in (
            "thermo.csv",
            "trajectory.h5",
            "checkpoint.zip",
            "status.json",
            "run.png",
            "last-good.extxyz",
            "heat-current.csv",
            "uncertainty.csv",
            "candidates.extxyz",
        ):
            for suffix in ("", ".new", ".journal"):
                (self.path / f"{name}{suffix}").unlink(missing_ok=True)

    def _freeze(self, settings: RunSettings, model: bytes, record: dict[str, Any]) -> None:
        source = structure_path(settings.structure)
        (self.inputs / "structure").mkdir(parents=True)
        shutil.copyfile(source, self.inputs / "structure" / source.name)
        self.model.write_bytes(model)
        record = {**record, "sha256": hashlib.sha256(model).hexdigest()}
        (self.inputs / "model.json").write_text(json.dumps(record, indent=2) + "\n")
        self.write_settings(settings)

    def _check_model(self) -> None:
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


def is_run(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a run whose inputs are complete."""
    return (Path(path) / "inputs" / RunFolder.mark).is_file()
