# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Is it a glass, and a sound one? Order beyond 6 angstrom, and defects of the anions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .neighbors import cell_heights
from .radial import radial_distribution
from .requirements import require_cell
from .speciation import classify_anions
from .trajectory import Trajectory

#: a crystal exceeds both. Measured: crystals of Li-P-S with atoms displaced by 0.2 angstrom in cells of 24 angstrom and more
#: 3.05 to 15 and 0.30 to 1.4; DFT frames of glasses with 35 to 40 P 1.2 to 2.6 (and 0.18 to 0.59, as their r range is short)
_RATIO_LIMIT, _EXCESS_LIMIT = 3.0, 0.25
_ORPHAN_LIMIT, _IRREGULAR_LIMIT = 0.01, 0.04
_BIN = 0.2
_FRAMES = 5


@dataclass(frozen=True)
class LongRangeOrder:
    """How far g(r) is from 1 beyond the nearest neighbors."""

    ratio_to_noise: float  #: standard deviation of g(r) over that of counting pairs: 1 if random; grows with the cell
    excess_deviation: float  #: standard deviation of g(r) beyond counting noise; does not depend on the number of atoms
    crystalline: bool  #: ratio above 3 and excess above 0.25; undecided for cells below some 20 angstrom
    r_low_angstrom: float
    r_high_angstrom: float


@dataclass(frozen=True)
class GlassCheck:
    """Findings on the last frames of a quench."""

    order: LongRangeOrder  #: of P-P beyond 6 angstrom
    orphan_sulfur: float  #: fraction of the S atoms bonded to nothing, beyond those that the composition asks for
    irregular_formers: float  #: fraction of P atoms in anions of unusual coordination
    undercoordinated_formers: float  #: fraction of P atoms with fewer than four bonds
    sulfur_sulfur_bonds: float  #: per frame
    charge_imbalance: float  #: largest absolute value over the frames, e
    warnings: tuple[str, ...]  #: plain words; empty if the glass passes

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the glass."""
        return not self.warnings


def long_range_order(
    trajectory: Trajectory, a: str = "P", b: str = "P", r_low: float = 6.0, r_high: float = 12.0
) -> LongRangeOrder:
    """Order of g_ab(r) beyond r_low, in bins of 0.2 angstrom.

    Each frame is judged by itself and the result averaged, since atoms that do not move give no new counts. Coordination
    numbers cannot tell a glass: an unmelted crystal is perfect in them.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    a, b : str
        elements
    r_low : float
        angstrom
    r_high : float
        angstrom; reduced to half the smallest height of the cell, beyond which images repeat

    Returns
    -------
    LongRangeOrder
        averaged over frames

    Raises
    ------
    ValueError
        a cell too small for this
    """
    cells = require_cell(trajectory)
    r_high = float(min(r_high, cell_heights(cells).min() / 2))
    if r_high < r_low + 5 * _BIN:
        raise ValueError(
            f"long_range_order: half the smallest height of the cell is {r_high:.2f} angstrom, at least {r_low + 5 * _BIN:g} is needed; "
            "check a larger system (or a supercell of the crystal)"
        )
    ratios, excesses = [], []
    for frame in np.unique(np.linspace(0, len(trajectory) - 1, _FRAMES).astype(int)):
        distribution = radial_distribution(trajectory[int(frame) : int(frame) + 1], r_max=r_high, bin_width=_BIN)
        key = tuple(sorted((a, b)))
        if key not in distribution.g:
            raise ValueError(
                f"long_range_order: no {a}-{b} pairs in '{trajectory.name}', only {', '.join(trajectory.elements)}; choose others"
            )
        beyond = distribution.r_angstrom > r_low
        counts, expected = distribution.counts[key][beyond], distribution.expected_counts[key][beyond]
        ratios.append(np.sqrt(np.mean((counts - expected) ** 2 / expected)))
        squares = ((counts - expected) ** 2 - expected) / expected**2  # (g - 1)^2 less the noise
        excesses.append((expected * squares).sum() / expected.sum())
    ratio, excess = float(np.mean(ratios)), float(np.sqrt(max(0.0, np.mean(excesses))))
    return LongRangeOrder(ratio, excess, ratio > _RATIO_LIMIT and excess > _EXCESS_LIMIT, r_low, r_high)


def check_glass(trajectory: Trajectory, expected_free_sulfur: float | None = None, frames: int = _FRAMES) -> GlassCheck:
    """Judge the last frames of a quench.

    The distribution over anions is not judged: models and experiments disagree about it. Defects are.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    expected_free_sulfur : float or None
        S(2-) per S atom that the composition asks for; None: what is left if all P is in PS4(3-), so 0 up to 75 % Li2S
    frames : int
        this many frames, evenly spread over the trajectory

    Returns
    -------
    GlassCheck
        findings and warnings
    """
    chosen = np.unique(np.linspace(0, len(trajectory) - 1, frames).astype(int))
    step = int(max(1, np.diff(chosen).min())) if len(chosen) > 1 else 1
    found = classify_anions(trajectory, stride=step)
    order = long_range_order(trajectory)
    defects = found.defect_fractions()
    if expected_free_sulfur is None:
        sulfurs = trajectory.symbols.count("S")
        formers = int(found.formers[0].sum())
        expected_free_sulfur = max(0.0, (sulfurs - 4 * formers) / max(sulfurs, 1))
    orphans = defects["free_sulfur"] - expected_free_sulfur
    bonds, imbalance = float(found.sulfur_sulfur_bonds.mean()), float(np.abs(found.charge_imbalance).max())
    warnings = []
    if order.crystalline:
        warnings.append(
            f"crystalline: P-P order beyond {order.r_low_angstrom:g} angstrom is {order.ratio_to_noise:.1f} times the counting noise "
            "(glasses: 1 to 3); melt hotter or longer"
        )
    if orphans > _ORPHAN_LIMIT:
        warnings.append(
            f"{100 * orphans:.1f} % of the S atoms are bonded to nothing beyond what the composition asks for; cool more slowly"
        )
    if defects["irregular_formers"] > _IRREGULAR_LIMIT:
        warnings.append(
            f"{100 * defects['irregular_formers']:.1f} % of the P atoms are in anions of unusual coordination; cool more slowly"
        )
    if bonds > 0:
        warnings.append(f"{bonds:.1f} S-S bonds per frame (polysulfide); cool more slowly, or distrust the model")
    if imbalance:
        warnings.append(f"the formal charges add up to as much as {imbalance:g} e: atoms are bonded in unusual ways")
    return GlassCheck(
        order,
        float(orphans),
        float(defects["irregular_formers"]),
        float(defects["undercoordinated_formers"]),
        bonds,
        imbalance,
        tuple(warnings),
    )
