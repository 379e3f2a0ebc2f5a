# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Frames of one system with all pairs found, and batches of them.

Within a batch the atoms are ordered by species, then by frame, so that each species is one block of rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openmmlps.learn.frames import Frames

from .architecture import Architecture
from .pairs import find_pairs


@dataclass(frozen=True)
class Batch:
    """F frames of one system of N atoms: F N rows, species after species; P pairs.

    vector (P, 3) neighbor minus center, angstrom; center and neighbor (P,) rows; species (T,) rows of each species;
    kind (F N,) species of a row; frame (F N,) frame of a row; pair_frame (P,). References: energy (F,) in eV, force
    (F N, 3) in eV/angstrom, virial (F, 3, 3) in eV or None.
    """

    atoms: int
    vector: np.ndarray
    center: np.ndarray
    neighbor: np.ndarray
    pair_frame: np.ndarray
    species: tuple[int, ...]
    kind: np.ndarray
    frame: np.ndarray
    energy: np.ndarray
    force: np.ndarray
    virial: np.ndarray | None

    @property
    def frames(self) -> int:
        """F, the number of frames."""
        return len(self.energy)

    @property
    def blocks(self) -> list[slice]:
        """The rows of each species."""
        ends = np.cumsum(self.species)
        return [slice(int(end) - size, int(end)) for end, size in zip(ends, self.species, strict=True)]


class System:
    """All frames of one system, searched for pairs once.

    Parameters
    ----------
    frames : Frames
        labelled frames of the same atoms
    architecture : Architecture
        whose type map holds all elements
    dtype : type
        of what is computed: np.float32 or np.float64

    Raises
    ------
    ValueError
        if an element is not in the type map
    """

    def __init__(self, frames: Frames, architecture: Architecture, dtype: type) -> None:
        self.name, self.frames = frames.name, frames
        unknown = {frames.type_map[kind] for kind in frames.types} - set(architecture.type_map)
        if unknown:
            raise ValueError(f"train: '{self.name}' holds {', '.join(sorted(unknown))}, which the model lacks; add it")
        kinds = np.array([architecture.type_map.index(frames.type_map[kind]) for kind in frames.types])
        self.atoms, self.count, self.dtype = len(kinds), len(frames), dtype
        self.counts = tuple(int(number) for number in np.bincount(kinds, minlength=architecture.species))
        self.kinds = kinds
        rank = np.empty(self.atoms, dtype=np.int64)
        rank[np.argsort(kinds, kind="stable")] = np.arange(self.atoms)
        first = np.concatenate([[0], np.cumsum(self.counts)])[kinds]
        self._first, self._rank, self._width = first, rank - first, np.array(self.counts)[kinds]
        shape = (self.count, self.atoms, 3)
        coord = np.asarray(frames.coord, dtype=float).reshape(shape)
        self.pairs = find_pairs(coord, np.asarray(frames.box, dtype=float).reshape(-1, 3, 3), architecture.rcut)
        self.energy = np.asarray(frames.energy, dtype=float)
        self.force: np.ndarray = np.asarray(frames.force, dtype=dtype).reshape(shape)
        self.virial: np.ndarray | None = (
            None if frames.virial is None else np.asarray(frames.virial, dtype=dtype).reshape(-1, 3, 3)
        )
        self._rows: dict[int, tuple[np.ndarray, ...]] = {}

    def most_neighbors(self, kinds: int) -> np.ndarray:
        """Largest number of neighbors of each of `kinds` species that an atom of any frame has."""
        most = np.zeros(kinds, dtype=int)
        for start, stop in zip(self.pairs.offsets, self.pairs.offsets[1:], strict=False):
            place = self.pairs.center[start:stop] * kinds + self.kinds[self.pairs.neighbor[start:stop]]
            most = np.maximum(most, np.bincount(place, minlength=self.atoms * kinds).reshape(-1, kinds).max(axis=0))
        return most

    def rows(self, size: int) -> tuple[np.ndarray, ...]:
        """Rows (size, N) of the atoms in a batch of `size` frames, and species, frame and atom (size N,) of rows."""
        if size not in self._rows:
            rows = self._first * size + np.arange(size)[:, None] * self._width + self._rank
            frame = np.empty(size * self.atoms, dtype=np.int64)
            atom = np.empty_like(frame)
            frame[rows] = np.arange(size)[:, None]
            atom[rows] = np.arange(self.atoms)
            self._rows[size] = rows, self.kinds[atom], frame, atom
        return self._rows[size]

    def batch(self, chosen: Sequence[int]) -> Batch:
        """The batch of the frames with the indices `chosen`."""
        size = len(chosen)
        rows, kind, frame, atom = self.rows(size)
        parts = [slice(self.pairs.offsets[index], self.pairs.offsets[index + 1]) for index in chosen]
        index = np.array(chosen)
        return Batch(
            atoms=self.atoms,
            vector=np.concatenate([self.pairs.vector[part] for part in parts]).astype(self.dtype),
            center=np.concatenate([rows[n][self.pairs.center[part]] for n, part in enumerate(parts)]),
            neighbor=np.concatenate([rows[n][self.pairs.neighbor[part]] for n, part in enumerate(parts)]),
            pair_frame=np.repeat(np.arange(size), [part.stop - part.start for part in parts]),
            species=tuple(size * number for number in self.counts),
            kind=kind,
            frame=frame,
            energy=self.energy[index],
            force=self.force[index][frame, atom],
            virial=None if self.virial is None else self.virial[index],
        )
