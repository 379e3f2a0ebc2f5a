# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Labelled frames of one system, and folders of them in the layout of DeePMD-kit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

ARRAYS = ("box", "coord", "energy", "force", "virial")
_OPTIONAL = ("virial", "kelvin")


@dataclass(frozen=True)
class Frames:
    """Labelled frames of one system: F frames of N atoms.

    types (N,) indices into type_map; box (F, 9) in angstrom, lattice vectors as rows; coord and force (F, 3N) in
    angstrom and eV/angstrom; energy (F,) in eV; virial (F, 9) in eV, -dE/dstrain, not divided by the volume, or None.
    """

    types: np.ndarray
    type_map: list[str]
    box: np.ndarray
    coord: np.ndarray
    energy: np.ndarray
    force: np.ndarray
    virial: np.ndarray | None
    name: str = ""  #: where they come from
    level: str = ""  #: level of theory; empty: not stated
    kelvin: np.ndarray | None = None  #: (F,) temperature of each frame, nan where it is not known

    def __len__(self) -> int:
        return len(self.energy)

    @property
    def symbols(self) -> np.ndarray:
        """Element of each atom (N,)."""
        return np.array(self.type_map)[self.types]

    def select(self, ranges: Iterable[tuple[int, int]]) -> Frames:
        """The frames of a list of half-open ranges, in order."""
        return self.take(np.concatenate([np.arange(start, stop) for start, stop in ranges]))

    def take(self, index: slice | Sequence[int] | np.ndarray) -> Frames:
        """The frames of a slice or of a list of indices, in order."""
        arrays = {name: getattr(self, name) for name in (*ARRAYS, "kelvin")}
        return replace(self, **{name: values[index] for name, values in arrays.items() if values is not None})

    def sha256(self) -> str:
        """Hash of elements and labels, to tell whether data are the same."""
        digest = hashlib.sha256(" ".join(self.symbols).encode())
        for name in ARRAYS:
            values = getattr(self, name)
            if values is not None:
                digest.update(np.ascontiguousarray(values, dtype=float).tobytes())
        return digest.hexdigest()

    def atoms(self, index: int) -> Any:
        """One frame as ``ase.Atoms`` without its label."""
        from ase import Atoms

        positions = np.asarray(self.coord[index], dtype=float).reshape(-1, 3)
        cell = np.asarray(self.box[index], dtype=float).reshape(3, 3)
        return Atoms(list(self.symbols), positions=positions, cell=cell, pbc=True)


def read_frames(folder: Path) -> Frames:
    """Read a DeePMD system: `type.raw`, `type_map.raw`, all `set.*`, and `temperature.npy` where it is there.

    Parameters
    ----------
    folder : Path
        which holds them

    Returns
    -------
    Frames
        all frames

    Raises
    ------
    FileNotFoundError
        if a file is missing
    ValueError
        if energies or forces are missing, arrays do not fit each other, or the system is not periodic
    """
    if (folder / "nopbc").exists():
        raise ValueError(f"data: '{folder}' is not periodic (nopbc); put the atoms into a box with room around them")
    sets = sorted(folder.glob("set.*"))
    if not sets or not (folder / "type_map.raw").is_file():
        raise FileNotFoundError(f"data: '{folder}' has no set.* or no type_map.raw; give a DeePMD system with both")
    if any((path / "real_atom_types.npy").exists() for path in sets):
        raise ValueError(f"data: '{folder}' is of the mixed type; convert it with dpdata to systems of one composition")
    parts: dict[str, list[np.ndarray]] = {}
    for path in sets:
        for name in ARRAYS:
            file = path / f"{name}.npy"
            if file.is_file():
                values = np.load(file)
                parts.setdefault(name, []).append(values.reshape(len(values), -1))
            elif name != "virial":
                raise ValueError(f"data: '{path}' holds no {name}.npy; give frames with energies and forces")
    arrays: dict[str, Any] = {name: np.concatenate(found) for name, found in parts.items()}
    arrays["energy"] = arrays["energy"].ravel()
    types = np.loadtxt(folder / "type.raw", dtype=int, ndmin=1)
    frames, width = len(arrays["energy"]), 3 * len(types)
    if len(arrays.get("virial", ())) != frames:
        arrays["virial"] = None
    for name, columns in {"box": 9, "coord": width, "force": width}.items():
        if arrays[name].shape != (frames, columns):
            raise ValueError(f"data: '{folder}' has {name} of shape {arrays[name].shape}, not {(frames, columns)}")
    temperature = folder / "temperature.npy"
    kelvin = np.load(temperature) if temperature.is_file() else None
    names = (folder / "type_map.raw").read_text().split()
    return Frames(types, names, **arrays, name=str(folder), kelvin=kelvin)


def write_frames(folder: Path, frames: Frames) -> None:
    """Write frames as one DeePMD system with a single `set.000`."""
    (folder / "set.000").mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        if getattr(frames, name) is not None:
            np.save(folder / "set.000" / f"{name}.npy", getattr(frames, name))
    np.savetxt(folder / "type.raw", frames.types, fmt="%d")
    (folder / "type_map.raw").write_text("\n".join(frames.type_map) + "\n")


def frames_from_atoms(structures: Sequence[Any], type_map: Sequence[str], **about: Any) -> Frames:
    """Frames of ``ase.Atoms`` that carry labels.

    Parameters
    ----------
    structures : sequence of ase.Atoms
        with energy and forces, and the same order of elements; without a stress in all of them there is no virial
    type_map : sequence of str
        with all elements
    **about
        name, level and kelvin of the frames

    Returns
    -------
    Frames
        in the order given
    """
    virial = None
    if all("stress" in atoms.calc.results for atoms in structures):
        virial = np.array([-atoms.get_volume() * atoms.get_stress(voigt=False).ravel() for atoms in structures])
    return Frames(
        np.array([list(type_map).index(symbol) for symbol in structures[0].get_chemical_symbols()]),
        list(type_map),
        box=np.array([np.array(atoms.cell).ravel() for atoms in structures]),
        coord=np.array([atoms.positions.ravel() for atoms in structures]),
        energy=np.array([atoms.get_potential_energy() for atoms in structures]),
        force=np.array([atoms.get_forces().ravel() for atoms in structures]),
        virial=virial,
        **about,
    )
