# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The dispersion correction DFT-D3, added to labels or taken off them: models of PBE and of PBE-D3 from the same frames.

Grimme et al., J. Chem. Phys. 132, 154104 (2010), with zero damping, or with that of Becke and Johnson (Grimme, Ehrlich and
Goerigk, J. Comput. Chem. 32, 1456 (2011)). Parameters are those of PBE, without the three-body term, and pairs reach to
40 bohr: what CP2K does when it is told nothing else. Computed by the package dftd3 (simple-dftd3).
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.constants import physical_constants

from .data import LEVEL, read_data
from .frames import Frames

HARTREE = physical_constants["Hartree energy in eV"][0]
BOHR = physical_constants["Bohr radius"][0] * 1e10  # angstrom
CUTOFF = 40.0  # bohr, of pairs and coordination numbers
DAMPINGS = {"d3": "D3(0)", "d3bj": "D3(BJ)"}  #: by what users call them: how levels of theory do
_FUNCTIONAL = "PBE"
_PARAMETERS = {
    "d3": {"s6": 1.0, "s8": 0.722, "rs6": 1.217, "rs8": 1.0, "alp": 14.0, "s9": 0.0},
    "d3bj": {"s6": 1.0, "s8": 0.7875, "a1": 0.4289, "a2": 4.4407, "s9": 0.0},
}


def dispersion(
    symbols: Iterable[str], coord: np.ndarray, box: np.ndarray, damping: str = "d3"
) -> tuple[float, np.ndarray, np.ndarray]:
    """Compute the correction of one periodic frame.

    Parameters
    ----------
    symbols : iterable of str
        element of each atom
    coord, box : ndarray
        (3N,) and (9,) in angstrom, lattice vectors as rows
    damping : str
        'd3' or 'd3bj'

    Returns
    -------
    energy : float
        eV
    force : ndarray
        (3N,) eV/angstrom
    virial : ndarray
        (9,) eV, -dE/dstrain

    Raises
    ------
    ImportError
        without the package dftd3
    ValueError
        for an unknown damping
    """
    if damping not in DAMPINGS:
        raise ValueError(f"dispersion: '{damping}' is no damping; use {' or '.join(DAMPINGS)}")
    if importlib.util.find_spec("dftd3") is None:
        raise ImportError("dispersion: the package dftd3 is not installed; pip install dftd3")
    from ase.data import atomic_numbers
    from dftd3.interface import DispersionModel, RationalDampingParam, ZeroDampingParam

    positions = coord.reshape(-1, 3).astype(float) / BOHR
    lattice = box.reshape(3, 3).astype(float) / BOHR
    numbers = np.array([atomic_numbers[name] for name in symbols])
    model = DispersionModel(numbers, positions, lattice, np.ones(3, dtype=bool))
    model.set_realspace_cutoff(CUTOFF, CUTOFF, CUTOFF)
    kind = ZeroDampingParam if damping == "d3" else RationalDampingParam
    found = model.get_dispersion(kind(**_PARAMETERS[damping]), grad=True)
    force = -HARTREE / BOHR * found["gradient"].ravel()
    return HARTREE * float(found["energy"]), force, -HARTREE * found["virial"].ravel()


def with_dispersion(frames: Frames, damping: str = "d3", sign: int = 1) -> Frames:
    """Frames with the correction added to their labels, or taken off.

    Parameters
    ----------
    frames : Frames
        labelled
    damping : str
        'd3' or 'd3bj'
    sign : int
        1: add; -1: take off

    Returns
    -------
    Frames
        of the level of theory that follows

    Raises
    ------
    ValueError
        if the level of theory says that there is a correction already, or none to take off
    """
    level = changed_level(frames.level, damping, sign, frames.name)
    symbols = [str(symbol) for symbol in frames.symbols]
    found = [dispersion(symbols, coord, box, damping) for coord, box in zip(frames.coord, frames.box, strict=True)]
    energy, force, virial = (np.array(values) for values in zip(*found, strict=True))
    return dataclasses.replace(
        frames,
        energy=frames.energy + sign * energy,
        force=frames.force + sign * force,
        virial=None if frames.virial is None else frames.virial + sign * virial,
        level=level,
    )


def changed_level(level: str, damping: str, sign: int, name: str) -> str:
    """The level of theory of frames after the change; empty if it is not stated.

    Parameters
    ----------
    level : str
        before, which begins with the functional
    damping : str
        'd3' or 'd3bj'
    sign : int
        1: added; -1: taken off
    name : str
        of the frames, for messages

    Raises
    ------
    ValueError
        if it cannot be
    """
    if not level:
        return ""
    name_of = DAMPINGS[damping]
    ending = f" + {name_of} of {_FUNCTIONAL}"
    head, slash, rest = level.partition("/")
    if head.startswith(_FUNCTIONAL):
        corrected = f"{_FUNCTIONAL}-{name_of}{slash}{rest}"
        holds = head != _FUNCTIONAL
    else:  # a teacher of another kind, such as a universal potential of PBE
        corrected, holds = level + ending, level.endswith(f" of {_FUNCTIONAL}")
    if sign > 0 and not holds:
        return corrected
    if sign < 0 and level.endswith(ending):
        return level.removesuffix(ending)
    if sign < 0 and head == f"{_FUNCTIONAL}-{name_of}":
        return _FUNCTIONAL + slash + rest
    do = "has a correction already; take it off first" if sign > 0 else f"has no {name_of} that could be taken off"
    raise ValueError(f"dispersion: '{name}' is of the level '{level}', which {do}")


def correct_files(data: Iterable[Path | str], output: Path | str, damping: str, sign: int, **options: Any) -> int:
    """Read labelled frames, change their labels, and write them as extended XYZ.

    Parameters
    ----------
    data : iterable of Path or str
        see :func:`openmmlps.learn.data.read_data`
    output : Path or str
        file to write, as a whole
    damping : str
        'd3' or 'd3bj'
    sign : int
        1: add; -1: take off
    **options
        `keys` of :func:`openmmlps.learn.data.read_data`

    Returns
    -------
    int
        number of frames

    Raises
    ------
    ValueError, OSError, ImportError
        as reading and `with_dispersion`
    """
    from ase.calculators.singlepoint import SinglePointCalculator

    from .loop.folder import write_frames

    written = []
    for frames in [with_dispersion(frames, damping, sign) for frames in read_data(data, **options)]:
        for index in range(len(frames)):
            atoms = frames.atoms(index)
            known = {"energy": float(frames.energy[index]), "forces": frames.force[index].reshape(-1, 3)}
            if frames.virial is not None:
                known["stress"] = -frames.virial[index].reshape(3, 3) / atoms.get_volume()
            if frames.level:
                atoms.info[LEVEL] = frames.level
            if frames.kelvin is not None and np.isfinite(frames.kelvin[index]):
                atoms.info["temperature"] = float(frames.kelvin[index])
            atoms.calc = SinglePointCalculator(atoms, **known)
            written.append(atoms)
    write_frames(Path(output), written)
    return len(written)
