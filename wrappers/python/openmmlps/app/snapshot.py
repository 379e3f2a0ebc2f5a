# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""One state of a simulation as an extended XYZ file, which `load`, ASE and most viewers read."""

import io

import numpy as np

from .replace import replace_file


def snapshot_atoms(symbols, positions, box=None, velocities=None):
    """``ase.Atoms`` of a state in OpenMM's frame; positions are not folded into the box.

    :param symbols: [n] chemical symbols
    :param positions: [n, 3] nm
    :param box: [3, 3] nm, lattice vectors in rows; None: not periodic
    :param velocities: [n, 3] nm/ps, or None
    """
    from ase import Atoms
    from ase.units import fs

    cell = None if box is None else 10 * np.asarray(box)
    atoms = Atoms(symbols, 10 * np.asarray(positions), cell=cell, pbc=box is not None)
    if velocities is not None:
        atoms.set_velocities(np.asarray(velocities) * 10 / (1000 * fs))
    return atoms


def write_snapshot(path, symbols, positions, box=None, velocities=None, **information):
    """Write an extended XYZ file, as a whole or not at all.

    :param information: goes to the comment line
    :raises OSError: for example a full disk
    """
    import ase.io

    atoms = snapshot_atoms(symbols, positions, box, velocities)
    atoms.info.update(information)
    text = io.StringIO()
    ase.io.write(text, atoms, format="extxyz")
    replace_file(path, text.getvalue().encode())
