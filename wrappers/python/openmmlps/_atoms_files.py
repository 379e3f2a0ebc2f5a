# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Files of atoms through ASE, for structures and trajectories: the format, names with '@', and species that are certain.

Several formats number the species instead of naming them, or name atoms by labels of a force field. ASE then takes type 1
for hydrogen, and the label CA for calcium or carbon. Here such a file is refused until the caller names the elements.
"""

from __future__ import annotations

import io
import itertools
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ._species import Elements, how_to_name, parse_elements, symbols_of

_ALIASES = {"lammps-dump": "lammps-dump-text", "poscar": "vasp", "contcar": "vasp", "xdatcar": "vasp-xdatcar"}
_COMMON = "cif, extxyz, lammps-data, lammps-dump-text, traj, vasp, xyz"
_PEEK = 4096  # bytes that are looked at to recognise LAMMPS files
#: formats with labels of force fields, and the array that ASE keeps them in
_LABELS = {"gromacs": "atomtypes", "proteindatabank": "atomtypes", "dlp4": "dlp4_labels", "dlp-history": "dlp4_labels"}
_MASS_TOLERANCE = 0.05  # amu; tables of atomic masses differ by less, neighboring elements by more
_DYNAMIC_UNITS = ("metal", "real")  # of LAMMPS, with lengths in angstrom


def read_atoms(
    path: Path,
    where: str,
    *,
    every_frame: bool = False,
    format: str | None = None,
    elements: Elements | None = None,
) -> list[Any]:
    """Read frames of a file as ``ase.Atoms``.

    Parameters
    ----------
    path : Path
        an existing file; '@' in its name means nothing special
    where : str
        what error messages begin with
    every_frame : bool
        all frames; otherwise only the last one
    format : str, optional
        a format by ASE's name for it; None: found from the name and the content
    elements : str, sequence of str, or mapping to str, optional
        element of each type or label (:func:`openmmlps._species.symbols_of`), for files that do not name elements

    Returns
    -------
    list of ase.Atoms
        the frames

    Raises
    ------
    ValueError
        if the file cannot be read, or does not say which elements its atoms are
    """
    given = parse_elements(elements)
    path = Path(path).absolute()
    name = _find_format(path, where, format)
    index: Any = slice(None) if every_frame else slice(-1, None)
    readers: dict[str, Callable[..., list[Any]]] = {
        "cif": _read_cif,
        "lammps-data": _read_lammps_data,
        "lammps-dump-text": _read_lammps_dump,
        "vasp": _read_poscar,
        "xyz": _read_xyz,
        "extxyz": _read_xyz,
    }
    try:
        if name in _LABELS:
            return _read_labels(path, index, name, given)
        if isinstance(given, dict):
            raise _RefusedError(f"has no labels of atoms; give elements in order, such as Li,P,S, instead of {given}")
        if name in readers:
            return readers[name](path, index, given)
        if given is not None:
            raise _RefusedError(f"is of format {name}, which names elements itself; leave --elements out")
        return _read_any(path, index, name)
    except _RefusedError as refusal:
        raise ValueError(f"{where}: '{path}' {refusal}") from None
    except Exception as error:  # noqa: BLE001  ASE's readers raise anything at all, from StopIteration to bare asserts
        reason = " ".join(str(error).split()) or type(error).__name__
        what = "a trajectory" if every_frame else "a structure"
        raise ValueError(
            f"{where}: '{path}' cannot be read as {what} ({name}: {reason}); correct the file, or name its format with "
            f"--format, such as {_COMMON}"
        ) from None


class _RefusedError(Exception):
    """Why a readable file is refused, as the end of a sentence."""


def _find_format(path: Path, where: str, wanted: str | None) -> str:
    """ASE's name of the format of a file."""
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    if wanted is not None:
        name = _ALIASES.get(wanted.lower(), wanted.lower())
        if name not in ioformats or not ioformats[name].can_read:
            raise ValueError(f"{where}: the format '{wanted}' is not known; use one that ASE reads, such as {_COMMON}")
        return name
    try:
        start = _text(path, _PEEK)
        if re.search(r"^\s*\d+\s+atoms\b", start, re.M) and re.search(r"^[^#\n]*\bxlo\s+xhi\b|\bavec\b", start, re.M):
            return "lammps-data"
        if re.search(r"^ITEM: TIMESTEP", start, re.M):
            return "lammps-dump-text"
        name = filetype(str(path))
    except (UnknownFileTypeError, EOFError, UnicodeError) as error:
        reason = " ".join(str(error).split()) or "unknown file type"
        raise ValueError(
            f"{where}: '{path}' cannot be read as a structure ({reason}); name its format with --format, such as {_COMMON}"
        ) from None
    if name not in ioformats or not ioformats[name].can_read:
        raise ValueError(
            f"{where}: '{path}' cannot be read as a structure: its kind is not known; name its format with --format, "
            f"such as {_COMMON}"
        )
    return str(name)


def _text(path: Path, size: int = -1) -> str:
    """Text of a file that may be compressed; bytes that are not UTF-8 are kept as marks."""
    from ase.io.formats import open_with_compression

    with open_with_compression(str(path), "rb") as file:
        return str(file.read(size).decode("utf-8", "replace"))


def _read_any(path: Path, index: Any, name: str, **options: Any) -> list[Any]:
    import ase.io

    if name in ("lammps-dump-binary", "netcdftrajectory", "gromos"):
        raise _RefusedError(
            f"is of format {name}, which does not name its elements; write it as extxyz or as a text dump"
        )
    if name in ("extxyz", "xyz"):
        _check_counts(path)
    return list(ase.io.read(str(path), index, name, do_not_split_by_at_sign=True, **options))


def _check_counts(path: Path) -> None:
    """Refuse a frame of more atoms than the file has lines: ASE would go on reading for hours."""
    from ase.io.formats import open_with_compression

    with open_with_compression(str(path), "rb") as file:
        for line in file:
            words = line.split()
            if not words or not words[0].isdigit():
                return  # ASE says what is wrong
            expected = 1 + sum(int(word) for word in words[:2] if word.isdigit())
            found = sum(1 for _ in itertools.islice(file, min(expected, sys.maxsize)))
            if found < expected:
                raise _RefusedError(
                    f"ends after {found} of the {expected} lines of a frame; correct the number of atoms"
                )


def _read_labels(path: Path, index: Any, name: str, given: tuple[str, ...] | dict[str, str] | None) -> list[Any]:
    """Formats of force fields, whose names of atoms only suggest elements, such as CA, which is a carbon in proteins."""
    frames = _read_any(path, index, name)
    stated = name == "proteindatabank" and all(
        line[76:78].strip() for line in _text(path).splitlines() if line.startswith(("ATOM", "HETATM"))
    )
    for atoms in frames:
        labels = [str(label) for label in atoms.arrays.get(_LABELS[name], ())]
        if name.startswith("dlp"):  # ASE keeps what follows the symbol that it found
            labels = [symbol + rest for symbol, rest in zip(atoms.symbols, labels, strict=True)]
        if stated or all(label == symbol for label, symbol in zip(labels, atoms.symbols, strict=True)):
            _refuse_mapping(given)
        elif given is None:
            wrong = next(label for label, symbol in zip(labels, atoms.symbols, strict=True) if label != symbol)
            raise _RefusedError(f"names an atom '{wrong}' and no element; {how_to_name([wrong])}")
        else:
            _name(atoms, _symbols(labels, given))
    return frames


def _name(atoms: Any, symbols: Sequence[str]) -> None:
    """Give atoms their elements; ASE keeps momenta, which the masses of wrong elements made of the velocities."""
    velocities = atoms.get_velocities() if atoms.has("momenta") else None
    atoms.symbols = symbols
    if velocities is not None:
        atoms.set_velocities(velocities)


def _symbols(labels: Sequence[str], given: Sequence[str] | Mapping[str, str]) -> list[str]:
    try:
        return symbols_of(labels, given, "")
    except ValueError as error:
        raise _RefusedError(f"has atoms without elements{str(error)}") from None


def _read_xyz(path: Path, index: Any, symbols: tuple[str, ...] | None) -> list[Any]:
    """XYZ, also with the types that LAMMPS writes in the place of symbols."""
    import ase.io

    start = [*_text(path, _PEEK).splitlines(), "", "", ""][:3]
    if "Properties=" in start[1] or not start[2].split()[:1] or not start[2].split()[0].isdigit():
        _refuse_mapping(symbols)
        return _read_any(path, index, "extxyz")
    lines, at, text = _text(path).splitlines(), 0, []
    while at < len(lines) and lines[at].strip():
        stop = at + 2 + int(lines[at])
        rows = [line.split(maxsplit=1) for line in lines[at + 2 : stop]]
        types = [row[0] for row in rows]
        if symbols is None:
            raise _RefusedError(f"has types of atoms without elements; {how_to_name(types)}")
        names = _symbols(types, symbols)
        text += lines[at : at + 2] + [f"{name} {row[1]}" for name, row in zip(names, rows, strict=True)]
        at = stop
    return list(ase.io.read(io.StringIO("\n".join(text) + "\n"), index, "xyz"))


def _read_cif(path: Path, index: Any, symbols: tuple[str, ...] | None) -> list[Any]:
    """Blocks with a structure; an occupancy that is unknown or left out is 1, as the dictionary of CIF has it."""
    from ase.io.cif import CIFBlock, parse_cif

    _refuse_mapping(symbols)
    frames = []
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Wrong number")  # of values in a row of a table, which ASE would leave out
        for block in parse_cif(io.BytesIO(_text(path).encode("latin-1", "replace"))):
            if not block.has_structure():
                continue
            tags: dict[str, Any] = dict(block)
            for tag in ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z"):
                unknown = [value for value in tags.get(tag, ()) if not isinstance(value, (int, float))]
                if unknown:
                    raise _RefusedError(
                        f"has '{unknown[0]}' among {tag}; give every atom its coordinates, or leave it out"
                    )
            if isinstance(tags.get("_atom_site_occupancy"), list):
                tags["_atom_site_occupancy"] = [_occupancy(value) for value in tags["_atom_site_occupancy"]]
            frames.append(CIFBlock(block.name, tags).get_atoms())
            _check_cif(tags, frames[-1])
    if not frames:
        raise _RefusedError("cannot be read as a structure: no block of this CIF holds atoms; give one that does")
    return frames[index]


def _check_cif(tags: dict[str, Any], atoms: Any) -> None:
    """Refuse what ASE reads as numbers although it is none."""
    if atoms.cell.rank < 3 and any(tag.startswith("_atom_site_fract") for tag in tags):
        raise _RefusedError("has fractional coordinates without a complete cell; give all six parameters of the cell")


def _occupancy(value: Any) -> float:
    if value in ("?", "."):
        return 1.0
    try:
        return float(value)
    except (TypeError, ValueError):
        raise _RefusedError(f"has the occupancy '{value}', which is not a number; correct it") from None


def _refuse_mapping(symbols: Sequence[str] | Mapping[str, str] | None) -> None:
    if symbols is not None:
        raise _RefusedError("names its elements itself; leave --elements out")


def _read_poscar(path: Path, index: Any, symbols: tuple[str, ...] | None) -> list[Any]:
    """VASP 5 names the elements on line 6; VASP 4 has them, if at all, as the whole comment of line 1."""
    import ase.io
    from ase.data import atomic_numbers

    lines = _text(path).splitlines()
    words = lines[5].split("!")[0].split() if len(lines) > 5 else []
    if words and all(word.isdigit() for word in words):
        named = tuple(lines[0].split())
        if len(named) == len(words) and all(atomic_numbers.get(word, 0) > 0 for word in named):
            _refuse_mapping(symbols)
            symbols = named
        if symbols is None or len(symbols) != len(words):
            raise _RefusedError(
                f"has {len(words)} kinds of atoms without elements (a POSCAR of VASP 4); name them in its order with "
                "--elements, such as --elements Li,P,S (in Python: elements=)"
            )
        lines.insert(5, " ".join(symbols))
    else:
        _refuse_mapping(symbols)
    return list(ase.io.read(io.StringIO("\n".join(lines) + "\n"), index, "vasp"))


def _read_lammps_dump(path: Path, index: Any, symbols: tuple[str, ...] | None) -> list[Any]:
    units = re.search(r"^ITEM: UNITS\s+(\w+)", _text(path, _PEEK), re.M)
    frames = _read_any(path, index, "lammps-dump-text", units=_lammps_units(units))
    for atoms in frames:
        types = atoms.arrays.get("type")
        stated = "element" in _dump_columns(path)
        if stated and types is not None and len(set(types)) > 1 and set(atoms.symbols) == {"C"}:
            stated = False  # what LAMMPS writes if no dump_modify named the elements
        if stated:
            _refuse_mapping(symbols)
        elif symbols is None:
            raise _RefusedError(
                "has types of atoms without elements; name them in the order of the types with --elements, such as "
                "--elements Li,P,S (in Python: elements=)"
            )
        elif types is None or not (1 <= types.min() and types.max() <= len(symbols)):
            found = "no column 'type'" if types is None else f"types {types.min()} to {types.max()}"
            raise _RefusedError(
                f"has {found}, but {len(symbols)} elements are given ({', '.join(symbols)}); give one for each"
            )
        else:
            _name(atoms, [symbols[kind - 1] for kind in types])
        if "mass" in atoms.arrays:
            atoms.set_masses(atoms.arrays["mass"])
    return frames


def states_units(path: Path) -> bool:
    """Whether a file says which units it is in, as a dump of LAMMPS does after ``dump_modify units yes``."""
    return re.search(r"^ITEM: UNITS\s+\w", _text(path, _PEEK), re.M) is not None


def _dump_columns(path: Path) -> list[str]:
    """Columns of the first frame; it may be long, so the file is read line by line."""
    from ase.io.formats import open_with_compression

    with open_with_compression(str(path), "rb") as file:
        for line in file:
            if line.startswith(b"ITEM: ATOMS"):
                return str(line.decode("utf-8", "replace")).split()[2:]
    return []


def _lammps_units(match: re.Match[str] | None) -> str:
    """Units that a file of LAMMPS states; without a word, lengths are in angstrom as in 'metal' and 'real'."""
    units = match.group(1) if match else "metal"
    if units not in _DYNAMIC_UNITS:
        raise _RefusedError(f"is in the units '{units}' of LAMMPS; convert it to metal or real units")
    return units


def _read_lammps_data(path: Path, index: Any, symbols: tuple[str, ...] | None) -> list[Any]:
    from ase.data import atomic_numbers

    text = _text(path)
    units = re.search(r"\bunits = (\w+)", text.partition("\n")[0])
    count = re.search(r"^\s*(\d+)\s+atom\s+types\b", text, re.M)
    kinds = range(1, int(count.group(1)) + 1 if count else 1)
    named = _types_by_label(text, kinds)
    if named is not None:
        _refuse_mapping(symbols)
    elif symbols is not None:
        if len(symbols) < len(kinds):
            raise _RefusedError(
                f"has {len(kinds)} types of atoms, but {len(symbols)} elements are given; give one for each"
            )
        named = dict(zip(kinds, symbols, strict=False))
    else:
        named = _types_by_mass(text, kinds)
    if named is None:
        raise _RefusedError(
            f"has {len(kinds)} types of atoms whose elements are not certain, neither by label nor by mass; name them "
            "in its order with --elements, such as --elements Li,P,S (in Python: elements=)"
        )
    numbers = {kind: atomic_numbers[symbol] for kind, symbol in named.items()}
    return _read_any(path, index, "lammps-data", Z_of_type=numbers, units=_lammps_units(units))


def _section(text: str, title: str) -> dict[int, str]:
    """Second column of a section of a data file, by type."""
    found = re.search(rf"^{title}[^\n]*\n((?:[ \t]*(?:#[^\n]*)?\n|[ \t]*\d+[ \t]+\S+[^\n]*\n?)*)", text, re.M)
    rows = [line.split("#")[0].split() for line in found.group(1).splitlines()] if found else []
    return {int(row[0]): row[1] for row in rows if len(row) > 1}


def _types_by_label(text: str, kinds: range) -> dict[int, str] | None:
    """Elements by type if every label of the section 'Atom Type Labels' is one."""
    from ase.data import atomic_numbers

    labels = _section(text, "Atom Type Labels")
    return labels if labels and all(atomic_numbers.get(labels.get(kind, ""), 0) > 0 for kind in kinds) else None


def _types_by_mass(text: str, kinds: range) -> dict[int, str] | None:
    """Elements by type if every mass is that of exactly one element.

    A whole number says nothing: files often give every type the mass 1, or that of an isotope.
    """
    from ase.data import atomic_masses, chemical_symbols

    masses = {kind: float(value) for kind, value in _section(text, "Masses").items()}
    named = {}
    for kind in kinds:
        mass = masses.get(kind, 0.0)
        near = [z for z, other in enumerate(atomic_masses) if z > 0 and abs(other - mass) < _MASS_TOLERANCE]
        if len(near) != 1 or mass == round(mass):
            return None
        named[kind] = str(chemical_symbols[near[0]])
    return named or None
