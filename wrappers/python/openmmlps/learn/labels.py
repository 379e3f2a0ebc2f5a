# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Label structures by CP2K or a calculator of ASE: every label is kept at once, and none is made twice.

Several processes, also of several machines that share the folder, may carry out the same call: each takes what no other has.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from openmmlps.potentials import Prediction, open_calculator, parse_name

from ._shared import Shared
from .cp2k import Cp2k, LabelError, Stopped
from .data import LEVEL

LARGEST_FORCE = 50.0  # eV/angstrom; hotter frames are of no use
LARGEST_NET_FORCE = (
    0.05  # eV/angstrom per component, of all atoms together; a larger one says that a basis is too coarse
)
SEVENN_SECONDS = {"7net-l3i5": 0.0146, "7net-0": 0.0046}  # per atom on one core


class Teacher(Protocol):
    """What labels a structure."""

    level: str  #: of theory, which every label states
    record: dict[str, Any]  #: what else must be the same for all labels of a folder

    def problem(self, atoms: Any) -> str:
        """Why a structure cannot be labelled; empty if it can."""

    def details(self, atoms: Any) -> dict[str, Any]:
        """What is said of a label besides its level."""

    def estimate(self, atoms: Any) -> float | None:
        """Time in s that a label takes, or None."""

    def predict(self, atoms: Any, folder: Path, stop: Callable[[], bool] | None = None) -> Prediction:
        """The label; `folder` is for files. Raises LabelError with the reason if there is none."""


class AseTeacher:
    """A calculator of ASE as a teacher.

    Parameters
    ----------
    level : str
        what labels state
    calculator : ase.calculators.calculator.Calculator
        which is asked
    seconds : float, optional
        per atom
    """

    def __init__(self, level: str, calculator: Any, seconds: float | None = None) -> None:
        self.level, self.calculator, self.seconds = level, calculator, seconds
        self.record: dict[str, Any] = {}

    def problem(self, atoms: Any) -> str:
        """Only that a structure is not periodic is known beforehand."""
        periodic = atoms.pbc.all() and abs(np.linalg.det(np.array(atoms.cell))) >= 1
        return "" if periodic else "the structure is not periodic in three directions; give it a cell"

    def details(self, atoms: Any) -> dict[str, Any]:
        """Nothing more."""
        return {}

    def estimate(self, atoms: Any) -> float | None:
        """Time by the number of atoms, where it is known."""
        return None if self.seconds is None else self.seconds * len(atoms)

    def predict(self, atoms: Any, folder: Path, stop: Callable[[], bool] | None = None) -> Prediction:
        """Energy, forces and stress; without a stress there is no label."""
        from ase.calculators.calculator import CalculationFailed, CalculatorError

        atoms = atoms.copy()
        atoms.calc = self.calculator
        try:
            energy, forces = float(atoms.get_potential_energy()), np.array(atoms.get_forces())
            return Prediction(energy, forces, -atoms.get_volume() * np.array(atoms.get_stress(voigt=False)))
        except (
            CalculationFailed,
            CalculatorError,
            NotImplementedError,
            ArithmeticError,
            KeyError,
            RuntimeError,
        ) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise LabelError(f"{self.level}: the calculator failed ({reason[:200]})") from None


def open_teacher(text: str, **cp2k: Any) -> Teacher:
    """Find a teacher by what users call it.

    Parameters
    ----------
    text : str
        `cp2k`, `cp2k:TEMPLATE`, `ase:module.Class?key=value` or `sevenn:NAME`
    **cp2k
        command, threads, walltime and cutoff, see :class:`openmmlps.learn.cp2k.Cp2k`

    Returns
    -------
    Teacher
        ready to label

    Raises
    ------
    ValueError
        if there is none of this name, or it cannot be made
    ImportError
        if a package is missing
    """
    kind, _, rest = text.partition(":")
    if kind == "cp2k":
        return Cp2k(rest, **cp2k)
    name = parse_name(text)
    if name is None:
        raise ValueError(
            f"label: '{text}' is no teacher; use cp2k, cp2k:TEMPLATE, ase:module.Class?key=value or sevenn:NAME"
        )
    if name.kind == "sevenn":
        return AseTeacher(f"SevenNet {rest}", open_calculator(name), SEVENN_SECONDS.get(rest))
    return AseTeacher(text, open_calculator(name))


@dataclass(frozen=True)
class Labelled:
    """What a call of `label` left."""

    file: Path  #: of the labels, extended XYZ
    labelled: int  #: all that the file holds of the structures asked for
    made: int  #: in this call
    discarded: dict[str, str]  #: name of the structure and the reason
    finished: bool  #: False if it was stopped


def label(
    structures: Iterable[Path | str],
    output: Path | str,
    teacher: Teacher,
    *,
    retry: bool = False,
    largest_force: float = LARGEST_FORCE,
    largest_net_force: float = LARGEST_NET_FORCE,
    tell: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Labelled:
    """Label every frame of some files; the same call goes on where an earlier one was stopped or killed.

    Parameters
    ----------
    structures : iterable of Path or str
        files that ASE reads
    output : Path or str
        folder of `labelled.extxyz`, `discarded.extxyz` and the files of the calculations
    teacher : Teacher
        see `open_teacher`
    retry : bool
        try again what was discarded
    largest_force, largest_net_force : float
        eV/angstrom: of an atom, and of a component of the sum over atoms; beyond them a label is discarded
    tell : callable, optional
        gets sentences about what happens
    stop : callable, optional
        asked now and then whether to stop

    Returns
    -------
    Labelled
        counts, and what was discarded

    Raises
    ------
    ValueError
        before anything is computed: for structures that cannot be labelled, or a folder of another teacher
    OSError
        for a missing file or a full disk
    """
    output, say = Path(output), tell or (lambda text: None)
    wanted = _read(structures, teacher)
    with Shared(output) as folder:
        folder.check(teacher)
        good, bad = folder.good, folder.bad
        if retry:
            bad.drop()
        todo = [item for item in wanted.items() if item[0] not in good.known and item[0] not in bad.known]
        _estimate(teacher, [atoms for _, (_, atoms) in todo], len(wanted), say)
        begin, made, stopped = time.monotonic(), 0, False
        for identity, (name, atoms) in todo:
            stopped = stop is not None and stop()
            if stopped:
                break
            if not folder.claim(identity):
                continue  # another process has done it, or is at it
            start = time.monotonic()
            try:
                found = teacher.predict(atoms, output / "jobs" / identity, stop)
                _check(found, len(atoms), largest_force, largest_net_force)
            except Stopped:
                stopped = True
                break
            except LabelError as error:
                bad.add(identity, _copy(atoms, {"reason": str(error)}))
                say(f"{name}: discarded: {error}")
                continue
            seconds = time.monotonic() - start
            about = {LEVEL: teacher.level, "seconds": round(seconds, 2), **teacher.details(atoms)}
            good.add(identity, _with_label(_copy(atoms, about), found))
            made += 1
            missing = len(wanted) - sum(key in good.known or key in bad.known for key in wanted)
            left = (time.monotonic() - begin) / made * missing / 60
            say(f"{name}: {found.energy / len(atoms):.5f} eV/atom, {seconds:.1f} s; about {left:.1f} min left")
        folder.refresh()
        discarded = {name: bad.known[key] for key, (name, _) in wanted.items() if key in bad.known}
        labelled = sum(key in good.known for key in wanted)
        others = len(wanted) - labelled - len(discarded)
        if others and not stopped:
            say(f"{others} structures are left to another process")
        return Labelled(good.path, labelled, made, discarded, not stopped)


def _read(structures: Iterable[Path | str], teacher: Teacher) -> dict[str, tuple[str, Any]]:
    """Every frame once, by its hash: (name, ``ase.Atoms``). Refuses all that cannot be labelled in one message."""
    from openmmlps._atoms_files import read_atoms

    found: dict[str, tuple[str, Any]] = {}
    problems: dict[str, list[str]] = {}
    for path in map(Path, structures):
        if not path.is_file():
            raise FileNotFoundError(f"label: there is no file '{path}'; give files of structures that ASE reads")
        for index, atoms in enumerate(read_atoms(path, "label", every_frame=True)):
            name = f"{path.name}[{index}]"
            problem = teacher.problem(atoms)
            if problem:
                problems.setdefault(problem, []).append(name)
            found.setdefault(identity_of(atoms), (name, atoms))
    if problems:
        texts = [
            f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''}: {p}" for p, names in problems.items()
        ]
        raise ValueError(f"label: {'; '.join(texts)}; correct or leave out these structures, nothing was computed")
    if not found:
        raise ValueError("label: the files hold no structures")
    return found


def identity_of(atoms: Any) -> str:
    """Hash of elements, cell and positions to 1e-8 angstrom, by which a folder of labels knows ``ase.Atoms``."""
    digest = hashlib.sha256(" ".join(atoms.get_chemical_symbols()).encode())
    for values in (np.array(atoms.cell), atoms.positions):
        digest.update((np.round(values, 8) + 0.0).tobytes())
    return digest.hexdigest()[:16]


def _estimate(teacher: Teacher, todo: list[Any], wanted: int, say: Callable[[str], None]) -> None:
    """Say what is about to be done, and how long it may take."""
    times = [teacher.estimate(atoms) for atoms in todo]
    known = [value for value in times if value is not None]
    hours = sum(known) / 3600
    amount = f"{hours:.1f} h" if hours > 1 else f"{60 * hours:.1f} min"
    cost = f"about {amount}, to a factor of 3" if known else "how long, the first will show"
    say(
        f"{len(todo)} of {wanted} structures to label, {teacher.level}: {cost}"
        if todo
        else f"all {wanted} are labelled"
    )


def _check(found: Prediction, count: int, largest: float, largest_net: float) -> None:
    """Refuse labels that no calculation should give."""
    forces = found.forces
    values = [np.array([found.energy]), forces, np.zeros(1) if found.virial is None else found.virial]
    if forces.shape != (count, 3) or not all(np.isfinite(part).all() for part in values):
        raise LabelError("label: energy, forces or stress are missing or not finite")
    if count > 1 and not forces.any():
        raise LabelError("label: all forces are exactly zero; displace the atoms")
    size = float(np.linalg.norm(forces, axis=1).max())
    if size > largest:
        raise LabelError(f"label: a force of {size:.3g} eV/A is larger than {largest:g} eV/A")
    net = float(np.abs(forces.sum(axis=0)).max())
    if net > largest_net:
        raise LabelError(f"label: a net force of {net:.3g} eV/A is larger than {largest_net:g} eV/A; raise the cutoff")


def _copy(atoms: Any, about: dict[str, Any]) -> Any:
    copied = atoms.copy()
    copied.info |= about
    return copied


def _with_label(atoms: Any, found: Prediction) -> Any:
    """``ase.Atoms`` that carry energy (eV), forces (eV/angstrom) and stress (eV/angstrom^3, ASE's sign)."""
    from ase.calculators.singlepoint import SinglePointCalculator

    stress = {} if found.virial is None else {"stress": -found.virial / atoms.get_volume()}
    atoms.calc = SinglePointCalculator(atoms, energy=found.energy, forces=found.forces, **stress)
    return atoms
