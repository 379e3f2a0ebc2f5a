# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""The structures that the golden models are evaluated for: tests/data/golden/structures.npz, described beside it.

Types are 0 Li, 1 P, 2 S; positions [n, 3] and boxes [3, 3] (rows a, b, c) in angstrom; no box means not periodic.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

FILE = Path(__file__).resolve().parents[1] / "data" / "golden" / "structures.npz"


def load_structures() -> dict[str, dict]:
    """All structures by name: types [n], positions [n, 3], box [3, 3] or None."""
    structures: dict[str, dict] = {}
    with np.load(FILE) as arrays:
        for key in arrays.files:
            name, kind = key.split(".")
            structures.setdefault(name, {"box": None})[kind] = arrays[key]
    return structures


def images(box: np.ndarray | None, cutoff: float) -> np.ndarray:
    """Translations [m, 3] that bring every image of the cell within the cutoff of it, zero included."""
    if box is None:
        return np.zeros((1, 3))
    heights = 1.0 / np.linalg.norm(np.linalg.inv(box), axis=0)
    reach = np.ceil(cutoff / heights).astype(int) + 1
    return np.array(list(product(*(range(-n, n + 1) for n in reach)))) @ box


def shortest(positions: np.ndarray, box: np.ndarray | None, candidate: np.ndarray) -> float:
    """Distance from a candidate to the nearest image of the positions and of itself."""
    shifts = images(box, 4.0)
    own = np.linalg.norm(shifts, axis=1)
    own = own[own > 1e-9]
    best = own.min() if own.size else np.inf
    if len(positions):
        best = min(best, np.linalg.norm(positions[:, None] + shifts - candidate, axis=-1).min())
    return best


def scatter(
    rng: np.random.Generator, count: int, box: np.ndarray, fill: np.ndarray, closest: float, periodic: bool
) -> np.ndarray:
    """Random positions in the part `fill` of the box (fractions [3, 2]), no two closer than `closest` angstrom."""
    positions = np.zeros((0, 3))
    for _ in range(200000):
        candidate = (fill[:, 0] + rng.random(3) * (fill[:, 1] - fill[:, 0])) @ box
        if shortest(positions, box if periodic else None, candidate) >= closest:
            positions = np.vstack([positions, candidate])
            if len(positions) == count:
                return positions
    raise RuntimeError(f"no room for {count} atoms")


def largest_counts(structures: dict[str, dict], cutoff: float) -> list[int]:
    """Largest number of neighbors of each type around any atom of any structure, images included."""
    most = [0, 0, 0]
    for s in structures.values():
        shifts = images(s["box"], cutoff)
        for center in s["positions"]:
            r = np.linalg.norm(s["positions"][:, None] + shifts - center, axis=-1)
            inside = (r < cutoff + 1e-3) & (r > 1e-9)
            for b in range(3):
                most[b] = max(most[b], int(inside[s["types"] == b].sum()))
    return most
