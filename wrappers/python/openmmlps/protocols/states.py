# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From a finished run to the start of the next: last frames, mean cells, means of thermodynamic quantities."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from openmmlps.analysis.estimates import block_mean
from openmmlps.app import snapshot
from openmmlps.app.replace import replace_file
from openmmlps.app.thermo_file import read_thermo
from openmmlps.h5md import H5MDFile

if TYPE_CHECKING:
    from ase import Atoms


def last_frame(folder):
    """The last frame of a run.

    :return: (symbols, positions [n, 3] nm, box [3, 3] nm or None, velocities [n, 3] nm/ps)
    """
    with H5MDFile(Path(folder) / "trajectory.h5", length="nm", where="trajectory") as file:
        symbols, cells = file.symbols(), file.cells()
        positions, velocities = file.stored("position"), file.stored("velocity")
    return symbols, positions[-1], None if cells is None else cells[-1], velocities[-1]


def mean_box(folder, discard=0.5):
    """Mean lattice vectors [3, 3] of a run, nm.

    :param discard: fraction of the run that is left out at the beginning
    """
    data = _kept(folder, discard)
    box = np.zeros((3, 3))
    rows, columns = np.tril_indices(3)
    box[rows, columns] = [data[name].mean() for name in ("ax_nm", "bx_nm", "by_nm", "cx_nm", "cy_nm", "cz_nm")]
    return box


def mean_thermo(folder, discard=0.5):
    """Means and standard errors of the mean over the kept part of a run, errors from five blocks.

    :return: dict: column of thermo.csv -> [mean, standard error]
    """
    data = _kept(folder, discard)
    found = {}
    for name, values in data.items():
        if name in ("step", "time_ps") or not np.isfinite(values).all():
            continue
        mean, error = map(float, block_mean(values))
        found[name] = [mean, error if np.isfinite(error) else None]
    return found


def write_final(folder, path, box=None):
    """The last frame of a run as extended XYZ, scaled to another box if one is given.

    :param box: [3, 3] nm; atoms keep their fractional coordinates
    """
    symbols, positions, own, velocities = last_frame(folder)
    if box is not None and own is not None:
        positions = positions @ np.linalg.solve(own, box)
        own = box
    snapshot.write_snapshot(path, symbols, positions, own, velocities)


def read_atoms(path: Path | str) -> Atoms:
    """``ase.Atoms`` of a file that this package wrote."""
    import ase.io

    found = ase.io.read(path)
    return found[-1] if isinstance(found, list) else found


def write_atoms(path, atoms):
    """Positions and cell of ``ase.Atoms`` as extended XYZ, as a whole or not at all."""
    import ase.io

    bare = atoms.copy()
    bare.calc = None
    text = io.StringIO()
    ase.io.write(text, bare, format="extxyz")
    replace_file(path, text.getvalue().encode(), synchronise=False)


def _kept(folder, discard):
    data = read_thermo(Path(folder) / "thermo.csv")
    first = min(int(discard * len(data["step"])), len(data["step"]) - 1)
    return {name: values[first:] for name, values in data.items()}
