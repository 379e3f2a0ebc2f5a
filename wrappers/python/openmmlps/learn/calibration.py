# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Uncertainty of a single model: what its last hidden layer saw, and what errors belong to that (docs/uncertainty.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openmmlps.importers.native import NativeModel

from .frames import Frames

_WEAKEST = 1e-6  # of the largest variance of the features, below which directions count alike
_QUANTILE = 0.9999  # of the atoms of the calibration that have a grade below 1


@dataclass(frozen=True)
class Calibration:
    """What a calibration found, by element."""

    model: NativeModel
    atoms: dict[str, int]  #: of the calibration
    errors: dict[str, float]  #: eV/angstrom, root mean square length of the error of the force, held out
    correlation: float  #: Spearman, of uncertainty and error over all held-out atoms
    within: dict[str, float]  #: the same among atoms of one element
    beyond: float  #: fraction of the held-out frames with a grade above 1


@dataclass(frozen=True)
class _Atoms:
    """Atoms of frames: type [n], features [n, w], length of the error of the force [n] eV/angstrom, frame [n]."""

    types: np.ndarray
    features: np.ndarray
    errors: np.ndarray
    frames: np.ndarray


def calibrate(model: NativeModel, seen: Sequence[Frames], held_out: Sequence[Frames], threads: int = 1) -> Calibration:
    """Give a model the uncertainty of its forces.

    Parameters
    ----------
    model : NativeModel
        any native model whose fitting networks have hidden layers
    seen : sequence of Frames
        the domain: what the model was trained with, or the part of it that a study is about
    held_out : sequence of Frames
        frames that it was not trained with, for the size of errors
    threads : int
        to use

    Returns
    -------
    Calibration
        the model with tensors `uncertainty.*`, and how well they do

    Raises
    ------
    ValueError
        if an element of the held-out frames is not among those seen, or has too few atoms
    """
    from scipy.optimize import nnls
    from scipy.stats import spearmanr

    plain = NativeModel(
        model.hyperparameters,
        {name: tensor for name, tensor in model.tensors.items() if not name.startswith("uncertainty.")},
        model.provenance,
    )
    names = list(plain.hyperparameters["type_map"])
    own, others = _evaluate(plain, seen, threads), _evaluate(plain, held_out, threads)
    tensors, counts, errors, within = dict(plain.tensors), {}, {}, {}
    expected, grades = np.empty(len(others.types)), np.empty(len(others.types))
    for kind in np.unique(np.concatenate([own.types, others.types])):
        name, mine, theirs = names[kind], own.types == kind, others.types == kind
        rows = _with_one(own.features[mine])
        if len(rows) < 2 * rows.shape[1]:
            raise ValueError(
                f"calibrate: the frames have {len(rows)} atoms of {name}, at least {2 * rows.shape[1]} are needed; give more"
            )
        if theirs.sum() < 2:
            raise ValueError(f"calibrate: no held-out frame has {name}; name frames that do with --held-out")
        factor = _factor(rows)
        limit = float(np.quantile(np.linalg.norm(rows @ factor, axis=1), _QUANTILE))
        distances, squares = (
            np.linalg.norm(_with_one(others.features[theirs]) @ factor, axis=1),
            others.errors[theirs] ** 2,
        )
        (floor, slope), _ = nnls(np.stack([np.ones(len(distances)), distances**2], 1), squares)
        tensors[f"uncertainty.{kind}.factor"] = factor.astype(np.float32)
        tensors[f"uncertainty.{kind}.calibration"] = np.array([np.sqrt(floor), np.sqrt(slope), limit])
        expected[theirs], grades[theirs] = np.sqrt(floor + slope * distances**2), distances / limit
        counts[name], errors[name] = len(rows), float(np.sqrt(squares.mean()))
        within[name] = float(spearmanr(distances, others.errors[theirs])[0])
    correlation = float(spearmanr(expected, others.errors)[0])
    record = {
        "atoms": counts,
        "seen_sha256": hashlib.sha256("".join(frames.sha256() for frames in seen).encode()).hexdigest(),
        "held_out_sha256": hashlib.sha256("".join(frames.sha256() for frames in held_out).encode()).hexdigest(),
        "correlation": correlation,
    }
    flagged = [grades[others.frames == frame].max() > 1 for frame in np.unique(others.frames)]
    return Calibration(
        NativeModel(plain.hyperparameters, tensors, {**plain.provenance, "uncertainty": record}),
        counts,
        errors,
        correlation,
        within,
        float(np.mean(flagged)),
    )


def extrapolation_grades(
    model: NativeModel, symbols: Sequence[str], positions: np.ndarray, cell: np.ndarray
) -> np.ndarray | None:
    """Grades of the atoms of one periodic structure: above 1 their surroundings are unlike those of the calibration.

    Parameters
    ----------
    model : NativeModel
        of any kind
    symbols : sequence of str
        [n] that the model knows
    positions : np.ndarray
        [n, 3] angstrom
    cell : np.ndarray
        [3, 3] angstrom, lattice vectors in rows

    Returns
    -------
    np.ndarray or None
        [n]; None if the model is not calibrated for each of the elements
    """
    from openmmlps import LPSModel
    from openmmlps.openmmlps import CoreEvaluator

    names, tensors = list(model.hyperparameters["type_map"]), model.tensors
    types = np.array([names.index(symbol) for symbol in symbols], dtype=np.int32)
    if any(f"uncertainty.{kind}.factor" not in tensors for kind in np.unique(types)):
        return None
    evaluator = CoreEvaluator(LPSModel.fromBytes(model.to_bytes()), False, True, 1)
    features, grades = np.empty((len(types), evaluator.getFeatureWidth())), np.empty(len(types))
    places, box = np.array(positions, dtype=float, order="C"), np.array(cell, dtype=float, order="C")
    evaluator.computeFeatures(places, types, box, features)
    for kind in np.unique(types):
        distances = np.linalg.norm(_with_one(features[types == kind]) @ tensors[f"uncertainty.{kind}.factor"], axis=1)
        grades[types == kind] = distances / tensors[f"uncertainty.{kind}.calibration"][2]
    return grades


def _with_one(features: np.ndarray) -> np.ndarray:
    return np.concatenate([features, np.ones((len(features), 1))], 1)


def _factor(rows: np.ndarray) -> np.ndarray:
    """F with F F^T the inverse of the mean of y y^T, weak directions no weaker than a fraction of the strongest."""
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    return np.asarray(vectors / np.sqrt(np.maximum(values, 0) + _WEAKEST * values.max()))


def _evaluate(model: NativeModel, data: Sequence[Frames], threads: int) -> _Atoms:
    from openmmlps import LPSModel
    from openmmlps.openmmlps import CoreEvaluator

    native = LPSModel.fromBytes(model.to_bytes())
    evaluator, names = CoreEvaluator(native, False, True, threads), list(native.getTypeNames())
    width = evaluator.getFeatureWidth()
    if width == 0:
        raise ValueError("calibrate: the fitting networks of the model have no hidden layer; use a model that has")
    types, features, errors, numbers = [], [], [], []
    number = 0
    for frames in data:
        unknown = set(frames.symbols) - set(names)
        if unknown:
            raise ValueError(
                f"calibrate: '{frames.name}' has {', '.join(sorted(unknown))}, the model knows {', '.join(names)}"
            )
        kinds = np.array([names.index(symbol) for symbol in frames.symbols], dtype=np.int32)
        for index in range(len(frames)):
            found, error = _evaluate_frame(evaluator, width, kinds, frames, index)
            types.append(kinds)
            features.append(found)
            errors.append(error)
            numbers.append(np.full(len(kinds), number))
            number += 1
    if not types:
        raise ValueError("calibrate: there are no frames; give some, and some with --held-out")
    return _Atoms(*(np.concatenate(parts) for parts in (types, features, errors, numbers)))


def _evaluate_frame(
    evaluator: Any, width: int, kinds: np.ndarray, frames: Frames, index: int
) -> tuple[np.ndarray, np.ndarray]:
    """Features [n, w] and length of the error of the force [n] of one frame."""
    count = len(kinds)
    positions = np.ascontiguousarray(frames.coord[index], dtype=float).reshape(count, 3).copy()
    cell = np.ascontiguousarray(frames.box[index], dtype=float).reshape(3, 3).copy()
    features, energies, forces = np.empty((count, width)), np.empty(count), np.empty((count, 3))
    evaluator.computeFeatures(positions, kinds, cell, features)
    evaluator.evaluate(positions, kinds, cell, energies, forces, np.empty(0))
    return features, np.linalg.norm(forces - np.reshape(frames.force[index], (count, 3)), axis=1)
