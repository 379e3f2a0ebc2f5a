# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A repulsion between nuclei at distances that a Deep Potential has never seen. Formula and use: docs/repulsion.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Shortest distance of each pair of elements in the DFT data of the packaged model (docs/repulsion.md), nm, rounded down.
SHORTEST_DISTANCES: dict[tuple[str, ...], float] = {
    ("Li", "Li"): 0.1480,
    ("Li", "P"): 0.1730,
    ("Li", "S"): 0.1685,
    ("P", "P"): 0.1743,
    ("P", "S"): 0.1664,
    ("S", "S"): 0.1656,
}

#: Universal screening function of Ziegler, Biersack and Littmark: (coefficient, exponent) of each term, no unit.
SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
SCREENING_FACTOR, SCREENING_POWER = 0.8854, 0.23
BOHR = 0.0529177210903  #: nm, CODATA 2018
COULOMB = 138.93545764438198  #: kJ/mol nm, e^2 / (4 pi epsilon_0) per mole, CODATA 2018

_NAME = "ZBLRepulsion"
_EXPRESSION = (
    "strength(type1, type2)/r*({screening})*(1-x^3*(10-x*(15-6*x))); "
    "x=min(1, max(0, (r-inner(type1, type2))/(outer(type1, type2)-inner(type1, type2)))); "
    "d=r/length(type1, type2)"
)


@dataclass(frozen=True)
class PairTables:
    """Parameters [k, k] of the repulsion by pair of kinds; pairs without one have strength 0."""

    strength: np.ndarray  #: COULOMB Z_1 Z_2, kJ/mol nm
    length: np.ndarray  #: screening length, nm
    inner: np.ndarray  #: the repulsion is whole up to here, nm
    outer: np.ndarray  #: and none from here on, nm

    def evaluate(self, first: Any, second: Any, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute energy and derivative of pairs.

        Parameters
        ----------
        first, second : ndarray
            [p] kinds of the two atoms
        distance : ndarray
            [p] nm, more than 0

        Returns
        -------
        energies : ndarray
            [p] kJ/mol
        derivatives : ndarray
            [p] dE/dr, kJ/mol/nm
        """
        strength, length = self.strength[first, second], self.length[first, second]
        inner, outer = self.inner[first, second], self.outer[first, second]
        terms = [c * np.exp(-b * distance / length) for c, b in SCREENING]
        slopes = [-b / length * term for (_, b), term in zip(SCREENING, terms, strict=True)]
        bare = strength / distance * sum(terms)
        bare_slope = strength / distance * sum(slopes) - bare / distance
        x = np.clip((distance - inner) / (outer - inner), 0, 1)
        switch = 1 - x**3 * (10 - x * (15 - 6 * x))
        switch_slope = -30 * (x * (1 - x)) ** 2 / (outer - inner)
        return bare * switch, bare_slope * switch + bare * switch_slope


def addRepulsion(
    system: Any,
    lpsForce: Any = None,
    outer: Mapping[tuple[str, str], Any] | None = None,
    innerFraction: float = 0.8,
    forceGroup: int | None = None,
) -> Any:
    """Add a screened nuclear repulsion (ZBL) between the particles of an LPSForce, for starts with atoms too close.

    It is zero beyond the shortest distances of the DFT data, so that it changes nothing where the model was trained.
    Formula, figures and limits: docs/repulsion.md.

    Parameters
    ----------
    system : openmm.System
        with an LPSForce; the repulsion is added to it
    lpsForce : LPSForce, optional
        whose particles repel each other; None: the only one of the System
    outer : mapping, optional
        distance from which on there is no repulsion, nm or Quantity, by pair of elements, as in {('Li', 'Ge'): 0.17};
        either order. None, and pairs not named: ``SHORTEST_DISTANCES``, which knows Li, P and S
    innerFraction : float
        of the outer distance, up to which the repulsion is whole; between 0 and 1
    forceGroup : int, optional
        0 .. 31; None: that of the LPSForce

    Returns
    -------
    openmm.CustomNonbondedForce
        the repulsion

    Raises
    ------
    ValueError
        for no LPSForce or several, a repulsion already there, an element without a distance, another pair force with
        exclusions, or a wrong option
    """
    import openmm

    lpsForce = _find(system, lpsForce)
    tables, kinds = _tables(lpsForce, outer or {}, innerFraction)
    forceGroup = lpsForce.getForceGroup() if forceGroup is None else forceGroup
    if not 0 <= forceGroup <= 31:
        raise ValueError(f"addRepulsion: forceGroup is {forceGroup}; OpenMM has groups 0 to 31")
    force = openmm.CustomNonbondedForce(
        _EXPRESSION.format(screening="+".join(f"{c}*exp(-{b}*d)" for c, b in SCREENING))
    )
    force.setName(_NAME)
    force.setForceGroup(forceGroup)
    force.addPerParticleParameter("type")
    for name in ("strength", "length", "inner", "outer"):
        values = getattr(tables, name)
        force.addTabulatedFunction(name, openmm.Discrete2DFunction(*values.shape, values.ravel(order="F").tolist()))
    others = len(tables.strength) - 1
    for particle in range(system.getNumParticles()):
        force.addParticle([kinds.get(particle, others)])
    periodic = lpsForce.usesPeriodicBoundaryConditions()
    force.setNonbondedMethod(force.CutoffPeriodic if periodic else force.CutoffNonPeriodic)
    force.setCutoffDistance(float(tables.outer.max()))
    system.addForce(force)
    return force


def read_repulsion(system: Any) -> tuple[PairTables, np.ndarray] | None:
    """Read the repulsion of a System from its forces.

    Returns
    -------
    tuple or None
        :class:`PairTables` and kinds [n] of all particles; None if there is none
    """
    for force in system.getForces():
        if force.getName() == _NAME:
            tables = {}
            for index in range(force.getNumTabulatedFunctions()):
                rows, columns, values = force.getTabulatedFunction(index).getFunctionParameters()
                tables[force.getTabulatedFunctionName(index)] = np.reshape(values, (rows, columns), order="F")
            kinds = [int(force.getParticleParameters(i)[0]) for i in range(force.getNumParticles())]
            return PairTables(**tables), np.array(kinds)
    return None


def repulsion_virial(
    tables: PairTables, kinds: np.ndarray, positions: np.ndarray, box: np.ndarray | None
) -> np.ndarray:
    """Compute the virial of the repulsion, W = -dE/dstrain = -sum of dE/dr r_i r_j / r over pairs.

    Parameters
    ----------
    tables : PairTables
        parameters
    kinds : ndarray
        [n]
    positions : ndarray
        [n, 3] nm
    box : ndarray or None
        [3, 3] nm

    Returns
    -------
    ndarray
        [3, 3] kJ/mol, positive under compression
    """
    from vesin import NeighborList

    cell = np.zeros((3, 3)) if box is None else np.ascontiguousarray(box)
    search = NeighborList(cutoff=float(tables.outer.max()), full_list=False)
    first, second, distance, vector = search.compute(np.ascontiguousarray(positions), cell, box is not None, "ijdD")
    first, second = first.astype(int), second.astype(int)
    _, slope = tables.evaluate(kinds[first], kinds[second], distance)
    return -np.einsum("p,pa,pb->ab", slope / distance, vector, vector)


def _find(system: Any, lpsForce: Any) -> Any:
    from openmmlps import LPSForce

    if any(force.getName() == _NAME for force in system.getForces()):
        raise ValueError("addRepulsion: the System has a repulsion already; add it once")
    for force in system.getForces():
        exclusions = _exclusions(force)
        if exclusions:
            raise ValueError(
                f"addRepulsion: a {type(force).__name__} of the System has {exclusions} exclusions, and OpenMM wants the same of "
                "all pair forces; relax the start without that force, or move its atoms apart by hand"
            )
    if lpsForce is not None:
        if not LPSForce.isinstance(lpsForce):
            raise ValueError(f"addRepulsion: lpsForce is a {type(lpsForce).__name__}; give an LPSForce, or None")
        return LPSForce.cast(lpsForce)
    found = [LPSForce.cast(force) for force in system.getForces() if LPSForce.isinstance(force)]
    if len(found) != 1:
        advice = "say which with lpsForce" if found else "add one first, as openmmlps.createSystem does"
        raise ValueError(f"addRepulsion: the System has {len(found)} LPSForces, not one; {advice}")
    return found[0]


def _exclusions(force: Any) -> int:
    """Number of pairs that a pair force leaves out."""
    import openmm

    if isinstance(force, openmm.NonbondedForce):
        return force.getNumExceptions()
    if isinstance(force, (openmm.CustomNonbondedForce, openmm.CustomGBForce)):
        return force.getNumExclusions()
    return 0


def _tables(
    lpsForce: Any, outer: Mapping[tuple[str, str], Any], innerFraction: float
) -> tuple[PairTables, dict[int, int]]:
    """Pair tables by model type, and one more kind that repels nothing; and {particle: kind}."""
    from ase.data import atomic_numbers

    if not 0 < innerFraction < 1:
        raise ValueError(f"addRepulsion: innerFraction is {innerFraction}; give a number between 0 and 1")
    names = list(lpsForce.getModel().getTypeNames())
    kinds = dict(lpsForce.getParticleParameters(i) for i in range(lpsForce.getNumParticles()))
    if not kinds:
        raise ValueError("addRepulsion: the LPSForce has no particles; add them first with addParticle(particle, type)")
    used = sorted(set(kinds.values()))
    wrong = [names[kind] for kind in used if names[kind] not in atomic_numbers]
    if wrong:
        raise ValueError(
            f"addRepulsion: the model has the type '{wrong[0]}', which is no element, so its nuclear charge is unknown; "
            "add a repulsion of your own"
        )
    distances = _distances(outer)
    size = len(names) + 1
    tables = PairTables(np.zeros((size, size)), np.ones((size, size)), np.zeros((size, size)), np.ones((size, size)))
    largest = 0.0
    for first in used:
        for second in used:
            pair = tuple(sorted((names[first], names[second])))
            if pair not in distances:
                raise ValueError(
                    f"addRepulsion: no distance is known for {'-'.join(pair)}; give the shortest of your reference data, "
                    f"in nm, with outer={{{pair}: ...}}"
                )
            charges = [atomic_numbers[name] for name in pair]
            tables.strength[first, second] = COULOMB * charges[0] * charges[1]
            tables.length[first, second] = SCREENING_FACTOR * BOHR / sum(z**SCREENING_POWER for z in charges)
            tables.outer[first, second] = distances[pair]
            tables.inner[first, second] = innerFraction * distances[pair]
            largest = max(largest, distances[pair])
    unused = tables.strength == 0
    tables.outer[unused], tables.inner[unused] = largest, innerFraction * largest
    return tables, kinds


def _distances(outer: Mapping[tuple[str, str], Any]) -> dict[tuple[str, ...], float]:
    from openmm import unit

    distances = dict(SHORTEST_DISTANCES)
    for pair, distance in outer.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ValueError(f"addRepulsion: outer has the key {pair!r}; use pairs of elements, as in ('Li', 'S')")
        value = distance.value_in_unit(unit.nanometer) if unit.is_quantity(distance) else distance
        if not np.isfinite(value) or not value > 0:
            raise ValueError(f"addRepulsion: outer of {'-'.join(pair)} is {distance}; give a distance above 0, in nm")
        distances[tuple(sorted(pair))] = float(value)
    return distances
