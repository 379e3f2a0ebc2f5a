# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Anything that gives energies and forces, behind one interface: native models, and calculators of ASE.

A further kind is a class with the attributes of :class:`Potential`, and a line in :func:`open_potential`.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

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


def open_potential(text: str, threads: int = 1) -> Potential:
    """Find a potential by what users call it.

    Parameters
    ----------
    text : str
        a model file, the name of a packaged model, `ase:module.Class?key=value`, or `sevenn:NAME`
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
    kind, colon, rest = text.partition(":")
    if kind == "ase" and colon:
        return AsePotential(text, ase_calculator(rest))
    if kind == "sevenn" and colon:
        return AsePotential(text, sevenn_calculator(rest))
    if colon and kind in ("openmmml", "cp2k"):
        raise ValueError(
            f"potential: '{kind}:' cannot be evaluated here; give a model file, ase:module.Class or sevenn:NAME"
        )
    return NativePotential(text, threads)


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
    if not name:
        raise ValueError("sevenn: no model is named; write sevenn:7net-l3i5")
    if importlib.util.find_spec("sevenn") is None:
        raise ImportError(f"sevenn: the package is not installed; pip install sevenn ({SEVENN_SIZE})")
    from sevenn.calculator import SevenNetCalculator

    try:
        return SevenNetCalculator(name, device="cpu")
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"sevenn: '{name}' cannot be loaded ({error}); give a name such as 7net-l3i5") from None
