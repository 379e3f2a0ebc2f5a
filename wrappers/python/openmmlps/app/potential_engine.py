# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Runs driven by any potential that is no Deep Potential: calculators of ASE and potentials of OpenMM-ML.

What is frozen with a run is a native file without weights that holds the name of the potential, the version of its
package, and the hash of its file. A run goes on only if all of these are still the same.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from openmmlps.potentials import PotentialName, open_calculator, parse_name, strain_virial
from openmmlps.units import ANGSTROM_PER_NM, KJ_PER_MOL_PER_EV

from . import observables
from .repulsion import addRepulsion, read_repulsion
from .run_settings import RunSettings
from .system import symbols_of

_FORMAT = "openmm-lps potential"
_STRAINED = (
    "{name} has no stress: pressure and virial come from the energies of strained cells, "
    "12 evaluations for each line of thermo.csv and frame"
)


class PotentialEngine:
    """The engine of :mod:`.engine` for potentials that are named `ase:`, `sevenn:` or `openmmml:`."""

    kernel = "CalcPythonForce"

    def __init__(self) -> None:
        self._calculators: dict[str, WithStress] = {}
        self._virial: Any = None

    def freeze_model(
        self, source: str | os.PathLike[str] | None, symbols: Sequence[str]
    ) -> tuple[bytes, dict[str, Any]]:
        """Make the potential once, and the file that stands for it.

        Parameters
        ----------
        source : str or os.PathLike
            name of the potential, or a file that an earlier call made
        symbols : sequence of str
            [n] chemical symbols of the structure; which others the potential knows cannot be asked

        Returns
        -------
        content : bytes
            a native file without weights
        record : dict
            JSON-serialisable: name, elements, version, sha256 of the file of weights, and a `note` about the virial

        Raises
        ------
        ValueError, ImportError, OSError
            as of :func:`openmmlps.potentials.open_calculator`
        """
        name = parse_name(source) or read_frozen(Path(str(source)))
        metadata = {"format": _FORMAT, "format_version": "1", "potential": str(name)}
        metadata |= {"version": name.version, "file_sha256": name.sha256}
        record = {"source": str(name), "elements": sorted(set(symbols))}
        record |= {key: metadata[key] for key in ("version", "file_sha256") if metadata[key]}
        if not self._calculator(name).has_stress:
            record["note"] = _STRAINED.format(name=name.short)
        header = json.dumps({"__metadata__": metadata}).encode()
        return struct.pack("<Q", len(header)) + header, record

    def make_system(self, topology: Any, model_path: Path, settings: RunSettings) -> Any:
        """Make the System without thermostat and barostat.

        Raises
        ------
        ValueError
            if the potential is no longer what was frozen
        """
        import openmm

        name = read_frozen(model_path)
        use_threads(settings.threads)
        calculator = self._calculator(name)
        periodic = topology.getPeriodicBoxVectors() is not None
        computation = _Computation(calculator, symbols_of(topology, str(name)), periodic)
        if name.kind == "openmmml":
            from openmmlps._openmmml import open_openmmml

            system = open_openmmml(name).createSystem(topology, removeCMMotion=True)
        else:
            system = openmm.System()
            if periodic:
                system.setDefaultPeriodicBoxVectors(*topology.getPeriodicBoxVectors())
            for atom in topology.atoms():
                system.addParticle(atom.element.mass)
            force = openmm.PythonForce(computation)
            force.setUsesPeriodicBoundaryConditions(periodic)
            system.addForce(force)
            system.addForce(openmm.CMMotionRemover())
        if settings.repulsion:
            addRepulsion(system)
        self._virial = observables.Virial([computation], read_repulsion(system))
        return system

    def virial(self, system: Any) -> observables.Virial:
        """Make a callable (context, step) -> [3, 3] kJ/mol, for the System that was made last."""
        found: observables.Virial = self._virial
        return found

    def _calculator(self, name: PotentialName) -> WithStress:
        if str(name) not in self._calculators:
            self._calculators[str(name)] = WithStress(open_calculator(name))
        return self._calculators[str(name)]


def is_potential(model: object) -> bool:
    """Whether what users call a model is a potential for :class:`PotentialEngine`, by its name or as it was frozen."""
    if model is None:
        return False
    return parse_name(model) is not None or _metadata(Path(str(model))).get("format") == _FORMAT


def read_frozen(path: Path) -> PotentialName:
    """Name of the potential that a file stands for.

    Raises
    ------
    ValueError
        if it is no such file, or the potential has changed since
    """
    metadata = _metadata(path)
    name = parse_name(metadata.get("potential", ""))
    if metadata.get("format") != _FORMAT or name is None:
        raise ValueError(f"potential: '{path}' does not name one; give ase:module.Class, sevenn:NAME or openmmml:NAME")
    for key, now in (("version", name.version), ("file_sha256", name.sha256)):
        if now != metadata.get(key):
            what = "its package has version" if key == "version" else "its file has sha256"
            raise ValueError(
                f"{name}: {what} {now[:12] or 'none'} now, not {str(metadata.get(key))[:12]} as when this began; put "
                "that one back or start anew"
            )
    return name


def _metadata(path: Path) -> dict[str, Any]:
    """Metadata of a native file; empty if it is none."""
    try:
        with open(path, "rb") as file:
            start = file.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == struct.calcsize("<Q") else 0
            header = json.loads(file.read(size)) if 0 < size < 1 << 16 else {}
        return dict(header.get("__metadata__", {}))
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def use_threads(threads: int | None) -> None:
    """Let PyTorch, if a potential has loaded it, use so many threads."""
    import sys

    if threads and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


class _Computation:
    """What a PythonForce calls; it keeps the atoms, so that a stress asked for next costs nothing more.

    Parameters
    ----------
    calculator : WithStress
        of ASE
    symbols : sequence of str
        [n]
    periodic : bool
        in three directions
    """

    def __init__(self, calculator: WithStress, symbols: Sequence[str], periodic: bool) -> None:
        from ase import Atoms

        self._atoms = Atoms(list(symbols), pbc=periodic, calculator=calculator)
        self._periodic = periodic

    def __call__(self, state: Any) -> tuple[float, np.ndarray]:
        """Energy in kJ/mol and forces [n, 3] in kJ/mol/nm of a State."""
        self._take(state)
        forces = self._atoms.get_forces()
        return (
            self._atoms.get_potential_energy() * KJ_PER_MOL_PER_EV,
            forces * (KJ_PER_MOL_PER_EV * ANGSTROM_PER_NM),
        )

    def computeVirial(self, context: Any) -> np.ndarray:  # noqa: N802  as of an LPSForce
        """Virial [3, 3] in kJ/mol of the state of a Context, W = -dE/dstrain."""
        self._take(context.getState(positions=True))
        if not self._periodic:
            virial = self._atoms.get_positions().T @ self._atoms.get_forces()
            return (virial + virial.T) / 2 * KJ_PER_MOL_PER_EV
        stress = self._atoms.get_stress(voigt=False)
        return -self._atoms.get_volume() * KJ_PER_MOL_PER_EV * np.asarray(stress)

    def _take(self, state: Any) -> None:
        self._atoms.set_positions(state.getPositions(asNumpy=True)._value * ANGSTROM_PER_NM)
        if self._periodic:
            self._atoms.set_cell(state.getPeriodicBoxVectors(asNumpy=True)._value * ANGSTROM_PER_NM)


class WithStress(Calculator):
    """A calculator of ASE, with a stress from energies of strained cells where it has none of its own.

    Parameters
    ----------
    calculator : ase.calculators.calculator.Calculator
        which is asked
    """

    implemented_properties = ["energy", "forces", "stress"]
    platform = None

    def __init__(self, calculator: Any) -> None:
        super().__init__()
        self._calculator = calculator
        #: whether no strained cells are needed, as far as the calculator says
        self.has_stress = "stress" in getattr(calculator, "implemented_properties", ())

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute; ASE calls this."""
        super().calculate(atoms, properties, system_changes)
        mine = self.atoms
        mine.constraints = []  # fixed atoms have no force in ASE; who asks for forces takes care of that
        self.results["energy"] = float(self._calculator.get_property("energy", mine))
        self.results["forces"] = np.array(self._calculator.get_property("forces", mine))
        if "stress" in properties:
            self.results["stress"] = self._stress(mine)

    def _stress(self, atoms: Any) -> np.ndarray:
        from ase.calculators.calculator import PropertyNotImplementedError
        from ase.stress import full_3x3_to_voigt_6_stress

        if self.has_stress:
            try:
                return np.array(self._calculator.get_property("stress", atoms))
            except (PropertyNotImplementedError, NotImplementedError):
                self.has_stress = False
        strained = atoms.copy()

        def energy(positions: np.ndarray, cell: np.ndarray) -> float:
            strained.set_cell(cell)
            strained.set_positions(positions)
            return float(self._calculator.get_property("energy", strained))

        virial = strain_virial(energy, atoms.get_positions(), np.array(atoms.cell))
        return np.array(full_3x3_to_voigt_6_stress(-virial / atoms.get_volume()))
