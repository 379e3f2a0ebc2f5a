# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Cages of mobile ions: stays at one place, ended by a move that is long, lasts, and changes the shell of ligands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_NEW_SHELL = 0.5  # of the old shell may be left after a hop
_RELAX = 4  # times the patience, after which a cage that has moved with its shell is followed


@dataclass(frozen=True)
class Cages:
    """Stays of all ions, one after the other."""

    number: np.ndarray  #: [t, m] cage of each ion in each frame, an index into the arrays below
    ion: np.ndarray  #: [c]
    frames: np.ndarray  #: [c] duration
    ended: np.ndarray  #: [c] bool, whether a hop ended it, not the trajectory
    centers_angstrom: np.ndarray  #: [c, 3] mean of the path


def find_cages(paths: np.ndarray, shell: np.ndarray, ligands: int, patience: int, distance: float) -> Cages:
    """Cut paths into cages.

    A hop takes an ion further than `distance` from the center of its cage for more than `patience` frames, in which less
    than half of the old shell is left. Rattling, excursions that return, and ligands that come and go end no cage.

    Parameters
    ----------
    paths : np.ndarray, [t, m, 3]
        angstrom, unwrapped
    shell : np.ndarray of int, [t, m, s]
        nearest ligands, -1: none
    ligands : int
        number of all ligands
    patience : int
        frames, at least 1
    distance : float
        angstrom

    Returns
    -------
    Cages
        each ion has at least one
    """
    frames, ions = paths.shape[:2]
    every = np.arange(ions)
    smooth = _moving_mean(paths, patience)
    center, stayed = smooth[0].copy(), np.ones(ions)
    seen = np.zeros((ions, ligands + 1))  # share of the stay in which a ligand was in the shell; the last is no ligand
    away, kept, landed = np.zeros(ions, dtype=int), np.zeros(ions), np.zeros((ions, ligands + 1))
    breaks = np.zeros((frames, ions), dtype=bool)
    members = np.zeros((ions, ligands + 1))
    for frame in range(frames):
        members[:] = 0
        members[every[:, None], shell[frame]] = 1
        members[:, -1] = 0
        out = ((smooth[frame] - center) ** 2).sum(1) > distance**2
        home = ~out
        weight = (1 / stayed)[:, None]
        center += np.where(home[:, None], (smooth[frame] - center) * weight, 0)
        seen += np.where(home[:, None], (members - seen) * weight, 0)
        stayed += home
        away += out
        usual = (seen**2).sum(1) / np.maximum(seen.sum(1), 1e-9)  # what the shell has in common with itself
        kept += np.where(out, (members * seen).sum(1) / np.maximum(members.sum(1) * usual, 1e-9), 0)
        landed += (out & (away > patience // 2))[:, None] * members  # the first frames are on the way
        left = (away > patience) & (kept <= _NEW_SHELL * away)
        breaks[np.minimum(frame - away[left] + 1 + patience // 2, frame), left] = True  # the mean is that much ahead
        seen[left] = landed[left] / (away[left, None] - patience // 2)
        stayed[left] = away[left] - patience // 2
        settled = left | (away > _RELAX * patience)  # a cage that moves with its shell is followed
        center[settled] = smooth[frame, settled]
        done = home | settled
        away[done], kept[done], landed[done] = 0, 0, 0
    return _number(paths, breaks)


def _moving_mean(paths: np.ndarray, width: int) -> np.ndarray:
    """Centered mean over `width` frames, fewer at the ends."""
    total = np.concatenate([np.zeros((1, *paths.shape[1:])), np.cumsum(paths, axis=0)])
    start = np.clip(np.arange(len(paths)) - width // 2, 0, None)
    stop = np.clip(np.arange(len(paths)) - width // 2 + width, None, len(paths))
    return (total[stop] - total[start]) / (stop - start)[:, None, None]


def _number(paths: np.ndarray, breaks: np.ndarray) -> Cages:
    frames, ions = breaks.shape
    breaks[0] = True
    number = np.cumsum(breaks.T.ravel()).reshape(ions, frames).T - 1
    count = number.max() + 1
    duration = np.bincount(number.ravel(), minlength=count)
    centers = np.stack(
        [np.bincount(number.ravel(), paths[..., axis].ravel(), count) / duration for axis in range(3)], axis=1
    )
    ion = np.repeat(np.arange(ions), breaks.sum(0))
    ended = np.append(ion[1:] == ion[:-1], False)
    return Cages(number, ion, duration, ended, centers)
