# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Is it a glass, and a sound one? Order beyond 6 angstrom, and defects of the anions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openmmlps.materials import Material

from .neighbors import cell_heights
from .radial import radial_distribution
from .requirements import require_cell
from .speciation import classify_anions
from .trajectory import Species, Trajectory

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

    order: LongRangeOrder  #: of the formers beyond 6 angstrom
    orphan_ligands: float  #: fraction of the ligands bonded to nothing, beyond those that the composition asks for
    irregular_formers: float  #: fraction of formers in anions of unusual coordination
    undercoordinated_formers: float  #: fraction of formers with fewer bonds than usual
    ligand_ligand_bonds: float  #: per frame
    charge_imbalance: float  #: largest absolute value over the frames, e
    warnings: tuple[str, ...]  #: plain words; empty if the glass passes

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the glass."""
        return not self.warnings


def long_range_order(
    trajectory: Trajectory, species: Species = "former", r_low: float = 6.0, r_high: float = 12.0
) -> LongRangeOrder:
    """Order of g(r) of some atoms beyond r_low, in bins of 0.2 angstrom.

    Each frame is judged by itself and the result averaged, since atoms that do not move give no new counts. Coordination
    numbers cannot tell a glass: an unmelted crystal is perfect in them.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    species : str, sequence of str, or np.ndarray of int
        the atoms, as :meth:`Trajectory.indices` takes them; several elements are taken as one
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
    atoms = trajectory.indices(species)
    one = (min({trajectory.symbols[atom] for atom in atoms}),) * len(atoms)
    ratios, excesses = [], []
    for frame in np.unique(np.linspace(0, len(trajectory) - 1, _FRAMES).astype(int)):
        positions = np.asarray(trajectory.positions[int(frame) : int(frame) + 1])[:, atoms]
        alone = Trajectory(one, positions, cells[int(frame)], name=trajectory.name, checks=False)
        distribution = radial_distribution(alone, r_max=r_high, bin_width=_BIN)
        key = (one[0], one[0])
        beyond = distribution.r_angstrom > r_low
        counts, expected = distribution.counts[key][beyond], distribution.expected_counts[key][beyond]
        ratios.append(np.sqrt(np.mean((counts - expected) ** 2 / expected)))
        squares = ((counts - expected) ** 2 - expected) / expected**2  # (g - 1)^2 less the noise
        excesses.append((expected * squares).sum() / expected.sum())
    ratio, excess = float(np.mean(ratios)), float(np.sqrt(max(0.0, np.mean(excesses))))
    return LongRangeOrder(ratio, excess, ratio > _RATIO_LIMIT and excess > _EXCESS_LIMIT, r_low, r_high)


def check_glass(
    trajectory: Trajectory,
    expected_free_ligands: float | None = None,
    frames: int = _FRAMES,
    material: Material | None = None,
) -> GlassCheck:
    """Judge the last frames of a quench.

    The distribution over anions is not judged: models and experiments disagree about it. Defects are.

    Parameters
    ----------
    trajectory : Trajectory
        the frames
    expected_free_ligands : float or None
        free ligands per ligand that the composition asks for; None: what is left if each former has four of its own, so 0
        up to 75 % Li2S in Li2S-P2S5
    frames : int
        this many frames, evenly spread over the trajectory
    material : Material or None
        formers, ligands and lengths of bonds; None: from the composition

    Returns
    -------
    GlassCheck
        findings and warnings
    """
    chosen = np.unique(np.linspace(0, len(trajectory) - 1, frames).astype(int))
    step = int(max(1, np.diff(chosen).min())) if len(chosen) > 1 else 1
    material = material or trajectory.material
    found = classify_anions(trajectory, material, stride=step)
    order = long_range_order(trajectory, tuple(material.formers) or "former")
    defects = found.defect_fractions()
    if expected_free_ligands is None:
        ligands = sum(material.counts[element] for element in material.ligands)
        formers = int(found.formers[0].sum())
        expected_free_ligands = max(0.0, (ligands - 4 * formers) / max(ligands, 1))
    orphans = defects["free_ligands"] - expected_free_ligands
    bonds, imbalance = float(found.ligand_ligand_bonds.mean()), float(np.abs(found.charge_imbalance).max())
    warnings = []
    centers, around = "/".join(material.formers), "/".join(material.ligands)
    if order.crystalline:
        warnings.append(
            f"crystalline: {centers}-{centers} order beyond {order.r_low_angstrom:g} angstrom is {order.ratio_to_noise:.1f} times the counting noise "
            "(glasses: 1 to 3); melt hotter or longer"
        )
    if orphans > _ORPHAN_LIMIT:
        warnings.append(
            f"{100 * orphans:.1f} % of the {around} atoms are bonded to nothing beyond what the composition asks for; cool more slowly"
        )
    if defects["irregular_formers"] > _IRREGULAR_LIMIT:
        warnings.append(
            f"{100 * defects['irregular_formers']:.1f} % of the {centers} atoms are in anions of unusual coordination; cool more slowly"
        )
    if bonds > 0:
        warnings.append(f"{bonds:.1f} {around}-{around} bonds per frame; cool more slowly, or distrust the model")
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
