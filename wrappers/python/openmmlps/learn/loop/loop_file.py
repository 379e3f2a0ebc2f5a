# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reading a LEARN.toml: every table is checked before hours are spent, and the first mistake is named with its line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from openmmlps._toml_file import Place, TomlFile, parse_toml
from openmmlps.app.replace import replace_file
from openmmlps.learn.labels import Teacher, open_teacher

from .settings import (
    CorrectionSettings,
    ExploreSettings,
    SelectSettings,
    StopSettings,
    StructureSettings,
    StudentSettings,
    TeacherSettings,
    TopSettings,
)
from .starts import Start, make_starts
from .walks import walkers_of

_TABLES = ("structure", "teacher", "correction", "student", "explore", "select", "stop")


@dataclass(frozen=True)
class Plan:
    """A LEARN.toml that has been checked, with the structures and teachers that it names."""

    path: Path
    text: str
    top: TopSettings
    starts: tuple[Start, ...]
    teacher: TeacherSettings
    correction: CorrectionSettings | None
    student: StudentSettings
    explore: ExploreSettings
    select: SelectSettings
    stop: StopSettings

    @property
    def elements(self) -> list[str]:
        """Of all starts, in alphabetical order."""
        return sorted({str(symbol) for start in self.starts for symbol in start.atoms.get_chemical_symbols()})


def read_plan(path: Path | str) -> Plan:
    """Read and check a LEARN.toml.

    Parameters
    ----------
    path : Path or str
        of the file

    Returns
    -------
    Plan
        with all start structures made

    Raises
    ------
    FileNotFoundError
        if there is no such file
    ValueError
        for a mistake, with its line and what to do
    ImportError
        if a teacher is not installed
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"learn: '{path}' is not a file; give a LEARN.toml, or a structure and --with")
    text, values = parse_toml(path, "learn")
    return _Reader("learn", path, text, values).read()


def teacher_of(settings: TeacherSettings, folder: Path) -> Teacher:
    """Make ready what labels. Paths of templates are taken from `folder` where they lie there."""
    kind, colon, rest = settings.potential.partition(":")
    if kind == "cp2k" and (folder / rest).is_file():
        rest = str(folder / rest)
    return open_teacher(
        kind + colon + rest,
        command=settings.cp2k,
        threads=settings.threads,
        walltime=settings.walltime or None,
        cutoff=settings.cutoff or None,
    )


class _Reader(TomlFile):
    """Values of a file on their way to a Plan."""

    def read(self) -> Plan:
        self.check_names(self.values, [*(entry.name for entry in fields(TopSettings)), *_TABLES], ())
        rest = {key: value for key, value in self.values.items() if key not in _TABLES}
        top = self.settings(TopSettings, rest, ())
        teacher = self.settings(TeacherSettings, self.table("teacher"), ("teacher",))
        correction = None
        if "correction" in self.values:
            correction = self.settings(CorrectionSettings, self.table("correction"), ("correction",))
        explore = self.settings(ExploreSettings, self.table("explore"), ("explore",))
        select = self.settings(SelectSettings, self.table("select"), ("select",))
        stop = self.settings(StopSettings, self.table("stop"), ("stop",))
        student = self._student()
        if explore.dynamics == "teacher" and teacher.potential.startswith("cp2k"):
            self.fail("dynamics is 'teacher', but CP2K labels only; use 'student'", ("explore", "dynamics"))
        starts = self._starts(top.seed, explore)
        for settings, name in ((teacher, "teacher"), (correction, "correction")):
            if settings is not None:
                self._check_teacher(settings, starts, name)
        return Plan(self.path, self.text, top, starts, teacher, correction, student, explore, select, stop)

    def _student(self) -> StudentSettings:
        place: Place = ("student",)
        found = self.settings(StudentSettings, self.table("student"), place)
        if not found.start:
            return found
        from openmmlps._files import find_model

        for name in ("size", "cutoff"):
            if name in self.table("student"):
                self.fail(f"{name} is given, but the model to start from has its own; leave it out", (*place, name))
        beside = self.path.absolute().parent / found.start
        path = beside if beside.is_file() else find_model(found.start)
        if not path.is_file():
            self.fail(
                f"start: there is no model '{found.start}'; give a packaged name or a file beside this one",
                (*place, "start"),
            )
        return found.changed(start=str(path.absolute()))

    def _starts(self, seed: int, explore: ExploreSettings) -> tuple[Start, ...]:
        tables = self.tables("structure")
        if not tables:
            self.fail("there is no structure; add a [[structure]] with a file or a composition", ())
        found: list[Start] = []
        for number, values in enumerate(tables):
            place: Place = ("structure", number)
            settings = self.settings(StructureSettings, values, place)
            try:
                made = make_starts(settings, self.path.absolute().parent, (seed, number), explore.temperatures_K)
            except (ValueError, OSError) as error:
                self.fail_at_key(error, values, place)
            found += made
        names = [start.name for start in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            self.fail(f"two structures are called '{twice}'; give each a name", ("structure", len(tables) - 1))
        return tuple(found)

    def _check_teacher(self, settings: TeacherSettings, starts: tuple[Start, ...], name: str) -> None:
        here = (name, "potential")
        try:
            teacher: Any = teacher_of(settings, self.path.absolute().parent)
        except ValueError as error:
            self.fail(error, here)
        except ImportError as error:
            raise ImportError(self.message(self.lines.of(here), error)) from None
        for start in starts:
            problem = teacher.problem(start.atoms)
            if problem:
                self.fail(f"structure '{start.name}': {problem}", here)


_NEW = """# What openmm-lps learn does with {structure}; every table may hold more (docs/learn.md).
file_version = 1
name = "{name}"

[[structure]]
file = "{structure}"

[teacher]
potential = "{teacher}"

[explore]
temperatures_K = [300.0, 600.0, 1000.0]

[stop]
force = 0.1
rounds = 6
"""


def plan_of_structure(structure: Path, teacher: str | None, output: Path) -> Path:
    """Write the LEARN.toml of one structure into the folder of a loop, where none is yet.

    Parameters
    ----------
    structure : Path
        packaged name, or file that ASE reads
    teacher : str, optional
        of its labels; it must be given
    output : Path
        folder of the loop

    Returns
    -------
    Path
        of the LEARN.toml

    Raises
    ------
    FileNotFoundError, ValueError
        without a file or a teacher
    """
    from openmmlps.app.structure_files import structure_names, structure_path

    packaged = str(structure).lower() in (name.lower() for name in structure_names())
    found = structure_path(str(structure))
    if teacher is None:
        raise ValueError("learn: --with is missing; name the teacher of the structure, as sevenn:7net-l3i5")
    path = output / "LEARN.toml"
    if not path.exists():
        name = "".join(letter if letter.isalnum() or letter in "-_+." else "-" for letter in structure.stem)
        text = _NEW.format(
            structure=structure if packaged else found, name=name.lstrip("-_+.") or "model", teacher=teacher
        )
        output.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
    return path


def describe_plan(plan: Plan) -> list[tuple[str, str]]:
    """What a loop would do, for a table of names and values."""
    walkers = walkers_of(plan.starts, plan.explore)
    first = len(plan.starts) * plan.explore.first
    most = first + plan.stop.rounds * plan.select.frames
    if plan.stop.labels:
        most = min(most, max(first, plan.stop.labels))
    atoms = sum(len(start.atoms) for start in plan.starts) / len(plan.starts)
    teacher = teacher_of(plan.teacher, plan.path.absolute().parent)
    seconds = teacher.estimate(plan.starts[0].atoms)
    cost = "" if seconds is None else f", about {most * seconds / 3600:.2g} h to a factor of 3"
    return [
        ("elements", ", ".join(plan.elements)),
        ("starts", f"{len(plan.starts)} of {atoms:.0f} atoms on average"),
        ("walkers", f"{len(walkers)}, of which {sum(walker.held_out for walker in walkers)} are held out"),
        ("labels", f"{first} at first, at most {most}{cost}"),
        ("second teacher", plan.correction.potential if plan.correction else "none"),
    ]
