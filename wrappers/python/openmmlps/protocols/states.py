# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From a finished run to the start of the next: last frames, mean cells, means of thermodynamic quantities."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from openmmlps.analysis.estimates import block_count, block_mean
from openmmlps.app.replace import replace_file
from openmmlps.app.thermo_file import read_thermo
from openmmlps.h5md import H5MDFile
from openmmlps.units import ANGSTROM_PER_NM

if TYPE_CHECKING:
    from ase import Atoms


def last_frame(folder: Path | str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions [n, 3] nm, box [3, 3] nm and velocities [n, 3] nm/ps at the end of a periodic run."""
    with H5MDFile(Path(folder) / "trajectory.h5", length="nm", where="trajectory") as file:
        cells = file.cells()
        if cells is None:
            raise ValueError(f"trajectory: the run in '{folder}' is not periodic; a protocol needs a cell")
        return file.stored("position")[-1], cells[-1], file.stored("velocity")[-1]


def mean_box(folder: Path | str, discard: float = 0.5) -> np.ndarray:
    """Mean lattice vectors [3, 3] of a run in nm, without the fraction `discard` at its beginning."""
    data = _kept(folder, discard)
    box = np.zeros((3, 3))
    rows, columns = np.tril_indices(3)
    box[rows, columns] = [data[name].mean() for name in ("ax_nm", "bx_nm", "by_nm", "cx_nm", "cy_nm", "cz_nm")]
    return box


def mean_thermo(folder: Path | str, discard: float = 0.5) -> dict[str, list[float | None]]:
    """Means of a run without the fraction `discard` at its beginning, and their standard errors from blocks.

    Returns
    -------
    dict
        column of thermo.csv -> [mean, standard error or None, number of blocks]
    """
    found: dict[str, list[float | None]] = {}
    for name, values in _kept(folder, discard).items():
        if name in ("step", "time_ps") or not np.isfinite(values).all():
            continue
        blocks = block_count(values)
        mean, error = map(float, block_mean(values, blocks))
        found[name] = [mean, error if np.isfinite(error) else None, blocks]
    return found


def write_final(folder: Path, path: Path, box: np.ndarray | None = None) -> None:
    """Write the last frame of a run as extended XYZ, with the masses and fixed atoms that it began with.

    Parameters
    ----------
    folder : Path
        of the run
    path : Path
        of the file
    box : ndarray, optional
        [3, 3] nm; atoms keep their fractional coordinates
    """
    from ase.units import fs

    positions, own, velocities = last_frame(folder)
    if box is not None:
        positions, own = positions @ np.linalg.solve(own, box), box
    atoms = read_atoms(next((folder / "inputs" / "structure").iterdir()))
    atoms.set_cell(ANGSTROM_PER_NM * own)
    atoms.set_positions(ANGSTROM_PER_NM * positions, apply_constraint=False)
    per_ase_time = velocities * ANGSTROM_PER_NM / (1000 * fs)
    atoms.set_momenta(atoms.get_masses()[:, None] * per_ase_time, apply_constraint=False)
    write_atoms(path, atoms)


def read_atoms(path: Path | str) -> Atoms:
    """``ase.Atoms`` of a file that this package wrote."""
    import ase.io

    found = ase.io.read(str(path), format="extxyz", do_not_split_by_at_sign=True)
    return found[-1] if isinstance(found, list) else found


def strained(path: Path, strain: np.ndarray) -> Atoms:
    """Atoms of a file in a cell that is deformed by a strain [3, 3], at rest."""
    atoms = read_atoms(path)
    atoms.arrays.pop("momenta", None)
    atoms.set_cell(np.array(atoms.cell) @ (np.eye(3) + strain), scale_atoms=True)
    return atoms


def write_atoms(path: Path, atoms: Atoms) -> None:
    """Write positions, cell, masses, velocities and fixed atoms as extended XYZ, as a whole or not at all."""
    import ase.io

    bare = atoms.copy()
    bare.calc = None
    text = io.StringIO()
    ase.io.write(text, bare, format="extxyz")
    replace_file(path, text.getvalue().encode(), synchronise=False)


def _kept(folder: Path | str, discard: float) -> dict[str, np.ndarray]:
    data = read_thermo(Path(folder) / "thermo.csv")
    first = min(int(discard * len(data["step"])), len(data["step"]) - 1)
    return {name: values[first:] for name, values in data.items()}
