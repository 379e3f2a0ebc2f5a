# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reading a study file: every table is checked before anything runs, and the first mistake is named with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from openmmlps._toml_file import Place, TomlFile, parse_toml
from openmmlps.app.interfaces import is_metal
from openmmlps.materials import ChemistrySettings
from openmmlps.materials import Material as Chemistry
from openmmlps.potentials import parse_name
from openmmlps.protocols.compositions import parse_composition
from openmmlps.references import shares_of

from .kinds import KINDS, Kind
from .slabs import InterfaceSettings, Stack
from .study_settings import NAME, ExecutorSettings, MaterialSettings, StudySettings, TaskSettings, twice

_TABLES = ("models", "material", "task", "executor", "size")
_SHIPPED = Path(__file__).resolve().parent.parent / "studies"


@dataclass(frozen=True)
class TaskPlan:
    """A [task.NAME] for one material, with the settings of its protocol."""

    name: str
    kind: Kind
    start_from: str  #: name of another plan, or '' for the structure of the material
    settings: Any


@dataclass(frozen=True)
class Material:
    """A [[material]] with everything that follows from the rest of the file."""

    settings: MaterialSettings
    composition: str  #: as the quench protocol takes it, or ''
    structure: str  #: as `load` takes it, or ''
    models: tuple[str, ...]
    replicas: int
    plans: tuple[TaskPlan, ...]  #: each after what it starts from
    line: int
    stack: Stack | None = None  #: what is built in place of a structure


@dataclass(frozen=True)
class Study:
    """A study file that has been checked, apart from what stands in the files that it names."""

    path: Path
    text: str
    size: str
    settings: StudySettings
    models: dict[str, str]  #: name -> packaged name, path, or name of a potential
    materials: tuple[Material, ...]
    executor: ExecutorSettings

    def wrong(self, line: int, message: object) -> ValueError:
        """An error that names a line of the file."""
        return ValueError(f"study: '{self.path}', line {line}: {message}")


def shipped_studies() -> list[str]:
    """Names of the study files that come with the package, sorted."""
    return sorted(path.stem for path in _SHIPPED.glob("*.toml"))


def find_study(source: str | Path) -> Path:
    """File of a study; one that is there goes before a shipped one of that name.

    Raises
    ------
    FileNotFoundError
        if there is none
    """
    path = Path(source)
    if path.is_file():
        return path
    if str(source) in shipped_studies():
        return _SHIPPED / f"{source}.toml"
    raise FileNotFoundError(
        f"study: '{source}' is not a file; give a study file, or one that is shipped: {', '.join(shipped_studies())}"
    )


def read_study(source: str | Path, size: str = "", models: Mapping[str, str] | None = None) -> Study:
    """Read and check a study file; structures and models are read by `expand`.

    Parameters
    ----------
    source : str or Path
        file, or name of a shipped study
    size : str
        name of a [size.NAME] table whose values replace those of the rest; empty: the rest alone
    models : mapping, optional
        name -> packaged name, file, or name of a potential, instead of those of the file

    Returns
    -------
    Study

    Raises
    ------
    ValueError, FileNotFoundError
        for a mistake, with its line and what to do
    """
    path = find_study(source)
    text, values = parse_toml(path, "study")
    return _Reader(path, text, values, size).read(models)


def read_executor(source: str | Path) -> ExecutorSettings:
    """Only [executor] of a study file.

    Raises
    ------
    ValueError, FileNotFoundError
        as of `read_study`
    """
    return read_study(source).executor


class _Reader(TomlFile):
    """Values of a file on their way to a Study."""

    def __init__(self, path: Path, text: str, values: dict[str, Any], size: str) -> None:
        super().__init__("study", path, text, values)
        self.size = size
        self.replaced = False  # whether models were given that are not those of the file

    def read(self, models: Mapping[str, str] | None) -> Study:
        self.check_names(self.values, [*(entry.name for entry in fields(StudySettings)), *_TABLES], ())
        self._apply_size()
        top = {key: value for key, value in self.values.items() if key not in _TABLES}
        settings: StudySettings = self.settings(StudySettings, top, ())
        executor: ExecutorSettings = self.settings(ExecutorSettings, self.table("executor"), ("executor",))
        if executor.file:
            executor = executor.changed(file=self._beside(executor.file, ("executor", "file")))
        found = self._models(models or {})
        materials = self._materials(settings, found)
        return Study(self.path, self.text, self.size, settings, found, materials, executor)

    def fail(self, message: object, *places: Sequence[str | int]) -> NoReturn:
        """Raise the error of the first of some places that stands in the file; one in the table of the size comes first."""
        sized = [("size", self.size, *place) for place in places] if self.size else []
        held = [place for place in sized if self.lines.of(place) != self.lines.of(place[:-1])]
        super().fail(message, *held, *places)

    def _apply_size(self) -> None:
        """Let the values of [size.NAME] replace the others."""
        sizes = self.table("size")
        if self.size and self.size not in sizes:
            known = f"it has {', '.join(sizes)}" if sizes else "it has none"
            raise ValueError(f"study: '{self.path}' has no size '{self.size}'; {known}, or leave --size out")
        own = [entry.name for entry in fields(StudySettings)]
        for name, changes in sizes.items():
            place = ("size", name)
            if not isinstance(changes, dict):
                self.fail(f"size.{name} is {changes!r}; write it as a table, [size.{name}]", place)
            self.check_names(changes, [*own, "materials", "models", "material", "task", "executor"], place)
        changes = dict(sizes.get(self.size, {}))
        kept, per_material = changes.pop("materials", None), changes.pop("material", {})
        known_materials = [item.get("name") for item in self.tables("material")]
        for name in [*(kept or []), *per_material]:
            if name not in known_materials:
                self.fail(
                    f"there is no material '{name}'; known are {', '.join(map(str, known_materials))}",
                    ("size", self.size, "material", name),
                    ("size", self.size, "materials"),
                )
        for item in self.tables("material"):
            _merge(item, per_material.get(item.get("name"), {}))
            if kept is not None and item.get("name") not in kept:
                item["left out"] = True
        _merge(self.values, changes)

    def _models(self, given: Mapping[str, str]) -> dict[str, str]:
        """Models by name; those given take the place of those in the file of the same names, or else of all."""
        table = self.table("models") or {"lps": "lps"}
        for name, source in table.items():
            place = ("models", name)
            if isinstance(source, dict):
                self.check_names(source, ["needs"], place)
            elif not isinstance(source, str) or not source:
                self.fail(f"model '{name}' is {source!r}; give a file, or the name of a packaged model", place)
            if not NAME.fullmatch(name):
                self.fail(f"model '{name}' names a folder; use letters, digits and . _ + -", place)
        self.replaced = bool(given) and not set(given) <= set(table)
        if self.replaced:
            return dict(given)
        return {
            name: given.get(name)
            or (_Needed(source["needs"]) if isinstance(source, dict) else self._model(name, source))
            for name, source in table.items()
        }

    def _model(self, name: str, source: str) -> str:
        try:
            potential = parse_name(source)
        except ValueError as error:
            self.fail(error, ("models", name))
        return source if potential else self._beside(source, ("models", name), missing_ok=True)

    def _beside(self, name: str, place: Place, missing_ok: bool = False) -> str:
        """A file named in a study file lies beside it."""
        path = self.path.absolute().parent / name
        if path.is_file():
            return str(path)
        if not missing_ok:
            self.fail(f"'{name}' is not a file beside '{self.path.name}'; correct the name, or put it there", place)
        return name

    def _materials(self, study: StudySettings, models: Mapping[str, str]) -> tuple[Material, ...]:
        tasks = self._tasks()
        tables = self.tables("material")
        names: dict[str, int] = {}
        found: list[Material] = []
        for number, values in enumerate(tables):
            place: Place = ("material", number)
            left_out = values.pop("left out", False)
            own = {key: values.pop(key) for key in list(values) if key in tasks}
            stack = self._stack(values, found, left_out, place)
            settings = self.settings(MaterialSettings, values, place)
            if settings.name.lower() in names:
                first = self.lines.of(("material", names[settings.name.lower()]))
                self.fail(
                    f"there is a material '{settings.name}' at line {first} already; give each a name of its own",
                    (*place, "name"),
                )
            names[settings.name.lower()] = number
            if not left_out:
                found.append(self._material(settings, study, models, tasks, own, place, stack))
        if not found:
            self.fail("there is no material; add a [[material]] with a name and a composition or structure", ())
        return tuple(found)

    def _material(
        self,
        settings: MaterialSettings,
        study: StudySettings,
        models: Mapping[str, str],
        tasks: Mapping[str, tuple[TaskSettings, dict[str, Any]]],
        own: Mapping[str, Any],
        place: Place,
        stack: Stack | None,
    ) -> Material:
        composition, structure = "", settings.structure
        try:
            composition = parse_composition(settings.composition) if settings.composition else ""
        except ValueError as error:
            self.fail(f"composition of '{settings.name}': {error}", (*place, "composition"))
        if structure:
            structure = structure if stack else self._structure(structure, place, "structure")
        else:
            try:
                Chemistry.of(shares_of(composition), settings.chemistry())
            except ValueError as error:
                self.fail_at_key(error, {entry.name: 0 for entry in fields(ChemistrySettings)}, place)
        known = tuple(models)
        chosen = known if self.replaced else settings.models or known
        for name in chosen:
            if isinstance(models.get(name), _Needed):
                self.fail(
                    f"'{settings.name}' needs {models[name]}, which is not packaged; give it with --model {name}=FILE, or "
                    "another potential with --model",
                    ("models", name),
                )
        self._check_list("model", chosen, known, (*place, "models"))
        names = settings.tasks or tuple(
            name for name, (task, _) in tasks.items() if composition or not KINDS[task.kind].makes_glass
        )
        self._check_list("task", names, tuple(tasks), (*place, "tasks"))
        if stack and any(KINDS[tasks[name][0].kind].makes_glass for name in names):
            self.fail(
                f"'{settings.name}' is an interface, which is not quenched; leave the quench out", (*place, "tasks")
            )
        temperatures = settings.temperatures_K or study.temperatures_K
        plans: dict[str, TaskPlan] = {}
        for name in sorted(names, key=list(tasks).index):
            changes = own.get(name, {})
            plans[name] = self._plan(name, tasks[name], changes, settings, study, temperatures, composition, place)
        ordered = self._ordered(plans, settings.name, composition, place)
        return Material(
            settings,
            composition,
            structure,
            chosen,
            settings.replicas or study.replicas,
            ordered,
            self.lines.of(place),
            stack,
        )

    def _stack(self, values: dict[str, Any], before: Sequence[Material], left_out: bool, place: Place) -> Stack | None:
        """The interface of a material, taken out of its table; its label stands in place of a structure."""
        if "interface" not in values:
            return None
        table, here = values.pop("interface"), (*place, "interface")
        if not isinstance(table, dict):
            self.fail(f"interface is {table!r}; write it as a table, [material.interface]", here)
        settings: InterfaceSettings = self.settings(InterfaceSettings, table, here)
        for key in ("composition", "structure", "supercell", "format", "elements", "replace", "remove", "strain"):
            if key in values:
                self.fail(f"{key} stands beside [material.interface]; leave it out", (*place, key))
        values["structure"] = f"{settings.first} | {settings.second}"
        if left_out:
            return None
        quenched = {material.settings.name: material for material in before if material.composition}
        glasses = [name for name in ("first", "second") if getattr(settings, name) in quenched]
        if len(glasses) == 2:
            self.fail("both sides are quenched by this study; give the file of one", (*here, "second"))
        others = [item.get("name") for item in self.tables("material")]
        for name in ("first", "second"):
            side = getattr(settings, name)
            if side in others and side not in quenched:
                self.fail(
                    f"{name} '{side}' is no glass that is quenched before; put its [[material]] first", (*here, name)
                )
        files = {
            name: self._structure(getattr(settings, name), here, name)
            for name in ("first", "second")
            if name not in glasses and not is_metal(getattr(settings, name))
        }
        settings = settings.changed(**files)
        if not glasses:
            return Stack(settings)
        glass = quenched[getattr(settings, glasses[0])]
        wanted = values.get("models")
        known = wanted if isinstance(wanted, list) and not self.replaced else []
        missing = [name for name in known if name not in glass.models]
        if missing:
            self.fail(f"'{glass.settings.name}' is not quenched by model '{missing[0]}'", (*place, "models"))
        values.setdefault("models", list(glass.models))
        quench = next(plan.name for plan in glass.plans if plan.kind.makes_glass)
        return Stack(settings, glasses[0], quench, glass.replicas)

    def _structure(self, structure: str, place: Place, key: str) -> str:
        from openmmlps.app.structure_files import structure_names

        if structure.lower() in {name.lower() for name in structure_names()}:
            return structure
        path = self.path.absolute().parent / structure
        if not path.is_file():
            self.fail(
                f"{key} '{structure}' is neither a file beside '{self.path.name}' nor packaged; correct it, or give one of "
                f"{', '.join(structure_names())}",
                (*place, key),
            )
        return str(path)

    def _check_list(self, what: str, names: tuple[str, ...], known: tuple[str, ...], place: Place) -> None:
        for problem in twice(f"{what}s", names):
            self.fail(problem, place)
        for name in names:
            if name not in known:
                self.fail(f"there is no {what} '{name}'; known are {', '.join(known)}", place)

    def _tasks(self) -> dict[str, tuple[TaskSettings, dict[str, Any]]]:
        """Name -> what a study adds to a protocol, and the settings of the protocol."""
        found = {}
        own = [entry.name for entry in fields(TaskSettings)]
        for name, table in self.table("task").items():
            place = ("task", name)
            if not isinstance(table, dict):
                self.fail(f"task.{name} is {table!r}; write it as a table, [task.{name}]", place)
            if not NAME.fullmatch(name):
                self.fail(f"task '{name}' names a folder; use letters, digits and . _ + -", place)
            task = self.settings(TaskSettings, {key: table[key] for key in table if key in own}, place)
            task = task.changed(kind=task.kind or name)
            if task.kind not in KINDS:
                self.fail(
                    f"there is no kind of task '{task.kind}'; known are {', '.join(KINDS)}", (*place, "kind"), place
                )
            found[name] = task, {key: value for key, value in table.items() if key not in own}
        if not found:
            self.fail("there is no task; add for example [task.transport]", ("task",), ())
        return found

    def _plan(
        self,
        name: str,
        task: tuple[TaskSettings, dict[str, Any]],
        changes: Any,
        material: MaterialSettings,
        study: StudySettings,
        temperatures: tuple[float, ...] | None,
        composition: str,
        place: Place,
    ) -> TaskPlan:
        head, table = task
        kind, here = KINDS[head.kind], ("task", name)
        if not isinstance(changes, dict):
            self.fail(
                f"{name} of '{material.name}' is {changes!r}; write {name} = {{ setting = value }}", (*place, name)
            )
        said = {name: value for name, value in asdict(material.chemistry()).items() if value}
        values = said | table | changes
        for key in values:
            if key in kind.reserved:
                self.fail(
                    f"{key} is not set in a task but in {kind.reserved[key]}", (*place, name, key), (*here, key), here
                )
        own = [entry.name for entry in fields(kind.protocol.settings)]
        self.check_names(changes, own, (*place, name))
        self.check_names(table, own, here)
        if temperatures and "temperatures_K" in own:
            if "temperatures_K" in values:
                self.fail("temperatures_K stands here and outside of the task; give it once", (*here, "temperatures_K"))
            values = values | {"temperatures_K": list(temperatures)}
        if kind.makes_glass:
            values |= {"composition": composition} if composition else {"start": material.structure}
        elif material.structure:
            values |= {"structure": material.structure}
        if material.structure:
            values |= {name: getattr(material, name) for name in ("format", "elements", "checks")}
            values |= {"supercell": list(material.supercell)}
        try:
            settings = kind.protocol.settings.make(head.preset, **values, seed=study.seed)
        except (ValueError, TypeError) as error:
            changed = next((key for key in changes if key in str(error)), None)
            if changed:
                self.fail(error, (*place, name, changed), (*place, name))
            self.fail_at_key(error, table, here)
        return TaskPlan(name, kind, head.start_from, settings)

    def _ordered(
        self, plans: dict[str, TaskPlan], material: str, composition: str, place: Place
    ) -> tuple[TaskPlan, ...]:
        """Plans with what they start from, each after it."""
        glass = next((name for name, plan in plans.items() if plan.kind.makes_glass), "")
        found: dict[str, TaskPlan] = {}
        todo = {}
        for name, plan in plans.items():
            before = plan.start_from or ("" if plan.kind.makes_glass else glass)
            here = ("task", name, "start_from")
            if before and before not in plans:
                self.fail(
                    f"'{name}' starts from '{before}', which is no task of '{material}'; correct start_from", here
                )
            if before and (plan.kind.makes_glass or not plans[before].kind.gives_structure):
                self.fail(f"'{name}' cannot start from '{before}'; a task starts from a quench or a relax", here)
            if composition and not before and not plan.kind.makes_glass:
                self.fail(
                    f"'{material}' has a composition and '{name}', but no quench to start from; add the quench",
                    (*place, "tasks"),
                    place,
                )
            todo[name] = TaskPlan(name, plan.kind, before, plan.settings)
        while todo:
            ready = [name for name, plan in todo.items() if not plan.start_from or plan.start_from in found]
            if not ready:
                self.fail(f"{' and '.join(todo)} start from each other; correct start_from", ("task", next(iter(todo))))
            found |= {name: todo.pop(name) for name in ready}
        return tuple(found.values())


class _Needed(str):
    """What a study needs in place of a model that nobody has given yet."""


def _merge(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Replace values by others, table by table."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _merge(values[key], value)
        else:
            values[key] = value
