# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Pairs of atoms within the cutoff in periodic frames, every image counted, in PyTorch alone."""

from dataclasses import dataclass

import torch

#: Distances that are held in memory at a time.
CHUNK = 8_000_000


@dataclass(frozen=True)
class Pairs:
    """Pairs of F frames, frame after frame: those of frame f are offsets[f]:offsets[f + 1].

    vector (P, 3) float32, neighbor minus center in angstrom; center and neighbor (P,) int16 atoms of the frame.
    Every pair is there twice, once with each of its atoms as the center.
    """

    vector: torch.Tensor
    center: torch.Tensor
    neighbor: torch.Tensor
    offsets: list[int]


def images(cells: torch.Tensor, cutoff: float) -> torch.Tensor:
    """Return the lattice translations (M, 3) beyond the nearest image that can be within `cutoff` (angstrom) of an atom.

    `cells` (F, 3, 3) has lattice vectors as rows. A pair folded to fractions in [-1/2, 1/2] needs the translations n with
    |n| <= cutoff/height + 1/2 along every axis.
    """
    heights = 1 / torch.linalg.inv(cells).norm(dim=1)
    reach = torch.floor(cutoff / heights + 0.5).amax(0).long().tolist()
    axes = [torch.arange(-count, count + 1, device=cells.device) for count in reach]
    return torch.cartesian_prod(*axes).to(cells.dtype)


def find_pairs(coord: torch.Tensor, cells: torch.Tensor, cutoff: float) -> Pairs:
    """Return the pairs closer than `cutoff` (angstrom) of frames with coord (F, N, 3) and cells (F, 3, 3), float64."""
    frames, atoms = coord.shape[:2]
    shifts = images(cells, cutoff)
    step = max(1, CHUNK // (atoms * atoms * len(shifts)))
    vectors, centers, neighbors, counts = [], [], [], []
    for start in range(0, frames, step):
        cell = cells[start : start + step]
        fraction = coord[start : start + step] @ torch.linalg.inv(cell)
        between = fraction[:, None, :, :] - fraction[:, :, None, :]
        between -= between.round()
        near = torch.einsum("fijk,fkc->fijc", between, cell)
        offset = torch.einsum("mk,fkc->fmc", shifts, cell)
        square = torch.zeros(len(cell), atoms, atoms, len(shifts), dtype=torch.float32, device=coord.device)
        for axis in range(3):
            square += (near[..., axis, None] + offset[:, None, None, :, axis]).float().square_()
        frame, center, neighbor, image = torch.nonzero(square < (cutoff + 1e-3) ** 2, as_tuple=True)
        vector = near[frame, center, neighbor] + offset[frame, image]
        length = vector.norm(dim=1)
        itself = (center == neighbor) & (length < 1e-6)
        keep = (length < cutoff) & ~itself
        vectors.append(vector[keep].float())
        centers.append(center[keep].to(torch.int16))
        neighbors.append(neighbor[keep].to(torch.int16))
        counts.append(torch.bincount(frame[keep], minlength=len(cell)))
    offsets = [0, *torch.cat(counts).cumsum(0).tolist()]
    return Pairs(torch.cat(vectors), torch.cat(centers), torch.cat(neighbors), offsets)
