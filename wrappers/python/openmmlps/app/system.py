# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From a topology and a model to an OpenMM System."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .structure_files import Structure

_SAME_MASS = 1e-6  # u
_PRECISIONS = ("automatic", "single", "double")


def createSystem(  # noqa: N802  as in OpenMM
    topology: Any,
    model: Any = None,
    removeCMMotion: bool = True,
    precision: str = "automatic",
    useTables: bool = True,
    forceGroup: int = 0,
    masses: Any = None,
) -> Any:
    """Create a System in which a Deep Potential acts on all atoms; types follow from the elements.

    Parameters
    ----------
    topology : openmm.app.Topology or Structure
        periodic if it has box vectors. Of a Structure the masses that its file states are taken, and its fixed atoms
        get mass 0, which keeps them where they are
    model : LPSModel, str or os.PathLike, optional
        a model file in any format that LPSModel reads, or None for the packaged model
    removeCMMotion : bool
        add a CMMotionRemover; not with fixed atoms
    precision : str
        'automatic', 'single' or 'double': networks on the CPU platform. GPU platforms follow OpenMM's own `Precision`
        property, Reference is always double
    useTables : bool
        whether embedding networks may be tabulated
    forceGroup : int
        force group of the LPSForce, 0 .. 31
    masses : sequence, optional
        [n] u or Quantity, such as those of isotopes (``Structure.masses``); None: those of the elements

    Returns
    -------
    openmm.System
        without constraints

    Raises
    ------
    ValueError
        for an element that the model does not know (the message lists those it knows), an atom without an element, or
        a wrong option
    """
    import openmm

    stated = topology if isinstance(topology, Structure) and masses is None else None
    topology = getattr(topology, "topology", topology)
    symbols = symbols_of(topology)
    system = openmm.System()
    box = topology.getPeriodicBoxVectors()
    if box is not None:
        system.setDefaultPeriodicBoxVectors(*box)
    force = make_force(
        symbols, range(len(symbols)), model, box is not None, precision, useTables, forceGroup, where="createSystem"
    )
    masses = [atom.element.mass for atom in topology.atoms()] if masses is None else masses
    if len(masses) != len(symbols):
        raise ValueError(
            f"createSystem: there are {len(masses)} masses for {len(symbols)} atoms; give one for each atom, or None"
        )
    for mass in masses:
        system.addParticle(mass)
    system.addForce(force)
    if removeCMMotion:
        system.addForce(openmm.CMMotionRemover())
    if stated is not None:
        obey_structure(system, stated)
    return system


def obey_structure(system: Any, structure: Structure) -> None:
    """Give the particles of a System the masses that a structure states, and mass 0 if they do not move.

    Masses that are those of the elements are left alone. With atoms that do not move, momentum is not conserved, so a
    CMMotionRemover is taken out.

    Parameters
    ----------
    system : openmm.System
        changed; one particle for each atom
    structure : Structure
        with `masses` and `fixed`
    """
    import openmm
    from ase.data import atomic_masses, atomic_numbers

    usual = atomic_masses[[atomic_numbers[symbol] for symbol in structure.symbols]]
    for index, mass in enumerate(structure.masses._value):
        if structure.fixed[index]:
            system.setParticleMass(index, 0.0)
        elif abs(mass - usual[index]) > _SAME_MASS:
            system.setParticleMass(index, mass)
    if structure.fixed.any():
        for index in reversed(range(system.getNumForces())):
            if isinstance(system.getForce(index), openmm.CMMotionRemover):
                system.removeForce(index)


def make_force(
    symbols: Sequence[str],
    particles: Iterable[int],
    model: Any,
    periodic: bool,
    precision: str,
    use_tables: bool,
    force_group: int,
    where: str,
) -> Any:
    """Make an LPSForce on some particles of a System; types follow from the elements.

    Parameters
    ----------
    symbols : sequence of str
        [n] chemical symbols
    particles : iterable of int
        [n] index of each within the System
    model : LPSModel, str, os.PathLike or None
        None: the packaged model
    periodic, precision, use_tables, force_group
        as in :func:`createSystem`
    where : str
        what error messages begin with

    Returns
    -------
    LPSForce
        not yet in a System

    Raises
    ------
    ValueError
        for an element that the model does not know, or a wrong option
    """
    particles = list(particles)
    from openmmlps import LPSForce

    if precision not in _PRECISIONS:
        raise ValueError(f"{where}: precision is {precision!r}; use one of {', '.join(_PRECISIONS)}")
    if not 0 <= force_group <= 31:
        raise ValueError(f"{where}: forceGroup is {force_group}; OpenMM has groups 0 to 31")
    model = read_model(model)
    check_elements(symbols, list(model.getTypeNames()), where, particles)
    force = LPSForce(model)
    force.setUsesPeriodicBoundaryConditions(periodic)
    force.setPrecision(
        {"automatic": LPSForce.Automatic, "single": LPSForce.Single, "double": LPSForce.Double}[precision]
    )
    force.setUseTables(use_tables)
    force.setForceGroup(force_group)
    types = {name: index for index, name in enumerate(model.getTypeNames())}
    for particle, symbol in zip(particles, symbols, strict=True):
        force.addParticle(particle, types[symbol])
    return force


def read_model(model: Any) -> Any:
    """Make an LPSModel from what users call a model: None (the packaged one), a path, or an LPSModel."""
    from openmmlps import LPSModel

    if model is None:
        return LPSModel.default()
    return model if isinstance(model, LPSModel) else LPSModel(model)


def symbols_of(topology: Any, where: str = "createSystem", atoms: Iterable[int] | None = None) -> list[str]:
    """List the chemical symbols [n] of the atoms of a topology, or of those with the indices `atoms`, in that order.

    Raises
    ------
    ValueError
        for no atoms, an index beyond them, or an atom without an element
    """
    known = list(topology.atoms())
    if not known:
        raise ValueError(f"{where}: the topology has no atoms; add at least one")
    symbols = []
    for index in range(len(known)) if atoms is None else atoms:
        if not 0 <= index < len(known):
            raise ValueError(f"{where}: there is no atom {index}; the topology has atoms 0 to {len(known) - 1}")
        if known[index].element is None:
            raise ValueError(f"{where}: atom {index} ({known[index].name}) has no element; set atom.element")
        symbols.append(known[index].element.symbol)
    return symbols


def check_elements(
    symbols: Sequence[str], known: Sequence[str], where: str = "createSystem", particles: Iterable[int] | None = None
) -> None:
    """Check that a model knows every element.

    Parameters
    ----------
    symbols : sequence of str
        [n] chemical symbols
    known : sequence of str
        elements of the model
    where : str
        what error messages begin with
    particles : iterable of int, optional
        index by which messages call each atom; None: the position in the list

    Raises
    ------
    ValueError
        naming the unknown elements, the first atom of each, and the elements of the model
    """
    particles = range(len(symbols)) if particles is None else particles
    atoms = list(zip(particles, symbols, strict=True))
    first = {symbol: index for index, symbol in reversed(atoms) if symbol not in known}
    if first:
        unknown = ", ".join(
            f"'{symbol}' (first at atom {index})" for symbol, index in sorted(first.items(), key=lambda i: i[1])
        )
        nameless = all(name.startswith("type_") for name in known)  # as the oldest graphs are
        advice = (
            "name its types with 'openmm-lps convert --elements'"
            if nameless
            else "use a model trained for these elements"
        )
        raise ValueError(f"{where}: the model knows {', '.join(known)}, but the structure also has {unknown}; {advice}")
