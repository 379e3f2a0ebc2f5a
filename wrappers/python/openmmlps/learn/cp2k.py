# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""CP2K as a teacher: inputs from templates, and what its output says.

The templates that ship are one file, `templates/pbe.inp`, in six variants: `pbe`, `pbe-d3` (zero damping) and `pbe-d3bj`, at the
Gamma point, or with `-k` on a Monkhorst-Pack grid that is as dense as a cell of 11 angstrom at the Gamma point.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.constants import physical_constants

from openmmlps.potentials import Prediction
from openmmlps.units import GPA_PER_EV_PER_ANGSTROM3

HARTREE = physical_constants["Hartree energy in eV"][0]
BOHR = physical_constants["Bohr radius"][0] * 1e10  # angstrom
TEMPLATE = Path(__file__).parent / "templates" / "pbe.inp"
DISPERSIONS = {"pbe": "", "pbe-d3": "DFTD3", "pbe-d3bj": "DFTD3(BJ)"}
LEVELS = {"pbe": "PBE", "pbe-d3": "PBE-D3(0)", "pbe-d3bj": "PBE-D3(BJ)"}
TEMPLATES = (*DISPERSIONS, *(f"{name}-k" for name in DISPERSIONS))
DENSE = 11.0  # angstrom; a cell of this height needs the Gamma point alone


@dataclass(frozen=True)
class Kind:
    """Valence electrons, basis set and plane wave cutoff (Ry) of an element.

    Displaced cells of LiCl, LiBr, AgI and GeS kept net forces below 0.002 eV/angstrom at these cutoffs; NaCl kept 0.4 to 0.6.
    """

    electrons: int
    basis: str
    cutoff: int


KINDS = {
    "Li": Kind(3, "TZVP-MOLOPT-SR-GTH", 400),
    "N": Kind(5, "TZVP-MOLOPT-GTH", 800),
    "O": Kind(6, "TZVP-MOLOPT-GTH", 800),
    "Na": Kind(9, "TZVPd-MOLOPT-SR-GTH", 1200),
    "Si": Kind(4, "TZVP-MOLOPT-GTH", 400),
    "P": Kind(5, "TZVP-MOLOPT-GTH", 400),
    "S": Kind(6, "TZVP-MOLOPT-GTH", 400),
    "Cl": Kind(7, "TZVP-MOLOPT-GTH", 600),
    "Ge": Kind(4, "TZVP-MOLOPT-SR-GTH", 400),
    "Br": Kind(7, "TZVP-MOLOPT-SR-GTH", 600),
    "Ag": Kind(11, "TZVP-MOLOPT-SR-GTH", 600),
    "Sb": Kind(5, "TZVP-MOLOPT-SR-GTH", 600),
    "I": Kind(7, "TZVP-MOLOPT-SR-GTH", 600),
    "W": Kind(14, "TZVP-MOLOPT-SR-GTH", 600),
}


class LabelError(Exception):
    """A calculation that gives no label, with the reason."""


class Stopped(Exception):  # noqa: N818  no error
    """A calculation that was told to stop; it is begun again another time."""


class Cp2k:
    """CP2K with one template.

    Parameters
    ----------
    template : str
        one of `TEMPLATES`, or the path of an input with @A@, @B@, @C@ and @COORDINATES@ in it
    command : str
        program, as in 'mpirun -n 8 cp2k.psmp'
    threads : int
        OpenMP threads
    walltime : float, optional
        clock time of one structure in s; a longer calculation is ended and discarded
    cutoff : int, optional
        plane wave cutoff in Ry, instead of that of the elements

    Raises
    ------
    ValueError
        if there is no such template or program
    """

    def __init__(
        self,
        template: str,
        command: str = "cp2k",
        threads: int = 1,
        walltime: float | None = None,
        cutoff: int | None = None,
    ) -> None:
        self.template = template or "pbe"
        self.command, self.threads, self.walltime, self.cutoff = command.split(), threads, walltime, cutoff
        self.ours = self.template in TEMPLATES
        path = TEMPLATE if self.ours else Path(self.template)
        if not path.is_file():
            raise ValueError(
                f"cp2k: there is no template '{template}'; use {', '.join(TEMPLATES)} or the path of an input"
            )
        self.text = path.read_text()
        missing = [mark for mark in ("@A@", "@B@", "@C@", "@COORDINATES@") if mark not in self.text]
        if missing:
            raise ValueError(f"cp2k: the template '{template}' has no {', '.join(missing)}; put the marks into it")
        if not self.command or shutil.which(self.command[0]) is None:
            raise ValueError(
                f"cp2k: there is no program '{command}'; install CP2K (Debian: apt-get install cp2k), or name it with --cp2k"
            )
        functional = self.template.removesuffix("-k")
        grid = "k-points" if self.template.endswith("-k") else "Gamma point"
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:16]
        self.record: dict[str, Any] = {"template_sha256": digest, "cutoff_Ry": cutoff or "by element"}
        self.level = f"{LEVELS[functional]}/TZVP-MOLOPT-GTH, CP2K, {grid}" if self.ours else f"CP2K, {path.name}"

    def kpoints(self, atoms: Any) -> tuple[int, int, int]:
        """The grid of a structure along a, b, c."""
        if not self.ours or not self.template.endswith("-k"):
            return (1, 1, 1)
        heights = 1 / np.linalg.norm(np.linalg.inv(np.array(atoms.cell)), axis=0)
        a, b, c = (max(1, int(np.ceil(DENSE / height - 1e-6))) for height in heights)
        return (a, b, c)

    def cutoff_of(self, atoms: Any) -> int:
        """Plane wave cutoff of a structure in Ry; 0 for a template that says it itself."""
        if not self.ours:
            return 0
        return self.cutoff or max(KINDS[symbol].cutoff for symbol in set(atoms.get_chemical_symbols()))

    def problem(self, atoms: Any) -> str:
        """Why a structure cannot be computed; empty if it can."""
        known = list(KINDS) if self.ours else re.findall(r"&KIND\s+(\w+)", self.text)
        unknown = sorted(set(atoms.get_chemical_symbols()) - set(known))
        if unknown:
            return f"the template has no basis for {', '.join(unknown)}, only for {', '.join(known)}"
        if not atoms.pbc.all() or abs(np.linalg.det(np.array(atoms.cell))) < 1:
            return "the structure is not periodic in three directions; give it a cell"
        electrons = sum(KINDS[symbol].electrons for symbol in atoms.get_chemical_symbols()) if self.ours else 0
        return f"it has an odd number of electrons ({electrons}); add or remove an atom" if electrons % 2 else ""

    def details(self, atoms: Any) -> dict[str, Any]:
        """What is said of a label besides its level."""
        found: dict[str, Any] = {"kpoints": "x".join(map(str, self.kpoints(atoms)))}
        return found | ({"cutoff_Ry": self.cutoff_of(atoms)} if self.ours else {})

    def estimate(self, atoms: Any) -> float:
        """Rough time of one core in s, from what 12 to 100 atoms of sulfides and AgI took."""
        points = float(np.prod(self.kpoints(atoms)))
        return 300 * (len(atoms) / 50) ** 1.7 * max(1.0, self.cutoff_of(atoms) / 400) * points**0.4 / self.threads

    def make_input(self, atoms: Any) -> str:
        """The input of one structure.

        Raises LabelError for a structure that cannot be computed.
        """
        problem = self.problem(atoms)
        if problem:
            raise LabelError(f"cp2k: {problem}")
        symbols = atoms.get_chemical_symbols()
        marks = {
            name: " ".join(f"{value:.10f}" for value in vector)
            for name, vector in zip("ABC", np.array(atoms.cell), strict=True)
        }
        marks["COORDINATES"] = "\n".join(
            f"      {symbol} " + " ".join(f"{value:.10f}" for value in position)
            for symbol, position in zip(symbols, atoms.positions, strict=True)
        )
        if self.ours:
            grid = self.kpoints(atoms)
            dispersion = DISPERSIONS[self.template.removesuffix("-k")]
            marks["CUTOFF"] = str(self.cutoff_of(atoms))
            marks["KPOINTS"] = (
                _section("KPOINTS", f"SCHEME MONKHORST-PACK {grid[0]} {grid[1]} {grid[2]}", "SYMMETRY F", depth=4)
                if self.template.endswith("-k")
                else ""
            )
            inner = _section(
                "PAIR_POTENTIAL",
                f"TYPE {dispersion}",
                "PARAMETER_FILE_NAME dftd3.dat",
                "REFERENCE_FUNCTIONAL PBE",
                depth=8,
            )
            outer = ["      &VDW_POTENTIAL", "        POTENTIAL_TYPE PAIR_POTENTIAL", inner, "      &END VDW_POTENTIAL"]
            marks["DISPERSION"] = "\n".join(outer) if dispersion else ""
            marks["KINDS"] = "\n".join(
                _section(
                    f"KIND {s}", f"BASIS_SET {KINDS[s].basis}", f"POTENTIAL GTH-PBE-q{KINDS[s].electrons}", depth=4
                )
                for s in sorted(set(symbols))
            )
        text = self.text
        for name, value in marks.items():
            text = text.replace(f"@{name}@", value)
        return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"

    def predict(self, atoms: Any, folder: Path, stop: Callable[[], bool] | None = None) -> Prediction:
        """Compute one structure.

        Parameters
        ----------
        atoms : ase.Atoms
            the structure
        folder : Path
            of input and output, made if need be
        stop : callable, optional
            asked now and then whether to stop

        Returns
        -------
        Prediction
            energy, forces and virial

        Raises
        ------
        LabelError
            if the calculation gives no label
        Stopped
            if it was told to stop
        """
        text = self.make_input(atoms)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "label.inp").write_text(text)
        code = self._run(folder, stop)
        output = folder / "label.out"
        try:
            found = parse_output(output.read_text(errors="replace"), len(atoms), atoms.get_volume())
        except LabelError as error:
            raise LabelError(f"{error} '{output}'{f', exit code {code}' if code else ''}") from None
        for leftover in folder.glob("label-RESTART*"):
            leftover.unlink()
        return found

    def _run(self, folder: Path, stop: Callable[[], bool] | None) -> int:
        """Run the program to its end. CP2K looks at its own WALLTIME between iterations only, so it is ended from here."""
        environment = os.environ | {"OMP_NUM_THREADS": str(self.threads)}
        begin = time.monotonic()
        with open(folder / "label.out", "w") as output:
            process = subprocess.Popen(
                [*self.command, "-i", "label.inp"],
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            try:
                while True:
                    try:
                        return process.wait(timeout=0.2)
                    except subprocess.TimeoutExpired:
                        pass
                    if stop is not None and stop():
                        raise Stopped
                    if self.walltime is not None and time.monotonic() - begin > self.walltime:
                        raise LabelError(f"cp2k: it took longer than the walltime of {self.walltime:g} s")
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def _section(name: str, *lines: str, depth: int) -> str:
    space = " " * depth
    return "\n".join([f"{space}&{name}", *(f"{space}  {line}" for line in lines), f"{space}&END {name.split()[0]}"])


def parse_output(text: str, count: int, volume: float) -> Prediction:
    """Read the label in an output.

    Parameters
    ----------
    text : str
        what CP2K printed
    count : int
        number of atoms
    volume : float
        of the cell, angstrom^3

    Returns
    -------
    Prediction
        CP2K prints the stress as a pressure, positive under compression, and so is the virial

    Raises
    ------
    LabelError
        if the self-consistent field did not converge, the output ends early, or a part of the label is missing
    """
    if re.search(r"SCF run NOT converged|SCF.*did not converge", text):
        raise LabelError("cp2k: the self-consistent field did not converge; raise MAX_SCF or change the structure")
    abort = re.search(r"\[ABORT\][^\n]*\n(.*?)\n\s*\*{5,}\s*\n|ERROR in[^\n]*", text, re.DOTALL)
    energy = re.findall(r"ENERGY\| Total FORCE_EVAL.*:\s+(-?[\d.]+)", text)
    if not energy or "PROGRAM ENDED AT" not in text:
        reason = " ".join(re.sub(r"[*|\\/_]+", " ", abort.group(0)).split())[:200] if abort else "the output ends early"
        raise LabelError(f"cp2k: it gave no energy ({reason}); see the output")
    forces = _forces(text)
    if forces.shape != (count, 3):
        raise LabelError(f"cp2k: it printed {len(forces)} forces for {count} atoms; see the output")
    unit = re.search(r"STRESS\| Analytical stress tensor \[(\w+)\]", text)
    stress = re.findall(r"STRESS\|\s+([xyz])\s+(-?[\d.E+-]+)\s+(-?[\d.E+-]+)\s+(-?[\d.E+-]+)", text)[:3]
    if unit is None or [row[0] for row in stress] != ["x", "y", "z"]:
        raise LabelError("cp2k: it printed no stress tensor; keep STRESS_TENSOR ANALYTICAL in the template")
    factors = {"GPa": 1.0, "bar": 1e-4, "kbar": 0.1}
    if unit.group(1) not in factors:
        raise LabelError(f"cp2k: the stress tensor is in {unit.group(1)}, not in {', '.join(factors)}; see the output")
    pressure = factors[unit.group(1)] * np.array([[float(value) for value in row[1:]] for row in stress])
    return Prediction(
        float(energy[-1]) * HARTREE, forces * HARTREE / BOHR, pressure * volume / GPA_PER_EV_PER_ANGSTROM3
    )


def _forces(text: str) -> np.ndarray:
    """Forces [n, 3] of the block 'ATOMIC FORCES in [a.u.]', hartree/bohr."""
    block = text.split("ATOMIC FORCES in [a.u.]")[-1]
    rows = re.findall(r"^\s+\d+\s+\d+\s+[A-Z][a-z]?\s+(-?[\d.]+)\s+(-?[\d.]+)\s+(-?[\d.]+)\s*$", block, re.MULTILINE)
    return np.array(rows, dtype=float).reshape(-1, 3)
