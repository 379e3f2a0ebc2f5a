# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Structures for the three-dimensional view, with their anions kept whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from openmmlps.analysis.neighbors import neighbor_pairs
from openmmlps.analysis.trajectory import Trajectory
from openmmlps.materials import Material

from .content import Snapshot


def snapshot(trajectory: Trajectory, title: str, material: Material | None = None) -> Snapshot:
    """The last frame of a periodic trajectory, folded into the cell."""
    frame = trajectory[len(trajectory) - 1 : len(trajectory)]
    positions, cell = next(frame.frames())
    return fold(trajectory.symbols, positions, np.asarray(cell), title, material)


def fold(
    symbols: Sequence[str], positions: np.ndarray, cell: np.ndarray, title: str, material: Material | None = None
) -> Snapshot:
    """Fold formers and ions into the cell, and put each ligand beside a former that it is bonded to.

    Parameters
    ----------
    symbols : sequence of str, [n]
        of the atoms
    positions : np.ndarray, [n, 3]
        angstrom
    cell : np.ndarray, [3, 3]
        angstrom
    title : str
        below the view
    material : Material or None
        formers, ligands and lengths of bonds; None: from the composition

    Returns
    -------
    Snapshot
        with the bonds that are seen inside it
    """
    material = material or Material.of(symbols)
    positions = np.array(positions, dtype=float)
    kinds = np.array(symbols)
    positions -= np.floor(positions @ np.linalg.inv(cell)) @ cell
    former, ligand = np.isin(kinds, list(material.formers)), np.isin(kinds, list(material.ligands))
    pairs: list[tuple[int, int]] = []
    if material.has_network:
        longest = max(material.bonds.values())
        first, second, distance, vector = neighbor_pairs(positions, cell, longest, "ijdD")
        limits = [
            material.bonds.get((min(a, b), max(a, b)), 0.0) for a, b in zip(kinds[first], kinds[second], strict=True)
        ]
        bonded = distance < np.array(limits)
        placed = ~ligand
        for i, j, step in sorted(
            zip(first[bonded].tolist(), second[bonded].tolist(), vector[bonded].tolist(), strict=True)
        ):
            for a, b, sign in ((i, j, 1), (j, i, -1)):
                if former[a] and ligand[b] and not placed[b]:
                    positions[b] = positions[a] + sign * np.array(step)
                    placed[b] = True
        for i, j, length in zip(first[bonded], second[bonded], distance[bonded], strict=True):
            if abs(np.linalg.norm(positions[i] - positions[j]) - length) < 1e-3:
                pairs.append((int(i), int(j)))
    return Snapshot(
        title,
        tuple(symbols),
        np.round(positions, 3),
        np.round(np.asarray(cell), 4),
        tuple(pairs),
        tuple(material.formers),
        tuple(material.ligands),
    )


def graded(snapshot: Snapshot, model: Path) -> Snapshot:
    """The structure with the extrapolation grades of its atoms, if the model file of its run is a calibrated one."""
    from openmmlps.importers import ModelImportError, import_model
    from openmmlps.learn.calibration import extrapolation_grades

    try:
        native = import_model(model)
    except (OSError, ModelImportError):
        return snapshot  # another potential
    grades = extrapolation_grades(native, snapshot.symbols, snapshot.positions, snapshot.cell)
    return snapshot if grades is None else replace(snapshot, grades=tuple(grades.tolist()))
