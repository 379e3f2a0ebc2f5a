# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The tables of a study file, each declared once: names, kinds and limits of what they may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from openmmlps._settings import Settings, setting
from openmmlps.materials import ChemistrySettings

from .defects import check_defects

#: of names that become folders
NAME = re.compile(r"[A-Za-z0-9][\w.+-]*", re.ASCII)
FILE_VERSION = 1  #: of the study files that this package reads


@dataclass(frozen=True)
class StudySettings(Settings):
    """What stands before the first table of a study file."""

    file_version: int = setting(FILE_VERSION, "of the form of this file", low=1)
    title: str = setting("", "heading of the page and of the report")
    source: str = setting("", "what is reproduced: authors, journal, DOI")
    replicas: int = setting(1, "independent samples of every material", low=1)
    seed: int = setting(1, "of all random numbers; replicas take those after it", low=1)
    temperatures_K: tuple[float, ...] | None = setting(
        None, "of tasks that have temperatures; none: as the task says", above=0
    )

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if self.file_version > FILE_VERSION:
            yield (
                f"file_version is {self.file_version}, but this version of openmm-lps reads {FILE_VERSION}; install a newer one"
            )
        yield from twice("temperatures_K", self.temperatures_K or ())


@dataclass(frozen=True)
class MaterialSettings(ChemistrySettings):
    """One [[material]]; what it is made of goes to all its tasks."""

    name: str = setting("", "of its folder")
    composition: str = setting("", "to quench, as '0.75 Li2S + 0.25 P2S5' or 'Li2.9PO3.3N0.5'")
    structure: str = setting("", "packaged name, or a file beside the study file")
    supercell: tuple[float, ...] = setting((1.0, 1.0, 1.0), "repeats of the structure along a, b, c", low=1)
    format: str = setting("", "of the structure file, by ASE's name; empty: found from name and content")
    elements: str = setting("", "element of each type, as Li,P,S, for structure files that number types")
    replace: tuple[str, ...] | None = setting(None, "dopants of the supercell, as '1 Sb by W', at random places")
    remove: tuple[str, ...] | None = setting(None, "vacancies of the supercell, as '1 Na', at random places")
    strain: tuple[float, ...] | None = setting(None, "xx, yy, zz, yz, xz, xy of the strain of the supercell")
    checks: bool = setting(True, "refuse atoms nearer than 0.5 angstrom in the structure file")
    models: tuple[str, ...] | None = setting(None, "names of models; none: all")
    tasks: tuple[str, ...] | None = setting(None, "names of tasks; none: all that suit it")
    replicas: int = setting(0, "independent samples; 0: as of the study", low=0)
    temperatures_K: tuple[float, ...] | None = setting(None, "none: those of the study", above=0)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if not NAME.fullmatch(self.name):
            yield f"name is '{self.name}'; give letters, digits and . _ + -, since it names a folder"
        if bool(self.composition) == bool(self.structure):
            yield f"'{self.name}' has {'both' if self.structure else 'neither'} composition and structure; give one of them"
        if self.composition and self.has_defects:
            yield f"'{self.name}' has a composition; replace, remove and strain are for a structure"
        yield from check_defects(self.replace or (), self.remove or (), self.strain or ())
        yield from twice("temperatures_K", self.temperatures_K or ())

    @property
    def has_defects(self) -> bool:
        """Whether its structure is made from the one that is named."""
        return bool(self.replace or self.remove or self.strain)


@dataclass(frozen=True)
class TaskSettings(Settings):
    """What a study adds to the settings of a protocol in [task.NAME]."""

    kind: str = setting("", "protocol that is carried out; empty: as the task is named")
    preset: str = setting("", "quick, or standard")
    start_from: str = setting("", "task whose result it starts from; empty: the quench of a glass, or the structure")


@dataclass(frozen=True)
class ExecutorSettings(Settings):
    """Where tasks run: [executor]."""

    kind: str = setting(
        "local", "local, slurm, or file: an executor of Parsl from a Python file", ("local", "slurm", "file")
    )
    workers: int = setting(0, "tasks at a time on each node; 0: as many as the cores allow", low=0)
    threads: int = setting(1, "of each task on the CPU platform", low=1)
    gpus: int = setting(0, "of each node, divided among its workers", low=0)
    platform: str = setting("auto", "OpenMM platform; auto: the fastest on which a Deep Potential runs")
    checkpoint_s: float = setting(60.0, "clock time between checkpoints of a run", low=0)
    retries: int = setting(5, "of a task that was killed before it came any further", low=0)
    heartbeat_s: int = setting(60, "a node or driver that is silent for so long counts as lost", low=5)
    address: str = setting("", "of this machine, as nodes reach it; empty: all it has")
    partition: str = setting("", "slurm: where jobs go; empty: the default of the cluster")
    account: str = setting("", "slurm: who pays; empty: the default")
    walltime: str = setting("24:00:00", "slurm: of each job, hh:mm:ss")
    jobs: int = setting(1, "slurm: at a time", low=1)
    nodes: int = setting(1, "slurm: of each job", low=1)
    cores: int = setting(0, "slurm: of each node; 0: workers times threads", low=0)
    exclusive: bool = setting(False, "slurm: whether jobs have their nodes alone")
    options: str = setting("", "slurm: further lines of the job script, as '#SBATCH --mem=4G'")
    setup: str = setting("", "slurm: commands before the workers start, as 'module load cuda'")
    file: str = setting("", "file: Python file beside the study file that defines 'executor'")

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if not re.fullmatch(r"(\d+-)?\d+:\d\d:\d\d", self.walltime):
            yield f"walltime is '{self.walltime}'; write hh:mm:ss, such as 24:00:00"
        if self.kind == "slurm" and not self.workers:
            yield "workers is 0; say how many tasks run at a time on each node of the cluster"
        if (self.kind == "file") != bool(self.file):
            yield f"kind is '{self.kind}' and file is '{self.file}'; kind = 'file' and a file belong together"


def twice(what: str, values: tuple[object, ...]) -> Iterator[str]:
    """Name a value that stands twice in a list."""
    again = [value for number, value in enumerate(values) if value in values[:number]]
    if again:
        yield f"{what} holds {again[0]} twice; give each once"
