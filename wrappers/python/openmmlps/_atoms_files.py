# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Files of atoms through ASE, for structures and trajectories: the format, names with '@', and species that are certain.

Several formats number the species instead of naming them, and ASE then takes type 1 for hydrogen. Here such a file
is refused until the caller says which element each type is.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_ALIASES = {"lammps-dump": "lammps-dump-text", "poscar": "vasp", "contcar": "vasp", "xdatcar": "vasp-xdatcar"}
_COMMON = "cif, extxyz, lammps-data, lammps-dump-text, traj, vasp, xyz"
_PEEK = 4096  # bytes that are looked at to recognise LAMMPS files
_MASS_TOLERANCE = 0.05  # amu; tables of atomic masses differ by less, neighboring elements by more
_DYNAMIC_UNITS = ("metal", "real")  # of LAMMPS, with lengths in angstrom


def parse_elements(elements: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Elements of the numbered types of a file, as from ``Li,P,S``.

    Parameters
    ----------
    elements : str, sequence of str or None
        chemical symbols in the order of the types, with commas or blanks between them in a str

    Returns
    -------
    tuple of str or None
        one symbol for each type

    Raises
    ------
    ValueError
        if one is not an element
    """
    from ase.data import atomic_numbers

    if elements is None:
        return None
    symbols = tuple(elements.replace(",", " ").split() if isinstance(elements, str) else map(str, elements))
    wrong = [symbol for symbol in symbols if atomic_numbers.get(symbol, 0) < 1]
    if wrong or not symbols:
        found = f"'{wrong[0]}' is no element" if wrong else "none are given"
        raise ValueError(f"elements: {found}; give one symbol for each type of the file, such as Li,P,S")
    return symbols


def read_atoms(
    path: Path,
    where: str,
    *,
    every_frame: bool = False,
    format: str | None = None,
    elements: str | Sequence[str] | None = None,
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
    elements : str or sequence of str, optional
        element of each type, for formats that number the types of atoms

    Returns
    -------
    list of ase.Atoms
        the frames

    Raises
    ------
    ValueError
        if the file cannot be read, or does not say which elements its atoms are
    """
    symbols = parse_elements(elements)
    path = Path(path).absolute()
    name = _find_format(path, where, format)
    index: Any = slice(None) if every_frame else slice(-1, None)
    readers: dict[str, Callable[..., list[Any]]] = {
        "cif": _read_cif,
        "lammps-data": _read_lammps_data,
        "lammps-dump-text": _read_lammps_dump,
        "vasp": _read_poscar,
    }
    if symbols is not None and name not in readers:
        raise ValueError(f"{where}: '{path}' is of format {name}, which names elements itself; leave --elements out")
    try:
        return readers[name](path, index, symbols) if name in readers else _read_any(path, index, name)
    except _Refused as refusal:
        raise ValueError(f"{where}: '{path}' {refusal}") from None
    except Exception as error:  # noqa: BLE001  ASE's readers raise anything at all, from StopIteration to bare asserts
        reason = " ".join(str(error).split()) or type(error).__name__
        what = "a trajectory" if every_frame else "a structure"
        raise ValueError(
            f"{where}: '{path}' cannot be read as {what} ({name}: {reason}); correct the file, or name its format with "
            f"--format, such as {_COMMON}"
        ) from None


class _Refused(Exception):
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
        raise _Refused(f"is of format {name}, which does not name its elements; write it as extxyz or as a text dump")
    frames = list(ase.io.read(str(path), index, name, do_not_split_by_at_sign=True, **options))
    if name in ("gromacs", "proteindatabank"):
        _check_names(path, name, frames)
    return frames


def _check_names(path: Path, name: str, frames: list[Any]) -> None:
    """Refuse files whose names of atoms only suggest elements, such as CA, which is a carbon in proteins."""
    from ase.data import atomic_numbers

    if name == "proteindatabank":
        lines = [line for line in _text(path).splitlines() if line.startswith(("ATOM", "HETATM"))]
        if all(line[76:78].strip() for line in lines):
            return
    for atoms in frames:
        for label, symbol in zip(atoms.arrays.get("atomtypes", ()), atoms.symbols, strict=True):
            element = str(label).rstrip("0123456789+-")
            if element != symbol or element not in atomic_numbers:
                raise _Refused(f"names an atom '{label}' and no element; write the elements, or convert it to extxyz")


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
                    raise _Refused(f"has '{unknown[0]}' among {tag}; give every atom its coordinates, or leave it out")
            if isinstance(tags.get("_atom_site_occupancy"), list):
                tags["_atom_site_occupancy"] = [_occupancy(value) for value in tags["_atom_site_occupancy"]]
            frames.append(CIFBlock(block.name, tags).get_atoms())
            _check_cif(tags, frames[-1])
    if not frames:
        raise _Refused("cannot be read as a structure: no block of this CIF holds atoms; give one that does")
    return frames[index]


def _check_cif(tags: dict[str, Any], atoms: Any) -> None:
    """Refuse what ASE reads as numbers although it is none."""
    if atoms.cell.rank < 3 and any(tag.startswith("_atom_site_fract") for tag in tags):
        raise _Refused("has fractional coordinates without a complete cell; give all six parameters of the cell")


def _occupancy(value: Any) -> float:
    if value in ("?", "."):
        return 1.0
    try:
        return float(value)
    except (TypeError, ValueError):
        raise _Refused(f"has the occupancy '{value}', which is not a number; correct it") from None


def _refuse_mapping(symbols: tuple[str, ...] | None) -> None:
    if symbols is not None:
        raise _Refused("names its elements itself; leave --elements out")


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
            raise _Refused(
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
            raise _Refused(
                "has types of atoms without elements; name them in the order of the types with --elements, such as "
                "--elements Li,P,S (in Python: elements=)"
            )
        elif types is None or not (1 <= types.min() and types.max() <= len(symbols)):
            found = "no column 'type'" if types is None else f"types {types.min()} to {types.max()}"
            raise _Refused(
                f"has {found}, but {len(symbols)} elements are given ({', '.join(symbols)}); give one for each"
            )
        else:
            atoms.symbols = [symbols[kind - 1] for kind in types]
        if "mass" in atoms.arrays:
            atoms.set_masses(atoms.arrays["mass"])
    return frames


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
        raise _Refused(f"is in the units '{units}' of LAMMPS; convert it to metal or real units")
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
            raise _Refused(f"has {len(kinds)} types of atoms, but {len(symbols)} elements are given; give one for each")
        named = dict(zip(kinds, symbols, strict=False))
    else:
        named = _types_by_mass(text, kinds)
    if named is None:
        raise _Refused(
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
