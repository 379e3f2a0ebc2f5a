# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A repulsion between nuclei at distances that a Deep Potential has never seen. Formula and use: docs/repulsion.md."""

from dataclasses import dataclass

import numpy as np

#: Shortest distance of each pair of elements in the DFT data of the packaged model (docs/repulsion.md), nm, rounded down.
SHORTEST_DISTANCES = {
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

    def evaluate(self, first, second, distance):
        """Energy and derivative of pairs.

        :param first, second: [p] kinds of the two atoms
        :param distance: [p] nm, more than 0
        :return: (energies [p] kJ/mol, dE/dr [p] kJ/mol/nm)
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


def addRepulsion(system, lpsForce=None, outer=None, innerFraction=0.8, forceGroup=None):
    """Add a screened nuclear repulsion (ZBL) between the particles of an LPSForce, for starts with atoms too close.

    It is zero beyond the shortest distances of the DFT data, so that it changes nothing where the model was trained.
    Formula, figures and limits: docs/repulsion.md.

    :param system: openmm.System with an LPSForce; the repulsion is added to it
    :param lpsForce: the LPSForce whose particles repel each other; None: the only one of the System
    :param outer: dict of the distance from which on there is no repulsion, nm or Quantity, by pair of elements, as in
        {('Li', 'Ge'): 0.17}; either order. None, and pairs not named: ``SHORTEST_DISTANCES``, which knows Li, P and S
    :param innerFraction: of the outer distance, up to which the repulsion is whole; between 0 and 1
    :param forceGroup: 0 .. 31; None: that of the LPSForce
    :return: the openmm.CustomNonbondedForce
    :raises ValueError: no LPSForce or several, a repulsion already there, an element without a distance, another pair
        force with exclusions, or a wrong option
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


def read_repulsion(system):
    """The repulsion of a System, from its forces.

    :return: (:class:`PairTables`, kinds [n] of all particles), or None if there is none
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


def repulsion_virial(tables, kinds, positions, box):
    """Virial of the repulsion, W = -dE/dstrain = -sum of dE/dr r_i r_j / r over pairs, positive under compression.

    :param tables: :class:`PairTables`
    :param kinds: [n]
    :param positions: [n, 3] nm
    :param box: [3, 3] nm, or None
    :return: [3, 3] kJ/mol
    """
    from vesin import NeighborList

    cell = np.zeros((3, 3)) if box is None else np.ascontiguousarray(box)
    search = NeighborList(cutoff=float(tables.outer.max()), full_list=False)
    first, second, distance, vector = search.compute(np.ascontiguousarray(positions), cell, box is not None, "ijdD")
    first, second = first.astype(int), second.astype(int)
    _, slope = tables.evaluate(kinds[first], kinds[second], distance)
    return -np.einsum("p,pa,pb->ab", slope / distance, vector, vector)


def _find(system, lpsForce):
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


def _exclusions(force):
    """Number of pairs that a pair force leaves out."""
    import openmm

    if isinstance(force, openmm.NonbondedForce):
        return force.getNumExceptions()
    if isinstance(force, (openmm.CustomNonbondedForce, openmm.CustomGBForce)):
        return force.getNumExclusions()
    return 0


def _tables(lpsForce, outer, innerFraction):
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


def _distances(outer):
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
