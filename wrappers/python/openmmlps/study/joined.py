# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Folders that are seen as one protocol: all replicas and temperatures of a task, as links, for analysis and report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from openmmlps.app.replace import replace_file
from openmmlps.protocols.protocol_folder import ProtocolFolder, is_protocol, read_record
from openmmlps.report import Beside, Reading, compare, find, reference_findings, write_report

from .grid import Task
from .kinds import KINDS
from .study_folder import StudyFolder


def join(folder: StudyFolder) -> Iterator[tuple[str, Path, list[Task]]]:
    """Make the joined folders anew, of the tasks that have begun.

    Parameters
    ----------
    folder : StudyFolder
        of the study

    Yields
    ------
    name : str
        model/material/task
    path : Path
        a protocol folder whose stages are links
    tasks : list of Task
        that it holds
    """
    groups: dict[str, list[Task]] = {}
    for task in folder.tasks():
        if is_protocol(folder.task(task)):
            groups.setdefault(f"{task.model}/{task.material}/{task.task}", []).append(task)
    root = folder.path / "joined"
    shutil.rmtree(root, ignore_errors=True)
    for name, tasks in groups.items():
        path = root / name
        _join(folder, path, tasks)
        yield name, path, tasks


def _join(folder: StudyFolder, path: Path, tasks: Sequence[Task]) -> None:
    kind = KINDS[tasks[0].kind]
    (path / "inputs" / "starts").mkdir(parents=True)
    joined = ProtocolFolder(path)
    own: list[Any] = [ProtocolFolder(folder.task(task)).read_settings(kind.protocol.settings) for task in tasks]
    replicas = sorted({task.replica for task in tasks})
    numbers = {replica: number for number, replica in enumerate(replicas, 1)}
    changes: dict[str, Any] = {"replicas": len(replicas)} if hasattr(own[0], "replicas") else {}
    if hasattr(own[0], "temperatures_K"):
        times = {item.temperatures_K[0]: item.production_time_ps[0] for item in own}
        temperatures = sorted(times)
        changes["temperatures_K"] = tuple(temperatures)
        changes["production_time_ps"] = tuple(times[item] for item in temperatures)
    starts = []
    for task in tasks:
        source, number = folder.task(task), numbers[task.replica]
        for stage in source.iterdir():
            if stage.name.startswith("replica-"):
                _link(path / f"replica-{number}", stage)
            elif stage.is_dir() and stage.name[0] == "T":
                _link(path / stage.name / f"replica-{number}", stage / "replica-1")
        for start in (source / "inputs" / "starts").iterdir():
            target = path / "inputs" / "starts" / f"replica-{number}.extxyz"
            if not target.is_symlink():
                _link(target, start)
                starts.append(f"replica-{number}")
    joined.model.symlink_to(folder.model(tasks[0].model).resolve())
    joined.write_settings(own[0].changed(**changes))
    record = read_record(folder.task(tasks[0])) | {"starts": starts}
    replace_file(joined.record_file, (json.dumps(record, indent=2) + "\n").encode(), synchronise=False)


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target.resolve())


def write_study_report(
    folder: StudyFolder,
    title: str = "",
    beside: Beside | None = None,
    reading: Reading | None = None,
) -> tuple[Path, list[str]]:
    """Write report.html, and pictures and tables of every material and task into report/.

    Parameters
    ----------
    folder : StudyFolder
        of the study, finished or not
    title : str
        heading; empty: the title of the study
    beside : Beside or None
        tables and trajectories that are compared, and what is said of the materials
    reading : Reading or None
        how to read these trajectories

    Returns
    -------
    path : Path
        of the page
    problems : list of str
        tasks that have no findings yet, and why

    Raises
    ------
    ValueError
        if there are no findings at all
    """
    found, names, problems = [], [], []
    for name, path, _ in join(folder):
        try:
            findings = find(path, beside=beside)
        except ValueError as error:
            problems.append(f"{name}: {error}")
            continue
        findings.write(folder.path / "report" / name)
        found.append(findings)
        names.append(name)
    if not found:
        raise ValueError(
            f"study: '{folder.shown}' has nothing to report yet ({'; '.join(problems) or 'no task has begun'}); continue it with: "
            f"openmm-lps study --resume -o {folder.shown}"
        )
    titles = [findings.title for findings in found]
    for findings, name in zip(found, names, strict=True):  # several tasks of one kind are told apart
        if titles.count(findings.title) > 1:
            findings.title += f", {name.rpartition('/')[2]}"
    page, parts = folder.path / "report.html", found
    comparison = compare([*found, *reference_findings(beside, reading)])
    if comparison:
        comparison.write(folder.path / "report" / "comparison")
        parts = [comparison, *found]
    write_report(page, parts, title or folder.read_record()["title"])
    return page, problems
