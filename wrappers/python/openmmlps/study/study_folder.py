# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The folder of a study: what was asked for, its tasks, and one protocol folder for each."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from openmmlps.app.h5md_reporter import package_version
from openmmlps.app.output_folder import OutputFolder
from openmmlps.app.replace import replace_file
from openmmlps.protocols.states import write_atoms

from .grid import Grid, Task
from .study_file import Study
from .study_settings import ExecutorSettings

FOLDER_VERSION = 1  #: of what study.json holds, and of how tasks are laid out


class StudyFolder(OutputFolder):
    """A study folder; locked while a driver works in it.

    Nothing outside of it is needed to go on: inputs holds the study file, models, structures, and study.json with all tasks.
    """

    kind = "study"
    mark = "study.json"

    def locate(self, path: Path) -> None:
        """Name the files of a study below `path`."""
        self.inputs = path / "inputs"
        self.record_file = self.inputs / self.mark
        self.tasks_folder = path / "tasks"
        self.logs = path / "logs"
        self.driver = path / "driver.json"
        self.status = path / "status.json"
        self.page = path / "index.html"

    @classmethod
    def create(cls, path: str | os.PathLike[str], study: Study, grid: Grid, overwrite: bool = False) -> StudyFolder:
        """Make the folder and freeze everything in it.

        Raises
        ------
        FileExistsError, ValueError
            as of `OutputFolder.prepare`
        """
        folder = cls.prepare(path, overwrite)
        with folder.closed_on_error():
            (folder.inputs / "models").mkdir(parents=True)
            (folder.inputs / "structures").mkdir()
            (folder.inputs / "study.toml").write_text(study.text, encoding="utf-8")
            for name, (content, _) in grid.models.items():
                folder.model(name).write_bytes(content)
            for source, name in grid.structures.items():
                shutil.copyfile(source, folder.inputs / "structures" / name)
            for name, atoms in grid.built.items():
                write_atoms(folder.inputs / "structures" / name, atoms)
            if study.executor.file:
                shutil.copyfile(study.executor.file, folder.inputs / "executor.py")
            record = {
                "folder_version": FOLDER_VERSION,
                "package_version": package_version(),
                "title": study.settings.title or study.path.stem,
                "source": study.settings.source,
                "size": study.size,
                "models": {name: found for name, (_, found) in grid.models.items()},
                "executor": asdict(study.executor),
                "tasks": [asdict(task) for task in grid.tasks],
            }
            replace_file(folder.record_file, (json.dumps(record, indent=1) + "\n").encode())
            folder.begin()
        return folder

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> StudyFolder:
        """Lock an existing study to continue it.

        Raises
        ------
        FileNotFoundError, ValueError
            if there is none, another process works in it, or another version made it
        """
        folder = cls.existing(path, "study")
        with folder.closed_on_error():
            folder.read_record()
        return folder

    @classmethod
    def look(cls, path: str | os.PathLike[str]) -> StudyFolder:
        """Find an existing study without locking it.

        Raises
        ------
        FileNotFoundError, ValueError
            if there is none, or another version made it
        """
        folder = cls(path)
        if not folder.record_file.is_file():
            raise FileNotFoundError(f"study: '{path}' holds no study; give the folder of one that has begun")
        folder.read_record()
        return folder

    def model(self, name: str) -> Path:
        """Path of a frozen model."""
        return self.inputs / "models" / f"{name}.safetensors"

    def task(self, task: Task) -> Path:
        """Protocol folder of a task."""
        return self.tasks_folder / task.name

    def stacked(self, task: Task) -> Path:
        """Interface that a task starts from, made when its glass was there; the name is that of the material."""
        return self.path / "stacked" / task.model / task.task / f"replica-{task.replica}" / f"{task.material}.extxyz"

    def log(self, task: Task) -> Path:
        """What a task printed."""
        return self.logs / f"{task.name}.log"

    def read_record(self) -> dict[str, Any]:
        """Read study.json.

        Raises
        ------
        ValueError
            if it is damaged, or of another version
        """
        try:
            record: dict[str, Any] = json.loads(self.record_file.read_text(encoding="utf-8"))
            version, made_by = record["folder_version"], record["package_version"]
            if version == FOLDER_VERSION:
                [Task(**task) for task in record["tasks"]]
                self._executor(record)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ValueError(f"study: '{self.record_file}' is damaged ({error}); start the study anew") from None
        if version != FOLDER_VERSION:
            raise ValueError(
                f"study: '{self.shown}' was made by openmm-lps {made_by} (version {version} of study folders), this one continues "
                f"version {FOLDER_VERSION}; use that openmm-lps, or start anew (its tasks are protocol folders, which go on alone)"
            )
        return record

    def tasks(self) -> list[Task]:
        """Tasks, each after what it needs."""
        return [Task(**task) for task in self.read_record()["tasks"]]

    def executor(self) -> ExecutorSettings:
        """Where tasks run."""
        return self._executor(self.read_record())

    @staticmethod
    def _executor(record: dict[str, Any]) -> ExecutorSettings:
        return ExecutorSettings.from_values(record["executor"], "study.json")

    def change_executor(self, executor: ExecutorSettings) -> None:
        """Let tasks run elsewhere from now on."""
        if executor.file:
            shutil.copyfile(executor.file, self.inputs / "executor.py")
        record = self.read_record() | {"executor": asdict(executor)}
        replace_file(self.record_file, (json.dumps(record, indent=1) + "\n").encode())

    def clear(self) -> None:
        """Remove the files of a study, and nothing else."""
        for name in ("inputs", "tasks", "logs", "parsl", "joined", "report", "stacked"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in ("driver.json", "status.json", "index.html", "report.html"):
            (self.path / name).unlink(missing_ok=True)
