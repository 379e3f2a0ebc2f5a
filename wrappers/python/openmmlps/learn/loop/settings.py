# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The tables of a LEARN.toml, each declared once: names, kinds and limits of what they may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from openmmlps._settings import Settings, setting
from openmmlps.learn.training import SIZES

FILE_VERSION = 1  #: of the files that this package reads
NAME = re.compile(r"[A-Za-z0-9][\w.+-]*", re.ASCII)  #: of what becomes a file
CHANGE = re.compile(r"\s*(\d+)\s+([A-Z][a-z]?)(?:\s+by\s+([A-Z][a-z]?))?\s*")  #: '2 Li', '1 S by Cl'


@dataclass(frozen=True)
class TopSettings(Settings):
    """What stands before the first table."""

    file_version: int = setting(FILE_VERSION, "of the form of this file", low=1)
    name: str = setting("model", "of the model, and of its files")
    title: str = setting("", "heading of the page")
    domain: str = setting("", "what the model is for; its card says so")
    licence: str = setting("", "of the model; its card says so")
    seed: int = setting(1, "of all random numbers", low=1)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if self.file_version > FILE_VERSION:
            yield (
                f"file_version is {self.file_version}, but this version of openmm-lps reads {FILE_VERSION}; install a newer one"
            )
        if not NAME.fullmatch(self.name):
            yield f"name is '{self.name}'; give letters, digits and . _ + -, since it names files"


@dataclass(frozen=True)
class StructureSettings(Settings):
    """One [[structure]]: a cell, or a random packing."""

    name: str = setting("", "in tables; empty: that of the file, or the composition")
    file: str = setting("", "packaged name, or a file beside this one that ASE reads")
    format: str = setting("", "of the file, by ASE's name; empty: found from name and content")
    elements: str = setting("", "element of each type, as Li,P,S, for files that number types")
    supercell: tuple[float, ...] | None = setting(None, "repeats along a, b, c; none: as height says", low=1)
    height: float = setting(9.0, "Å; a cell is repeated until all its heights reach this", above=0)
    composition: str = setting("", "of a random packing, as '75Li2S-25P2S5' or 'Li3PS4'")
    atoms: int = setting(80, "of a random packing, about", low=2)
    density: float = setting(0.0, "g/cm3 of a random packing", low=0)
    remove: tuple[str, ...] | None = setting(None, "atoms taken out at random, as ['1 Li']")
    substitute: tuple[str, ...] | None = setting(None, "elements changed at random, as ['2 S by Cl']")
    copies: int = setting(1, "with other random choices", low=1)
    temperatures_K: tuple[float, ...] | None = setting(None, "of its dynamics; none: those of [explore]", above=0)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if bool(self.file) == bool(self.composition):
            yield f"it has {'both' if self.file else 'neither'} file and composition; give one of them"
        if self.composition and not self.density:
            yield "density is missing; give that of the packing in g/cm3"
        if self.supercell is not None and len(self.supercell) != 3:
            yield f"supercell holds {len(self.supercell)} numbers; give three"
        for key, wanted in (("remove", False), ("substitute", True)):
            for text in getattr(self, key) or ():
                found = CHANGE.fullmatch(str(text))
                if not found or bool(found[3]) != wanted:
                    yield f"{key} holds {text!r}; write it as {'2 S by Cl' if wanted else '1 Li'}"

    @property
    def called(self) -> str:
        """What tables call it."""
        return self.name or self.composition or self.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]


@dataclass(frozen=True)
class TeacherSettings(Settings):
    """[teacher], which labels the frames."""

    potential: str = setting("", "cp2k:TEMPLATE, ase:module.Class?key=value or sevenn:NAME")
    licence: str = setting("", "of the teacher; the card says so")
    cp2k: str = setting("cp2k", "program of CP2K, as 'mpirun -n 8 cp2k.psmp'")
    threads: int = setting(1, "OpenMP threads of CP2K", low=1)
    cutoff: int = setting(0, "plane wave cutoff of CP2K in Ry; 0: that of the elements", low=0)
    walltime: float = setting(0.0, "longest time of one calculation of CP2K in s; 0: none", low=0)
    largest_force: float = setting(50.0, "eV/Å; frames with more are discarded", above=0)
    largest_net_force: float = setting(0.05, "eV/Å of a component; frames with more are discarded", above=0)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if not self.potential:
            yield "potential is missing; give cp2k:TEMPLATE, ase:module.Class?key=value or sevenn:NAME"


@dataclass(frozen=True)
class CorrectionSettings(TeacherSettings):
    """[correction]: a second teacher, whose few labels correct what the first one taught."""

    frames: int = setting(16, "to label and train on", low=1)
    held_out: int = setting(8, "to label and only measure", low=1)
    steps: int = setting(1500, "batches of training", low=1)
    largest_frame: int = setting(0, "atoms; larger frames are left out; 0: no limit", low=0)


@dataclass(frozen=True)
class StudentSettings(Settings):
    """[student]: the models that are trained."""

    size: str = setting("lps-fast", "of the networks, as of the packaged models", tuple(SIZES))
    cutoff: float = setting(6.0, "of the descriptor in Å", above=0, high=20)
    members: int = setting(2, "models of the committee", low=2, high=8)
    steps: int = setting(4000, "batches of the first training", low=1)
    more_steps: int = setting(2000, "batches of each further one", low=1)
    start: str = setting("", "model to start from: packaged name, or a file beside this one; it sets size and cutoff")
    threads: int = setting(1, "of a training; more help only on idle cores", low=1)


@dataclass(frozen=True)
class ExploreSettings(Settings):
    """[explore]: where frames come from."""

    dynamics: str = setting("student", "whose dynamics; the teacher's from the first round on", ("student", "teacher"))
    temperatures_K: tuple[float, ...] = setting((300.0, 600.0, 1000.0), "of the dynamics", above=0)
    pressures_GPa: tuple[float, ...] | None = setting(None, "of the dynamics; none: constant volume")
    first: int = setting(10, "displaced and strained frames of each start, before there is a model", low=2)
    displacement: float = setting(0.1, "Å; deviation of these displacements", low=0)
    strain: float = setting(0.03, "deviation of random strains of every start", low=0, high=0.2)
    walkers: int = setting(1, "trajectories of each start, temperature and pressure", low=1)
    time_ps: float = setting(2.0, "of each trajectory in the first round of dynamics", above=0)
    growth: float = setting(1.5, "of that time from round to round", low=1)
    timestep_fs: float = setting(2.0, "of the dynamics", above=0)
    interval_fs: float = setting(50.0, "between frames", above=0)
    closest: float = setting(0.55, "a pair nearer than so many sums of covalent radii ends the walk", above=0, high=1)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if self.interval_fs < self.timestep_fs:
            yield f"interval_fs is {self.interval_fs:g}, less than timestep_fs; give at least {self.timestep_fs:g}"
        if self.time_ps * 1000 < self.interval_fs:
            yield f"time_ps is {self.time_ps:g}, less than interval_fs; a walk gives no frame"


@dataclass(frozen=True)
class SelectSettings(Settings):
    """[select]: which frames are labelled."""

    frames: int = setting(40, "labelled in each round at most", low=2)
    hold_out: float = setting(0.2, "share of them from walkers that are never trained on", above=0, high=0.9)
    low: float = setting(1.0, "a frame is uncertain above so many means of the deviation", above=0)
    high: float = setting(5.0, "and beyond so many it is discarded, and its walker begins anew", above=0)
    window: int = setting(100, "frames of the moving mean of the deviation", low=1)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        if self.high <= self.low:
            yield f"high is {self.high:g}; give more than low, {self.low:g}"


@dataclass(frozen=True)
class StopSettings(Settings):
    """[stop]: when the model is good enough, and what may be spent; a bound of 0 is none."""

    force: float = setting(0.1, "eV/Å; error of the forces", low=0)
    energy: float = setting(0.0, "meV/atom; error of energies, constants per element fitted", low=0)
    virial: float = setting(0.0, "meV/atom; error of the virial", low=0)
    slope: float = setting(0.0, "distance of the slope of forces from 1", low=0)
    deviation: float = setting(0.3, "eV/Å; frames whose largest deviation is above it count as uncertain", above=0)
    uncertain: float = setting(0.05, "share of uncertain frames", low=0, high=1)
    rounds: int = setting(6, "of dynamics at most", low=1)
    labels: int = setting(0, "at most; 0: no limit", low=0)
    hours: float = setting(0.0, "clock time after which no round begins; 0: no limit", low=0)
