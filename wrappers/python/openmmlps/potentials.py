# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Anything that gives energies and forces, behind one interface: native models, calculators of ASE, OpenMM-ML.

The names of potentials are read here and nowhere else: `ase:module.Class?key=value`, `sevenn:NAME` and
`openmmml:NAME[:FILE]`; whatever else is a model file or the name of a packaged model.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

KINDS = ("ase", "sevenn", "openmmml")
#: relative strain of the difference quotients of :func:`strain_virial`; energies in single precision still suffice
STRAIN = 1e-3
#: size of what a teacher brings, for the message that it is missing
SEVENN_SIZE = "5.2 GB with PyTorch's CUDA libraries on x86-64"


@dataclass(frozen=True)
class Prediction:
    """Energy in eV; forces (n, 3) in eV/angstrom; virial (3, 3) in eV, -dE/dstrain, or None where it is not known."""

    energy: float
    forces: np.ndarray
    virial: np.ndarray | None


class Potential(Protocol):
    """What gives a prediction for ``ase.Atoms``."""

    name: str
    elements: tuple[str, ...] | None  #: None: not known beforehand
    path: Path | None  #: of a model file, of which openmm-lps can make a System

    def predict(self, atoms: Any) -> Prediction:
        """Energy, forces and virial of one structure."""


class NativePotential:
    """A Deep Potential in the CPU evaluator of openmm-lps, in double precision.

    Parameters
    ----------
    model : str or Path
        file of any format that is imported, or the name of a packaged model
    threads : int
        to use
    """

    def __init__(self, model: str | Path, threads: int = 1) -> None:
        from openmmlps import LPSModel
        from openmmlps._files import existing_model
        from openmmlps.openmmlps import CoreEvaluator

        self.path: Path | None = existing_model(model)
        self.name = str(model)
        loaded = LPSModel(str(self.path))
        names = tuple(loaded.getTypeNames())
        self.elements: tuple[str, ...] | None = names
        self._types = {name: index for index, name in enumerate(names)}
        self._evaluator = CoreEvaluator(loaded, True, True, threads)

    def forget(self) -> None:
        """Drop the list of neighbors, so that what follows does not depend, in its last digits, on what was asked before."""
        alone, none = np.zeros((1, 3)), np.empty(0)
        self._evaluator.evaluate(
            alone, np.zeros(1, dtype=np.int32), none, np.empty(1), np.empty((1, 3)), np.empty((3, 3))
        )

    def predict(self, atoms: Any) -> Prediction:
        """Energy, forces and virial of ``ase.Atoms`` whose elements the model has."""
        count = len(atoms)
        energies, forces, virial = np.empty(count), np.empty((count, 3)), np.empty((3, 3))
        cell = np.array(atoms.cell, dtype=float, order="C") if atoms.pbc.any() else np.empty(0)
        types = np.array([self._types[symbol] for symbol in atoms.get_chemical_symbols()], dtype=np.int32)
        positions = np.array(atoms.positions, dtype=float, order="C")
        self._evaluator.evaluate(positions, types, cell, energies, forces, virial)
        return Prediction(float(energies.sum()), forces, virial)


class AsePotential:
    """A calculator of ASE.

    Parameters
    ----------
    name : str
        for tables and messages
    calculator : ase.calculators.calculator.Calculator
        which is asked
    """

    path: Path | None = None
    elements: tuple[str, ...] | None = None

    def __init__(self, name: str, calculator: Any) -> None:
        self.name, self.calculator = name, calculator

    def predict(self, atoms: Any) -> Prediction:
        """Energy, forces and, where the calculator has a stress, virial of ``ase.Atoms``."""
        from ase.calculators.calculator import PropertyNotImplementedError

        atoms = atoms.copy()
        atoms.calc = self.calculator
        energy, forces = float(atoms.get_potential_energy()), np.array(atoms.get_forces())
        try:
            virial = -atoms.get_volume() * atoms.get_stress(voigt=False) if atoms.pbc.all() else None
        except (PropertyNotImplementedError, NotImplementedError):
            virial = None
        return Prediction(energy, forces, virial)


@dataclass(frozen=True)
class PotentialName:
    """What users call a potential that is no Deep Potential."""

    kind: str  #: one of KINDS
    rest: str  #: after the colon

    @property
    def package(self) -> str:
        """What has to be imported for it."""
        return self.rest.partition("?")[0].rpartition(".")[0] if self.kind == "ase" else self.kind

    @property
    def file(self) -> Path | None:
        """File of weights, of `openmmml:NAME:FILE`."""
        _, _, file = self.rest.partition(":")
        return Path(file) if self.kind == "openmmml" and file else None

    @property
    def short(self) -> str:
        """A name for tables and folders, such as 7net-l3i5 or LennardJones."""
        if self.kind == "ase":
            return self.rest.partition("?")[0].rpartition(".")[2]
        return self.rest.partition(":")[0]

    @property
    def sha256(self) -> str:
        """Hash of the file of weights, or of the module of a calculator that no distribution brings; else empty.

        Raises
        ------
        FileNotFoundError
            if the file of weights is not there
        """
        if self.file is not None:
            if not self.file.is_file():
                raise FileNotFoundError(
                    f"openmmml: '{self.file}' is not a file; correct the path after the second colon"
                )
            return hashlib.sha256(self.file.read_bytes()).hexdigest()
        origin = None if self.version else _origin(self.package)
        return hashlib.sha256(origin.read_bytes()).hexdigest() if origin else ""

    @property
    def version(self) -> str:
        """Version of the distribution that has the weights or the code, or empty."""
        try:
            return importlib.metadata.version(self.package.partition(".")[0])
        except importlib.metadata.PackageNotFoundError:
            return ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.rest}"


def _origin(module: str) -> Path | None:
    """Source file of a module, if it can be found."""
    try:
        found = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None
    return Path(found.origin) if found and found.origin and Path(found.origin).is_file() else None


def parse_name(text: object) -> PotentialName | None:
    """Read the name of a potential.

    Parameters
    ----------
    text : str or Path
        what users give as a model

    Returns
    -------
    PotentialName or None
        None for a model file, or the name of a packaged model

    Raises
    ------
    ValueError
        for a kind without anything after its colon
    """
    kind, colon, rest = str(text).partition(":")
    if not colon or kind not in KINDS:
        return None
    if not rest:
        example = {"ase": "ase.calculators.emt.EMT", "sevenn": "7net-l3i5", "openmmml": "mace-off23-small"}[kind]
        raise ValueError(f"{kind}: nothing is named; write for example {kind}:{example}")
    return PotentialName(kind, rest)


def open_calculator(name: PotentialName) -> Any:
    """Make the ASE calculator of a potential.

    Parameters
    ----------
    name : PotentialName
        of it

    Returns
    -------
    ase.calculators.calculator.Calculator
        with energy and forces, not always with stress

    Raises
    ------
    ValueError
        if it cannot be made
    ImportError
        if a package is missing
    FileNotFoundError
        if a file of weights is not there
    """
    if name.kind == "ase":
        return ase_calculator(name.rest)
    if name.kind == "sevenn":
        return sevenn_calculator(name.rest)
    from openmmlps._openmmml import OpenMMCalculator, open_openmmml

    return OpenMMCalculator(open_openmmml(name))


def open_potential(text: str, threads: int = 1) -> Potential:
    """Find a potential by what users call it.

    Parameters
    ----------
    text : str
        a model file, the name of a packaged model, `ase:module.Class?key=value`, `sevenn:NAME`, or
        `openmmml:NAME[:FILE]`
    threads : int
        for native models

    Returns
    -------
    Potential
        ready to be asked

    Raises
    ------
    ValueError
        for a kind that is not known, or a calculator that cannot be made
    ImportError
        if a package is missing
    FileNotFoundError
        if there is no such model file
    """
    name = parse_name(text)
    if name is not None:
        return AsePotential(text, open_calculator(name))
    if text.startswith("cp2k:"):
        raise ValueError(
            "potential: 'cp2k:' cannot be evaluated here; give a model file, ase:module.Class, sevenn:NAME or openmmml:NAME"
        )
    return NativePotential(text, threads)


def strain_virial(
    energy: Callable[[np.ndarray, np.ndarray], float], positions: np.ndarray, cell: np.ndarray
) -> np.ndarray:
    """Virial of a potential that has none, by central differences: twelve energies.

    Parameters
    ----------
    energy : callable
        (positions [n, 3], cell [3, 3]) -> energy
    positions : ndarray
        [n, 3]
    cell : ndarray
        [3, 3], lattice vectors in rows

    Returns
    -------
    ndarray
        [3, 3] W = -dE/dstrain, symmetric, in the unit of the energy; the error is of the order of STRAIN squared
    """
    virial = np.empty((3, 3))
    for i, j in zip(*np.triu_indices(3), strict=True):
        strain = np.zeros((3, 3))
        strain[i, j] += STRAIN / 2
        strain[j, i] += STRAIN / 2
        plus, minus = (energy(positions @ (np.eye(3) + s), cell @ (np.eye(3) + s)) for s in (strain, -strain))
        virial[i, j] = virial[j, i] = (minus - plus) / (2 * STRAIN)
    return virial


def ase_calculator(text: str) -> Any:
    """A calculator of ASE from `module.Class?key=value&key=value`; values are numbers, true, false or text."""
    where, _, options = text.partition("?")
    module, _, name = where.rpartition(".")
    if not module or not name:
        raise ValueError(
            f"ase: '{text}' does not name a calculator; give module.Class, such as ase.calculators.emt.EMT"
        )
    try:
        found = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise ImportError(f"ase: '{module}' cannot be imported ({error}); install the package that has it") from None
    except AttributeError:
        raise ValueError(f"ase: '{module}' has no '{name}'; correct the name of the calculator") from None
    values = {}
    for part in filter(None, options.split("&")):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"ase: '{part}' is no key=value; write ase:{where}?key=value")
        values[key] = _value(value)
    try:
        return found(**values)
    except (TypeError, ValueError, OSError) as error:
        raise ValueError(f"ase: {where} cannot be made with {values} ({error}); correct its options") from None


def _value(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False, "none": None}.get(text.lower(), text)


def sevenn_calculator(name: str) -> Any:
    """The calculator of a SevenNet model, such as 7net-l3i5, whose weights lie inside its package."""
    if importlib.util.find_spec("sevenn") is None:
        raise ImportError(f"sevenn: the package is not installed; pip install sevenn ({SEVENN_SIZE})")
    from sevenn.calculator import SevenNetCalculator

    try:
        return SevenNetCalculator(name, device="cpu")
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"sevenn: '{name}' cannot be loaded ({error}); give a name such as 7net-l3i5") from None
