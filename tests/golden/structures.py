# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""The structures that the golden models are evaluated for, made from fixed seeds.

Types are 0 Li, 1 P, 2 S; positions [n, 3] and boxes [3, 3] (rows a, b, c) in angstrom; no box means not periodic.
"""

from __future__ import annotations

from itertools import product

import numpy as np

# beta-Li3PS4, space group Pnma, experimental lattice parameters, one disordered site resolved: unit cell of 32 atoms.
BETA_CELL = np.diag([12.819, 8.220, 6.1235])
BETA = """
Li 4.5671 0.1019 2.6809
Li 8.2724 8.1019 3.4406
Li 1.8469 8.1058 5.7612
Li 10.9626 0.1063 0.3655
Li 8.2501 4.2353 3.4291
Li 4.5700 4.0033 2.6885
Li 10.9716 4.0108 0.3786
Li 1.8530 4.2127 5.7571
Li 0.0015 0.0025 3.0628
Li 6.4094 0.0042 0.0129
Li 0.0019 4.1103 3.0570
Li 6.3905 4.1127 6.1213
P 1.1227 2.0538 1.0567
P 11.6981 6.1643 5.0724
P 5.2885 6.1678 4.1156
P 7.5307 2.0590 2.0143
S 1.9935 0.3760 1.7431
S 10.8240 7.8425 4.3763
S 4.4203 7.8466 4.8093
S 8.3948 0.3767 1.3117
S 10.8284 4.4827 4.3747
S 1.9851 3.7281 1.7459
S 8.3986 3.7328 1.3081
S 4.4189 4.4890 4.8072
S 11.9835 2.0536 1.5767
S 0.8424 6.1672 4.5522
S 7.2445 6.1643 4.6344
S 5.5721 2.0522 1.4836
S 1.3738 2.0535 5.1291
S 11.4496 6.1652 1.0020
S 5.0412 6.1625 2.0604
S 7.7788 2.0552 4.0608
"""


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


def make_structures() -> dict[str, dict]:
    """All structures by name: types [n], positions [n, 3], box [3, 3] or None."""
    rng = np.random.default_rng(20250301)
    rows = [line.split() for line in BETA.strip().splitlines()]
    bulk = np.array([[float(v) for v in row[1:]] for row in rows]) + rng.normal(0.0, 0.12, (len(rows), 3))
    bulk_types = np.array([["Li", "P", "S"].index(row[0]) for row in rows])
    whole = np.array([[0.0, 1.0]] * 3)
    slanted = np.array([[4.1, 0.0, 0.0], [2.3, 3.9, 0.0], [-1.9, 1.6, 4.3]])
    flat = np.diag([7.2, 6.8, 24.0])
    flat[1, 0] = 1.1
    free = np.diag([7.0, 7.0, 7.0])
    packed = np.array([[6.4, 0.0, 0.0], [0.7, 6.1, 0.0], [-0.6, 0.4, 6.6]])
    slab = scatter(rng, 18, flat, np.array([[0, 1], [0, 1], [0.35, 0.65]]), 1.9, True)
    slab[::5] += flat[0] - flat[1]  # some atoms lie outside of the cell
    cluster = scatter(rng, 11, free, whole, 1.7, False)
    cluster[-1] = [31.0, -4.0, 2.0]  # an atom without neighbors
    return {
        "bulk": {"types": bulk_types, "positions": bulk, "box": BETA_CELL},
        "triclinic": {
            "types": np.array([0, 0, 0, 1, 2]),
            "positions": scatter(rng, 5, slanted, whole, 1.8, True),
            "box": slanted,
        },
        "slab": {"types": np.array([0, 2, 1] * 6), "positions": slab, "box": flat},
        "cluster": {"types": np.array([0, 1, 2, 2, 2, 0, 0, 2, 1, 2, 0]), "positions": cluster, "box": None},
        # No phosphorus, uneven numbers of the other two, some very short distances.
        "dense": {
            "types": np.array([2] * 15 + [0] * 5),
            "positions": scatter(rng, 20, packed, whole, 1.35, True),
            "box": packed,
        },
    }


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
