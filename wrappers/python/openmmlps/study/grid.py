# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From a study to its tasks: one protocol folder for each model, material, task, replica and temperature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from openmmlps.app.engine import engine_for
from openmmlps.app.structure_files import load
from openmmlps.protocols.packing import Composition, pack
from openmmlps.protocols.starts import periodic_atoms

from .defects import with_defects
from .kinds import KINDS
from .slabs import heights
from .study_file import Material, Study, TaskPlan

if TYPE_CHECKING:
    from ase import Atoms

_OF_STRUCTURES = ("structure", "supercell", "format", "elements")


@dataclass(frozen=True)
class Task:
    """A protocol folder of a study."""

    name: str  #: its folder below 'tasks': model/material/task/replica-1/T300
    kind: str  #: key of KINDS
    model: str
    material: str
    task: str  #: name in the study file
    replica: int
    needs: str  #: name of the task that it starts from, or ''
    settings: dict[str, Any]  #: of the protocol, those that differ from its defaults
    atoms: int
    steps: float  #: of dynamics, or evaluations
    disk_bytes: float
    stack: dict[str, Any] = field(default_factory=dict)  #: of slabs, of which one is the result of what it needs

    @property
    def work(self) -> float:
        """Atoms times steps."""
        return self.atoms * self.steps


@dataclass(frozen=True)
class Grid:
    """What a study comes to."""

    tasks: tuple[Task, ...]  #: each after what it needs
    models: dict[str, tuple[bytes, dict[str, Any]]]  #: native files, and what is known of them
    structures: dict[str, str]  #: files outside of the package -> their names in the folder of the study
    built: dict[str, Atoms]  #: structures that were made from others, by their names there


def expand(study: Study, engine: Any = None) -> Grid:
    """Read the models and structures of a study, and make its tasks.

    Parameters
    ----------
    study : Study
        that was checked
    engine : object, optional
        what reads models; None: what each needs

    Returns
    -------
    Grid

    Raises
    ------
    ValueError, OSError
        for a model or structure that is not there or wrong, or an element that the model does not know, with its line
    """
    models: dict[str, tuple[bytes, dict[str, Any]]] = {}
    engines: dict[str, Any] = {}
    structures: dict[str, str] = {}
    built: dict[str, Atoms] = {}
    packed: dict[str, Atoms] = {}
    tasks: list[Task] = []
    for material in study.materials:
        try:
            symbols, made = _symbols(material, study.settings.seed, packed)
            for name in material.models:
                source = study.models[name]
                engines.setdefault(name, engine or engine_for(source))
                content, known = engines[name].freeze_model(source, sorted(set(symbols)))
                before = models[name][1]["elements"] if name in models else []
                known["elements"] = [*before, *(symbol for symbol in known["elements"] if symbol not in before)]
                models[name] = content, known
        except (ValueError, OSError, ImportError) as error:
            raise study.wrong(material.line, f"'{material.settings.name}': {error}") from None
        if made is not None and not (material.stack and material.stack.glass):
            built[f"{material.settings.name}.extxyz"] = made
        elif "/" in material.structure:
            suffix = material.structure.rsplit("/", 1)[-1]
            structures.setdefault(material.structure, f"{len(structures) + 1}-{suffix}")
        for name in material.models:
            for plan in material.plans:
                tasks += _tasks(material, plan, name, len(symbols), structures, made)
    return Grid(tuple(tasks), models, structures, built)


def _symbols(material: Material, seed: int, packed: dict[str, Atoms]) -> tuple[list[str], Atoms | None]:
    """Elements of the atoms of the material, which can be packed or read; and the structure, if it was made here."""
    settings = material.settings
    if material.stack:
        # A glass that is not quenched yet is as it is packed: that tells numbers, and whether the slabs fit.
        glass = material.stack.glass
        made = material.stack.build(packed[getattr(material.stack.settings, glass)] if glass else None)
        return made.get_chemical_symbols(), made
    if material.structure:
        loaded = load(
            material.structure,
            None if set(settings.supercell) == {1.0} else tuple(settings.supercell),
            settings.format or None,
            settings.elements or None,
            settings.checks,
        )
        if loaded.box is None:
            raise ValueError("the structure is not periodic; give one with a cell")
        if not settings.has_defects:
            return list(loaded.symbols), None
        changes = settings.replace or (), settings.remove or (), settings.strain or ()
        made = with_defects(periodic_atoms(loaded, "study"), *changes, seed)
        return made.get_chemical_symbols(), made
    quench = next(plan.settings for plan in material.plans if plan.kind.makes_glass)
    counts = Composition.parse(material.composition).counts(quench.atoms)
    packed[settings.name] = pack(counts, quench.density_g_per_cm3, quench.seed)
    return [element for element, count in counts.items() for _ in range(count)], None


def _tasks(
    material: Material, plan: TaskPlan, model: str, atoms: int, structures: dict[str, str], made: Atoms | None
) -> Iterator[Task]:
    plans = {item.name: item for item in material.plans}
    replicas, stack = _replicas(plan, plans, material), material.stack
    waits = bool(stack and stack.glass and not plan.start_from)  # for the glass of one side
    for replica in range(1, replicas + 1):
        needs = ""
        if plan.start_from:
            source = min(replica, _replicas(plans[plan.start_from], plans, material))
            needs = f"{model}/{material.settings.name}/{plan.start_from}/replica-{source}"
        if waits:
            assert stack is not None
            glass = getattr(stack.settings, stack.glass)
            needs = f"{model}/{glass}/{stack.quench}/replica-{min(replica, stack.quenches)}"
        for piece in plan.kind.pieces(plan.settings, replica):
            work = plan.kind.work(piece.settings)
            values = _changed(piece.settings)
            for key in ("structure", "start"):
                if values.get(key) == material.settings.structure and material.structure in structures:
                    values[key] = f"inputs/structures/{structures[material.structure]}"
                elif values.get(key) and made is not None:
                    values = {name: value for name, value in values.items() if name not in _OF_STRUCTURES}
                    values[key] = f"inputs/structures/{material.settings.name}.extxyz"
            if stack and not stack.glass and made is not None and not values.get("interfaces"):
                values["interfaces"] = heights(made)
            if needs:  # what was read from a file is in the folder that it starts from
                values = {key: value for key, value in values.items() if key not in _OF_STRUCTURES}
            base = f"{model}/{material.settings.name}/{plan.name}/replica-{replica}"
            yield Task(
                f"{base}/{piece.name}" if piece.name else base,
                next(name for name, kind in KINDS.items() if kind is plan.kind),
                model,
                material.settings.name,
                plan.name,
                replica,
                needs,
                values,
                atoms,
                work.steps,
                work.disk_bytes(atoms),
                stack.record() if stack and waits else {},
            )


def _replicas(plan: TaskPlan, plans: dict[str, TaskPlan], material: Material) -> int:
    """How many differ: replicas of what follows a task that has several, and of what draws random numbers."""
    if plan.start_from:
        many = _replicas(plans[plan.start_from], plans, material) > 1
    else:
        many = material.stack is not None and material.stack.quenches > 1
    return material.replicas if plan.kind.replicated(plan.settings, many) else 1


def _changed(settings: Any) -> dict[str, Any]:
    defaults = {entry.name: entry.default for entry in fields(settings)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(settings).items()
        if value != defaults[name]
    }
