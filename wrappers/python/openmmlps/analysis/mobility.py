# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""How mobile ions are near each kind of anion: conditional displacements, residence times, hops, anion lifetimes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from openmmlps.materials import Material

from .anions import AnionFinder
from .cages import Cages, find_cages
from .estimates import Estimate
from .neighbors import nearest_of
from .requirements import require_interval
from .trajectory import Species, Trajectory
from .unwrapping import read_paths

#: name for an ion without a ligand in reach, and for anions too rare to tell
UNASSIGNED, OTHER = "none", "other"
_SHELL = 4  # ligands around an ion
_REPLICAS = 3  # so many are the samples of an error
_CM2_PER_S = 1e-4  # in an angstrom^2/ps


@dataclass(frozen=True)
class Hosts:
    """Which anion each mobile ion sits at, frame by frame: the one that owns its nearest ligand."""

    interval_ps: float
    kinds: tuple[
        str, ...
    ]  #: [k] names of anions with charges; 'other' collects the rare ones, 'none' is no ligand in reach
    kind: np.ndarray  #: [t, m] index into `kinds`, per mobile ion
    host: (
        np.ndarray
    )  #: [t, m] identity of the anion: the lowest index of its formers (of its ligands if it has none); -1: none
    ligand: np.ndarray  #: [t, m] index of the nearest ligand; -1: none
    shell: np.ndarray  #: [t, m, 4] which ligands are nearest, by their order among the ligands; -1: none in reach
    ligands: int  #: number of all ligands
    former_kind: np.ndarray  #: [t, p] index into `kinds`, per former atom
    paths: np.ndarray  #: [t, m, 3] unwrapped positions relative to the framework, angstrom


@dataclass(frozen=True)
class Lifetime:
    """Mean of an exponential distribution, estimated with the unfinished stays: observed time / departures."""

    mean_ps: float  #: inf if nothing departed
    low_ps: float  #: 95 % interval (Poisson)
    high_ps: float
    departures: int
    observed_ps: float  #: summed over ions (or formers)


@dataclass(frozen=True)
class ConditionalDisplacement:
    """Mean squared displacement of ions that start at an anion of each kind."""

    lags_ps: np.ndarray  #: [m]
    msd_angstrom2: dict[str, np.ndarray]  #: kind -> [m]
    standard_errors_angstrom2: dict[str, np.ndarray]  #: kind -> [m] from blocks of time origins
    samples: dict[str, np.ndarray]  #: kind -> [m] ions times origins that were averaged


@dataclass(frozen=True)
class Hops:
    """Moves from cage to cage; a cage belongs to the kind of anion at which its ion is most of the time."""

    kinds: tuple[str, ...]
    counts: np.ndarray  #: [k, k] from kind (row) to kind (column), the same anion included
    observed_ps: np.ndarray  #: [k] time in cages of a kind, summed over ions
    rate_per_ps: np.ndarray  #: [k] departures per ion in a cage of a kind and ps
    lengths_angstrom: np.ndarray  #: [h] between the centers of the cages


def assign_hosts(
    trajectory: Trajectory,
    mobile: Species = "mobile",
    cutoff: float | None = None,
    stride: int = 1,
    rare: float = 0.01,
    material: Material | None = None,
    reference: Species | None = "framework",
) -> Hosts:
    """Assign every mobile ion of every frame to the anion that owns its nearest ligand.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    mobile : str, sequence of str, or np.ndarray of int
        the mobile ions
    cutoff : float or None
        largest distance to that ligand, angstrom; None: 1.5 times the sum of covalent radii (Li-S 3.5, whose first shell
        ends near 3.2)
    stride : int
        use every n-th frame
    rare : float
        kinds that hold less than this fraction of the assigned ions and of the formers are called 'other'
    material : Material or None
        formers, ligands and lengths of bonds; None: from the composition
    reference : str, sequence of str, np.ndarray of int, or None
        whose drift is subtracted, as in :func:`~.unwrapping.read_paths`

    Returns
    -------
    Hosts
        frame by frame

    Raises
    ------
    ValueError
        wrapped, unevenly spaced, no ligands, or no such ions
    """
    trajectory = trajectory[::stride] if stride > 1 else trajectory
    interval = require_interval(trajectory, "assign_hosts")
    paths = read_paths(trajectory, mobile, reference, "assign_hosts")
    material = material or trajectory.material
    ions, ligands = trajectory.indices(mobile), trajectory.indices(tuple(material.ligands) or "ligands")
    finder = AnionFinder(trajectory.symbols, material)
    formers = finder.atoms[~np.isin(finder.atoms, ligands)]
    if cutoff is None:
        cutoff = max(material.shell(trajectory.symbols[ions[0]], ligand) for ligand in material.ligands)
    both = np.concatenate([ions, ligands])
    names: dict[str, int] = {}
    shape = (len(trajectory), len(ions))
    kind, host, nearest = np.full(shape, -1), np.full(shape, -1), np.full(shape, -1)
    shell = np.empty((*shape, _SHELL), dtype=np.int32)
    former_kind = np.empty((len(trajectory), len(formers)), dtype=int)
    priority = np.arange(len(trajectory.symbols))
    priority[ligands] += len(priority)
    for frame, (positions, cell) in enumerate(trajectory.frames()):
        units = finder.find(positions, cell)
        numbers = np.array([names.setdefault(name, len(names)) for name in units.kinds])
        identity = np.full(len(units.kinds), 2 * len(priority))
        np.minimum.at(identity, units.unit[finder.atoms], priority[finder.atoms])
        former_kind[frame] = numbers[units.unit[formers]]
        shell[frame] = nearest_of(positions[both], cell, len(ions), cutoff, _SHELL)
        found = shell[frame, :, 0]
        held = np.flatnonzero(found >= 0)
        nearest[frame, held] = ligands[found[held]]
        unit = units.unit[nearest[frame, held]]
        kind[frame, held] = numbers[unit]
        host[frame, held] = identity[unit] % len(priority)
    kinds, kind, former_kind = _merge_rare(list(names), kind, former_kind, rare)
    return Hosts(interval, kinds, kind, host, nearest, shell, len(ligands), former_kind, paths)


def conditional_displacement(
    hosts: Hosts, lags_ps: ArrayLike, whole_window: bool = False, blocks: int = 5
) -> ConditionalDisplacement:
    r"""Mean squared displacement by the kind of anion an ion starts at.

    .. math:: MSD_k(t) = \langle |r_i(t_0 + t) - r_i(t_0)|^2 \rangle_{kind(i, t_0) = k}

    Kinds mix as ions move on, so compare lags not much beyond the residence times; with `whole_window` only ions that
    stay at anions of the kind for the whole lag count, which favours the slow ones.

    Parameters
    ----------
    hosts : Hosts
        of :func:`assign_hosts`
    lags_ps : array_like, [l]
        rounded to frames
    whole_window : bool
        see above
    blocks : int
        of time origins, for the errors

    Returns
    -------
    ConditionalDisplacement
        by kind of anion

    Raises
    ------
    ValueError
        a lag beyond the trajectory
    """
    frames = len(hosts.kind)
    lags = np.unique(np.round(np.asarray(lags_ps, dtype=float) / hosts.interval_ps).astype(int))
    if not len(lags) or lags[0] < 1 or lags[-1] > frames - blocks:
        raise ValueError(
            f"conditional_displacement: lags must lie between one interval ({hosts.interval_ps:g} ps) and "
            f"{(frames - blocks) * hosts.interval_ps:g} ps; give others, or run longer"
        )
    kinds = len(hosts.kinds)
    stays = _frames_until_change(hosts.kind) if whole_window else None
    sums, numbers = np.zeros((2, len(lags), blocks, kinds))
    for index, lag in enumerate(lags):
        squares = ((hosts.paths[lag:] - hosts.paths[:-lag]) ** 2).sum(-1)
        origin = np.repeat((np.arange(frames - lag) * blocks // (frames - lag))[:, None], squares.shape[1], axis=1)
        code = (origin * kinds + hosts.kind[:-lag]).ravel()
        weights = np.ones(len(code)) if stays is None else (stays[:-lag] >= lag).ravel().astype(float)
        sums[index] = np.bincount(code, weights * squares.ravel(), blocks * kinds).reshape(blocks, kinds)
        numbers[index] = np.bincount(code, weights, blocks * kinds).reshape(blocks, kinds)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.sum(1) / numbers.sum(1)
        each = sums / numbers  # blocks without samples are nan and do not count
        count = np.isfinite(each).sum(1)
        center = np.nansum(each, axis=1) / count
        error = np.sqrt(np.nansum((each - center[:, None]) ** 2, axis=1) / (count - 1) / count)
        error[count < 2] = np.nan
    by_kind = lambda array: {name: array[:, k] for k, name in enumerate(hosts.kinds)}
    return ConditionalDisplacement(
        lags * hosts.interval_ps, by_kind(mean), by_kind(error), by_kind(numbers.sum(1).astype(int))
    )


def diffusion_by_host(
    hosts: Sequence[Hosts], lags_ps: tuple[float, float] = (1.0, 5.0), blocks: int = 5
) -> dict[str, Estimate]:
    r"""Diffusion coefficient by the kind of anion an ion starts at, from how far it moves between two lags.

    .. math:: D_k = (MSD_k(t_2) - MSD_k(t_1)) / (6 (t_2 - t_1))

    The first lag leaves vibrations out. The second should be below the residence times, since kinds mix as ions move on.

    Parameters
    ----------
    hosts : sequence of Hosts
        of :func:`assign_hosts`, one for each replica
    lags_ps : tuple of float
        both lags, ps
    blocks : int
        of each replica; with three replicas or more, these are the samples and not their blocks

    Returns
    -------
    dict
        kind -> Estimate, cm^2/s

    Raises
    ------
    ValueError
        blocks that are not longer than the second lag
    """
    samples: list[list[dict[str, float]]] = []
    for one in hosts:
        length = len(one.kind) // blocks
        pieces = [slice(index * length, (index + 1) * length) for index in range(blocks)]
        parts = [replace(one, kind=one.kind[piece], paths=one.paths[piece]) for piece in pieces]
        samples.append([_diffusion_between(part, lags_ps) for part in parts])
    found = {}
    for kind in dict.fromkeys(kind for one in hosts for kind in one.kinds):
        rows = [[block[kind] for block in own if np.isfinite(block.get(kind, np.nan))] for own in samples]
        rows = [row for row in rows if row]
        if rows:
            values = (
                [float(np.mean(row)) for row in rows] if len(rows) >= _REPLICAS else [v for row in rows for v in row]
            )
            found[kind] = Estimate.from_samples(values)
    return found


def _diffusion_between(hosts: Hosts, lags_ps: tuple[float, float]) -> dict[str, float]:
    """Kind -> cm^2/s."""
    moved = conditional_displacement(hosts, lags_ps, blocks=1)
    if len(moved.lags_ps) < 2:
        raise ValueError(
            f"diffusion_by_host: lags {lags_ps} are the same frame of {hosts.interval_ps:g} ps; give others"
        )
    time = float(moved.lags_ps[1] - moved.lags_ps[0])
    return {kind: float(m[1] - m[0]) / (6 * time) * _CM2_PER_S for kind, m in moved.msd_angstrom2.items()}


def hops(hosts: Hosts, tolerance_ps: float = 0.5, cage_angstrom: float = 1.5) -> Hops:
    """Hops from cage to cage: long moves that last and leave at most half of the shell of ligands (:mod:`~.cages`).

    Parameters
    ----------
    hosts : Hosts
        of :func:`assign_hosts`
    tolerance_ps : float
        moves that return within it do not count, ps
    cage_angstrom : float
        cage-breaking distance: shorter moves do not count, angstrom

    Returns
    -------
    Hops
        counts, rates and lengths

    Raises
    ------
    ValueError
        frames further apart than the tolerance
    """
    if hosts.interval_ps > tolerance_ps * (1 + 1e-6):
        raise ValueError(
            f"hops: frames are {hosts.interval_ps:g} ps apart, more than the tolerance of {tolerance_ps:g} ps, so moves that return "
            f"cannot be told from hops; save frames every {tolerance_ps:g} ps or more often"
        )
    patience = max(1, round(tolerance_ps / hosts.interval_ps))
    cages = find_cages(hosts.paths, hosts.shell, hosts.ligands, patience, cage_angstrom)
    kind, count = _kind_of_cages(cages, hosts), len(hosts.kinds)
    left = np.flatnonzero(cages.ended)
    counts = np.zeros((count, count), dtype=int)
    np.add.at(counts, (kind[left], kind[left + 1]), 1)
    time = np.bincount(kind, cages.frames, count) * hosts.interval_ps
    lengths = np.linalg.norm(cages.centers_angstrom[left + 1] - cages.centers_angstrom[left], axis=1)
    rate = np.divide(counts.sum(1), time, out=np.full(count, np.nan), where=time > 0)
    return Hops(hosts.kinds, counts, time, rate, lengths)


def _kind_of_cages(cages: Cages, hosts: Hosts) -> np.ndarray:
    """[c] the kind at which the ion was most often; one without ligand in reach counts only if it always was."""
    count = len(hosts.kinds)
    votes = np.bincount((cages.number * count + hosts.kind).ravel(), minlength=len(cages.ion) * count)
    votes = votes.reshape(-1, count)
    votes[:, hosts.kinds.index(UNASSIGNED)] = np.minimum(votes[:, hosts.kinds.index(UNASSIGNED)], 1)
    return votes.argmax(1)


def residence_times(
    hosts: Hosts | Iterable[Hosts], tolerance_ps: float = 0.5, cage_angstrom: float = 1.5
) -> dict[str, Lifetime]:
    """Kind -> :class:`Lifetime` of the stay of an ion in one cage at an anion of the kind (see :func:`hops`).

    Parameters
    ----------
    hosts : Hosts or iterable of Hosts
        of :func:`assign_hosts`; several, such as those of replicas, are counted together
    tolerance_ps : float
        moves that return within it do not count, ps
    cage_angstrom : float
        shorter moves do not count, angstrom

    Returns
    -------
    dict of Lifetime
        by kind

    Raises
    ------
    ValueError
        frames further apart than the tolerance
    """
    totals: dict[str, tuple[float, int]] = {}
    for one in [hosts] if isinstance(hosts, Hosts) else hosts:
        found = hops(one, tolerance_ps, cage_angstrom)
        for name, time, left in zip(found.kinds, found.observed_ps, found.counts.sum(1), strict=True):
            before = totals.get(name, (0.0, 0))
            totals[name] = (before[0] + float(time), before[1] + int(left))
    return {name: lifetime(*total) for name, total in totals.items()}


def anion_lifetimes(hosts: Hosts, tolerance_ps: float = 0.5) -> dict[str, Lifetime]:
    """Kind -> :class:`Lifetime` of the identity of an anion, counted per former atom.

    Parameters
    ----------
    hosts : Hosts
        of :func:`assign_hosts`
    tolerance_ps : float
        shorter changes that are undone do not count

    Returns
    -------
    dict of Lifetime
        by kind
    """
    settled = settle(hosts.former_kind, round(tolerance_ps / hosts.interval_ps))
    changed = settled[1:] != settled[:-1]
    time = np.bincount(settled.ravel(), minlength=len(hosts.kinds)) * hosts.interval_ps
    departures = np.bincount(settled[:-1][changed], minlength=len(hosts.kinds))
    return {name: lifetime(time[k], int(departures[k])) for k, name in enumerate(hosts.kinds) if time[k]}


def settle(labels: np.ndarray, patience: int) -> np.ndarray:
    """Fill excursions of at most `patience` frames that return to the label they left.

    Parameters
    ----------
    labels : np.ndarray of int, [t, m]
        integers
    patience : int
        frames

    Returns
    -------
    np.ndarray of int
        [t, m]
    """
    settled = np.array(labels)
    if patience < 1:
        return settled
    for column in settled.T:
        starts = np.concatenate([[0], np.flatnonzero(np.diff(column)) + 1, [len(column)]])
        values = column[starts[:-1]]
        anchor = 0  # the last run that was not an excursion
        for run in range(1, len(values)):
            if values[run] == values[anchor] and starts[run] - starts[anchor + 1] <= patience:
                column[starts[anchor + 1] : starts[run]] = values[anchor]
                anchor = run
            elif starts[run + 1] - starts[anchor + 1] > patience:
                anchor = run
    return settled


def _merge_rare(
    names: list[str], kind: np.ndarray, former_kind: np.ndarray, rare: float
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    share = np.bincount(kind[kind >= 0], minlength=len(names)) / max((kind >= 0).sum(), 1)
    share_formers = np.bincount(former_kind.ravel(), minlength=len(names)) / max(former_kind.size, 1)
    order = [k for k in np.argsort(-share, kind="stable") if max(share[k], share_formers[k]) >= rare]
    table = np.full(len(names) + 1, len(order))  # rare kinds
    table[order] = np.arange(len(order))
    table[-1] = len(order) + 1  # index -1: no ligand in reach
    return (*(names[k] for k in order), OTHER, UNASSIGNED), table[kind], table[former_kind]


def _frames_until_change(labels: np.ndarray) -> np.ndarray:
    """[t, m] number of further frames over which the label stays the same."""
    stays = np.zeros(labels.shape, dtype=int)
    for frame in range(len(labels) - 2, -1, -1):
        stays[frame] = np.where(labels[frame] == labels[frame + 1], stays[frame + 1] + 1, 0)
    return stays


def lifetime(observed: float, departures: int) -> Lifetime:
    """Mean stay from the time that was observed and the departures in it.

    Parameters
    ----------
    observed : float
        ps, summed over what was watched
    departures : int
        in that time

    Returns
    -------
    Lifetime
        with its interval
    """
    from scipy.stats import chi2

    most = chi2.ppf(0.975, 2 * departures + 2) / 2
    least = chi2.ppf(0.025, 2 * departures) / 2 if departures else 0.0
    mean, high = (observed / departures, observed / least) if departures else (np.inf, np.inf)
    return Lifetime(float(mean), float(observed / most), float(high), departures, float(observed))
