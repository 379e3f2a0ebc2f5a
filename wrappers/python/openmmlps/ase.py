# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Deep Potentials as an ASE calculator.

::

    import ase.io
    from openmmlps.ase import LPSCalculator

    atoms = ase.io.read("POSCAR")
    atoms.calc = LPSCalculator()                # the packaged model; or LPSCalculator("graph.pb")
    atoms.get_potential_energy()                # eV
    atoms.get_stress()                          # eV/angstrom^3, positive under tension

Without a platform the CPU evaluator of the model core computes, and OpenMM has no part in it. Cells may have any shape,
size and handedness, and be periodic along any of the three directions. A calculator may be used on in a forked process,
except on CUDA, OpenCL and HIP, whose devices do not outlive a fork.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from openmmlps import LPSForce
from openmmlps.app import cells
from openmmlps.app.system import check_elements, read_model
from openmmlps.openmmlps import CoreEvaluator
from openmmlps.units import KJ_PER_MOL_PER_EV

_NONE = np.empty(0)


class LPSCalculator(Calculator):
    """ASE calculator of a Deep Potential.

    Properties: ``energy`` and ``free_energy`` (equal, eV), ``energies`` [n] (eV), ``forces`` [n, 3] (eV/angstrom),
    ``stress`` [6] (eV/angstrom^3; ASE's order and sign: dE/dstrain / volume).

    Parameters
    ----------
    model : LPSModel, str or os.PathLike, optional
        a model file in any format that LPSModel reads, or None for the packaged model
    platform : str, optional
        None: the CPU evaluator; or the name of an OpenMM platform, such as 'Reference' or 'CUDA'
    precision : str
        'double' or 'single'; on CUDA, OpenCL and HIP also 'mixed'. Geometry optimization, phonons and elastic constants
        want 'double', which is the default; 'single' is faster. Reference is always double
    useTables : bool
        whether embedding networks may be tabulated
    threads : int
        of the CPU evaluator and the CPU platform; 0: as OPENMM_CPU_THREADS says, else as many as the affinity mask and
        the control groups of the process allow
    **kwargs : Any
        of ``ase.calculators.calculator.Calculator``

    Raises
    ------
    ValueError
        for an unknown platform or precision
    FileNotFoundError, openmm.OpenMMException
        as LPSModel
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]
    discard_results_on_any_change = True

    def __init__(
        self,
        model: Any = None,
        platform: str | None = None,
        precision: str = "double",
        useTables: bool = True,
        threads: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        allowed = ("double", "single", "mixed") if platform in ("CUDA", "OpenCL", "HIP") else ("double", "single")
        if precision not in allowed:
            raise ValueError(f"LPSCalculator: precision is {precision!r}; use one of {', '.join(allowed)}")
        if platform is not None:
            _check_platform(platform)
        if threads < 0:
            raise ValueError(f"LPSCalculator: threads is {threads}; give a number, or 0 for all that may be used")
        self.model = read_model(model)
        self.platform, self.precision, self.useTables, self.threads = platform, precision, useTables, int(threads)
        self._engine: Any = None

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute; ASE calls this when a property is asked for that is not known yet.

        Raises
        ------
        ValueError
            for an element that the model does not know
        ase.calculators.calculator.PropertyNotImplementedError
            for the stress of atoms without a cell volume
        openmm.OpenMMException
            for positions that are not finite, or atoms on top of each other
        """
        super().calculate(atoms, properties, system_changes)
        atoms = self.atoms
        volume = abs(np.linalg.det(atoms.cell))
        if "stress" in properties and volume == 0.0:
            raise PropertyNotImplementedError(
                "LPSCalculator: the cell spans no volume, so there is no stress; set atoms.cell"
            )
        symbols = atoms.get_chemical_symbols()
        known = list(self.model.getTypeNames())
        check_elements(symbols, known, "LPSCalculator")
        if not symbols:
            self.results = {"energy": 0.0, "free_energy": 0.0, "energies": np.zeros(0), "forces": np.zeros((0, 3))}
            if volume:
                self.results["stress"] = np.zeros(6)
            return
        types = np.array([known.index(symbol) for symbol in symbols], dtype=np.int32)
        if self._engine is None:
            self._engine = _CoreEngine(self) if self.platform is None else _PlatformEngine(self)
        # Whoever asks for one derivative asks for the other soon, and the two together cost little more than one.
        derivatives = not {"forces", "stress"}.isdisjoint(properties)
        positions = np.array(atoms.get_positions(), dtype=float, order="C")
        cell = periodic_cell(atoms, 0.1 + 10 * self.model._getCutoff())
        energies, forces, virial = self._engine.evaluate(positions, types, cell, derivatives)
        energy = float(energies.sum())
        self.results = {"energy": energy, "free_energy": energy, "energies": energies}
        if derivatives:
            self.results["forces"] = forces
            if volume:
                self.results["stress"] = full_3x3_to_voigt_6_stress(-virial / volume)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_engine": None}  # made again where it is needed, so that copies and pickles work


def periodic_cell(atoms: Any, gap: float) -> np.ndarray | None:
    """Make a cell that is periodic in all directions and gives atoms that are periodic in some the same energy.

    Directions that are not periodic get a vector at right angles to the others, so long that no image comes within
    `gap` of the atoms.

    Parameters
    ----------
    atoms : ase.Atoms
        with any cell and pbc
    gap : float
        angstrom

    Returns
    -------
    ndarray or None
        [3, 3] angstrom; None if no direction is periodic

    Raises
    ------
    ValueError
        for a periodic direction without a cell vector, or cell vectors in one plane or line
    """
    if not atoms.pbc.any():
        return None
    periodic = np.array(atoms.pbc)
    cell = np.array(atoms.cell, dtype=float)
    kept = cell[periodic]
    if np.linalg.matrix_rank(kept, tol=1e-8) < len(kept):
        raise ValueError(
            f"LPSCalculator: the atoms are periodic along {periodic.tolist()}, but those cell vectors, {kept.tolist()}, "
            "span nothing; set atoms.cell or atoms.pbc"
        )
    if not periodic.all():
        normals = np.linalg.svd(kept)[2][len(kept) :]
        for index, normal in zip(np.flatnonzero(~periodic), normals, strict=True):
            cell[index] = normal * (np.ptp(atoms.get_positions() @ normal) + gap)
    return np.ascontiguousarray(cell)


class _CoreEngine:
    """The CPU evaluator of the model core."""

    def __init__(self, settings: LPSCalculator) -> None:
        self._evaluator = CoreEvaluator(
            settings.model, settings.precision == "double", settings.useTables, settings.threads
        )

    def evaluate(
        self, positions: np.ndarray, types: np.ndarray, cell: np.ndarray | None, derivatives: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute energies [n] eV, forces [n, 3] eV/angstrom, virial [3, 3] eV; the latter two only if asked for."""
        count = len(types)
        energies = np.empty(count)
        forces, virial = (np.empty((count, 3)), np.empty((3, 3))) if derivatives else (_NONE, _NONE)
        self._evaluator.evaluate(positions, types, _NONE if cell is None else cell, energies, forces, virial)
        return energies, forces, virial


class _PlatformEngine:
    """An OpenMM Context; made anew when the number or kinds of atoms change."""

    def __init__(self, settings: LPSCalculator) -> None:
        self._settings = settings
        self._process = os.getpid()
        self._context: Any = None
        self._key: tuple[bytes, bool] | None = None

    def __del__(self) -> None:
        if self._context is not None and self._process != os.getpid():
            self._leave_context()

    def _leave_context(self) -> None:
        """Keep OpenMM from destroying a Context of the parent process: it would wait forever for threads of that one."""
        self._context.getIntegrator().thisown = self._context.thisown = False
        self._context = self._key = None

    def evaluate(
        self, positions: np.ndarray, types: np.ndarray, cell: np.ndarray | None, derivatives: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute as :meth:`_CoreEngine.evaluate`.

        Raises
        ------
        RuntimeError
            in a process forked after the first evaluation, on a platform with devices
        """
        if self._context is not None and self._process != os.getpid():
            platform = self._settings.platform
            if platform not in ("CPU", "Reference"):
                raise RuntimeError(
                    f"LPSCalculator: this process was forked after the {platform} platform was used, and its device cannot "
                    "be used here; start processes with multiprocessing.set_start_method('spawn')."
                )
            self._leave_context()
            self._process = os.getpid()
        box, rotation = None, np.eye(3)
        if cell is not None:
            box, rotation, _ = cells.reduced_box(cell / 10)
        key = (types.tobytes(), cell is not None)
        if key != self._key:
            self._context, self._force = self._make_context(types, box)
            self._key = key
        if box is not None:
            self._context.setPeriodicBoxVectors(*box)
        self._context.setPositions(positions @ rotation.T / 10)
        energies = self._force.computeParticleEnergies(self._context, asNumpy=True)._value / KJ_PER_MOL_PER_EV
        if not derivatives:
            return energies, _NONE, _NONE
        forces = self._context.getState(forces=True).getForces(asNumpy=True)._value / (10 * KJ_PER_MOL_PER_EV)
        virial = self._force.computeVirial(self._context, asNumpy=True)._value / KJ_PER_MOL_PER_EV
        return energies, forces @ rotation, rotation.T @ virial @ rotation

    def _make_context(self, types: np.ndarray, box: np.ndarray | None) -> tuple[Any, Any]:
        import openmm

        settings = self._settings
        system = openmm.System()
        force = LPSForce(settings.model)
        force.setUsesPeriodicBoundaryConditions(box is not None)
        force.setPrecision(LPSForce.Double if settings.precision == "double" else LPSForce.Single)
        force.setUseTables(settings.useTables)
        if box is not None:
            system.setDefaultPeriodicBoxVectors(*box)
        for particle, kind in enumerate(types):
            system.addParticle(1.0)  # nothing moves here
            force.addParticle(particle, int(kind))
        system.addForce(force)
        properties = {}
        if settings.platform in ("CUDA", "OpenCL", "HIP"):
            properties["Precision"] = settings.precision
        elif settings.platform == "CPU" and settings.threads:
            properties["Threads"] = str(settings.threads)
        platform = openmm.Platform.getPlatformByName(settings.platform)
        return openmm.Context(system, openmm.VerletIntegrator(0.001), platform, properties), force


def _check_platform(name: str) -> None:
    from openmmlps.app.platforms import list_platforms

    usable = [info.name for info in list_platforms() if info.has_kernel]
    if name not in usable:
        raise ValueError(
            f"LPSCalculator: platform is {name!r}; usable here are {', '.join(usable)}, or None for the CPU evaluator"
        )
