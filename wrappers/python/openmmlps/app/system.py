# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From a topology and a model to an OpenMM System."""

_PRECISIONS = ("automatic", "single", "double")


def createSystem(
    topology, model=None, removeCMMotion=True, precision="automatic", useTables=True, forceGroup=0, masses=None
):
    """Create a System in which a Deep Potential acts on all atoms; types follow from the elements.

    :param topology: openmm.app.Topology; periodic if it has box vectors
    :param model: LPSModel, the path of a model file in any format that LPSModel reads, or None for the packaged model
    :param removeCMMotion: add a CMMotionRemover
    :param precision: 'automatic', 'single' or 'double': networks on the CPU platform. GPU platforms follow OpenMM's own
        `Precision` property, Reference is always double
    :param useTables: whether embedding networks may be tabulated
    :param forceGroup: force group of the LPSForce, 0 .. 31
    :param masses: [n] u or Quantity, such as those of isotopes (``Structure.masses``); None: those of the elements
    :return: openmm.System, without constraints
    :raises ValueError: an element that the model does not know (the message lists those it knows), an atom without an
        element, or a wrong option
    """
    import openmm

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
    return system


def make_force(symbols, particles, model, periodic, precision, useTables, forceGroup, where):
    """An LPSForce on some particles of a System; types follow from the elements.

    :param symbols: [n] chemical symbols
    :param particles: [n] index of each within the System
    :param model: LPSModel, path of a model file, or None for the packaged model
    :param where: what error messages begin with
    :raises ValueError: an element that the model does not know, or a wrong option
    """
    from openmmlps import LPSForce

    if precision not in _PRECISIONS:
        raise ValueError(f"{where}: precision is {precision!r}; use one of {', '.join(_PRECISIONS)}")
    if not 0 <= forceGroup <= 31:
        raise ValueError(f"{where}: forceGroup is {forceGroup}; OpenMM has groups 0 to 31")
    model = read_model(model)
    check_elements(symbols, list(model.getTypeNames()), where, particles)
    force = LPSForce(model)
    force.setUsesPeriodicBoundaryConditions(periodic)
    force.setPrecision(
        {"automatic": LPSForce.Automatic, "single": LPSForce.Single, "double": LPSForce.Double}[precision]
    )
    force.setUseTables(useTables)
    force.setForceGroup(forceGroup)
    types = {name: index for index, name in enumerate(model.getTypeNames())}
    for particle, symbol in zip(particles, symbols, strict=True):
        force.addParticle(particle, types[symbol])
    return force


def read_model(model):
    """An LPSModel from what users call a model: None (the packaged one), a path, or an LPSModel."""
    from openmmlps import LPSModel

    if model is None:
        return LPSModel.default()
    return model if isinstance(model, LPSModel) else LPSModel(model)


def symbols_of(topology, where="createSystem", atoms=None):
    """Chemical symbols [n] of the atoms of a topology, or of those with the indices `atoms`, in that order.

    :raises ValueError: no atoms, an index beyond them, or an atom without an element
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


def check_elements(symbols, known, where="createSystem", particles=None):
    """Check that a model knows every element.

    :param particles: index by which messages call each atom; None: the position in the list
    :raises ValueError: naming the unknown elements, the first atom of each, and the elements of the model
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
