# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Errors of a potential on labelled frames: numbers, and how they depend on force, temperature and a committee."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from openmmlps.potentials import Potential

from .frames import Frames


@dataclass(frozen=True)
class Compared:
    """Predictions beside the labels of one system of N atoms: F frames.

    energy (F,) eV; force (F, N, 3) eV/angstrom; virial (F, 9) eV or None; deviation (F, N) eV/angstrom of a committee or
    None; seconds that all evaluations of the first model took.
    """

    frames: Frames
    energy: np.ndarray
    force: np.ndarray
    virial: np.ndarray | None
    deviation: np.ndarray | None
    seconds: float

    @property
    def reference(self) -> np.ndarray:
        """Forces of the labels (F, N, 3)."""
        return np.asarray(self.frames.force, dtype=float).reshape(self.force.shape)

    @property
    def atoms(self) -> int:
        """N."""
        return len(self.frames.types)

    @property
    def energy_error(self) -> np.ndarray:
        """Prediction minus label (F,) in meV/atom."""
        found: np.ndarray = 1e3 * (self.energy - self.frames.energy) / self.atoms
        return found

    @property
    def force_error(self) -> np.ndarray:
        """Prediction minus label (F, N, 3) in eV/angstrom."""
        return self.force - self.reference

    @property
    def virial_error(self) -> np.ndarray | None:
        """Prediction minus label (F, 9) in meV/atom, or None."""
        if self.virial is None or self.frames.virial is None:
            return None
        return 1e3 * (self.virial - self.frames.virial) / self.atoms


def compare(
    potential: Potential, frames: Frames, committee: Sequence[Potential] = (), tell: Callable[[int], None] | None = None
) -> Compared:
    """Ask a potential, and a committee with it, for every frame.

    Parameters
    ----------
    potential : Potential
        which is judged
    frames : Frames
        labelled
    committee : sequence of Potential
        further members; their spread with `potential` is the deviation
    tell : callable, optional
        gets the number of frames that are done

    Returns
    -------
    Compared
        predictions beside labels
    """
    import time

    energies, forces, virials, spreads, seconds = [], [], [], [], 0.0
    for index in range(len(frames)):
        atoms = frames.atoms(index)
        begin = time.perf_counter()
        found = potential.predict(atoms)
        seconds += time.perf_counter() - begin
        energies.append(found.energy)
        forces.append(found.forces)
        virials.append(found.virial)
        if committee:
            spreads.append(deviation(np.array([found.forces, *(member.predict(atoms).forces for member in committee)])))
        if tell is not None:
            tell(index + 1)
    known = [virial.ravel() for virial in virials if virial is not None]
    return Compared(
        frames,
        np.array(energies),
        np.array(forces),
        np.array(known) if len(known) == len(frames) else None,
        np.array(spreads) if spreads else None,
        seconds,
    )


def deviation(forces: np.ndarray) -> np.ndarray:
    """Root mean square distance (n,) of each atom's forces (models, n, 3) from their mean, as DP-GEN defines it."""
    found: np.ndarray = np.sqrt(((forces - forces.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))
    return found


def spread_of(values: np.ndarray) -> dict[str, float]:
    """Root mean square `rmse` and mean absolute `mae` of errors."""
    return {"rmse": float(np.sqrt(np.mean(np.square(values)))), "mae": float(np.mean(np.abs(values)))}


def slope(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Least squares slope, through zero, of predictions over labels: below 1 the potential is too soft."""
    weight = float(np.sum(reference**2))
    return float(np.sum(predicted * reference) / weight) if weight else float("nan")


def summary(sets: Sequence[Compared]) -> dict[str, float]:
    """All errors of some systems together.

    Parameters
    ----------
    sets : sequence of Compared
        at least one

    Returns
    -------
    dict of str to float
        'frames', and 'energy', 'energy shifted' (energies per element fitted away; where there are frames enough),
        'force', 'force ELEMENT', 'virial' (rmse in meV/atom and eV/angstrom), each also with ' mae'; 'slope' and
        'slope ELEMENT'
    """
    found: dict[str, float] = {"frames": float(sum(len(found.frames) for found in sets))}
    parts: dict[str, list[np.ndarray]] = {"energy": [], "force": [], "virial": []}
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for item in sets:
        parts["energy"].append(item.energy_error)
        parts["force"].append(item.force_error.ravel())
        if item.virial_error is not None:
            parts["virial"].append(item.virial_error.ravel())
        symbols = item.frames.symbols
        for symbol in sorted(set(symbols)):
            chosen = symbols == symbol
            parts.setdefault(f"force {symbol}", []).append(item.force_error[:, chosen].ravel())
            pairs.setdefault(str(symbol), []).append((item.force[:, chosen].ravel(), item.reference[:, chosen].ravel()))
    for name, values in parts.items():
        if values:
            errors = spread_of(np.concatenate(values))
            found[name], found[f"{name} mae"] = errors["rmse"], errors["mae"]
    shifted = _shifted(sets)
    if shifted is not None:
        found["energy shifted"] = spread_of(shifted)["rmse"]
    every = [pair for members in pairs.values() for pair in members]
    for name, members in {"slope": every, **{f"slope {symbol}": members for symbol, members in pairs.items()}}.items():
        found[name] = slope(*(np.concatenate(side) for side in zip(*members, strict=True)))
    return found


def _shifted(sets: Sequence[Compared]) -> np.ndarray | None:
    """Errors of the energy (meV/atom) with a constant per element fitted away; None for fewer frames than twice those."""
    elements = sorted({symbol for item in sets for symbol in item.frames.symbols})
    rows, errors = [], []
    for item in sets:
        content = np.array([np.mean(item.frames.symbols == symbol) for symbol in elements])
        rows += [content] * len(item.frames)
        errors.append(item.energy_error)
    if len(rows) < 2 * len(elements):
        return None
    wrong = np.concatenate(errors)
    found: np.ndarray = wrong - np.array(rows) @ np.linalg.lstsq(np.array(rows), wrong, rcond=None)[0]
    return found


def binned(keys: np.ndarray, errors: np.ndarray, bins: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of keys, root mean squares of errors, and members, in bins of equally many values; all (at most `bins`,)."""
    order = np.argsort(keys, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    means = [float(keys[group].mean()) for group in groups]
    squares = [float(np.sqrt(np.mean(errors[group] ** 2))) for group in groups]
    return np.array(means), np.array(squares), np.array([len(group) for group in groups])


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation of two arrays (n,); nan for fewer than three values or constant ones."""
    from scipy.stats import rankdata

    if len(x) < 3:
        return float("nan")
    x, y = rankdata(x), rankdata(y)
    return float(np.corrcoef(x, y)[0, 1]) if np.std(x) and np.std(y) else float("nan")


def committee_quality(sets: Sequence[Compared]) -> dict[str, float]:
    """How well the deviation of a committee tells the true error.

    Parameters
    ----------
    sets : sequence of Compared
        with deviations

    Returns
    -------
    dict of str to float
        'atoms' and 'frames': rank correlations; 'wrong': share of frames whose largest error is above three times the
        median of all; 'threshold': deviation (eV/angstrom) that 90 % of those exceed; 'flagged': share of all frames
        that exceed it. The last two are nan where no frame is that wrong
    """
    spread = np.concatenate([item.deviation.ravel() for item in sets if item.deviation is not None])
    error = np.concatenate([np.linalg.norm(item.force_error, axis=2).ravel() for item in sets])
    largest = np.concatenate([item.deviation.max(axis=1) for item in sets if item.deviation is not None])
    worst = np.concatenate([np.linalg.norm(item.force_error, axis=2).max(axis=1) for item in sets])
    wrong = worst > 3 * np.median(worst)
    threshold = float(np.quantile(largest[wrong], 0.1)) if wrong.any() else float("nan")
    return {
        "atoms": spearman(spread, error),
        "frames": spearman(largest, worst),
        "wrong": float(wrong.mean()),
        "threshold": threshold,
        "flagged": float((largest >= threshold).mean()) if wrong.any() else float("nan"),
    }
