# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Input and output of one CP2K calculation: energy, forces and stress at fixed atoms."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from units import BOHR, GPA, HARTREE

TEMPLATE = Path(__file__).with_name("single-point.inp")
GAMMA = (1, 1, 1)

# Orbital transformation, as in the template, knows the Gamma point only.
SOLVER_OF_KPOINTS = """&DIAGONALIZATION
        ALGORITHM STANDARD
      &END DIAGONALIZATION
      &MIXING
        METHOD BROYDEN_MIXING
        ALPHA 0.3
        NBUFFER 8
      &END MIXING
    """
KPOINTS = """&KPOINTS
      SCHEME MONKHORST-PACK {} {} {}
      SYMMETRY F
    &END KPOINTS
    &XC
"""


class LabelError(Exception):
    """A calculation that gives no label, with the reason."""


@dataclass(frozen=True)
class Label:
    """Energy in eV; forces [n, 3] in eV/angstrom; virial [3, 3] in eV, -dE/dstrain, not divided by the volume."""

    energy: float
    forces: np.ndarray
    virial: np.ndarray


def with_kpoints(template: str, grid: tuple[int, int, int]) -> str:
    """Return a template that samples the Brillouin zone on a Monkhorst-Pack grid; the Gamma point leaves it as it is.

    The sections &OT and &OUTER_SCF give way to diagonalisation. Raises LabelError for a template without them.
    """
    if grid == GAMMA:
        return template
    text, solvers = re.subn(r"&OT\b.*?(?=&END SCF)", SOLVER_OF_KPOINTS, template, flags=re.DOTALL)
    if solvers != 1 or text.count("&XC\n") != 1:
        raise LabelError("label: --kpoints takes a template with one section &OT within &SCF, and one &XC")
    text = re.sub(r"EPS_SCF\s+\S+", "EPS_SCF 1e-5", text)  # of the density matrix now
    return text.replace("&XC\n", KPOINTS.format(*grid))


def make_input(atoms, template: str) -> str:
    """Return the input for ``ase.Atoms`` that are periodic along three directions.

    Raises LabelError for an element without a KIND in the template, or a cell without volume.
    """
    known = re.findall(r"&KIND\s+(\w+)", template)
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(known))
    if unknown:
        raise LabelError(
            f"label: the template has no basis for {', '.join(unknown)}, only for {', '.join(known)}; add a &KIND section"
        )
    if not atoms.pbc.all() or abs(np.linalg.det(atoms.cell)) < 1:
        raise LabelError("label: the structure is not periodic in three directions; give it a cell")
    text = template
    for name, vector in zip("ABC", np.array(atoms.cell), strict=True):
        text = text.replace(f"@{name}@", " ".join(f"{value:.10f}" for value in vector))
    lines = [
        f"      {symbol} " + " ".join(f"{value:.10f}" for value in position)
        for symbol, position in zip(atoms.get_chemical_symbols(), atoms.positions, strict=True)
    ]
    return text.replace("@COORDINATES@", "\n".join(lines))


def parse_output(text: str, count: int, volume: float) -> Label:
    """Return the label in the output of a calculation of `count` atoms in a cell of `volume` angstrom^3.

    CP2K prints the stress as a pressure: positive under compression. Raises LabelError if the self-consistent field did not
    converge, or the output ends early.
    """
    if "SCF run NOT converged" in text:
        raise LabelError("label: the self-consistent field did not converge; raise MAX_SCF or change the structure")
    abort = re.search(r"\[ABORT\][^\n]*\n(.*?)\n\s*\*{5,}\s*\n|ERROR in[^\n]*", text, re.DOTALL)
    energy = re.findall(r"ENERGY\| Total FORCE_EVAL.*:\s+(-?[\d.]+)", text)
    if not energy or "PROGRAM ENDED AT" not in text:
        reason = " ".join(re.sub(r"[*|\\/_]+", " ", abort.group(0)).split())[:200] if abort else "the output ends early"
        raise LabelError(f"label: CP2K gave no energy ({reason}); see the output")
    forces = _forces(text)
    if forces.shape != (count, 3):
        raise LabelError(f"label: CP2K printed {len(forces)} forces for {count} atoms; see the output")
    stress = re.findall(r"STRESS\|\s+([xyz])\s+(-?[\d.E+-]+)\s+(-?[\d.E+-]+)\s+(-?[\d.E+-]+)", text)[:3]
    if [row[0] for row in stress] != ["x", "y", "z"]:
        raise LabelError("label: CP2K printed no stress tensor; keep STRESS_TENSOR ANALYTICAL in the template")
    if "Analytical stress tensor [GPa]" not in text:
        raise LabelError("label: the stress tensor of this version of CP2K is not in GPa; use 2023.1 or adapt cp2k.py")
    pressure = np.array([[float(value) for value in row[1:]] for row in stress])
    return Label(float(energy[-1]) * HARTREE, forces * HARTREE / BOHR, pressure * volume / GPA)


def _forces(text: str) -> np.ndarray:
    """Forces [n, 3] of the block 'ATOMIC FORCES in [a.u.]', hartree/bohr."""
    block = text.split("ATOMIC FORCES in [a.u.]")[-1]
    rows = re.findall(r"^\s+\d+\s+\d+\s+[A-Z][a-z]?\s+(-?[\d.]+)\s+(-?[\d.]+)\s+(-?[\d.]+)\s*$", block, re.MULTILINE)
    return np.array(rows, dtype=float).reshape(-1, 3)
