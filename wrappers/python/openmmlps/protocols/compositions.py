# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Compositions as people write them, in the form that protocols take."""

from __future__ import annotations

import re
from fractions import Fraction
from math import lcm

from .packing import Composition

_AMOUNT = re.compile(r"\s*(\d+\.?\d*|\.\d+)?\s*\*?\s*([A-Z][A-Za-z0-9.]*)\s*")
_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?")


def parse_composition(text: str) -> str:
    """Turn a composition into a mixture of whole formulas, as the quench protocol takes it.

    Parameters
    ----------
    text : str
        '0.75 Li2S + 0.25 P2S5', '75Li2S-25P2S5', '75' (percent Li2S in Li2S-P2S5), 'Li7P3S11' or 'Li2.9PO3.3N0.5'

    Returns
    -------
    str
        such as '3Li2S-1P2S5' or 'Li29P10O33N5'

    Raises
    ------
    ValueError
        if it is none of these, names an unknown element, or holds nothing
    """
    if re.fullmatch(r"\s*[\d.]+\s*%?\s*", text):
        return Composition.parse(text).label
    pieces = [_piece(piece, text) for piece in re.split(r"[+-]", text)]
    whole = lcm(*(amount.denominator for amount, _ in pieces))
    mixture = "-".join(f"{amount * whole}{formula}" for amount, formula in pieces)
    if len(pieces) == 1 and pieces[0][0]:
        mixture = pieces[0][1]
    Composition.parse(mixture)
    return mixture


def _piece(piece: str, text: str) -> tuple[Fraction, str]:
    """Amount and whole formula of 'number formula'."""
    from ase.data import atomic_numbers

    match = _AMOUNT.fullmatch(piece)
    content = _ELEMENT.findall(match[2]) if match else []
    if not match or "".join(map("".join, content)) != match[2]:
        raise ValueError(
            f"'{piece.strip()}' in '{text}' is not an amount and a formula; write for example '0.75 Li2S + 0.25 P2S5' "
            "or 'Li2.9PO3.3N0.5'"
        )
    counts: dict[str, Fraction] = {}
    for element, number in content:
        if element not in atomic_numbers:
            raise ValueError(f"'{element}' in '{text}' is not an element; correct the formula")
        counts[element] = counts.get(element, Fraction(0)) + Fraction(number or 1)
    empty = [element for element, count in counts.items() if not count]
    if empty:
        raise ValueError(f"'{text}' holds none of {', '.join(empty)}; leave it out of the formula")
    whole = lcm(*(count.denominator for count in counts.values()))
    if whole == 1 and len(counts) == len(content):
        formula = match[2]
    else:
        formula = "".join(
            f"{element}{count * whole if count * whole != 1 else ''}" for element, count in counts.items()
        )
    return Fraction(match[1] or 1) / whole, formula
