# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Variety: farthest points on a cheap descriptor, so that no two labels tell the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

_REACH, _BINS, _WIDTH = 6.0, 12, 0.45  # angstrom, Gaussians, angstrom


def describe(atoms: Any, elements: Sequence[str]) -> np.ndarray:
    """Smoothed distances of every pair of elements, per atom.

    Parameters
    ----------
    atoms : ase.Atoms
        a frame
    elements : sequence of str
        of all frames that are compared

    Returns
    -------
    ndarray
        (pairs of elements times 12,)
    """
    from ase.neighborlist import neighbor_list

    first, second, distance = neighbor_list("ijd", atoms, _REACH)
    symbols = np.array(atoms.get_chemical_symbols())
    fade = 0.5 * (1 + np.cos(np.pi * distance / _REACH)) / np.maximum(distance, 0.5)
    centers = np.linspace(1.0, _REACH, _BINS)
    found = []
    for a, b in itertools.combinations_with_replacement(sorted(elements), 2):
        chosen = (symbols[first] == a) & (symbols[second] == b)
        waves = np.exp(-0.5 * ((distance[chosen, None] - centers) / _WIDTH) ** 2)
        found.append((fade[chosen, None] * waves).sum(axis=0) / len(atoms))
    return np.concatenate(found)


def farthest(candidates: np.ndarray, known: np.ndarray, number: int) -> list[int]:
    """Choose candidates one by one, each the farthest from what is known and chosen.

    Parameters
    ----------
    candidates : ndarray
        (n, d)
    known : ndarray
        (m, d); with m = 0 the candidate nearest to the mean comes first
    number : int
        how many; fewer are given where the rest is equal to what is chosen

    Returns
    -------
    list of int
        indices of candidates in the order of choice
    """
    if not len(candidates) or number < 1:
        return []
    chosen: list[int] = []
    if len(known):
        distance = np.min([((candidates - point) ** 2).sum(axis=1) for point in known], axis=0)
    else:
        chosen.append(int(((candidates - candidates.mean(axis=0)) ** 2).sum(axis=1).argmin()))
        distance = ((candidates - candidates[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(number, len(candidates)):
        best = int(distance.argmax())
        if distance[best] <= 0:
            break
        chosen.append(best)
        distance = np.minimum(distance, ((candidates - candidates[best]) ** 2).sum(axis=1))
    return chosen


def spaced(count: int, number: int) -> list[int]:
    """Indices of at most `number` of `count` things at equal distances, the last one among them."""
    number = min(count, number)
    return sorted({count - 1 - (index * count) // number for index in range(number)}) if number else []
