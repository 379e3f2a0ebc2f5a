# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""One state of a simulation as an extended XYZ file, which `load`, ASE and most viewers read."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .replace import replace_file


def snapshot_atoms(
    symbols: Sequence[str],
    positions: Any,
    box: Any = None,
    velocities: Any = None,
    masses: Any = None,
    fixed: Any = None,
) -> Any:
    """Make ``ase.Atoms`` of a state in OpenMM's frame; positions are not folded into the box.

    Parameters
    ----------
    symbols : sequence of str
        [n] chemical symbols
    positions : array
        [n, 3] nm
    box : array, optional
        [3, 3] nm, lattice vectors in rows; None: not periodic
    velocities : array, optional
        [n, 3] nm/ps
    masses : array, optional
        [n] u; None: those of the elements
    fixed : array of bool, optional
        [n] atoms that do not move

    Returns
    -------
    ase.Atoms
        in angstrom, with a FixAtoms constraint where atoms are fixed
    """
    from ase import Atoms
    from ase.constraints import FixAtoms
    from ase.units import fs

    cell = None if box is None else 10 * np.asarray(box)
    atoms = Atoms(symbols, 10 * np.asarray(positions), cell=cell, pbc=box is not None, masses=masses)
    if velocities is not None:
        atoms.set_velocities(np.asarray(velocities) * 10 / (1000 * fs))
    if fixed is not None and np.any(fixed):
        atoms.set_constraint(FixAtoms(mask=fixed))
    return atoms


def write_snapshot(path: str | os.PathLike[str], atoms: Any, **information: Any) -> None:
    """Write ``ase.Atoms`` as an extended XYZ file, as a whole or not at all.

    Parameters
    ----------
    path : path
        the file
    atoms : ase.Atoms
        such as those of :func:`snapshot_atoms`
    **information : Any
        goes to the comment line

    Raises
    ------
    OSError
        for example for a full disk
    """
    import ase.io

    atoms.info.update(information)
    text = io.StringIO()
    ase.io.write(text, atoms, format="extxyz")
    replace_file(path, text.getvalue().encode())
