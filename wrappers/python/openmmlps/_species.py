# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Elements of atoms for which a file states only types (1, 2, ...) or labels: never guessed, but asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: how users name elements: 'Li,P,S' or a symbol for each type 1, 2, ..., '3=Li,OW=O' or a mapping by type or label
Elements = str | Sequence[str] | Mapping[Any, str]


def parse_elements(elements: Elements | None) -> tuple[str, ...] | dict[str, str] | None:
    """Elements by type, or by type or label, from any form that users give.

    Parameters
    ----------
    elements : str, sequence of str, mapping to str, or None
        with commas or blanks between the parts of a str

    Returns
    -------
    tuple of str, dict of str, or None
        one symbol for each of the types 1, 2, ... in order, or type or label -> symbol if these are others

    Raises
    ------
    ValueError
        if one is not an element, or if a str mixes both forms
    """
    from ase.data import atomic_numbers

    if elements is None:
        return None
    if isinstance(elements, str):
        parts = elements.replace(",", " ").split()
        pairs = [part.rpartition("=")[::2] for part in parts]
        if any(label for label, _ in pairs):
            elements = dict(pairs)
        else:
            elements = parts
    if isinstance(elements, Mapping):
        given = {str(label): str(symbol) for label, symbol in elements.items()}
        symbols = tuple(given.values())
        if set(given) == set(map(str, range(1, len(given) + 1))):  # types in any order
            symbols, given = tuple(given[str(number)] for number in range(1, len(given) + 1)), {}
    else:
        given, symbols = {}, tuple(map(str, elements))
    wrong = [symbol for symbol in symbols if atomic_numbers.get(symbol, 0) < 1]
    if wrong or not symbols or "" in given:
        found = f"'{wrong[0]}' is no element" if wrong else "an element has no type" if symbols else "none are given"
        raise ValueError(
            f"elements: {found}; give one symbol for each type of the file, such as Li,P,S, or 3=Li,OW=O by type or label"
        )
    return given or symbols


def symbols_of(labels: Sequence, elements: Elements, where: str) -> list[str]:
    """Chemical symbols of atoms whose types or labels a file states.

    Parameters
    ----------
    labels : sequence, [n]
        type (1, 2, ...) or label of each atom
    elements : str, sequence of str, or mapping to str
        as :func:`parse_elements` takes them; if the labels are no types, one symbol for each atom is a sequence too
    where : str
        what error messages begin with

    Returns
    -------
    list of str
        [n] chemical symbols

    Raises
    ------
    ValueError
        if a type or label has no element, or if an element does not exist
    """
    given = parse_elements(elements) or ()
    names = [str(label) for label in labels]
    if not isinstance(given, dict) and len(given) == len(names) and not all(name.isdigit() for name in names):
        return list(given)
    table = given if isinstance(given, dict) else {str(number): symbol for number, symbol in enumerate(given, 1)}
    missing = list(dict.fromkeys(name for name in names if name not in table))
    if missing:
        shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
        said = ", ".join(f"{label}={symbol}" for label, symbol in table.items())
        raise ValueError(f"{where}: no element for {shown} in {said}; {how_to_name(names)}")
    return [table[name] for name in names]


def how_to_name(labels: Sequence) -> str:
    """Half a sentence that says how to give the elements of atoms with these types or labels."""
    names = list(dict.fromkeys(str(label) for label in labels))
    if names and all(name.isdigit() and 0 < int(name) <= 12 for name in names):
        return "name them in the order of the types with --elements, such as --elements Li,P,S (in Python: elements=)"
    if names and names != [""]:
        return f"name each with --elements, such as --elements {names[0]}=Li (in Python: elements=)"
    return "give elements= with a symbol for each atom"
