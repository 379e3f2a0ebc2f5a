# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Frames of one system on the device with all pairs found, and batches of them.

Within a batch the atoms are ordered by species, then by frame, so that each species is one block of rows.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from frames import read_frames

from .architecture import Architecture
from .pairs import find_pairs


@dataclass(frozen=True)
class Batch:
    """F frames of one system of N atoms: F N rows, species after species; P pairs.

    vector (P, 3) neighbor minus center, angstrom; center and neighbor (P,) rows; species (T,) rows of each species;
    kind (F N,) species of a row; frame (F N,) frame of a row; pair_frame (P,). References: energy (F,) in eV, force
    (F N, 3) in eV/angstrom, virial (F, 3, 3) in eV.
    """

    atoms: int
    vector: torch.Tensor
    center: torch.Tensor
    neighbor: torch.Tensor
    pair_frame: torch.Tensor
    species: tuple[int, ...]
    kind: torch.Tensor
    frame: torch.Tensor
    energy: torch.Tensor
    force: torch.Tensor
    virial: torch.Tensor

    @property
    def frames(self) -> int:
        return len(self.energy)


class System:
    """All frames of one DeePMD folder, read and searched for pairs once.

    Forces are kept in the order of the folder; `rows` translates. Raises ValueError if an element is not in the type map.
    """

    def __init__(self, folder: Path, architecture: Architecture, device: torch.device, dtype: torch.dtype):
        frames = read_frames(folder)
        self.name = folder.parent.name if folder.name in ("train", "validation", "interior", "test") else folder.name
        unknown = set(frames.type_map) - set(architecture.type_map)
        if unknown:
            raise ValueError(
                f"engine: '{folder}' holds {sorted(unknown)}, which the type map lacks; correct the config"
            )
        order = np.array([architecture.type_map.index(name) for name in frames.type_map])
        kinds = order[frames.types]
        self.atoms, self.count, self.device, self.dtype = len(kinds), len(frames), device, dtype
        self.counts = tuple(int(number) for number in np.bincount(kinds, minlength=architecture.species))
        self.kinds = torch.from_numpy(kinds).to(device)
        rank = np.empty(self.atoms, dtype=np.int64)
        rank[np.argsort(kinds, kind="stable")] = np.arange(self.atoms)
        first = np.concatenate([[0], np.cumsum(self.counts)])[kinds]
        self._first, self._rank, self._width = first, rank - first, np.array(self.counts)[kinds]

        def move(values, *shape):
            return torch.from_numpy(np.asarray(values, dtype=np.float64)).to(device).reshape(self.count, *shape)

        coord, cells = move(frames.coord, self.atoms, 3), move(frames.box, 3, 3)
        self.pairs = find_pairs(coord, cells, architecture.rcut)
        self.energy = move(frames.energy)
        self.force = move(frames.force, self.atoms, 3).to(dtype)
        self.virial = move(frames.virial, 3, 3).to(dtype)
        self._rows: dict[int, tuple[torch.Tensor, ...]] = {}

    def rows(self, size: int) -> tuple[torch.Tensor, ...]:
        """Return rows (size, N) of the atoms in a batch of `size` frames, and species, frame and atom (size N,) of rows."""
        if size not in self._rows:
            rows = self._first * size + np.arange(size)[:, None] * self._width + self._rank
            rows = torch.from_numpy(rows).to(self.device)
            frame = torch.empty(size * self.atoms, dtype=torch.long, device=self.device)
            atom = torch.empty_like(frame)
            frame[rows] = torch.arange(size, device=self.device)[:, None].expand(size, self.atoms)
            atom[rows] = torch.arange(self.atoms, device=self.device).expand(size, self.atoms)
            self._rows[size] = rows, self.kinds[atom], frame, atom
        return self._rows[size]

    def batch(self, chosen: list[int]) -> Batch:
        """Return the batch of the frames with the indices `chosen`."""
        size = len(chosen)
        rows, kind, frame, atom = self.rows(size)
        parts = [slice(self.pairs.offsets[index], self.pairs.offsets[index + 1]) for index in chosen]

        def gather(values):
            return values[parts[0]] if size == 1 else torch.cat([values[part] for part in parts])

        def gather_rows(values):
            return torch.cat([rows[place][values[part].long()] for place, part in enumerate(parts)])

        index = torch.tensor(chosen, device=self.device)
        lengths = [part.stop - part.start for part in parts]
        pair_frame = torch.cat([torch.full((n,), f, device=self.device) for f, n in enumerate(lengths)])
        return Batch(
            atoms=self.atoms,
            vector=gather(self.pairs.vector).to(self.dtype),
            center=gather_rows(self.pairs.center),
            neighbor=gather_rows(self.pairs.neighbor),
            pair_frame=pair_frame,
            species=tuple(size * number for number in self.counts),
            kind=kind,
            frame=frame,
            energy=self.energy[index],
            force=self.force[index][frame, atom],
            virial=self.virial[index],
        )
