# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Pairs of atoms within the cutoff in periodic frames, every image counted."""

from dataclasses import dataclass

import numpy as np

#: Distances that are held in memory at a time.
CHUNK = 4_000_000


@dataclass(frozen=True)
class Pairs:
    """Pairs of F frames, frame after frame: those of frame f are offsets[f]:offsets[f + 1].

    vector (P, 3) float32, neighbor minus center in angstrom; center and neighbor (P,) int32 atoms of the frame.
    Every pair is there twice, once with each of its atoms as the center.
    """

    vector: np.ndarray
    center: np.ndarray
    neighbor: np.ndarray
    offsets: np.ndarray


def images(cells: np.ndarray, cutoff: float) -> np.ndarray:
    """Lattice translations (M, 3) beyond the nearest image that can be within `cutoff` (angstrom) of an atom.

    `cells` (F, 3, 3) has lattice vectors as rows. A pair folded to fractions in [-1/2, 1/2] needs the translations n with
    |n| <= cutoff/height + 1/2 along every axis.
    """
    heights = 1 / np.linalg.norm(np.linalg.inv(cells), axis=1)
    reach = np.floor(cutoff / heights + 0.5).max(axis=0).astype(int)
    axes = [np.arange(-count, count + 1) for count in reach]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(float)


def find_pairs(coord: np.ndarray, cells: np.ndarray, cutoff: float) -> Pairs:
    """Pairs closer than `cutoff` (angstrom) of frames with coord (F, N, 3) and cells (F, 3, 3), float64."""
    frames, atoms = coord.shape[:2]
    shifts = images(cells, cutoff)
    step = max(1, CHUNK // (atoms * atoms * len(shifts)))
    vectors, centers, neighbors, counts = [], [], [], []
    for start in range(0, frames, step):
        cell = cells[start : start + step]
        fraction = coord[start : start + step] @ np.linalg.inv(cell)
        between = fraction[:, None, :, :] - fraction[:, :, None, :]
        between -= np.round(between)
        near = np.einsum("fijk,fkc->fijc", between, cell)
        offset = np.einsum("mk,fkc->fmc", shifts, cell)
        square = np.zeros((len(cell), atoms, atoms, len(shifts)), dtype=np.float32)
        for axis in range(3):
            square += (near[..., axis, None] + offset[:, None, None, :, axis]).astype(np.float32) ** 2
        frame, center, neighbor, image = np.nonzero(square < (cutoff + 1e-3) ** 2)
        vector = near[frame, center, neighbor] + offset[frame, image]
        length = np.linalg.norm(vector, axis=1)
        keep = (length < cutoff) & ~((center == neighbor) & (length < 1e-6))
        vectors.append(vector[keep].astype(np.float32))
        centers.append(center[keep].astype(np.int32))
        neighbors.append(neighbor[keep].astype(np.int32))
        counts.append(np.bincount(frame[keep], minlength=len(cell)))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    return Pairs(np.concatenate(vectors), np.concatenate(centers), np.concatenate(neighbors), offsets)
