# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Labelled data of any origin: DeePMD systems, extended XYZ, ASE databases and what else ASE reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .frames import Frames, frames_from_atoms, read_frames

#: keys of a frame's info under which its level of theory and its temperature may stand
LEVEL, TEMPERATURES = "level_of_theory", ("temperature", "temperature_K")
#: what a frame may be labelled with; a virial is -dE/dstrain in eV, and stands for a stress
LABELS = ("energy", "forces", "stress", "virial")
SPLITS = ("time", "trajectory", "random")


def parse_keys(text: str) -> dict[str, str]:
    """Names of labels in a file, from a text such as 'energy=REF_energy,forces=REF_forces,virial=virial'.

    Raises ValueError for a label that is not one of `LABELS`.
    """
    found = {}
    for part in text.split(","):
        name, equals, key = (piece.strip() for piece in part.partition("="))
        if name not in LABELS or not equals or not key:
            raise ValueError(f"keys: '{part}' names no label; write NAME=KEY with one of {', '.join(LABELS)}")
        found[name] = key
    return found


def read_data(paths: Iterable[Path | str], keys: Mapping[str, str] | None = None) -> list[Frames]:
    """Read labelled frames and check that they belong together.

    Parameters
    ----------
    paths : iterable of Path or str
        DeePMD systems, folders with DeePMD systems below them, and files that ASE reads (extended XYZ, .db, .traj, ...)
    keys : mapping of str to str, optional
        names of the labels in these files (:func:`parse_keys`), where they are not ASE's

    Returns
    -------
    list of Frames
        one for each system and composition; atoms of files are ordered by element

    Raises
    ------
    FileNotFoundError
        if a path or a part of a system is missing
    ValueError
        if a frame has no energy or forces, is not periodic, holds numbers that are not finite, or if levels of theory differ
    """
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            # rglob passes them over
            linked = [entry for entry in path.iterdir() if entry.is_symlink() and entry.is_dir()]
            folders = sorted({file.parent for root in (path, *linked) for file in root.rglob("type.raw")})
            if not folders:
                raise FileNotFoundError(f"data: no DeePMD system (type.raw) lies in '{path}'; give files or systems")
            found += [read_frames(folder) for folder in folders]
        elif path.is_file():
            found += _read_file(path, keys or {})
        else:
            raise FileNotFoundError(f"data: there is no '{path}'; give DeePMD systems, extended XYZ or ASE databases")
    for frames in found:
        _check(frames)
    levels = {frames.level: frames.name for frames in found if frames.level}
    if len(levels) > 1:
        (one, first), (other, second), *_ = levels.items()
        raise ValueError(
            f"data: '{first}' is of the level '{one}', '{second}' of '{other}'; use frames of one level of theory"
        )
    return found


def elements_of(data: Iterable[Frames]) -> list[str]:
    """All elements of labelled frames, in alphabetical order."""
    return sorted({str(symbol) for frames in data for symbol in frames.symbols})


def _read_file(path: Path, keys: Mapping[str, str]) -> list[Frames]:
    """Frames of one file by composition and level; within each the order of the file is kept."""
    from openmmlps._atoms_files import read_atoms

    groups: dict[tuple[Any, ...], list[Any]] = {}
    for index, atoms in enumerate(read_atoms(path, "data", every_frame=True)):
        if keys:
            _rename(atoms, keys)
        results = getattr(atoms.calc, "results", {})
        missing = [name for name in ("energy", "forces") if name not in results]
        if missing:
            others = [key for key in (*atoms.info, *atoms.arrays) if any(name[:5] in key.lower() for name in LABELS)]
            raise ValueError(
                f"data: '{path}' frame {index} has no {' and no '.join(missing)}; label it first (openmm-lps label)"
                + (f", or say by --keys which of {', '.join(others)} they are" if others else "")
            )
        if not atoms.pbc.all() or atoms.cell.rank < 3:
            raise ValueError(f"data: '{path}' frame {index} is not periodic in three directions; give it a cell")
        level = str(atoms.info.get(LEVEL, ""))
        order = np.argsort(atoms.get_chemical_symbols(), kind="stable")
        groups.setdefault((atoms.get_chemical_formula(), level, "stress" in results), []).append(_sorted(atoms, order))
    return [
        frames_from_atoms(
            members,
            sorted(set(members[0].get_chemical_symbols())),
            name=str(path) if len(groups) == 1 else f"{path} {formula}",
            level=level,
            kelvin=_temperatures(members),
        )
        for (formula, level, _), members in groups.items()
    ]


def _rename(atoms: Any, keys: Mapping[str, str]) -> None:
    """Take the labels of ``ase.Atoms`` from the names that they have in the file."""
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.stress import full_3x3_to_voigt_6_stress

    results = dict(getattr(atoms.calc, "results", {}))
    for name, key in keys.items():
        value = atoms.info.get(key, atoms.arrays.get(key))
        if value is None:
            results.pop(name, None)
        elif name == "virial":
            results["stress"] = full_3x3_to_voigt_6_stress(-np.reshape(value, (3, 3)) / atoms.get_volume())
        else:
            results[name] = np.reshape(value, (3, 3)) if np.size(value) == 9 and name == "stress" else value
    if "stress" in results and np.shape(results["stress"]) == (3, 3):
        results["stress"] = full_3x3_to_voigt_6_stress(results["stress"])
    known = {name: results[name] for name in ("energy", "forces", "stress") if name in results}
    atoms.calc = SinglePointCalculator(atoms, **known)


def _sorted(atoms: Any, order: np.ndarray) -> Any:
    from ase.calculators.singlepoint import SinglePointCalculator

    results = dict(atoms.calc.results)
    results["forces"] = np.asarray(results["forces"])[order]
    moved = atoms[order]
    moved.calc = SinglePointCalculator(moved, **{k: results[k] for k in ("energy", "forces", "stress") if k in results})
    return moved


def _temperatures(members: Sequence[Any]) -> np.ndarray | None:
    values = [next((atoms.info[key] for key in TEMPERATURES if key in atoms.info), np.nan) for atoms in members]
    kelvin = np.array(values, dtype=float)
    return None if np.isnan(kelvin).all() else kelvin


def _check(frames: Frames) -> None:
    """Refuse numbers that no calculation gives."""
    for name in ("box", "coord", "energy", "force", "virial"):
        values = getattr(frames, name)
        if values is None:
            continue
        bad = np.flatnonzero(~np.isfinite(values).reshape(len(frames), -1).all(axis=1))
        if bad.size:
            raise ValueError(
                f"data: '{frames.name}' frame {bad[0]} holds a {name} that is not finite; remove the frame"
            )
    empty = np.flatnonzero(~np.asarray(frames.force, dtype=bool).any(axis=1))
    if empty.size and len(frames.types) > 1 and empty.size > 0.5 * len(frames):
        raise ValueError(f"data: '{frames.name}' frame {empty[0]} and others have no force at all; label them again")
    volume = np.abs(np.linalg.det(np.asarray(frames.box, dtype=float).reshape(-1, 3, 3)))
    if volume.min() < 1:
        raise ValueError(f"data: '{frames.name}' frame {int(volume.argmin())} has a cell without volume; correct it")


@dataclass(frozen=True)
class Split:
    """What is trained on, and what is held out."""

    training: list[Frames]
    held_out: list[Frames]
    ranges: list[dict[str, Any]]  #: of each system: its name, and which frames are in each part


def split(data: Sequence[Frames], rule: str, fraction: float, seed: int = 0) -> Split:
    """Hold out a part of the data.

    Parameters
    ----------
    data : sequence of Frames
        each a trajectory in the order of time
    rule : str
        'time': the last frames of every system, after a gap; 'trajectory': whole systems, the last ones; 'random'
    fraction : float
        of the frames, from 0 to below 1
    seed : int
        of a random split

    Returns
    -------
    Split
        both parts

    Raises
    ------
    ValueError
        if nothing would be left to train on, or an element only occurs in what is held out
    """
    if rule not in SPLITS:
        raise ValueError(f"split: '{rule}' is no rule; use one of {', '.join(SPLITS)}")
    if not 0 <= fraction < 1:
        raise ValueError(f"split: the fraction to hold out is {fraction:g}; give 0 or more, and less than 1")
    kept: list[tuple[Frames, np.ndarray, np.ndarray]] = []
    if rule == "trajectory":
        wanted, total = fraction * sum(map(len, data)), 0
        for index, frames in reversed(list(enumerate(data))):
            every, none = np.arange(len(frames)), np.arange(0)
            outside = total < wanted and index > 0
            total += len(frames) if outside else 0
            kept.insert(0, (frames, none, every) if outside else (frames, every, none))
        if wanted and not total:
            raise ValueError("split: one trajectory alone cannot be held out; use --split time, or give more data")
    else:
        random = np.random.default_rng(seed)
        for frames in data:
            count = len(frames)
            order = random.permutation(count) if rule == "random" else np.arange(count)
            out = round(fraction * count) if count > 1 else 0
            gap = min(count // 50, count - out - 1) if rule == "time" and out else 0
            kept.append((frames, order[: count - out - gap], order[count - out :]))
    training = [frames.take(np.sort(inside)) for frames, inside, _ in kept if len(inside)]
    held_out = [frames.take(np.sort(outside)) for frames, _, outside in kept if len(outside)]
    lost = set(elements_of(held_out)) - set(elements_of(training))
    if lost:
        raise ValueError(f"split: {', '.join(sorted(lost))} would only occur in what is held out; use --split time")
    ranges = [
        {"name": frames.name, "training": [int(i) for i in inside], "held_out": [int(i) for i in outside]}
        for frames, inside, outside in kept
    ]
    return Split(training, held_out, ranges)
